"""Signing in: the form, the link, the proxy that has done it already, and a bearer that is not known."""
import http.server
import threading
import unittest

from page_case import PageCase
from stack import request, wait_until


class SigningInTest(PageCase):
    def test_form_signs_in_and_out_by_keyboard(self):
        self.visit("")
        self.see("#sign-in", "Sign in")
        self.assertEqual(self.browser.focused()[1], "Bearer token of the platform")
        self.snap_everywhere("signed-out")
        self.browser.keys(self.stack.bearer, "Enter")
        self.see("#gitlab-body", "No GitLab account is connected")
        self.assertEqual(self.browser.text("#sign-in"), "")
        self.browser.tab_to("Sign out")
        self.browser.keys("Enter")
        self.see("#sign-in", "Sign in")
        self.assertEqual(self.browser.run("return sessionStorage.length"), 0)
        self.assertNotIn(self.stack.bearer, self.browser.run("return document.documentElement.outerHTML + [...document.querySelectorAll('input')].map((each) => each.value)"))

    def test_link_signs_in_and_leaves_nothing_in_the_address(self):
        self.visit(f"#bearer={self.stack.bearer}&project=default")
        self.agree("developer")
        self.see("#gitlab-body", "No GitLab account is connected")
        self.assertEqual(self.browser.call("GET", "/url"), f"{self.stack.url}/integrations")
        self.assertEqual(self.browser.run("return localStorage.getItem('acp-projects')"), "default")
        self.assertEqual(self.browser.run("return JSON.stringify(localStorage)").count(self.stack.bearer), 0, "the bearer stays in the tab")

    def test_link_signs_nobody_in_who_did_not_agree(self):
        """A stranger's link: neither a tab that knows nobody nor one that is signed in becomes the stranger's by opening it."""
        stranger = self.stack.add_user("mallory")
        self.visit(f"#bearer={stranger}")
        shown = self.see("#ask", "Continue as mallory?")
        self.assertIn("gets what you connect here", shown)
        self.assertEqual(self.browser.focused()[1], "No", "the harmless answer has the focus")
        self.assertEqual(self.browser.run("return sessionStorage.length"), 0)
        self.expect_accessible("the question of a link")
        self.browser.keys("Enter")
        self.see("#sign-in", "Sign in")
        self.assertEqual(self.browser.call("GET", "/url"), f"{self.stack.url}/integrations")

        self.enter()
        self.see("#user", "developer")
        self.browser.run("location.hash = arguments[0]", f"#bearer={stranger}")
        self.see("#ask", "Continue as mallory?")
        self.assertEqual(self.browser.run("return sessionStorage.bearer"), self.stack.bearer)
        self.browser.keys("Escape")
        self.see("#gitlab-body", "No GitLab account is connected")
        self.assertIn("developer", self.see("#user", "developer"))
        self.assertEqual(self.browser.run("return sessionStorage.bearer"), self.stack.bearer)

    def test_link_is_agreed_to_by_keyboard_and_the_header_says_who_one_is(self):
        second = self.stack.add_user("system:serviceaccount:a-rather-long-namespace:a-rather-long-name")
        self.enter()
        self.assertEqual(self.see("#user", "developer").split(), ["Signed", "in", "as", "developer"], "what those who hear are told")
        self.browser.run("location.hash = arguments[0]", f"#bearer={second}")
        self.see("#ask", "Continue as system:")
        self.browser.keys("Shift+Tab", "Enter")
        self.see("#user", "system:serviceaccount:a-rather-long-namespace:a-rather-long-name")
        self.snap_everywhere("long-name")

    def test_other_fragments_leave_the_page_alone(self):
        self.enter()
        self.browser.type("#address", "not an address")
        self.browser.keys("Enter")
        self.see("#report", "Address")
        self.browser.run("window.same = true")
        self.browser.run("document.querySelector('.skip').click()")
        self.browser.run("history.back()")
        self.see("#report", "Address: failed")
        self.assertTrue(self.browser.run("return window.same"))

    def test_unknown_bearer_says_so_with_the_request_id(self):
        nobody = "acp_nobody_has_this_bearer_0000000000000000000"
        self.visit("")
        self.see("#sign-in", "Sign in")
        self.browser.keys(nobody, "Enter")
        shown = self.see("#sign-in", "unauthenticated")
        self.assertRegex(shown, r"request [0-9a-f]{32}")
        self.assertEqual(self.browser.run("return sessionStorage.length"), 0)
        self.browser.open("about:blank")
        self.visit(f"#bearer={nobody}")
        self.assertRegex(self.see("#toasts", "missing or unknown"), r"[0-9a-f]{32}")
        self.assertEqual(self.browser.run("return sessionStorage.length"), 0)

    def test_bad_link_signs_nobody_out(self):
        self.enter()
        self.browser.run("location.hash = '#bearer=acp_nobody_has_this_bearer_0000000000000000000'")
        self.see("#toasts", "missing or unknown")
        self.see("#gitlab-body", "No GitLab account is connected")
        self.assertEqual(self.browser.run("return sessionStorage.bearer"), self.stack.bearer)

    def test_what_is_answered_after_signing_out_is_not_the_next_users(self):
        second = self.stack.add_user("second")
        self.stack.connect()
        self.enter()
        self.see("#gitlab-body", "@john")
        # The first user's next status comes late: when the second one is there already.
        self.meddle("""const answer = await real(path, options);
            if (path === '/api/auth/gitlab/status' && !window.late) { window.late = true; %s }
            return answer;""" % self.HOLD)
        self.browser.run("document.dispatchEvent(new Event('visibilitychange'))")
        wait_until("the status is on its way", lambda: self.browser.run("return Boolean(window.held)"), 10)
        self.browser.click("#sign-out")
        self.see("#sign-in", "Sign in")
        self.browser.type("#bearer", second)
        self.browser.keys("Enter")
        self.see("#gitlab-body", "No GitLab account is connected")
        self.browser.run(self.RELEASE)
        self.browser.run("return new Promise((done) => setTimeout(done, 300))")
        self.assertNotIn("@john", self.browser.text("#gitlab-body"))

    def test_project_is_chosen_and_remembered(self):
        self.enter()
        self.browser.type("#project", "not-mine")
        self.browser.keys("Enter")
        self.see("#repositories-body", "You have no access to the project not-mine")
        self.see("#sessions-body", "You have no access to the project not-mine")
        self.assertIn("not-mine", self.browser.text("main"))
        self.browser.type("#project", "default")
        self.browser.keys("Tab")
        self.see("#repositories-body", "No repositories yet")
        self.browser.open(self.stack.url + "/")
        self.see("#repositories-body", "No repositories yet")
        self.assertEqual(self.browser.run("return [...document.querySelectorAll('#projects option')].map((each) => each.value)"), ["default", "not-mine"])

    def test_behind_a_proxy_that_signs_in_there_is_nothing_to_do(self):
        """The proxy adds the bearer; the page sends none, shows no form, and leaves signing out to the proxy."""
        stack, own = self.stack, []

        class Proxy(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                own.append(self.headers.get("Authorization"))
                answer = request("GET", stack.url + self.path, headers={"Authorization": f"Bearer {stack.bearer}"})
                self.send_response(answer.status)
                for name in ("Content-Type", "Content-Security-Policy", "ETag"):
                    if answer.headers.get(name):
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            self.browser.open(f"http://127.0.0.1:{proxy.server_port}/integrations")
            self.see("#gitlab-body", "No GitLab account is connected")
            self.assertEqual((self.browser.text("#sign-in"), self.browser.text("#sign-out")), ("", ""))
            self.assertEqual(set(own), {None})
        finally:
            self.browser.open("about:blank")
            proxy.shutdown()
            proxy.server_close()


if __name__ == "__main__":
    unittest.main()
