"""Chromium driven through chromedriver: WebDriver over plain HTTP, and the parts of the DevTools protocol that it passes on.

Nothing but Python's standard library and Debian's packages chromium and chromium-driver.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/integration"))

from stack import free_port, request, wait_until  # noqa: E402

OUTPUT = TOP / "tests/output"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--force-device-scale-factor=1"]
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": " ", "Shift": "\ue008", "Control": "\ue009", "Down": "\ue015", "Up": "\ue013"}


def missing():
    """Why there can be no browser here; None: there can."""
    for program in ("chromium", "chromedriver"):
        if not shutil.which(program):
            return f"{program} is not installed (apt-get install chromium chromium-driver)"
    return None


class Browser:
    def __init__(self, preload=""):
        """`preload`: a script that runs in every document before its own."""
        port = free_port()
        self.home = tempfile.TemporaryDirectory(prefix="acp-browser.", ignore_cleanup_errors=True)
        self.driver = subprocess.Popen([shutil.which("chromedriver"), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True, env=dict(os.environ, HOME=self.home.name))
        self.base, self.session = f"http://127.0.0.1:{port}", ""
        try:
            wait_until("chromedriver answers", self._answers, 20)
            options = {"args": [*ARGUMENTS, f"--user-data-dir={self.home.name}/profile"], "binary": shutil.which("chromium")}
            capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            self.session = "/session/" + self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})["sessionId"]
            if preload:
                self.cdp("Page.addScriptToEvaluateOnNewDocument", source=preload)
        except BaseException:
            self.close()
            raise

    def _answers(self):
        try:
            return request("GET", self.base + "/status").status == 200
        except OSError:
            return False

    def call(self, method, path, body=None):
        answer = request(method, self.base + self.session + path, None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"}, timeout=60)
        value = answer.json["value"]
        if answer.status != 200:
            raise AssertionError(f"{path}: {value}")
        return value

    def cdp(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script, *arguments):
        """A function's body; `return` gives its value, a promise's too."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    # ------------------------------------------------------------------------------------------------ the window
    def resize(self, width, height, touch=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.cdp('Emulation.setScrollbarsHidden', hidden=True)
        self.cdp("Emulation.setTouchEmulationEnabled", enabled=touch)

    def media(self, **features):
        """prefers_color_scheme="dark", forced_colors="active", prefers_reduced_motion="reduce" … for what follows."""
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def screenshot(self, path, whole=True):
        """The whole page, not only what the window shows of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))

    # ------------------------------------------------------------------------------------------------ elements
    def find(self, css):
        return self.call("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def text(self, css):
        """What is shown of the first such element; "" for none."""
        return self.run("const found = document.querySelector(arguments[0]); return found && found.checkVisibility() ? found.innerText.replace(/\\s*\\n: /g, ': ') : ''", css)

    def click(self, css):
        self.call("POST", f"/element/{self.find(css)}/click", {})

    def type(self, css, text):
        self.run("const field = document.querySelector(arguments[0]); field.focus(); field.select()", css)
        self.keys(text)

    # ------------------------------------------------------------------------------------------------ the keyboard
    def keys(self, *given):
        """Texts and names of KEYS; "Shift+Tab" holds one while the other is pressed."""
        actions = []
        for one in given:
            parts = one.split("+") if "+" in one and one.split("+")[0] in KEYS else [one]
            pressed = [KEYS.get(part, part) for part in parts]
            if len(pressed) > 1 or one in KEYS:
                actions += [{"type": "keyDown", "value": key} for key in pressed] + [{"type": "keyUp", "value": key} for key in reversed(pressed)]
            else:
                actions += [{"type": kind, "value": letter} for letter in one for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def focused(self):
        """Name and role of what has the focus, as an assistive technology would say them."""
        return self.run("""const e = document.activeElement;
            const label = e.labels?.[0]?.textContent;
            return [e.tagName.toLowerCase(), (e.getAttribute('aria-label') ?? label ?? e.textContent).trim().replace(/\\s+/g, ' ')]""")

    def tab_to(self, name, limit=120, opening=False):
        """Presses Tab until the element of this name has the focus: what the mouse can do, the keyboard can. `opening`: what is
        folded on the way is unfolded."""
        for _ in range(limit):
            kind, there = self.focused()
            if there == name:
                return
            if opening and kind == "summary":
                self.keys("Enter")
            self.keys("Tab")
        raise AssertionError(f"Tab does not lead to {name!r}; it is at {self.focused()}")

    # ------------------------------------------------------------------------------------------------ what happened
    def log(self):
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]

    def close(self):
        try:
            if self.session:
                self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(10)
            self.home.cleanup()
