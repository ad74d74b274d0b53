"""Killed at any moment: no acknowledged connect is lost, no acknowledged disconnect undone, no request lost to a dying worker."""
import os
import random
import signal
import threading
import time
import unittest
from pathlib import Path

from stack import Stack, wait_until

FAMILY = "glpat-user%d-0123456789abcdefghij"


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def workers_of(stack, pools):
    """The processes that work in these pools (never a pool's master, nginx or `up`: those are what starts workers again)."""
    found = []
    for pid in stack.pids():
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if any(f"--pool {name} " in command_of(pid) for name in pools) and "--pool" in command_of(parent):
            found.append(pid)
    return found


class CrashTest(unittest.TestCase):
    def kill_one(self, stack, pools, randomness):
        """Kills one worker process of these pools, once all that were killed before have been replaced: how long that takes is the machine's."""
        wait_until(f"both workers of {pools} are there", lambda: len(workers_of(stack, pools)) >= 2 * len(pools), 30, every=0.01)
        os.kill(randomness.choice(workers_of(stack, pools)), signal.SIGKILL)

    def test_200_connects_and_disconnects_under_kills_keep_every_acknowledgement(self):
        randomness = random.Random(20)
        with Stack() as stack:
            users = [(number, stack.add_user(f"user-{number}")) for number in range(1, 21)]
            acknowledged, unanswered, kills = {}, {number: 0 for number, _ in users}, []
            stop = threading.Event()

            def killer():
                while not stop.is_set():
                    try:
                        self.kill_one(stack, ("connect", "status"), randomness)
                        kills.append("killed")
                    except (ProcessLookupError, IndexError):
                        pass
                    except AssertionError as late:
                        kills.append(str(late))
                        return
                    time.sleep(randomness.uniform(0.02, 0.15))

            def work(number, bearer):
                for round_ in range(10):
                    want = round_ % 2 == 0
                    try:
                        answer = stack.connect(FAMILY % number, bearer=bearer) if want else stack.disconnect(bearer)
                    except OSError:
                        answer = None
                    if answer is not None and answer.status == 200:
                        acknowledged[number] = want
                    else:
                        acknowledged[number] = None  # either is right until the next acknowledgement
                        unanswered[number] += 1

            thread = threading.Thread(target=killer)
            thread.start()
            workers = [threading.Thread(target=work, args=user) for user in users]
            for each in workers:
                each.start()
            for each in workers:
                each.join(180)
            stop.set()
            thread.join(10)
            self.assertEqual(set(kills), {"killed"})
            stack.program("acp-gitlab", "housekeeping", "--once")
            wait_until("status answers again", lambda: stack.status().status == 200, 20)
            for number, bearer in users:
                if acknowledged[number] is not None:
                    self.assertEqual(stack.status(bearer).json["connected"], acknowledged[number], f"user-{number}")
            self.assertLess(sum(unanswered.values()), 100, "most requests must be answered in spite of the kills")

    def test_killed_status_workers_lose_no_request_under_load(self):
        randomness = random.Random(7)
        with Stack() as stack:
            self.assertEqual(stack.connect().status, 200)
            stop, bad, count = threading.Event(), [], [0]

            def load():
                while not stop.is_set():
                    try:
                        answer = stack.status()
                        if answer.status != 200 or not answer.json["connected"]:
                            bad.append(answer)
                    except OSError as error:
                        bad.append(error)
                    count[0] += 1

            threads = [threading.Thread(target=load) for _ in range(8)]
            for thread in threads:
                thread.start()
            for _ in range(20):
                self.kill_one(stack, ("status",), randomness)
                answered = count[0]
                wait_until("it goes on", lambda: count[0] >= answered + 20, 30)
            stop.set()
            for thread in threads:
                thread.join(30)
            self.assertEqual(bad[:3], [])
            self.assertGreater(count[0], 200)

    def test_all_processes_killed_at_once_lose_nothing_that_was_acknowledged(self):
        stack = Stack().start()
        try:
            self.assertEqual(stack.connect().status, 200)
            for pid in stack.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            stack.process.wait(30)
            again = Stack(data=stack.data).start()
            try:
                self.assertEqual(again.status().json["username"], "john")
                self.assertEqual(again.disconnect().status, 200)
                self.assertEqual(again.status().json, {"connected": False})
            finally:
                again.stop()
        finally:
            stack.process = None


if __name__ == "__main__":
    unittest.main()
