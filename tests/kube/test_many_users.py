"""Many users connect at once, to four workers of a pool, and none loses."""
import collections
import json
import os
import threading
import time
import unittest

from kube_records import put_records
from kube_server import server_for_tests
from kube_stack import KubeStack, secret_names

USERS = 128
ROUNDS = 3
RECORDS = int(os.environ.get("KUBE_RECORDS", "10000"))


def setUpModule():
    global kube, stack
    kube = server_for_tests(users={f"user-{number:03}": ["developers"] for number in range(USERS)})
    stack = KubeStack(kube).start()
    unittest.addModuleCleanup(stack.close)
    for number in range(USERS):
        stack.add_gitlab_user(number)


def at_once(work):
    """work(number) of every user in threads that begin together; gives the answers, and the seconds that all took."""
    barrier, results = threading.Barrier(USERS + 1), [None] * USERS

    def run(number):
        barrier.wait(60)
        results[number] = work(number)
    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(USERS)]
    for thread in threads:
        thread.start()
    barrier.wait(60)
    started = time.monotonic()
    for thread in threads:
        thread.join(120)
    return results, time.monotonic() - started


class ManyUsers(unittest.TestCase):
    planted = 0

    def plant(self, first, count):
        """Records of so many others."""
        ManyUsers.planted += sum(put_records(kube, stack.settings["KUBECONFIG"], stack.data / "keys", first, count).values())

    def connect(self, number):
        return stack.connect(stack.gitlab_token(number), bearer=kube.tokens[f"user-{number:03}"], timeout=100)

    def failures(self, answers):
        return collections.Counter(str(answer) for answer in answers if answer is None or answer.status != 200)

    def test_1_all_connect_at_once_and_no_write_is_lost(self):
        for round_number in range(ROUNDS):
            with self.subTest(round=round_number):
                answers, seconds = at_once(self.connect)
                self.assertEqual({}, self.failures(answers))
                self.assertEqual({f"user-{number:03}" for number in range(USERS)}, {answer.json["userId"] for answer in answers})
                self.assertEqual(USERS, len(stack.records()))
                print(f"     {USERS} users connected in {seconds:.1f} s ({USERS / seconds:.0f}/s), {len(secret_names())} Secrets", flush=True)
        states, _ = at_once(lambda number: stack.status(kube.tokens[f"user-{number:03}"]))
        self.assertEqual({}, self.failures(states))
        self.assertEqual([stack.gitlab_name(number) for number in range(USERS)], [answer.json["username"] for answer in states])

    def test_2_no_answer_and_no_log_shows_a_token(self):
        text = stack.log_text() + kube.audit_log.read_text()
        for number in range(USERS):
            self.assertNotIn(stack.gitlab_token(number), text)
            self.assertNotIn(kube.tokens[f"user-{number:03}"], text)

    def test_3_half_disconnect_while_half_reconnect(self):
        def work(number):
            bearer = kube.tokens[f"user-{number:03}"]
            return stack.disconnect(bearer) if number % 2 else self.connect(number)
        answers, _ = at_once(work)
        self.assertEqual({}, self.failures(answers))
        self.assertEqual(USERS // 2, len(stack.records()))
        states, _ = at_once(lambda number: stack.status(kube.tokens[f"user-{number:03}"]))
        self.assertEqual([number % 2 == 0 for number in range(USERS)], [answer.json["connected"] for answer in states])

    def test_4_two_connects_of_one_user_leave_one_of_the_two_tokens(self):
        bearer = kube.tokens["user-000"]
        stack.add_gitlab_token(0, "second")
        for _ in range(5):
            before = stack.records()
            answers = [None, None]

            def connect(which):
                answers[which] = stack.connect(stack.gitlab_token(0, "second" if which else ""), bearer=bearer, timeout=60)
            threads = [threading.Thread(target=connect, args=(which,)) for which in (0, 1)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(90)
            self.assertIn(200, [answer.status for answer in answers], answers)
            self.assertLessEqual({answer.status for answer in answers}, {200, 409}, answers)
            self.assertEqual(before.keys(), stack.records().keys())
            shown = stack.status(bearer).json
            self.assertIn(shown["token"]["name"], [answer.json["token"]["name"] for answer in answers if answer.status == 200])
            # What is stored opens, and GitLab takes it.
            self.assertTrue(self.check(bearer), stack.log_text()[-2000:])

    def test_5_all_connect_at_once_beside_the_records_of_ten_thousand(self):
        """The more a Secret holds, the longer a write of it takes the API server."""
        self.plant(1_000_000, RECORDS)
        before = stack.records()
        self.assertGreaterEqual(len(before), RECORDS)
        for round_number in range(2):
            with self.subTest(round=round_number):
                answers, seconds = at_once(self.connect)
                self.assertEqual({}, self.failures(answers))
                print(f"     {USERS} users connected in {seconds:.1f} s ({USERS / seconds:.0f}/s) beside {RECORDS} records", flush=True)
        after = stack.records()
        self.assertLessEqual(before.keys(), after.keys())
        self.assertEqual(USERS + self.planted, len(after))
        self.assertEqual(USERS, sum(after[key] != value for key, value in before.items()) + len(after.keys() - before.keys()))

    def test_6_every_token_gets_the_new_key_while_users_connect(self):
        """All of them, those ten thousand as well."""
        over, answers = threading.Event(), []

        def work(number):
            while not over.is_set():
                answers.append(self.connect(number))
                answers.append(stack.api("POST", "/api/auth/gitlab/check", {}, bearer=kube.tokens[f"user-{number:03}"], timeout=60))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
        for thread in threads:
            thread.start()
        try:
            rotated = json.loads(stack.program("acp-gitlab", "keys", "rotate", "--settle", "10", "--rate", "0", "--json", timeout=300).stdout)
        finally:
            over.set()
            for thread in threads:
                thread.join(90)
        self.assertEqual([answer for answer in answers if answer.status != 200 or not answer.json.get("valid", True)], [])
        self.assertGreater(len(answers), 8)
        self.assertEqual((rotated["broken"], rotated["tokens"]), (0, len(stack.records())))
        self.assertEqual(stack.program("acp-gitlab", "keys", "check", check=False, timeout=120).returncode, 0)

    def check(self, bearer):
        body = {"url": stack.simulator["repository"]}
        report = stack.api("POST", f"/api/projects/{stack.project}/repositories/validate", body, bearer).json
        states = {check["name"]: check["ok"] for check in report["checks"]}
        return states["token"] is True
