"""The API server is killed, slow, busy, broken or of another mind: nobody is told of a connection that is not in a Secret, and `status` goes on."""
import threading
import time
import unittest

from kube_proxy import FaultProxy
from kube_server import server_for_tests
from kube_stack import KubeStack
from stack import request, wait_until

CONNECTS = 8
NO_WAIT_S = 4  # less than one try at an API server that does not answer (KUBE_TRY_MS)
WRITES = r"^(PATCH|PUT|POST) .*/secrets"
READS = r"^GET .*/secrets"

# (sentence, faults, whether a connect must work all the same)
FAULTS = [
    ("every write conflicts", [("status", WRITES, {"code": 409})], False),
    ("writes conflict twice", [("status", WRITES, {"code": 409, "times": 2})], None),
    ("writes are too many", [("status", WRITES, {"code": 429, "retry_after": 1})], False),
    ("one write was too many, and may come again in a second", [("status", WRITES, {"code": 429, "retry_after": 1, "times": 1})], True),
    ("too many, with an hour to wait", [("status", WRITES, {"code": 429, "retry_after": 3600})], False),
    ("writes fail with 500", [("status", WRITES, {"code": 500})], False),
    ("writes fail with 503 and a time", [("status", WRITES, {"code": 503, "retry_after": 1, "times": 1})], True),
    ("our token is not known any more", [("status", WRITES, {"code": 401})], False),
    ("our token was not known once, and is the same as before", [("status", WRITES, {"code": 401, "times": 1})], None),
    ("a right is missing", [("status", WRITES, {"code": 403})], False),
    ("writes are refused as invalid", [("status", WRITES, {"code": 422})], False),
    ("answers to writes are cut off", [("truncated", WRITES, {})], None),
    ("answers to writes are half a JSON", [("cut_json", WRITES, {})], None),
    ("answers to writes are lost", [("lost", WRITES, {})], None),
    ("one answer to a write is lost", [("lost", WRITES, {"times": 1})], None),
    ("a load balancer answers with a page", [("body", WRITES, {"code": 200})], False),
    ("a load balancer answers 502 with a page", [("body", WRITES, {"code": 502})], False),
    ("connections are reset", [("reset", WRITES, {})], False),
    ("writes take a second", [("delay", WRITES, {"seconds": 1.0})], True),
    ("writes are never answered", [("silent", WRITES, {})], False),
    ("reads fail with 500", [("status", READS, {"code": 500})], None),
    ("reads are half a JSON", [("cut_json", READS, {})], None),
    ("reads are never answered", [("silent", READS, {})], None),
]


def setUpModule():
    global kube, way, stack
    users = {f"user-{number:03}": ["developers"] for number in range(CONNECTS * (len(FAULTS) + 4))}
    kube = server_for_tests(users=users)
    way = unittest.enterModuleContext(FaultProxy(kube))
    stack = KubeStack(kube, way).start()
    unittest.addModuleCleanup(stack.close)
    for number in range(len(users)):
        stack.add_gitlab_user(number)
    # `alice` is connected throughout, and asks for her status during every fault.
    stack.add_gitlab_user(90_000)
    assert stack.connect(stack.gitlab_token(90_000)).status == 200


