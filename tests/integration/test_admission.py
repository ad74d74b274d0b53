"""The admission webhook's listener, as anybody in the cluster can reach it."""
import json
import socket
import ssl
import sys
import unittest

from stack import TOP, Stack, free_port

sys.path.insert(0, str(TOP / "simulator"))
from simulator.certificates import Authority  # noqa: E402

CANARY = "glpat-canaryCanaryCanary"


class AdmissionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.stack = Stack()
        authority = Authority(cls.stack.data / "admission")
        authority.issue("webhook", "IP:127.0.0.1")
        cls.context = ssl.create_default_context(cafile=str(authority.ca_file))
        cls.stack.arguments += ["--admission-port", str(cls.port), "--admission-certificate", str(cls.stack.data / "admission/webhook.pem"),
                                "--admission-key", str(cls.stack.data / "admission/webhook.key")]
        cls.stack.start()

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def connect(self, context=None):
        connection = (context or self.context).wrap_socket(socket.create_connection(("127.0.0.1", self.port), 20), server_hostname="127.0.0.1")
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection, review):
        body = json.dumps(review).encode()
        connection.sendall(b"POST /admission/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        head, _, text = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), text

    def review(self, description="", url="https://gitlab.com/a/b"):
        return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "1", "operation": "CREATE", "resource": {"group": "ambient-code.io", "version": "v1alpha1", "resource": "agenticsessions"}, "userInfo": {"username": "alice"},
            "object": {"metadata": {"name": "s", "annotations": {"note": description}}, "spec": {"outputRepo": {"url": url}}}}}

    def test_a_large_question_is_answered_from_memory(self):
        """`up` gives nginx no folder that it could write a body to."""
        for size in (10, 300_000, 3_000_000):
            status, text = self.ask(self.connect(), self.review("x" * size))
            self.assertEqual((status, json.loads(text)["response"]["allowed"]), (200, True), text[:500])

    def test_a_pasted_token_is_refused_and_not_repeated(self):
        status, text = self.ask(self.connect(), self.review("x" * 300_000, f"https://oauth2:{CANARY}@gitlab.com/a/b"))
        self.assertEqual((status, json.loads(text)["response"]["allowed"], CANARY in text.decode()), (200, False, False))
        self.assertNotIn(CANARY, self.stack.log_text())

    def test_old_protocols_are_not_spoken(self):
        self.assertIn(self.connect().version(), ("TLSv1.2", "TLSv1.3"))
        old = ssl.create_default_context(cafile=str(self.stack.data / "admission/ca.pem"))
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(ssl.SSLError):
            self.connect(old)

    def test_nothing_else_is_there(self):
        for path in (b"/", b"/metrics", b"/api/version", b"/readyz"):
            connection = self.connect()
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertEqual(connection.recv(65536).split()[1], b"404", path)


if __name__ == "__main__":
    unittest.main()
