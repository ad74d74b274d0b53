"""Several workers on one queue, and agents that report to the test.

The agents do so over a connection that they and all they start keep open. It closes when the last of them is dead, so that the test
sees how many live at any moment, whatever was done to them.
"""
import os
import selectors
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from stack import Stack, wait_until

LEASE = 6  # seconds
FINAL = ("Completed", "PartiallyCompleted", "Failed", "Stopped")

# $1 is the port to report to. The last line of the session's description is what to do; $begun is the how-manieth agent of the session this one is.
AGENT = r"""#!/bin/bash
exec 3<>"/dev/tcp/127.0.0.1/$1"
echo "$ACP_SESSION_NAME $(git config --global --get-regexp 'http\..*\.extraheader' | sed 's/.*Bearer //')" >&3
read -r begun <&3
for folder in */; do [ ! -d "$folder/.git" ] || echo "$ACP_SESSION_NAME" >"$folder/work.txt"; done
eval "$ACP_SESSION_DESCRIPTION"
"""


class Reports:
    """Counts the living agents of each session."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.alive, self.starts, self.credentials, self.together = {}, {}, {}, []
        self.lock = threading.Lock()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.ending = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        names = {}
        while not self.ending:
            # Ends before beginnings: what is dead by now must not count as alive.
            ready = sorted(self.selector.select(0.2), key=lambda item: item[0].fileobj not in names)
            for key, _ in ready:
                if key.fileobj is self.listener:
                    self.selector.register(self.listener.accept()[0], selectors.EVENT_READ)
                elif not self.read(key.fileobj, names):
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()

    def read(self, connection, names):
        try:
            text = connection.recv(4096).decode()
        except ConnectionError:
            text = ""
        with self.lock:
            if not text:
                name = names.pop(connection, None)
                if name:
                    self.alive[name] -= 1
                return False
            if connection not in names:
                name, _, credential = text.strip().partition(" ")
                names[connection] = name
                self.starts[name] = self.starts.get(name, 0) + 1
                self.credentials.setdefault(name, []).append(credential)
                self.alive[name] = self.alive.get(name, 0) + 1
                if self.alive[name] > 1:
                    self.together.append(name)
            begun = self.starts[names[connection]]
        connection.sendall(b"%d\n" % begun)
        return True

    def living(self, name=None):
        with self.lock:
            return self.alive.get(name, 0) if name else sum(self.alive.values())

    def close(self):
        self.ending = True
        self.thread.join(5)
        self.listener.close()


def processes():
    """{pid: (parent, state)} of everything that runs."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            found[int(entry.name)] = (int(fields[1]), fields[0])
    return found


