"""Bad input of every kind: each its own JSON error, nothing stored, no crash, the same workers live on."""
import json
import socket
import unittest
import urllib.parse
from pathlib import Path

from stack import Stack


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.workers = [pid for pid in cls.stack.pids() if Path(f"/proc/{pid}/comm").read_text().startswith("acp-")]
        assert len(cls.workers) > 8

    @classmethod
    def tearDownClass(cls):
        gone = [pid for pid in cls.workers if pid not in cls.stack.pids()]
        cls.stack.close()
        assert not gone, f"workers died: {gone}"

    def assertRefused(self, answer, status, code):
        self.assertEqual(answer.status, status, answer)
        self.assertTrue(answer.headers["Content-Type"].startswith("application/json"), answer)
        body = answer.json
        self.assertEqual((body["statusCode"], body["code"]), (status, code), answer)
        self.assertTrue(body["error"] and body["remediation"] and body["requestId"], answer)
        self.assertEqual(self.stack.status().json, {"connected": False})

    def connect(self, body, **more):
        return self.stack.api("POST", "/api/auth/gitlab/connect", body, **more)

    def test_bodies_that_are_not_one_json_object(self):
        token = b'"personalAccessToken":"glpat-0123456789abcdefghij"'
        table = [
            (b"", "bad_json"), (b"{", "bad_json"), (b"{" + token, "bad_json"), (b"[]", "bad_json"), (b'"x"', "bad_json"), (b"null", "bad_json"),
            (b"{" + token + b"," + token + b"}", "bad_json"), (b"{" + token + b"} x", "bad_json"), (b"{" + token + b',"a":1e999}', "bad_json"),
            (b'{"personalAccessToken":"glpat-\xff\xfe"}', "bad_json"), (b'{"personalAccessToken":"\\ud800"}', "bad_json"),
            (b'{"personalAccessToken":"glpat-\\u00000123456789"}', "bad_json"), (b"[" * 8000, "bad_json"), (b'{"a":' * 3000 + b"1" + b"}" * 1000, "bad_json"),
            (b"\x00", "bad_json"), (b"{}", "field_missing"), (b'{"personalAccessToken":null}', "field_missing"), (b'{"personalAccessToken":7}', "field_invalid"),
            (b'{"personalAccessToken":["glpat-0123456789abcdefghij"]}', "field_invalid"), (b"{" + token + b',"instanceUrl":5}', "field_invalid"),
            (b"{" + token + b',"instanceUrl":"https://gitlab.com\\r\\nX: y"}', None), (b'{"personalAccessToken":"glpat-0123456789\\r\\nX-Evil: 1"}', None),
        ]
        for body, code in table:
            with self.subTest(body[:60]):
                answer = self.connect(body)
                self.assertRefused(answer, 400, code or answer.json["code"])
                self.assertNotIn(b"0123456789abcdefghij", answer.body)

    def test_a_body_100000_deep_is_refused_on_the_larger_routes(self):
        for body in (b"[" * 100_000, b'{"a":' * 50_000):
            answer = self.stack.api("POST", "/api/projects/default/agentic-sessions", body)
            self.assertRefused(answer, 400, "bad_json")

    def test_oversized_bodies(self):
        self.assertRefused(self.connect(b'{"personalAccessToken":"' + b"x" * 17_000 + b'"}'), 413, "body_too_large")
        self.assertRefused(self.stack.api("POST", "/api/projects/default/agentic-sessions", b'{"a":"' + b"x" * 300_000 + b'"}'), 413, "body_too_large")

    def test_the_content_type_must_be_json(self):
        body = json.dumps({"personalAccessToken": "glpat-0123456789abcdefghij"}).encode()
        for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data; boundary=x", "application/json; charset=latin1"):
            with self.subTest(kind):
                self.assertRefused(self.connect(body, headers={"Content-Type": kind}), 415, "unsupported_media_type")

    def test_unknown_paths_and_wrong_methods(self):
        for path in ("/api", "/api/", "/api/nothing", "/api/auth/gitlab", "/api/auth/gitlab/connect/x", "/nothing", "/.git/config", "/api/projects/default/nothing",
                     "/api/auth/gitlab/%63onnectx", "/api//auth/gitlab/status"):
            with self.subTest(path):
                self.assertRefused(self.stack.api("GET", path), 404, "not_found")
        for method, path, allow in (("PUT", "/api/auth/gitlab/connect", "POST"), ("GET", "/api/auth/gitlab/connect", "POST"), ("DELETE", "/api/auth/gitlab/status", "GET"),
                                    ("PATCH", "/api/projects/default/agentic-sessions", "POST"), ("POST", "/api/version", "GET"), ("TRACEX", "/api/auth/gitlab/status", "GET")):
            with self.subTest(method + path):
                answer = self.stack.api(method, path, b"{}" if method in ("PUT", "PATCH", "POST") else None)
                self.assertRefused(answer, 405, "method_not_allowed")
                self.assertIn(allow, answer.headers["Allow"])

    def raw(self, request):
        """Sends bytes and gives the status line and body of the first answer."""
        parts = urllib.parse.urlsplit(self.stack.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=15) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def test_callers_without_exactly_one_good_bearer(self):
        good = f"Bearer {self.stack.bearer}"
        for header in (None, "", "Bearer", "Bearer ", "Bearer x", f"bearer{self.stack.bearer}", f"Basic {self.stack.bearer}", good + "x", good[:-1], f"{good}, {good}", "Bearer " + "a" * 7000):
            with self.subTest(str(header)[:30]):
                answer = self.stack.api("GET", "/api/auth/gitlab/status", bearer="", headers={"Authorization": header})
                self.assertEqual((answer.status, answer.json["code"]), (401, "unauthenticated"), answer)
        answer = self.stack.api("GET", f"/api/auth/gitlab/status?token={self.stack.bearer}", bearer="")
        self.assertEqual(answer.status, 401)
        status, body = self.raw(b"GET /api/auth/gitlab/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " + good.encode() + b"\r\nAuthorization: " + good.encode() + b"\r\n\r\n")
        self.assertEqual((status, json.loads(body)["statusCode"]), (400, 400))

    def test_forged_identity_headers_change_nothing(self):
        for header in ("X-Forwarded-User", "X-Forwarded-Email", "X-Remote-User", "X_Forwarded_User", "X-Forwarded-Access-Token", "Proxy", "Remote-User", "X-Auth-User"):
            with self.subTest(header):
                answer = self.stack.api("GET", "/api/auth/gitlab/status", bearer="", headers={header: "root"})
                self.assertEqual(answer.status, 401, answer)

    def test_requests_that_are_not_http(self):
        for request in (b"GARBAGE\r\n\r\n", b"GET /api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: x\r\n\r\n"):
            with self.subTest(request[:20]):
                status, body = self.raw(request)
                self.assertEqual((status, json.loads(body)["code"]), (400, "bad_request"))
        status, body = self.raw(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertEqual((status, json.loads(body)["statusCode"]), (414, 414))

    def test_project_and_session_names_that_climb(self):
        for path in ("/api/projects/../auth/gitlab/status", "/api/projects/%2e%2e/auth/gitlab/status", "/api/projects/default%2Fx/auth/gitlab/status",
                     "/api/projects/default/agentic-sessions/..%2f..%2fetc", "/api/projects/default/agentic-sessions/a%00b", "/api/projects/default/agentic-sessions/%ff"):
            with self.subTest(path):
                answer = self.stack.api("GET", path)
                self.assertIn(answer.status, (400, 404), answer)
                self.assertIn(answer.json["code"], ("not_found", "field_invalid", "session_not_found", "bad_request"))

    def test_sessions_that_are_none(self):
        table = [
            ({}, "field_missing"), ({"spec": []}, None), ({"kind": "Pod", "spec": {}}, "session_invalid"), ({"spec": {}}, "session_no_repository"),
            ({"spec": {"outputRepo": {"url": "file:///etc"}}}, None), ({"spec": {"outputRepo": {"url": "/etc/passwd"}}}, None),
            ({"metadata": {"name": "Bad Name"}, "spec": {"outputRepo": {"url": "https://gitlab.com/a/b"}}}, None),
            ({"spec": {"outputRepo": {"url": "https://gitlab.com/a/b", "branch": "a..b"}}}, None),
            ({"spec": {"repositories": [{"url": "https://gitlab.com/a/b"}] * 500}}, None),
            ({"spec": {"repositories": [{"url": f"https://gitlab.com/a/b{i}"} for i in range(500)]}}, None),
        ]
        for body, code in table:
            with self.subTest(json.dumps(body)[:80]):
                answer = self.stack.api("POST", "/api/projects/default/agentic-sessions", body)
                if body == table[8][0]:
                    self.assertIn(answer.status, (201, 400), answer)
                    continue
                self.assertRefused(answer, 400, code or answer.json["code"])


if __name__ == "__main__":
    unittest.main()
