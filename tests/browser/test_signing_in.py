"""Signing in: the form, the link, the proxy that has done it already, and a bearer that is not known."""
import http.server
import threading
import unittest

from page_case import PageCase
from stack import request


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
        self.see("#gitlab-body", "No GitLab account is connected")
        self.assertEqual(self.browser.call("GET", "/url"), f"{self.stack.url}/integrations")
        self.assertEqual(self.browser.run("return localStorage.getItem('acp-projects')"), "default")
        self.assertEqual(self.browser.run("return JSON.stringify(localStorage)").count(self.stack.bearer), 0, "the bearer stays in the tab")

    def test_unknown_bearer_says_so_with_the_request_id(self):
        self.visit("#bearer=acp_nobody_has_this_bearer_0000000000000000000")
        shown = self.see("#sign-in", "unauthenticated")
        self.assertRegex(shown, r"request [0-9a-f]{32}")
        self.assertEqual(self.browser.run("return sessionStorage.length"), 0)

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
