"""The contract (contract.py) and the order of watches and lists, on the real API server and on the double, so that the double cannot drift."""
import re
import threading
import time
import unittest

from contract import TABLES
from contract_case import SESSION_CRD, SESSIONS, Case
from double import Double
from kube_client import secret_path
from kube_server import server_for_tests
from stack import wait_until

WRITERS, WRITES = 8, 25


class Contract:
    """What both classes below run. `kube` is the server under test."""

    kube = None

    def case(self):
        return Case(self.kube, self.namespace)

    def run_row(self, table, row):
        if row.since and self.kube.version < row.since:
            self.skipTest("API server {}.{} answers otherwise than {}.{}".format(*self.kube.version, *row.since))
        case = self.case()
        if table == "secrets":
            if row.given is not None:
                case.make(row.given)
        elif row.given is not None:
            row.given(case)
        case.answer = row.ask(case)
        self.assertEqual((row.status, row.reason), (case.answer.status, case.answer.reason), case.answer)
        if row.effect is not None:
            self.assertTrue(row.effect(case), case.answer)

    # ------------------------------------------------------------------------------------------------ many at once
    def together(self, count, work):
        """Runs work(number) in `count` threads and gives what each returned."""
        results, threads = [None] * count, []
        for number in range(count):
            def run(number=number):
                results[number] = work(number)
            threads.append(threading.Thread(target=run))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        return results

    def test_many_writers_of_one_secret_lose_nothing(self):
        case = self.case()
        case.make({})

        def write(writer):
            client = self.kube.client("admin")
            return [client.patch(case.path(), {"data": {f"w{writer}-{i}": "eA=="}}).status for i in range(WRITES)]
        statuses = [status for result in self.together(WRITERS, write) for status in result]
        self.assertEqual({200}, set(statuses))
        self.assertEqual(WRITERS * WRITES, len(case.data()))

    def test_of_many_that_create_by_apply_one_does(self):
        case = self.case()

        def create(number):
            client = self.kube.client("admin")
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": case.name}, "type": "Opaque"}
            return client.apply(case.path(), body, "acp-ensure").status
        statuses = sorted(self.together(WRITERS, create))
        self.assertEqual([200] * (WRITERS - 1) + [201], statuses)

    def test_of_many_that_swap_one_does(self):
        case = self.case()
        case.make({"a": "0"})
        statuses = sorted(self.together(WRITERS, lambda number: Case.swap(case, "a", "0", f"n{number}").status))
        self.assertEqual([200] + [422] * (WRITERS - 1), statuses)

    # ------------------------------------------------------------------------------------------------ lists
    def make_sessions(self, count):
        """Sessions in a namespace of their own; gives their names, the namespace's path, and the version that a list says now."""
        case = self.case()
        namespace = self.kube.namespace(f"{case.name}-list")
        path = f"{SESSIONS}/namespaces/{namespace}/agenticsessions"
        names = [f"s{number:02}" for number in range(count)]
        for name in names:
            self.kube.admin.post(path, {**case.session(), "metadata": {"name": name, "labels": {"parity": "even" if int(name[1:]) % 2 == 0 else "odd"}}}).must()
        return names, path, self.kube.admin.get(path).must().json["metadata"]["resourceVersion"]

    def test_a_list_comes_in_pages(self):
        names, path, _ = self.make_sessions(7)
        seen, token, pages = [], "", 0
        while True:
            answer = self.kube.admin.get(f"{path}?limit=3" + (f"&continue={token}" if token else "")).must().json
            seen += [item["metadata"]["name"] for item in answer["items"]]
            pages += 1
            token = answer["metadata"].get("continue")
            if not token:
                break
        self.assertEqual((names, 3), (seen, pages))

    def test_a_list_by_label(self):
        names, path, _ = self.make_sessions(4)
        found = self.kube.admin.get(f"{path}?labelSelector=parity%3Dodd").must().json["items"]
        self.assertEqual(names[1::2], [item["metadata"]["name"] for item in found])

    # ------------------------------------------------------------------------------------------------ watches
    def watch(self, path, revision, seconds=30, query=""):
        """(events, wait): the list grows while a thread watches; wait(n) waits until it has n, wait() until the watch has ended."""
        events, client = [], self.kube.client("admin")

        def run():
            for event in client.watch(f"{path}?watch=1&resourceVersion={revision}&timeoutSeconds={seconds}{query}", seconds + 20):
                events.append(event)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()

        def wait(count=None):
            if count is None:
                thread.join(seconds + 20)
                self.assertFalse(thread.is_alive())
            else:
                wait_until(f"{count} events, {events}", lambda: len(events) >= count, 20)
            return events
        return wait

    def test_a_watch_tells_what_changed_after_the_list(self):
        names, path, revision = self.make_sessions(2)
        self.kube.admin.patch(f"{path}/{names[0]}", {"spec": {"description": "x"}}).must()
        wait = self.watch(path, revision, 10)
        wait(1)
        self.kube.admin.delete(f"{path}/{names[1]}").must()
        seen = [(event["type"], event["object"]["metadata"]["name"], event["object"]["kind"]) for event in wait(2)]
        self.assertEqual([("MODIFIED", "s00", "AgenticSession"), ("DELETED", "s01", "AgenticSession")], seen)
        last = wait(2)[-1]["object"]["metadata"]["resourceVersion"]
        self.assertEqual([("ADDED", "s09")], [(event["type"], event["object"]["metadata"]["name"]) for event in self.resumed(path, last)])

    def resumed(self, path, revision):
        """A watch from a later version tells nothing twice."""
        wait = self.watch(path, revision, 10)
        self.kube.admin.post(path, {"apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "metadata": {"name": "s09"}, "spec": {}}).must()
        return wait(1)

    def test_a_watch_without_a_version_begins_with_what_is_there(self):
        _, path, _ = self.make_sessions(2)
        seen = [(event["type"], event["object"]["metadata"]["name"]) for event in self.watch(path, 0, 10)(2)]
        self.assertEqual([("ADDED", "s00"), ("ADDED", "s01")], sorted(seen))

    def test_a_watch_by_label_tells_of_what_no_longer_has_it(self):
        names, path, revision = self.make_sessions(2)
        wait = self.watch(path, revision, 10, "&labelSelector=parity%3Deven")
        self.kube.admin.patch(f"{path}/{names[1]}", {"spec": {"description": "not seen"}}).must()
        self.kube.admin.patch(f"{path}/{names[0]}", {"metadata": {"labels": {"parity": None}}}).must()
        self.assertEqual([("DELETED", "s00")], [(event["type"], event["object"]["metadata"]["name"]) for event in wait(1)])

    def test_a_watch_ends_when_its_time_is_up_and_leaves_a_bookmark(self):
        _, path, revision = self.make_sessions(1)
        wait = self.watch(path, revision, 14, "&allowWatchBookmarks=true")
        time.sleep(1)
        # Bookmarks tell how far the server has come, here by what happened elsewhere.
        self.make_sessions(1)
        events = wait()
        self.assertIn("BOOKMARK", [event["type"] for event in events])
        bookmark = [event for event in events if event["type"] == "BOOKMARK"][-1]["object"]
        self.assertEqual("AgenticSession", bookmark["kind"])
        self.assertGreater(int(bookmark["metadata"]["resourceVersion"]), int(revision))

    def test_a_watch_without_bookmarks_has_none(self):
        _, path, revision = self.make_sessions(1)
        self.assertEqual([], self.watch(path, revision, 3)())

    def test_a_forgotten_version_is_expired_inside_200(self):
        names, path, revision = self.make_sessions(2)
        self.kube.admin.patch(f"{path}/{names[0]}", {"spec": {"description": "x"}}).must()
        self.kube.restart()

        def look():
            # A current server answers 429 with Retry-After until it has read what there is.
            events = self.watch(path, revision, 5)()
            return None if [event["object"].get("code") for event in events] == [429] else events
        events = wait_until("watches are answered again", look, 60, 0.5)
        self.assertEqual([("ERROR", 410, "Expired")], [(event["type"], event["object"]["code"], event["object"]["reason"]) for event in events])

    # ------------------------------------------------------------------------------------------------ ends
    def test_what_was_acknowledged_is_there_after_a_kill(self):
        case = self.case()
        case.make({"a": "1"})
        case.keys(b="2").must()
        self.kube.kill()
        with self.assertRaises(OSError):
            self.kube.client("admin", timeout=5).get(case.path())
        self.kube.restart()
        self.assertEqual({"a": "1", "b": "2"}, case.data())

    def test_a_token_ends_with_its_pod(self):
        case = self.case()
        self.kube.service_account(self.namespace, case.name)
        self.kube.pod(self.namespace, case.name, case.name)
        token = self.kube.token(self.namespace, case.name, pod=case.name)
        self.assertEqual(403, self.kube.client(bearer=token).get(case.path()).status)
        self.kube.admin.delete(f"/api/v1/namespaces/{self.namespace}/pods/{case.name}", {"gracePeriodSeconds": 0}).must()
        # The server remembers for ten seconds that the token was good.
        wait_until("the token is refused", lambda: self.kube.client(bearer=token).get(case.path()).status == 401, 30, 0.5)

    def test_the_audit_names_who_did_what(self):
        case = self.case()
        user = case.user_with({"apiGroups": [""], "resources": ["secrets"], "verbs": ["patch", "create"], "resourceNames": [case.name]})
        mark = self.kube.audit_mark()
        case.apply().must()
        case.keys(a="1").must()
        case.as_user.get(secret_path(self.namespace))
        self.assertEqual({("patch", "", "secrets", self.namespace, case.name)}, self.kube.rights_used(user, mark, allowed=True))
        self.assertEqual({("list", "", "secrets", self.namespace, "")}, self.kube.rights_used(user, mark, allowed=False))


def rows_as_tests(holder):
    """A method for each row, named after its sentence."""
    for table, rows in TABLES.items():
        for row in rows:
            name = re.sub(r"[^a-z0-9]+", "_", f"{table}_{row.sentence}".lower()).strip("_")
            assert not hasattr(holder, f"test_{name}"), name
            setattr(holder, f"test_{name}", lambda self, table=table, row=row: self.run_row(table, row))


rows_as_tests(Contract)


class OfDouble(Contract, unittest.TestCase):
    namespace = "contract"

    @classmethod
    def setUpClass(cls):
        cls.kube = Double().start()
        cls.kube.namespace(cls.namespace)

    @classmethod
    def tearDownClass(cls):
        cls.kube.close()


class OfServer(Contract, unittest.TestCase):
    namespace = "contract"

    @classmethod
    def setUpClass(cls):
        cls.kube = server_for_tests(cls.addClassCleanup)
        cls.kube.namespace(cls.namespace)
        cls.kube.admin.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", SESSION_CRD).must()
        wait_until("the kind is served", lambda: cls.kube.admin.get(f"{SESSIONS}/agenticsessions").status == 200, 30)
