"""The command line over HTTP: every verb, every exit code, the API's own JSON, and tokens that nobody but the service sees."""
import http.server
import json
import os
import re
import signal
import subprocess
import termios
import threading
import time
import unittest
from pathlib import Path

from cli_case import CHECK, DONE, FAILED, INTERRUPTED, NETWORK, NOT_FOUND, RATE, ROLE, TOKEN, USAGE, CliCase, TerminalCase
from stack import free_port, wait_until

LIST = "/api/projects/default/repositories"


class AccountTest(CliCase):
    def setUp(self):
        self.expect(DONE, "disconnect")
        self.expect(DONE, "disconnect", "--github")

    def test_a_gitlab_account_is_connected_shown_and_forgotten(self):
        self.expect(DONE, "status", says="No GitLab account is connected.")
        shown = self.expect(DONE, "connect", "--instance", self.base, says="GitLab account connected successfully: john on", token=self.tokens["good"] + "\n")
        self.assertIn("token good: api", shown.stdout)
        self.assertEqual(shown.stderr, "")
        self.expect(DONE, "status", says=f"{self.base} as john")
        self.assertTrue(self.stack.status().json["connected"])
        self.expect(DONE, "disconnect", "--instance", self.base, says="disconnected successfully")
        self.assertEqual(self.stack.status().json, {"connected": False})
        self.expect(DONE, "disconnect", says="disconnected successfully")

    def test_a_github_account_is_connected_shown_and_forgotten(self):
        github, token = self.stack.github["url"], self.stack.github_tokens["classic"]
        self.expect(DONE, "test", "--github", "--instance", github, token=token, says="nothing was stored")
        self.expect(DONE, "status", "--github", says="No GitHub account is connected.")
        self.expect(DONE, "connect", "--github", "--instance", github, token=token, says="octo on")
        self.expect(DONE, "status", "--github", says=f"{github} as octo")
        self.expect(DONE, "status", says="No GitLab account")
        self.expect(TOKEN, "connect", "--github", "--instance", github, token=self.stack.github_tokens["revoked"])
        self.expect(DONE, "disconnect", "--github", "--instance", github)
        self.expect(DONE, "status", "--github", says="No GitHub account is connected.")

    def test_warnings_are_shown(self):
        self.expect(DONE, "connect", "--instance", self.base, token=self.tokens["readOnly"], says="warning: ")
        self.expect(DONE, "connect", "--instance", self.base, token=self.tokens["expiring"], says=", in ")
        self.expect(DONE, "status", says="warning: ")

    def test_a_token_comes_from_a_file_too(self):
        path = self.stack.data / "token-of-the-test"
        path.write_text(f"  {self.tokens['good']}\r\n")
        self.expect(DONE, "connect", "--instance", self.base, "--token-file", str(path))
        self.expect(USAGE, "connect", "--token-file", str(path) + ".missing", says="Name a file that holds the token")

    def test_refused_tokens_have_exit_codes_of_their_own(self):
        rows = [("expired", TOKEN, "expired"), ("revoked", TOKEN, "revoked"), ("blocked", TOKEN, "blocked"), ("readUser", ROLE, "scope"),
                ("rateLimited", RATE, "rate limit")]
        for name, code, says in rows:
            with self.subTest(name):
                self.expect(code, "connect", "--instance", self.base, token=self.tokens[name], says=says)
                self.expect(code, "test", "--instance", self.base, token=self.tokens[name], says=says)
        self.assertRegex(self.run_cli("test", "--instance", self.base, token=self.tokens["expired"]).stdout, r"(?m)^  FAIL token\n(.|\n)*^Not valid: ")
        self.expect(TOKEN, "connect", "--instance", self.base, token="glpat-notatokenatall0000")
        self.expect(TOKEN, "connect", "--instance", self.base, token="gldt-0123456789abcdefghij", says="deploy")
        self.assertEqual(self.stack.status().json, {"connected": False})

    def test_unusable_input_is_refused_before_it_is_sent(self):
        self.expect(USAGE, "connect", token="", says="No token was given.")
        self.expect(TOKEN, "connect", token="glpat-first\nglpat-second", says="several lines")
        self.expect(TOKEN, "connect", token="glpat-\x1b[31mred", says="control characters")
        self.expect(TOKEN, "connect", token="x" * 5000, says="too long")
        self.expect(USAGE, "connect", "--instance", "gitlab.company.com", token=self.tokens["good"], says="https://gitlab.company.com")
        self.expect(USAGE, "connect", "--instance", b"https://gitlab.\xff", token=self.tokens["good"], says="UTF-8")

    def test_a_token_as_an_argument_is_refused_and_not_repeated(self):
        token = self.tokens["good"]
        for arguments in (["connect", token], ["test", token], ["connect", "--token", token], ["connect", f"--token={token}"], ["disconnect", token],
                          ["connect", "--", token], ["connect", f"--{token}"]):
            with self.subTest(arguments[:-1]):
                result = self.run_cli(*arguments, token=token)
                self.assertEqual(result.returncode, USAGE, result.stderr)
        self.assertIn("A token is never one", self.run_cli("connect", token, token=token).stderr)
        self.assertEqual(self.stack.status().json, {"connected": False})

    def test_a_token_is_in_no_command_line_while_it_is_used(self):
        token = self.tokens["good"]
        self.stack.mode("global", "delay", delay_ms=1500)
        process = subprocess.Popen([self.stack.build / "bin/acp-gitlab", "connect", "--instance", self.base], env=self.environment(), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        process.stdin.write(token)
        process.stdin.close()
        looks = 0
        while process.poll() is None:
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.assertNotIn(token.encode(), path.read_bytes())
                except OSError:
                    continue
            looks += 1
            time.sleep(0.05)
        self.assertGreater(looks, 3)
        said = process.stdout.read()
        process.stdout.close()
        self.assertEqual(process.returncode, DONE, said)
        self.assertNotIn(token, said)

    def test_json_is_the_apis(self):
        shown = self.run_cli("connect", "--instance", self.base, "--json", token=self.tokens["good"])
        answer = json.loads(shown.stdout)
        self.assertEqual((shown.returncode, answer["username"], answer["connected"]), (DONE, "john", True))
        self.assertEqual(json.loads(self.run_cli("status", "--json").stdout), self.stack.status().json)
        for path, arguments in (("/api/auth/github/pat/status", ["--github"]),):
            self.assertEqual(json.loads(self.run_cli("status", "--json", *arguments).stdout), self.stack.api("GET", path).json)
        body = {"personalAccessToken": self.tokens["expired"], "instanceUrl": self.base}
        shown = self.run_cli("test", "--instance", self.base, "--json", token=self.tokens["expired"])
        self.assertEqual((shown.returncode, json.loads(shown.stdout)), (TOKEN, self.stack.api("POST", "/api/auth/gitlab/test", body).json))
        shown = self.run_cli("connect", "--instance", self.base, "--json", token=self.tokens["expired"])
        answer, expected = json.loads(shown.stdout), self.stack.api("POST", "/api/auth/gitlab/connect", body).json
        self.assertEqual((shown.returncode, shown.stderr), (TOKEN, ""))
        self.assertEqual({**answer, "requestId": ""}, {**expected, "requestId": ""})
        self.assertEqual(json.loads(self.run_cli("disconnect", "--json").stdout), self.stack.disconnect().json)


class RepositoriesTest(CliCase):
    def setUp(self):
        self.connect()
        self.assertEqual(self.stack.api("PUT", LIST, {"repositories": []}).status, 200)

    def test_validate_shows_the_checklist_and_the_verdict(self):
        shown = self.expect(DONE, "validate", f"{self.base}/demo/hello").stdout.splitlines()
        self.assertEqual([line.split() for line in shown[:3]], [["ok", "address"], ["ok", "provider"], ["ok", "connection"]])
        self.assertEqual(len(shown), 12)
        self.assertRegex(shown[-1], r"^Valid: .*/demo/hello can be read and pushed to by john \(Developer\); default branch main\.$")
        shown = self.expect(ROLE, "validate", f"{self.base}/roles/reporter").stdout.splitlines()
        at = shown.index("  FAIL push")
        self.assertIn("john is Reporter on roles/reporter", shown[at + 1])
        self.assertTrue(shown[at + 2].strip())
        self.assertEqual(shown[-1], "Not valid: the check 'push' failed.")

    def test_validate_has_the_exit_code_of_the_first_failed_check(self):
        rows = [
            (CHECK, ["not a repository"]), (CHECK, [f"{self.base}/demo/archived"]), (CHECK, ["https://notgitlab.evil.example/a/b"]),
            (CHECK, ["https://gitlab.other.example/group/project"]), (CHECK, [f"{self.base}/demo/hello", "--branch", "main"]),
            (DONE, [f"{self.base}/demo/hello", "--branch=main", "--access=read"]),
            (NOT_FOUND, [f"{self.base}/demo/hello", "--branch", "nope", "--access", "read"]), (NOT_FOUND, [f"{self.base}/secret/hidden"]),
            (ROLE, [f"{self.base}/roles/guest"]), (DONE, [f"{self.base}/roles/reporter", "--access", "read"]),
            (USAGE, [f"{self.base}/demo/hello", "--access", "admin"]), (USAGE, [f"{self.base}/demo/hello", "--provider", "svn"]),
            (USAGE, []), (USAGE, ["one", "two"]), (USAGE, [f"{self.base}/demo/hello", "--json=yes"]), (USAGE, [b"https://\xff/a/b"]),
            (USAGE, [f"{self.base}/demo/hello", "--project", "Not_A_Name"]),
        ]
        for code, arguments in rows:
            with self.subTest(str(arguments)):
                self.expect(code, "validate", *arguments)
        self.stack.mode("api", "rate_limited")
        try:
            self.expect(RATE, "validate", f"{self.base}/demo/hello", says="rate limit")
        finally:
            self.stack.mode("api", "normal")
        self.stack.control("POST", "/tokens", {"name": "good", "revoked": True})
        try:
            self.expect(TOKEN, "validate", f"{self.base}/demo/hello", says="FAIL token")
        finally:
            self.stack.control("POST", "/tokens", {"name": "good", "revoked": False})

    def test_validate_json_is_the_apis(self):
        for url, more, code in ((f"{self.base}/demo/hello", {"branch": "main", "access": "read"}, DONE), (f"{self.base}/roles/reporter", {}, ROLE),
                                (f"{self.base}/demo/hello", {"access": "admin"}, USAGE)):
            arguments = [part for name, value in more.items() for part in (f"--{name}", value)]
            shown = self.run_cli("validate", url, "--json", *arguments)
            expected = self.stack.api("POST", f"{LIST}/validate", {"url": url, **more}).json
            answer = json.loads(shown.stdout)
            for body in (answer, expected):
                body.pop("requestId", None)
            self.assertEqual((shown.returncode, answer), (code, expected))

    def test_repositories_are_added_listed_and_removed(self):
        hello = f"{self.base}/demo/hello"
        self.expect(DONE, "repositories", says="The project default has no repositories.")
        self.expect(DONE, "repositories", "add", hello, "--branch", "main", says="is in the list of the project default")
        self.expect(NOT_FOUND, "repositories", "add", f"{self.base}/secret/hidden", says="Repository not found")
        self.expect(USAGE, "repositories", "add", "nonsense")
        shown = self.expect(DONE, "repositories").stdout
        self.assertRegex(shown, rf"(?m)^ok   {hello} \(gitlab, branch main\)$")
        self.assertRegex(shown, r"(?m)^FAIL .*secret/hidden \(gitlab\)\n {9}Repository not found")
        self.assertEqual(json.loads(self.run_cli("repositories", "--json").stdout), self.stack.api("GET", LIST).json)
        self.expect(NOT_FOUND, "repositories", "add", f"{hello}.git", "--branch", "nope", says="has no branch nope")
        self.assertEqual([entry.get("branch") for entry in self.entries()], ["nope", None], "one entry for one project")
        self.expect(DONE, "repositories", "remove", f"{hello}/-/tree/main", says="has 1 repository left")
        self.expect(NOT_FOUND, "repositories", "remove", hello, says="no repository with this address")
        shown = self.expect(DONE, "repositories", "remove", f"{self.base}/secret/hidden", "--json")
        self.assertEqual(json.loads(shown.stdout)["repositories"], [])
        self.expect(ROLE, "repositories", "--project", "elsewhere", ACP_BEARER_FILE=self.file_of(self.stack.add_user("narrow")))
        self.expect(USAGE, "repositories", "frobnicate")

    def entries(self):
        return self.stack.api("GET", f"{LIST}?reports=false").json["repositories"]

    def file_of(self, bearer):
        path = self.stack.data / "another-bearer"
        path.write_text(bearer)
        return str(path)

    def test_what_others_wrote_beside_it_stays(self):
        self.assertEqual(self.stack.api("PUT", LIST, {"repositories": [{"url": f"{self.base}/demo/hello", "note": {"by": "us"}}], "owner": "a team"}).status, 200)
        self.expect(DONE, "repositories", "add", f"{self.base}/demo/empty")
        document = self.stack.api("GET", f"{LIST}?reports=false").json
        self.assertEqual((document["owner"], document["repositories"][0]["note"], len(document["repositories"])), ("a team", {"by": "us"}, 2))

    def test_of_many_who_add_at_once_nobody_loses(self):
        results = []
        threads = [threading.Thread(target=lambda number=number: results.append(self.run_cli("repositories", "add", f"https://unknown.example/a/n{number}")))
                   for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual([result.returncode for result in results], [CHECK] * 5, [result.stderr for result in results])
        self.assertEqual({entry["url"] for entry in self.entries()}, {f"https://unknown.example/a/n{number}" for number in range(5)})


class Hostile(http.server.BaseHTTPRequestHandler):
    """Answers every request with what the test has put into `answer`."""
    answer = (200, {}, b"")

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, body = type(self).answer
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    do_POST = do_PUT = do_GET

    def log_message(self, *_):
        pass


class ServiceTest(CliCase):
    """What the service, or whatever answers in its place, may do to the command line."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
        cls.hostile = f"http://127.0.0.1:{cls.server.server_port}"
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()
        super().tearDownClass()

    def answer(self, body, status=200, **headers):
        Hostile.answer = (status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())

    def test_settings_that_cannot_be_right_say_so(self):
        empty = self.stack.data / "empty"
        empty.write_text("\n")
        rows = [({"ACP_BEARER_FILE": None}, "ACP_BEARER_FILE is not set"), ({"ACP_BEARER_FILE": "/nonexistent"}, "ACP_BEARER_FILE: "),
                ({"ACP_BEARER_FILE": str(empty)}, "holds no token of the platform"), ({"ACP_URL": "http://gitlab.example"}, "in the clear"),
                ({"ACP_URL": "http://127.0.0.1.example:80"}, "in the clear"), ({"ACP_URL": "https://user@gitlab.example"}, "ACP_URL must be"),
                ({"ACP_URL": "gopher://x"}, "ACP_URL must be"), ({"ACP_CA_FILE": "/nonexistent"}, "/nonexistent"), ({"ACP_NO_SUCH": "1"}, "ACP_NO_SUCH")]
        for settings, says in rows:
            with self.subTest(str(settings)):
                result = self.expect(FAILED, "status", says=says, **settings)
                self.assertEqual(result.stdout, "")

    def test_a_service_that_cannot_be_reached_is_a_matter_of_the_network(self):
        self.expect(NETWORK, "status", says="cannot be reached", ACP_URL=f"http://127.0.0.1:{free_port()}")
        self.expect(NETWORK, "status", "--json", says="is not trusted", ACP_URL=self.base)
        self.expect(NETWORK, "status", says="cannot be resolved", ACP_URL="https://no-such-host.invalid")
        self.answer(b"", 302, Location=f"{self.stack.url}/api/auth/gitlab/status")
        self.expect(NETWORK, "status", says="redirects elsewhere", ACP_URL=self.hostile)

    def test_a_bearer_that_is_not_accepted(self):
        path = self.stack.data / "foreign-bearer"
        path.write_text("acp_0123456789012345678901234567890123456789012")
        self.expect(TOKEN, "status", says="does not know who is calling", ACP_BEARER_FILE=str(path))
        self.assertEqual(json.loads(self.expect(TOKEN, "status", "--json", ACP_BEARER_FILE=str(path)).stdout)["code"], "unauthenticated")

    def test_localhost_is_this_machine(self):
        self.expect(DONE, "status", ACP_URL=self.stack.url.replace("127.0.0.1", "localhost"))

    def test_answers_that_are_not_the_services_are_refused(self):
        rows = [(b"<html>", {"Content-Type": "text/html"}), (b"<html>", {}), (b"[]", {}), (b'{"connected":true,"connected":false}', {}), (b'{"a":"\xff"}', {}),
                (b"", {}), (b'{"a":' * 40 + b"1" + b"}" * 40, {}), (b'{"a":"' + b"x" * (2 << 20) + b'"}', {})]
        for body, headers in rows:
            with self.subTest(body[:20]):
                self.answer(body, **headers)
                result = self.expect(FAILED, "status", "--json", says="Check", ACP_URL=self.hostile)
                self.assertEqual(result.stdout, "")

    def test_no_answer_can_steer_the_terminal(self):
        evil = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\x7f\r\nok   push"
        connection = {"instanceUrl": evil, "username": evil, "valid": False, "code": evil, "remediation": evil,
                      "token": {"name": evil, "scopes": [evil], "expiresAt": evil}, "warnings": [{"message": evil}]}
        checks = [{"name": evil, "ok": False, "code": evil, "message": evil, "remediation": evil}]
        answers = [
            (["status"], 200, {"connected": True, "connections": [connection]}, DONE),
            (["status"], 400, {"error": evil, "code": evil, "remediation": evil}, FAILED),
            (["status"], 500, {"error": evil, "requestId": evil}, FAILED),
            (["test"], 200, {"valid": False, "error": evil, "code": evil, "checks": checks}, CHECK),
            (["connect"], 200, {"message": evil, **connection}, DONE),
            (["validate", "x"], 200, {"valid": True, "host": evil, "projectPath": evil, "account": evil, "role": {"name": evil}, "defaultBranch": evil, "checks": checks}, DONE),
            (["repositories"], 200, {"repositories": [{"url": evil, "branch": evil, "provider": evil}], "reports": [{"valid": False, "checks": checks}]}, DONE),
        ]
        for arguments, status, body, code in answers:
            for json_too in ([], ["--json"]):
                with self.subTest(f"{arguments + json_too} {status}"):
                    self.answer(body, status)
                    shown = self.expect(code, *arguments, *json_too, token="some-token", ACP_URL=self.hostile)
                    text = shown.stdout + shown.stderr
                    self.assertFalse([character for character in text if character != "\n" and not character.isprintable()], repr(text))
                    self.assertNotIn("\nok   push", text)
                    if json_too:
                        self.assertEqual(json.loads(shown.stdout), body)

    def test_answers_of_other_shapes_are_survived(self):
        for body in ({}, {"connected": True}, {"connected": True, "connections": [1, None, {"token": [], "warnings": {}}]}, {"valid": True, "checks": 7},
                     {"repositories": {}, "reports": "x"}, {"repositories": ["x"], "reports": [None]}):
            for arguments in (["status"], ["test"], ["connect"], ["validate", "x"], ["repositories"], ["repositories", "add", "x"], ["repositories", "remove", "x"],
                              ["disconnect"]):
                self.answer(body)
                result = self.run_cli(*arguments, token="some-token", ACP_URL=self.hostile)
                self.assertIn(result.returncode, range(9), f"{arguments} {body}: {result.stderr}")
                self.assertNotIn("Sanitizer", result.stderr)


class TerminalTest(TerminalCase):
    """With a terminal: the prompt that shows nothing, the marks, and ^C."""

    def test_the_prompt_does_not_show_the_token(self):
        pid, terminal = self.start("connect", "--instance", self.base)
        self.assertIn("GitLab personal access token: ", self.read(terminal, ": "))
        os.write(terminal, self.tokens["good"].encode() + b"\n")
        shown = self.read(terminal)
        self.assertEqual(self.exit_code(pid), DONE, shown)
        self.assertIn("connected successfully", shown)
        self.assertNotIn(self.tokens["good"], shown)

    def test_a_prompt_ends_with_one_colon(self):
        for arguments in (("connect",), ("audit", "find", "--token", "--log", os.devnull)):
            with self.subTest(arguments):
                pid, terminal = self.start(*arguments, **self.stack.environment())
                self.assertRegex(self.read(terminal, ": "), r"\w: $")
                os.write(terminal, b"\x03")
                self.assertEqual(self.exit_code(pid), INTERRUPTED)

    def test_an_interrupted_prompt_leaves_a_terminal_that_echoes(self):
        pid, terminal = self.start("connect")
        self.read(terminal, ": ")
        self.assertFalse(termios.tcgetattr(terminal)[3] & termios.ECHO)
        os.write(terminal, b"glpat-half\x03")
        self.assertEqual(self.exit_code(pid), INTERRUPTED)
        self.assertTrue(termios.tcgetattr(terminal)[3] & termios.ECHO)

    def test_marks_are_signs_where_the_terminal_shows_them(self):
        self.connect()
        for locale, marks in (("C.UTF-8", ("✓ address", "✗ repository", "– push")), ("C", ("ok   address", "FAIL repository", "-    push"))):
            with self.subTest(locale):
                pid, terminal = self.start("validate", f"{self.base}/secret/hidden", LC_ALL=locale)
                shown = self.read(terminal)
                self.assertEqual(self.exit_code(pid), NOT_FOUND)
                for mark in marks:
                    self.assertIn(mark, shown)

    def test_doctors_marks_are_of_one_width(self):
        """With an agent that is not there (a failure) and without Landlock (a warning, on every kernel)."""
        settings = {"ACP_AGENT_COMMAND": "/nowhere/agent", "ACP_AGENT_UNCONFINED": "on"}
        for locale, mark, levels in (("C.UTF-8", "[✓!✗–] ", "✓!✗–"), ("C", "(?:ok  |warn|FAIL|-   ) ", "ow F-")):
            with self.subTest(locale):
                pid, terminal = self.start("doctor", LC_ALL=locale, **settings)
                shown = self.read(terminal, seconds=60)
                self.assertEqual(self.exit_code(pid), CHECK, shown)
                findings = [line for line in shown.splitlines() if not line.startswith("   ")][:-1]
                self.assertGreater(len(findings), 10, shown)
                self.assertEqual([line for line in findings if not re.match(rf"{mark}\S", line)], [])
                self.assertLessEqual({line[0] for line in findings}, set(levels))
                self.assertIn(f"{'!' if locale == 'C.UTF-8' else 'warn'} confinement: ", shown)

    def test_a_call_can_be_interrupted(self):
        self.connect()
        self.stack.mode("global", "delay", delay_ms=8000)
        pid, terminal = self.start("validate", f"{self.base}/demo/hello")
        wait_until("the call is under way", lambda: self.is_waiting(pid), 20)
        os.kill(pid, signal.SIGINT)
        self.assertEqual(self.exit_code(pid), INTERRUPTED)

    def is_waiting(self, pid):
        """Whether the process has a second thread, which makes the calls."""
        return len(list(Path(f"/proc/{pid}/task").iterdir())) > 1


class HelpTest(CliCase):
    def test_every_verb_has_help_with_examples(self):
        overview = self.expect(DONE).stdout
        for verb in ("connect", "status", "test", "disconnect", "validate", "repositories", "repositories add", "repositories remove"):
            self.assertIn(f"  {verb} ", overview)
            for shown in (self.expect(DONE, *verb.split(), "--help").stdout, self.expect(DONE, "help", *verb.split()).stdout):
                self.assertIn(f"Usage: acp-gitlab {verb}", shown)
                self.assertIn("Example", shown)
                self.assertIn(f"  acp-gitlab {verb}", shown)

    def test_no_line_of_help_is_too_long_to_be_read(self):
        overview = self.expect(DONE).stdout
        shown = [overview] + [self.expect(DONE, "help", *words.split()).stdout for words in re.findall(r"(?m)^  ((?:[a-z-]+ )?[a-z-]+) {2,}\S", overview) if words != "version"]
        self.assertGreater(len(shown), 30)
        # What may be typed and copied stands on one line.
        self.assertEqual([line for text in shown for line in text.splitlines() if len(line) > 128 and not line.startswith(("Usage:", "  acp-gitlab"))], [])


if __name__ == "__main__":
    unittest.main()
