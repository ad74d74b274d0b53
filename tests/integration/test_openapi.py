"""GET /api/openapi.json is true: a linter passes it, its examples fit, every kind of answer of the running service is described in it, and a
client that makes up requests from it finds none that is not."""
import json
import os
import re
import subprocess
import tempfile
import unittest
import urllib.parse
from pathlib import Path

from openapi_contract import DOCUMENT, TOP, Contract, tools
from stack import Stack, request, wait_until

SECONDS = 90  # of made-up requests
AGENT = """#!/bin/sh
cp "$GIT_CONFIG_GLOBAL" "$ACP_WORKSPACE/given.config"
touch "$ACP_WORKSPACE/waiting"
while [ ! -e "$ACP_WORKSPACE/go" ]; do sleep 0.1; done
rm -f "$ACP_WORKSPACE/go" "$ACP_WORKSPACE/waiting" "$ACP_WORKSPACE/given.config"
for folder in */; do [ ! -e "$folder/.git" ] || echo changed >"$folder/changed.txt"; done
"""


class OpenApiCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder, why = tools()
        if cls.folder is None:
            raise unittest.SkipTest(why)
        cls.contract = Contract(cls.folder)


class DocumentTest(OpenApiCase):
    def test_a_linter_passes_it(self):
        result = subprocess.run([self.folder / "bin/openapi-spec-validator", "--errors", "all", DOCUMENT], text=True, capture_output=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def examples(self, value, place=""):
        if isinstance(value, dict):
            if "example" in value and "properties" not in value.get("example", ()) and not place.endswith("/properties"):
                yield place, {name: one for name, one in value.items() if name != "example"}, value["example"]
            for name, one in value.items():
                if name != "example":
                    yield from self.examples(one, f"{place}/{name}")
        elif isinstance(value, list):
            for number, one in enumerate(value):
                yield from self.examples(one, f"{place}/{number}")

    def test_its_examples_fit_their_schemas(self):
        count = 0
        for place, holder, example in self.examples(self.contract.document):
            with self.subTest(place):
                self.assertEqual(self.contract.errors(holder.get("schema", holder), example), [])
                count += 1
        self.assertGreater(count, 20)

    def test_every_reference_leads_somewhere_and_every_component_is_used(self):
        text = DOCUMENT.read_text()
        used = set(re.findall(r'"\$ref": "#/components/(\w+/[\w.-]+)"', text))
        there = {f"{kind}/{name}" for kind, members in self.contract.document["components"].items() if kind != "securitySchemes" for name in members}
        self.assertEqual(used - there, set())
        self.assertEqual(there - used, {"responses/E405"}, "what is said of every address has no operation")

    def test_nginx_answers_are_described(self):
        rows = re.findall(r"return (\d+) '(\{.*?\})';", (TOP / "nginx/service.conf").read_text())
        self.assertGreater(len(rows), 8)
        for status, body in rows:
            with self.subTest(status):
                schema = self.contract.document["components"]["responses"][f"E{status}"]["content"]["application/json"]["schema"]
                self.assertEqual(self.contract.errors(schema, json.loads(body)), [])


class ServiceTest(OpenApiCase):
    """Walks through all there is, and has every answer judged."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agents = tempfile.TemporaryDirectory(prefix="acp-agent.", dir="/opt" if os.access("/opt", os.W_OK) else None)
        cls.addClassCleanup(cls.agents.cleanup)
        script = Path(cls.agents.name) / "agent"
        script.write_text(AGENT)
        for path in (script, script.parent):
            path.chmod(0o755)
        cls.stack = Stack(settings={"ACP_AGENT_COMMAND": str(script), "ACP_METRICS_ALLOW": "127.0.0.1"})
        cls.addClassCleanup(cls.stack.close)
        cls.stack.start()
        cls.stack.violations_allowed = True  # of made-up requests
        cls.base, cls.github = cls.stack.simulator["url"], cls.stack.github["url"]
        cls.other = cls.stack.add_user("other", ["default", "elsewhere"])

    def call(self, method, path, body=None, wanted=200, **more):
        answer = self.stack.api(method, path, body, **more)
        self.assertEqual(self.contract.complaints(method, path, answer), [])
        self.assertEqual(answer.status, wanted, answer)
        return answer

    def test_the_service_gives_the_document_of_the_tree(self):
        answer = self.call("GET", "/api/openapi.json", bearer="")
        self.assertEqual(answer.json, self.contract.document)
        self.assertEqual(answer.headers["Content-Type"], "application/json; charset=utf-8")

    def test_accounts(self):
        token, instance = "glpat-user77-0123456789abcdefghij", self.base
        for prefix in ("/api/auth/gitlab", "/api/projects/default/auth/gitlab"):
            with self.subTest(prefix):
                bearer = self.other
                given = {"personalAccessToken": token, "instanceUrl": instance}
                self.call("GET", f"{prefix}/status", bearer=bearer)
                self.call("POST", f"{prefix}/check", {}, 409, bearer=bearer)
                self.call("POST", f"{prefix}/test", given, bearer=bearer)
                for bad in ("good", "expired", "revoked", "readUser", "oauth", "bot", "granular", "noExpiry"):
                    self.call("POST", f"{prefix}/test", {**given, "personalAccessToken": self.by_name(bad)}, bearer=bearer)
                self.call("POST", f"{prefix}/test", {**given, "personalAccessToken": self.by_name("rateLimited")}, 429, bearer=bearer)
                self.call("POST", f"{prefix}/test", {**given, "instanceUrl": "https://127.0.0.1:1"}, bearer=bearer)
                self.call("POST", f"{prefix}/connect", {"personalAccessToken": 1}, 400, bearer=bearer)
                self.call("POST", f"{prefix}/connect", {**given, "personalAccessToken": self.by_name("expired")}, 400, bearer=bearer)
                self.call("POST", f"{prefix}/connect", b"{}", 415, bearer=bearer, headers={"Content-Type": "text/plain"})
                self.call("POST", f"{prefix}/connect", b"x" * 20000, 413, bearer=bearer)
                self.call("POST", f"{prefix}/connect", given, 401, bearer="nobody")
                self.call("POST", f"{prefix}/connect", given, bearer=bearer)
                self.call("POST", f"{prefix}/check", None, bearer=bearer)
                self.call("GET", f"{prefix}/status", bearer=bearer)
                self.call("POST", f"{prefix}/disconnect", {"instanceUrl": instance}, bearer=bearer)
                self.call("DELETE", f"{prefix}/disconnect", None, bearer=bearer)
        self.call("GET", "/api/projects/secret/auth/gitlab/status", None, 403, bearer=self.other)
        self.call("GET", "/api/projects/No_Name/auth/gitlab/status", None, 400, bearer=self.other)
        self.call("GET", "/api/auth/integrations/status", bearer=self.other)
        self.call("GET", "/api/auth/integrations/status?" + "x" * 9000, None, 414, bearer=self.other)

    def by_name(self, name):
        return next(row["token"] for row in self.stack.control("GET", "/tokens") if row["name"] == name)

    def test_github(self):
        tokens, bearer = self.stack.github_tokens, self.other
        self.call("GET", "/api/auth/github/pat/status", bearer=bearer)
        self.call("GET", "/api/auth/github/status", bearer=bearer)
        self.call("POST", "/api/auth/github/install", {"installationId": 7001}, 403, bearer=bearer)
        self.call("POST", "/api/auth/github/check", {}, 409, bearer=bearer)
        self.call("POST", "/api/auth/github/test", {"token": tokens["classic"]}, bearer=bearer)
        self.call("POST", "/api/auth/github/test", {"token": tokens["revoked"]}, bearer=bearer)
        self.call("POST", "/api/auth/github/pat", {"token": tokens["revoked"]}, 400, bearer=bearer)
        self.call("POST", "/api/auth/github/pat", {"token": tokens["rateLimited"]}, 429, bearer=bearer)
        self.call("POST", "/api/auth/github/pat", {"token": tokens["classic"]}, bearer=bearer)
        self.call("POST", "/api/auth/github/check", None, bearer=bearer)
        self.call("POST", "/api/auth/github/install", {"installationId": "7001"}, bearer=bearer)
        self.call("POST", "/api/auth/github/install", {"installationId": 1}, 404, bearer=bearer)
        self.call("POST", "/api/auth/github/install", {"installationId": 0}, 400, bearer=bearer)
        for path in ("github/pat/status", "github/status", "integrations/status"):
            self.call("GET", f"/api/auth/{path}", bearer=bearer)
        self.call("POST", "/api/auth/github/disconnect", {}, bearer=bearer)
        self.call("DELETE", "/api/auth/github/pat", None, bearer=bearer)

    def test_repositories(self):
        self.assertEqual(self.stack.connect().status, 200)
        project = "/api/projects/default"
        for url in (f"{self.base}/demo/hello", f"{self.base}/demo/archived", f"{self.base}/secret/hidden", "not an address", "https://unknown.example/a/b", f"{self.base}/roles/guest",
                    f"{self.base}/demo/empty", f"{self.base}/demo/old-name", f"{self.github}/octo/hello", f"https://a:b@{self.base[8:]}/demo/hello.git?x=y#main"):
            self.call("POST", f"{project}/repositories/validate", {"url": url, "branch": "ambient/x"})
        self.call("POST", f"{project}/repositories/validate", {}, 400)
        read = self.call("GET", f"{project}/repositories")
        given = {"repositories": [{"url": f"{self.base}/demo/hello", "note": "kept"}], "more": 1}
        written = self.call("PUT", f"{project}/repositories", given, headers={"If-Match": read.headers["ETag"]})
        self.call("PUT", f"{project}/repositories", given, 412, headers={"If-Match": '"nothing"'})
        self.call("PUT", f"{project}/repositories", {"repositories": [{"url": "x y"}]}, 400)
        self.call("GET", f"{project}/repositories?reports=false")
        self.call("GET", f"{project}/repositories?reports=perhaps", None, 400)
        self.call("PUT", f"{project}/repositories", {"repositories": []}, headers={"If-Match": written.headers["ETag"]})
        repo = urllib.parse.quote(f"{self.base}/demo/browse", safe="")
        self.call("GET", f"{project}/repo/branches?repo={repo}")
        self.call("GET", f"{project}/repo/tree?repo={repo}&path=docs")
        self.call("GET", f"{project}/repo/blob?repo={repo}&path=README.md")
        self.call("GET", f"{project}/repo/blob?repo={repo}&path=binary.dat")
        self.call("GET", f"{project}/repo/blob?repo={repo}&path=large.bin", None, 413)
        self.call("GET", f"{project}/repo/blob?repo={repo}", None, 400)
        self.call("GET", f"{project}/repo/tree?repo={repo}&ref=gone", None, 404)
        self.call("GET", f"{project}/repo/tree?repo=https%3A%2F%2Fgitlab.example.org%2Fa%2Fb", None, 409)
        self.stack.mode("demo/browse", "error500")
        self.call("GET", f"{project}/repo/branches?repo={repo}", None, 502)
        self.stack.mode("demo/browse", "normal")

    # ------------------------------------------------------------------------------------------------ sessions
    def gate(self, method, path, credential, wanted, body=None, headers=None):
        sent = {"Authorization": f"Bearer {credential}"} if credential else {}
        answer = request(method, self.stack.url + path, body, {**sent, **(headers or {})})
        self.assertEqual(self.contract.complaints(method, path, answer), [])
        self.assertEqual(answer.status, wanted, answer)

    def test_sessions_and_their_gate(self):
        self.assertEqual(self.stack.connect().status, 200)
        sessions = "/api/projects/default/agentic-sessions"
        order = {"apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "metadata": {"name": "walk"},
                 "spec": {"description": "Walk", "repositories": [{"url": f"{self.base}/group/sub/api.git"}, {"url": f"{self.base}/demo/custom-hook.git"}], "mergeRequest": {}}}
        uid = self.call("POST", sessions, order, 201).json["metadata"]["uid"]
        self.call("POST", sessions, order, 201)
        self.call("POST", sessions, order, 409, bearer=self.other)
        self.call("POST", sessions, {"spec": {"repositories": [{}]}}, 400)
        self.call("POST", sessions, {**order, "metadata": {"name": "Not A Name"}}, 400)
        one = f"{sessions}/walk"
        workspace = self.stack.data / "workspaces" / uid
        wait_until("the agent waits", (workspace / "waiting").exists, 60)
        self.call("GET", one)
        self.call("GET", f"{one}/repos/status")
        self.call("POST", f"{one}/preflight")
        self.call("POST", f"{one}/preflight", None, 403, bearer=self.other)
        self.call("POST", f"{one}/repos", {"url": f"{self.base}/other/api.git", "autoPush": True}, 201)
        self.call("POST", f"{one}/repos", {"url": f"{self.base}/other/api.git"}, 409)
        self.call("POST", f"{one}/repos", {"url": f"{self.base}/secret/hidden"}, 404)
        self.call("POST", f"{one}/repos", {"url": f"{self.base}/demo/hello", "more": 1}, 400)
        self.call("GET", one)
        self.call("DELETE", f"{one}/repos/api-2")
        self.call("DELETE", f"{one}/repos/none", None, 404)
        given = (workspace / "given.config").read_text()
        credential = re.search(r"Authorization: Bearer ([\w-]+)", given)[1]
        gate, upload = f"/git/{uid}", {"Content-Type": "application/x-git-upload-pack-request"}
        self.gate("POST", f"{gate}/preflight", credential, 200)
        self.gate("POST", f"{gate}/preflight?repository=none", credential, 404)
        self.gate("POST", f"{gate}/preflight", "", 403)
        self.gate("GET", f"{gate}/api.git/info/refs?service=git-upload-pack", credential, 200)
        self.gate("GET", f"{gate}/api.git/info/refs?service=git-receive-pack", credential, 200)
        self.gate("GET", f"{gate}/api.git/info/refs", credential, 400)
        self.gate("GET", f"{gate}/none.git/info/refs?service=git-upload-pack", credential, 403)
        self.gate("POST", f"{gate}/api.git/git-upload-pack", credential, 200, b"0000", upload)
        self.gate("POST", f"{gate}/api.git/git-upload-pack", credential, 415, b"0000", {"Content-Type": "text/plain"})
        for capabilities, wanted in (("report-status", 200), ("", 403)):  # in git's own form, to whoever understands it
            command = f"{'0' * 40} {'1' * 40} refs/heads/main\0{capabilities}"
            push = f"{len(command) + 4:04x}{command}0000".encode()
            self.gate("POST", f"{gate}/api.git/git-receive-pack", credential, wanted, push, {"Content-Type": "application/x-git-receive-pack-request"})
        self.gate("GET", f"{gate}/outcomes", credential, 200)
        self.gate("POST", f"{gate}/api/merge-request", credential, 422)
        (workspace / "go").touch()
        self.stack.wait_for_session("walk")
        self.gate("GET", f"{gate}/outcomes", credential, 403)
        for path in ("", "/repos/status", "/git/results", "/notification"):
            self.call("GET", one + path)
        self.call("POST", f"{one}/repos", {"url": f"{self.base}/demo/hello"}, 409)
        self.call("POST", f"{one}/git/push", None, 403, bearer=self.other)
        self.call("POST", f"{one}/git/push", None, 202)
        self.call("GET", sessions)
        self.call("DELETE", one)
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/preflight"), ("GET", "/notification"), ("POST", "/git/push")):
            self.call(method, f"{sessions}/none{path}", None, 404)

    def test_the_service_itself(self):
        for path in ("/livez", "/healthz", "/health", "/readyz", "/readyz?verbose", "/api/version", "/metrics", "/metrics/connect", "/metrics/repositories", "/metrics/git"):
            self.call("GET", path, bearer="")
        self.call("GET", "/api/none", None, 404)
        answer = self.stack.api("PATCH", "/api/version", {})
        schema = self.contract.document["components"]["responses"]["E405"]["content"]["application/json"]["schema"]
        self.assertEqual((answer.status, self.contract.errors(schema, answer.json)), (405, []))

    # ------------------------------------------------------------------------------------------------ made-up requests
    def test_a_client_that_makes_up_requests_finds_nothing_that_is_not_described(self):
        self.assertEqual(self.stack.connect().status, 200)
        order = {"metadata": {"name": "made-up"}, "spec": {"description": "x", "repositories": [{"url": f"{self.base}/group/sub/api.git"}]}}
        self.assertEqual(self.stack.api("POST", "/api/projects/default/agentic-sessions", order).status, 201)
        # Names that are there, so that requests get behind the door.
        names = {"path.project": "default", "path.session": "made-up", "query.repo": f"{self.base}/demo/hello"}
        settings = "[parameters]\n" + "".join(f'"{name}" = "{value}"\n' for name, value in names.items())
        (self.stack.data / "schemathesis.toml").write_text(settings)
        checks = ("status_code_conformance", "content_type_conformance", "response_headers_conformance", "response_schema_conformance", "unsupported_method", "ignored_auth",
                  "only_named_servers_fail")
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "openapi_checks", "PYTHONPATH": str(Path(__file__).parent)}
        command = [self.folder / "bin/schemathesis", "run", f"{self.stack.url}/api/openapi.json", "--header", f"Authorization: Bearer {self.stack.bearer}", "--checks", ",".join(checks),
                   "--exclude-path-regex", "^/(git|admission)/", "--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--max-time", str(SECONDS), "--continue-on-failure", "--seed", "1",
                   "--generation-database", "none", "--request-timeout", "60", "--suppress-health-check", "all", "--no-color", "--workers", "1"]
        result = subprocess.run([str(word) for word in command], text=True, capture_output=True, timeout=SECONDS + 240, env=environment, cwd=self.stack.data)
        self.assertEqual(result.returncode, 0, result.stdout[-12000:] + result.stderr[-2000:])
        print("     " + ", ".join(re.findall(r"(?:Tested: \d+|\d+ generated)", result.stdout)), flush=True)
        self.assertEqual(self.stack.api("GET", "/readyz", bearer="").status, 200)


if __name__ == "__main__":
    unittest.main()
