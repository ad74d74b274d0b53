"""The README's first example, typed as it stands: every command of it, and what it shows."""
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from stack import TOP, Stack


def example():
    """(commands, expected answer) pairs of the demo section, in order."""
    text = (TOP / "README.md").read_text()
    section = text[text.index("<!-- example: demo -->"):text.index("## With a real GitLab")]
    blocks = re.findall(r"```(\w*)\n(.*?)```", section, re.S)
    steps = []
    for kind, body in blocks:
        if kind == "sh":
            steps.append([body, None])
        else:
            steps[-1][1] = body.strip()
    return steps


def as_pattern(expected):
    """The README's answer with … for what changes from run to run."""
    return ".*".join(re.escape(part) for part in expected.split("…"))


class ReadmeTest(unittest.TestCase):
    def test_the_demo_works_as_the_readme_shows_it(self):
        steps = example()
        self.assertGreaterEqual(len(steps), 6)
        with Stack() as stack, tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "demo.json").write_text(json.dumps(stack.ready))
            # One shell for all steps, as a person has; a mark separates what each prints.
            script = "set -e\n" + "\n".join(f"{commands}\necho; echo '=== end of step'" for commands, _ in steps)
            result = subprocess.run(["bash", "-c", script], cwd=folder, text=True, capture_output=True, timeout=120,
                                    env={k: v for k, v in os.environ.items() if not k.startswith(("ACP_", "GIT_"))})
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            shown = result.stdout.split("=== end of step")
            for (commands, expected), output in zip(steps, shown):
                if expected:
                    with self.subTest(commands.strip()[:60]):
                        self.assertRegex(output, re.compile(as_pattern(expected), re.S))


if __name__ == "__main__":
    unittest.main()
