"""Workers that are replaced while they have long requests at hand: keys that change under clones of half a minute."""
import os
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from stack import request, wait_until
from test_crash import command_of
from test_gate import GateCase

PROJECT = "group/sub/api"
LONG_S = 32  # longer than the end of the whole service would let them run
SETTLE_S = 10  # in which every pool has taken a key over, on a busy machine, too; twice in a rotation
PROMPT_S = 6  # what a request may take that nothing stands in the way of, on a busy machine


class LongTransfers:
    """A transfer of half a minute in every process of pool git."""
    processes, clones = 1, 1

    @classmethod
    def setUpClass(cls):
        cls.arguments = ("--processes", str(cls.processes))
        super().setUpClass()

    def setUp(self):
        self.folder_of_clones = tempfile.TemporaryDirectory()
        self.running = []
        self.addCleanup(self.folder_of_clones.cleanup)
        self.addCleanup(self.end_clones)

    def end_clones(self):
        self.stack.mode(PROJECT, "normal")
        for clone in self.running:
            if clone.poll() is None:
                clone.kill()
            clone.wait(10)

    def workers(self, pool):
        """The processes of a pool that serve, without the one that looks after them."""
        found = {pid for pid in self.stack.pids() if f"--pool {pool} " in command_of(pid)}
        return {pid for pid in found if int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]) in found}

    def begin_clones(self):
        """Clones whose packs come a byte at a time, until the fault is lifted."""
        asked = lambda: [one for one in self.stack.control("GET", "/requests?area=git")
                         if one["method"] == "POST" and one["path"].endswith("/git-upload-pack")]
        before = len(asked())
        self.stack.mode(PROJECT, "slow", match="/git-upload-pack", method="POST", delay_ms=100)
        for number in range(self.clones):
            with open(f"{self.folder_of_clones.name}/{number}.said", "wb") as said:
                self.running.append(subprocess.Popen(["git", "-c", "protocol.version=0", "clone", "-q", f"{self.base}/{PROJECT}.git", f"{number}"],
                                                     cwd=self.folder_of_clones.name, env=self.git_environment(), stderr=said))
        wait_until("every clone waits for its pack", lambda: len(asked()) - before >= self.clones, 30)

    def said(self):
        return [said.read_text() for said in sorted(Path(self.folder_of_clones.name).glob("*.said"))]

    def ask(self, what):
        """A request of pool git, and one of pool status, both answered without GitLab: how long each took."""
        started = time.monotonic()
        answer = self.get("/outcomes") if what == "git" else self.stack.status()
        self.assertEqual(answer.status, 200, answer)
        return time.monotonic() - started

    def check_rotation(self):
        before = self.workers("git")
        self.assertEqual(len(before), self.processes)
        self.begin_clones()
        started = time.monotonic()
        rotation = threading.Thread(target=self.stack.program, args=("acp-gitlab", "keys", "rotate", "--settle", str(SETTLE_S)), kwargs={"timeout": 120})
        rotation.start()
        took = []
        while time.monotonic() - started < LONG_S or rotation.is_alive():
            took += [self.ask("git"), self.ask("status")]
            time.sleep(0.2)
        rotation.join()
        self.assertLess(max(took), PROMPT_S)
        self.assertEqual([clone.poll() for clone in self.running], [None] * self.clones, self.said())
        held = before & self.workers("git")
        self.assertTrue(held, "the clones are with processes that began them")
        self.stack.mode(PROJECT, "normal")
        for number, clone in enumerate(self.running):
            self.assertEqual(clone.wait(60), 0, self.said())
            self.git("fsck", "--strict", cwd=f"{self.folder_of_clones.name}/{number}")
        # What has nothing more to do is gone; as many as there were are left, and none of those.
        wait_until("the drained processes have ended", lambda: len(self.workers("git")) == self.processes, 20)
        self.assertFalse(before & self.workers("git"))
        self.git("clone", "-q", f"{self.base}/{PROJECT}.git", f"{self.folder_of_clones.name}/after")


class OneProcessTest(LongTransfers, GateCase):
    def test_keys_change_under_a_long_clone_and_nobody_waits(self):
        self.check_rotation()


class TwoProcessesTest(LongTransfers, GateCase):
    processes, clones = 2, 6

    def test_keys_change_under_long_clones_in_both_processes(self):
        self.check_rotation()


if __name__ == "__main__":
    unittest.main()
