"""One running product for tests: ./nginx/up --demo on free ports, with the built programs, and the simulator's controls.

Every wait has a limit, and only processes started here are ended, by their ids.
"""
import contextlib
import fcntl
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ACP_TEST_BUILD", TOP / "build/dev"))
SANITIZER_REPORT = re.compile(r"ERROR: AddressSanitizer|runtime error:|ERROR: LeakSanitizer|ThreadSanitizer")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:600]!r}>"


def request(method, url, body=None, headers=None, timeout=40, ca_file=None):
    """One HTTP request on a connection of its own; no redirects, no proxy."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, path or "/", body=body, headers=headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def wait_until(what, condition, seconds=30, every=0.05):
    """Polls until condition() is true and gives its value; AssertionError with `what` when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


def on_a_day_that_lasts(seconds=30):
    """Returns when it is not so soon midnight: days to an expiry are counted in UTC, and what spans a midnight sees two numbers."""
    left = 86400 - time.time() % 86400
    if left < seconds:
        time.sleep(left + 1)


PORTS = range(12000, 20000)  # below those that nginx/up chooses from and the kernel gives to connections (ip_local_port_range)
KEPT_PORTS = []


def free_port():
    """A port that nobody listens on now and no other test gets while this process lives."""
    folder = Path(tempfile.gettempdir()) / f"acp-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for port in random.sample(PORTS, 1000):
        claim = open(folder / str(port), "w")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        KEPT_PORTS.append(claim)  # the lock ends with the process
        return port
    raise RuntimeError("no port is free")


