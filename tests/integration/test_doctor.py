"""doctor: a healthy installation is called so, and each planted fault is found, named, and told how to mend."""
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from cli_case import CHECK, DONE, CliCase
from stack import free_port


class Skewed(http.server.BaseHTTPRequestHandler):
    """A server of GitLab's kind whose clock is an hour slow."""
    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() - 3600)

    def do_GET(self):
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "30")
        self.end_headers()
        self.wfile.write(b'{"message":"401 Unauthorized"}')

    def log_message(self, *_):
        pass


class Receiving(Skewed):
    """A receiver of notices, which tells what it was asked."""
    asked = []

    def do_HEAD(self):
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(405)
        self.end_headers()

    do_GET = do_POST = do_HEAD


class Moved(Receiving):
    def do_HEAD(self):
        self.send_response(308)
        self.send_header("Location", "https://elsewhere.example/hooks")
        self.end_headers()


class DoctorTest(CliCase):
    """One running product; every test looks at it with settings of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.TemporaryDirectory(prefix="acp-doctor.")
        cls.here = Path(cls.folder.name)
        cls.sockets = cls.socket_folder()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()
        super().tearDownClass()

    @classmethod
    def socket_folder(cls):
        """Where `up` keeps the sockets: told by the pools' command lines."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
                parent = (path.parent / "stat").read_text().rsplit(") ", 1)[1].split()[1]
            except OSError:
                continue
            if b"--socket" in words and int(parent) == cls.stack.process.pid:
                return Path(words[words.index(b"--socket") + 1].decode()).parent.parent
        raise AssertionError("no pool of this stack is running")

    def setUp(self):
        self.connect()

    def machine(self, **more):
        """The installation's settings, as its operator has them."""
        data = self.stack.data
        authority = self.base.removeprefix("https://")
        return {"ACP_DATABASE": str(data / "database/acp-gitlab.db"), "ACP_SEAL_PUBLIC_KEYS_FILE": str(data / "keys/public.keys"),
                "ACP_SEAL_SIGNING_KEY_FILE": str(data / "keys/signing.key"), "ACP_SEAL_PRIVATE_KEYS_FILE": str(data / "keys/private.keys"),
                "ACP_STATIC_TOKENS_FILE": str(data / "auth/tokens"), "ACP_WORKSPACES": str(data / "workspaces"), "ACP_MIRRORS": str(data / "mirrors"),
                "ACP_CA_FILE": self.stack.simulator["caFile"], "ACP_EGRESS_ALLOW": authority, **more}

    def look(self, *arguments, **settings):
        result = self.run_cli("doctor", "--json", *arguments, **self.machine(**settings))
        report = json.loads(result.stdout)
        self.assertEqual(result.returncode, DONE if report["ok"] else CHECK, result.stdout)
        return report

    def finds(self, name, says, mend, *arguments, level="failed", **settings):
        """The finding of this name has this level, these words and this remedy; and none that is not well is without a remedy."""
        report = self.look(*arguments, **settings)
        self.assertEqual([finding for finding in report["findings"] if finding["level"] in ("failed", "warning") and not finding.get("remediation")], [])
        found = [finding for finding in report["findings"] if finding["name"].startswith(name) and finding["level"] == level]
        self.assertTrue(any(says in finding["message"] and mend in finding.get("remediation", "") for finding in found), report["findings"])
        return report

    def copy(self, name):
        """One of the installation's files, to be spoiled."""
        to = self.here / f"{self.id().rsplit('.', 1)[1]}-{name.replace('/', '-')}"
        shutil.copy2(self.stack.data / name, to)
        return to

    def test_a_healthy_installation(self):
        report = self.look("--sockets", str(self.sockets))
        self.assertTrue(report["ok"], report)
        self.assertEqual({finding["level"] for finding in report["findings"]} - {"ok", "warning"}, set(), report)
        shown = self.run_cli("doctor", **self.machine())
        self.assertEqual(shown.returncode, DONE, shown.stdout)
        self.assertIn(f"ok   instance {self.base}: Its API answers", shown.stdout)

    # ---- configuration and keys
    def test_an_unknown_setting(self):
        self.finds("configuration", "ACP_DATABSE", "Correct the setting", ACP_DATABSE="x")

    def test_a_missing_key_file(self):
        self.finds("signing key", "keys generate", "", ACP_SEAL_SIGNING_KEY_FILE=str(self.here / "nowhere"))

    def test_a_key_file_that_others_can_read(self):
        path = self.copy("keys/private.keys")
        path.chmod(0o644)
        self.finds("private keys", str(path), "", ACP_SEAL_PRIVATE_KEYS_FILE=str(path))

    def test_keys_of_another_installation(self):
        other = self.here / "other"
        other.mkdir()
        files = {f"ACP_SEAL_{kind}_FILE": str(other / kind) for kind in ("PUBLIC_KEYS", "SIGNING_KEY", "PRIVATE_KEYS")}
        self.expect(DONE, "keys", "generate", **files)
        self.finds("keys together", "installation", "", ACP_SEAL_PRIVATE_KEYS_FILE=files["ACP_SEAL_PRIVATE_KEYS_FILE"])

    # ---- callers, database, disk
    def test_nobody_can_sign_in(self):
        self.finds("callers", "nobody can sign in", "token add", ACP_STATIC_TOKENS_FILE=str(self.here / "nowhere"))

    def test_a_database_that_is_not_there(self):
        self.finds("database", "missing", "db migrate", ACP_DATABASE=str(self.here / "none.db"))

    def test_a_database_of_an_older_time(self):
        path = self.copy("database/acp-gitlab.db")
        anchor = self.copy("database/acp-gitlab.db.anchor")
        anchor.rename(f"{path}.anchor")
        text = Path(f"{path}.anchor").read_text()
        self.assertRegex(text, r"\d")
        subprocess.run(["sqlite3", path, "UPDATE meta SET change = 1"], check=True, timeout=20)
        self.finds("database", "restored", "rebuild-index", ACP_DATABASE=str(path))

    def test_a_folder_that_is_missing(self):
        self.finds("workspaces", "is missing", "Create it", ACP_WORKSPACES=str(self.here / "nowhere"))

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
    def test_a_full_disk(self):
        small = self.here / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", small], capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no tmpfs here: {mounted.stderr.strip()}")
        try:
            self.finds("workspaces", "is full", "Make room", ACP_WORKSPACES=str(small))
        finally:
            subprocess.run(["umount", "-l", small], check=True)

    def changed_database(self, *statements):
        path = self.copy("database/acp-gitlab.db")
        shutil.copy2(self.stack.data / "database/acp-gitlab.db.anchor", f"{path}.anchor")
        subprocess.run(["sqlite3", path, *statements], check=True, timeout=20)
        return str(path)

    def test_housekeeping_that_does_not_run(self):
        path = self.changed_database("UPDATE connections SET last_checked_at = strftime('%s') - 3 * 86400")
        self.finds("housekeeping", "have not been looked at for two days", "Start 'acp-gitlab housekeeping'", level="warning", ACP_DATABASE=path)
        path = self.changed_database("INSERT INTO intents (record_key, action, generation, created_at) VALUES ('k', 'disconnect', 1, strftime('%s') - 600)")
        self.finds("housekeeping", "has not been put right", "acp-gitlab housekeeping", ACP_DATABASE=path)

    def test_a_session_that_no_worker_takes(self):
        path = self.changed_database("INSERT INTO sessions (id, project, name, owner, object, status, phase, final, created_at) VALUES "
                                     "('00000000-0000-4000-8000-000000000000', 'default', 'forgotten', 'developer', '{}', '{}', 'Pending', 0, strftime('%s') - 600)")
        self.finds("worker", "waits for a worker", "acp-git-worker serve", ACP_DATABASE=path)

    def test_an_agent_that_is_not_installed(self):
        self.finds("agent", "is missing", "ACP_AGENT_COMMAND", ACP_AGENT_COMMAND="/opt/nowhere/agent --fast")

    # ---- trust and network
    def certificate(self, *dates):
        """A CA of its own, good between these dates."""
        key, request, path = self.here / "ca.key", self.here / "ca.csr", self.here / f"ca-{dates[1]}.pem"
        config = self.here / "ca.cnf"
        config.write_text(f"[ca]\ndefault_ca = one\n[one]\ndatabase = {self.here}/index.txt\nserial = {self.here}/serial\nnew_certs_dir = {self.here}\n"
                          "default_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n")
        (self.here / "index.txt").write_text("")
        (self.here / "serial").write_text("1000\n")
        for command in (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key],
                        ["req", "-new", "-key", key, "-subj", "/CN=Old CA", "-out", request],
                        ["ca", "-batch", "-notext", "-selfsign", "-config", config, "-in", request, "-keyfile", key, "-startdate", dates[0], "-enddate", dates[1],
                         "-out", path]):
            subprocess.run(["openssl", *command], check=True, capture_output=True, timeout=30)
        return str(path)

    def test_an_expired_ca(self):
        self.finds("CA file", "has expired", "Replace it", ACP_CA_FILE=self.certificate("20200101000000Z", "20210101000000Z"))

    def test_a_ca_that_ends_soon(self):
        self.finds("CA file", "'Old CA'", "new certificate", level="warning", ACP_CA_FILE=self.certificate("20250101000000Z", time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 5 * 86400))))

    def test_a_ca_file_without_a_certificate(self):
        path = self.here / "no-ca.pem"
        path.write_text("-----BEGIN NOTHING-----\n")
        self.finds("CA file", "holds no certificate", "", ACP_CA_FILE=str(path))

    def test_an_instance_whose_certificate_is_not_trusted(self):
        self.finds("instance", "TLS: ", "CA", ACP_CA_FILE="")

    def test_an_instance_that_may_not_be_dialled(self):
        self.finds("instance", "egress: ", "ACP_EGRESS_ALLOW", ACP_EGRESS_ALLOW="")

    def listed(self, url, **more):
        path = self.here / f"instances-{abs(hash(url))}.json"
        path.write_text(json.dumps([{"name": "one", "url": url, **more}]))
        return str(path)

    def test_an_instance_whose_name_is_unknown(self):
        self.finds("instance https://gitlab.invalid", "name: ", "spelling", ACP_INSTANCES_FILE=self.listed("https://gitlab.invalid"))

    def test_an_instance_that_is_down(self):
        port = free_port()
        self.finds("instance", "connect: ", "firewall", ACP_INSTANCES_FILE=self.listed(f"https://127.0.0.1:{port}", networks=[f"127.0.0.1:{port}"]))

    def test_a_malformed_list_of_instances(self):
        path = self.here / "bad.json"
        path.write_text("[{]")
        self.finds("instances", "JSON", "", ACP_INSTANCES_FILE=str(path))

    def test_a_clock_that_is_wrong(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Skewed)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        port = server.server_port
        listed = self.listed(f"http://127.0.0.1:{port}", networks=[f"127.0.0.1:{port}"], insecureHttp=True)
        self.finds("clock", "ahead of an instance", "timedatectl", ACP_INSTANCES_FILE=listed)

    # ---- notices and the audit log
    SECRET = "a key that nobody guesses, 0123456789"

    def receiver(self, handler):
        """The address of one who listens with the simulator's certificate."""
        folder = Path(self.stack.simulator["caFile"]).parent
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.handle_error = lambda *_: None  # who does not trust the certificate hangs up
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"127.0.0.1:{server.server_port}"

    def notices(self, authority, **more):
        return {"ACP_NOTIFY_URL": f"https://{authority}/hooks", "ACP_NOTIFY_SECRET": self.SECRET,
                "ACP_EGRESS_ALLOW": f"{self.base.removeprefix('https://')},{authority}", **more}

    def test_notices_that_arrive(self):
        Receiving.asked.clear()
        authority = self.receiver(Receiving)
        self.finds("notices", "127.0.0.1 answers", "", level="ok", **self.notices(authority))
        self.assertEqual(Receiving.asked, ["HEAD /hooks"], "nothing is sent to the receiver")
        self.finds("notices", "nobody is told", "", level="ok")

    def test_a_receiver_that_leads_elsewhere(self):
        self.finds("notices", "a redirect", "the address that it leads to", level="warning", **self.notices(self.receiver(Moved)))

    def test_a_receiver_that_is_down(self):
        self.finds("notices", "connect: ", "ACP_NOTIFY_URL", **self.notices(f"127.0.0.1:{free_port()}"))

    def test_a_receiver_that_may_not_be_dialled(self):
        settings = self.notices(self.receiver(Receiving), ACP_EGRESS_ALLOW=self.base.removeprefix("https://"))
        self.finds("notices", "egress: ", "ACP_EGRESS_ALLOW", **settings)

    def test_a_receiver_whose_certificate_is_not_trusted(self):
        self.finds("notices", "TLS: ", "ACP_CA_FILE", **self.notices(self.receiver(Receiving), ACP_CA_FILE=""))

    def test_a_receiver_in_the_clear(self):
        self.finds("notices", "must begin with https://", "", **self.notices("x", ACP_NOTIFY_URL="http://127.0.0.1/hooks"))

    def test_a_key_that_signs_nothing(self):
        authority = self.receiver(Receiving)
        self.finds("notices", "at least 16 characters", "", **self.notices(authority, ACP_NOTIFY_SECRET="short"))
        self.finds("notices", "must be base64", "", **self.notices(authority, ACP_NOTIFY_SECRET="whsec_***"))
        self.finds("notices' key", "housekeeping does not start", "ACP_NOTIFY_SECRET", level="warning", **self.notices(authority, ACP_NOTIFY_SECRET=None))
        self.finds("notices", "nobody is told of anything", "ACP_NOTIFY_URL", level="warning", ACP_NOTIFY_SECRET=self.SECRET)

    def test_an_audit_log_that_is_none(self):
        self.finds("audit log", "standard error", "", level="ok")
        path = self.here / "audit.log"
        self.finds("audit log", "can be written", "", level="ok", ACP_AUDIT_LOG=str(path))
        self.assertFalse(path.exists(), "it is not made")
        self.finds("audit log", "is missing", "Create it", ACP_AUDIT_LOG=str(self.here / "nowhere/audit.log"))
        self.finds("audit log", "is no file", "ACP_AUDIT_LOG", level="warning", ACP_AUDIT_LOG="/dev/null")
        path.write_text("")
        for mode, level, says, mend in ((0o660, "ok", "can be written", ""), (0o664, "warning", "who uses which repository", "chmod o-r"),
                                        (0o666, "failed", "proves nothing", "chmod o-rw")):
            path.chmod(mode)
            self.finds("audit log", says, mend, level=level, ACP_AUDIT_LOG=str(path))

    # ---- the service
    def test_a_service_that_is_down(self):
        self.finds("service", "cannot be reached", "ACP_URL", ACP_URL=f"http://127.0.0.1:{free_port()}")

    def test_something_else_at_the_address(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Skewed)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.finds("service", "answers with an error", "ACP_URL", ACP_URL=f"http://127.0.0.1:{server.server_port}")

    def test_sockets(self):
        folder = self.here / "sockets"
        folder.mkdir()
        for name in ("status/1", "status/2", "connect/1"):
            (folder / name).parent.mkdir(exist_ok=True)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(folder / f"{name}.sock"))
            (folder / f"{name}.sock").chmod(0o660)
        (folder / "status/2.sock").chmod(0o666)
        (folder / "connect/1.sock").chmod(0o600)
        (folder / "connect/2.sock").write_text("")
        for name, says, mend in (("status/1", "Nobody listens", "Start the pool"), ("status/2", "everybody can talk", "--socket-group"),
                                 ("connect/1", "nginx cannot reach", "--socket-group"), ("connect/2", "is no socket", "Remove it"),
                                 ("git/1", "is missing", "--sockets")):
            with self.subTest(name):
                self.finds(f"socket {folder}/{name}.sock", says, mend, "--sockets", str(folder))

    def test_no_secret_is_told(self):
        shown = json.dumps(self.look("--sockets", str(self.sockets)))
        keys = (self.stack.data / "keys/private.keys").read_text().split()
        for secret in (self.tokens["good"], *(word for word in keys if len(word) > 40)):
            self.assertNotIn(secret, shown)


class DeadPoolTest(CliCase):
    def test_a_pool_that_nobody_serves(self):
        """nginx answers for a pool whose sockets lead nowhere."""
        doctor = DoctorTest("test_a_healthy_installation")
        doctor.stack, doctor.base, doctor.tokens, doctor.bearer_file = self.stack, self.base, self.tokens, self.bearer_file
        DoctorTest.stack = self.stack
        folder = DoctorTest.socket_folder()
        for number in (1, 2):
            (folder / f"git/{number}.sock").unlink()
        doctor.connect()
        doctor.finds("pool git", "nginx gets no answer", "Start the pool")


if __name__ == "__main__":
    unittest.main()
