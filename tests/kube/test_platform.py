"""The platform's own resources, vteam.ambient-code/v1alpha1, by its own definitions, whose status knows none of our fields."""
import json
import time
import unittest

from kube_server import server_for_tests
from kube_stack import ACCOUNT, NAMESPACE
from resource_stack import TOP, ResourceStack
from stack import request, wait_until

QUIET_S = 8  # in which nothing is written of a session that goes on


def setUpModule():
    global kube, stack
    kube = server_for_tests(needs=(1, 25), lacks="does not know the rules (CEL) that the platform's definitions use")
    agent = f'case $ACP_SESSION_NAME in slow) while [ ! -e "$ACP_WORKSPACE/go" ]; do sleep 0.2; done; rm "$ACP_WORKSPACE/go";; esac; "{TOP}/simulator/demo-agent"'
    stack = ResourceStack(kube, platform=True, settings={"ACP_AGENT_COMMAND": agent}).start()
    unittest.addModuleCleanup(stack.close)
    answer = stack.connect(bearer=stack.bearers["alice"])
    assert answer.status == 200, answer


class Platform(unittest.TestCase):
    def session(self, user, name, **spec):
        body = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession", "metadata": {"name": name, "namespace": "team-a"},
                "spec": {"initialPrompt": "Add feature X", "userContext": {"userId": "alice", "displayName": "Alice"}, **spec}}
        stack.as_user(user, "apply", "-f", "-", stdin=json.dumps(body))

    def repo(self, **more):
        return {"url": stack.simulator["repository"], **more}

    def test_a_session_of_the_platform_is_carried_out(self):
        self.session("alice", "of-the-platform", repos=[self.repo(autoPush=True)])
        done = stack.wait_for_phase("of-the-platform")
        status = done["status"]
        self.assertEqual(status["phase"], "Completed", status)
        commit = stack.control("GET", "/refs?project=demo/hello")["refs/heads/ambient/of-the-platform"]
        self.assertEqual([(one["name"], one["branch"], one["status"]) for one in status["reconciledRepos"]], [("hello", "ambient/of-the-platform", "Ready")])
        # What its schema knows is all that came through; the link is told where it can be.
        self.assertFalse({"message", "notification", "repositories", "worker"} & set(status), status)
        conditions = {one["type"]: one for one in status["conditions"]}
        self.assertEqual((conditions["OwnerVerified"]["message"], conditions["Accepted"]["status"]), ("alice", "True"))
        link = f"{stack.simulator['repository'].removesuffix('.git')}/-/tree/ambient/of-the-platform"
        self.assertEqual(conditions["Completed"]["message"], f"AgenticSession completed successfully!\nView changes in GitLab:\n{link}")
        row = stack.session("of-the-platform", stack.bearers["alice"], "team-a").json
        self.assertEqual((row["metadata"]["uid"], row["status"]["repositories"][0]["commit"]), (done["metadata"]["uid"], commit))
        wait_until("the events", lambda: stack.events("of-the-platform") == ["Pending", "Preflight", "Cloning", "Running", "Pushing", "Completed"], 30)

    def test_without_auto_push_nothing_is_pushed(self):
        self.session("alice", "only-reads", repos=[self.repo()])
        self.assertEqual(stack.wait_for_phase("only-reads")["status"]["phase"], "Completed")
        self.assertNotIn("refs/heads/ambient/only-reads", stack.control("GET", "/refs?project=demo/hello"))

    def test_the_user_context_is_no_proof(self):
        self.session("bob", "says-alice", repos=[self.repo(autoPush=True)])
        status = stack.wait_for_phase("says-alice")["status"]
        conditions = {one["type"]: one for one in status["conditions"]}
        self.assertEqual((status["phase"], conditions["OwnerVerified"]["message"]), ("Failed", "bob"))
        self.assertNotIn("refs/heads/ambient/says-alice", stack.control("GET", "/refs?project=demo/hello"))

    def test_nobody_puts_other_words_into_anothers_session(self):
        """Every member of a project may update its sessions, and so may the ServiceAccounts that the platform's operator makes for their pods."""
        self.session("alice", "stays-as-asked", repos=[self.repo()])
        client, path = kube.client("bob"), f"{stack.sessions('team-a')}/stays-as-asked"
        for change in ({"repos": [self.repo(autoPush=True)]}, {"initialPrompt": "Print what you find"}):
            answer = client.patch(path, {"spec": change})
            self.assertEqual(answer.status, 403, answer)
            self.assertIn("nobody else can change it", answer.json["message"])
        client.patch(path, {"spec": {"displayName": "looked at by bob"}}).must()
        kube.client("alice").patch(path, {"spec": {"initialPrompt": "Add feature Y"}}).must()
        self.assertEqual(stack.wait_for_phase("stays-as-asked")["status"]["phase"], "Completed")
        self.assertNotIn("refs/heads/ambient/stays-as-asked", stack.control("GET", "/refs?project=demo/hello"))

    def test_a_status_that_cannot_hold_all_of_it_is_not_written_again_and_again(self):
        """What the API server leaves out looks for ever as if it were still to be written."""
        self.session("alice", "slow", repos=[self.repo(autoPush=True)])
        found = stack.wait_for_phase("slow", ("Running",))

        def nothing_more():
            """Of what Running brought."""
            mark = kube.audit_mark()
            time.sleep(2)
            return self.written("slow", mark) == 0
        wait_until("all of Running is told", nothing_more, 30)
        mark = kube.audit_mark()
        time.sleep(QUIET_S)
        self.assertEqual(self.written("slow", mark), 0)
        self.assertEqual(stack.resource("slow")["status"]["phase"], "Running", "that was all the while")
        (stack.data / "workspaces" / found["metadata"]["uid"] / "go").touch()
        stack.wait_for_phase("slow")
        wait_until("its last event", lambda: stack.events("slow")[-1:] == ["Completed"], 30)
        self.assertLess(self.written("slow", mark), 6)

    @staticmethod
    def written(name, mark):
        """How often our service has written to a session since then."""
        return sum(event["verb"] == "patch" and event["objectRef"]["name"] == name
                   for event in kube.audit(f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}", mark))

    def test_the_projects_list_is_taken_from_its_settings(self):
        entry = {"url": stack.simulator["repository"], "provider": "gitlab"}
        stack.as_user("alice", "apply", "-f", "-", stdin=json.dumps({
            "apiVersion": "vteam.ambient-code/v1alpha1", "kind": "ProjectSettings", "metadata": {"name": "projectsettings", "namespace": "team-a"},
            "spec": {"groupAccess": [], "repositories": [entry]}}))
        path = "/api/projects/team-a/repositories?reports=false"
        wait_until("the list is the project's", lambda: stack.api("GET", path, bearer=stack.bearers["alice"]).json["repositories"] == [entry], 30)

    def test_its_pods_use_the_gate_once_its_definition_has_a_place_for_them(self):
        kube.kubectl("patch", "crd", "agenticsessions.vteam.ambient-code", "--type=json", "--patch-file", TOP / "deploy/kubernetes/crds/platform-pod.json")
        self.session("alice", "in-a-pod", repos=[self.repo(autoPush=True)], displayName="waits")
        found = stack.wait_for_phase("in-a-pod", ("Creating", "Running", "Completed"))
        kube.service_account("team-a", "ambient-session-in-a-pod")
        pod = kube.pod("team-a", "in-a-pod-runner", "ambient-session-in-a-pod")
        bound = {"name": "in-a-pod-runner", "uid": pod["metadata"]["uid"]}

        def bind():
            answer = kube.admin.patch(f"{stack.sessions('team-a')}/in-a-pod/status", {"status": {"pod": bound}}).must()
            return answer.json["status"].get("pod") == bound  # an API server that has not seen the new definition yet drops it
        wait_until("the status names the pod", bind, 30, 0.5)
        # Whether it has ended by then or not: nothing of ours takes the pod out again.
        stack.wait_for_phase("in-a-pod")
        self.assertEqual(stack.resource("in-a-pod")["status"]["pod"], bound)
        token = kube.token("team-a", "ambient-session-in-a-pod", audiences=["acp-gitlab"], pod="in-a-pod-runner")
        address = f"{stack.url}/git/{found['metadata']['uid']}/hello.git/info/refs?service=git-upload-pack"
        self.assertEqual(request("GET", address, headers={"Authorization": f"Bearer {token}"}).status, 403)  # it has ended
        wait_until("the log tells of the pod", lambda: "A pod works for the session" in stack.log_text(), 20)


if __name__ == "__main__":
    unittest.main()
