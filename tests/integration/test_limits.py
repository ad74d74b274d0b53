"""What one caller or one session may have going on at once: the rest of the threads are the others'."""
import concurrent.futures
import socket
import unittest
import urllib.parse

from stack import Stack, wait_until
from test_gate import GateCase

CALLER, SESSION = 16, 24  # nginx/caller_limit.conf, nginx/service.conf
VALIDATE = "/api/projects/default/repositories/validate"


class CallerTest(unittest.TestCase):
    """An instance that never answers holds whoever asks it."""

    def setUp(self):
        # A fresh one each: an instance that was silent for a while is left alone.
        self.stack = Stack(settings={"ACP_TRUSTED_PROXY": "127.0.0.1"}).start()
        self.addCleanup(self.stack.close)
        self.assertEqual(self.stack.connect().status, 200)
        self.other = self.stack.add_user("other")
        self.stack.mode("global", "silent")

    def crowd(self, count, call):
        """The answers to call(0) … call(count - 1), all made at once; another caller is served meanwhile."""
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            calls = [pool.submit(call, number) for number in range(count)]
            wait_until("some are refused", lambda: sum(each.done() for each in calls) >= count - CALLER, 8)
            self.assertEqual(self.stack.api("POST", VALIDATE, {"url": "https://nowhere.example.org/a/b"}, self.other).status, 200)
            self.assertLess(sum(each.done() for each in calls), count, "those that may wait")
            return [each.result() for each in calls]

    def refused(self, answers):
        refused = [answer for answer in answers if answer.status == 429]
        for answer in refused:
            self.assertEqual(answer.json["code"], "too_many_requests", answer)
        return len(refused)

    def test_a_bearer_counts_as_one_however_it_is_written(self):
        spellings = ("Bearer ", "bearer  ", "BEARER ", "bEaReR   ")
        body = {"url": self.stack.simulator["repository"]}
        answers = self.crowd(24, lambda number: self.stack.api("POST", VALIDATE, body, "", {"Authorization": spellings[number % 4] + self.stack.bearer}))
        self.assertEqual(self.refused(answers), 24 - CALLER)

    def test_what_a_proxy_forwards_counts_too(self):
        body = {"url": self.stack.simulator["repository"]}
        answers = self.crowd(24, lambda number: self.stack.api("POST", VALIDATE, body, "", {"X-Forwarded-Access-Token": self.stack.bearer}))
        self.assertEqual(self.refused(answers), 24 - CALLER)

    def test_connecting_is_counted(self):
        answers = self.crowd(24, lambda number: self.stack.connect(f"glpat-silent{number:014}"))
        self.assertEqual(self.refused(answers), 24 - CALLER)

    def test_checking_a_stored_token_is_counted(self):
        answers = self.crowd(24, lambda number: self.stack.api("POST", "/api/auth/gitlab/check", {}))
        self.assertEqual(self.refused(answers), 24 - CALLER)


class SessionTest(GateCase):
    def drip(self):
        """A push that has begun, and says nothing."""
        parts = urllib.parse.urlsplit(self.gate)
        connection = socket.create_connection((parts.hostname, parts.port), timeout=10)
        connection.sendall(f"POST {parts.path}/api.git/git-receive-pack HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {self.credential}\r\n"
                           "Content-Type: application/x-git-receive-pack-request\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        self.addCleanup(connection.close)
        return connection

    def test_a_session_leaves_threads_to_the_others(self):
        held = [self.drip() for _ in range(SESSION + 8)]
        path = "/api.git/info/refs?service=git-upload-pack"
        wait_until("the session has what it may have", lambda: self.get(path).status == 429, 20)
        self.assertEqual(self.get(path).json["code"], "too_many_requests")
        self.assertEqual(self.stack.status().status, 200)
        for connection in held:
            connection.close()
        wait_until("it may again", lambda: self.get(path).status == 200, 30)


if __name__ == "__main__":
    unittest.main()
