"""Our rights are exactly those that are used: a rule that is taken away is missed by name, and nothing that was not given is asked for."""
import copy
import re
import unittest

from kube_server import server_for_tests
from kube_stack import ACCOUNT, NAMESPACE, KubeStack, rules
from stack import wait_until

USERS = 40
ROLES = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/roles/{ACCOUNT}"
CLUSTER_ROLES = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{ACCOUNT}"


def setUpModule():
    global kube, stack
    # Each attempt has a user of its own: what the service remembers of one for ten seconds tells nothing of another.
    kube = server_for_tests(users={f"user-{n}": ["developers"] for n in range(USERS)})
    stack = KubeStack(kube, user="user-0").start()
    unittest.addModuleCleanup(stack.close)
    for n in range(USERS):
        stack.add_gitlab_user(n)


class RightsTest(unittest.TestCase):
    next_user = 1

    def fresh(self):
        """A user who has not been here: number and bearer."""
        number = RightsTest.next_user
        RightsTest.next_user += 1
        return number, kube.tokens[f"user-{number}"]

    def give(self, own, cluster):
        for path, kind, given in ((ROLES, "Role", own), (CLUSTER_ROLES, "ClusterRole", cluster)):
            kube.admin.apply(path, {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": ACCOUNT}, "rules": given}).must()

    def without(self, verb, resource):
        """All rules but this right; the API server follows within moments, which is waited for."""
        own, cluster = copy.deepcopy(rules())
        taken = 0
        for rule in own + cluster:
            if resource in rule["resources"] and verb in rule["verbs"]:
                rule["verbs"].remove(verb)
                taken += 1
        self.assertEqual(taken, 1, f"{verb} {resource} is not a right of ours")
        self.give([rule for rule in own if rule["verbs"]], [rule for rule in cluster if rule["verbs"]])
        self.addCleanup(self.give, *rules())
        self.wait_for(verb, resource, False)

    def wait_for(self, verb, resource, allowed):
        group = {"tokenreviews": "authentication.k8s.io", "subjectaccessreviews": "authorization.k8s.io"}.get(resource, "")
        attributes = {"verb": verb, "resource": resource, "group": group}
        if resource == "secrets":
            attributes.update(namespace=NAMESPACE, name="gitlab-user-tokens-001")
        review = {"spec": {"user": f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}", "resourceAttributes": attributes}}
        wait_until(f"{verb} {resource} is {allowed}", lambda: kube.admin.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review).must().json["status"]["allowed"] is allowed)

    def restore(self, verb, resource):
        self.give(*rules())
        self.wait_for(verb, resource, True)

    # ------------------------------------------------------------------------------------------------ what needs each right
    def connect(self):
        number, bearer = self.fresh()
        return stack.connect(stack.gitlab_token(number), bearer=bearer)

    def connect_into_a_missing_secret(self):
        for name in kube.admin.get(f"/api/v1/namespaces/{NAMESPACE}/secrets").must().json["items"]:
            if re.fullmatch(r"gitlab-user-tokens-\d+", name["metadata"]["name"]) and not name.get("data"):
                kube.admin.delete(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name['metadata']['name']}")
        answer = self.connect()
        for _ in range(8):  # until one belongs into a Secret that is not there yet
            if answer.status != 200:
                break
            answer = self.connect()
        return answer

    def validate(self):
        return stack.api("POST", "/api/projects/team-a/repositories/validate", {"url": stack.simulator["repository"]}, self.opener)

    def status(self):
        return stack.status(bearer=self.fresh()[1])

    def project(self):
        return stack.api("GET", "/api/projects/team-a/agentic-sessions", bearer=self.fresh()[1])

    def check(self, verb, resource, attempt, code, words=""):
        self.without(verb, resource)
        refused = attempt()
        self.assertEqual((refused.status, refused.json.get("code")), (503, code), refused)
        self.assertIn(words, refused.json["error"])
        self.restore(verb, resource)
        self.assertEqual(attempt().status, 200)

    def test_patch_of_secrets(self):
        self.check("patch", "secrets", self.connect, "secret_store_unavailable")

    def test_create_of_secrets(self):
        self.without("create", "secrets")
        refused = self.connect_into_a_missing_secret()
        self.assertEqual((refused.status, refused.json.get("code")), (503, "secret_store_unavailable"), refused)
        self.restore("create", "secrets")
        self.assertEqual(self.connect().status, 200)

    def test_get_of_secrets(self):
        number, self.opener = self.fresh()
        self.assertEqual(stack.connect(stack.gitlab_token(number), bearer=self.opener).status, 200)
        self.assertEqual(self.validate().status, 200)
        self.without("get", "secrets")
        report = self.validate().json
        failed = next(check for check in report["checks"] if check["ok"] is False) if "checks" in report else report
        self.assertEqual(failed["code"], "secret_store_unavailable", report)
        self.restore("get", "secrets")
        self.assertNotIn("secret_store_unavailable", self.validate().body.decode())

    def test_token_reviews(self):
        self.check("create", "tokenreviews", self.status, "service_unavailable", "Callers cannot be checked now: the Kubernetes API server")

    def test_access_reviews(self):
        self.check("create", "subjectaccessreviews", self.project, "service_unavailable", "the Kubernetes API server")

    def test_nothing_else_is_asked_for(self):
        mark = kube.audit_mark()
        number, bearer = self.fresh()
        self.assertEqual(stack.connect(stack.gitlab_token(number), bearer=bearer).status, 200)
        self.opener = bearer
        self.validate()
        self.project()
        self.assertEqual(stack.disconnect(bearer=bearer).status, 200)
        user = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
        self.assertEqual(kube.rights_used(user, mark, allowed=False), set())
        used = {(verb, resource) for verb, _, resource, _, _ in kube.rights_used(user, mark)}
        self.assertTrue({("get", "secrets"), ("patch", "secrets"), ("create", "tokenreviews"), ("create", "subjectaccessreviews")} <= used, used)
