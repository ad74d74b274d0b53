"""The database is only an index of the Secrets: lost, emptied, older or another's, the service says so, deletes nothing, and makes it anew."""
import shutil
import sqlite3
import unittest
from pathlib import Path

from kube_client import encode
from kube_server import server_for_tests
from kube_stack import NAMESPACE, KubeStack, secret_names
from stack import request, wait_until

USERS = 12


def setUpModule():
    global kube
    kube = server_for_tests(users={f"user-{number:02}": ["developers"] for number in range(USERS + 1)})


def bearer(number):
    return kube.tokens[f"user-{number:02}"]


class Database(unittest.TestCase):
    def setUp(self):
        """An installation with USERS connections, one of them reconnected after the copy that `yesterday.db` is."""
        for provider in ("gitlab", "github"):
            for name in secret_names(provider=provider):
                kube.admin.delete(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}")
        self.stack = KubeStack(kube).start()
        self.data = self.stack.data
        self.database = self.data / "database/acp-gitlab.db"
        self.addCleanup(shutil.rmtree, self.data, True)
        self.addCleanup(lambda: self.stack.stop())
        for number in range(USERS):
            self.stack.add_gitlab_user(number)
            if number == USERS // 2:
                shutil.copy(self.database, self.data / "yesterday.db")
            answer = self.connect(number)
            self.assertEqual(200, answer.status, answer)
        self.shown = self.states()
        self.records = self.stack.records()
        self.assertEqual(USERS, len(self.records))

    def connect(self, number):
        return self.stack.connect(self.stack.gitlab_token(number), bearer=bearer(number), timeout=60)

    def states(self):
        return [{name: state.get(name) for name in ("connected", "username", "instanceUrl", "gitlabUserId")}
                for state in (self.stack.status(bearer(number)).json for number in range(USERS))]

    def ready(self):
        return request("GET", self.stack.url + "/readyz").status

    def restart_with(self, change):
        self.stack.stop()
        change()
        simulator = self.stack.simulator
        self.stack = KubeStack(kube, data=self.data).start()
        # The simulator is new as well.
        for number in range(USERS):
            self.stack.add_gitlab_user(number)
        return simulator

    def is_refused_and_comes_back(self, change, running=False):
        if running:
            change()
            wait_until("not ready", lambda: self.ready() == 503, 15)
        else:
            self.restart_with(change)
        self.assertEqual(503, self.ready())
        answer = self.stack.status(bearer(0))
        self.assertEqual((503, "store_not_ready"), (answer.status, answer.json["code"]), answer)
        self.assertEqual(503, self.connect(0).status)
        self.assertEqual(503, self.stack.disconnect(bearer(0)).status)
        # What runs by itself deletes nothing either.
        self.stack.program("acp-gitlab", "housekeeping", "--once", check=False, timeout=90)
        self.assertEqual(self.records, self.stack.records())
        if not self.database.exists():
            self.stack.program("acp-gitlab", "db", "migrate")
        rebuilt = self.stack.program("acp-gitlab", "rebuild-index", timeout=90)
        wait_until("ready after rebuild-index", lambda: self.ready() == 200, 15)
        self.assertEqual(self.records.keys(), self.stack.records().keys(), rebuilt.stdout)
        self.assertEqual(self.shown, self.states(), rebuilt.stdout)
        self.everything_works()

    def everything_works(self):
        report = self.stack.api("POST", f"/api/projects/{self.stack.project}/repositories/validate", {"url": self.stack.simulator["repository"]}, bearer(0)).json
        self.assertIs(True, {check["name"]: check["ok"] for check in report["checks"]}["token"], report)
        self.assertEqual(200, self.connect(1).status)
        self.assertEqual(200, self.stack.disconnect(bearer(2)).status)
        self.assertEqual(USERS - 1, len(self.stack.records()))

    def test_deleted(self):
        self.is_refused_and_comes_back(self.database.unlink)

    def test_deleted_with_all_that_lies_beside_it(self):
        def change():
            shutil.rmtree(self.database.parent)
            self.database.parent.mkdir(mode=0o700)
        self.is_refused_and_comes_back(change)

    def test_emptied(self):
        self.is_refused_and_comes_back(lambda: self.database.write_bytes(b""))

    def test_the_rows_are_gone(self):
        """Somebody empties the tables: the rows are not missed, so that the users seem not connected, but nothing is deleted, and rebuild-index brings them back."""
        def change():
            with sqlite3.connect(self.database) as db:
                db.execute("DELETE FROM connections")
        self.restart_with(change)
        self.stack.program("acp-gitlab", "housekeeping", "--once", check=False, timeout=90)
        self.assertEqual(self.records, self.stack.records())
        self.stack.program("acp-gitlab", "rebuild-index", timeout=90)
        wait_until("ready", lambda: self.ready() == 200, 15)
        self.assertEqual(self.shown, self.states())

    def test_restored_from_yesterday(self):
        self.is_refused_and_comes_back(lambda: shutil.copy(self.data / "yesterday.db", self.database))

    def test_swapped_with_another_installations(self):
        other = KubeStack(kube, settings={"ACP_SECRET_STORE": "database", "ACP_AUTH": "static"}).start()
        other.stop()
        foreign = other.data / "database/acp-gitlab.db"
        self.addCleanup(shutil.rmtree, other.data, True)
        self.is_refused_and_comes_back(lambda: shutil.copy(foreign, self.database))

    def test_a_record_of_nobody_is_told_and_left(self):
        """A value that no key opens stays where it is, and everything else is indexed."""
        junk = "k1-" + "j" * 51 + "q"  # as base32 ends 256 bits
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{secret_names()[0]}"
        kube.admin.patch(path, {"data": {junk: encode(b"ACPR" + bytes(200))}}).must()
        self.restart_with(self.database.unlink)
        self.stack.program("acp-gitlab", "db", "migrate", check=False)
        rebuilt = self.stack.program("acp-gitlab", "rebuild-index", "--keep-going", check=False, timeout=90)
        wait_until("ready", lambda: self.ready() == 200, 15)
        self.assertEqual(self.shown, self.states())
        self.assertEqual({*self.records, junk}, set(self.stack.records()))
        self.assertRegex(rebuilt.stdout + rebuilt.stderr, r"\b1\b")
        # Housekeeping counts it, and an alert is made of the count.
        self.assertEqual(3, self.stack.program("acp-gitlab", "housekeeping", "--once", check=False, timeout=90).returncode)
        self.assertEqual("1", self.metric("stored_tokens_broken"))
        kube.admin.patch(path, {"data": {junk: None}}).must()
        self.stack.program("acp-gitlab", "housekeeping", "--once", timeout=90)
        self.assertEqual("0", self.metric("stored_tokens_broken"))

    def metric(self, name):
        text = request("GET", self.stack.url + "/metrics").body.decode()
        return next((line.split()[1] for line in text.splitlines() if line.startswith(f"acp_gitlab_{name} ")), None)
