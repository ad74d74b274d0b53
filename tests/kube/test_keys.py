"""Keys and records in Secrets: all of them sealed anew while users connect; what a person puts there is told and left."""
import base64
import os
import threading
import unittest

from kube_machine import Machine, lacks_kubernetes
from kube_server import KubeServer, Unavailable

RECORDS = int(os.environ.get("KUBE_RECORDS", "400"))


def setUpModule():
    global kube
    if lacks_kubernetes():
        raise unittest.SkipTest(lacks_kubernetes())
    try:
        kube = KubeServer().start()
    except Unavailable as reason:
        raise unittest.SkipTest(str(reason))


def tearDownModule():
    kube.close()


class KeysTest(unittest.TestCase):
    def test_every_record_gets_the_new_key_while_users_connect(self):
        with Machine(kube) as machine:
            self.assertEqual(machine.connect(0, RECORDS - 1)["imported"], RECORDS)
            self.assertEqual(len(machine.records()), RECORDS)
            self.assertGreater(len(machine.secrets()), 8)
            before = machine.json("keys", "status")["keys"]
            self.assertEqual([(key["state"], key["tokens"]) for key in before], [("active", RECORDS)])

            over, wrong, made = threading.Event(), [], []

            def connect_others(number):
                while not over.is_set():
                    try:
                        made.append(machine.connect(number)["imported"])
                    except AssertionError as failure:
                        wrong.append(failure)
                    number += 1

            threads = [threading.Thread(target=connect_others, args=(RECORDS + 10_000 * n,)) for n in (1, 2)]
            for thread in threads:
                thread.start()
            try:
                rotated = machine.json("keys", "rotate", "--rate", "0", "--settle", "1", timeout=500)
            finally:
                over.set()
                for thread in threads:
                    thread.join(60)
            machine.run("keys", "rotate", "--resume", "--rate", "0")  # whoever began with the old key and ended after the last walk
            self.assertEqual((wrong, rotated["broken"]), ([], 0))
            self.assertGreater(sum(made), 1)
            report = machine.json("keys", "status")
            old = before[0]["id"]
            self.assertEqual({key["id"]: (key["state"], key["tokens"]) for key in report["keys"]},
                             {old: ("open-only", 0), rotated["key"]: ("active", RECORDS + sum(made))})
            machine.run("keys", "retire", old)
            machine.run("keys", "check")

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
