"""A running product and the command line beside it, for the tests of its verbs."""
import os
import pty
import select
import subprocess
import time
import unittest

from stack import Stack

DONE, FAILED, USAGE, CHECK, TOKEN, ROLE, NOT_FOUND, NETWORK, RATE, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 7, 8, 130


class CliCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.base = cls.stack.simulator["url"]
        cls.tokens = {token["name"]: token["token"] for token in cls.stack.control("GET", "/tokens")}
        cls.bearer_file = cls.stack.data / "bearer-of-the-test"
        cls.bearer_file.write_text(cls.stack.bearer + "\n")

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def tearDown(self):
        self.stack.mode("global", "normal")

    def environment(self, **more):
        """What a user has set, and nothing of the operator's."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ACP_")}
        environment.update({"ACP_URL": self.stack.url, "ACP_BEARER_FILE": str(self.bearer_file), "ACP_CONFIG_FILE": "", "LC_ALL": "C.UTF-8",
                            "ASAN_OPTIONS": "detect_leaks=0"}, **more)
        return {name: value for name, value in environment.items() if value is not None}

    def run_cli(self, *arguments, token=None, **settings):
        """Runs one command; `token` goes to its standard input. No secret is ever in what it says."""
        result = subprocess.run([self.stack.build / "bin/acp-gitlab", *arguments], env=self.environment(**settings), text=True,
                                input=token if token is not None else "", stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        for secret in filter(None, (token and token.strip(), self.stack.bearer)):
            self.assertNotIn(secret, result.stdout + result.stderr)
        return result

    def expect(self, code, *arguments, says="", token=None, **settings):
        result = self.run_cli(*arguments, token=token, **settings)
        self.assertEqual(result.returncode, code, f"{arguments}: {result.stdout}{result.stderr}")
        self.assertIn(says, result.stdout + result.stderr)
        return result

    def connect(self):
        self.expect(DONE, "connect", "--instance", self.base, token=self.tokens["good"])


class TerminalCase(CliCase):
    """The same with a terminal."""

    def start(self, *arguments, **settings):
        pid, terminal = pty.fork()
        if pid == 0:
            program = self.stack.build / "bin/acp-gitlab"
            os.execve(program, [str(program), *arguments], self.environment(**settings))
        self.addCleanup(os.close, terminal)
        return pid, terminal

    def read(self, terminal, until=None, seconds=30):
        """What the terminal shows up to the text, or to its end."""
        shown, deadline = "", time.monotonic() + seconds
        while until is None or until not in shown:
            if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"not shown within {seconds} s: {until!r} in {shown!r}")
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece.decode()
        return shown

    def exit_code(self, pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
