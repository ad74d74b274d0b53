"""The audit log: every use of a credential leaves exactly its line, no line leaves a token, and the command line finds and ends uses."""
import json
import os
import sqlite3
import subprocess
import unittest

from cli_case import DONE, FAILED, TerminalCase
from stack import Stack, wait_until

FIELDS = {"ts", "level", "program", "pool", "pid", "msg", "stream", "action", "actor", "user", "provider", "host", "repository", "credential", "tokenHash",
          "generation", "session", "request_id", "outcome"}


class AuditCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.by_name = {row["name"]: row["token"] for row in cls.stack.control("GET", "/tokens")}
        cls.log = cls.stack.data / "logs/audit.log"
        cls.host = cls.stack.simulator["url"].removeprefix("https://")
        cls.user = cls.stack.ready["user"]

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.stack.disconnect()
        self.seen = len(self.lines())

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def uses(self):
        """The lines since the last look."""
        lines = self.lines()
        new, self.seen = lines[self.seen:], len(lines)
        for line in new:
            self.assertLessEqual(set(line), FIELDS)
            self.assertEqual((line["stream"], line["level"], line["msg"]), ("audit", "info", "credential used"))
        return new

    def assertUses(self, *expected):
        """Exactly these: (action, outcome) or (action, outcome, repository)."""
        new = self.uses()
        self.assertEqual([(use["action"], use["outcome"], *([use.get("repository")] if len(row) > 2 else [])) for use, row in zip(new, expected)], list(expected), new)
        self.assertEqual(len(new), len(expected), new)
        return new

    def get(self, path, expected=200):
        answer = self.stack.api("GET", f"/api/projects/default{path}")
        self.assertEqual(answer.status, expected, answer)
        return answer.json

    def validate(self, url):
        return self.stack.api("POST", "/api/projects/default/repositories/validate", {"url": url})