class ApiServerFaults(unittest.TestCase):
    numbers = iter(range(0, 10_000, CONNECTS))

    def bearer(self, number):
        return kube.tokens[f"user-{number:03}"]

    def connect(self, number):
        return stack.connect(stack.gitlab_token(number), bearer=self.bearer(number), timeout=60)

    def status_meanwhile(self, work):
        """Runs work() and asks for alice's status all the while; gives the slowest answer's seconds, and all answers' statuses."""
        done, seconds, statuses = threading.Event(), [], []

        def ask():
            while not done.is_set():
                started = time.monotonic()
                statuses.append(stack.status().status)
                seconds.append(time.monotonic() - started)
                done.wait(0.05)
        asker = threading.Thread(target=ask)
        asker.start()
        try:
            work()
        finally:
            done.set()
            asker.join(60)
        return max(seconds), statuses

    def connect_all(self, numbers):
        answers = {}
        threads = [threading.Thread(target=lambda number=number: answers.update({number: self.connect(number)})) for number in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        return answers

    def works(self, number):
        """The stored token of a user opens, and GitLab takes it."""
        report = stack.api("POST", f"/api/projects/{stack.project}/repositories/validate", {"url": stack.simulator["repository"]}, self.bearer(number)).json
        return {check["name"]: check["ok"] for check in report["checks"]}["token"] is True

    def run_fault(self, sentence, faults, must_work):
        first = next(self.numbers)
        numbers = range(first, first + CONNECTS)
        before = stack.records()
        answers = {}
        for kind, match, more in faults:
            way.faults.add(kind, match, **more)
        try:
            slowest, statuses = self.status_meanwhile(lambda: answers.update(self.connect_all(numbers)))
        finally:
            way.faults.clear()
        self.assertEqual({200}, set(statuses))
        self.assertLess(slowest, NO_WAIT_S)
        self.assertEqual(set(numbers), set(answers))
        good = [number for number in numbers if answers[number].status == 200]
        for number in numbers:
            if answers[number].status != 200:
                self.assertIn(answers[number].status, (409, 429, 502, 503, 504), answers[number])
                self.assertIn("remediation", answers[number].json)
                self.assertNotIn(stack.gitlab_token(number), answers[number].body.decode())
        if must_work is not None:
            self.assertEqual(list(numbers) if must_work else [], good, answers)
        # 200 means that it is in a Secret, and is what was sent.
        records = stack.records()
        self.assertLessEqual(before.keys(), records.keys())
        self.assertGreaterEqual(len(records.keys() - before.keys()), len(good))
        for number in good:
            self.assertTrue(self.works(number), number)
        # And afterwards everything works: a server that failed several times in a row is left alone for a second.
        for number in numbers:
            if number not in good:
                wait_until(f"user {number} connects", lambda: self.connect(number).status == 200, 20, 0.3)
        self.assertEqual(len(before) + CONNECTS, len(stack.records()))

    # ------------------------------------------------------------------------------------------------ the whole server
    def test_killed_under_load_and_back(self):
        first = next(self.numbers)
        numbers = range(first, first + CONNECTS)
        answers = {}
        stop = threading.Event()

        def load(number):
            while not stop.is_set():
                answer = self.connect(number)
                answers.setdefault(number, []).append(answer)
        threads = [threading.Thread(target=load, args=(number,)) for number in numbers]
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                time.sleep(1.5)
                kube.kill()
                time.sleep(0.5)
                kube.restart()
            wait_until("connects work again", lambda: all(answers.get(n) and answers[n][-1].status == 200 for n in numbers), 60)
        finally:
            stop.set()
            for thread in threads:
                thread.join(90)
        seen = [answer for each in answers.values() for answer in each]
        self.assertLessEqual({answer.status for answer in seen}, {200, 409, 429, 502, 503, 504})
        self.assertIn(503, {answer.status for answer in seen})
        for number in numbers:
            if answers[number][-1].status != 200:
                self.assertEqual(200, self.connect(number).status)
            self.assertTrue(self.works(number))

    def test_while_it_is_gone_answers_come_soon_and_say_so(self):
        number = next(self.numbers)
        kube.kill()
        try:
            started = time.monotonic()
            answer = self.connect(number)
            self.assertEqual(503, answer.status, answer)
            self.assertLess(time.monotonic() - started, 20)
            self.assertEqual(200, request("GET", stack.url + "/livez").status)
        finally:
            kube.restart()
        wait_until("connects work again", lambda: self.connect(number).status == 200, 30, 0.5)

    def test_while_it_hangs_the_local_answers_do_not(self):
        number = next(self.numbers)
        answers = []
        kube.pause()
        try:
            hanging = [threading.Thread(target=lambda: answers.append(self.connect(number)), daemon=True) for _ in range(4)]
            for thread in hanging:
                thread.start()
            started = time.monotonic()
            while time.monotonic() - started < 4:
                before = time.monotonic()
                self.assertEqual(200, request("GET", stack.url + "/livez").status)
                self.assertLess(time.monotonic() - before, NO_WAIT_S)
            for thread in hanging:
                thread.join(60)
        finally:
            kube.resume()
        self.assertEqual([503] * 4, [answer.status for answer in answers])
        wait_until("connects work again", lambda: self.connect(number).status == 200, 30, 0.5)

    def test_a_rotated_token_and_a_rotated_ca_are_taken_up(self):
        number = next(self.numbers)
        self.assertEqual(200, self.connect(number).status)
        # The account is made anew: every token so far is nobody's, and the kubelet has brought a new one.
        path = "/api/v1/namespaces/vteam-backend/serviceaccounts"
        kube.admin.delete(f"{path}/acp-gitlab").must()
        kube.admin.post(path, {"metadata": {"name": "acp-gitlab"}}).must()
        stack.rotate_token()
        # The API server remembers for ten seconds that the old one was good.
        time.sleep(11)
        self.assertEqual(200, self.connect(number).status)


def faults_as_tests():
    for sentence, faults, must_work in FAULTS:
        name = "test_" + "".join(c if c.isalnum() else "_" for c in sentence.lower())
        setattr(ApiServerFaults, name, lambda self, fault=(sentence, faults, must_work): self.run_fault(*fault))


faults_as_tests()
