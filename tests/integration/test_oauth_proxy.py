"""The recipe of docs/oauth-proxy.md, as it stands there, in a real nginx between callers and the product."""
import http.server
import shutil
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from examples import example
from stack import Stack, free_port, request, wait_until

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


class SignIn(http.server.BaseHTTPRequestHandler):
    """What oauth2-proxy answers: whose cookie is known gets in, with the token that the proxy keeps."""
    tokens = {}

    def do_GET(self):
        cookie = self.headers.get("Cookie", "")
        token = self.tokens.get(cookie.removeprefix("_oauth2_proxy="))
        self.send_response(202 if token else 401)
        if token:
            self.send_header("X-Auth-Request-Access-Token", token)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class OauthProxyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(settings={"ACP_TRUSTED_PROXY": "127.0.0.1"}).start()
        cls.other = cls.stack.add_user("other")
        SignIn.tokens = {"developers": cls.stack.bearer, "others": cls.other, "strangers": "a-token-that-nobody-issued"}
        cls.sign_in = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SignIn)
        threading.Thread(target=cls.sign_in.serve_forever, daemon=True).start()
        cls.start_nginx()

    @classmethod
    def start_nginx(cls):
        recipe = example("docs/oauth-proxy.md", "server {") + "\n"
        cls.port = free_port()
        for given, here in (("127.0.0.1:8443", f"127.0.0.1:{cls.port}"), ("http://127.0.0.1:8080", cls.stack.url),
                            ("http://127.0.0.1:4180", f"http://127.0.0.1:{cls.sign_in.server_port}")):
            assert given in recipe, given
            recipe = recipe.replace(given, here)
        cls.folder = tempfile.TemporaryDirectory(prefix="acp-proxy.")
        here = Path(cls.folder.name)
        paths = "".join(f"{kind}_temp_path {here}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (here / "nginx.conf").write_text(f"daemon off;\npid {here}/pid;\nerror_log {here}/error.log warn;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{recipe}}}\n")
        cls.nginx = subprocess.Popen([NGINX, "-e", here / "error.log", "-p", here, "-c", here / "nginx.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.url = f"http://127.0.0.1:{cls.port}"

        def answers():
            try:
                return request("GET", cls.url + "/", timeout=2).status
            except OSError:
                return None
        wait_until("the proxy answers", answers, 15)

    @classmethod
    def tearDownClass(cls):
        cls.nginx.terminate()
        cls.nginx.wait(10)
        cls.sign_in.shutdown()
        cls.sign_in.server_close()
        cls.folder.cleanup()
        cls.stack.close()

    def ask(self, path, who=None, method="GET", body=None, **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who:
            sent["Cookie"] = f"_oauth2_proxy={who}"
        return request(method, self.url + path, body, sent)

    def test_who_has_signed_in_needs_no_bearer(self):
        answer = self.ask("/api/auth/gitlab/status", "developers")
        self.assertEqual((answer.status, answer.json), (200, {"connected": False}))
        self.assertEqual(self.ask("/", "developers").status, 200)

    def test_who_has_not_is_sent_to_sign_in(self):
        answer = self.ask("/integrations")
        self.assertEqual((answer.status, answer.headers["Location"].partition("/oauth2/")[2]), (302, "start?rd=/integrations"))

    def test_the_caller_is_who_signed_in_whatever_else_is_sent(self):
        """Only the proxy's token counts."""
        for headers in ({}, {"X_Forwarded_Access_Token": self.stack.bearer}, {"Authorization": f"Bearer {self.stack.bearer}"},
                        {"X_Forwarded_User": "developer"}, {"X_Forwarded_Email": "developer@example.com"}):
            body = ('{"personalAccessToken": "%s", "instanceUrl": "%s"}' % (self.stack.tokens["good"], self.stack.simulator["url"])).encode()
            answer = self.ask("/api/auth/gitlab/connect", "others", "POST", body, Content_Type="application/json", **headers)
            self.assertEqual((answer.status, answer.json["userId"]), (200, "other"), answer)
        self.assertEqual(self.stack.status(bearer=self.other).json["connected"], True)
        self.assertEqual(self.stack.status().json, {"connected": False})

    def test_a_forwarded_token_is_verified_like_any_other(self):
        answer = self.ask("/api/auth/gitlab/status", "strangers")
        self.assertEqual((answer.status, answer.json["code"]), (401, "unauthenticated"))

    def test_git_has_its_own_credential(self):
        answer = self.ask("/git/no-such-session/x.git/info/refs?service=git-upload-pack", "developers")
        self.assertIn(answer.status, (401, 403))
        self.assertNotIn("Location", answer.headers)

    def test_nobody_reads_the_metrics_through_it(self):
        for path in ("/metrics", "/metrics/connect"):
            self.assertEqual(self.ask(path, "developers").status, 404, path)

    def test_from_an_address_that_is_not_listed_the_header_is_nothing(self):
        with Stack(settings={"ACP_TRUSTED_PROXY": "10.9.9.9"}) as stack:
            answer = stack.api("GET", "/api/auth/gitlab/status", bearer="", headers={"X-Forwarded-Access-Token": stack.bearer})
            self.assertEqual((answer.status, answer.json["code"]), (401, "unauthenticated"))


if __name__ == "__main__":
    unittest.main()
