"""A further GitLab and GitHub beside those that `up` starts."""
import json
import signal
import subprocess
import sys
import urllib.parse

from stack import TOP, request, wait_until


class SecondSimulator:
    """A GitLab under a relative root and a GitHub, with a CA that the product's own setting does not know."""

    def __init__(self, folder, root):
        ready = folder / "ready.json"
        self.process = subprocess.Popen([sys.executable, TOP / "simulator/gitlab_simulator.py", "--dir", folder, "--root", root, "--ready-file", ready],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until("the second simulator is ready", lambda: ready.exists() or self.process.poll() is not None)
        self.ready = json.loads(ready.read_text())
        self.url, self.ca_file = self.ready["url"], self.ready["caFile"]
        self.port = urllib.parse.urlsplit(self.url).port
        self.github_port = urllib.parse.urlsplit(self.ready["github"]["url"]).port

    def control(self, method, path, body=None):
        answer = request(method, self.ready["controlUrl"] + path, None if body is None else json.dumps(body).encode())
        if answer.status >= 300:
            raise AssertionError(f"control {method} {path}: {answer}")
        return json.loads(answer.body or b"null")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