def tree(pid):
    """The process and all below it, parents first."""
    parents = {child: parent for child, (parent, _) in processes().items()}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Worker:
    """One `acp-git-worker serve` of this test."""

    def __init__(self, stack, number, sessions, attempts, environment, wrapper=()):
        self.log = open(stack.data / f"logs/worker-{number}.log", "ab")
        self.process = subprocess.Popen([*wrapper, stack.build / "bin/acp-git-worker", "serve", "--sessions", str(sessions), "--lease", str(LEASE),
                                         "--attempts", str(attempts)],
                                        env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self.pid = self.process.pid
        self.frozen = []

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def freeze(self, whole_tree=False):
        """Stops only the worker, or all its processes; the others cannot run on while they are counted."""
        self.frozen = [self.pid]
        send(self.frozen, signal.SIGSTOP)
        if whole_tree:
            self.frozen = tree(self.pid)
            send(self.frozen, signal.SIGSTOP)

    def thaw(self):
        send(reversed(self.frozen), signal.SIGCONT)
        self.frozen = []

    def stop(self, seconds=25):
        """SIGTERM twice: the second one does not wait for running sessions."""
        if self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            time.sleep(0.2)
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("a worker did not end after two SIGTERM") from None
        self.log.close()


class WorkerCase(unittest.TestCase):
    settings = {}
    sessions = 4
    attempts = 3
    command = True

    @classmethod
    def setUpClass(cls):
        cls.reports = Reports()
        cls.folder = tempfile.TemporaryDirectory(prefix="acp-agent.", dir="/opt" if os.access("/opt", os.W_OK) else None)
        script = Path(cls.folder.name) / "agent"
        script.write_text(AGENT)
        script.chmod(0o755)
        settings = {**cls.settings}
        if cls.command:
            settings["ACP_AGENT_COMMAND"] = f"{script} {cls.reports.port}"
        cls.stack = Stack(settings=settings).start()
        cls.environment = cls.stack.environment()
        if not cls.command:
            cls.environment["ACP_AGENT_COMMAND"] = ""
        cls.stack.put_to_sleep("acp-git-worker")  # the test runs its own
        cls.by_name = {row["name"]: row["token"] for row in cls.stack.control("GET", "/tokens")}
        cls.base = cls.stack.simulator["url"]
        cls.workers, cls.number, cls.started = [], 0, 0

    @classmethod
    def tearDownClass(cls):
        for worker in cls.workers:
            worker.stop()
        cls.stack.close()
        cls.reports.close()
        cls.folder.cleanup()

    def setUp(self):
        self.stack.mode("global", "normal")
        self.assertEqual(self.stack.connect().status, 200)
        type(self).number += 1
        self.name = f"w{self.number}"

    def tearDown(self):
        for worker in self.workers:
            worker.stop()
        self.workers.clear()

    def worker(self, wrapper=()):
        type(self).started += 1
        worker = Worker(self.stack, self.started, self.sessions, self.attempts, self.environment, wrapper)
        self.workers.append(worker)
        return worker

    def repository(self, path):
        return f"{self.base}/{path}.git"

    def create(self, description="", path="group/sub/api", name=None):
        name = name or self.name
        answer = self.stack.create_session(name, {"description": description, "outputRepo": {"url": self.repository(path), "branch": f"b/{name}"}})
        self.assertEqual(answer.status, 201, answer)
        return answer.json["metadata"]["uid"]

    def branch(self, name=None, path="group/sub/api"):
        return (self.stack.control("GET", f"/refs?project={path}") or {}).get(f"refs/heads/b/{name or self.name}")

    def workspace(self, uid):
        return self.stack.data / "workspaces" / uid

    def push(self, bearer=None, name=None):
        return self.stack.api("POST", f"/api/projects/default/agentic-sessions/{name or self.name}/git/push", {}, bearer=bearer)

    def commits(self, name):
        """The commits of a session's branch that its start had not, in the remote's own repository."""
        for path in (self.stack.data / "simulator/repositories").glob("*.git"):
            done = subprocess.run(["git", "--git-dir", path, "rev-list", f"refs/heads/b/{name}", "--not", "refs/heads/main"], text=True, capture_output=True)
            if done.returncode == 0:
                return done.stdout.split()
        return []

    def row(self, uid):
        """Until when the session is held, and until when it rests."""
        database = sqlite3.connect(f"file:{self.stack.data}/database/acp-gitlab.db?mode=ro", uri=True, timeout=5)
        try:
            return database.execute("SELECT lease_until, rests_until FROM sessions WHERE id = ?", (uid,)).fetchone() or (0, 0)
        finally:
            database.close()

    @staticmethod
    def processes_of_sessions(worker, names=("acp-session", "acp-keeper")):
        def name(pid):
            try:
                return Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                return ""
        return [pid for pid in tree(worker.pid) if name(pid) in names]

    def assertCompleted(self, session, name=None):
        status = session["status"]
        self.assertEqual(status["phase"], "Completed", status)
        self.assertEqual(status["repositories"][0]["commit"], self.branch(name))

    def assertLeftNothing(self):
        """No folder without a session that needs it, no process of an agent."""
        wait_until("the workspaces are swept", lambda: not list((self.stack.data / "workspaces").iterdir()), 30)
        wait_until("no agent lives", lambda: self.reports.living() == 0, 10)
