"""The README's first pages, typed as they stand: `up` as it is started and as it answers, every command of the demo, and what each shows."""
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from examples import TOP, example, pattern
from stack import BUILD, request, wait_until

# What the README shows and what it says to type, in its order: (commands, the answer that it shows).
DEMO = [
    (example("README.md", "value() {"), None),
    (example("README.md", "call $API/auth/gitlab/connect"), example("README.md", '{"userId":"developer"')),
    (example("README.md", "call $API/auth/gitlab/status"), example("README.md", '{"gitlabUserId":"1001"')),
    (example("README.md", "call $API/projects/default/agentic-sessions"), example("README.md", '{…"status":{"phase":"Completed"')),
    (example("README.md", "GIT_SSL_CAINFO=$CA git ls-remote"), example("README.md", "…\trefs/heads/feature/add-feature-x")),
    (example("README.md", "export ACP_CONFIG_FILE="), example("README.md", "ok   configuration: ")),
    (example("README.md", "call -X POST $API/auth/gitlab/disconnect"), example("README.md", '{"message":"GitLab account disconnected')),
]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("ACP_", "GIT_"))} | {"ASAN_OPTIONS": "detect_leaks=0"}


class Checkout:
    """`with Checkout("./nginx/up …") as it:` — the command runs in a checkout of its own (of links), with a free port and the built programs."""

    def __init__(self, command):
        self.command = command

    def __enter__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="acp-readme.")
        self.folder = Path(self.holder.name)
        for part in ("nginx", "simulator", "migrations"):
            (self.folder / part).symlink_to(TOP / part)
        (self.folder / "build").mkdir()
        (self.folder / "build/release").symlink_to(BUILD)
        self.output = self.folder / "output"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(["bash", "-c", f"exec {self.command} --port 0 --build {BUILD}"], cwd=self.folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            wait_until("it says that it runs", lambda: "Ctrl-C" in self.output.read_text() or self.process.poll() is not None, 90)
        except AssertionError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.status = self.process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.status = self.process.wait(10)
        self.said = self.output.read_text()
        self.holder.cleanup()


class ReadmeTest(unittest.TestCase):
    shown = example("README.md", "acp-gitlab is running at").replace("127.0.0.1:8080", "127.0.0.1:…").replace("    (", "…(")

    def test_the_demo_works_as_the_readme_shows_it(self):
        with Checkout(example("README.md", "./nginx/up --demo --ready-file demo.json")) as up:
            self.assertRegex(up.output.read_text(), pattern(self.shown))
            # One shell for all steps, as a person has; a mark separates what each prints.
            script = "set -e\n" + "\n".join(f"{commands}\necho; echo '=== end of step'" for commands, _ in DEMO)
            result = subprocess.run(["bash", "-c", script], cwd=up.folder, text=True, capture_output=True, timeout=120, env=ENVIRONMENT)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            printed = result.stdout.split("=== end of step")
            for (commands, expected), output in zip(DEMO, printed):
                if expected:
                    with self.subTest(commands.strip()[:60]):
                        self.assertRegex(output, pattern(expected))
            # The user's guide shows the same end of a session.
            notification = json.loads('"' + re.search(r'"notification":("(?:[^"\\]|\\.)*")', printed[3])[1][1:-1] + '"')
            guide = example("docs/users-guide.md", "AgenticSession completed successfully!").replace("https://gitlab.com/myteam/backend", "https://127.0.0.1:…/demo/hello")
            self.assertRegex(notification, "^" + pattern(guide).pattern + "$")
        self.assertEqual(up.status, 0, up.said)
        self.assertEqual(up.said.count("Sanitizer"), 0, up.said)

    def test_without_a_simulator(self):
        with Checkout(example("README.md", "./nginx/up")) as up:
            self.assertRegex(up.output.read_text(), pattern(self.shown))
            url = re.search(r"http://127\.0\.0\.1:\d+", up.output.read_text())[0]
            self.assertEqual(request("GET", url + "/readyz").status, 200)
            self.assertIn(b"Integrations", request("GET", url + "/").body)
        self.assertEqual(up.status, 0, up.said)


if __name__ == "__main__":
    unittest.main()
