"""The tester of any address, the command it gives, and the project's list."""
import json
import shlex
import subprocess
import unittest
from pathlib import Path

from page_case import PageCase
from stack import wait_until

CHECKS = ["Address", "Provider", "Account connected", "Server answers", "Certificate", "Token accepted", "Scopes", "Repository found", "Clone", "Push", "Branch"]


class TesterTest(PageCase):
    def ask(self, address):
        self.browser.type("#address", address)
        self.browser.keys("Enter")
        return self.see("#report", "As curl")

    def checks(self):
        return self.browser.run("return [...document.querySelectorAll('#report .checks li')].map((each) => each.querySelector('span').textContent)")

    def test_good_repository_passes_every_check(self):
        self.stack.connect()
        self.enter()
        shown = self.ask(self.stack.simulator["repository"])
        for words in ("Clone and push", "demo/hello", "main", "Developer", "john", f"{self.gitlab}/api/v4/projects/"):
            self.assertIn(words, shown)
        self.assertEqual(self.checks(), [f"{name}: passed" for name in CHECKS])
        self.snap_everywhere("report")

    def test_pasted_page_with_a_password_is_understood_and_the_password_not_shown(self):
        self.stack.connect()
        self.enter()
        shown = self.ask(f"https://john:hunter2@{self.gitlab_host}/demo/hello/-/tree/main")
        self.assertIn(f"{self.gitlab}/demo/hello.git", shown)
        self.assertNotIn("hunter2", shown)

    def test_failed_check_says_what_to_do_and_later_ones_did_not_run(self):
        self.stack.connect()
        self.enter()
        shown = self.ask(f"{self.gitlab}/demo/nothere")
        self.assertIn("Repository not found", shown)
        self.assertIn("Check the spelling", shown)
        self.assertEqual(self.checks()[7:], ["Repository found: failed", "Clone: not run", "Push: not run", "Branch: not run"])
        self.snap_everywhere("report-not-found")
        shown = self.ask("not an address")
        self.assertIn("Address: failed", shown)
        self.assertTrue(self.browser.run("return document.querySelector('#report .actions button').disabled"), "nothing to add")

    def test_not_connected_and_read_only_are_told_apart(self):
        self.enter()
        self.browser.run("document.querySelector('[name=provider]').value = 'gitlab'")
        self.assertIn("Not connected", self.ask(self.stack.simulator["repository"]))
        self.stack.connect(self.stack.tokens["readOnly"])
        self.assertIn("Clone only", self.ask(self.stack.simulator["repository"]))
        self.press("#tester-form", "Branch, access, provider")
        self.browser.run("document.querySelector('[name=access]').value = 'read'")
        self.assertEqual(self.ask(self.stack.simulator["repository"]).split("\n")[0], "Clone")

    def test_branch_and_provider_are_sent(self):
        self.stack.connect()
        self.enter()
        self.press("#tester-form", "Branch, access, provider")
        self.browser.run("document.querySelector('[name=provider]').value = 'github'")
        self.browser.type("#tester-form [name=branch]", "main")
        self.assertNotIn("Clone and push", self.ask(self.stack.simulator["repository"]))
        question = json.loads(shlex.split(self.command())[-1])
        self.assertEqual(question, {"url": self.stack.simulator["repository"], "branch": "main", "provider": "github"})

    def command(self):
        self.press("#report", "As curl")
        return self.browser.text("#report pre code")

    def test_command_asks_the_same_and_never_holds_the_bearer(self):
        self.stack.connect()
        self.enter()
        self.ask(f"{self.gitlab}/demo/o'hello")
        command = self.command()
        self.assertNotIn(self.stack.bearer, self.browser.run("return document.body.textContent"))
        self.assertIn("$ACP_BEARER", command)
        answer = subprocess.run(["bash", "-c", command], env={"PATH": "/usr/bin:/bin", "ACP_BEARER": self.stack.bearer}, capture_output=True, text=True, timeout=30)
        self.assertEqual([check["name"] for check in json.loads(answer.stdout)["checks"]][0], "address", answer)
        self.browser.cdp("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        self.press("#report", "Copy the command")
        self.see("#toasts", "Copied.", "Selected")
        self.assertIn(self.browser.run("return navigator.clipboard.readText().catch(() => getSelection().toString())"), command)


class ProjectTest(PageCase):
    def test_adding_keeps_what_others_wrote_meanwhile(self):
        self.stack.connect()
        self.enter()
        self.see("#repositories-body", "No repositories yet")
        other = {"url": f"{self.gitlab}/demo/empty.git", "branch": "main", "note": "kept"}
        self.stack.api("PUT", "/api/projects/default/repositories", {"repositories": [other], "team": "blue"})
        self.browser.type("#address", self.stack.simulator["repository"])
        self.browser.keys("Enter")
        self.see("#report", "Clone and push")
        self.press("#report", "Add to the project")
        self.see("#toasts", "Added to the project default.")
        self.see("#repositories-body", "demo/hello")
        stored = self.stack.api("GET", "/api/projects/default/repositories?reports=false").json
        self.assertEqual([entry["url"] for entry in stored["repositories"]], [other["url"], self.stack.simulator["repository"]])
        self.assertEqual((stored["team"], stored["repositories"][0]["note"]), ("blue", "kept"))
        self.press("#report", "Add to the project")
        self.see("#toasts", "has this repository already")

    def test_writer_who_is_slower_reads_again(self):
        """Between reading and writing somebody else writes: the page gets 412, and both changes stay."""
        self.stack.connect()
        self.enter()
        self.browser.run("""const real = window.fetch; window.met = [];
            window.fetch = async (path, options) => {
                if (options.method === 'PUT' && !window.met.length) {
                    await real(path, {method: 'PUT', headers: {Authorization: options.headers.Authorization, 'Content-Type': 'application/json'}, body: arguments_[0]});
                }
                const answer = await real(path, options);
                if (options.method === 'PUT') window.met.push(answer.status);
                return answer;
            }; """.replace("arguments_", json.dumps([json.dumps({"repositories": [{"url": f"{self.gitlab}/demo/empty.git"}]})])))
        self.browser.type("#address", self.stack.simulator["repository"])
        self.browser.keys("Enter")
        self.see("#report", "Clone and push")
        self.press("#report", "Add to the project")
        self.see("#toasts", "Added to the project default.")
        self.assertEqual(self.browser.run("return window.met"), [412, 200])
        stored = self.stack.api("GET", "/api/projects/default/repositories?reports=false").json["repositories"]
        self.assertEqual(len(stored), 2, stored)

    def test_change_that_ends_late_is_not_shown_in_another_project(self):
        """The list of one project under the name of another would be edited in the wrong place."""
        self.visit(f"#bearer={self.stack.add_user('of-two', ('default', 'other'))}")
        self.agree("of-two")
        self.see("#repositories-body", "No repositories yet")
        self.meddle("const answer = await real(path, options); if (options.method === 'PUT') { %s } return answer;" % self.HOLD)
        self.browser.type("#address", self.stack.simulator["repository"])
        self.browser.keys("Enter")
        self.see("#report", "Add to the project")
        self.press("#report", "Add to the project")
        wait_until("it is stored", lambda: self.browser.run("return Boolean(window.held)"), 30)
        self.browser.type("#project", "other")
        self.browser.keys("Tab")
        self.see("#repositories-body", "No repositories yet")
        self.browser.run(self.RELEASE)
        self.see("#toasts", "Added to the project default.")
        self.assertIn("No repositories yet", self.browser.text("#repositories-body"))
        self.browser.type("#project", "default")
        self.browser.keys("Tab")
        self.see("#repositories-body", "demo/hello")

    def test_list_that_was_asked_for_before_a_change_does_not_hide_it(self):
        self.stack.connect()
        empty = {"url": f"{self.gitlab}/demo/empty.git"}
        self.stack.api("PUT", "/api/projects/default/repositories", {"repositories": [empty]})
        self.enter()
        self.see("#repositories-body", "Clone and push")
        # "Check again" is answered with what was there before, and late.
        self.meddle("""const answer = await real(path, options);
            if (options.method === 'GET' && path.endsWith('/repositories') && !window.late) { window.late = true; %s window.arrived = true; }
            return answer;""" % self.HOLD)
        self.browser.click("#repositories-refresh")
        wait_until("the older list is on its way", lambda: self.browser.run("return Boolean(window.held)"), 30)
        self.browser.type("#address", self.stack.simulator["repository"])
        self.browser.keys("Enter")
        self.see("#report", "Clone and push")
        self.press("#report", "Add to the project")
        self.see("#toasts", "Added to the project default.")
        self.see("#repositories-body", "demo/hello")
        self.browser.run(self.RELEASE)
        wait_until("it came", lambda: self.browser.run("return window.arrived"), 10)
        self.browser.run("return new Promise((done) => setTimeout(done, 300))")
        self.assertIn("demo/hello", self.browser.text("#repositories-body"))

    def test_change_that_was_nothing_leaves_a_whole_list(self):
        """It put aside the list that was being asked for."""
        self.stack.connect()
        self.stack.api("PUT", "/api/projects/default/repositories", {"repositories": [{"url": self.stack.simulator["repository"]}]})
        self.enter()
        self.see("#repositories-body", "Clone and push")
        self.browser.type("#address", self.stack.simulator["repository"])
        self.browser.keys("Enter")
        self.see("#report", "Clone and push")
        self.meddle("if (options.method === 'GET' && path.endsWith('/repositories') && !window.late) { window.late = true; %s } return real(path, options);" % self.HOLD)
        self.browser.click("#repositories-refresh")
        self.see("#repositories-body", "Checking")
        self.press("#report", "Add to the project")
        self.see("#toasts", "has this repository already")
        self.see("#repositories-body", "Clone and push")

    def test_list_shows_reports_and_removes(self):
        self.stack.connect()
        addresses = [self.stack.simulator["repository"], f"{self.gitlab}/demo/nothere.git", self.stack.github["repository"]]
        self.stack.api("PUT", "/api/projects/default/repositories", {"repositories": [{"url": url} for url in addresses]})
        self.enter()
        shown = self.see("#repositories-body", "Clone and push")
        for words in ("demo/hello", "demo/nothere", "Not usable", "octo/hello", "Not connected"):
            self.assertIn(words, shown)
        self.browser.run("document.querySelectorAll('#repositories-body details')[1].open = true")
        self.see("#repositories-body", "Repository not found")
        self.snap_everywhere("repositories")
        self.press("#repositories-body", "Remove demo/nothere from the project")
        self.press("#ask", "Keep it")
        wait_until("the question is closed", lambda: not self.browser.run("return document.querySelector('#ask').open"), 30)
        self.press("#repositories-body", "Remove demo/nothere from the project")
        self.press("#ask", "Remove")
        wait_until("it is gone", lambda: "nothere" not in self.browser.text("#repositories-body"), 30)
        self.assertEqual(len(self.stack.api("GET", "/api/projects/default/repositories?reports=false").json["repositories"]), 2)

    def test_failing_pool_is_retried_when_the_service_said(self):
        self.enter()
        sockets = self.sockets("repositories")
        self.assertTrue(sockets)
        for path in sockets:
            path.rename(path.with_suffix(".away"))
        try:
            self.browser.run("document.getElementById('project').dispatchEvent(new Event('change'))")
            shown = self.see("#repositories-body", "not available")
            self.assertRegex(shown, r"request [0-9a-f]{32}")
            self.see("#repositories-body", "By itself in")
            self.see("#sessions-body", "Try again")
            self.snap_everywhere("pool-down")
        finally:
            for path in sockets:
                path.with_suffix(".away").rename(path)
        self.see("#repositories-body", "No repositories yet")
        self.see("#sessions-body", "No sessions yet")

    def sockets(self, pool):
        found = set()
        for words in self.stack.commands().values():
            if pool in words:
                found.update(Path(value) for name, value in zip(words, words[1:]) if name == "--socket")
        return sorted(found)


if __name__ == "__main__":
    unittest.main()
