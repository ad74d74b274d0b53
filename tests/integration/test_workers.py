"""Several workers on one queue that die, freeze and come back: each session ends truthfully, once, and leaves nothing behind."""
import json
import os
import random
import signal
import sqlite3
import time
import unittest
from pathlib import Path

from stack import request, wait_until
from worker_case import FINAL, LEASE, WorkerCase, processes, send, tree


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
