"""The two pictures of the README, as scenes that are set and looked at: tests/output/page-readme*.png are what docs/images/ was made of."""
import unittest

from page_case import OUTPUT, PageCase
from stack import on_a_day_that_lasts


class PicturesTest(PageCase):
    def setUp(self):
        super().setUp()
        self.stack.connect()
        self.stack.api("POST", "/api/auth/github/pat", {"token": self.stack.github_tokens["classic"]})
        self.stack.api("POST", "/api/auth/github/install", {"installationId": self.stack.github["installations"]["user"]})
        self.stack.api("POST", "/api/auth/github/pat", {"token": self.stack.github_tokens["expiring"]})
        urls = [self.stack.simulator["repository"], f"{self.gitlab}/demo/empty", self.stack.github["repository"], f"{self.github}/octo-org/readonly"]
        answer = self.stack.api("PUT", "/api/projects/default/repositories", {"repositories": [{"url": url} for url in urls]})
        self.assertEqual(answer.status, 200, answer)

    def test_the_page_with_something_in_every_card(self):
        on_a_day_that_lasts(60)
        for name, description, spec in (
                ("fix-typos", "Fix the typos in the documents", {"outputRepo": {"url": f"{self.github}/octo-org/readonly", "branch": "fix-typos"}}),
                ("add-feature-x", "Add feature X to the backend service", {"outputRepo": {"url": self.stack.simulator["repository"], "branch": "feature/add-feature-x"}, "mergeRequest": {}})):
            self.assertEqual(self.stack.create_session(name, {"description": description, **spec}).status, 201)
            self.stack.wait_for_session(name)
        self.visit()
        for words in ("@john", "Connected"):
            self.see("#gitlab-body", words)
        self.see("#github-body", "Expires in 3 days")
        self.see("#repositories-body", "Clone only")
        self.see("#sessions-body", "See merge request")
        self.browser.type("#address", f"{self.gitlab}/demo/hello/-/tree/main")
        self.browser.keys("Enter")
        self.assertIn("Developer", self.see("#report", "Clone and push"))
        self.browser.run("document.activeElement.blur()")
        self.snap("readme")

    def test_a_token_that_can_only_read(self):
        self.browser.media(prefers_color_scheme="dark")
        self.visit()
        self.see("#repositories-body", "Clone only")
        self.press("#gitlab", "Add an instance")
        self.browser.type("#instance", self.gitlab)
        self.browser.type("#token", self.stack.tokens["readOnly"])
        self.press("#connect", "Test without saving")
        self.assertIn("@john. Nothing was saved.", self.see("#verdict", "Read only"))
        self.browser.screenshot(OUTPUT / "page-readme-form.png", whole=False)


if __name__ == "__main__":
    unittest.main()
