"""The Integrations page in a real browser: signs in with the link, connects, shows the account, disconnects; no word to anywhere else."""
import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

from stack import TOP, Stack, request, wait_until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=900,1000"]


class Browser:
    """Chromium through chromedriver's WebDriver protocol, as far as these tests need it."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.profile = tempfile.TemporaryDirectory(prefix="acp-browser.", ignore_cleanup_errors=True)
        self.driver = subprocess.Popen([shutil.which("chromedriver"), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True, env=dict(os.environ, HOME=self.profile.name))
        self.base = f"http://127.0.0.1:{port}"
        wait_until("chromedriver", self.answers, 20)
        options = {"args": [*ARGUMENTS, f"--user-data-dir={self.profile.name}"], "binary": shutil.which("chromium")}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        self.session = ""
        self.session = "/session/" + self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})["sessionId"]

    def answers(self):
        try:
            return request("GET", self.base + "/status").status == 200
        except OSError:
            return False

    def call(self, method, path, body=None):
        answer = request(method, self.base + self.session + path, None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"})
        value = answer.json["value"]
        if answer.status != 200:
            raise AssertionError(f"{path}: {value}")
        return value

    def find(self, css):
        return self.call("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self.call("POST", f"/element/{self.find(css)}/click", {})

    def type(self, css, text):
        element = self.find(css)
        self.call("POST", f"/element/{element}/clear", {})
        self.call("POST", f"/element/{element}/value", {"text": text})

    def text(self, css):
        return self.call("GET", f"/element/{self.find(css)}/text")

    def run(self, script):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def screenshot(self, name):
        folder = TOP / "tests/output"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.png").write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(10)
            self.profile.cleanup()


class PageTest(unittest.TestCase):
    def test_sign_in_connect_show_and_disconnect(self):
        if not shutil.which("chromedriver") or not shutil.which("chromium"):
            self.skipTest("chromium and chromedriver are not installed (apt-get install chromium chromium-driver)")
        with Stack() as stack:
            browser = Browser()
            self.addCleanup(browser.close)
            browser.call("POST", "/url", {"url": stack.url + "/"})
            wait_until("the sign-in form", lambda: browser.text("#sign-in-title") == "Sign in", 10)
            browser.screenshot("page-signed-out")
            browser.call("POST", "/url", {"url": f"{stack.url}/?again#bearer={stack.bearer}"})
            wait_until("signed in", lambda: "No account is connected yet." in browser.text("#gitlab"), 10)
            self.assertNotIn("bearer", browser.call("GET", "/url"))

            browser.type("#instance", stack.simulator["url"])
            self.assertTrue(browser.run("return document.getElementById('token-link').href").startswith(stack.simulator["url"] + "/-/user_settings/"))
            browser.type("#token", stack.tokens["expired"])
            browser.click("#test")
            wait_until("the reason", lambda: "expired" in browser.text("#notice"), 10)
            browser.type("#token", stack.tokens["readOnly"])
            browser.click("#connect-form button[type=submit]")
            wait_until("the account is shown", lambda: "@john" in browser.text("#connections"), 15)
            self.assertIn("cannot push", browser.text("#connections"))
            self.assertNotIn(stack.tokens["readOnly"], browser.run("return document.documentElement.outerHTML"))
            browser.screenshot("page-connected")

            browser.click("#connections button")
            wait_until("the question", lambda: browser.run("return document.getElementById('confirm').open"), 5)
            browser.click("#confirm button[value=yes]")
            wait_until("it is gone", lambda: "No account is connected yet." in browser.text("#gitlab"), 10)
            self.assertEqual(stack.status().json, {"connected": False})
            requested = browser.run("return performance.getEntriesByType('resource').map(entry => new URL(entry.name).origin)")
            self.assertEqual(set(requested), {stack.url})
            refused = [entry["message"] for entry in browser.call("POST", "/se/log", {"type": "browser"}) if "Content Security Policy" in entry["message"]]
            self.assertEqual(refused, [])


if __name__ == "__main__":
    unittest.main()
