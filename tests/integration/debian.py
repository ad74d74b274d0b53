"""A Debian of its own for tests of what is installed: a root folder made by debootstrap, kept as an archive outside the tree, in which
commands run either as in a container without an init, or on a booted systemd. Nothing of it touches this machine's own services: it has a
network with nothing but a loopback.
"""
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from stack import wait_until

MIRROR = "http://deb.debian.org/debian"
# What the package depends on, and what the tests need in there: systemd, curl, and Python and openssl for the simulator.
PACKAGES = ("systemd systemd-sysv dbus nginx-light libfcgi0ldbl libcurl4 libssl3 libjansson4 libsodium23 libsqlite3-0 libgit2-1.5 libseccomp2 libyaml-0-2 "
            "git ca-certificates curl python3 openssl").split()
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "acp-gitlab"
# nspawn's own list is older than Landlock.
CALLS = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"


class Unavailable(Exception):
    """Why there can be no Debian here."""


def missing(*programs):
    return [program for program in programs if not shutil.which(program)]


def base_archive():
    """The archive of a fresh root folder, made the first time. Unavailable: why not."""
    if os.geteuid() != 0:
        raise Unavailable("only the superuser can make a root folder")
    if missing("debootstrap", "unshare", "tar"):
        raise Unavailable(f"missing programs: {' '.join(missing('debootstrap', 'unshare', 'tar'))}")
    archive = CACHE / f"bookworm-{hashlib.sha256(' '.join(PACKAGES).encode()).hexdigest()[:12]}.tar.gz"
    if archive.exists():
        return archive
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="acp-debootstrap.") as folder:
        root = Path(folder) / "root"
        made = subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", root, MIRROR], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
        if made.returncode != 0:
            raise Unavailable(f"debootstrap failed: {made.stdout.strip().splitlines()[-1:]}")
        shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
        part = archive.with_suffix(".part")
        subprocess.run(["tar", "-C", root, "-c", "-I", "gzip -1", "-f", part, "."], check=True, timeout=300)
        part.rename(archive)
    return archive


class Debian:
    """`with Debian(systemd=…) as machine:` — machine.run(…) runs a command in it, machine.root is its root folder."""

    def __init__(self, systemd):
        self.systemd = systemd
        if systemd and missing("systemd-nspawn", "nsenter"):
            raise Unavailable(f"missing programs: {' '.join(missing('systemd-nspawn', 'nsenter'))}")
        archive = base_archive()
        self.folder = Path(tempfile.mkdtemp(prefix="acp-debian."))
        self.root = self.folder / "root"
        self.root.mkdir()
        subprocess.run(["tar", "-C", self.root, "-xzf", archive], check=True, timeout=300)
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # The first process of namespaces of its own: all others in it end with it.
    def start(self):
        if self.systemd:
            command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", f"--system-call-filter={CALLS}", "-D", self.root,
                       "--boot", "--console=pipe"]
        else:
            command = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
                       'mount --bind "$0" "$0" && cd "$0" && mount --rbind /dev dev && mount --rbind /sys sys && mount -t proc proc proc && mount -t tmpfs -o mode=755 run run && '
                       "exec chroot . sh -c 'echo up >/run/up; while :; do sleep 3600 & wait; done'", self.root]
        self.console = open(self.folder / "console.log", "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.console, stderr=subprocess.STDOUT, start_new_session=True)
        wait_until("the machine's first process", self.find_first, 20)
        if self.systemd:
            wait_until("systemd has started", lambda: self.find_first() and self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"), 60)
        else:
            wait_until("the machine is up", lambda: self.find_first() and self.run("test", "-e", "/run/up", check=False).returncode == 0, 20)
            # Loopback is down in a new network namespace.
            subprocess.run(["nsenter", "-t", str(self.first), "-n", "ip", "link", "set", "lo", "up"], check=True)

    def find_first(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if self.process.poll() is not None:
            raise Unavailable("no machine can be started here: " + (self.folder / "console.log").read_text(errors="replace")[-500:])
        found = children.read_text().split()
        self.first = int(found[0]) if found else 0
        return self.first

    def command(self, *arguments):
        return ["nsenter", "-t", str(self.first), "-m", "-p", "-n", "-i", "-u", "-r", "-w", "--", "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", *map(str, arguments)]

    def run(self, *arguments, check=True, timeout=120, **options):
        result = subprocess.run(self.command(*arguments), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                                stdin=subprocess.DEVNULL, **options)
        if check and result.returncode != 0:
            raise AssertionError(f"{arguments}: exit {result.returncode}: {result.stdout[-1500:]} {result.stderr[-1500:]}")
        return result

    def start_process(self, *arguments, log):
        """A process that lives until it is ended, or with the machine."""
        with open(self.folder / log, "ab") as output:
            process = subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        self.started = [*getattr(self, "started", []), process]
        return process

    def log(self, name):
        return (self.folder / name).read_text(errors="replace")

    def close(self):
        if self.process and self.process.poll() is None:
            if getattr(self, "first", 0):
                # SIGRTMIN+4 is systemd's power-off; without an init the first process has no such manners.
                os.kill(self.first, signal.SIGRTMIN + 4 if self.systemd else signal.SIGKILL)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)
        for process in getattr(self, "started", []):
            process.kill()  # nsenter stops itself where the kernel ends its child with the machine
            process.wait(10)
        if self.process:
            self.console.close()
        if os.environ.get("TEST_FAILED"):
            print(f"     the machine's folder is kept: {self.folder}", flush=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
