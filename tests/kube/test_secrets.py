"""Sealed tokens in Secrets of Kubernetes, through the built product with its ServiceAccount's rights alone: one Role with the names of the
Secrets in it, get, patch and create."""
import base64
import json
import subprocess
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from double import Double
from kube_client import secret_path
from kube_server import server_for_tests
from stack import Stack, wait_until

NAMESPACE = "vteam-backend"
SHARDS = 4
ACCOUNT = "acp-gitlab"


def names(shards=SHARDS):
    return [f"{provider}-user-tokens" + (f"-{shard:03}" if shard else "") for provider in ("gitlab", "github") for shard in range(shards)]


class Secrets:
    """What both classes below run. `kube` is the API server."""

    kube = None

    @classmethod
    def set_up(cls, kube):
        cls.kube = kube
        user = kube.service_account(NAMESPACE, ACCOUNT)
        kube.role(NAMESPACE, ACCOUNT, [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": names(), "verbs": ["get", "patch", "create"]}],
                  [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}])
        cls.user = user
        cls.account = kube.account_folder(kube.folder / "account", NAMESPACE, ACCOUNT)
        cls.settings = {"KUBECONFIG": str(kube.kubeconfig(token_file=cls.account / "token")), "ACP_SECRET_STORE": "kubernetes",
                        "ACP_SECRET_SHARDS": str(SHARDS)}
        cls.stack = Stack(settings=cls.settings).start()
        cls.by_name = {row["name"]: row["token"] for row in cls.stack.control("GET", "/tokens")}

    def setUp(self):
        self.stack.mode("global", "normal")
        self.stack.disconnect()

    def records(self):
        """Every record: key → (Secret, value)."""
        found = {}
        for name in names():
            answer = self.kube.admin.get(secret_path(NAMESPACE, name))
            if answer.status == 200:
                for key, value in (answer.json.get("data") or {}).items():
                    self.assertNotIn(key, found)
                    found[key] = (name, base64.b64decode(value))
        return found

    def test_a_connect_is_a_record_and_a_disconnect_takes_it_out(self):
        answer = self.stack.connect()
        self.assertEqual(answer.status, 200, answer)
        records = self.records()
        self.assertEqual(1, len(records), records)
        (key, (_, value)), = records.items()
        self.assertRegex(key, r"^k1-[a-z2-7]{52}$")
        self.assertTrue(value.startswith(b"ACPR"), value[:8])
        for readable in (self.by_name["good"], self.stack.ready["user"]):
            self.assertNotIn(readable.encode(), value)
        self.assertEqual(True, self.stack.status().json["connected"])
        self.assertEqual(200, self.stack.disconnect().status)
        self.assertEqual({}, self.records())
        self.assertEqual(b'{"connected":false}', self.stack.status().body.strip())

    def test_the_token_in_the_record_serves_the_repositories(self):
        self.assertEqual(200, self.stack.connect().status)
        report = self.stack.api("POST", "/api/projects/default/repositories/validate", {"url": self.stack.simulator["repository"]})
        self.assertEqual((200, True), (report.status, report.json["valid"]), report)

    def test_connecting_again_replaces_the_record(self):
        self.assertEqual(200, self.stack.connect().status)
        before = self.records()
        self.assertEqual(200, self.stack.connect().status)
        after = self.records()
        self.assertEqual(set(before), set(after))
        self.assertNotEqual(before, after)

    def test_many_users_at_once_lose_nothing(self):
        users = [self.stack.add_user(f"user-{number}@example.org") for number in range(24)]
        tokens = [self.stack.control("POST", "/tokens", {"name": f"of-user-{number}-00000000000000", "scopes": ["api"], "user": "john"}) for number in range(len(users))]
        answers = [None] * len(users)

        def connect(number):
            answers[number] = self.stack.connect(token=tokens[number]["token"], bearer=users[number])
        threads = [threading.Thread(target=connect, args=(number,)) for number in range(len(users))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual([200] * len(users), [answer.status for answer in answers], answers)
        self.assertEqual(len(users), len(self.records()))
        for bearer in users:
            self.assertEqual(200, self.stack.disconnect(bearer=bearer).status)
        self.assertEqual({}, self.records())

    def test_only_the_rights_on_the_card_are_used(self):
        mark = self.kube.audit_mark()
        self.assertEqual(200, self.stack.connect().status)
        self.assertEqual(200, self.stack.disconnect().status)
        used = self.kube.rights_used(self.user, mark)
        self.assertTrue(used)
        for verb, group, resource, namespace, name in used:
            self.assertEqual(("", "secrets", NAMESPACE), (group, resource, namespace))
            self.assertIn(verb, ("get", "patch", "create"))
            self.assertIn(name, names())

    def ready(self):
        """Status and code; the API server is asked again every five seconds."""
        answer = self.stack.api("GET", "/readyz", bearer="")
        return answer.status, answer.json.get("code"), answer.json.get("error", "")

    def give_rights(self, verbs=("get", "patch", "create"), leave_out=None):
        self.kube.role(NAMESPACE, ACCOUNT, [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [n for n in names() if n != leave_out], "verbs": list(verbs)}],
                       [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}])

    def test_a_missing_right_makes_it_not_ready_and_is_named(self):
        self.addCleanup(wait_until, "ready again", lambda: self.ready()[0] == 200, 20)
        self.addCleanup(self.give_rights)
        wait_until("ready", lambda: self.ready()[0] == 200, 20)
        for change, sentence in (({"verbs": ("get", "create")}, "no right to patch the Secret gitlab-user-tokens."),
                                 ({"leave_out": "github-user-tokens-003"}, "no right to get the Secret github-user-tokens-003.")):
            self.give_rights(**change)
            wait_until(sentence, lambda sentence=sentence: self.ready()[:2] == (503, "secret_store_not_ready") and sentence in self.ready()[2], 20)
            # Who asks in between gets an answer all the same.
            self.assertEqual(200, self.stack.status().status)

    def test_secrets_of_another_installation_make_it_not_ready(self):
        self.assertEqual(200, self.stack.connect().status)
        path = secret_path(NAMESPACE, "gitlab-user-tokens")
        ours = self.kube.admin.get(path).must().json["metadata"]["annotations"]
        wait_until("ready", lambda: self.ready()[0] == 200, 20)
        self.addCleanup(wait_until, "ready again", lambda: self.ready()[0] == 200, 20)
        self.addCleanup(self.kube.admin.patch, path, {"metadata": {"annotations": ours}})
        for name, value, sentence in (("installation", "anothers", "belongs to another installation"), ("secret-shards", "8", "were set up with 8")):
            self.kube.admin.patch(path, {"metadata": {"annotations": {**ours, f"ambient-code.io/{name}": value}}}).must()
            wait_until(sentence, lambda sentence=sentence: self.ready()[:2] == (503, "secret_store_not_ready") and sentence in self.ready()[2], 20)

    def test_the_verbose_answer_names_the_secrets(self):
        wait_until("known", lambda: self.stack.api("GET", "/readyz?verbose", bearer="").json["checks"][-1] == {"name": "secrets", "ok": True}, 20)

    def test_another_number_of_secrets_stops_the_start(self):
        self.assertEqual(200, self.stack.connect().status)
        environment = {**self.stack.environment(), **self.settings, "ACP_SECRET_SHARDS": str(2 * SHARDS)}
        result = self.stack.program("acp-gitlab", "housekeeping", check=False, env=environment)
        self.assertNotEqual(0, result.returncode)
        self.assertIn("fixed at installation", result.stderr)

    def test_nothing_of_the_records_is_in_the_logs(self):
        self.assertEqual(200, self.stack.connect().status)
        (_, value), = self.records().values()
        self.assertNotIn(base64.b64encode(value)[:40].decode(), self.stack.log_text())


