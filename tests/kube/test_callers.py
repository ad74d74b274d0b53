"""Tokens in Secrets, callers of the cluster: the product through nginx on a real API server, with our ServiceAccount's own rights."""
import base64
import concurrent.futures
import sqlite3
import time
import unittest

from kube_proxy import FaultProxy
from kube_server import server_for_tests
from kube_stack import NAMESPACE, KubeStack, secret_names


def setUpModule():
    """One installation for all: a second one is refused by the first one's Secrets."""
    global kube, way, stack
    kube = server_for_tests()
    way = unittest.enterModuleContext(FaultProxy(kube))
    stack = KubeStack(kube, way).start()
    unittest.addModuleCleanup(stack.close)


class SecretsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.way, cls.stack = way, stack

    def setUp(self):
        self.way.faults.clear()
        for user in ("alice", "bob"):
            self.stack.disconnect(bearer=kube.tokens[user])

    def test_a_failed_reconnect_leaves_the_old_one(self):
        self.assertEqual(self.stack.connect().status, 200)
        before = self.stack.records()
        for fault in ({"kind": "status", "code": 500}, {"kind": "status", "code": 403}, {"kind": "truncated"}, {"kind": "reset"}):
            with self.subTest(fault):
                kind = dict(fault)
                self.way.faults.add(kind.pop("kind"), "PATCH .*secrets", **kind)
                answer = self.stack.connect(token=self.stack.tokens["expiring"])
                self.way.faults.clear()
                self.assertEqual((answer.status, answer.json["code"]), (503, "secret_store_unavailable"), answer)
                self.assertEqual(self.stack.status().json["token"]["name"], "good")
        self.assertEqual(self.stack.records(), before)

    def test_status_does_not_need_the_api_server_for_what_it_knows(self):
        self.assertEqual(self.stack.connect().status, 200)
        self.assertEqual(self.stack.status().status, 200)
        self.way.faults.add("delay", "secrets", seconds=3)
        started = time.monotonic()
        self.assertEqual(self.stack.status().status, 200)
        self.assertLess(time.monotonic() - started, 2.5, "it did not wait for a Secret")

    def test_two_users_at_once_are_two_records(self):
        self.stack.add_gitlab_user(1)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(self.stack.connect) for _ in range(4)]
            calls += [pool.submit(self.stack.connect, self.stack.gitlab_token(1), None, kube.tokens["bob"]) for _ in range(4)]
            answers = [call.result() for call in calls]
        self.assertIn(200, {answer.status for answer in answers[:4]})
        self.assertIn(200, {answer.status for answer in answers[4:]})
        self.assertLessEqual({answer.status for answer in answers}, {200, 409}, answers)
        self.assertEqual(len(self.stack.records()), 2)
        for bearer in (None, kube.tokens["bob"]):
            report = self.stack.api("POST", "/api/projects/team-a/repositories/validate", {"url": self.stack.simulator["repository"], "access": "read"}, bearer)
            self.assertIn(report.json["checks"][5]["ok"], (True, None), report)

    def test_one_users_write_leaves_the_others_alone(self):
        self.assertEqual(self.stack.connect().status, 200)
        [secret] = [name for name in self.secrets_with_data()]
        kube.admin.patch(f"/api/v1/namespaces/{NAMESPACE}/secrets/{secret}", {"data": {"somebody-elses": base64.b64encode(b"x").decode()}},
                         "application/merge-patch+json")
        self.assertEqual(self.stack.connect(token=self.stack.tokens["expiring"]).status, 200)
        self.assertEqual(self.stack.disconnect().status, 200)
        self.assertEqual(self.stack.records(), {"somebody-elses": base64.b64encode(b"x").decode()})
        kube.admin.patch(f"/api/v1/namespaces/{NAMESPACE}/secrets/{secret}", {"data": {"somebody-elses": None}}, "application/merge-patch+json")

    def test_a_secret_that_cannot_be_read_keeps_no_other_token_from_its_recheck(self):
        self.assertEqual(self.stack.connect().status, 200)
        [mine] = self.secrets_with_data()
        other = next(name for name in secret_names()[1:] if name != mine)  # the first says whose all of them are
        with sqlite3.connect(self.stack.data / "database/acp-gitlab.db", timeout=10) as db:
            db.execute("UPDATE connections SET last_checked_at = last_checked_at - 2 * 86400")
            before = db.execute("SELECT last_checked_at FROM connections").fetchone()
        self.way.faults.add("status", f"GET .*secrets/{other}$", code=403)
        environment = {**self.stack.environment(), "KUBECONFIG": str(self.stack.settings["KUBECONFIG"])}
        result = self.stack.program("acp-gitlab", "housekeeping", "--once", "--json", check=False, env=environment)
        self.assertNotEqual(result.returncode, 0, result)
        self.assertIn("The Kubernetes Secrets that hold the tokens cannot be used now.", result.stderr)
        with sqlite3.connect(self.stack.data / "database/acp-gitlab.db", timeout=10) as db:
            self.assertGreater(db.execute("SELECT last_checked_at FROM connections").fetchone(), before)

    def secrets_with_data(self):
        for item in kube.admin.get(f"/api/v1/namespaces/{NAMESPACE}/secrets").json["items"]:
            if item.get("data"):
                yield item["metadata"]["name"]


class CallersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.way, cls.stack = way, stack

    def tearDown(self):
        self.way.faults.clear()

    def status(self, bearer):
        return self.stack.status(bearer=bearer).status

    def test_who_is_calling_is_what_the_api_server_says(self):
        self.assertEqual(self.status(kube.tokens["alice"]), 200)
        self.assertEqual(self.status("nobody"), 401)
        self.assertEqual(self.status(""), 401)
        self.assertEqual(self.status("x" * 4000), 401)

    def test_a_service_account_is_a_user_of_its_own(self):
        kube.service_account("team-a", "runner")
        token = kube.token("team-a", "runner")
        answer = self.stack.connect(bearer=token)
        self.assertEqual((answer.status, answer.json["userId"]), (200, "system:serviceaccount:team-a:runner"), answer)
        self.assertEqual(self.stack.disconnect(bearer=token).status, 200)

    def test_a_token_for_another_audience_is_none(self):
        kube.service_account("team-a", "runner")
        self.assertEqual(self.status(kube.token("team-a", "runner", audiences=["somebody-else"])), 401)

    def test_a_project_is_for_those_who_may_read_it(self):
        path = "/api/projects/team-a/agentic-sessions"
        self.assertEqual(self.stack.api("GET", path).status, 200)
        self.assertEqual(self.stack.api("GET", path, bearer=kube.tokens["carol"]).status, 403)
        self.assertEqual(self.stack.api("GET", "/api/projects/team-b/agentic-sessions").status, 403)

    def test_nobody_is_let_in_while_nobody_can_say(self):
        kube.service_account("team-a", "late")
        token = kube.token("team-a", "late")
        self.way.faults.add("status", "tokenreviews", code=500)
        answer = self.stack.status(bearer=token)
        self.assertEqual((answer.status, answer.json["code"]), (503, "service_unavailable"), answer)
        self.way.faults.clear()
        # Each process keeps what it was told; which one answers is up to nginx and the kernel.
        self.assertEqual({self.status(token) for _ in range(12)}, {200})
        self.way.faults.add("status", "tokenreviews", code=500)
        self.assertEqual(self.status(token), 200, "an answer is trusted for ten seconds")
        kube.service_account("team-a", "later")
        self.assertEqual(self.status(kube.token("team-a", "later")), 503)

    def test_a_refusal_is_asked_again_soon(self):
        kube.service_account("team-a", "unseen")
        token = kube.token("team-a", "unseen")
        self.way.faults.add("body", "tokenreviews", code=201, body=b"{\"kind\": \"TokenReview\", \"status\": {\"error\": \"not yet\"}}", content_type="application/json")
        first = self.status(token)
        self.way.faults.clear()
        deadline = time.monotonic() + 6
        while self.status(token) != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(first, 401)
        self.assertEqual(self.status(token), 200)


if __name__ == "__main__":
    unittest.main()
