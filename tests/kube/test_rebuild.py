"""The database is an index of the Secrets: whatever happens to it, nothing is deleted, and rebuild-index brings every connection back."""
import json
import shlex
import shutil
import sqlite3
import unittest

from kube_client import encode, secret_path
from kube_machine import Machine
from kube_server import server_for_tests
from kube_stack import NAMESPACE


def setUpModule():
    global kube
    kube = server_for_tests()


class RebuildTest(unittest.TestCase):
    def rows(self, machine):
        with sqlite3.connect(machine.database) as database:
            return {row[0]: row[1:] for row in database.execute("SELECT record_key, user_id, instance_url, generation, fingerprint FROM connections")}

    def check(self, harm, restored):
        with Machine(kube) as machine:
            machine.connect(1, 3)
            shutil.copy(machine.database, machine.folder / "yesterday.db")
            machine.connect(4, 6)
            rows, records = self.rows(machine), machine.records()
            self.assertEqual((len(rows), len(records)), (6, 6))
            harm(machine)
            machine.run("db", "migrate")
            machine.run("db", "status", code=3)
            self.assertIn("rebuild-index", machine.run("housekeeping", "--once", code=1).stderr)
            self.assertEqual(machine.connect(8, code=3)["entries"][0]["code"], "store_not_ready")
            self.assertEqual(machine.records(), records)
            report = machine.json("rebuild-index")
            self.assertEqual((report["accepted"], report["opened"], report["restored"], report["dropped"], report["broken"]), (True, 6, restored, 0, []))
            machine.run("db", "status")
            self.assertEqual((self.rows(machine), machine.records()), (rows, records))
            self.assertEqual(machine.connect(7)["imported"], 1)  # newer than all there was
            shutil.copy(machine.folder / "yesterday.db", machine.database)
            machine.run("db", "status", code=3)  # a file that comes back late is known for what it is

    def test_deleted(self):
        self.check(lambda machine: machine.database.unlink(), 6)

    def test_deleted_with_all_that_was_beside_it(self):
        def harm(machine):
            shutil.rmtree(machine.database.parent)
            machine.database.parent.mkdir()
        self.check(harm, 6)

    def test_restored_from_yesterday(self):
        self.check(lambda machine: shutil.copy(machine.folder / "yesterday.db", machine.database), 3)

    def test_another_number_of_secrets_is_refused_by_the_database_alone(self):
        with Machine(kube) as machine:
            machine.connect(1)
            for name in machine.secrets():
                kube.admin.delete(secret_path(NAMESPACE, name)).must()
            for provider in ("gitlab", "github"):
                kube.admin.delete(secret_path(NAMESPACE, f"{provider}-user-tokens"))
            machine.environment["ACP_SECRET_SHARDS"] = "8"
            self.assertIn("this database was set up with 16", machine.run("keys", "status", code=1).stderr)
            self.assertEqual({}, machine.secrets())  # nothing was made with the wrong number
            machine.environment["ACP_SECRET_SHARDS"] = "16"
            machine.run("keys", "status")

    def test_the_go_implementations_plain_tokens_are_not_ours(self):
        """They lie in a Secret that is called as one of ours. A new installation beside them is ready, and the command that import prints
        takes them out and nothing else."""
        kube.namespace(NAMESPACE)
        path = secret_path(NAMESPACE, "gitlab-user-tokens")
        token = "glpat-01234567890123456789"
        old = {"john-company.com": encode(token), "a_b": encode("glpat-01234567890123456788")}
        kube.admin.apply(path, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gitlab-user-tokens"}, "data": old}).must()
        with Machine(kube, shards=1) as machine:
            machine.run("db", "status")
            machine.connect(1, 2)
            report = machine.json("rebuild-index")
            self.assertEqual((report["accepted"], report["opened"], report["broken"]), (True, 2, []))
            # They are told, since they are nobody's secret any more.
            self.assertEqual({problem["recordKey"] for problem in machine.json("keys", "check", code=3)["checks"][-1]["problems"]}, set(old))
            machine.folder.joinpath("users.map").write_text("john-company.com=john@company.com\n")
            given = json.dumps(kube.admin.get(path).must().json | {"kind": "Secret"})
            result = machine.run("import", "--map", machine.folder / "users.map", "-", code=3, input=given)
            self.assertNotIn(token, result.stdout + result.stderr)
            command = result.stderr[result.stderr.index("kubectl patch"):].splitlines()[0]
            kube.kubectl(*shlex.split(command)[1:])
            left = set(machine.records())
            self.assertEqual((left & set(old), len(left)), ({"a_b"}, 4))  # nobody said whose that is
            self.assertEqual(machine.json("keys", "status", code=3)["tokens"], 4)

    def test_rows_whose_token_is_gone_are_dropped_and_secrets_that_are_all_empty_are_not_believed(self):
        with Machine(kube) as machine:
            machine.connect(1, 3)
            records = machine.records()
            gone = sorted(records)[0]
            holder = next(name for name, held in machine.secrets().items() if gone in held)
            machine.put(holder, **{gone: None})
            report = machine.json("rebuild-index")
            self.assertEqual((report["opened"], report["dropped"]), (2, 1))
            for name, held in machine.secrets().items():
                machine.put(name, **{key: None for key in held})
            self.assertFalse(machine.json("rebuild-index", code=3)["accepted"])
            self.assertEqual(len(self.rows(machine)), 2)


if __name__ == "__main__":
    unittest.main()
