"""What the self test and the integration tests need to talk to a simulator process: start it, ask it, control it, run git on it."""

import base64
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

PROGRAM = Path(__file__).with_name("gitlab_simulator.py")


class Checks:
    def __init__(self):
        self.count = self.failed = 0

    def check(self, sentence, true, seen=""):
        self.count += 1
        self.failed += not true
        print(f"{'ok' if true else 'FAIL'} {sentence}" + ("" if true else f": {str(seen)[:600]}"), flush=True)

    def equal(self, sentence, seen, wanted):
        self.check(sentence, seen == wanted, f"{seen!r} instead of {wanted!r}")


class Simulator:
    """A simulator process of our own."""

    def __init__(self, folder, *options):
        self.folder = Path(folder)
        self.ready_file = self.folder / "ready.json"
        self.ready_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, "--dir", self.folder / "data", "--ready-file", self.ready_file, *options]
        )
        deadline = time.monotonic() + 60
        while not self.ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("FAIL the simulator did not start")
            time.sleep(0.02)
        self.ready = json.loads(self.ready_file.read_text())
        self.url = urllib.parse.urlsplit(self.ready["url"])
        self.authority, self.control_url = self.ready["caFile"], self.ready["controlUrl"]
        self.context = ssl.create_default_context(cafile=self.authority)
        self.tokens = {token["name"]: token["token"] for token in self.control("GET", "/tokens")}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def call(self, path, token=None, method="GET", headers=None, body=None, port=None, timeout=10, text=False, again=()):
        """(status, headers, JSON value or text); a header that is None is not sent; `again` are further ones."""
        connection = http.client.HTTPSConnection("127.0.0.1", port or self.url.port, context=self.context, timeout=timeout)
        given = {"User-Agent": "selftest"} | ({"Authorization": f"Bearer {token}"} if token else {}) | (headers or {})
        try:
            send(connection, method, self.url.path + path, body, [*given.items(), *again])
            answer = connection.getresponse()
            data = answer.read().decode(errors="replace")
        finally:
            connection.close()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, data if text else as_json(data)

    def api(self, path, token="good", **more):
        return self.call("/api/v4" + path, self.tokens.get(token, token), **more)

    def control(self, method, path, order=None):
        url = urllib.parse.urlsplit(self.control_url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        connection.request(method, path, None if order is None else json.dumps(order))
        answer = connection.getresponse()
        value = json.loads(answer.read())
        connection.close()
        if answer.status != 200:
            raise RuntimeError(value["error"])
        return value

    def refs(self, project):
        return self.control("GET", f"/refs?project={project}")

    def violations(self):
        """The rules broken since the last call."""
        found = self.control("GET", "/violations")
        self.control("DELETE", "/violations")
        return [violation["rule"] for violation in found]

    def git_url(self, path, token):
        value = self.tokens.get(token, token)
        user = f"oauth2:{urllib.parse.quote(value)}@" if value else ""
        return f"https://{user}127.0.0.1:{self.url.port}{self.url.path}/{path}.git"

    def git(self, *arguments, folder=None):
        """(exit code, everything git said)"""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_SSL_CAINFO": self.authority,
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        for name in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{name}_NAME": "John Smith", f"GIT_{name}_EMAIL": "john@example.com"}
        result = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
        return result.returncode, result.stdout


class GitHub(Simulator):
    """The GitHub half of a simulator that runs already."""

    def __init__(self, simulator):
        self.simulator, self.folder = simulator, simulator.folder
        self.ready = simulator.ready["github"]
        self.authority, self.control_url = simulator.authority, simulator.control_url
        self.base = self.ready["url"]
        self.url = urllib.parse.urlsplit(self.base)
        self.context, self.tokens = simulator.context, self.ready["tokens"]

    def call(self, path, token=None, headers=None, **more):
        expected = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        if "/info/refs" in path:
            expected = {}
        return super().call(path, token, headers=expected | (headers or {}), **more)

    def api(self, path, token="classic", accept=None, **more):
        value = self.tokens.get(token, token)
        return self.call("/api/v3" + path, value, headers={"Accept": accept} if accept else None, **more)

    def refs(self, path):
        return super().refs(f"github:{path}")

    def git_url(self, path, token):
        value = self.tokens.get(token, token)
        user = f"x-access-token:{value}@" if value else ""
        return f"https://{user}{self.url.netloc}/{path}.git"


def send(connection, method, path, body, headers):
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers:
        if value is not None:
            connection.putheader(name, value)
    data = body.encode() if isinstance(body, str) else body
    if data is not None:
        connection.putheader("Content-Length", len(data))
    connection.endheaders(data)


def as_json(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def git_get(simulator, path, service, token):
    value = simulator.tokens.get(token) if token else None
    headers = {"Authorization": "Basic " + base64.b64encode(f"oauth2:{value}".encode()).decode()} if value else {}
    return simulator.call(f"/{path}.git/info/refs?service={service}", headers=headers)


def fails(function):
    try:
        function()
    except (OSError, http.client.HTTPException):
        return True
    return False
