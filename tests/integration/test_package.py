"""The Debian package: built, installed into a Debian of its own, used under systemd and by hand, upgraded, removed, purged."""
import json
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

import debian
from examples import example
from stack import TOP, wait_until

RELEASE = TOP / "build/release"
# How deploy/README.md makes and installs the package, what it says to type then, and how it gives a service one more secret.
MAKE, INSTALL = example("deploy/README.md", "cmake --preset release").splitlines()
ADD, LOOK = example("deploy/README.md", "acp-gitlab token add alice").splitlines()
DROP_IN = example("deploy/README.md", "[Service]")
URL = "http://127.0.0.1:8080"
SETTINGS = """
ACP_CA_FILE=/etc/ssl/certs/simulator.pem
ACP_EGRESS_ALLOW={authority}
ACP_AGENT_COMMAND=/usr/share/acp-gitlab/simulator/demo-agent
"""
UNITS = ("acp-gitlab-fcgi@status", "acp-gitlab-fcgi@connect", "acp-gitlab-fcgi@repositories", "acp-gitlab-fcgi@git", "acp-gitlab-worker",
         "acp-gitlab-housekeeping")


def setUpModule():
    """One package for all tests here."""
    global package
    absent = debian.missing("cpack", "dpkg-deb", "dpkg-shlibdeps")
    if absent:
        raise unittest.SkipTest(f"missing programs: {' '.join(absent)}")
    if not (RELEASE / "CPackConfig.cmake").exists():
        raise unittest.SkipTest("there is no release build to package (cmake --preset release && cmake --build --preset release)")
    for old in RELEASE.glob("acp-gitlab_*.deb"):
        old.unlink()
    made = subprocess.run(["bash", "-c", MAKE], cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
    if made.returncode != 0:
        raise AssertionError(made.stdout[-3000:])
    package, = RELEASE.glob("acp-gitlab_*.deb")


class LintianTest(unittest.TestCase):
    """Debian's own judgement. What is overridden is in deploy/deb/lintian-overrides, with its reason."""

    def test_it_finds_nothing(self):
        if debian.missing("lintian"):
            self.skipTest("lintian is not installed")
        # Of the things that make a package one of Debian's: that it closes a bug, and who uploads it.
        command = ["lintian", "--fail-on", "error,warning", "--suppress-tags", "initial-upload-closes-no-bugs", "--tag-display-limit", "0", package]
        if os.geteuid() == 0:
            command.insert(1, "--allow-root")
        result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        self.assertEqual((result.returncode, result.stdout), (0, ""))


class Installed:
    """What a user and an administrator do with it; the same under systemd and by hand."""

    systemd = None

    def setUp(self):
        try:
            self.machine = debian.Debian(self.systemd)
            self.machine.__enter__()
        except debian.Unavailable as reason:
            raise unittest.SkipTest(str(reason)) from None
        self.addCleanup(self.machine.close)
        shutil.copy(package, self.machine.root / "root/package.deb")
        folder = self.machine.root / "root/build/release"
        folder.mkdir(parents=True)
        shutil.copy(package, folder)

    def settings(self, text):
        with (self.machine.root / "etc/acp-gitlab/acp-gitlab.conf").open("a") as file:
            file.write(text)

    def simulator(self):
        """GitLab, in there, as a user would have it elsewhere. Gives what it says of itself."""
        self.machine.run("mkdir", "/srv/simulator")
        self.machine.start_process("acp-gitlab", "simulator", "--dir", "/srv/simulator", "--ready-file", "/srv/simulator/ready.json", log="simulator.log")
        ready = self.machine.root / "srv/simulator/ready.json"
        wait_until("the simulator", ready.exists, 30)
        about = json.loads(ready.read_text())
        self.machine.run("install", "-m", "644", about["caFile"], "/etc/ssl/certs/simulator.pem")
        return about

    def call(self, path, body=None, method=None):
        arguments = ["-H", f"Authorization: Bearer {self.bearer}"]
        if body is not None:
            arguments += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        if method:
            arguments += ["-X", method]
        output = self.machine.run("curl", "-s", "-S", "--max-time", "60", "-w", "\n%{http_code}", *arguments, URL + path).stdout
        text, _, status = output.rpartition("\n")
        return int(status), text

    def ready(self):
        return self.machine.run("curl", "-s", "--max-time", "5", URL + "/readyz", check=False).stdout == '{"status":"ok"}'

    def mode(self, path):
        return self.machine.run("stat", "-c", "%A %U %G", path).stdout.strip()

    def connect(self, about):
        status, text = self.call("/api/auth/gitlab/connect", {"personalAccessToken": about["tokens"]["good"], "instanceUrl": about["url"]})
        self.assertEqual(status, 200, text)

    def session(self, about, name):
        """Cloned, worked on by the agent, committed, pushed: everything that worker, gate and their confinement do."""
        status, text = self.call("/api/projects/team-a/agentic-sessions", {
            "apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "metadata": {"name": name},
            "spec": {"description": "Try it", "outputRepo": {"url": about["repository"], "branch": f"feature/{name}"}}})
        self.assertEqual(status, 201, text)
        def ended():
            found = json.loads(self.call(f"/api/projects/team-a/agentic-sessions/{name}")[1])["status"]
            return found if found["phase"] in ("Completed", "PartiallyCompleted", "Failed", "Stopped") else None
        found = wait_until("the session has ended", ended, 60)
        self.assertEqual(found["phase"], "Completed", found)

    def check_files(self):
        # An alert names its place in the runbook, which is here, too.
        rules = self.machine.run("cat", "/usr/share/acp-gitlab/prometheus/acp-gitlab.rules.yaml").stdout
        runbook = self.machine.run("cat", "/usr/share/doc/acp-gitlab/docs/operations.md").stdout
        for alert in re.findall(r"alert: (\w+)", rules):
            self.assertIn(f"\n### {alert}\n", runbook)
        self.assertEqual(self.mode("/etc/acp-gitlab/keys"), "drwx------ root root")
        self.assertEqual(self.mode("/etc/acp-gitlab/keys/private.keys"), "-rw------- root root")
        self.assertEqual(self.mode("/etc/acp-gitlab/auth/tokens"), "-rw-r----- root acp-gitlab-callers")
        for name in ("acp-gitlab.db", "acp-gitlab.db.anchor", "acp-gitlab.db-journal"):
            self.assertEqual(self.mode(f"/var/lib/acp-gitlab/database/{name}"), "-rw-rw---- root acp-gitlab")
        # Nobody but the superuser finds a key in the file system, and only the pools that need them have copies.
        for user in ("status", "connect", "repositories", "git", "worker", "housekeeping"):
            denied = self.machine.run("setpriv", f"--reuid=acp-gitlab-{user}", f"--regid=acp-gitlab-{user}", "--init-groups", "cat", "/etc/acp-gitlab/keys/public.keys",
                                      check=False)
            self.assertNotEqual(denied.returncode, 0, user)

    def check_processes(self):
        """Each process has the user of its unit, and holds no capability."""
        users = set()
        for line in self.machine.run("sh", "-c", "for p in /proc/[0-9]*; do n=$(tr '\\0' ' ' <$p/cmdline); u=$(stat -c %U $p); c=$(sed -n 's/^CapEff:.//p' $p/status); "
                                     "echo \"$u $c $n\"; done 2>/dev/null").stdout.splitlines():
            user, _, rest = line.partition(" ")
            capabilities, _, command = rest.partition(" ")
            if command.startswith(("/usr/bin/acp-gitlab-fcgi --pool", "/usr/bin/acp-git-worker", "/usr/bin/acp-gitlab housekeeping")):
                # /proc/<pid> of a process that is not dumpable belongs to root; its status tells all the same.
                self.assertEqual(capabilities, "0000000000000000", line)
                users.add(command.split()[2] if "--pool" in command else command.split()[0].rpartition("/")[2])
        self.assertEqual(users, {"status", "connect", "repositories", "git", "acp-git-worker", "acp-gitlab"})

    def type(self, line):
        """A line of a document, in the superuser's shell."""
        return self.machine.run("bash", "-c", f"cd /root && {line}", timeout=180).stdout

    def install(self):
        return self.machine.run("dpkg", "-i", "/root/package.deb", timeout=180)

    def test_it_is_installed_used_upgraded_removed_and_purged(self):
        machine = self.machine
        # apt asks a person, who says yes.
        (machine.root / "etc/apt/apt.conf.d/90test").write_text('APT::Get::Assume-Yes "true";')
        self.type(INSTALL)
        about = self.simulator()
        self.settings(SETTINGS.format(authority=about["url"].removeprefix("https://")))
        self.bearer = self.type(ADD).strip()
        self.start()
        wait_until("the service is ready", self.ready, 30)
        self.check_files()
        self.assertEqual(self.call("/api/auth/gitlab/status"), (200, '{"connected":false}'))
        self.connect(about)
        self.session(about, "first")
        self.check_processes()
        self.while_it_runs(about)

        keys = (machine.root / "etc/acp-gitlab/keys/private.keys").read_text()
        self.stop()
        self.install()  # over itself: an upgrade
        self.start()
        wait_until("the service is ready again", self.ready, 30)
        self.assertEqual((machine.root / "etc/acp-gitlab/keys/private.keys").read_text(), keys)
        self.assertEqual(json.loads(self.call("/api/auth/gitlab/status")[1])["connected"], True)
        self.session(about, "second")
        self.stop()

        machine.run("dpkg", "-r", "acp-gitlab")
        self.assertFalse((machine.root / "usr/bin/acp-gitlab").exists())
        self.assertTrue((machine.root / "var/lib/acp-gitlab/database/acp-gitlab.db").exists())
        self.assertEqual((machine.root / "etc/acp-gitlab/keys/private.keys").read_text(), keys)
        machine.run("nginx", "-t", "-q")  # its other sites go on
        self.install()
        self.start()
        wait_until("the service is ready after a removal", self.ready, 30)
        self.assertEqual(json.loads(self.call("/api/auth/gitlab/status")[1])["connected"], True)
        self.stop()

        machine.run("dpkg", "-P", "acp-gitlab")
        left = machine.run("sh", "-c", "ls -d /etc/acp-gitlab /var/lib/acp-gitlab /run/acp-gitlab /etc/nginx/sites-*/acp-gitlab /usr/share/acp-gitlab 2>/dev/null", check=False).stdout
        self.assertEqual(left, "")
        machine.run("nginx", "-t", "-q")


class SystemdTest(Installed, unittest.TestCase):
    systemd = True

    def start(self):
        self.machine.run("systemctl", "restart", "acp-gitlab.target", *[f"{unit}.service" for unit in UNITS if "fcgi" not in unit])
        self.machine.run("systemctl", "is-active", "acp-gitlab.target", "nginx.service")

    def stop(self):
        """dpkg does it itself."""

    def while_it_runs(self, about):
        def pids():
            return {unit: self.machine.run("systemctl", "show", "-P", "MainPID", f"{unit}.service").stdout.strip() for unit in UNITS}
        self.machine.run("systemctl", "is-enabled", "acp-gitlab.target")
        shown = self.type(LOOK)
        for unit in UNITS:
            self.assertRegex(shown, rf"{re.escape(unit)}\.service - .*\n(?: .*\n)*? +Active: active \(running\)")
        failed = self.machine.run("systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout
        self.assertNotIn("acp-gitlab", failed)
        confined = [json.loads(line) for line in self.machine.run("journalctl", "-o", "cat", "-u", "acp-gitlab-fcgi@*").stdout.splitlines() if '"sandbox"' in line]
        self.assertEqual({line["pool"] for line in confined}, {"status", "connect", "repositories", "git"})
        self.assertTrue(all(line["confined"] and line["capabilities_dropped"] for line in confined), confined)
        self.one_more_secret()
        # New keys reach those that hold some, a request in between waits in the socket, and every token is sealed anew.
        before = pids()
        self.machine.run("acp-gitlab", "keys", "rotate")
        tokens = {key["state"]: key["tokens"] for key in json.loads(self.machine.run("acp-gitlab", "keys", "status", "--json").stdout)["keys"]}
        self.assertEqual(tokens, {"active": 1, "open-only": 0})
        holders = [unit for unit in UNITS if unit.rpartition("@")[2] in ("status", "connect", "repositories", "git", "acp-gitlab-housekeeping")]
        wait_until("services with keys have started again", lambda: all(pids()[unit] not in (before[unit], "0") for unit in holders), 40)
        self.connect(about)
        self.assertEqual({unit: pid for unit, pid in pids().items() if unit not in holders}, {unit: pid for unit, pid in before.items() if unit not in holders})


    def one_more_secret(self):
        """The GitHub App's key, as deploy/README.md gives it to the two pools."""
        self.type("openssl genrsa -out /etc/acp-gitlab/keys/github.pem 2048")
        pools = ("acp-gitlab-fcgi@repositories.service", "acp-gitlab-fcgi@git.service")
        for pool in pools:
            path = self.machine.root / f"etc/systemd/system/{pool}.d/github.conf"
            path.parent.mkdir(parents=True)
            path.write_text(DROP_IN + "\n")
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "restart", *pools)
        for pool in pools:
            self.machine.run("systemctl", "is-active", pool)
            pid = self.machine.run("systemctl", "show", "-P", "MainPID", pool).stdout.strip()
            environment = self.machine.run("sh", "-c", f"tr '\\0' '\\n' </proc/{pid}/environ").stdout
            self.assertRegex(environment, r"(?m)^ACP_GITHUB_APP_KEY_FILE=/run/credentials/.*/github\.pem$")
            self.assertRegex(environment, r"(?m)^ACP_GITHUB_APP_ID=12345$")


class ByHandTest(Installed, unittest.TestCase):
    systemd = False

    def start(self):
        self.machine.run("sh", "-c", "echo 'daemon off;' >/etc/nginx/modules-enabled/99-foreground.conf")
        self.starts = getattr(self, "starts", 0) + 1
        log = f"by-hand-{self.starts}.log"
        self.services = self.machine.start_process("/usr/lib/acp-gitlab/by-hand", log=log)
        self.nginx = self.machine.start_process("nginx", log="nginx.log")
        self.addCleanup(self.stop)
        wait_until("by-hand says that it runs", lambda: "is running" in self.machine.log(log) or self.services.poll() is not None, 20)
        self.assertIsNone(self.services.poll(), self.machine.log(log))

    def stop(self):
        """As Ctrl-C does. nsenter's child is the process itself, so that its id is not ours to signal from outside but by its name in there."""
        for process, name in ((getattr(self, "services", None), "by-hand"), (getattr(self, "nginx", None), "nginx")):
            if process is None or process.poll() is not None:
                continue
            child = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(child[0]) if child else process.pid, 15)
            process.wait(50)
            if name == "by-hand":
                self.machine.run("test", "!", "-e", "/run/acp-gitlab/credentials")

    def while_it_runs(self, about):
        credentials = self.machine.run("sh", "-c", "cd /run/acp-gitlab/credentials && stat -c '%n %A %U' */*").stdout.split("\n")
        self.assertEqual(sorted(filter(None, credentials)), sorted(
            f"{user}/{key} -r-------- acp-gitlab-{user}" for user, keys in {"status": ("public.keys",), "connect": ("public.keys", "signing.key"), "repositories": ("public.keys", "private.keys"),
                                                                           "git": ("public.keys", "private.keys"), "housekeeping": ("public.keys", "private.keys")}.items()
            for key in keys))

    def test_a_database_without_its_keys_is_left_alone(self):
        self.install()
        (self.machine.root / "etc/acp-gitlab/keys/public.keys").unlink()
        refused = self.machine.run("dpkg", "-i", "/root/package.deb", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("keys of /var/lib/acp-gitlab/database/acp-gitlab.db are missing", refused.stderr)
        self.assertFalse((self.machine.root / "etc/acp-gitlab/keys/public.keys").exists())
