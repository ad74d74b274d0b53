"""The command line's sessions: made, followed to their end, pushed and removed, with the API's words and exit codes that scripts can use."""
import json
import unittest

from cli_case import DONE, NOT_FOUND, ROLE, USAGE, TerminalCase


class SessionVerbsTest(TerminalCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.repository = cls.stack.simulator["repository"]

    def setUp(self):
        self.connect()

    def create(self, name, *more, code=DONE, says=""):
        return self.expect(code, "session", "create", "--name", name, "--description", f"Do {name}", "--repo", self.repository, "--branch",
                           f"feature/{name}", *more, says=says)

    def test_a_session_is_followed_to_its_end(self):
        shown = self.create("cli-wait", "--wait", says="Completed").stdout
        self.assertIn("View changes in GitLab:", shown)
        self.assertIn(f"{self.repository.removesuffix('.git')}/-/tree/feature/cli-wait", shown)
        self.assertIn("Pushed", shown)
        self.assertRegex(shown, r"(?m)^      a merge request can be opened at \S+/-/merge_requests/new\?")
        listed = self.expect(DONE, "session", "list", says="cli-wait").stdout
        self.assertRegex(listed, r"(?m)^Completed +cli-wait .*\n +\S+/-/tree/feature/cli-wait$")
        self.assertEqual(self.expect(DONE, "session", "show", "cli-wait", "--wait").stdout, shown)

    def test_json_is_the_apis_own(self):
        made = json.loads(self.create("cli-json", "--json").stdout)
        self.assertEqual(made["metadata"]["name"], "cli-json")
        ended = json.loads(self.expect(DONE, "session", "show", "cli-json", "--wait", "--json").stdout)
        self.assertEqual(ended["status"]["phase"], "Completed")
        self.assertEqual(ended, self.stack.session("cli-json").json)
        names = [item["metadata"]["name"] for item in json.loads(self.expect(DONE, "session", "list", "--json").stdout)["items"]]
        self.assertIn("cli-json", names)

    def test_a_file_and_standard_input_say_what_to_do_and_options_go_over_them(self):
        path = self.stack.data / "session.json"
        path.write_text(json.dumps({"apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "metadata": {"name": "from-file"},
                                    "spec": {"description": "x", "outputRepo": {"url": self.repository, "branch": "feature/from-file"}}}))
        self.expect(DONE, "session", "create", str(path), "--wait", says="feature/from-file")
        made = json.loads(self.expect(DONE, "session", "create", "-", "--name", "from-stdin", "--branch", "feature/other", "--json",
                                      token=path.read_text()).stdout)
        self.assertEqual((made["metadata"]["name"], made["spec"]["outputRepo"]["branch"]), ("from-stdin", "feature/other"))
        self.assertEqual(made["spec"]["description"], "x")

    def test_a_merge_request_is_asked_for(self):
        shown = self.create("cli-mr", "--merge-request", "--wait", "--json").stdout
        url = json.loads(shown)["status"]["repositories"][0]["mergeRequestUrl"]
        self.assertRegex(url, r"/-/merge_requests/\d+$")
        self.expect(DONE, "session", "show", "cli-mr", says=f"      merge request {url}\n")
        self.assertRegex(self.expect(DONE, "session", "list").stdout, rf"(?m)^Completed +cli-mr .*\n +{url}$")

    def test_a_session_that_fails_gives_the_exit_code_of_its_error(self):
        self.expect(DONE, "connect", "--instance", self.base, token=self.tokens["readOnly"])
        shown = self.create("cli-fails", "--wait", code=ROLE, says="Insufficient permissions").stdout
        self.assertIn("AgenticSession failed.", shown)
        self.expect(ROLE, "session", "show", "cli-fails")
        self.expect(ROLE, "session", "show", "cli-fails", "--json")
        self.connect()
        self.expect(DONE, "session", "push", "cli-fails", "--wait", says="Completed")

    def test_a_session_is_removed(self):
        self.create("cli-gone", "--wait")
        self.expect(DONE, "session", "delete", "cli-gone", says="Session deleted")
        self.expect(NOT_FOUND, "session", "show", "cli-gone")
        self.expect(NOT_FOUND, "session", "delete", "cli-gone")
        self.expect(NOT_FOUND, "session", "push", "cli-gone", "--wait")

    def test_unusable_input_is_refused(self):
        self.expect(USAGE, "session", "create", says="must say what")
        self.expect(USAGE, "session", "create", str(self.stack.data / "missing.json"), says="one AgenticSession as JSON")
        self.expect(USAGE, "session", "create", "-", token="[]", says="one AgenticSession as JSON")
        self.expect(USAGE, "session", "create", "--description", "x", "--repo", "not an address")
        self.expect(USAGE, "session", "show", says="argument is missing")
        self.expect(USAGE, "session", says="needs a second word")
        self.expect(USAGE, "session", "jump", says="no command 'session jump'")

    def test_a_terminal_sees_it_move_and_nothing_else_does(self):
        pid, terminal = self.start("session", "create", "--name", "cli-tty", "--description", "x", "--repo", self.repository, "--branch", "feature/tty",
                                   "--wait")
        shown = self.read(terminal, seconds=90)
        self.assertEqual(self.exit_code(pid), DONE, shown)
        self.assertIn("\r\x1b[K", shown)
        self.assertIn("cli-tty: ", shown)
        self.assertEqual(self.create("cli-quiet", "--wait").stderr, "")


if __name__ == "__main__":
    unittest.main()
