"""What the tests of the page share: one product and one browser a module, and short words for what a person does there."""
import functools
import sys
import unittest
import urllib.parse
from pathlib import Path

from browser import OUTPUT, Browser, missing

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import pypi  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

# Runs before the page's own scripts: what the policy refused is remembered.
PRELOAD = """window.refused = [];
document.addEventListener('securitypolicyviolation', (event) => window.refused.push(event.violatedDirective + ' ' + event.blockedURI));"""
DESKTOP, PHONE = (1280, 900), (360, 780)


class PageCase(unittest.TestCase):
    settings = None
    # In a script that meddles, HOLD waits until RELEASE is run.
    HOLD = "await new Promise((go) => (window.held ??= []).push(go));"
    RELEASE = "for (const go of window.held?.splice(0) ?? []) go()"

    @classmethod
    def setUpClass(cls):
        reason = missing()
        if reason:
            raise unittest.SkipTest(reason)
        cls.stack = Stack(settings=cls.settings).start()
        cls.addClassCleanup(cls.stack.close)
        cls.browser = Browser(PRELOAD)
        cls.addClassCleanup(cls.browser.close)
        cls.gitlab, cls.github = cls.stack.simulator["url"], cls.stack.github["url"]
        cls.gitlab_host = urllib.parse.urlsplit(cls.gitlab).netloc

    def setUp(self):
        self.browser.resize(*DESKTOP)
        self.browser.media(prefers_color_scheme="light")
        self.stack.mode("global", "normal")
        self.stack.disconnect()
        self.stack.api("DELETE", "/api/auth/github/pat")
        self.stack.api("POST", "/api/auth/github/disconnect", {})
        self.stack.api("PUT", "/api/projects/default/repositories", {"repositories": []})
        for item in self.stack.api("GET", "/api/projects/default/agentic-sessions").json["items"]:
            self.stack.api("DELETE", f"/api/projects/default/agentic-sessions/{item['metadata']['name']}")

    def tearDown(self):
        """Whatever a test did: nothing was refused by the policy, and nobody else was spoken to."""
        self.assertEqual(self.browser.run("return window.refused ?? []"), [])
        asked = self.browser.run("return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin)")
        self.assertLessEqual(set(asked), {self.stack.url})

    # ------------------------------------------------------------------------------------------------ doing
    def visit(self, fragment=None):
        """Opens the page in a tab that knows nobody, signed in by the user's link unless `fragment` says something else."""
        self.browser.open(self.stack.url + "/assets/icon.svg")
        self.browser.run("sessionStorage.clear(); localStorage.clear()")
        self.browser.open(f"{self.stack.url}/integrations{f'#bearer={self.stack.bearer}' if fragment is None else fragment}")
        if fragment is None:
            self.agree(self.stack.ready["user"])

    def agree(self, user):
        """To be the user that a link is of."""
        self.see("#ask", f"Continue as {user}?")
        self.press("#ask", f"Continue as {user}")

    def meddle(self, script):
        """Lets `script`, the body of (path, options, real), stand between the page and its calls until the page is left."""
        self.browser.run(f"const real = window.fetch; window.fetch = async (path, options) => {{ {script} }}")

    def enter(self):
        self.visit()
        self.see("#gitlab-body", "@", "No GitLab account is connected")
        self.see("#github-body", "@", "No GitHub account is connected")

    def see(self, css, *texts, seconds=30):
        """Waits until one of the texts is shown there; gives all that is."""
        def look():
            shown = self.browser.text(css)
            return shown if any(text in shown for text in texts) else None
        try:
            return wait_until(f"{texts} in {css}", look, seconds)
        except AssertionError as late:
            self.snap(f"failed-{self.id().rsplit('.', 1)[-1]}")
            raise AssertionError(f"{late}; it shows {self.browser.text(css)!r}") from None

    def press(self, css, name):
        """Clicks the button or link of this name below `css`."""
        found = self.browser.run("""const wanted = [...document.querySelectorAll(arguments[0] + ' :is(button, a, summary)')]
            .find((each) => each.checkVisibility() && (each.getAttribute('aria-label') ?? each.innerText).trim() === arguments[1]);
            wanted?.click(); return Boolean(wanted)""", css, name)
        self.assertTrue(found, f"no button {name!r} in {css}: {self.browser.text(css)!r}")

    def snap(self, name):
        self.browser.screenshot(OUTPUT / f"page-{name}.png")

    def snap_everywhere(self, name):
        """Light and dark, desk and phone: nothing may stick out to the side, and the accessibility checker, where it can be had, finds nothing."""
        for colours in ("light", "dark"):
            self.browser.media(prefers_color_scheme=colours)
            for device, size in (("desktop", DESKTOP), ("phone", PHONE)):
                self.browser.resize(*size, touch=device == "phone")
                self.snap(f"{name}-{device}-{colours}")
                self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"), size[0], f"{name}, {device}")
            self.assertIn(check_accessibility(self.browser), ([], None), f"{name}, {colours}")
        self.browser.resize(*DESKTOP)
        self.browser.media(prefers_color_scheme="light")

    def token(self, name, **changes):
        """A sample token of the simulated GitLab, changed."""
        return self.stack.control("POST", "/tokens", {"token": name, **changes})["token"]

    def expect_accessible(self, what):
        """No finding of the accessibility checker in what is shown now."""
        findings = check_accessibility(self.browser)
        if findings is None:
            self.skipTest(axe()[1])
        self.assertEqual(findings, [], what)


# ---------------------------------------------------------------------------------------------------- the accessibility checker
@functools.cache
def axe():
    """(the checker's text, None), or (None, why it cannot be had)."""
    folder, reason = pypi.packages(Path(__file__).with_name("axe.txt"), "--no-deps")
    if not folder:
        return None, reason
    script, = folder.glob("lib/python3*/site-packages/axe_playwright_python/axe.min.js")
    return script.read_text(), None


def check_accessibility(browser):
    """What the checker finds in what is shown now; None: it cannot be had."""
    source, _ = axe()
    if source is None:
        return None
    browser.run(f"if (!window.axe) {{ {source} }}")
    return browser.run("""return axe.run(document, {resultTypes: ['violations']}).then(({violations}) =>
        violations.map(({id, help, nodes}) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160) + ' ' + (node.any[0]?.message ?? '')).join(' | ')}`))""")