class UseTest(AuditCase):
    def test_accounts(self):
        answer = self.stack.connect()
        connected, = self.assertUses(("connect", "ok"))
        self.assertEqual({k: connected[k] for k in ("actor", "user", "provider", "host", "credential", "pool", "request_id")},
                         {"actor": self.user, "user": self.user, "provider": "gitlab", "host": self.host, "credential": "connection", "pool": "connect",
                          "request_id": answer.headers["X-Request-ID"]})
        self.assertRegex(connected["tokenHash"], "^[0-9a-f]{64}$")
        self.stack.api("POST", "/api/auth/gitlab/test", {"personalAccessToken": self.by_name["readOnly"], "instanceUrl": self.stack.simulator["url"]})
        tested, = self.assertUses(("test", "ok"))
        self.assertNotEqual(tested["tokenHash"], connected["tokenHash"])
        self.stack.api("POST", "/api/auth/gitlab/check", {})
        checked, = self.assertUses(("check", "ok"))
        self.assertEqual((checked["tokenHash"], checked["pool"]), (connected["tokenHash"], "repositories"))
        self.assertEqual(self.stack.connect(self.by_name["expired"]).status, 400)
        refused, = self.assertUses(("connect", "token_expired"))
        self.assertNotIn(refused["tokenHash"], (connected["tokenHash"], tested["tokenHash"]))
        for token in ("short", "glpat-with blank inside 123", "ghp_abcdefghij0123456789abcdefghij012345"):
            self.assertEqual(self.stack.connect(token).status, 400)
        self.stack.status()
        self.assertUses()  # nothing went anywhere
        self.stack.disconnect()
        removed, = self.assertUses(("disconnect", "ok"))
        self.assertEqual((removed["tokenHash"], removed["host"]), (connected["tokenHash"], self.host))
        self.stack.disconnect()
        self.assertUses()

    def test_repositories(self):
        self.stack.connect()
        hashes = {self.uses()[0]["tokenHash"]}
        url = self.stack.simulator["repository"]
        self.validate(url)
        hashes |= {use["tokenHash"] for use in self.assertUses(("repository.check", "ok", "demo/hello"))}
        self.validate(url.replace("hello", "no-such-project"))
        self.assertUses(("repository.check", "repo_not_found", "demo/no-such-project"))
        self.validate("https://gitlab.example.org/a/b")
        self.validate("not an address")
        self.assertUses()
        answer = self.stack.api("PUT", "/api/projects/default/repositories", {"repositories": [{"url": url}, {"url": url, "branch": "other"}]})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual([use["action"] for use in self.uses()], ["repository.check"] * 2)
        self.get("/repositories")
        self.assertEqual([use["action"] for use in self.uses()], ["repository.check"] * 2)
        self.get("/repositories?reports=false")
        self.assertUses()
        for path in ("branches?", "tree?", "blob?path=README.md&"):
            with self.subTest(path):
                self.get(f"/repo/{path}repo={url}")
                use, = self.assertUses(("repository.browse", "ok", "demo/hello"))
                hashes.add(use["tokenHash"])
        self.get(f"/repo/branches?repo={url.replace('hello', 'no-such-project')}", 404)
        self.assertUses(("repository.browse", "repo_not_found", "demo/no-such-project"))
        self.assertEqual(len(hashes), 1)
        self.stack.api("PUT", "/api/projects/default/repositories", {"repositories": []})

    def test_a_session(self):
        self.stack.connect()
        connected, = self.uses()
        answer = self.stack.create_session("audited", {"description": "x", "mergeRequest": {"title": "x"},
                                                       "outputRepo": {"url": self.stack.simulator["repository"], "branch": "audited"}})
        self.assertEqual(answer.status, 201, answer)
        session = self.stack.wait_for_session("audited")
        self.assertEqual(session["status"]["phase"], "Completed", session)
        went = {use["request_id"] for use in self.lines()[self.seen:]}
        # The gate's own log says which of its requests went out with a token; each is written there once it is answered.
        wait_until("the gate tells of them all", lambda: went <= set(self.gate_lines(session)), 10)
        gate, uses = self.gate_lines(session), self.uses()
        self.assertEqual({(use["actor"], use["tokenHash"], use["generation"], use["session"], use["pool"], use["repository"], use["outcome"]) for use in uses},
                         {(self.user, connected["tokenHash"], uses[0]["generation"], session["metadata"]["uid"], "git", "demo/hello", "ok")})
        went = {use["request_id"] for use in uses}
        self.assertEqual(len(went), len(uses), "two lines of one request")
        self.assertEqual(went, {id for id, line in gate.items() if not line["route"].endswith("/outcomes")})
        expected = {"/preflight": "repository.check", "/merge-request": "merge-request", "/git-upload-pack": "git.fetch", "/git-receive-pack": "git.push"}
        for use in uses:
            line = gate[use["request_id"]]
            action = next((action for end, action in expected.items() if line["route"].endswith(end)), "git.push" if line.get("service") == "git-receive-pack" else "git.fetch")
            self.assertEqual(use["action"], action, line)
        self.assertEqual({use["action"] for use in uses}, set(expected.values()))
        self.stack.api("POST", "/api/projects/default/agentic-sessions/audited/preflight")
        use, = self.assertUses(("repository.check", "ok", "demo/hello"))
        self.assertEqual((use["session"], use["pool"]), (session["metadata"]["uid"], "repositories"))

    def gate_lines(self, session):
        """The gate's log of the session's requests, by their ids."""
        lines = [json.loads(line) for line in (self.stack.data / "logs/git.log").read_text().splitlines() if '"route":"/git/' in line]
        return {line["request_id"]: line for line in lines if line.get("session") == session["metadata"]["uid"]}

    def test_a_push_that_the_gate_refuses_is_written_down(self):
        """The token was opened for it, and went no further than the API."""
        self.stack.connect(self.by_name["readOnly"])
        self.stack.create_session("refused", {"description": "x", "outputRepo": {"url": self.stack.simulator["repository"], "branch": "refused"}})
        self.assertEqual(self.stack.wait_for_session("refused")["status"]["phase"], "Failed")
        outcomes = {(use["action"], use["outcome"]) for use in self.uses()}
        self.assertIn(("git.push", "push_forbidden"), outcomes)
        self.assertIn(("git.fetch", "ok"), outcomes)

    def test_a_push_that_the_server_refuses_is_no_success(self):
        """The transfer was whole; what came of it stands in its answer."""
        self.stack.connect()
        url = f"{self.stack.simulator['url']}/demo/custom-hook.git"
        self.stack.create_session("declined", {"description": "x", "outputRepo": {"url": url, "branch": "declined"}})
        self.assertEqual(self.stack.wait_for_session("declined")["status"]["phase"], "Failed")
        pushes = [use["outcome"] for use in self.uses() if use["action"] == "git.push"]
        self.assertEqual(pushes, ["ok", "push_rejected"])

    def test_housekeeping(self):
        self.stack.connect()
        connected, = self.uses()
        self.stack.put_to_sleep("housekeeping")
        self.addCleanup(self.stack.wake)
        self.set_unchecked()
        self.stack.program("acp-gitlab", "housekeeping", "--once")
        use, = self.assertUses(("recheck", "ok"))
        self.assertEqual((use["actor"], use["user"], use["tokenHash"], use["pool"]), ("housekeeping", self.user, connected["tokenHash"], "housekeeping"))
        self.stack.program("acp-gitlab", "housekeeping", "--once")
        self.assertUses()

    def set_unchecked(self):
        with sqlite3.connect(self.stack.data / "database/acp-gitlab.db", timeout=20) as connection:
            connection.execute("UPDATE connections SET last_checked_at = 0")
        connection.close()

    def test_github(self):
        bearer = self.stack.add_user("octo-user")
        self.assertEqual(self.stack.api("POST", "/api/auth/github/pat", {"token": self.stack.github_tokens["classic"]}, bearer).status, 200)
        connected, = self.assertUses(("connect", "ok"))
        self.assertEqual((connected["provider"], connected["actor"]), ("github", "octo-user"))
        self.assertEqual(self.stack.api("POST", "/api/auth/github/install", {"installationId": self.stack.github["installationId"]}, bearer).status, 200)
        proof, = self.assertUses(("prove.installation", "ok"))
        self.assertEqual(proof["tokenHash"], connected["tokenHash"])
        self.assertEqual(self.stack.api("DELETE", "/api/auth/github/pat", bearer=bearer).status, 200)
        self.assertUses(("disconnect", "ok"))
        report = self.stack.api("POST", "/api/projects/default/repositories/validate", {"url": self.stack.github["repository"]}, bearer).json
        self.assertTrue(report["valid"], report)
        use, = self.assertUses(("repository.check", "ok"))
        self.assertEqual((use["credential"], use["user"]), (f"installation:{self.stack.github['installationId']}", "octo-user"))
        self.assertNotIn("tokenHash", use)

    def test_no_line_holds_a_token(self):
        for token in (*self.stack.tokens.values(), *self.stack.github_tokens.values()):
            self.stack.connect(token)
        self.stack.connect()
        self.validate(f"https://oauth2:{self.by_name['good']}@{self.host}/demo/hello.git")
        self.uses()
        text = self.log.read_text()
        for token in (*self.by_name.values(), *self.stack.github_tokens.values(), self.stack.bearer):
            self.assertNotIn(token, text)


