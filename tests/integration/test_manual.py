"""What explains the programs is true: the examples of every command's help run, man pages are well-formed, completion completes."""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from cli_case import CliCase
from stack import TOP, wait_until

# Stands for what an example borrows from its reader's machine.
PRELUDE = """
pass() { cat token; }
kubectl() { cat credentials.json; }
man() { groff -Kutf8 -man -ww -Tutf8 >/dev/null; }
"""
# They run until they are ended.
LASTING = {"acp-gitlab housekeeping", "acp-gitlab simulator --dir ./simulator-data --demo",
           "acp-gitlab simulator --dir ./simulator-data --port 8929 --ready-file ./ready"}
TIMED_OUT = 124


class ExamplesTest(CliCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.TemporaryDirectory(prefix="acp-examples.")
        cls.here = Path(cls.folder.name)
        (cls.here / "token").write_text(cls.tokens["good"])
        (cls.here / "credentials.json").write_text('{"kind": "Secret", "metadata": {"name": "gitlab-credentials"}, "data": {}}')
        (cls.here / "users.map").write_text("john-company.com=john@company.com\n")
        (cls.here / "session.json").write_text('{"metadata": {"name": "an-example"}, "spec": {"description": "x", "outputRepo": {"url": "%s", '
                                               '"branch": "feature/an-example"}}}' % cls.stack.simulator["repository"])

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()
        super().tearDownClass()

    def machine(self):
        """An installation of the examples' own, beside the running one that they call."""
        return self.environment(HOME=str(self.here), PATH=f"{self.stack.build}/bin:{os.environ['PATH']}", ACP_DATABASE=str(self.here / "acp-gitlab.db"),
                                ACP_SEAL_PUBLIC_KEYS_FILE=str(self.here / "public.keys"), ACP_SEAL_SIGNING_KEY_FILE=str(self.here / "signing.key"),
                                ACP_SEAL_PRIVATE_KEYS_FILE=str(self.here / "private.keys"), ACP_STATIC_TOKENS_FILE=str(self.here / "tokens"),
                                ACP_WORKSPACES=str(self.here), ACP_MIRRORS="", ACP_CA_FILE=self.stack.simulator["caFile"])

    def localised(self, line):
        """The example's hosts and folders as they are here."""
        line = line.replace("https://gitlab.company.com", self.base).replace("https://gitlab.com/team/backend", self.stack.simulator["repository"])
        return line.replace("/etc/acp-gitlab", str(self.here)).replace("/mnt/safe", str(self.here / "safe")).replace("/tmp/try.db", str(self.here / "try.db"))

    def examples(self):
        overview = self.expect(0).stdout
        for words in re.findall(r"(?m)^  ((?:[a-z-]+ )?[a-z-]+) {2,}\S", overview):
            if words == "version":
                continue
            shown = self.expect(0, "help", *words.split()).stdout
            block = re.search(r"(?ms)^Examples?:\n(.*?)(?:\n\n|\Z)", shown)
            self.assertIsNotNone(block, f"{words} has no example")
            yield from (line.strip() for line in block[1].splitlines() if line.strip())

    def test_every_example_runs(self):
        (self.here / "safe").mkdir()
        count = 0
        for line in self.examples():
            with self.subTest(line):
                count += 1
                result = subprocess.run(["timeout", "-k", "5", "4" if line in LASTING else "60", "bash", "-c", PRELUDE + self.localised(line)], cwd=self.here,
                                        env=self.machine(), input=self.tokens["good"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90)
                # A check that fails is an answer; a command line that is wrong, or a program that is not there, is a wrong example.
                allowed = {TIMED_OUT, 0} if line in LASTING else {0, 1, 3, 4, 5, 6, 7}
                self.assertIn(result.returncode, allowed, result.stdout)
                self.assertNotRegex(result.stdout, r"no option|--help'|command not found|Sanitizer", result.stdout)
        self.assertGreater(count, 40)


class ManualTest(CliCase):
    def pages(self):
        documents = self.stack.build / "docs"
        return [documents / "acp-gitlab.1", documents / "acp-gitlab.conf.5", *sorted((TOP / "docs/man").glob("*.[0-9]"))]

    def test_pages_are_well_formed(self):
        for page in self.pages():
            with self.subTest(page.name):
                result = subprocess.run(["groff", "-Kutf8", "-man", "-ww", "-Tutf8", page], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                for heading in ("NAME", "SYNOPSIS", "SEE ALSO"):
                    self.assertRegex(page.read_text(), rf'(?m)^\.SH "?{heading}"?$')

    def test_pages_name_every_option_of_the_programs_and_their_defaults(self):
        for program in ("acp-gitlab-fcgi", "acp-git-worker"):
            shown = subprocess.run([self.stack.build / "bin" / program, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30).stdout
            page = (TOP / f"docs/man/{program}.8").read_text().replace("\\-", "-")
            for option in set(re.findall(r"--[a-z-]+", shown)) - {"--help", "--version"}:
                self.assertIn(option, page)
            defaults = re.findall(r"(?m)^ +(--[a-z-]+) .*(\(default .+?\))$", shown)
            self.assertTrue(defaults, shown)
            for option, value in defaults:
                self.assertRegex(page, rf"(?m)^\.BR? .*{option}.*\n.*{re.escape(value)}\.$")

    def run_example(self, line, folder, until=None):
        """(exit status, output) of a line of a page, in a shell with the settings of the running product; asked to end once it says `until`."""
        settings = self.stack.environment() | {"PATH": f"{self.stack.build}/bin:{os.environ['PATH']}", "UBSAN_OPTIONS": "print_stacktrace=1"}
        said = Path(folder) / "said"
        with said.open("w") as output:
            process = subprocess.Popen(["bash", "-c", f"exec {line.replace('/run/acp-gitlab', str(folder))}"], cwd=folder, env=settings, stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=subprocess.STDOUT)
        try:
            if until:
                wait_until(f"it says {until}", lambda: until in said.read_text() or process.poll() is not None, 60)
                process.terminate()
            status = process.wait(120)
        finally:
            process.kill()
            process.wait(10)
        self.assertNotIn("Sanitizer", said.read_text())
        return status, said.read_text()

    def test_examples_of_the_programs_run(self):
        """Of the pages of section 8; those of acp-gitlab(1) are its help's. Programs that last until they are ended end with 0 when they are asked to."""
        self.connect()
        lasting = {"acp-git-worker serve": "Worker started", "acp-gitlab-fcgi --pool": '"serving"'}
        count = 0
        for page in sorted((TOP / "docs/man").glob("*.8")):
            block = re.search(r"(?ms)^\.SH EXAMPLES\n.*?^\.EX\n(.*?)^\.EE$", page.read_text())
            for line in block[1].replace("\\-", "-").splitlines():
                with self.subTest(line), tempfile.TemporaryDirectory(prefix="acp-page.") as folder:
                    (Path(folder) / "status").mkdir()  # of a pool
                    (Path(folder) / "session.json").write_text('{"metadata": {"name": "of-the-page", "namespace": "default"}, "spec": {"description": "x", "outputRepo": '
                                                               '{"url": "%s", "branch": "of-the-page"}}}' % self.stack.simulator["repository"])
                    kind = next((words for words in lasting if line.startswith(words)), None)
                    status, output = self.run_example(line, folder, lasting.get(kind))
                    self.assertEqual(status, 0, output)
                    if kind:
                        self.assertIn(lasting[kind], output)
                    count += 1
        self.assertGreaterEqual(count, 3)

    def test_bash_completes_commands_and_options(self):
        script = self.expect(0, "completion", "bash").stdout
        rows = [(["acp-gitlab", "ses"], "session"), (["acp-gitlab", "session", "cr"], "create"), (["acp-gitlab", "session", "create", "--wa"], "--wait"),
                (["acp-gitlab", "validate", "--acc"], "--access"), (["acp-gitlab", "repositories", "--pro"], "--project"),
                (["acp-gitlab", "repositories", "re"], "remove"), (["acp-gitlab", "session", "show", "x", "y"], "")]
        for words, wanted in rows:
            with self.subTest(words):
                ask = script + f'\nCOMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _acp_gitlab; echo "${{COMPREPLY[*]}}"'
                result = subprocess.run(["bash", "-u", "-c", ask], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
                self.assertEqual((result.stdout.strip(), result.stderr), (wanted, ""))


if __name__ == "__main__":
    unittest.main()
