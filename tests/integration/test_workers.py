"""Several workers on one queue that die, freeze and come back: each session ends truthfully, once, and leaves nothing behind.

The agents report to the test over a connection that they and all they start keep open. It closes when the last of them is dead, so that
the test sees how many live at any moment, whatever was done to them.
"""
import datetime
import json
import os
import random
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

from stack import Stack, request, wait_until

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


class DeathTest(WorkerCase):
    DAEMONS = "setsid sleep 1000 & (nohup sleep 1000 >/dev/null 2>&1 &) ; sleep 1000"

    def test_a_killed_worker_leaves_no_process_and_the_next_one_does_the_session(self):
        self.is_killed()

    @unittest.skipUnless(os.geteuid() == 0, "only the superuser can take CAP_SYS_ADMIN from a worker")
    def test_nor_does_one_that_may_not_make_namespaces(self):
        self.is_killed(["setpriv", "--bounding-set", "-sys_admin"])
        self.assertIn("No PID namespace can be had here", self.stack.log_text())

    def is_killed(self, wrapper=()):
        self.create(self.DAEMONS)
        worker = self.worker(wrapper)
        wait_until("the agent runs", lambda: self.reports.living(self.name) == 1, 30)
        wait_until("its daemons run", lambda: sum(self.words(pid) == ["sleep", "1000"] for pid in tree(worker.pid)) == 3, 30)
        below = tree(worker.pid)[1:]
        worker.kill()
        wait_until("all that the worker started is dead", lambda: not set(below) & set(processes()), 10)
        wait_until("the connection of the agent and its daemons is closed", lambda: self.reports.living(self.name) == 0, 10)
        self.worker()
        wait_until("another worker's agent runs", lambda: self.reports.living(self.name) == 1, 30)
        self.assertEqual(self.reports.starts[self.name], 2)
        self.stack.api("DELETE", f"/api/projects/default/agentic-sessions/{self.name}")
        self.assertLeftNothing()

    @staticmethod
    def words(pid):
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
        except OSError:
            return []

    def takes_over(self, whole_tree):
        self.create("[ $begun -gt 1 ] || sleep 1000")
        first = self.worker()
        wait_until("the agent runs", lambda: self.reports.living(self.name) == 1, 30)
        first.freeze(whole_tree)
        second = self.worker()
        session = self.stack.wait_for_session(self.name, 60)
        self.assertCompleted(session)
        self.assertEqual(self.reports.starts[self.name], 2)
        self.assertNotIn(self.name, self.reports.together)
        # What the first worker was given is worth nothing any more, and it changes nothing.
        uid = session["metadata"]["uid"]
        answer = request("GET", f"{self.stack.url}/git/{uid}/api.git/info/refs?service=git-upload-pack", headers={"Authorization": f"Bearer {self.reports.credentials[self.name][0]}"})
        self.assertIn(answer.status, (401, 403), answer)
        first.thaw()
        second.stop()
        name = self.name + "-later"
        self.create("true", name=name)
        self.assertCompleted(self.stack.wait_for_session(name, 60), name)
        self.assertEqual(self.stack.session(self.name).json["status"], session["status"])
        self.assertLeftNothing()

    def test_a_frozen_worker_loses_its_session_before_another_begins(self):
        self.takes_over(False)

    def test_processes_that_were_frozen_with_their_worker_do_not_come_back(self):
        self.takes_over(True)

    def test_the_credential_of_a_lost_attempt_is_dead_while_the_next_one_runs(self):
        self.create("[ $begun -gt 1 ] && sleep 5 || sleep 1000")
        first = self.worker()
        wait_until("the agent runs", lambda: self.reports.living(self.name) == 1, 30)
        first.kill()
        self.worker()
        wait_until("another worker's agent runs", lambda: self.reports.starts.get(self.name) == 2, 40)
        uid = self.stack.session(self.name).json["metadata"]["uid"]
        answers = [request("GET", f"{self.stack.url}/git/{uid}/api.git/info/refs?service=git-upload-pack", headers={"Authorization": f"Bearer {credential}"}).status
                   for credential in self.reports.credentials[self.name]]
        self.assertIn(answers[0], (401, 403))
        self.assertEqual(answers[1], 200)
        self.assertCompleted(self.stack.wait_for_session(self.name, 60))

    def test_a_push_that_its_worker_did_not_live_to_record_is_found_again(self):
        caught = 0
        for turn in range(8):
            name = f"{self.name}-{turn}"
            self.create("true", name=name)
            if turn % 2:  # what the remote says of the push comes a byte at a time: the branch is there long before its worker knows
                self.stack.mode("group/sub/api", "slow", match="/git-receive-pack", method="POST", delay_ms=50)
            worker = self.worker()
            wait_until("the branch is there", lambda: self.branch(name), 30, every=0.002)
            worker.kill()
            self.workers.remove(worker)
            self.stack.mode("group/sub/api", "normal")
            caught += self.stack.session(name).json["status"]["phase"] not in FINAL
        self.worker()
        for turn in range(8):
            name = f"{self.name}-{turn}"
            self.assertCompleted(self.stack.wait_for_session(name, 60), name)
            self.assertEqual((self.reports.starts[name], len(self.commits(name))), (1, 1))
        self.assertGreaterEqual(caught, 4, "every second worker was killed between push and record")
        self.assertLeftNothing()

    def test_sigterm_hands_over_what_does_not_end_in_time(self):
        uid = self.create("[ $begun -gt 1 ] || sleep 1000")
        first = self.worker()
        wait_until("the agent runs", lambda: self.reports.living(self.name) == 1, 30)
        begin = time.monotonic()
        first.stop()
        self.assertLess(self.row(uid)[0] - time.time(), LEASE / 3, "it is handed over, and nobody waits for the lease's end")
        self.assertLess(time.monotonic() - begin, 15)
        wait_until("no agent lives", lambda: self.reports.living(self.name) == 0, 10)
        self.worker()
        wait_until("another worker's agent has run", lambda: self.reports.starts[self.name] == 2, 30)
        self.assertCompleted(self.stack.wait_for_session(self.name, 60))

    def dies(self, worker):
        worker.kill()
        worker.log.close()
        self.workers.remove(worker)

    def test_a_session_whose_worker_dies_again_and_again_is_given_up(self):
        self.create(f"cd api && git add . && git commit -qm own && git push -qf origin HEAD:refs/heads/b/{self.name}; sleep 1000")
        for number in range(1, 4):
            worker = self.worker()
            wait_until("its agent runs", lambda: self.reports.starts.get(self.name) == number, 40)
            wait_until("its agent has pushed", self.branch, 40)
            self.dies(worker)
        self.worker()
        session = self.stack.wait_for_session(self.name, 40)
        self.assertEqual((session["status"]["phase"], session["status"]["message"]), ("Failed", "The session's process or its worker died 3 times."))
        warning = session["status"]["repositories"][0]["warnings"][-1]
        self.assertEqual(warning["code"], "push_unknown")
        self.assertRegex(warning["message"], f"^The session sent [0-9a-f]{{12}} to b/{self.name} before that; nobody has looked whether the branch has it.$")
        self.assertEqual(self.reports.starts[self.name], 3)
        name = self.name + "-next"
        self.create("true", name=name)
        self.assertCompleted(self.stack.wait_for_session(name, 60), name)
        self.assertLeftNothing()

    def test_the_last_try_of_a_session_endangers_no_other(self):
        first = self.create("sleep 1000")
        for number in range(1, 3):
            worker = self.worker()
            wait_until("its agent runs", lambda: self.reports.starts.get(self.name) == number, 40)
            self.dies(worker)
        worker, name = self.worker(), self.name + "-next"
        wait_until("its agent runs for the last time", lambda: self.reports.starts.get(self.name) == 3, 40)
        self.create("true", name=name)
        time.sleep(2)
        self.assertEqual(self.stack.session(name).json["status"]["phase"], "Pending")
        self.dies(worker)
        self.worker()
        self.assertCompleted(self.stack.wait_for_session(name, 60), name)
        self.assertEqual(self.stack.wait_for_session(self.name, 40)["metadata"]["uid"], first)
        self.assertLeftNothing()

    def test_workers_that_are_replaced_are_not_held_against_a_session(self):
        self.create("[ $begun -gt 4 ] || sleep 1000")
        for number in range(1, 4):
            worker = self.worker()
            wait_until("its agent runs", lambda: self.reports.starts.get(self.name) == number, 40)
            worker.stop()
            self.workers.remove(worker)
        worker = self.worker()
        wait_until("its agent runs", lambda: self.reports.starts.get(self.name) == 4, 40)
        send(self.processes_of_sessions(worker, ("acp-session",)), signal.SIGKILL)
        self.assertCompleted(self.stack.wait_for_session(self.name, 60))
        self.assertEqual(self.reports.starts[self.name], 5)


