"""Sessions that wait for somebody: they rest, with no place of a worker, until there is something to do."""
import datetime
import json
import os
import random
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from stack import wait_until
from worker_case import LEASE, WorkerCase, send


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


if __name__ == "__main__":
    unittest.main()