class FindTest(AuditCase):
    def find(self, *arguments, token="", code=0):
        result = subprocess.run([self.stack.build / "bin/acp-gitlab", "audit", "find", *map(str, arguments)], env=self.stack.environment(), input=token, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        if token:
            self.assertNotIn(token.strip(), result.stdout + result.stderr)
        return result

    def test_the_uses_of_a_token_are_found_by_the_token(self):
        self.stack.connect(self.by_name["leastPrivilege"])
        self.validate(self.stack.simulator["repository"])
        mine = self.uses()
        self.stack.disconnect()
        mine += self.uses()
        self.stack.connect()
        self.validate(self.stack.simulator["repository"])
        self.uses()
        found = json.loads(self.find("--token", "--json", token=self.by_name["leastPrivilege"] + "\n").stdout)["uses"]
        self.assertEqual(found, mine)
        shown = self.find("--token", token=self.by_name["leastPrivilege"]).stdout.splitlines()
        self.assertEqual(len(shown), len(mine))
        self.assertIn("repository.check", shown[1])
        self.assertIn(f"{self.host}/demo/hello  ok", shown[1])
        # Where a pool writes to standard error, other lines stand between, and a journal puts its own before each.
        journal = self.stack.data / "journal"
        journal.write_text("Nov 26 host acp[1]: " + '{"msg": "request"}\n' + "no JSON {\n" + "".join("Nov 26 host acp[1]: " + line + "\n" for line in self.log.read_text().splitlines()))
        self.assertEqual(json.loads(self.find("--token", "--log", journal, "--json", token=self.by_name["leastPrivilege"]).stdout)["uses"], mine)
        token_file = self.stack.data / "leaked"
        token_file.write_text(self.by_name["leastPrivilege"])
        self.assertEqual(len(self.find("--token-file", token_file, "--user", self.user).stdout.splitlines()), len(mine))
        self.find("--token-file", token_file, "--user", "somebody-else", code=6)
        self.find("--token", token="glpat-never-seen-here-0001", code=6)
        self.find("--token", token="", code=2)
        self.find(code=2)
        self.find("--token", "--log", self.stack.data / "missing", token="x" * 20, code=1)
        self.assertEqual({use["user"] for use in json.loads(self.find("--user", self.user, "--json").stdout)["uses"]}, {self.user})


class AdminTest(AuditCase):
    def admin(self, *arguments, code=0):
        result = self.stack.program("acp-gitlab", "admin", *arguments, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def listed(self, *arguments):
        return {row["user"] for row in json.loads(self.admin("list", "--json", *arguments).stdout)["connections"]}

    def test_connections_are_shown_and_revoked(self):
        url, bearers = self.stack.simulator["url"], {}
        for user, token in (("ann", "good"), ("bob", "leastPrivilege"), ("cid", "readOnly")):
            bearers[user] = self.stack.add_user(user)
            self.assertEqual(self.stack.connect(self.by_name[token], bearer=bearers[user]).status, 200)
        self.stack.api("POST", "/api/auth/github/pat", {"token": self.stack.github_tokens["classic"]}, bearers["ann"])
        self.uses()
        self.assertEqual(self.listed(), {"ann", "bob", "cid"})
        self.assertEqual(self.listed("--user", "bob"), {"bob"})
        self.assertEqual(self.listed("--instance", self.stack.github["url"]), {"ann"})
        self.assertEqual(len(self.admin("list").stdout.splitlines()), 4)

        row, = json.loads(self.admin("revoke", "--user", "bob", "--dry-run", "--json").stdout)["connections"]
        self.assertEqual((row["user"], row["instanceUrl"], row["username"], row["revoked"]), ("bob", url, "john", False))
        self.assertTrue(self.stack.status(bearers["bob"]).json["connected"])
        for arguments, code in ((["--user", "bob"], 2), (["--all", "--user", "bob", "--yes"], 2), (["--yes"], 2), (["--user", "nobody", "--yes"], 6),
                                (["--user", "bob", "--instance", "https://gitlab.com", "--yes"], 6)):
            self.admin("revoke", *arguments, code=code)
        self.assertTrue(self.stack.status(bearers["bob"]).json["connected"])
        self.assertUses()

        answer = json.loads(self.admin("revoke", "--user", "bob", "--yes", "--json").stdout)
        self.assertEqual((answer["dryRun"], [row["revoked"] for row in answer["connections"]]), (False, [True]))
        use, = self.assertUses(("disconnect", "ok"))
        self.assertRegex(use["actor"], "^operator:.+")
        self.assertEqual((use["user"], use["pool"]), ("bob", "admin"))
        wait_until("status says so", lambda: self.stack.status(bearers["bob"]).json == {"connected": False}, 5)
        self.admin("revoke", "--user", "bob", "--yes", code=6)

        self.admin("revoke", "--instance", url, "--yes")
        self.assertEqual({use["user"] for use in self.uses()}, {"ann", "cid"})
        self.assertEqual(self.listed(), {"ann"})
        self.admin("revoke", "--all", "--yes")
        self.assertEqual(self.listed(), set())
        self.assertUses(("disconnect", "ok"))


class AskingTest(TerminalCase):
    def test_revoking_asks_first(self):
        self.connect()
        for answer, connected in (("no", True), ("yes", False)):
            command = ["admin", "revoke", "--user", self.stack.ready["user"]]
            settings = {name: value for name, value in self.stack.environment().items() if name.startswith("ACP_")}
            pid, terminal = self.start(*command, **settings)
            shown = self.read(terminal, "Type 'yes' to go on: ")
            self.assertIn(f"{self.stack.ready['user']} ", shown)
            os.write(terminal, answer.encode() + b"\n")
            self.read(terminal)
            self.assertEqual(self.exit_code(pid), DONE if answer == "yes" else FAILED)
            self.assertEqual(self.stack.status().json["connected"], connected)


class StreamTest(unittest.TestCase):
    def test_it_may_be_standard_error(self):
        with Stack(settings={"ACP_AUDIT_LOG": "stderr"}) as stack:
            self.assertEqual(stack.connect().status, 200)
            lines = [json.loads(line) for line in (stack.data / "logs/connect.log").read_text().splitlines()]
            self.assertEqual([line["action"] for line in lines if line.get("stream") == "audit"], ["connect"])
            self.assertFalse((stack.data / "logs/audit.log").exists())

    def test_what_the_file_does_not_take_goes_to_standard_error(self):
        with Stack(settings={"ACP_AUDIT_LOG": "/dev/full"}) as stack:
            self.assertEqual(stack.connect().status, 200)
            lines = [json.loads(line) for line in (stack.data / "logs/connect.log").read_text().splitlines()]
            use, = [line for line in lines if line.get("stream") == "audit"]
            self.assertEqual((use["action"], use["level"], use["outcome"]), ("connect", "error", "ok"))
            self.assertIn("did not take this line", use["msg"])

            refused = {**stack.environment(), "ACP_AUDIT_LOG": str(stack.data / "no/such/folder/audit.log")}
            for name, arguments in (("acp-gitlab", ["housekeeping"]), ("acp-gitlab-fcgi", ["--pool", "connect", "--socket", stack.data / "refused.sock"])):
                result = stack.program(name, *arguments, env=refused, check=False, timeout=20)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn("ACP_AUDIT_LOG", result.stderr)


if __name__ == "__main__":
    unittest.main()
