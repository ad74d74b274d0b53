"""What callers may do in a project: SubjectAccessReview through the built product, which fails closed; and proxies that forward a token."""
import unittest

from double import Double
from kube_server import server_for_tests
from stack import Stack

NAMESPACE = "vteam-backend"
ACCOUNT = "acp-gitlab"
REVIEWS = [{"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
           {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]}]


class Callers:
    """What both classes below run. `kube` is the API server."""

    kube = None

    @classmethod
    def set_up(cls, kube):
        cls.kube = kube
        cls.user = kube.service_account(NAMESPACE, ACCOUNT)
        kube.role(None, ACCOUNT, REVIEWS, [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}])
        kube.project("team-a")
        kube.namespace("team-b")
        viewer = [{"apiGroups": ["ambient-code.io"], "resources": ["agenticsessions", "projectsettings"], "verbs": ["get", "list", "watch"]}]
        kube.role("team-a", "viewers", viewer, [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "viewers"}])
        account = kube.account_folder(kube.folder / "account", NAMESPACE, ACCOUNT)
        cls.stack = Stack(settings={"KUBECONFIG": str(kube.kubeconfig(token_file=account / "token")), "ACP_AUTH": "tokenreview"}).start()

    def test_a_trusted_proxy_may_forward_a_token_that_is_verified_like_any_other(self):
        stack = Stack(settings={**self.stack.settings, "ACP_TRUSTED_PROXY": "127.0.0.1"}).start()
        try:
            def ask(token, bearer=None):
                return stack.api("GET", "/api/auth/gitlab/status", bearer=bearer or "", headers={"X-Forwarded-Access-Token": token})
            self.assertEqual(200, stack.connect(bearer=self.kube.tokens["alice"]).status)
            self.assertEqual(True, ask(self.kube.tokens["alice"]).json["connected"])
            self.assertEqual(True, ask(self.kube.tokens["alice"], bearer=self.kube.tokens["bob"]).json["connected"])
            self.assertEqual(401, ask("alice").status)
        finally:
            stack.close()

    def ask(self, bearer, method="GET", path="/api/auth/gitlab/status", body=None):
        return self.stack.api(method, path, body, bearer=bearer)

    def test_a_cluster_token_is_a_caller_of_its_own_name(self):
        for name in ("alice", "bob"):
            answer = self.stack.connect(bearer=self.kube.tokens[name]) if name == "alice" else self.ask(self.kube.tokens[name])
            self.assertEqual(200, answer.status, answer)
        self.assertEqual("alice", self.stack.connect(bearer=self.kube.tokens["alice"]).json["userId"])
        self.assertEqual(True, self.ask(self.kube.tokens["alice"]).json["connected"])
        self.assertEqual({"connected": False}, self.ask(self.kube.tokens["bob"]).json)

    def test_a_service_account_is_a_user_of_its_own(self):
        self.kube.service_account("team-a", "robot")
        answer = self.ask(self.kube.token("team-a", "robot"))
        self.assertEqual((200, {"connected": False}), (answer.status, answer.json), answer)

    def test_what_is_no_token_of_the_cluster_is_refused(self):
        for bearer in ("nonsense", self.stack.bearer, self.kube.tokens["alice"] + "x", "a.b.c"):
            answer = self.ask(bearer)
            self.assertEqual((401, "unauthenticated"), (answer.status, answer.json["code"]), answer)

    def test_a_project_is_open_to_those_who_may_see_it(self):
        path = "/api/projects/team-a/repositories"
        self.assertEqual(200, self.ask(self.kube.tokens["alice"], path=path).status)
        for name, project in (("carol", "team-a"), ("alice", "team-b")):
            answer = self.ask(self.kube.tokens[name], path=f"/api/projects/{project}/repositories")
            self.assertEqual((403, "forbidden"), (answer.status, answer.json["code"]), answer)

    def test_who_may_only_look_changes_nothing(self):
        viewer = self.kube.tokens["vera"]
        self.assertEqual(200, self.ask(viewer, path="/api/projects/team-a/repositories").status)
        for method, path, body in (("PUT", "repositories", {"repositories": []}), ("POST", "agentic-sessions", {"spec": {"description": "x"}}),
                                   ("DELETE", "agentic-sessions/none", None)):
            answer = self.ask(viewer, method, f"/api/projects/team-a/{path}", body)
            self.assertEqual((403, "forbidden"), (answer.status, answer.json["code"]), (method, path, answer))

    def test_forwarded_identities_are_nobody(self):
        for header in ("X-Forwarded-User", "X-Forwarded-Access-Token", "X-Remote-User", "X_Forwarded_User", "Impersonate-User"):
            answer = self.stack.api("GET", "/api/auth/gitlab/status", bearer=self.kube.tokens["bob"], headers={header: self.kube.tokens["alice"]})
            self.assertEqual({"connected": False}, answer.json, header)

    def test_answers_are_kept_for_seconds_and_only_two_rights_are_used(self):
        mark = self.kube.audit_mark()
        for _ in range(20):
            self.assertEqual(200, self.ask(self.kube.tokens["bob"], path="/api/projects/team-a/repositories?reports=false").status)
        used = {(verb, resource) for verb, _, resource, _, _ in self.kube.rights_used(self.user, mark)}
        self.assertLessEqual(used, {("create", "tokenreviews"), ("create", "subjectaccessreviews")})

    def test_no_token_is_in_the_logs(self):
        self.ask(self.kube.tokens["alice"])
        self.assertNotIn(self.kube.tokens["alice"], self.stack.log_text())


class OnTheDouble(Callers, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.set_up(Double(users={"vera": ["viewers"], "ulla": []}).start())

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()
        cls.kube.close()

    def tearDown(self):
        self.kube.faults.clear()

    def test_when_the_server_does_not_say_nobody_is_let_in(self):
        for kind, more in (("status", {"code": 500}), ("status", {"code": 403}), ("status", {"code": 401}), ("truncated", {}), ("cut_json", {}), ("reset", {}),
                           ("body", {"code": 201})):
            with self.subTest(kind=kind, **more):
                self.kube.faults.add(kind, "tokenreviews", **more)
                answer = self.ask(self.kube.tokens["ulla"])
                self.assertEqual((503, "service_unavailable"), (answer.status, answer.json["code"]), answer)
                self.kube.faults.clear()
        self.assertEqual(200, self.ask(self.kube.tokens["ulla"]).status)


class OnTheRealServer(Callers, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.set_up(server_for_tests(cls.addClassCleanup, users={"vera": ["viewers"], "ulla": []}))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()


if __name__ == "__main__":
    unittest.main()
