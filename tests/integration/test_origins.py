"""A token goes to the exact scheme, host and port it was given for: redirects, other schemes, hosts and ports, on every call."""
import itertools
import unittest
import urllib.parse

from stack import Stack, free_port

PROJECT = "/api/projects/default"


class OriginTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The listeners may be dialled: what keeps the token back must not be the address policy.
        ports = free_port(), free_port()
        cls.stack = Stack(settings={"ACP_EGRESS_ALLOW": ",".join(f"127.0.0.1:{port}" for port in ports)}).start()
        cls.base = cls.stack.simulator["url"]
        cls.port = urllib.parse.urlsplit(cls.base).port
        assert cls.stack.connect().status == 200
        cls.pat = cls.stack.simulator["github"]["tokens"]["classic"]
        assert cls.stack.api("POST", "/api/auth/github/pat", {"token": cls.pat}).status == 200
        cls.secure = cls.stack.control("POST", "/listener", {"kind": "strict_second", "port": ports[0]})
        cls.plain = cls.stack.control("POST", "/listener", {"kind": "plain_http", "port": ports[1]})

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def tearDown(self):
        for scope in ("api", "git", "global", "github"):
            self.stack.mode(scope, "normal")
        for listener in (self.secure, self.plain):
            seen = self.stack.control("GET", f"/listener/{listener['port']}")
            self.assertEqual(seen["credentials"], 0, seen)

    # ------------------------------------------------------------------------------------------------ every call there is
    def calls(self, url):
        connect = {"personalAccessToken": self.stack.tokens["good"], "instanceUrl": self.base}
        query = urllib.parse.urlencode({"repo": url, "ref": "main", "path": "README.md"})
        return [
            ("connect", "POST", "/api/auth/gitlab/connect", connect),
            ("test", "POST", "/api/auth/gitlab/test", connect),
            ("GitHub's token", "POST", "/api/auth/github/pat", {"token": self.pat}),
            ("GitHub's test", "POST", "/api/auth/github/test", {"token": self.pat}),
            ("an installation", "POST", "/api/auth/github/install", {"installationId": 7002}),
            ("validate", "POST", f"{PROJECT}/repositories/validate", {"url": url, "branch": "ambient/x"}),
            ("validate to read", "POST", f"{PROJECT}/repositories/validate", {"url": url, "branch": "main", "access": "read"}),
            ("put repositories", "PUT", f"{PROJECT}/repositories", {"repositories": [{"url": url}]}),
            ("get repositories", "GET", f"{PROJECT}/repositories", None),
            ("branches", "GET", f"{PROJECT}/repo/branches?{query}", None),
            ("tree", "GET", f"{PROJECT}/repo/tree?{query}", None),
            ("blob", "GET", f"{PROJECT}/repo/blob?{query}", None),
        ]

    def make_all(self, url):
        for name, method, path, body in self.calls(url):
            answer = self.stack.api(method, path, body)
            self.assertNotEqual(answer.status, 500, f"{name}: {answer}")

    def test_no_redirect_is_followed_with_a_token(self):
        targets = [self.secure["url"], self.plain["url"], f"https://localhost:{self.secure['port']}", f"http://127.0.0.1:{self.port}",
                   f"https://localhost:{self.port}", self.secure["url"] + "/api/v4/projects/81", self.secure["url"] + "/api/v3/repositories/1296269"]
        github = self.stack.simulator["github"]["url"]
        rows = {"api": f"{self.base}/demo/hello.git", "git": f"{self.base}/demo/hello.git", "github": f"{github}/octo/hello.git"}
        asked = 0
        for (scope, url), status, target in itertools.product(rows.items(), (301, 302, 303, 307, 308), targets):
            with self.subTest(f"{scope} {status} {target}"):
                self.stack.control("DELETE", "/requests")
                self.stack.mode(scope, "redirect", location=target, status=status)
                self.make_all(url)
                self.stack.mode(scope, "normal")
                seen = len(self.stack.control("GET", "/requests"))
                self.assertGreater(seen, 5, "the servers were asked, and led us astray")
                asked += seen
        print(f"     {len(rows) * 5 * len(targets)} redirects × {len(self.calls(''))} calls, {asked} requests", flush=True)

    def test_a_session_is_not_led_away_either(self):
        repositories = {"git": f"{self.base}/demo/hello.git", "github": f"{self.stack.simulator['github']['url']}/octo/hello.git"}
        for number, ((scope, url), status, target) in enumerate(itertools.product(repositories.items(), (301, 302, 307, 308), (self.secure["url"], self.plain["url"]))):
            name = f"away-{number}"
            answer = self.stack.create_session(name, {"description": "x", "outputRepo": {"url": url, "branch": f"ambient/{name}"}})
            self.assertEqual(answer.status, 201, answer)
            self.stack.mode(scope, "redirect", location=target, status=status)
            done = self.stack.wait_for_session(name, 60)
            self.stack.mode(scope, "normal")
            self.assertIn(done["status"]["phase"], ("Failed", "Completed"))

    def test_another_scheme_host_or_port_gets_nothing(self):
        for url in (f"{self.secure['url']}/demo/hello.git", f"{self.plain['url']}/demo/hello.git", f"https://localhost:{self.port}/demo/hello.git",
                    f"https://localhost:{self.secure['port']}/demo/hello.git", f"http://127.0.0.1:{self.port}/demo/hello.git",
                    f"https://127.0.0.1.evil.example:{self.port}/demo/hello.git", f"https://127.0.0.1:{self.port}@127.0.0.1:{self.secure['port']}/demo/hello.git",
                    f"https://127.0.0.1%3a{self.port}@localhost:{self.secure['port']}/demo/hello.git", f"https://127.0.0.1:{self.secure['port']}#@127.0.0.1:{self.port}/demo/hello.git"):
            for provider in (None, "gitlab", "github"):
                with self.subTest(f"{url} as {provider}"):
                    self.stack.control("DELETE", "/requests")
                    body = {"url": url, **({"provider": provider} if provider else {})}
                    report = self.stack.api("POST", f"{PROJECT}/repositories/validate", body).json
                    self.assertFalse(report["valid"])
                    self.assertEqual(self.stack.control("GET", "/requests"), [])


if __name__ == "__main__":
    unittest.main()
