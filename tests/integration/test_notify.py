"""ACP_NOTIFY_URL: what a receiver over TLS is told of sessions and tokens, and that none of it is lost, invented or told unsigned."""
import contextlib
import http.server
import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
import unittest
import uuid
from pathlib import Path

from examples import example, shape
from stack import Stack, free_port, on_a_day_that_lasts, wait_until

SECRET = "a key that nobody guesses, 0123456789"


def verify_of_readme():
    """The README's receiver, as it stands there."""
    names = {}
    exec(example("README.md", "import base64"), names)  # noqa: S102
    return names["verify"]


class Receiver:
    """An HTTPS server on 127.0.0.1 that keeps what it got. `answer` is a status, or a function of the notice's id that gives one."""

    def __init__(self):
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}/hooks/acp?channel=7"
        self.authority = f"127.0.0.1:{self.port}"
        self.got, self.answer, self.lock, self.server, self.connections = [], 204, threading.Lock(), None, []

    def open(self, certificates):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                receiver.connections.append(self.request)
                super().setup()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.got.append((dict(self.headers.items()), body, self.path))
                    answer = receiver.answer
                status = answer(self.headers["webhook-id"]) if callable(answer) else answer
                self.send_response(status)
                self.send_header("Content-Length", "0")
                if status == 302:
                    self.send_header("Location", "https://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address, daemon_threads = True, True

            def handle_error(self, request, client_address):
                pass  # clients that are killed

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        self.server = Server(("127.0.0.1", self.port), Handler, bind_and_activate=False)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.server_bind()
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def close(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self.connections.clear()
            self.server = None

    def clear(self):
        with self.lock:
            self.got.clear()
            self.answer = 204

    def notices(self, **wanted):
        """The bodies so far whose members are as wanted: type="…", name="…" (of the session)."""
        with self.lock:
            bodies = [json.loads(body) for _, body, _ in self.got]
        return [body for body in bodies if all((body.get(k) or body.get("session", {}).get(k)) == v for k, v in wanted.items())]


class NotifyCase(unittest.TestCase):
    notifies = False  # whether the product itself has the settings

    @classmethod
    def setUpClass(cls):
        cls.verify = staticmethod(verify_of_readme())
        cls.receiver = Receiver()
        cls.notify = {"ACP_NOTIFY_URL": cls.receiver.url, "ACP_NOTIFY_SECRET": SECRET}
        settings = {**cls.notify, "ACP_EGRESS_ALLOW": cls.receiver.authority} if cls.notifies else {}
        cls.stack = Stack(settings=settings).start()
        cls.certificates = Path(cls.stack.simulator["caFile"]).parent
        cls.receiver.open(cls.certificates)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()
        cls.receiver.close()

    def setUp(self):
        self.receiver.clear()

    def database(self, sql, *values):
        connection = sqlite3.connect(self.stack.data / "database/acp-gitlab.db", timeout=20)
        try:
            with connection:
                return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def assertSigned(self):
        with self.receiver.lock:
            got = list(self.receiver.got)
        self.assertTrue(got)
        for headers, body, path in got:
            self.assertTrue(self.verify(SECRET.encode(), headers, body), headers)
            self.assertFalse(self.verify(b"another key of the same length, 01234", headers, body))
            self.assertFalse(self.verify(SECRET.encode(), headers, body + b" "))
            self.assertFalse(self.verify(SECRET.encode(), {**headers, "webhook-id": str(uuid.uuid4())}, body))
            self.assertEqual(json.loads(body)["id"], headers["webhook-id"])
            self.assertEqual((path, headers["Content-Type"]), ("/hooks/acp?channel=7", "application/json"))
            self.assertNotIn("Authorization", headers)
            for token in [*self.stack.tokens.values(), self.stack.bearer]:
                self.assertNotIn(token.encode(), body)


class SessionTest(NotifyCase):
    notifies = True

    def run_session(self, name, token, branch="feature/x"):
        self.assertEqual(self.stack.connect(self.stack.tokens[token]).status, 200)
        answer = self.stack.create_session(name, {"description": "Add X", "outputRepo": {"url": self.stack.simulator["repository"], "branch": branch}})
        self.assertEqual(answer.status, 201, answer)
        return self.stack.wait_for_session(name)

    def test_a_finished_session_is_told_within_seconds(self):
        session = self.run_session("told-1", "good", "feature/told#1")
        notice = wait_until("the notice arrives", lambda: self.receiver.notices(name="told-1"), 10)[0]
        status, told = session["status"], notice["session"]
        link = f"{self.stack.simulator['url']}/demo/hello/-/tree/feature/told%231"
        self.assertEqual((notice["type"], notice["text"]), ("session.finished", status["notification"]))
        self.assertEqual(notice["text"], f"AgenticSession completed successfully!\nView changes in GitLab:\n{link}")
        self.assertEqual((told["id"], told["project"], told["owner"], told["phase"]), (session["metadata"]["uid"], "default", self.stack.ready["user"], "Completed"))
        self.assertEqual({k: told[k] for k in ("message", "startTime", "completionTime")}, {k: status[k] for k in ("message", "startTime", "completionTime")})
        repository = status["repositories"][0]
        shown = json.loads(example("README.md", '{"id":"5f0c1f6e-…","type":"session.finished"'))
        self.assertEqual(shape(shown), shape(notice))
        self.assertEqual(told["repositories"], [{k: v for k, v in repository.items() if k != "progress"}])
        self.assertTrue(repository["branchUrl"] and repository["commit"])
        self.assertSigned()
        wait_until("the outbox is empty", lambda: self.database("SELECT count(*) FROM notices") == [(0,)], 5)
        self.assertEqual(len(self.receiver.notices()), 1)

    def test_a_failure_is_told_with_its_reason(self):
        session = self.run_session("told-2", "readOnly")
        notice = wait_until("the notice arrives", lambda: self.receiver.notices(name="told-2"), 10)[0]
        self.assertEqual((notice["session"]["phase"], notice["text"]), ("Failed", session["status"]["notification"]))
        self.assertEqual(notice["session"]["repositories"][0]["error"], session["status"]["repositories"][0]["error"])
        self.assertSigned()

    def test_what_fails_is_sent_again_with_the_same_id(self):
        answers = [500, 302, 404]
        self.receiver.answer = lambda _: answers.pop(0) if answers else 200
        self.run_session("told-3", "good", "feature/again")
        rests = {}

        def arrived():
            """Whether it was sent four times. Meanwhile each rest between two attempts is measured, and cut short."""
            attempts, due_at = next(iter(self.database("SELECT attempts, due_at FROM notices")), (0, 0))
            times = self.times()
            if times and len(times) == attempts and attempts not in rests and due_at - times[-1] <= 2 ** (attempts + 1) + 3:
                rests[attempts] = due_at - times[-1]
                self.database("UPDATE notices SET due_at = ?", int(time.time()))
            return len(self.receiver.notices(name="told-3")) == 4
        wait_until("the notice arrives four times", arrived, 60)
        self.assertTrue(rests)
        for attempt, rest in rests.items():
            self.assertGreaterEqual(rest, 2 ** attempt, "half of each rest is certain")
        self.assertEqual(len({notice["id"] for notice in self.receiver.notices(name="told-3")}), 1)
        wait_until("it is settled", lambda: self.database("SELECT count(*) FROM notices") == [(0,)], 5)
        self.assertSigned()
        self.assertEqual(self.times(), sorted(self.times()))
        log = self.stack.log_text()
        self.assertIn("notice not delivered; it will be tried again", log)
        self.assertIn("the receiver answered 500", log)
        self.assertNotIn(SECRET, log)

    def times(self):
        """When the notices so far were sent, as they say."""
        with self.receiver.lock:
            return [int(headers["webhook-timestamp"]) for headers, _, _ in self.receiver.got]

    def test_a_receiver_that_was_down_gets_it_later(self):
        self.receiver.close()
        try:
            self.run_session("told-4", "good", "feature/later")
            wait_until("an attempt was made in vain", lambda: self.database("SELECT max(attempts) FROM notices")[0][0], 15)
            wait_until("the reason is logged", lambda: "it cannot be reached" in self.stack.log_text(), 5)
        finally:
            self.receiver.open(self.certificates)
        wait_until("the notice arrives", lambda: self.receiver.notices(name="told-4"), 40)
        self.assertSigned()

    def test_only_housekeeping_has_the_key(self):
        holders = []
        for pid in self.stack.pids():
            try:
                environment = Path(f"/proc/{pid}/environ").read_bytes()
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            self.assertNotIn(SECRET.encode(), environment)
            if b"ACP_NOTIFY_SECRET_FILE=" in environment:
                holders.append(command[1])
        if os.geteuid() == 0:  # others may not look into processes that keep secrets
            self.assertEqual(set(holders), {b"housekeeping"})


class TokenTest(NotifyCase):
    """The product runs without the settings; housekeepings of the tests' own have them, and nothing is checked by another."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stack.put_to_sleep("housekeeping")

    def setUp(self):
        super().setUp()
        self.stack.disconnect()
        self.database("DELETE FROM notices")

    def environment(self, **changes):
        environment = {**self.stack.environment(), **self.notify}
        environment["ACP_EGRESS_ALLOW"] += "," + self.receiver.authority
        return {k: v for k, v in {**environment, **changes}.items() if v is not None}

    def housekeeping(self, **changes):
        return json.loads(self.stack.program("acp-gitlab", "housekeeping", "--once", "--json", env=self.environment(**changes)).stdout)

    def start_housekeeping(self):
        process = subprocess.Popen([self.stack.build / "bin/acp-gitlab", "housekeeping"], env=self.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (process.kill(), process.wait(10)))
        return process

    def stop_housekeeping(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0)

    def test_without_the_setting_nothing_is_written(self):
        self.stack.connect(self.stack.tokens["expiring"])
        self.stack.create_session("untold", {"description": "x", "outputRepo": {"url": self.stack.simulator["repository"], "branch": "untold"}})
        self.stack.wait_for_session("untold")
        counts = self.housekeeping(ACP_NOTIFY_URL=None, ACP_NOTIFY_SECRET=None)
        self.assertEqual((counts["notices"], counts["delivered"]), (0, 0))
        self.assertEqual(self.database("SELECT (SELECT count(*) FROM notices), (SELECT count(*) FROM token_notices)"), [(0, 0)])

    def test_expiry_is_told_once_for_a_token(self):
        on_a_day_that_lasts(60)
        self.stack.connect(self.stack.tokens["expiring"])
        self.assertEqual(self.housekeeping(), {"intents": 0, "checked": 0, "invalid": 0, "projects": 0, "notices": 1, "broken": 0, "orphans": 0, "delivered": 1})
        self.assertEqual(self.housekeeping()["notices"], 0)
        notice, = self.receiver.notices()
        self.assertEqual(notice["type"], "token.expiring")
        self.assertIn(f"token of {self.stack.ready['user']} expires in 3 days", notice["text"])
        token = self.stack.status().json["token"]
        self.assertEqual(notice["token"], {"user": self.stack.ready["user"], "provider": "gitlab", "instanceUrl": self.stack.simulator["url"], "username": "john",
                                           "name": token["name"], "expiresAt": token["expiresAt"], "daysToExpiry": 3})
        shown = json.loads(example("README.md", '{"id":"…","type":"token.expiring"'))
        self.assertEqual(shape(shown), shape(notice))
        self.assertEqual(notice["text"], shown["text"].replace("alice", self.stack.ready["user"]).replace("7 days", "3 days").replace("https://gitlab.com", self.stack.simulator["url"])
                         .replace("2026-12-03", token["expiresAt"]))
        # Connected anew it is another token, even if it is the same.
        self.stack.connect(self.stack.tokens["expiring"])
        self.assertEqual(self.housekeeping()["notices"], 1)
        self.assertEqual(self.housekeeping()["notices"], 0)
        # As the days go by.
        for date, kind in (("date('now', '+1 day')", "token.expiring"), ("date('now')", "token.expired")):
            self.database(f"UPDATE connections SET expires_at = {date}")
            self.assertEqual([self.housekeeping()["notices"] for _ in range(2)], [1, 0])
            self.assertEqual(self.receiver.notices()[-1]["type"], kind)
        self.assertSigned()

    def test_a_token_that_the_recheck_finds_revoked_is_told_once(self):
        made = self.stack.control("POST", "/tokens", {"token": "glpat-to-be-revoked-1", "name": "lent", "user": "john", "scopes": ["api"]})
        self.assertEqual(self.stack.connect(made["token"]).status, 200)
        self.stack.control("POST", "/tokens", {"token": made["token"], "state": "revoked"})
        self.database("UPDATE connections SET last_checked_at = 0")
        self.assertEqual(self.housekeeping(), {"intents": 0, "checked": 1, "invalid": 1, "projects": 0, "notices": 1, "broken": 0, "orphans": 0, "delivered": 1})
        self.database("UPDATE connections SET last_checked_at = 0")
        self.assertEqual(self.housekeeping(), {"intents": 0, "checked": 1, "invalid": 1, "projects": 0, "notices": 0, "broken": 0, "orphans": 0, "delivered": 0})
        notice, = self.receiver.notices()
        self.assertEqual((notice["type"], notice["token"]["code"]), ("token.refused", "token_revoked"))
        self.assertIn(f"token of {self.stack.ready['user']} is no longer accepted", notice["text"])
        self.assertNotIn(made["token"], json.dumps(notice))

    def test_killed_in_the_middle_it_is_told_again(self):
        """The receiver has read the notice and has not answered when its sender dies."""
        self.stack.connect(self.stack.tokens["expiring"])
        release = threading.Event()
        self.receiver.answer = lambda _: release.wait(60) and 204
        first = self.start_housekeeping()
        wait_until("the notice arrives", self.receiver.notices, 20)
        second = self.start_housekeeping()
        time.sleep(4)  # two looks of the second, which must find it taken
        self.assertEqual(len(self.receiver.notices()), 1)
        first.kill()
        first.wait(10)
        release.set()
        # Whoever took it has half a minute for it; the rest of the test does not wait for that.
        (left,), = self.database("SELECT due_at - unixepoch() FROM notices")
        self.assertIn(left, range(1, 30))
        self.database("UPDATE notices SET due_at = ?", int(time.time()))
        wait_until("it arrives again", lambda: len(self.receiver.notices()) == 2, 15)
        wait_until("the outbox is empty", lambda: self.database("SELECT count(*) FROM notices") == [(0,)], 5)
        self.stop_housekeeping(second)
        self.assertEqual(len({notice["id"] for notice in self.receiver.notices()}), 1)
        self.assertEqual(self.housekeeping()["notices"], 0)
        self.assertSigned()

    def test_several_housekeepings_share_the_work_and_send_each_once(self):
        now, ids = int(time.time()), [str(uuid.uuid4()) for _ in range(60)]
        for one in ids:
            self.database("INSERT INTO notices (id, type, body, created_at, due_at) VALUES (?, 'session.finished', ?, ?, ?)", one, json.dumps({"id": one}), now, now)
        at_work, most, twice = set(), [0], []

        def answer(one):
            with self.receiver.lock:
                twice.extend({one} & at_work)
                at_work.add(one)
                most[0] = max(most[0], len(at_work))
            time.sleep(0.2)
            with self.receiver.lock:
                at_work.discard(one)
            return 200
        self.receiver.answer = answer
        processes = [self.start_housekeeping() for _ in range(3)]
        wait_until("all arrived", lambda: self.database("SELECT count(*) FROM notices") == [(0,)], 60)
        for process in processes:
            self.stop_housekeeping(process)
        self.assertEqual(sorted(notice["id"] for notice in self.receiver.notices()), sorted(ids))
        self.assertEqual(twice, [])
        self.assertGreater(most[0], 1, "only one of them worked")

    def test_settings_that_cannot_work_are_refused_at_the_start(self):
        table = [({"ACP_NOTIFY_SECRET": None}, "ACP_NOTIFY_SECRET must be set"), ({"ACP_NOTIFY_SECRET": "short"}, "at least 16 characters"),
                 ({"ACP_NOTIFY_URL": "http://hooks.company.com"}, "ACP_NOTIFY_URL must begin with https://"),
                 ({"ACP_NOTIFY_URL": "https://user:pw@hooks.company.com"}, "no user info")]
        for changes, sentence in table:
            with self.subTest(sentence):
                result = self.stack.program("acp-gitlab", "housekeeping", env=self.environment(**changes), check=False, timeout=20)
                self.assertEqual(result.returncode, 1)
                self.assertIn(sentence, result.stderr)
                self.assertNotIn("pw", result.stderr)
        secret = self.stack.data / "notify-secret"
        secret.write_text(SECRET + "\n")
        self.stack.connect(self.stack.tokens["expiring"])
        self.assertEqual(self.housekeeping(ACP_NOTIFY_SECRET=None, ACP_NOTIFY_SECRET_FILE=str(secret))["delivered"], 1)
        self.assertSigned()


if __name__ == "__main__":
    unittest.main()