class KeptWorkTest(WorkerCase):
    settings = {"ACP_WORKSPACE_KEEP": "10", "ACP_WORKSPACE_MAX": "64", "ACP_AGENT_MEMORY_MAX": "200"}

    def failed_push(self):
        """A session whose owner's token may not push."""
        self.assertEqual(self.stack.connect(self.by_name["readOnly"]).status, 200)
        uid = self.create("true")
        session = self.stack.wait_for_session(self.name, 60)
        self.assertEqual(session["status"]["phase"], "Failed", session["status"])
        self.assertIn("WorkKept", [c["type"] for c in session["status"]["conditions"]])
        return uid

    def test_work_that_could_not_be_pushed_is_pushed_again_by_its_owner(self):
        self.worker()
        uid = self.failed_push()
        self.assertTrue((self.workspace(uid) / "api/work.txt").exists())
        self.assertEqual(self.push(bearer=self.stack.add_user(f"stranger-{self.name}")).status, 403)
        # Still refused: the work stays.
        self.assertEqual(self.push().status, 202)
        self.assertNotIn(self.stack.session(self.name).json["status"]["phase"], ("Completed",))
        session = self.stack.wait_for_session(self.name, 60)
        self.assertEqual(session["status"]["phase"], "Failed", session["status"])
        # With a token that may push.
        self.assertEqual(self.stack.connect().status, 200)
        answer = self.push()
        self.assertEqual((answer.status, answer.json["phase"]), (202, "Pending"), answer)
        session = self.stack.wait_for_session(self.name, 60)
        self.assertCompleted(session)
        self.assertEqual(self.reports.starts[self.name], 1, "the agent did not run again")
        answer = self.push()
        self.assertEqual((answer.status, answer.json["code"]), (409, "session_ended"))
        self.assertLeftNothing()

    def test_pushing_again_concerns_each_repository_by_itself(self):
        """One has become unusable; the branch of another is protected because it was pushed, as GitLab does with a project's first."""
        for name, members in {"late": {"members": {"john": 20}}, "first": {"template": "empty"}, "gone": {}}.items():
            self.stack.control("POST", "/projects", {"path": f"kept/{name}", **members})
        spec = {"description": "true", "repositories": [{"url": self.repository(f"kept/{name}")} for name in ("late", "first", "gone")]}
        self.assertEqual(self.stack.create_session(self.name, spec).status, 201)
        self.worker()

        def ends():
            status = self.stack.wait_for_session(self.name, 60)["status"]
            return status["phase"], {r["name"]: (r["phase"], r.get("error", {}).get("code")) for r in status["repositories"]}, status
        self.assertEqual(ends()[:2], ("PartiallyCompleted", {"late": ("Failed", "repo_no_push"), "first": ("Pushed", None), "gone": ("Pushed", None)}))
        self.stack.control("POST", "/projects", {"path": "kept/late", "members": {"john": 30}})
        self.stack.control("POST", "/protect", {"project": "kept/first", "branch": "ambient/*"})
        self.stack.control("POST", "/projects", {"path": "kept/gone", "repositoryDisabled": True})
        self.assertEqual(self.push().status, 202)
        phase, repositories, status = ends()
        self.assertEqual((phase, repositories), ("PartiallyCompleted", {"late": ("Pushed", None), "first": ("Pushed", None), "gone": ("Failed", "repo_disabled")}), status)
        late, first, gone = status["repositories"]
        for repository in (late, first):
            self.assertEqual(self.stack.control("GET", f"/refs?project=kept/{repository['name']}")[f"refs/heads/ambient/{self.name}"], repository["commit"])
        self.assertEqual([warning["code"] for warning in gone["warnings"]], ["push_unknown"])

    def test_kept_work_goes_after_its_time(self):
        self.worker()
        uid = self.failed_push()
        self.assertTrue(self.workspace(uid).exists())
        wait_until("the kept workspace is gone", lambda: not self.workspace(uid).exists(), 60)
        self.assertEqual(self.push().status, 409)

    def test_an_agent_that_takes_too_much_is_ended(self):
        table = [("space", "head -c 200M /dev/zero >big; sleep 1000", "workspace"), ("files", "mkdir d; cd d; seq 50000 | xargs touch; sleep 1000", "workspace"),
                 ("hidden", "mkdir -p a/b; head -c 200M /dev/zero >a/b/big; chmod 0 a/b; sleep 1000", "workspace"),
                 ("memory", "head -c 400M /dev/zero | tail; sleep 1000", "memory")]
        self.worker()
        for what, description, word in table:
            self.create(description, name=f"{self.name}-{what}")
        for what, description, word in table:
            with self.subTest(what):
                status = self.stack.wait_for_session(f"{self.name}-{what}", 120)["status"]
                self.assertEqual(status["phase"], "Failed")
                self.assertIn(word, status["message"])
                wait_until("the log says why", lambda: "agent_too_large" in self.stack.log_text(), 10)
        self.assertLeftNothing()


    def test_an_agent_is_watched_while_a_repository_joins_its_session(self):
        self.worker()
        uid = self.create('until [ -e "$ACP_WORKSPACE/fill" ]; do sleep 0.1; done; head -c 200M /dev/zero >big; sleep 1000')
        wait_until("the agent runs", lambda: self.reports.living(self.name) == 1, 30)
        self.stack.mode("git", "slow", match="/git-upload-pack", delay_ms=100)  # a byte at a time: never silent, and never at its end
        try:
            answer = self.stack.api("POST", f"/api/projects/default/agentic-sessions/{self.name}/repos", {"url": f"{self.base}/other/api.git"})
            self.assertEqual(answer.status, 201, answer)
            wait_until("the clone has begun", lambda: "Cloning" in json.dumps(self.stack.session(self.name).json["status"]["repositories"]), 30)
            (self.workspace(uid) / "fill").touch()
            status = self.stack.wait_for_session(self.name, 120)["status"]
        finally:
            self.stack.mode("git", "normal")
        self.assertEqual(status["phase"], "Failed", status)
        self.assertIn("workspace grew beyond 64 MiB", status["message"])
        self.assertNotIn("Cloning", [r["phase"] for r in status["repositories"]])