class OnTheDouble(Secrets, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.set_up(Double().start())

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()
        cls.kube.close()

    def test_without_the_api_server_nothing_is_said_to_be_stored_and_status_goes_on(self):
        self.assertEqual(200, self.stack.connect().status)
        before = self.records()
        for fault in ({"kind": "status", "code": 500}, {"kind": "status", "code": 409}, {"kind": "truncated"}, {"kind": "reset"}):
            with self.subTest(fault):
                kind = fault["kind"]
                self.kube.faults.add(kind, "PATCH .*secrets", **{name: value for name, value in fault.items() if name != "kind"})
                answer = self.stack.connect()
                self.assertEqual((503, "secret_store_unavailable"), (answer.status, answer.json["code"]), answer)
                self.assertEqual(True, self.stack.status().json["connected"])
                self.kube.faults.clear()
        self.assertEqual(set(before), set(self.records()))

    def test_what_was_wrong_stays_so_while_the_api_server_does_not_answer(self):
        self.addCleanup(wait_until, "ready again", lambda: self.ready()[0] == 200, 20)
        self.addCleanup(self.give_rights)
        self.give_rights(verbs=("get", "create"))
        answers = []

        def all_know():
            answers.append(self.ready()[0])
            return answers[-20:] == [503] * 20
        wait_until("it is not ready", all_know, 20)
        fault = self.kube.faults.add("status", ".", code=503)
        self.addCleanup(self.kube.faults.clear)
        until, answers = time.monotonic() + 7, []  # by then each process has looked again
        while time.monotonic() < until or len(answers) < 60:
            answers.append(self.ready()[0])
            time.sleep(0.05)
        self.assertEqual(set(answers), {503})
        # It was asked meanwhile, but not for each answer.
        self.assertIn(fault.hits, range(1, len(answers) // 2))

    def test_an_api_server_that_does_not_answer_leaves_it_ready(self):
        for fault in ({"kind": "status", "code": 503}, {"kind": "silent"}):
            self.kube.faults.add(match=".", **fault)
            try:
                def unknown():
                    started = time.monotonic()
                    answer = self.stack.api("GET", "/readyz?verbose", bearer="")
                    self.assertEqual(200, answer.status, answer)
                    self.assertLess(time.monotonic() - started, 4)
                    return answer.json["checks"][-1]["ok"] is None
                wait_until("nobody knows", unknown, 20)
            finally:
                self.kube.faults.clear()
        wait_until("known again", lambda: self.stack.api("GET", "/readyz?verbose", bearer="").json["checks"][-1]["ok"] is True, 20)

    def test_what_comes_while_a_secret_is_written_is_written_together(self):
        self.kube.namespace("together")
        self.kube.role("together", ACCOUNT, [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "patch", "create"]}],
                       [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}])
        with Stack(settings={**self.settings, "ACP_NAMESPACE": "together", "ACP_SECRET_SHARDS": "1"}, arguments=["--processes", "1"]) as stack:
            users = [stack.add_user(f"user-{number}@example.org") for number in range(8)]
            tokens = [stack.control("POST", "/tokens", {"name": f"of-user-{number}-00000000000000", "scopes": ["api"], "user": "john"})["token"] for number in range(8)]
            self.assertEqual(200, stack.connect(token=tokens[0], bearer=users[0]).status)
            mark = self.kube.audit_mark()
            self.kube.faults.add("delay", "PATCH .*secrets", seconds=3)
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda number: stack.connect(token=tokens[number], bearer=users[number]), range(1, 8)))
            self.kube.faults.clear()
            self.assertEqual([200] * 7, [answer.status for answer in answers], answers)
            patches = sum(event["verb"] == "patch" for event in self.kube.audit(self.user, mark))
            self.assertIn(patches, (2, 3), "the first, those that came meanwhile, and perhaps a late one")
            held = self.kube.admin.get(secret_path("together", "gitlab-user-tokens")).must().json["data"]
            self.assertEqual(8, len(held))


class OnTheRealServer(Secrets, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.set_up(server_for_tests(cls.addClassCleanup))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()


if __name__ == "__main__":
    unittest.main()
