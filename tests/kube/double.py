"""The double of a Kubernetes API server: in the test's own process, ready in a tenth of a second, over TLS with a CA of its own.

It knows what acp-gitlab uses (Secrets, reviews, RBAC, custom resources with a status, watches, events) and answers it as the real server does:
test_contract.py holds both to one table. Beyond the real one it has faults on demand. It has no schemas, no admission and no kubectl.
"""
import json
import os
import secrets
import shutil
import sys
import tempfile
import threading
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "simulator"), str(TOP / "tests/integration")]

from double_api import Api  # noqa: E402
from double_kinds import kinds  # noqa: E402
from double_rights import Authorizer, Tokens  # noqa: E402
from double_store import Store  # noqa: E402
from kube_faults import Faults  # noqa: E402
from kube_fixture import SERVER_NAMES, USERS, KubeFixture  # noqa: E402
from simulator.certificates import Authority  # noqa: E402
from simulator.http_server import Server  # noqa: E402


class Double(KubeFixture):
    """`with Double() as kube:` has what KubeServer has, but kubectl, and `faults` (kube_faults.py)."""

    version = (1, 36)

    def __init__(self, users=None):
        self.folder = Path(tempfile.mkdtemp(prefix="acp-double."))
        self.store = Store()
        self.issued = Tokens(self.store)
        self.faults = Faults()
        self.journal = []
        self.users = {**USERS, **(users or {})}
        self.tokens = {name: f"{name}-{secrets.token_urlsafe(24)}" for name in self.users}
        for name, groups in self.users.items():
            self.issued.add_static(name, groups, self.tokens[name])
        self.api = Api(self.store, self.issued, Authorizer(self.store), kinds(), self.journal)
        self.requests = 0
        self.guard = threading.Lock()
        self.server = None
        self.port = 0

    # ------------------------------------------------------------------------------------------------ life cycle
    def start(self):
        self.authority = Authority(self.folder / "pki")
        self.ca_file = self.authority.ca_file
        self.tls = self.authority.issue("serving", SERVER_NAMES)
        self._listen()
        self.url = f"https://127.0.0.1:{self.port}"
        self.admin = self.client("admin")
        for name in ("default", "kube-system"):
            self.namespace(name)
        return self

    def _listen(self):
        self.server = Server(self._handle, "127.0.0.1", self.port, self.tls)
        self.server.start()
        self.port = self.server.port
        self.api.stopping = self.server.stopping

    def _handle(self, request):
        with self.guard:
            self.requests += 1
        fault = self.faults.pick(request.method, request.target)
        if fault is not None and fault.before(request.connection):
            return
        answer = self.api.serve(request)
        if answer is None:
            return
        if fault is not None:
            fault.after(request.connection, *answer)
        else:
            request.connection.reply(*answer)

    def kill(self):
        """Ends at once, with every connection. What was stored stays."""
        self.server.stop()

    def restart(self, new_authority=False):
        """Listens again on the same port; the history of changes is forgotten, so that old watches begin anew."""
        self.server.stop()
        self.store.compact()
        if new_authority:
            for name in ("ca.pem", "ca.key"):
                (self.folder / "pki" / name).unlink()
            self.authority = Authority(self.folder / "pki")
            self.tls = self.authority.issue("serving", SERVER_NAMES)
        self._listen()
        self.admin = self.client("admin")

    def stop(self):
        if self.server is not None:
            self.faults.clear()
            self.server.stop()

    def close(self):
        self.stop()
        if os.environ.get("TEST_FAILED"):
            (self.folder / "journal.json").write_text("\n".join(map(json.dumps, self.journal)))
            print(f"     the double's journal is kept in {self.folder}", flush=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.close()

    # ------------------------------------------------------------------------------------------------ audit
    def audit_mark(self):
        return len(self.journal)

    def audit(self, user=None, since=0):
        return [event for event in self.journal[since:] if user is None or event["user"].get("username") == user]