class ElsewhereTest(WorkerCase):
    """The agent runs elsewhere: the session waits for git/push."""
    command = False

    def test_what_was_written_while_waiting_survives_the_worker(self):
        uid = self.create()
        first = self.worker()
        work = self.workspace(uid) / "api/README-of-mine.txt"
        self.stack.wait_for_session(self.name, 60, phases=("Running",))
        self.assertTrue(self.record(uid), "it says that it waits, and who takes it over does not know")
        work.write_text("mine\n")
        first.kill()
        self.worker()
        self.assertEqual(self.push().status, 202)
        self.assertCompleted(self.stack.wait_for_session(self.name, 60))
        self.assertLeftNothing()

    def test_what_joined_is_cloned_anew_when_its_worker_dies_in_between(self):
        uid = self.create()
        first = self.worker()
        self.stack.wait_for_session(self.name, 60, phases=("Running",))
        base = f"/api/projects/default/agentic-sessions/{self.name}"
        self.stack.mode("demo/hello", "delay", delay_ms=20000, match="git-upload-pack", method="POST")
        try:
            self.assertEqual(self.stack.api("POST", f"{base}/repos", {"url": self.repository("demo/hello"), "autoPush": True}).status, 201)
            wait_until("it is cloned", lambda: list(self.workspace(uid).glob("*hello/.git/objects")), 30)
            first.kill()
        finally:
            self.stack.mode("demo/hello", "normal")
        self.worker()

        def phase():
            return {r["name"]: r["phase"] for r in self.stack.session(self.name).json["status"]["repositories"]}["hello"]
        wait_until("it has another end", lambda: phase() in ("Ready", "Failed"), 40)
        self.assertEqual(phase(), "Ready")
        (self.workspace(uid) / "hello/work.txt").write_text("mine\n")
        self.assertEqual(self.push().status, 202)
        status = self.stack.wait_for_session(self.name, 60)["status"]
        self.assertEqual((status["phase"], {r["name"]: r["phase"] for r in status["repositories"]}), ("Completed", {"api": "Unchanged", "hello": "Pushed"}), status)
        self.assertLeftNothing()


    def test_what_joined_and_was_recorded_is_found_by_the_next_worker(self):
        """A clone gets its name when the record has it; in between its worker may die."""
        uid = self.create()
        first = self.worker()
        self.stack.wait_for_session(self.name, 60, phases=("Running",))
        base = f"/api/projects/default/agentic-sessions/{self.name}"
        for path in ("demo/hello", "other/api"):
            self.assertEqual(self.stack.api("POST", f"{base}/repos", {"url": self.repository(path), "autoPush": True}).status, 201)
        names = ("hello", "api-2")
        wait_until("both are recorded", lambda: all(name in self.record(uid) for name in names), 40)
        wait_until("both have their names", lambda: all((self.workspace(uid) / name).exists() for name in names), 10)
        first.kill()
        for name in names:
            (self.workspace(uid) / name).rename(self.workspace(uid) / f"+clone-{name}")
        (self.workspace(uid) / "api-2").mkdir()  # the agent's
        (self.workspace(uid) / "+clone-hello/work.txt").write_text("mine\n")
        self.worker()
        self.assertEqual(self.push().status, 202)
        status = self.stack.wait_for_session(self.name, 60)["status"]
        ends = {r["name"]: (r["phase"], r.get("error", {}).get("message")) for r in status["repositories"]}
        self.assertEqual((status["phase"], ends), ("PartiallyCompleted", {"api": ("Unchanged", None), "hello": ("Pushed", None),
                                                                          "api-2": ("Failed", "Something called api-2 is in the workspace already.")}), status)

    def record(self, uid):
        try:
            return json.loads(self.workspace(uid).with_suffix(".json").read_text())["repositories"]
        except FileNotFoundError:
            return {}


