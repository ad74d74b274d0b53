"""The database is recognised: emptied, restored, foreign, older; nothing is deleted and nothing served until an operator says so."""
import shutil
import sqlite3
import unittest

from stack import Stack, wait_until


class RecognitionTest(unittest.TestCase):
    def with_changed_database(self, change, expected):
        """Runs `change(database path)` between two starts and expects the service not to be ready, with a reason."""
        stack = Stack().start()
        try:
            self.assertEqual(stack.connect().status, 200)
            database = stack.data / "database/acp-gitlab.db"
            shutil.copy(database, stack.data / "yesterday.db")
            self.assertEqual(stack.connect(stack.tokens["expiring"]).status, 200)
        finally:
            stack.stop()
        change(database, stack.data)
        again = Stack(data=stack.data).start()
        try:
            ready = again.api("GET", "/readyz", bearer="")
            self.assertEqual(ready.status, 503, ready)
            answer = again.status()
            self.assertEqual((answer.status, answer.json["code"]), (503, "store_not_ready"), answer)
            self.assertIn(expected, answer.json["error"] + answer.json["remediation"])
            self.assertEqual(again.connect().status, 503)
            yield_back = again.program("acp-gitlab", "rebuild-index", check=False)
            wait_until("ready after rebuild-index", lambda: again.api("GET", "/readyz", bearer="").status == 200, 15)
            return again, yield_back
        finally:
            again.stop()
            shutil.rmtree(stack.data, ignore_errors=True)

    def test_a_database_restored_from_yesterday(self):
        self.with_changed_database(lambda database, data: shutil.copy(data / "yesterday.db", database), "rebuild-index")

    def test_a_deleted_database(self):
        self.with_changed_database(lambda database, data: database.unlink(), "rebuild-index")

    def test_status_of_migrations_is_shown(self):
        with Stack(demo=False) as stack:
            shown = stack.program("acp-gitlab", "db", "status").stdout
            self.assertIn("ready", shown)
            self.assertIn("0001", shown)

    def test_a_value_moved_to_another_users_row_does_not_open(self):
        with Stack() as stack:
            second = stack.add_user("second")
            self.assertEqual(stack.connect().status, 200)
            self.assertEqual(stack.connect("glpat-user5-0123456789abcdefghij", bearer=second).status, 200)
            with sqlite3.connect(stack.data / "database/acp-gitlab.db", timeout=10) as db:
                column = next(row[1] for row in db.execute("PRAGMA table_info(connections)") if row[1] in ("sealed", "sealed_value", "value"))
                key = db.execute("SELECT user_id FROM connections WHERE user_id = 'second'").fetchone()
                self.assertTrue(key)
                db.execute(f"UPDATE connections SET {column} = (SELECT {column} FROM connections WHERE user_id = ?) WHERE user_id = 'second'", (stack.ready["user"],))
            answer = stack.create_session("stolen", {"description": "x", "outputRepo": {"url": stack.simulator["repository"], "branch": "stolen"}}, bearer=second)
            self.assertEqual(answer.status, 201, answer)
            session = stack.wait_for_session("stolen")
            self.assertEqual((session["status"]["phase"], session["status"]["repositories"][0]["error"]["code"]), ("Failed", "seal_broken"), session["status"])


if __name__ == "__main__":
    unittest.main()
