"""What nginx answers by itself, before or in place of our programs: in the API's shape too, with its headers."""
import email
import os
import re
import signal
import socket
import time
import unittest
import urllib.parse
from pathlib import Path

from stack import Answer, Stack, wait_until


class ServerErrorsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(demo=False).start()

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def raw(self, request, seconds=15):
        """Sends bytes; gives the answer, or None when the connection ends without one."""
        parts = urllib.parse.urlsplit(self.stack.url)
        text = b""
        with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as connection:
            connection.sendall(request)
            try:
                while not self.is_whole(text) and (chunk := connection.recv(65536)):
                    text += chunk
            except ConnectionError:
                pass
        if not text:
            return None
        head, _, body = text.partition(b"\r\n\r\n")
        line, _, headers = head.partition(b"\r\n")
        return Answer(int(line.split()[1]), email.message_from_bytes(headers), body)

    @staticmethod
    def is_whole(text):
        head, end, body = text.partition(b"\r\n\r\n")
        return end and len(body) >= int(re.search(rb"(?i)content-length: (\d+)", head)[1])

    def assertOurs(self, answer, status, code):
        self.assertEqual(answer.status, status, answer)
        body = answer.json
        self.assertEqual(sorted(body), ["code", "error", "remediation", "requestId", "statusCode"])
        self.assertEqual((body["statusCode"], body["code"]), (status, code), answer)
        self.assertTrue(body["error"] and body["remediation"])
        headers = {name: answer.headers[name] for name in ("Content-Type", "Cache-Control", "X-Content-Type-Options", "X-Request-ID")}
        self.assertEqual(headers, {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
                                   "X-Request-ID": body["requestId"]})

    def processes(self, pool):
        """Ids of a pool's processes: the one that supervises, and those that serve."""
        return [pid for pid, words in self.stack.commands().items() if ("--pool", pool) in zip(words, words[1:])]

    def sockets(self, pool):
        words = self.stack.commands()[self.processes(pool)[0]]
        return [Path(path) for option, path in zip(words, words[1:]) if option == "--socket"]

    def refused(self, method, path, body):
        answer = self.stack.api(method, path, body)
        return answer if answer.status >= 500 else None

    def test_requests_that_are_refused(self):
        head = b"Host: x\r\nConnection: close\r\n"
        rows = [
            ("no HTTP", 400, "bad_request", b"GARBAGE\r\n\r\n"),
            ("a version of HTTP that is none", 400, "bad_request", b"GET /api/version HTTP/3.0\r\n" + head + b"\r\n"),
            ("a transfer coding that nobody knows", 400, "bad_request", b"POST /api/auth/gitlab/connect HTTP/1.1\r\n" + head + b"Transfer-Encoding: gzip\r\n\r\n"),
            ("nothing there", 404, "not_found", b"GET /nothing HTTP/1.1\r\n" + head + b"\r\n"),
            ("no such style", 404, "not_found", b"GET /assets/nothing.css HTTP/1.1\r\n" + head + b"\r\n"),
            ("a page is for reading", 405, "method_not_allowed", b"POST / HTTP/1.1\r\n" + head + b"Content-Length: 0\r\n\r\n"),
            ("a token's body that is too large", 413, "body_too_large", b"POST /api/auth/gitlab/connect HTTP/1.1\r\n" + head + b"Content-Length: 16385\r\n\r\n"),
            ("any body that is too large", 413, "body_too_large", b"POST /api/projects/default/agentic-sessions HTTP/1.1\r\n" + head + b"Content-Length: 262145\r\n\r\n"),
            ("a long address", 414, "bad_request", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + head + b"\r\n"),
            ("an address beyond nginx's buffers", 414, "bad_request", b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\n" + head + b"\r\n"),
            ("a header beyond nginx's buffers", 494, "bad_request", b"GET /api/version HTTP/1.1\r\n" + head + b"X-A: " + b"a" * 40000 + b"\r\n\r\n"),
        ]
        for row, status, code, request in rows:
            with self.subTest(row):
                answer = self.raw(request)
                self.assertOurs(answer, status, code)
                self.assertEqual(answer.headers["Allow"], "GET, HEAD" if status == 405 else None)

    def test_who_does_not_send_a_request_to_its_end_gets_no_answer(self):
        started = time.monotonic()
        self.assertIsNone(self.raw(b"POST /api/auth/gitlab/connect HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", 30))
        self.assertGreater(time.monotonic() - started, 4)

    def test_a_pool_that_is_not_there(self):
        body = {"personalAccessToken": "glpat-0123456789abcdefghij"}
        for pool, method, path in (("connect", "POST", "/api/auth/gitlab/connect"), ("repositories", "GET", "/api/projects/default/repositories"),
                                   ("status", "GET", "/api/auth/gitlab/status"), ("status", "GET", "/livez"),
                                   ("git", "GET", "/git/x/api.git/info/refs?service=git-upload-pack")):
            with self.subTest(path):
                sockets = self.sockets(pool)
                for one in sockets:
                    one.rename(one.with_suffix(".away"))
                try:
                    answer = wait_until("the connections that nginx has kept are used up", lambda: self.refused(method, path, body if method == "POST" else None), 20)
                finally:
                    for one in sockets:
                        one.with_suffix(".away").rename(one)
                self.assertOurs(answer, 503, "service_unavailable")
                self.assertEqual(answer.headers["Retry-After"], "2")

    def test_a_pool_that_does_not_answer(self):
        pids = self.processes("status")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            answer = self.stack.api("GET", "/api/auth/gitlab/status", timeout=60)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        self.assertOurs(answer, 504, "service_timeout")


if __name__ == "__main__":
    unittest.main()