class Stack:
    """`with Stack() as stack:` runs the product; stack.api(...) calls it, stack.control(...) steers the simulator."""

    def __init__(self, build=None, data=None, settings=None, arguments=(), demo=True):
        self.build = Path(build or BUILD)
        self.own_data = data is None
        self.data = Path(data or tempfile.mkdtemp(prefix="acp-test."))
        self.settings = settings or {}
        self.arguments = list(arguments)
        self.demo = demo
        self.process = None
        self.violations_allowed = False
        self.asleep = []

    # ------------------------------------------------------------------------------------------------ life cycle
    def start(self):
        ready_file = self.data / "ready.json"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ACP_")}
        # Workers cannot be traced, so that LeakSanitizer cannot work in them; the unit tests look for leaks.
        environment.update({"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"}, **self.settings)
        # Where `up` chooses a port itself, two that start at once may choose the same.
        command = [TOP / "nginx/up", "--port", str(free_port()), "--data", self.data, "--ready-file", ready_file, "--build", self.build, *self.arguments]
        if self.demo:
            command.append("--demo")
        self.output = open(self.data / "up.out", "ab")
        self.process = subprocess.Popen(command, stdout=self.output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
                                        start_new_session=True)
        wait_until("nginx/up is ready", lambda: ready_file.exists() or self.process.poll() is not None, 90)
        if not ready_file.exists():
            raise AssertionError("nginx/up ended: " + (self.data / "up.out").read_text()[-2000:])
        self.ready = json.loads(ready_file.read_text())
        self.url, self.bearer = self.ready["url"], self.ready["bearer"]
        self.simulator = self.ready.get("simulator")
        self.tokens = self.simulator["tokens"] if self.simulator else {}
        self.github = self.simulator["github"] if self.simulator else None
        self.github_tokens = self.github["tokens"] if self.github else {}
        return self

    def stop(self):
        """Ends the product and says how: exit status of `up`. Raises when a sanitizer spoke or the simulator saw a violation."""
        if self.process is None:
            return None
        violations = []
        if self.simulator and self.process.poll() is None and not self.violations_allowed:
            violations = self.control("GET", "/violations")
        self.wake()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            status = self.process.wait(10)
        self.process = None
        self.output.close()
        reports = [f"{log.name}: {line.strip()}" for log in self.logs() for line in log.read_text(errors="replace").splitlines()
                   if SANITIZER_REPORT.search(line)]
        if reports:
            raise AssertionError("sanitizer reports: " + "; ".join(reports[:5]))
        if violations:
            raise AssertionError(f"the simulator saw violations: {json.dumps(violations)[:1500]}")
        return status

    def close(self):
        """stop(), and the data folder goes, unless a test of this module failed."""
        try:
            self.stop()
        finally:
            if os.environ.get("TEST_FAILED"):
                print(f"     data and logs are kept in {self.data}", flush=True)
            else:
                shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        try:
            self.stop()
        finally:
            if kind is None and self.own_data:
                shutil.rmtree(self.data, ignore_errors=True)
            elif kind is not None:
                print(f"     data and logs are kept in {self.data}", flush=True)

    def logs(self):
        return [*sorted((self.data / "logs").glob("*.log")), self.data / "up.out"]

    def files(self):
        """Every file of the data folder as it is now, and its bytes; what vanishes meanwhile, as workspaces do, is passed over."""
        for folder, _, names in os.walk(self.data):
            for name in names:
                path = Path(folder, name)
                try:
                    if path.is_file():
                        yield path, path.read_bytes()
                except FileNotFoundError:
                    continue

    def log_text(self):
        return "\n".join(log.read_text(errors="replace") for log in self.logs())

    def pids(self):
        """Ids of all processes below `up`."""
        children = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                children.setdefault(int(fields[1]), []).append(int(entry.name))
        found, queue = [], [self.process.pid]
        while queue:
            below = children.get(queue.pop(), [])
            found += below
            queue += below
        return found

    def commands(self):
        """{id: the words of its command line} of all processes below `up`; what ends meanwhile, as an agent's children do, is passed over."""
        found = {}
        for pid in self.pids():
            try:
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
        return found

    def run_folder(self):
        """Where `up` keeps the sockets, nginx's files and the page: told by a pool's command line."""
        words = next(words for words in self.commands().values() if "--socket" in words)
        return Path(words[words.index("--socket") + 1]).parents[1]

    def put_to_sleep(self, word):
        """Stops the process that `up` has started with this word in its command line, until wake() or stop(), so that it does nothing of what a test
        does itself. It sleeps at a moment when it holds no lock of the database. Gives its id."""
        pid = next(pid for pid, words in self.commands().items() if any(word in each for each in words))

        def holds_no_lock():
            os.kill(pid, signal.SIGSTOP)
            database = sqlite3.connect(self.data / "database/acp-gitlab.db", timeout=1, isolation_level=None)
            try:
                database.execute("BEGIN EXCLUSIVE")
                database.execute("ROLLBACK")
                return True
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
                return False
            finally:
                database.close()
        wait_until(f"{word} sleeps", holds_no_lock)
        self.asleep.append(pid)
        return pid

    def wake(self):
        for pid in self.asleep:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.asleep.clear()

    # ------------------------------------------------------------------------------------------------ calls
    def api(self, method, path, body=None, bearer=None, headers=None, timeout=40):
        """A call of the API. `body`: an object to send as JSON, or bytes as they are. `bearer`: None is the user's, "" is none."""
        sent = {}
        bearer = self.bearer if bearer is None else bearer
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        if body is not None:
            sent["Content-Type"] = "application/json"
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        return request(method, self.url + path, body, sent, timeout)

    def connect(self, token=None, instance=None, bearer=None, timeout=40):
        return self.api("POST", "/api/auth/gitlab/connect",
                        {"personalAccessToken": token or self.tokens["good"], "instanceUrl": instance or self.simulator["url"]}, bearer, timeout=timeout)

    def status(self, bearer=None):
        return self.api("GET", "/api/auth/gitlab/status", bearer=bearer)

    def disconnect(self, bearer=None, instance=None):
        return self.api("POST", "/api/auth/gitlab/disconnect", {"instanceUrl": instance} if instance else {}, bearer)

    def control(self, method, path, body=None):
        """A call of the simulator's control listener; gives the parsed answer."""
        answer = request(method, self.simulator["controlUrl"] + path, None if body is None else json.dumps(body).encode(),
                         {"Content-Type": "application/json"})
        if answer.status >= 300:
            raise AssertionError(f"control {method} {path}: {answer}")
        return json.loads(answer.body) if answer.body else None

    def mode(self, scope, mode, **more):
        return self.control("POST", "/mode", {"scope": scope, "mode": mode, **more})

    # ------------------------------------------------------------------------------------------------ programs
    def environment(self):
        """The settings under which `up` runs the programs, for running more of them."""
        settings = {
            "ACP_DATABASE": self.data / "database/acp-gitlab.db",
            "ACP_SEAL_PUBLIC_KEYS_FILE": self.data / "keys/public.keys",
            "ACP_SEAL_SIGNING_KEY_FILE": self.data / "keys/signing.key",
            "ACP_SEAL_PRIVATE_KEYS_FILE": self.data / "keys/private.keys",
            "ACP_STATIC_TOKENS_FILE": self.data / "auth/tokens",
            "ACP_WORKSPACES": self.data / "workspaces",
            "ACP_MIRRORS": self.data / "mirrors",
            "ACP_AUDIT_LOG": self.data / "logs/audit.log",
            "ACP_GATE_URL": self.url,
            "ACP_AGENT_COMMAND": TOP / "simulator/demo-agent",
        }
        if self.simulator:
            settings["ACP_CA_FILE"] = self.simulator["caFile"]
            servers = (self.simulator, self.github)
            settings["ACP_EGRESS_ALLOW"] = ",".join(urllib.parse.urlsplit(server["url"]).netloc for server in servers)
            settings["ACP_GITHUB_URL"] = self.github["url"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ACP_")}
        environment["ASAN_OPTIONS"] = "detect_leaks=0"
        environment.update({k: str(v) for k, v in settings.items()}, **self.settings)
        return environment

    def program(self, name, *arguments, timeout=60, check=True, **options):
        result = subprocess.run([self.build / "bin" / name, *map(str, arguments)], env=options.pop("env", self.environment()), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=options.pop("stdin", subprocess.DEVNULL), timeout=timeout, **options)
        if check and result.returncode != 0:
            raise AssertionError(f"{name} {arguments}: exit {result.returncode}: {result.stderr}")
        return result

    def add_user(self, user, projects=("default",)):
        """A further user of the platform; gives the bearer."""
        arguments = [argument for project in projects for argument in ("--project", project)]
        return self.program("acp-gitlab", "token", "add", user, *arguments).stdout.strip()

    # ------------------------------------------------------------------------------------------------ sessions
    def create_session(self, name, spec, bearer=None, project="default", headers=None):
        body = {"apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "metadata": {"name": name}, "spec": spec}
        return self.api("POST", f"/api/projects/{project}/agentic-sessions", body, bearer, headers)

    def session(self, name, bearer=None, project="default"):
        return self.api("GET", f"/api/projects/{project}/agentic-sessions/{name}", bearer=bearer)

    def wait_for_session(self, name, seconds=60, bearer=None, project="default", phases=("Completed", "PartiallyCompleted", "Failed", "Stopped")):
        """Waits until the session has one of the phases and gives it."""
        def look():
            answer = self.session(name, bearer, project)
            return answer.json if answer.status == 200 and answer.json.get("status", {}).get("phase") in phases else None
        try:
            return wait_until(f"session {name} is one of {phases}", look, seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}; it is {self.session(name, bearer, project)}") from None
