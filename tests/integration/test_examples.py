"""The blocks of the documents that are neither the demo (test_readme) nor need a cluster (tests/kube/test_examples) or a Debian of their own
(test_package): each is run, or compared with what runs, as it stands. Names of hosts and folders are those of this test; nothing else is changed."""
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import promtool
from cli_case import CliCase
from examples import example, pattern, shape
from stack import wait_until


class ExamplesCase(CliCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.TemporaryDirectory(prefix="acp-examples.")
        cls.here = Path(cls.folder.name)
        (cls.here / ".config/acp").mkdir(parents=True)
        (cls.here / ".config/acp/bearer").write_text(cls.stack.bearer + "\n")
        (cls.here / "leaked-token").write_text(cls.tokens["good"])
        cls.authority = cls.base.removeprefix("https://")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()
        super().tearDownClass()

    def localised(self, text):
        """The example's hosts and folders as they are here."""
        for there, here in (("https://acp.company.com", self.stack.url), ("https://gitlab.company.com", self.base), ("gitlab.company.com:443", self.authority),
                            ("git@gitlab.company.com:team/backend", f"git@{self.authority.split(':')[0]}:demo/hello"),
                            ("https://gitlab.com/team/backend", self.stack.simulator["repository"]), ("/etc/ssl/company.pem", self.stack.simulator["caFile"])):
            text = text.replace(there, here)
        return text

    def type(self, commands, environment, given=""):
        """What a shell prints for the commands, each of which must succeed."""
        # Where a command asks for a token at its prompt it is given one here; all others find nothing to read.
        result = subprocess.run(["bash", "-c", "set -eo pipefail\n" + self.localised(commands)], cwd=self.here, text=True, input=given, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=120, env={**environment, "HOME": str(self.here), "PATH": f"{self.stack.build}/bin:{os.environ['PATH']}"})
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertNotIn(self.tokens["good"], result.stdout)
        return result.stdout

    def user(self):
        return {name: value for name, value in self.environment().items() if name not in ("ACP_URL", "ACP_BEARER_FILE")}

    def get(self, path, method="GET", body=None):
        answer = self.stack.api(method, f"/api/projects/default{path}", body)
        self.assertEqual(answer.status, 200, answer)
        return answer.json


class CommandsTest(ExamplesCase):
    def test_a_users_first_commands(self):
        """README, "Command line". The branch that is added is there."""
        self.connect()
        self.stack.create_session("for-develop", {"description": "x", "outputRepo": {"url": self.stack.simulator["repository"], "branch": "develop"}})
        self.assertEqual(self.stack.wait_for_session("for-develop")["status"]["phase"], "Completed")
        shown = self.type(example("README.md", "export ACP_URL="), self.user(), self.tokens["good"])
        for text in ("GitLab account connected successfully", "Valid: ", "is in the list of the project default", "View changes in GitLab:", "/tree/feature/x"):
            self.assertIn(text, shown)
        self.assertIn("/demo/hello", json.dumps(self.get("/repositories?reports=false")))

    def test_rotation(self):
        """docs/tokens.md: three commands, of which two ask for the token."""
        commands = example("docs/tokens.md", "acp-gitlab test --instance").splitlines()
        asked = [command for command in commands if "# asks" in command]
        self.assertEqual(len(asked), 2)
        for command in commands:
            shown = self.type(command, self.environment(), self.tokens["good"] if command in asked else "")
        self.assertRegex(shown, r"@?john")

    def test_audit_and_administration(self):
        self.connect()
        alice = self.stack.add_user("alice")
        self.assertEqual(self.stack.connect(self.tokens["mary"], bearer=alice).status, 200)
        shown = self.type(example("README.md", "acp-gitlab audit find"), self.stack.environment())
        uses, listed = shown[:shown.index("\n}\n") + 3], shown[shown.index("\n}\n") + 3:]
        self.assertIn("connect", [use["action"] for use in json.loads(uses)["uses"]])
        self.assertEqual({use["user"] for use in json.loads(uses)["uses"]}, {"developer"})
        self.assertRegex(listed, r"developer .* john .*\n(?s:.*)alice .* mary ")
        self.assertEqual(self.stack.status(bearer=alice).json["connected"], True)

    def test_what_a_server_presents(self):
        shown = self.type(example("docs/self-managed.md", "openssl s_client"), os.environ)
        self.assertIn("BEGIN CERTIFICATE", shown)


class AnswersTest(ExamplesCase):
    """JSON of the documents has the members of what the service says, at every depth."""

    def test_the_report(self):
        self.connect()
        shown = json.loads(example("README.md", '{"valid":false,"provider":"gitlab"'))
        report = self.get("/repositories/validate", "POST", {"url": f"{self.base}/roles/reporter"})
        self.assertEqual(shape(shown), shape(report))
        self.assertEqual([sorted(check) for check in shown["checks"]], [sorted(check) for check in report["checks"]])
        self.assertEqual([(check["name"], check["ok"], check.get("code")) for check in shown["checks"]], [(check["name"], check["ok"], check.get("code")) for check in report["checks"]])
        self.assertEqual([shown[each] for each in ("valid", "provider", "role", "can")], [report[each] for each in ("valid", "provider", "role", "can")])

    def test_an_audit_line(self):
        self.connect()
        shown = json.loads(example("README.md", '{"ts":'))
        answer = self.stack.create_session("audited", {"description": "x", "outputRepo": {"url": self.stack.simulator["repository"], "branch": "audited"}})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(self.stack.wait_for_session("audited")["status"]["phase"], "Completed")
        lines = [json.loads(line) for line in (self.stack.data / "logs/audit.log").read_text().splitlines()]
        line = next(line for line in lines if line["action"] == shown["action"])
        self.assertEqual(list(line), list(shown))
        for member in ("level", "program", "pool", "msg", "stream", "provider", "credential", "outcome"):
            self.assertEqual(line[member], shown[member])

    def test_what_doctor_says_of_a_certificate(self):
        self.connect()
        settings = self.stack.environment() | {"ACP_CA_FILE": ""}
        result = subprocess.run([self.stack.build / "bin/acp-gitlab", "doctor"], env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90)
        issuer = re.search(r"issued by '([^']+)'", result.stdout)
        self.assertIsNotNone(issuer, result.stdout)
        expected = example("README.md", "FAIL instance https://gitlab.company.com: TLS").replace("'Company CA'", issuer[0].removeprefix("issued by "))
        expected = self.localised(expected).replace("gitlab.company.com", "127.0.0.1")
        self.assertRegex(result.stdout, pattern(expected))
        self.assertEqual(result.returncode, 3)


class SettingsTest(ExamplesCase):
    def put_in_force(self, text):
        """`acp-gitlab config` with the block as the file of settings."""
        path = self.here / "acp-gitlab.conf"
        path.write_text(text + "\n")
        return self.expect(0, "config", ACP_CONFIG_FILE=str(path), ACP_URL=None, ACP_BEARER_FILE=None).stdout

    def test_settings(self):
        for text in (example("docs/oauth-proxy.md", "ACP_TRUSTED_PROXY="), example("docs/self-managed.md", "ACP_EGRESS_ALLOW=")):
            self.assertRegex(self.put_in_force(text), rf"(?m)^{re.escape(text)} +# file$")

    def test_lists_of_instances(self):
        """doctor reads the list and goes to every instance of it. Names of the examples lead nowhere, and that is all that it may find wrong with one."""
        for text in (example("README.md", '[{"name": "company"'), example("docs/self-managed.md", '[{"name": "company"')):
            text = text.replace("/etc/ssl/company.pem", self.stack.simulator["caFile"])
            path = self.here / "instances.json"
            path.write_text(text)
            result = subprocess.run([self.stack.build / "bin/acp-gitlab", "doctor", "--json"], env=self.stack.environment() | {"ACP_INSTANCES_FILE": str(path), "ACP_URL": self.stack.url}, text=True,
                                    stdout=subprocess.PIPE, timeout=150)
            findings = {finding["name"]: finding for finding in json.loads(result.stdout)["findings"]}
            for entry in json.loads(text):
                finding = findings[f"instance {entry['url']}"]
                self.assertTrue(finding["level"] == "ok" or re.match("(name|proxy): ", finding["message"]), finding)
            self.assertFalse([finding for name, finding in findings.items() if finding["level"] == "failed" and not name.startswith("instance ")], findings)

    def test_scraping(self):
        tool, reason = promtool.find()
        if not tool:
            self.skipTest(reason)
        text = example("docs/operations.md", "scrape_configs:")
        path = self.here / "prometheus.yaml"
        path.write_text(text + "\n")
        result = subprocess.run([tool, "check", "config", path], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(result.returncode, 0, result.stdout)
        # Every path that it names answers.
        for path in re.findall(r"/metrics[\w/]*", text):
            answer = wait_until(path, lambda path=path: self.stack.api("GET", path, bearer=""), 10)
            self.assertEqual(answer.status, 200, path)
            self.assertIn(b"acp_gitlab_build_info", answer.body)


if __name__ == "__main__":
    unittest.main()
