"""Keys and records in Secrets: all of them sealed anew while users connect; what a person puts there is told and left."""
import base64
import os
import threading
import time
import unittest

from kube_machine import Machine
from kube_proxy import FaultProxy
from kube_server import server_for_tests
from stack import wait_until

RECORDS = int(os.environ.get("KUBE_RECORDS", "2000"))


def setUpModule():
    global kube
    kube = server_for_tests()


class KeysTest(unittest.TestCase):
    def test_every_record_gets_the_new_key_while_users_connect(self):
        with Machine(kube) as machine:
            started = time.monotonic()
            self.assertEqual(machine.fill(RECORDS)["restored"], RECORDS)
            sizes = [sum(len(value) * 3 // 4 for value in records.values()) for records in machine.secrets().values()]
            self.assertEqual((len(machine.records()), len(sizes)), (RECORDS, 16))
            print(f"     {RECORDS} users in 16 Secrets after {time.monotonic() - started:.1f} s, the fullest of {max(sizes) // 1024} KiB", flush=True)
            before = machine.json("keys", "status")["keys"]
            self.assertEqual([(key["state"], key["tokens"]) for key in before], [("active", RECORDS)])

            over, wrong, made = threading.Event(), [], []

            def connect_others(number):
                while not over.is_set():
                    try:
                        made.append(machine.connect(number, number)["imported"])
                    except AssertionError as failure:
                        wrong.append(failure)
                    number += 1

            threads = [threading.Thread(target=connect_others, args=(RECORDS + 10_000 * n,)) for n in (1, 2)]
            for thread in threads:
                thread.start()
            started = time.monotonic()
            try:
                rotated = machine.json("keys", "rotate", "--rate", "0", "--settle", "1", timeout=500)
            finally:
                over.set()
                for thread in threads:
                    thread.join(60)
            print(f"     sealed anew in {time.monotonic() - started:.1f} s, {len(made)} connects meanwhile", flush=True)
            machine.run("keys", "rotate", "--resume", "--rate", "0")  # whoever began with the old key and ended after the last walk
            self.assertEqual((wrong, rotated["broken"]), ([], 0))
            self.assertGreater(sum(made), 1)
            report = machine.json("keys", "status")
            old = before[0]["id"]
            self.assertEqual({key["id"]: (key["state"], key["tokens"]) for key in report["keys"]},
                             {old: ("open-only", 0), rotated["key"]: ("active", RECORDS + sum(made))})
            machine.run("keys", "retire", old)
            machine.run("keys", "check")

    def test_a_record_that_goes_meanwhile_keeps_none_of_its_neighbours(self):
        """They are sealed anew many in one patch. One whose record is another by then is refused as a whole."""
        with FaultProxy(kube) as way, Machine(kube, shards=1, way=way) as machine:
            machine.fill(100)
            machine.run("keys", "rotate", "--prepare")
            machine.run("keys", "rotate", "--activate")
            (name, before), = machine.secrets().items()
            gone = sorted(before)[40]
            held = way.faults.add("delay", "PATCH .*secrets", seconds=3, times=1)
            remover = threading.Thread(target=lambda: (wait_until("a patch is on its way", lambda: held.hits, 60, 0.02), machine.put(name, **{gone: None})))
            remover.start()
            try:
                way.seen.clear()
                report = machine.json("keys", "rotate", "--resume", "--rate", "0")
            finally:
                remover.join(90)
            self.assertEqual((report["tokens"], report["broken"]), (99, 0))
            after = machine.records()
            self.assertEqual(before.keys() - {gone}, after.keys())
            self.assertEqual([], [key for key, value in after.items() if value == before[key]])
            patches = sum(request.startswith("PATCH") and "secrets" in request for request in way.seen)
            self.assertIn(patches, range(3, 30))  # halves of halves, not one by one

    def test_a_key_in_use_is_not_retired(self):
        with Machine(kube) as machine:
            machine.connect(1)
            old = machine.json("keys", "status")["keys"][0]["id"]
            machine.run("keys", "rotate", "--prepare")
            machine.run("keys", "rotate", "--activate")
            self.assertIn("1 stored token is sealed", machine.run("keys", "retire", old, code=1).stderr)
            self.assertEqual(machine.json("keys", "rotate", "--resume")["sealed"], 1)
            machine.run("keys", "retire", old)

    def test_what_a_person_puts_into_the_secrets_is_told_and_left(self):
        with Machine(kube) as machine:
            machine.connect(1, 2)
            (one, first), (two, _) = sorted(machine.records().items())
            holder = next(name for name, records in machine.secrets().items() if two in records)
            machine.put(holder, **{two: first, "plain": base64.b64encode(b"glpat-plain").decode()})
            planted = machine.records()
            problems = machine.json("keys", "check", code=3)["checks"][-1]["problems"]
            self.assertEqual({problem["recordKey"] for problem in problems}, {two, "plain"})
            self.assertFalse(machine.json("rebuild-index", code=3)["accepted"])
            machine.run("keys", "rotate", "--settle", "0", code=3)
            left = machine.records()
            self.assertEqual((left[two], left["plain"]), (planted[two], planted["plain"]))
            self.assertNotEqual(left[one], planted[one])


if __name__ == "__main__":
    unittest.main()
