"""A real Kubernetes API server on loopback: etcd and kube-apiserver on free ports, RBAC on, an audit log, and users of several kinds.

`with KubeServer() as kube:` starts it; README.md beside this file shows what tests do with it. Every wait has a limit, and only processes
started here are ended. There is no controller and no kubelet: nothing makes default ServiceAccounts, nothing collects garbage, a deleted
namespace stays Terminating.
"""
import atexit
import base64
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(TOP / "simulator"), str(TOP / "tests/integration")]

from kube_fixture import SERVER_NAMES, USERS, KubeFixture  # noqa: E402
from simulator.certificates import Authority  # noqa: E402
from stack import free_port, wait_until  # noqa: E402

START_SECONDS = 90
STOP_SECONDS = 20
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


class Unavailable(Exception):
    """This machine has no API server and cannot build one; the text says why."""


def obtain():
    """The folder with kube-apiserver, etcd and kubectl; Unavailable when there is none. Builds them once, which takes minutes."""
    if "ACP_TEST_NO_KUBE" in os.environ:
        raise Unavailable(os.environ["ACP_TEST_NO_KUBE"])
    result = subprocess.run([HERE / "obtain"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    if result.returncode == 69:
        raise Unavailable(result.stderr.strip().splitlines()[-1])
    if result.returncode != 0:
        raise RuntimeError(f"tests/kube/obtain: exit {result.returncode}: {result.stderr.strip()}")
    return Path(result.stdout.strip())


class KubeServer(KubeFixture):
    """One API server with its etcd. `users`: more static users, name → groups. `flags`: more flags of kube-apiserver."""

    def __init__(self, users=None, flags=(), folder=None):
        self.programs = obtain()
        self.version = self._version()
        self.folder = Path(folder or tempfile.mkdtemp(prefix="acp-kube."))
        self.users = {**USERS, **(users or {})}
        self.tokens = {name: f"{name}-{secrets.token_urlsafe(24)}" for name in self.users}
        self.flags = list(flags)
        self.etcd = self.server = None
        self.serving = None

    def _version(self):
        text = subprocess.run([self.programs / "kube-apiserver", "--version"], text=True, capture_output=True, check=True, timeout=30).stdout
        return tuple(map(int, re.search(r"v(\d+)\.(\d+)", text).groups()))

    # ------------------------------------------------------------------------------------------------ life cycle
    def start(self):
        atexit.register(self.stop)
        self._write_files()
        self._start_etcd()
        for tries_left in (2, 1, 0):
            self.port = free_port()
            self.url = f"https://127.0.0.1:{self.port}"
            try:
                self._start_server()
                break
            except AssertionError:
                # Somebody else may have taken the port between the look and the start.
                if tries_left == 0 or "address already in use" not in self.server_log.read_text(errors="replace"):
                    raise
        self.admin = self.client("admin")
        self.admin_kubeconfig = self.kubeconfig("admin")
        return self

    def _write_files(self):
        self.authority = Authority(self.folder / "pki")
        self.authority.issue("serving", SERVER_NAMES)
        self.ca_file = self.authority.ca_file
        subprocess.run(["openssl", "genrsa", "-out", self.folder / "pki/accounts.key", "2048"], check=True, capture_output=True, timeout=60)
        lines = [f'{self.tokens[name]},{name},uid-{name},"{",".join(groups)}"' for name, groups in self.users.items()]
        (self.folder / "tokens.csv").write_text("\n".join(lines) + "\n")
        (self.folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        self.audit_log = self.folder / "audit.log"
        self.etcd_log, self.server_log = self.folder / "etcd.log", self.folder / "kube-apiserver.log"

    def _spawn(self, command, log):
        with open(log, "ab") as output:
            # Whatever ends the test ends this too, even a kill.
            return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)], stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                    start_new_session=True, cwd=self.folder)

    def _start_etcd(self):
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.etcd_url = client
        # What a test writes may be lost with the machine, not with a process: an fsync each would measure the disk.
        words = [self.programs / "etcd", "--data-dir", self.folder / "etcd", "--listen-client-urls", client, "--advertise-client-urls", client,
                 "--listen-peer-urls", peer, "--unsafe-no-fsync", "--quota-backend-bytes", str(8 << 30)]
        # As in real clusters (kubeadm): without it an idle API server has no news for bookmarks.
        known = subprocess.run([self.programs / "etcd", "--help"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30).stdout
        notify = re.search(r"--(?:experimental-)?watch-progress-notify-interval", known)
        self.etcd = self._spawn([*words, *([notify.group(), "5s"] if notify else [])], self.etcd_log)

    def _start_server(self):
        pki = self.folder / "pki"
        command = [
            self.programs / "kube-apiserver", f"--etcd-servers={self.etcd_url}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}", "--endpoint-reconciler-type=none", f"--cert-dir={pki}", f"--tls-cert-file={pki}/serving.pem",
            f"--tls-private-key-file={pki}/serving.key", f"--client-ca-file={pki}/ca.pem", "--authorization-mode=RBAC",
            f"--token-auth-file={self.folder}/tokens.csv", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/accounts.key", f"--service-account-signing-key-file={pki}/accounts.key",
            "--service-cluster-ip-range=10.0.0.0/24", "--allow-privileged=true", "--disable-admission-plugins=ServiceAccount",
            f"--audit-policy-file={self.folder}/audit-policy.json", f"--audit-log-path={self.audit_log}", *self.flags,
        ]
        if self.version < (1, 24):
            command.append("--insecure-port=0")
        self.server = self._spawn(command, self.server_log)
        self._wait_ready()

    def _wait_ready(self):
        probe = self.client("admin", timeout=5)

        def ready():
            for process, log in ((self.etcd, self.etcd_log), (self.server, self.server_log)):
                if process.poll() is not None:
                    raise AssertionError(f"{log.stem} ended: " + "\n".join(log.read_text(errors="replace").splitlines()[-5:]))
            try:
                return probe.get("/readyz").status == 200
            except OSError:
                return False
            finally:
                probe.close()
        wait_until("kube-apiserver is ready", ready, START_SECONDS, 0.1)

    def kill(self):
        """Ends the API server at once, without a word to its clients. etcd keeps what was acknowledged."""
        self.server.kill()
        self.server.wait(STOP_SECONDS)

    def restart(self, new_authority=False):
        """A new API server on the same port and the same etcd. With `new_authority` its certificate is from another CA (`ca_file` is then that one)."""
        if self.server.poll() is None:
            self.kill()
        if new_authority:
            for name in ("ca.pem", "ca.key"):
                (self.folder / "pki" / name).unlink()
            self.authority = Authority(self.folder / "pki")
            self.authority.issue("serving", SERVER_NAMES)
            self.admin = self.client("admin")
        self._start_server()

    def pause(self):
        """The API server keeps its connections and says nothing, until resume()."""
        self.server.send_signal(signal.SIGSTOP)

    def resume(self):
        self.server.send_signal(signal.SIGCONT)

    def stop(self):
        for process in (self.server, self.etcd):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait(STOP_SECONDS)
        atexit.unregister(self.stop)

    def close(self):
        """stop(), and the folder goes, unless a test of this module failed."""
        self.stop()
        if os.environ.get("TEST_FAILED"):
            print(f"     the API server's logs are kept in {self.folder}", flush=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind, value, trace):
        self.close()

    def signed_again(self, token, **claims):
        """A ServiceAccount's token with other claims, signed with the API server's own key: `exp` of one that has expired, for example."""
        def encode(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")
        head, body, _ = token.encode().split(b".")
        known = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
        signed = head + b"." + encode(json.dumps({**known, **claims}).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.folder / "pki/accounts.key"], input=signed, capture_output=True, check=True, timeout=30).stdout
        return (signed + b"." + encode(signature)).decode()

    # ------------------------------------------------------------------------------------------------ kubectl and audit
    def kubectl(self, *arguments, kubeconfig=None, stdin=None, check=True, timeout=60):
        """kubectl as admin, or with another kubeconfig. Gives the finished process; AssertionError when it failed and `check` is on."""
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig or self.admin_kubeconfig), "HOME": str(self.folder)}
        result = subprocess.run([self.programs / "kubectl", *map(str, arguments)], env=environment, text=True, input=stdin or "",
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        if check and result.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(map(str, arguments))}: {result.stderr.strip()}")
        return result

    def apply(self, *sources):
        """`kubectl apply` of files, of kustomize folders, or of objects (dicts)."""
        for source in sources:
            if isinstance(source, dict):
                self.kubectl("apply", "-f", "-", stdin=json.dumps(source))
            elif (Path(source) / "kustomization.yaml").exists():
                self.kubectl("apply", "-k", source)
            else:
                self.kubectl("apply", "-f", source)

    def audit_mark(self):
        """A place in the audit log, for `since`."""
        return self.audit_log.stat().st_size if self.audit_log.exists() else 0

    def audit(self, user=None, since=0):
        """Audit events (dicts) of finished requests and begun watches, of one user or of all."""
        with open(self.audit_log, "rb") as log:
            log.seek(since)
            events = [json.loads(line) for line in log if line.endswith(b"\n")]
        return [event for event in events if user is None or event["user"].get("username") == user]


def server_for_tests(add_cleanup=unittest.addModuleCleanup, needs=(0, 0), lacks="", **options):
    """A started server for setUpModule, or with cls.addClassCleanup for setUpClass; closed after their last test, and when what follows in them fails.

    Where there can be none the tests are skipped with the reason; so they are by `lacks`, which one older than `needs` does.
    """
    try:
        kube = KubeServer(**options)
    except Unavailable as reason:
        raise unittest.SkipTest(str(reason)) from None
    add_cleanup(kube.close)
    if kube.version < needs:
        raise unittest.SkipTest(f"this API server {lacks}")
    return kube.start()


def main():
    """Runs a server until Ctrl-C, for work by hand."""
    with KubeServer() as kube:
        print(f"kube-apiserver {'.'.join(map(str, kube.version))} at {kube.url}\n  export KUBECONFIG={kube.admin_kubeconfig}")
        for name, token in kube.tokens.items():
            print(f"  {name}: {token}")
        try:
            time.sleep(24 * 3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
