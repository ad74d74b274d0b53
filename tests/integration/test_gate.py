"""Plain git through the gate: what it lets through, what it refuses, and what never passes it."""
import base64
import contextlib
import json
import os
import re
import sqlite3
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from stack import Stack, request, wait_until

# The agent leaves its session's git configuration where the test can use it, and waits until it is told to go on.
AGENT = """#!/bin/sh
cp "$GIT_CONFIG_GLOBAL" "$ACP_WORKSPACE/given.config"
touch "$ACP_WORKSPACE/waiting"
while [ ! -e "$ACP_WORKSPACE/go" ]; do sleep 0.1; done
rm -f "$ACP_WORKSPACE/go" "$ACP_WORKSPACE/waiting" "$ACP_WORKSPACE/given.config"
"""


class GateCase(unittest.TestCase):
    """A session whose agent waits, its git configuration and its credential."""
    arguments = ()  # of nginx/up

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="acp-agent.", dir="/opt" if os.access("/opt", os.W_OK) else None)
        script = Path(cls.folder.name) / "agent"
        script.write_text(AGENT)
        script.chmod(0o755)
        cls.stack = Stack(settings={"ACP_AGENT_COMMAND": str(script)}, arguments=cls.arguments).start()
        cls.base = cls.stack.simulator["url"]
        assert cls.stack.connect().status == 200
        answer = cls.stack.create_session("gate", {"description": "gate", "repositories": [{"url": f"{cls.base}/group/sub/api.git"}]})
        assert answer.status == 201, answer
        cls.session_id = answer.json["metadata"]["uid"]
        cls.workspace = cls.stack.data / "workspaces" / cls.session_id
        wait_until("the agent waits", (cls.workspace / "waiting").exists, 60)
        cls.config = cls.stack.data / "home/.gitconfig"  # where every git reads it; GIT_CONFIG_GLOBAL came with 2.32
        cls.config.parent.mkdir()
        cls.config.write_text((cls.workspace / "given.config").read_text())
        header = subprocess.run(["git", "config", "-f", cls.config, "--get-regexp", r"^http\..*\.extraheader$"], text=True, capture_output=True, check=True).stdout
        cls.credential = header.strip().rsplit(" ", 1)[1]
        cls.gate = f"{cls.stack.url}/git/{cls.session_id}"

    @classmethod
    def tearDownClass(cls):
        if (cls.workspace / "waiting").exists():
            (cls.workspace / "go").touch()
        cls.stack.close()
        cls.folder.cleanup()

    def git_environment(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.config.parent), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}

    def git(self, *arguments, cwd=None, check=True):
        result = subprocess.run(["git", *arguments], cwd=cwd, env=self.git_environment(), text=True, capture_output=True, timeout=60)
        if check and result.returncode != 0:
            raise AssertionError(f"git {arguments}: {result.stderr}")
        return result

    def get(self, path, credential=None, method="GET", body=None, headers=None):
        sent = dict(headers or {})
        if credential is None:
            credential = f"Bearer {self.credential}"
        if credential:
            sent["Authorization"] = credential
        return request(method, self.gate + path, body, sent)

    def outcomes(self):
        return self.get("/outcomes").json["outcomes"]


