"""The project's sessions: phases, progress, where the result is, and what to do when there is none."""
import secrets
import unittest

from page_case import PageCase
from stack import wait_until


class SessionsTest(PageCase):
    def make(self, name, **spec):
        spec.setdefault("outputRepo", {"url": self.stack.simulator["repository"], "branch": f"feature/{name}"})
        answer = self.stack.create_session(name, {"description": f"What {name} is for", **spec})
        self.assertEqual(answer.status, 201, answer)

    def test_session_is_followed_to_its_branch_and_merge_request(self):
        self.stack.connect()
        self.enter()
        self.see("#sessions-body", "No sessions yet")
        self.make("add-feature", mergeRequest={"title": "Add it"})
        self.browser.run("document.dispatchEvent(new Event('visibilitychange'))")
        shown = self.see("#sessions-body", "Completed", seconds=60)
        for words in ("add-feature", "What add-feature is for", "Push: done", "hello", "feature/add-feature", "See merge request", "Pushed"):
            self.assertIn(words, shown)
        links = self.browser.run("return [...document.querySelectorAll('#sessions-body a')].map((each) => each.href)")
        self.assertEqual(links[0], f"{self.gitlab}/demo/hello/-/tree/feature/add-feature")
        self.assertRegex(links[1], r"/-/merge_requests/\d+$")
        self.snap_everywhere("session")

    def test_a_merge_request_that_is_not_there_can_be_opened(self):
        """Nobody asked for one: what the server offers is called an offer."""
        self.stack.connect()
        self.make("no-request")
        self.enter()
        self.assertNotIn("See merge request", self.see("#sessions-body", "Open merge request", seconds=60))
        self.assertIn("/-/merge_requests/new?", self.browser.run("return [...document.querySelectorAll('#sessions-body a')].map((each) => each.href)")[1])

    def test_transfer_shows_its_objects_while_it_lasts(self):
        self.stack.connect()
        # Git takes in a pack by packets of up to 64 KiB, as full as its server happens to fill them: this is several in any case.
        files = {f"notes/{number}.txt": secrets.token_hex(4000) for number in range(60)}
        self.stack.control("POST", "/commit", {"project": "demo/hello", "branch": "main", "files": files})
        self.stack.mode("git", "slow", match="/git-upload-pack", method="POST", size=4096, delay_ms=400)
        self.make("slow")
        self.enter()
        shown = self.see("#sessions-body", "Receiving", seconds=40)
        self.assertRegex(shown, r"Receiving \d+ of \d\d objects(, [\d.]+\s?k?(B|byte))?")
        self.assertIn("Clone: now", shown)
        self.snap("session-cloning")
        self.stack.mode("git", "normal")
        self.see("#sessions-body", "Completed", seconds=60)

    def test_failure_says_what_to_do(self):
        self.stack.connect(self.stack.tokens["readOnly"])
        self.make("cannot-push")
        self.enter()
        shown = self.see("#sessions-body", "Failed", seconds=60)
        for words in ("GitLab push failed: Insufficient permissions.", "push_forbidden", "Reconnect with a token that has 'write_repository' or 'api'.", "Push: failed"):
            self.assertIn(words, shown)
        self.assertIn("Push again: cannot-push", self.browser.run("return [...document.querySelectorAll('#sessions-body button')].map((each) => each.ariaLabel)"), "the kept work can be pushed again")

    def test_deleting_asks_and_deletes(self):
        self.stack.connect()
        self.make("goes")
        self.enter()
        self.see("#sessions-body", "Completed", seconds=60)
        self.press("#sessions-body", "Delete the session goes")
        self.see("#ask", "Delete the session goes?")
        self.press("#ask", "Delete")
        self.see("#sessions-body", "No sessions yet")
        self.assertEqual(self.stack.session("goes").status, 404)

    def test_sessions_of_others_can_be_seen_and_not_touched(self):
        other = self.stack.add_user("somebody", projects=("default",))
        self.stack.connect(token="glpat-user7-0123456789abcdefghij", bearer=other)
        answer = self.stack.create_session("theirs", {"outputRepo": {"url": self.stack.simulator["repository"], "branch": "theirs"}}, bearer=other)
        self.assertEqual(answer.status, 201, answer)
        self.enter()
        self.see("#sessions-body", "theirs")
        self.press("#sessions-body", "Delete the session theirs")
        self.press("#ask", "Delete")
        self.see("#toasts", "Only the owner of the session may do this.")
        self.stack.api("DELETE", "/api/projects/default/agentic-sessions/theirs", bearer=other)

    def test_list_keeps_focus_and_opens_more(self):
        self.stack.connect()
        for number in range(22):
            self.make(f"many-{number:02}", outputRepo={"url": f"{self.gitlab}/demo/nothere", "branch": "x"})
        self.enter()
        self.see("#sessions-body", "many-21")
        self.assertEqual(self.browser.run("return document.querySelectorAll('.session').length"), 20)
        self.browser.run("document.querySelector('[aria-label=\"Delete the session many-21\"]').focus()")
        wait_until("all have ended", lambda: "Pending" not in self.browser.text("#sessions-body"), 90)
        self.assertEqual(self.browser.focused()[1], "Delete the session many-21")
        self.press("#sessions-body", "Show more")
        wait_until("all are shown", lambda: self.browser.run("return document.querySelectorAll('.session').length") == 22, 30)


if __name__ == "__main__":
    unittest.main()
