"""Who is calling: only a token that the API server vouches for says so, whatever else a request claims."""
import threading
import time
import unittest

from kube_proxy import FaultProxy
from kube_server import server_for_tests
from kube_stack import KubeStack
from forged_callers import ForgedCallers
from stack import wait_until


def setUpModule():
    global kube, way, stack
    kube = server_for_tests()
    way = unittest.enterModuleContext(FaultProxy(kube))
    stack = KubeStack(kube, way).start()
    unittest.addModuleCleanup(stack.close)
    stack.add_gitlab_user(1)
    assert stack.connect(stack.gitlab_token(1)).status == 200


class Forged(ForgedCallers, unittest.TestCase):
    """The shapes of tests/integration/forged_callers.py."""

    @classmethod
    def setUpClass(cls):
        cls.stack, cls.alice, cls.carol = stack, kube.tokens["alice"], kube.tokens["carol"]

    def stored(self):
        return stack.records()


class Identity(unittest.TestCase):
    def who(self, bearer):
        """The user that the product takes a bearer for: the userId of an account test's connect; None for 401."""
        stack.add_gitlab_user(2)
        answer = stack.connect(stack.gitlab_token(2), bearer=bearer)
        if answer.status == 401:
            return None
        self.assertEqual(200, answer.status, answer)
        self.assertEqual(200, stack.disconnect(bearer).status)
        return answer.json["userId"]

    def test_a_service_account_is_a_user_of_its_own(self):
        user = kube.service_account("robots", "builder")
        self.assertEqual(user, self.who(kube.token("robots", "builder")))

    def test_the_same_name_in_another_namespace_is_another_user(self):
        kube.service_account("robots", "twin")
        kube.service_account("machines", "twin")
        self.assertEqual("system:serviceaccount:robots:twin", self.who(kube.token("robots", "twin")))
        self.assertEqual("system:serviceaccount:machines:twin", self.who(kube.token("machines", "twin")))

    def test_a_token_for_another_audience_is_nobodys(self):
        kube.service_account("robots", "elsewhere")
        self.assertIsNone(self.who(kube.token("robots", "elsewhere", ["vault"])))

    def test_a_token_ends_with_its_pod_within_twenty_seconds(self):
        kube.service_account("robots", "bound")
        kube.pod("robots", "bound", "bound")
        token = kube.token("robots", "bound", pod="bound")
        self.assertEqual(200, stack.status(token).status)
        kube.admin.delete("/api/v1/namespaces/robots/pods/bound", {"gracePeriodSeconds": 0}).must()
        deleted = time.monotonic()
        wait_until("the token is refused", lambda: stack.status(token).status == 401, 30, 0.5)
        # Ten seconds that the API server remembers, ten that we do; the poll, and what a busy machine adds.
        self.assertLess(time.monotonic() - deleted, 25)

    # ------------------------------------------------------------------------------------------------ rights in a project
    def test_a_project_is_for_those_whom_rbac_lets_in(self):
        path = f"/api/projects/{stack.project}/repositories?reports=false"
        kube.namespace("team-b")
        self.assertEqual(200, stack.api("GET", path, bearer=kube.tokens["alice"]).status)
        self.assertEqual(200, stack.api("GET", path, bearer=kube.tokens["bob"]).status)
        self.assertEqual(403, stack.api("GET", path, bearer=kube.tokens["carol"]).status)
        for project in ("team-b", "no-such-namespace", "default"):
            self.assertEqual(403, stack.api("GET", f"/api/projects/{project}/repositories?reports=false", bearer=kube.tokens["alice"]).status, project)

    def test_a_right_that_is_taken_away_is_gone_within_seconds(self):
        kube.project("team-c")
        path = "/api/projects/team-c/repositories?reports=false"
        self.assertEqual(200, stack.api("GET", path, bearer=kube.tokens["alice"]).status)
        kube.admin.delete("/apis/rbac.authorization.k8s.io/v1/namespaces/team-c/rolebindings/developers").must()
        wait_until("alice is refused", lambda: stack.api("GET", path, bearer=kube.tokens["alice"]).status == 403, 20, 0.3)

    # ------------------------------------------------------------------------------------------------ the cache, and its end
    def test_one_token_is_asked_about_once_in_ten_seconds(self):
        kube.service_account("robots", "busy")
        token = kube.token("robots", "busy")
        way.seen.clear()
        started = time.monotonic()
        answers = []
        threads = [threading.Thread(target=lambda: answers.extend(stack.status(token).status for _ in range(20))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual([200] * 160, answers)
        reviews = way.seen.count("POST /apis/authentication.k8s.io/v1/tokenreviews")
        # Each process asks for itself: four, in each ten seconds begun.
        self.assertLessEqual(reviews, 4 * (1 + int((time.monotonic() - started) / 10) + 1))

    def test_nobody_is_let_in_while_the_api_server_does_not_say(self):
        kube.service_account("robots", "stranger")
        for kind, more in (("status", {"code": 500}), ("status", {"code": 503}), ("status", {"code": 429, "retry_after": 1}), ("status", {"code": 403}), ("reset", {}), ("cut_json", {}),
                           ("body", {"code": 200}), ("status", {"code": 401})):
            with self.subTest(kind=kind, **more):
                token = kube.token("robots", "stranger")
                way.faults.add(kind, "POST .*tokenreviews", **more)
                try:
                    answer = stack.status(token)
                    self.assertEqual(503, answer.status, answer)
                    self.assertIn("remediation", answer.json)
                    self.assertNotIn(token, answer.body.decode())
                finally:
                    way.faults.clear()
                self.assertEqual(200, stack.status(token).status)