class RestTest(WorkerCase):
    """A session that only waits holds no place of a worker: it rests until there is something to do."""
    command = False
    sessions = 2

    def waiting(self, name, path="group/sub/api"):
        uid = self.create(name=name, path=path)
        self.stack.wait_for_session(name, 30, phases=("Running",))
        return uid

    def write(self, uid, name, folder="api"):
        (self.workspace(uid) / folder / "work.txt").write_text(f"{name}\n")

    def tearDown(self):
        for session in self.stack.api("GET", "/api/projects/default/agentic-sessions").json["items"]:
            self.stack.api("DELETE", f"/api/projects/default/agentic-sessions/{session['metadata']['name']}")
        super().tearDown()

    def freeze(self, worker, whole_tree):
        """At a moment when it holds no lock of the database, which the test's own requests need."""
        def frozen():
            worker.freeze(whole_tree)
            database = sqlite3.connect(self.stack.data / "database/acp-gitlab.db", timeout=0.5, isolation_level=None)
            try:
                database.execute("BEGIN EXCLUSIVE")
                database.execute("ROLLBACK")
                return True
            except sqlite3.OperationalError:
                worker.thaw()
                return False
            finally:
                database.close()
        wait_until("the worker sleeps", frozen)

    def wait_for_rest(self, uid, after=0):
        """Nobody holds it, and there is nothing to do."""
        wait_until("the session rests", lambda: self.row(uid)[0] == 0 and (self.row(uid)[1] or 0) > time.time() + after, 20)

    def assertPushedOnce(self, name, path="group/sub/api"):
        session = self.stack.wait_for_session(name, 60)
        self.assertEqual(session["status"]["phase"], "Completed", session["status"])
        self.assertEqual(session["status"]["repositories"][0]["commit"], self.branch(name, path))
        self.assertEqual(len(self.commits(name)), 1)

    def test_more_sessions_wait_than_a_worker_has_places(self):
        worker = self.worker()
        names = [f"{self.name}-{i}" for i in range(4)]
        uids = [self.waiting(name) for name in names]
        for uid in uids:
            self.wait_for_rest(uid)
        wait_until("nothing runs for sessions that rest", lambda: not self.processes_of_sessions(worker), 10)
        for name, uid in zip(names, uids):
            self.write(uid, name)
        for name in reversed(names):
            self.assertEqual(self.push(name=name).status, 202)
        for name in names:
            self.assertPushedOnce(name)
        self.assertLeftNothing()

    def test_any_worker_pushes_what_rested_with_a_dead_one(self):
        first = self.worker()
        uid = self.waiting(self.name)
        self.wait_for_rest(uid)
        self.write(uid, self.name)
        first.kill()
        self.assertEqual(self.push().status, 202)
        self.worker()
        self.assertPushedOnce(self.name)
        self.assertNotIn("Checking the repositories.", self.said_since_rest(uid))
        self.assertLeftNothing()

    def said_since_rest(self, uid):
        """What the log says of it after it was laid down for the first time."""
        lines = [json.loads(line) for line in self.stack.log_text().splitlines() if f'"sessionId":"{uid}"' in line]
        said = [line["msg"] for line in sorted(lines, key=lambda line: line["ts"])]
        return said[said.index("The session rests until there is something to do"):]

    def watch(self, seen, ended):
        """What a user who looks all the time sees of the session, each once in a row."""
        while not ended.is_set():
            status = self.stack.session(self.name).json["status"]
            now = (status["phase"], status.get("message"), tuple((c["type"], c["status"], c["lastTransitionTime"]) for c in status["conditions"]),
                   tuple((r["name"], r["phase"]) for r in status["repositories"]), status["startTime"])
            if not seen or seen[-1] != now:
                seen.append(now)

    def test_what_its_users_see_does_not_change_with_who_holds_it(self):
        self.worker()
        uid = self.waiting(self.name)
        self.wait_for_rest(uid)
        seen, ended = [], threading.Event()
        watcher = threading.Thread(target=self.watch, args=(seen, ended))
        watcher.start()
        try:
            base = f"/api/projects/default/agentic-sessions/{self.name}"
            answer = self.stack.api("POST", f"{base}/repos", {"url": self.repository("demo/hello"), "autoPush": True})
            self.assertEqual(answer.status, 201, answer)
            wait_until("what joined is cloned", lambda: (self.workspace(uid) / "hello/.git").exists(), 20)
            self.wait_for_rest(uid)
            self.assertEqual(self.stack.api("DELETE", f"{base}/repos/api").status, 200)
            wait_until("what was taken out is dropped", lambda: [r["name"] for r in self.stack.session(self.name).json["status"]["repositories"]] == ["hello"], 20)
            self.wait_for_rest(uid)
            self.write(uid, self.name, "hello")
            self.stack.mode("demo/hello", "delay", delay_ms=1500, match="git-receive-pack", method="POST")  # so that nobody misses it
            self.assertEqual(self.push().status, 202)
            session = self.stack.wait_for_session(self.name, 60)
        finally:
            self.stack.mode("demo/hello", "normal")
            ended.set()
            watcher.join(10)
        self.assertEqual(session["status"]["phase"], "Completed", session["status"])
        self.assertEqual([r["name"] for r in session["status"]["repositories"]], ["hello"])
        phases = [now[0] for i, now in enumerate(seen) if i == 0 or seen[i - 1][0] != now[0]]
        self.assertIn(phases, (["Running", "Pushing", "Completed"], ["Running", "Pushing"]), seen)
        waiting = [now for now in seen if now[0] == "Running"]
        self.assertEqual({(now[1], now[2], now[4]) for now in waiting}, {(waiting[0][1], waiting[0][2], waiting[0][4])}, seen)
        self.assertEqual(waiting[0][1], "Waiting for the agent to ask for a push.")
        self.assertEqual([c[:2] for c in waiting[0][2]], [("PreflightPassed", "True"), ("RepositoriesCloned", "True")])
        self.assertFalse([now for now in seen if ("api", "Cloning") in now[3]], "what was cloned is not cloned again")
        self.assertLeftNothing()

    def test_its_time_limit_ends_it_and_keeps_its_work(self):
        self.environment = {**self.environment, "ACP_AGENT_TIMEOUT": "10"}
        first = self.worker()
        uid = self.waiting(self.name)
        self.wait_for_rest(uid)
        self.write(uid, self.name)
        until = self.row(uid)[1]
        wait_until("most of its time is over", lambda: time.time() > until - 3, 20)
        first.kill()  # the limit counts from when it began to wait, whoever it waited with
        self.worker()
        status = self.stack.wait_for_session(self.name, 60)["status"]
        ended = datetime.datetime.fromisoformat(status["completionTime"]).timestamp()
        self.assertIn(ended - until, range(0, 7), "it has no ten seconds more")
        self.assertEqual((status["phase"], status["message"]), ("Failed", "No push was asked for within 10 seconds."))
        self.assertEqual(self.push().status, 202)
        self.assertPushedOnce(self.name)
        self.assertLeftNothing()

    def test_a_push_that_is_asked_for_while_a_clone_outlasts_the_limit_is_done(self):
        self.environment = {**self.environment, "ACP_AGENT_TIMEOUT": "12"}
        self.worker()
        uid = self.waiting(self.name)
        self.wait_for_rest(uid)
        self.write(uid, self.name)
        self.stack.mode("demo/hello", "delay", delay_ms=12000, match="git-upload-pack", method="POST")
        try:
            answer = self.stack.api("POST", f"/api/projects/default/agentic-sessions/{self.name}/repos", {"url": self.repository("demo/hello")})
            self.assertEqual(answer.status, 201, answer)
            wait_until("it is cloned", lambda: list(self.workspace(uid).glob("*hello/.git/objects")), 30)
            self.assertEqual(self.push().status, 202)
            self.assertPushedOnce(self.name)
        finally:
            self.stack.mode("demo/hello", "normal")
        self.assertLeftNothing()

    def test_deleting_it_ends_it_at_once(self):
        worker = self.worker()
        uid = self.waiting(self.name)
        self.wait_for_rest(uid)
        self.freeze(worker, True)  # nobody has to do anything for it
        self.assertEqual(self.stack.api("DELETE", f"/api/projects/default/agentic-sessions/{self.name}").status, 200)
        self.assertEqual(self.stack.session(self.name).status, 404)
        worker.thaw()
        self.assertLeftNothing()

    def test_only_who_can_reach_its_workspace_takes_it_up(self):
        first = self.worker()
        uid = self.waiting(self.name)
        self.wait_for_rest(uid)
        self.write(uid, self.name)
        first.stop()
        elsewhere = tempfile.mkdtemp(prefix="acp-elsewhere.", dir=self.stack.data)
        own, self.environment = self.environment, {**self.environment, "ACP_WORKSPACES": elsewhere}
        stranger = self.worker()
        self.assertEqual(self.push().status, 202)
        other = self.name + "-other"
        self.waiting(other)  # the stranger works, and leaves this one alone
        self.assertEqual(self.stack.session(self.name).json["status"]["phase"], "Running")
        stranger.stop()
        self.environment = own
        self.worker()
        self.assertPushedOnce(self.name)
        self.assertEqual(self.stack.api("DELETE", f"/api/projects/default/agentic-sessions/{other}").status, 200)
        self.assertLeftNothing()

    def test_one_whose_workspace_is_lost_does_not_claim_to_have_changed_nothing(self):
        self.worker()
        uid = self.waiting(self.name)
        self.wait_for_rest(uid)
        (self.workspace(uid).parent / f"{uid}.json").unlink()
        self.assertEqual(self.push().status, 202)
        database = sqlite3.connect(self.stack.data / "database/acp-gitlab.db", timeout=10)
        with database:  # ten minutes later
            database.execute("UPDATE sessions SET rests_until = rests_until - 600 WHERE id = ?", (uid,))
        database.close()
        status = self.stack.wait_for_session(self.name, 30)["status"]
        self.assertEqual(status["phase"], "Failed", status)
        self.assertIn("The workspace in which the session waited is not there any more.", status["message"])
        self.assertIsNone(self.branch())

    def test_a_process_that_dies_after_a_rest_is_tried_again(self):
        worker = self.worker()
        uid = self.waiting(self.name)
        self.wait_for_rest(uid)
        self.write(uid, self.name)
        self.assertEqual(self.push().status, 202)

        def kill_session():
            found = self.processes_of_sessions(worker, ("acp-session",))
            send(found, signal.SIGKILL)
            return found
        wait_until("its process runs", kill_session, 10, every=0.002)
        self.assertPushedOnce(self.name)
        self.assertIn("ended abnormally", self.stack.log_text())

    def test_one_in_the_foreground_waits_with_its_process(self):
        other = self.worker()
        file = Path(self.folder.name) / f"{self.name}.json"
        file.write_text(json.dumps({"apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "metadata": {"name": self.name, "namespace": "default"},
                                    "spec": {"outputRepo": {"url": self.repository("group/sub/api"), "branch": f"b/{self.name}"}}}))
        self.freeze(other, False)  # so that the one in the foreground is the first to claim it
        process = subprocess.Popen([self.stack.build / "bin/acp-git-worker", "run", "--user", self.stack.ready["user"], file], env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        uid = self.stack.wait_for_session(self.name, 30, phases=("Running",))["metadata"]["uid"]
        other.thaw()
        wait_until("it waits", lambda: (self.workspace(uid).parent / f"{uid}.json").exists(), 10)
        time.sleep(1.5)
        self.assertIsNone(self.row(uid)[1], "it was given back")
        self.assertGreater(self.row(uid)[0], time.time())
        self.write(uid, self.name)
        self.assertEqual(self.push().status, 202)
        out, errors = process.communicate(timeout=40)
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn("AgenticSession completed successfully!", out)
        self.assertPushedOnce(self.name)

    def test_pushes_are_done_once_while_workers_die_and_freeze(self):
        chance, count = random.Random(int(os.environ.get("CHAOS_SEED", time.time()))), 12
        self.attempts = 1000  # as in ChaosTest
        names = [f"{self.name}-{i}" for i in range(count)]
        for _ in range(3):
            self.worker()
        uids = {name: self.create(name=name) for name in names}
        for name in names:
            self.stack.wait_for_session(name, 60, phases=("Running",))
            self.wait_for_rest(uids[name])
            self.write(uids[name], name)
        for name in names:
            self.assertEqual(self.push(name=name).status, 202)
            worker = chance.choice([one for one in self.workers if not one.frozen])
            if chance.random() < 0.5:
                worker.kill()
                self.workers.remove(worker)
            else:
                self.freeze(worker, chance.random() < 0.5)
            self.worker()
            time.sleep(chance.uniform(0, 0.7))
        time.sleep(LEASE)
        for worker in self.workers:
            worker.thaw()
        for name in names:
            with self.subTest(name):
                self.assertPushedOnce(name)
        self.assertLeftNothing()


class ChaosTest(WorkerCase):
    attempts = 1000  # far more of them die here than any session could have killed
    WORKERS, SESSIONS, EVERY_S = 4, int(os.environ.get("CHAOS_SESSIONS", "200")), 1.5
    DISTURBED_S, LIMIT_S = 200, 600  # where a session takes longer than its worker lives, it ends once they are left in peace

    def disturb(self, chance, worker):
        """Kills the worker and starts another, or freezes it, alone or with all its processes, for longer than its lease."""
        if chance.random() < 0.5:
            worker.kill()
            self.workers.remove(worker)
            self.worker()
            return "killed"
        worker.freeze(chance.random() < 0.5)
        self.thaws.append((time.monotonic() + LEASE + chance.uniform(1, 4), worker))
        return "frozen"

    def thaw_those_due(self, all_of_them=False):
        for due, worker in [entry for entry in self.thaws if all_of_them or entry[0] <= time.monotonic()]:
            worker.thaw()
            self.thaws.remove((due, worker))

    def waiting(self):
        """How many sessions have not ended, as the store knows it; it may be busy."""
        try:
            database = sqlite3.connect(f"file:{self.stack.data}/database/acp-gitlab.db?mode=ro", uri=True, timeout=5)
            try:
                return database.execute("SELECT count(*) FROM sessions WHERE final = 0").fetchone()[0]
            finally:
                database.close()
        except sqlite3.OperationalError:
            return -1

    def test_two_hundred_sessions_end_truthfully_while_workers_die_and_freeze(self):
        seed = int(os.environ.get("CHAOS_SEED", time.time()))
        chance, self.thaws, events = random.Random(seed), [], {"killed": 0, "frozen": 0}
        names = [f"c{i}" for i in range(self.SESSIONS)]
        for i, name in enumerate(names):
            self.create(f"setsid sleep 1000 & sleep {i % 7 / 2}", name=name)
        for _ in range(self.WORKERS):
            self.worker()
        begin = time.monotonic()
        while self.waiting() and time.monotonic() - begin < self.LIMIT_S:
            time.sleep(self.EVERY_S * chance.uniform(0.5, 1.5))
            self.thaw_those_due()
            able = [worker for worker in self.workers if not worker.frozen]
            if len(able) > self.WORKERS // 2 and time.monotonic() - begin < self.DISTURBED_S:  # every second one at most
                events[self.disturb(chance, chance.choice(able))] += 1
        took = time.monotonic() - begin
        self.thaw_those_due(True)
        self.judge(names)
        print(f"     seed {seed}: {len(names)} sessions in {took:.0f} s; workers {events}; agents started {sum(self.reports.starts[n] for n in names)}, "
              f"at most {max(self.reports.starts[n] for n in names)} for one session", flush=True)
        self.assertLeftNothing()
        for worker in list(self.workers):
            below = tree(worker.pid)[1:]
            worker.stop()
            wait_until("all that it started is dead", lambda: not set(below) & set(processes()), 10)

    def judge(self, names):
        refs = self.stack.control("GET", "/refs?project=group/sub/api")
        self.assertEqual(self.reports.together, [], "two agents of one session at a time")
        for name in names:
            with self.subTest(name):
                status = self.stack.session(name).json["status"]
                self.assertEqual(status["phase"], "Completed", json.dumps(status)[:600])
                self.assertEqual(status["repositories"][0]["commit"], refs.get(f"refs/heads/b/{name}"))
                self.assertEqual(len(self.commits(name)), 1)


if __name__ == "__main__":
    unittest.main()
