"""What the worker's controller needs of an API server: each of its rights is missed by name, and a wire that goes dead is noticed."""
import copy
import json
import time
import unittest

from kube_relay import Relay
from kube_server import server_for_tests
from kube_stack import ACCOUNT, NAMESPACE, rules
from resource_stack import ResourceStack
from stack import wait_until

CLUSTER_ROLE = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{ACCOUNT}"
SETTINGS = "/apis/ambient-code.io/v1/namespaces/team-a/projectsettings"


def setUpModule():
    global kube
    kube = server_for_tests()


class Case(unittest.TestCase):
    counter = 0

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def create(self):
        Case.counter += 1
        name = f"asked-{Case.counter}"
        self.assertEqual(self.stack.create_resource("alice", name, self.stack.repository_spec(f"rights/{name}")).status, 201)
        return name


class Rights(Case):
    @classmethod
    def setUpClass(cls):
        cls.stack = ResourceStack(kube).start()
        assert cls.stack.connect(bearer=cls.stack.bearers["alice"]).status == 200

    def give(self, given):
        kube.admin.apply(CLUSTER_ROLE, {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": ACCOUNT}, "rules": given}).must()

    def without(self, verb, resource):
        given, taken = [], 0
        for rule in copy.deepcopy(rules()[1]):
            for one in rule["resources"]:
                verbs = [word for word in rule["verbs"] if (word, one) != (verb, resource)]
                taken += len(rule["verbs"]) - len(verbs)
                if verbs:
                    given.append({**rule, "resources": [one], "verbs": verbs})
        self.assertEqual(taken, 1, f"{verb} {resource} is not a right of ours")
        self.give(given)
        group = next(rule["apiGroups"][0] for rule in rules()[1] if resource in rule["resources"])
        self.wait_for(group, verb, resource, False)
        self.addCleanup(self.wait_for, group, verb, resource, True)
        self.addCleanup(self.give, rules()[1])  # first

    def wait_for(self, group, verb, resource, allowed):
        plain, _, sub = resource.partition("/")
        attributes = {"verb": verb, "resource": plain, "group": group, "namespace": "team-a", **({"subresource": sub} if sub else {})}
        if resource == "mutatingwebhookconfigurations":
            attributes.update(name=ACCOUNT, namespace="")
        review = {"spec": {"user": f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}", "resourceAttributes": attributes}}
        wait_until(f"{verb} {resource} is {allowed}",
                   lambda: kube.admin.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review).must().json["status"]["allowed"] is allowed)

    def lines(self, words):
        """How many lines of the logs have all these words."""
        return sum(all(word in line for word in words) for line in self.stack.log_text().splitlines())

    def told(self, before, words):
        wait_until(f"the log tells of {words}", lambda: self.lines(words) > before, 60)

    def check(self, verb, resource, words, attempt, works):
        self.without(verb, resource)
        before = self.lines(words)
        subject = attempt()
        self.told(before, words)
        self.give(rules()[1])
        wait_until("it works again", lambda: works(subject), 90)

    def completed(self, name):
        return (self.stack.resource(name) or {}).get("status", {}).get("phase") == "Completed"

    def listed(self, generation):
        return kube.admin.get(SETTINGS + "/projectsettings").json.get("status", {}).get("observedGeneration") == generation

    def settings(self):
        Case.counter += 1
        body = {"apiVersion": "ambient-code.io/v1", "kind": "ProjectSettings", "metadata": {"name": "projectsettings", "namespace": "team-a"},
                "spec": {"repositories": [{"url": f"https://gitlab.com/a/b{Case.counter}"}]}}
        self.stack.as_user("alice", "apply", "-f", "-", stdin=json.dumps(body))
        return kube.admin.get(SETTINGS + "/projectsettings").must().json["metadata"]["generation"]

    def anew(self, attempt):
        def run():
            self.stack.kill_controller()
            return attempt()
        return run

    def test_list_of_sessions(self):
        self.check("list", "agenticsessions", ("does not allow this service to list them", "agenticsessions"), self.anew(self.create), self.completed)

    def test_watch_of_sessions(self):
        self.check("watch", "agenticsessions", ("does not allow this service to watch them", "agenticsessions"), self.anew(self.create), self.completed)

    def test_list_of_settings(self):
        self.check("list", "projectsettings", ("does not allow this service to list them", "projectsettings"), self.anew(self.settings), self.listed)

    def test_watch_of_settings(self):
        self.check("watch", "projectsettings", ("does not allow this service to watch them", "projectsettings"), self.anew(self.settings), self.listed)

    def test_status_of_sessions(self):
        self.check("patch", "agenticsessions/status", ("The status could not be written", "403"), self.create, self.completed)

    def test_status_of_settings(self):
        self.check("patch", "projectsettings/status", ("The status of project settings could not be written", "403"), self.settings, self.listed)

    def test_the_webhooks_configuration(self):
        self.check("get", "mutatingwebhookconfigurations", ("The configuration of the admission webhook could not be read", "403"), self.anew(self.create), self.completed)

    def test_events(self):
        # Nothing depends on them: the session goes on, and what was not told is told later.
        self.without("create", "events")
        words = ("An event could not be written yet", "events")
        before = self.lines(words)
        name = self.create()
        wait_until("the session is done", lambda: self.completed(name), 60)
        self.told(before, words)
        self.assertEqual(self.stack.events(name), [])
        self.give(rules()[1])
        wait_until("all of it is told", lambda: self.stack.events(name) == ["Pending", "Preflight", "Cloning", "Running", "Pushing", "Completed"], 60)


class DeadWire(Case):
    @classmethod
    def setUpClass(cls):
        cls.relay = Relay(kube.port).__enter__()
        cls.stack = ResourceStack(kube)
        cls.stack.settings["KUBECONFIG"] = str(kube.kubeconfig(token_file=cls.stack.account_files / "token", namespace=NAMESPACE, server=cls.relay.url))
        cls.stack.start()
        assert cls.stack.connect(bearer=cls.stack.bearers["alice"]).status == 200

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.relay.__exit__()

    def test_a_watch_whose_peer_is_gone_without_a_word_is_noticed_by_silence(self):
        name = self.create()
        self.stack.wait_for_phase(name)
        time.sleep(2)
        self.assertGreater(self.relay.mute(), 2, "the watches were on the wire")
        begun = time.monotonic()
        name = self.create()
        self.stack.wait_for_phase(name, seconds=150)
        # By silence, not by the list of every ten minutes.
        self.assertLess(time.monotonic() - begun, 140)


if __name__ == "__main__":
    unittest.main()
