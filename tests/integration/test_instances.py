"""What operators say in ACP_INSTANCES_FILE: CA, networks, proxy, provider and relative roots, against a second simulator that only that file makes reachable."""
import json
import os
import shutil
import sys
import tempfile
import unittest
import urllib.parse
from pathlib import Path

from connect_proxy import ConnectProxy
from second_simulator import SecondSimulator
from stack import TOP, Stack

sys.path.insert(0, str(TOP / "simulator"))
from simulator.certificates import Authority

PROJECT = "/api/projects/default"
ROOT = "/apps/gitlab"


class InstancesTest(unittest.TestCase):
    users = 0

    @classmethod
    def setUpClass(cls):
        cls.data = Path(tempfile.mkdtemp(prefix="acp-test."))
        cls.addClassCleanup(lambda: os.environ.get("TEST_FAILED") or shutil.rmtree(cls.data))
        cls.second = SecondSimulator(cls.data / "second", ROOT)
        cls.addClassCleanup(cls.second.stop)
        port, github = cls.second.port, cls.second.github_port
        # Made before `up` starts its simulator, which then uses it: so ACP_CA_FILE vouches for the proxy, too.
        tls = Authority(cls.data / "up/simulator").issue("proxy")
        names = {"gitlab.test": "127.0.0.1"}
        cls.proxy, cls.tls_proxy = ConnectProxy(names), ConnectProxy(names, tls)
        cls.addClassCleanup(cls.proxy.stop)
        cls.addClassCleanup(cls.tls_proxy.stop)
        cls.direct = f"https://127.0.0.1:{port}{ROOT}"
        cls.named = f"https://localhost:{port}{ROOT}"
        cls.far = f"https://gitlab.test:{port}{ROOT}"
        cls.github = f"https://localhost:{github}"
        cls.farther = f"https://gitlab.test:{github}"
        shared = {"caFile": cls.second.ca_file}
        cls.entries = [
            {"name": "by address", "url": cls.direct, **shared},
            {"name": "on a listed network", "url": cls.named, "networks": [f"127.0.0.1:{port}"], **shared},
            {"name": "behind a proxy", "url": cls.far, "proxy": cls.proxy.url, **shared},
            {"name": "GitHub", "url": cls.github, "provider": "github", "networks": [f"127.0.0.1:{github}"], **shared},
            {"name": "GitHub behind a proxy with TLS", "url": cls.farther, "provider": "github", "proxy": cls.tls_proxy.url, **shared},
            {"name": "of a kind that has to be asked for", "url": f"https://127.0.0.1:{github}", "proxy": cls.proxy.url, **shared},
        ]
        cls.file = cls.data / "instances.json"
        cls.file.write_text(json.dumps(cls.entries))
        # What must not be used, and a reason for not using what must.
        environment = {"https_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1", "no_proxy": "gitlab.test,127.0.0.1"}
        settings = {"ACP_INSTANCES_FILE": str(cls.file), "ACP_PROVIDER_PROBE": "on", **environment}
        cls.stack = Stack(data=cls.data / "up", settings=settings)
        cls.addClassCleanup(cls.stack.stop)
        cls.stack.start()

    def setUp(self):
        # A token serves one user: each test has its own of both.
        type(self).users += 1
        self.bearer = self.stack.add_user(f"user-{self.users}")
        self.token = f"glpat-user{self.users}-0123456789abcdefghij"
        self.github_token = f"ghp_user{self.users}x0123456789abcdefghijklmnopqrstuvwxyz"[:40]
        self.second.control("DELETE", "/requests")
        for proxy in (self.proxy, self.tls_proxy):
            proxy.forget()

    def tearDown(self):
        self.assertEqual(self.second.control("GET", "/violations"), [])

    # ------------------------------------------------------------------------------------------------ helpers
    def requests(self):
        return self.second.control("GET", "/requests")

    def connect(self, instance):
        answer = self.stack.connect(self.token, instance, self.bearer)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["instanceUrl"], instance)

    def connect_github(self, instance):
        answer = self.stack.api("POST", "/api/auth/github/pat", {"token": self.github_token, "instanceUrl": instance}, self.bearer)
        self.assertEqual(answer.status, 200, answer)

    def validate(self, url, **more):
        answer = self.stack.api("POST", f"{PROJECT}/repositories/validate", {"url": url, **more}, self.bearer)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def failure(self, instance):
        answer = self.stack.api("POST", "/api/auth/gitlab/test", {"personalAccessToken": self.token, "instanceUrl": instance}, self.bearer)
        self.assertEqual((answer.status, answer.json["valid"]), (200, False), answer)
        return answer.json

    def run_session(self, name, url):
        answer = self.stack.create_session(name, {"description": name, "outputRepo": {"url": url, "branch": f"ambient/{name}"}}, self.bearer)
        self.assertEqual(answer.status, 201, answer)
        session = self.stack.wait_for_session(name, 90, self.bearer)
        self.assertEqual(session["status"]["phase"], "Completed", session["status"])
        return session["status"]["repositories"][0]

    def assertCarriedOnlyTls(self, proxy, target, secrets):
        """The proxy was asked for this server alone, and all that went through it is TLS."""
        self.assertEqual(list(proxy.targets), [f"CONNECT {target} HTTP/1.1"])
        self.assertGreater(len(proxy.sent), 0)
        for sent in proxy.sent:
            self.assertEqual(bytes(sent[:2]), b"\x16\x03", "a tunnel begins with a TLS handshake")
        seen = b"".join(proxy.heads) + b"".join(bytes(sent) for sent in proxy.sent)
        for secret in (*secrets, "Authorization", "Private-Token", "X-Request-Id", "/api/v"):
            self.assertNotIn(secret.lower().encode(), seen.lower())

    # ------------------------------------------------------------------------------------------------ CA, networks, roots
    def test_a_deep_root_with_its_own_ca_serves_everything(self):
        self.connect(self.direct)
        report = self.validate(f"{self.direct}/demo/hello/-/tree/main", branch="ambient/x")
        self.assertTrue(report["valid"], report)
        self.assertEqual((report["projectPath"], report["webUrl"]), ("demo/hello", f"{self.direct}/demo/hello"))
        self.assertTrue(report["apiUrl"].startswith(f"{self.direct}/api/v4/projects/"), report)
        query = urllib.parse.urlencode({"repo": f"{self.direct}/demo/hello.git"})
        branches = self.stack.api("GET", f"{PROJECT}/repo/branches?{query}", bearer=self.bearer)
        self.assertIn("main", [branch["name"] for branch in branches.json["branches"]])
        done = self.run_session("deep-root", f"{self.direct}/demo/hello.git")
        self.assertEqual(done["branchUrl"], f"{self.direct}/demo/hello/-/tree/ambient/deep-root")
        self.assertTrue(self.stack.status(self.bearer).json["connected"])
        self.assertEqual(self.stack.disconnect(self.bearer, self.direct).status, 200)
        self.assertEqual(self.stack.status(self.bearer).json, {"connected": False})

    def test_addresses_near_a_deep_root_are_corrected(self):
        rows = {f"{self.direct}/group/sub/api": self.direct, f"{self.direct}/api/v4": self.direct, f"{self.direct}/-/user_settings": self.direct,
                self.direct.replace("gitlab", "other"): self.direct.removesuffix(ROOT), "https://gitlab.example/apps/gitlab": "https://gitlab.example"}
        for given, meant in rows.items():
            with self.subTest(given):
                failed = self.failure(given)
                self.assertEqual((failed["code"], failed["remediation"]), ("instance_url_invalid", f"Use {meant} as the instance URL."))
        self.assertEqual(self.requests(), [])

    def test_another_root_of_a_listed_server_goes_the_same_way(self):
        failed = self.failure(self.direct.removesuffix(ROOT))
        self.assertNotEqual(failed["code"], "instance_tls_untrusted", "the server's CA is known, whatever root is asked for")
        self.assertGreater(len(self.requests()), 0, failed)
        self.second.control("DELETE", "/violations")  # nothing is at the top of that server

    def test_a_listed_network_is_for_its_instance_alone(self):
        self.connect(self.named)
        self.assertTrue(self.validate(f"{self.named}/demo/hello.git", access="read")["valid"])
        other_port = urllib.parse.urlsplit(self.stack.simulator["controlUrl"]).port
        self.assertEqual(self.failure(f"https://localhost:{other_port}")["code"], "instance_forbidden")

    # ------------------------------------------------------------------------------------------------ provider
    def test_the_listed_provider_is_told_without_asking_anybody(self):
        report = self.validate(f"{self.github}/octo/hello/pull/3")
        self.assertEqual((report["provider"], report["projectPath"]), ("github", "octo/hello"))
        self.assertEqual(report["apiUrl"], f"{self.github}/api/v3/repos/octo/hello")
        [failed] = [check for check in report["checks"] if check["ok"] is False]
        self.assertEqual((failed["name"], failed["code"]), ("connection", "not_connected"))
        self.assertEqual(self.requests(), [])

        self.connect_github(self.github)
        report = self.validate(f"{self.github}/octo/hello.git", branch="ambient/x")
        self.assertTrue(report["valid"], report)
        self.assertEqual(report["provider"], "github")

    # ------------------------------------------------------------------------------------------------ proxies
    def test_everything_of_a_proxied_instance_goes_through_its_tunnel(self):
        self.connect(self.far)
        self.assertTrue(self.validate(f"{self.far}/demo/hello.git", branch="ambient/x")["valid"])
        done = self.run_session("through-a-proxy", f"{self.far}/demo/hello.git")
        self.assertEqual(done["branchUrl"], f"{self.far}/demo/hello/-/tree/ambient/through-a-proxy")
        asked = self.requests()
        self.assertTrue({"api", "git"} <= {one["area"] for one in asked}, asked)
        self.assertCarriedOnlyTls(self.proxy, f"gitlab.test:{self.second.port}", [self.token])
        self.assertEqual(self.tls_proxy.heads, [])

    def test_a_proxy_with_tls_is_verified_by_our_own_list(self):
        self.connect_github(self.farther)
        report = self.validate(f"{self.farther}/octo/hello.git", branch="ambient/x")
        self.assertTrue(report["valid"], report)
        self.assertEqual(report["provider"], "github", "the list is believed before names are")
        self.run_session("through-tls", f"{self.farther}/octo/hello.git")
        self.assertCarriedOnlyTls(self.tls_proxy, f"gitlab.test:{self.second.github_port}", [self.github_token])
        self.assertEqual(self.proxy.heads, [])

    def test_other_instances_never_go_through_a_proxy(self):
        self.connect(self.direct)
        self.assertTrue(self.validate(f"{self.direct}/demo/hello.git", access="read")["valid"])
        self.assertEqual(self.failure(f"https://gitlab.test:{self.second.port + 1}")["code"], "instance_unresolvable")
        self.assertEqual(self.failure(self.proxy.url.replace("http:", "https:"))["code"], "instance_forbidden")
        self.assertEqual(self.proxy.heads + self.tls_proxy.heads, [])

    def test_what_the_proxy_says_is_told(self):
        self.proxy.refusal = "403 Forbidden"
        self.proxy.cut()
        failed = self.failure(self.far)
        self.assertEqual((failed["code"], failed["error"]),
                         ("instance_unreachable", f"The proxy on the way to gitlab.test:{self.second.port} answered with status 403 and made no connection."))
        self.assertIn("ACP_INSTANCES_FILE", failed["remediation"])
        self.assertEqual(self.requests(), [])

    def test_a_server_of_unknown_kind_is_asked_on_its_own_way(self):
        report = self.validate(f"https://127.0.0.1:{self.second.github_port}/octo/hello.git")
        self.assertEqual(report["provider"], "github")
        [asked] = self.requests()
        self.assertEqual((asked["method"], asked["path"]), ("HEAD", "/api/v4/version"))
        self.assertCarriedOnlyTls(self.proxy, f"127.0.0.1:{self.second.github_port}", [])
        self.second.control("DELETE", "/violations")  # GitHub has no such path

    # ------------------------------------------------------------------------------------------------ the file
    def test_combinations_that_would_show_a_token_stop_the_start(self):
        rows = {
            "https alone": {"url": "http://gitlab.corp", "insecureHttp": True, "proxy": "http://proxy.corp:3128"},
            "credentials of proxies are not supported": {"url": "https://gitlab.corp", "proxy": "http://jane:s3cret@proxy.corp:3128"},
            "neither 'gitlab' nor 'github'": {"url": "https://gitlab.corp", "provider": "gitea"},
            "looks like the address of a repository": {"url": "https://gitlab.corp/group/project.git"},
        }
        for number, (said, entry) in enumerate(rows.items()):
            with self.subTest(said):
                path = self.data / f"refused-{number}.json"
                path.write_text(json.dumps([{"name": "Corp", **entry}]))
                environment = {**self.stack.environment(), "ACP_INSTANCES_FILE": str(path)}
                for program, arguments in (("acp-gitlab", ["housekeeping"]), ("acp-gitlab-fcgi", ["--pool", "repositories", "--socket", self.data / "refused.sock"])):
                    result = self.stack.program(program, *arguments, check=False, env=environment)
                    self.assertEqual(result.returncode, 1, result)
                    self.assertIn("entry 1 ('Corp')", result.stderr)
                    self.assertIn(said, result.stderr)
                    self.assertNotIn("s3cret", result.stderr)

    def test_what_is_listed_no_more_can_still_be_disconnected(self):
        self.connect(self.direct)
        self.stack.stop()
        self.file.write_text(json.dumps(self.entries[1:]))
        try:
            self.stack.start()
            self.assertEqual(self.failure(self.direct)["code"], "instance_url_invalid")
            self.assertEqual(self.stack.disconnect(self.bearer, self.direct).status, 200)
            self.assertEqual(self.stack.status(self.bearer).json, {"connected": False})
        finally:
            self.stack.stop()
            self.file.write_text(json.dumps(self.entries))
            self.stack.start()


if __name__ == "__main__":
    unittest.main()