class GateTest(GateCase):
    def test_plain_git_clones_fetches_and_pushes_with_the_real_address(self):
        with tempfile.TemporaryDirectory() as folder:
            self.git("clone", "-q", f"{self.base}/group/sub/api.git", "x", cwd=folder)
            work = folder + "/x"
            Path(work, "new").write_text("new\n")
            self.git("add", "new", cwd=work)
            self.git("commit", "-q", "-m", "new", cwd=work)
            pushed = self.git("push", "-q", "--force", "origin", "HEAD:refs/heads/ambient/gate", cwd=work)
            self.assertIn("merge request", pushed.stderr)
            self.git("fetch", "-q", cwd=work)
            shallow = folder + "/shallow"
            self.git("clone", "-q", "--depth", "1", f"{self.base}/group/sub/api.git", shallow)
            partial = folder + "/partial"
            self.git("clone", "-q", "--filter=blob:none", f"{self.base}/group/sub/api.git", partial)
            self.assertNotIn("glpat-", Path(work, ".git/config").read_text())

    def test_each_version_of_the_protocol_passes(self):
        for version in ("0", "1", "2"):
            with self.subTest(version), tempfile.TemporaryDirectory() as folder:
                self.git("-c", f"protocol.version={version}", "clone", "-q", f"{self.base}/group/sub/api.git", "x", cwd=folder)
                listed = self.git("-c", f"protocol.version={version}", "ls-remote", f"{self.base}/group/sub/api.git", "refs/heads/main").stdout
                self.assertEqual(listed.split(), [self.git("rev-parse", "HEAD", cwd=folder + "/x").stdout.strip(), "refs/heads/main"])
                self.git("commit", "-q", "--allow-empty", "-m", version, cwd=folder + "/x")
                self.git("-c", f"protocol.version={version}", "pull", "-q", "--rebase", "origin", "main", cwd=folder + "/x")
                self.git("-c", f"protocol.version={version}", "push", "-q", "-f", "origin", "HEAD:refs/heads/ambient/gate", cwd=folder + "/x")

    def test_only_the_sessions_branch_may_be_pushed(self):
        before = self.stack.control("GET", "/refs?project=group/sub/api")
        with tempfile.TemporaryDirectory() as folder:
            self.git("clone", "-q", f"{self.base}/group/sub/api.git", "x", cwd=folder)
            work = folder + "/x"
            self.git("commit", "-q", "--allow-empty", "-m", "more", cwd=work)
            for target in ("HEAD:refs/heads/main", "HEAD:refs/heads/other", "HEAD:refs/tags/t", ":refs/heads/main", "HEAD:refs/heads/ambient/gate2", "HEAD:refs/heads/ambient/gat"):
                result = self.git("push", "origin", target, cwd=work, check=False)
                self.assertNotEqual(result.returncode, 0, target)
                why = "A session may not delete branches or tags." if target.startswith(":") else "This session may push only to the branch ambient/gate."
                self.assertRegex(result.stderr, rf"! \[remote rejected\] .*\({re.escape(why)}\)")
            # GitLab would open and merge a request with them, whoever's branch it names.
            own = self.stack.control("GET", "/refs?project=group/sub/api").get("refs/heads/ambient/gate")
            result = self.git("push", "-f", "-o", "merge_request.create", "-o", "merge_request.target=main", "origin", "HEAD:refs/heads/ambient/gate", cwd=work, check=False)
            self.assertIn("(Push options are not possible in a session.)", result.stderr)
            self.assertEqual(self.stack.control("GET", "/refs?project=group/sub/api").get("refs/heads/ambient/gate"), own)
        self.assertEqual({k: v for k, v in self.stack.control("GET", "/refs?project=group/sub/api").items() if k != "refs/heads/ambient/gate"},
                         {k: v for k, v in before.items() if k != "refs/heads/ambient/gate"})

    def test_wrong_credentials_are_403_and_never_401(self):
        basic = "Basic " + base64.b64encode(f"x:{self.credential}".encode()).decode()
        self.assertEqual(self.get("/api.git/info/refs?service=git-upload-pack", basic).status, 200)
        for credential in ("", "Bearer x", "Bearer " + "0" * 43, f"Bearer {self.stack.bearer}", f"Bearer {self.stack.tokens['good']}", "Basic eDp5"):
            with self.subTest(credential[:12]):
                answer = self.get("/api.git/info/refs?service=git-upload-pack", credential)
                self.assertEqual(answer.status, 403, answer)
                self.assertNotIn("WWW-Authenticate", answer.headers)

    def test_paths_that_are_not_the_sessions(self):
        for path in ("/other.git/info/refs?service=git-upload-pack", "/api.git/info/refs", "/api.git/info/refs?service=git-evil", "/api.git/objects/info/packs", "/api.git/HEAD",
                     "/..%2fapi.git/info/refs?service=git-upload-pack", "/api/info/refs?service=git-upload-pack"):
            with self.subTest(path):
                answer = self.get(path)
                self.assertIn(answer.status, (400, 403, 404, 405), answer)
        other = request("GET", f"{self.stack.url}/git/00000000-0000-4000-8000-000000000000/api.git/info/refs?service=git-upload-pack",
                        headers={"Authorization": f"Bearer {self.credential}"})
        self.assertEqual(other.status, 403)

    def test_nothing_passes_behind_a_list_without_refs(self):
        kind = {"Content-Type": "application/x-git-receive-pack-request"}
        self.assertEqual(self.get("/api.git/git-receive-pack", None, "POST", b"0000", kind).status, 200)
        zero, new = b"0" * 40, b"1" * 40
        command = zero + b" " + new + b" refs/heads/main\0 object-format=sha1"
        hidden = b"0000" + b"%04x" % (len(command) + 4) + command + b"0000"
        self.assertIn(self.get("/api.git/git-receive-pack", None, "POST", hidden, kind).status, (400, 403))
        self.assertIn(self.get("/api.git/git-receive-pack", None, "POST", iter([b"0000", hidden[4:]]), kind).status, (400, 403))

    def test_no_token_redirect_or_challenge_passes(self):
        host = "git"
        for mode, more in (("redirect", {"location": "https://evil.example/x"}), ("sign_in_redirect", {}), ("error500", {}), ("html", {}), ("maintenance503", {})):
            with self.subTest(mode):
                self.stack.mode(host, mode, **more)
                answer = self.get("/api.git/info/refs?service=git-upload-pack")
                self.stack.mode(host, "normal")
                self.assertGreaterEqual(answer.status, 400, answer)
                self.assertNotEqual(answer.status, 401)
                text = json.dumps(dict(answer.headers)) + answer.body.decode(errors="replace")
                for never in ("Location", "WWW-Authenticate", "evil.example", self.stack.tokens["good"], "<html"):
                    self.assertNotIn(never, text)

    def test_what_a_client_repeats_is_written_once(self):
        """A push to a branch that is not the session's, again and again."""
        command = b"0" * 40 + b" " + b"1" * 40 + b" refs/heads/main\0 object-format=sha1"
        body = b"%04x" % (len(command) + 4) + command + b"0000"
        before, begun = len(self.outcomes()), time.monotonic()
        for _ in range(60):
            answer = self.get("/api.git/git-receive-pack", None, "POST", body, {"Content-Type": "application/x-git-receive-pack-request"})
            self.assertEqual(answer.status, 403, answer)
        written = self.outcomes()[before:]
        # Each of the pool's two processes writes once in ten seconds.
        self.assertLessEqual(len(written), 2 * (2 + int((time.monotonic() - begun) / 10)), written)
        self.assertIn("git_ref_forbidden", [outcome["code"] for outcome in self.outcomes()])

    def test_a_silent_server_is_given_up(self):
        self.stack.mode("git", "silent")
        started = time.monotonic()
        try:
            answer = self.get("/api.git/info/refs?service=git-upload-pack")
        finally:
            self.stack.mode("git", "normal")
        self.assertGreaterEqual(answer.status, 500, answer)
        self.assertLess(time.monotonic() - started, 25)

    def test_the_gate_ends_with_the_session(self):
        answer = self.stack.create_session("short", {"description": "x", "repositories": [{"url": f"{self.base}/other/api.git"}]})
        workspace = self.stack.data / "workspaces" / answer.json["metadata"]["uid"]
        wait_until("the agent waits", (workspace / "waiting").exists, 60)
        given = (workspace / "given.config").read_text()
        credential = [line for line in given.splitlines() if "Authorization" in line][0].rsplit(" ", 1)[1].strip('"')
        address = f"{self.stack.url}/git/{answer.json['metadata']['uid']}/api.git/info/refs?service=git-upload-pack"
        self.assertEqual(request("GET", address, headers={"Authorization": f"Bearer {credential}"}).status, 200)
        (workspace / "go").touch()
        self.stack.wait_for_session("short")
        self.assertEqual(request("GET", address, headers={"Authorization": f"Bearer {credential}"}).status, 403)

    def sent(self, commit):
        with contextlib.closing(sqlite3.connect(self.stack.data / "database/acp-gitlab.db", timeout=20)) as db:
            return db.execute("SELECT count(*) FROM session_pushes WHERE commit_id = ?", (commit,)).fetchone()[0]

    def test_a_transfer_under_way_ends_with_the_session(self):
        """A push whose list of refs has passed, and whose pack is kept back until its session is deleted."""
        answer = self.stack.create_session("dripping", {"description": "x", "repositories": [{"url": f"{self.base}/other/api.git"}]})
        workspace = self.stack.data / "workspaces" / answer.json["metadata"]["uid"]
        wait_until("the agent waits", (workspace / "waiting").exists, 60)
        given = (workspace / "given.config").read_text()
        credential = [line for line in given.splitlines() if "Authorization" in line][0].rsplit(" ", 1)[1].strip('"')
        copy = workspace / "api"
        commit = self.git("commit-tree", "-m", "late", "-p", "HEAD", "HEAD^{tree}", cwd=copy).stdout.strip()
        pack = subprocess.run(["git", "pack-objects", "--stdout", "-q"], input=commit.encode(), cwd=copy, capture_output=True, check=True).stdout
        command = f"{'0' * 40} {commit} refs/heads/ambient/dripping\0 report-status".encode()
        begun = time.monotonic()

        def body():
            yield b"%04x" % (len(command) + 4) + command + b"0000" + pack[:20]
            # The gate writes the commit down before it lets the list of refs pass.
            wait_until("the push is on its way", lambda: self.sent(commit), 30)
            self.assertEqual(self.stack.api("DELETE", "/api/projects/default/agentic-sessions/dripping").status, 200)
            for byte in pack[20:24]:
                time.sleep(2)
                yield bytes([byte])
            yield pack[24:]

        try:
            answer = request("POST", f"{self.stack.url}/git/{answer.json['metadata']['uid']}/api.git/git-receive-pack", body(),
                             {"Authorization": f"Bearer {credential}", "Content-Type": "application/x-git-receive-pack-request"})
            self.assertEqual(answer.status, 403, answer)
            self.assertIn(b"The transfer was ended", answer.body)
        except ConnectionError:
            pass  # it had been answered before the client had sent everything
        self.assertGreater(time.monotonic() - begun, 2)
        self.assertNotIn("refs/heads/ambient/dripping", self.stack.control("GET", "/refs?project=other/api"))

    def test_a_missing_project_is_never_created_by_a_push(self):
        self.stack.control("POST", "/projects", {"path": "john/vanishing"})
        answer = self.stack.create_session("vanish", {"description": "x", "outputRepo": {"url": f"{self.base}/john/vanishing.git", "branch": "v"}})
        workspace = self.stack.data / "workspaces" / answer.json["metadata"]["uid"]
        wait_until("the agent waits", (workspace / "waiting").exists, 60)
        self.stack.control("POST", "/projects", {"path": "john/vanishing", "deleted": True})
        (workspace / "change").touch()
        for folder in workspace.iterdir():
            if (folder / ".git").exists():
                (folder / "change").write_text("x")
        (workspace / "go").touch()
        session = self.stack.wait_for_session("vanish")
        self.assertEqual(session["status"]["phase"], "Failed", session["status"])
        self.assertEqual(self.stack.control("GET", "/created_projects"), [])


class BanTest(GateCase):
    def test_a_ban_that_git_reports_is_not_prolonged(self):
        self.stack.mode("git", "ip_banned")
        self.stack.control("DELETE", "/requests")
        answers = [self.get("/api.git/info/refs?service=git-upload-pack") for _ in range(30)]
        asked = self.stack.control("GET", "/requests?area=git")
        self.stack.mode("git", "normal")
        self.assertEqual({answer.status for answer in answers}, {503})
        self.assertLessEqual(len(asked), 4, "each process of the pool learns of the ban once")
        # Who has asked tells of the ban; afterwards nobody of that process asks. Which process answers is up to the kernel.
        said = [answer.body.decode() for answer in answers]
        self.assertIn("temporarily blocks this server", said[0])
        resting = sum("blocks this server for a while; it is not asked again for" in each for each in said)
        self.assertGreaterEqual(resting, len(said) - 2, said)
        self.assertEqual(resting + sum("temporarily blocks this server" in each for each in said), len(said), said)
        self.assertEqual({outcome["code"] for outcome in self.outcomes()}, {"ip_banned", "instance_resting"})


if __name__ == "__main__":
    unittest.main()
