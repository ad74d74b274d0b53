"""What holds for the whole page: its weight, its speed, whom it talks to, who can use it."""
import statistics
import unittest
import urllib.parse

from page_case import DESKTOP, PHONE, PageCase, check_accessibility
from stack import TOP, request

HTML = TOP / "nginx/html"
WEIGHT_MAX, INTERACTIVE_MS = 60_000, 200
FLOOR = "<!doctype html>\n<html lang=\"en\"><title>Floor</title><p>Nothing.</p>\n"
FLOOR_MS = 54  # what a page without anything in it takes where the 200 ms were measured (tests/bench/run-page)


class WeightTest(PageCase):
    def test_page_weighs_no_more_than_60_kB(self):
        self.assertLessEqual(sum(file.stat().st_size for file in HTML.rglob("*") if file.is_file()), WEIGHT_MAX)

    def test_everything_the_page_loads_is_its_own_and_counted(self):
        self.enter()
        loaded = {urllib.parse.urlsplit(url).path for url in self.browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")}
        files = {"/" + str(file.relative_to(HTML)) for file in HTML.rglob("*") if file.is_file()} - {"/index.html"}
        self.assertEqual({path for path in loaded if not path.startswith("/api/")}, files)

    def test_page_can_be_interactive_within_200_ms(self):
        """A guard: one visit of up to forty is that quick, whatever the machine does besides; on a slower machine as many times as quick as an empty
        page. The median, which is what is promised, is measured by tests/bench/run-page."""
        times = []
        while len(times) < 7 or (min(times) > INTERACTIVE_MS and len(times) < 40):
            self.visit("")
            self.see("#sign-in", "Sign in")
            times.append(self.browser.run("return performance.getEntriesByName('interactive')[0].startTime"))
        print(f"     interactive after {min(times):.0f} ms, median {statistics.median(times):.0f} ms ({', '.join(f'{time:.0f}' for time in times)})")
        if min(times) > INTERACTIVE_MS:
            (self.stack.run_folder() / "html/assets/floor.html").write_text(FLOOR)
            floor = []
            for _ in range(20):
                self.browser.open("about:blank")
                self.browser.open(self.stack.url + "/assets/floor.html")
                floor.append(self.browser.run("return performance.getEntriesByType('navigation')[0].domInteractive"))
            print(f"     an empty page after {min(floor):.0f} ms, median {statistics.median(floor):.0f} ms")
            self.visit("")
            self.assertLessEqual(min(times), INTERACTIVE_MS * max(1, min(floor) / FLOOR_MS))

    def test_policy_refuses_what_is_not_ours(self):
        """The tests' own eye works: what the policy refuses is seen."""
        self.enter()
        self.browser.run("document.head.append(Object.assign(document.createElement('script'), {textContent: 'window.injected = true'}))")
        self.assertIsNone(self.browser.run("return window.injected ?? null"))
        self.assertEqual(len(self.browser.run("return window.refused")), 1)
        self.browser.run("window.refused = []")
        policy = request("GET", self.stack.url + "/integrations").headers["Content-Security-Policy"]
        self.assertNotIn("unsafe", policy)


class EverybodyTest(PageCase):
    def populate(self):
        """A page with something in every card."""
        self.stack.connect()
        self.stack.api("POST", "/api/auth/github/pat", {"token": self.stack.github_tokens["expiring"]})
        self.stack.api("POST", "/api/auth/github/install", {"installationId": self.stack.github["installations"]["user"]})
        addresses = [self.stack.simulator["repository"], f"{self.gitlab}/demo/nothere.git", self.stack.github["repository"]]
        self.stack.api("PUT", "/api/projects/default/repositories", {"repositories": [{"url": url} for url in addresses]})
        for name, url in (("lost", addresses[1]), (f"add-feature-{self.id()[-1]}", addresses[0])):
            self.stack.create_session(name, {"description": "Add a feature to the backend", "outputRepo": {"url": url, "branch": f"feature/{name}"}, "mergeRequest": {}})
            self.stack.wait_for_session(name)

    def show_everything(self):
        self.populate()
        self.enter()
        self.see("#repositories-body", "Clone and push")
        self.see("#sessions-body", "Failed")
        self.browser.type("#address", f"{self.gitlab}/demo/nothere")
        self.browser.keys("Enter")
        self.see("#report", "Repository not found")
        self.browser.run("for (const each of document.querySelectorAll('details')) each.open = true")

    def test_checker_finds_what_is_there_to_be_found(self):
        self.enter()
        self.expect_accessible("as it is")
        self.browser.run("document.querySelector('main').append(Object.assign(new Image(), {src: '/assets/icon.svg'}))")
        self.assertIn("image-alt", str(check_accessibility(self.browser)))

    def test_checker_finds_nothing_in_any_state(self):
        self.visit("")
        self.see("#sign-in", "Sign in")
        self.expect_accessible("signed out")
        self.enter()
        self.expect_accessible("not connected")
        self.press("#gitlab-body", "Connect GitLab")
        self.browser.type("#instance", self.gitlab)
        for token in ("expired", "readOnly"):
            self.browser.type("#token", self.stack.tokens[token])
            self.press("#connect", "Test without saving")
            self.see("#verdict", "expired" if token == "expired" else "Read only")
            self.expect_accessible(f"form, {token}")
        self.browser.keys("Escape")
        self.show_everything()
        for colours in ("light", "dark"):
            self.browser.media(prefers_color_scheme=colours)
            for size in (DESKTOP, PHONE):
                self.browser.resize(*size, touch=size == PHONE)
                self.expect_accessible(f"everything, {colours}, {size}")
        self.press("#gitlab-body", f"Disconnect: @john at {self.gitlab_host}")
        self.expect_accessible("a question")
        self.press("#ask", "Keep it")

    def test_nothing_sticks_out_from_phone_to_wall(self):
        self.show_everything()
        for width in (320, 360, 414, 600, 768, 959, 960, 1024, 1440, 1920, 2560, 3840):
            self.browser.resize(width, 900, touch=width < 800)
            self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"), width)
        self.snap("everything-4k")
        self.snap_everywhere("everything")

    def test_forced_colours_and_reduced_motion(self):
        self.show_everything()
        self.browser.media(forced_colors="active", prefers_color_scheme="dark")
        self.snap("forced-colours")
        borders = self.browser.run("return [...document.querySelectorAll('.pill')].map((each) => getComputedStyle(each).borderTopWidth)")
        self.assertEqual(set(borders), {"1px"}, "a pill has an outline where there are no backgrounds")
        steps = self.browser.run("return [...document.querySelectorAll('.track li')].map((each) => each.className + ' ' + getComputedStyle(each).borderTopStyle)")
        self.assertEqual(set(steps), {"done solid", "bad solid", "idle dotted"}, "what is still to be done differs from what is done where there are no colours")
        self.browser.media(prefers_reduced_motion="reduce")
        self.meddle("if (path === '/api/auth/gitlab/check') { %s } return real(path, options);" % self.HOLD)
        self.press("#gitlab-body", f"Check now: @john at {self.gitlab_host}")
        self.see("#gitlab-body", "Checking")
        self.assertEqual(self.browser.run("return document.getAnimations().length"), 0)
        self.browser.run(self.RELEASE)
        self.see("#gitlab-body", "Connected")

    def test_touch_targets_are_large_enough(self):
        self.show_everything()
        self.browser.resize(*PHONE, touch=True)
        small = self.browser.run("""return [...document.querySelectorAll('button, input, select, summary')].filter((each) => each.checkVisibility())
            .map((each) => [each.getAttribute('aria-label') ?? each.textContent.trim(), each.getBoundingClientRect()])
            .filter(([, box]) => box.height < 40).map(([name, box]) => `${name}: ${box.height}`)""")
        self.assertEqual(small, [])

    def test_keyboard_alone_does_everything(self):
        """From signing in to signing out without a mouse."""
        press = self.browser.keys
        self.visit("")
        self.see("#sign-in", "Sign in")
        press(self.stack.bearer, "Enter")
        self.see("#gitlab-body", "No GitLab account is connected")
        self.browser.tab_to("Connect GitLab")
        press("Enter")
        self.assertEqual(self.browser.focused()[1], "Instance")
        press("Control+a", self.gitlab, "Tab")
        self.browser.tab_to("Personal access token")
        press(self.stack.tokens["good"])
        self.browser.tab_to("Test without saving")
        press("Space")
        self.see("#verdict", "Nothing was saved")
        press("Shift+Tab", "Enter")
        self.see("#gitlab-body", "@john")

        self.browser.tab_to(f"Check now: @john at {self.gitlab_host}")
        press("Enter")
        self.see("#toasts", "the token of @john works")
        self.assertEqual(self.browser.focused()[1], f"Check now: @john at {self.gitlab_host}", "the focus stays where it was")

        self.browser.tab_to("Address")
        press(self.stack.simulator["repository"], "Enter")
        self.see("#report", "Clone and push")
        self.browser.tab_to("Add to the project")
        press("Enter")
        self.see("#repositories-body", "demo/hello")
        self.browser.tab_to("Remove demo/hello from the project", opening=True)
        press("Enter")
        self.see("#ask", "Remove the repository?")
        press("Escape")
        self.assertIn("demo/hello", self.browser.text("#repositories-body"))
        self.assertEqual(self.browser.focused()[1], "Remove demo/hello from the project", "the focus comes back from a question")

        self.browser.tab_to(f"Disconnect: @john at {self.gitlab_host}")
        press("Enter", "Shift+Tab", "Enter")
        self.see("#gitlab-body", "No GitLab account is connected")
        self.browser.tab_to("Sign out")
        press("Enter")
        self.see("#sign-in", "Sign in")

    def test_skip_link_leads_past_the_header(self):
        self.enter()
        self.browser.run("document.activeElement.blur()")
        self.browser.tab_to("Skip to the content")
        self.browser.keys("Enter")
        self.assertEqual(self.browser.run("return document.activeElement.id"), "main")

    def test_changes_are_told_to_those_who_hear(self):
        """Live regions are there before there is anything to say, and what happens is said in them."""
        self.enter()
        for css in ("#verdict", "#instance-note", "#report"):
            self.assertEqual(self.browser.run("return document.querySelector(arguments[0]).ariaLive", css), "polite", css)
        self.assertEqual(self.browser.run("return document.getElementById('sign-in-problem').role"), "alert")
        self.assertEqual(self.browser.run("return document.getElementById('toasts').role"), "status")


if __name__ == "__main__":
    unittest.main()
