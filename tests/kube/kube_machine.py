"""The operator's commands on Kubernetes: `acp-gitlab` with keys and a database of its own, and its Secrets in an API server, with our
ServiceAccount's own rights. No pools run; `connect` stands for a connect by importing a token."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from kube_records import put_records
from kube_stack import ACCOUNT, NAMESPACE, install, secret_names

BUILD = Path(os.environ.get("ACP_BUILD") or Path(__file__).resolve().parents[2] / "build/dev")
PROGRAM = BUILD / "bin/acp-gitlab"


class Machine:
    """`way`: a FaultProxy, or None for the straight way."""

    def __init__(self, kube, shards=16, way=None):
        self.kube, self.shards = kube, shards
        self.folder = Path(tempfile.mkdtemp(prefix="acp-kube."))
        self.database = self.folder / "database/acp-gitlab.db"
        install(kube, shards)
        account = kube.account_folder(self.folder / "serviceaccount", NAMESPACE, ACCOUNT)
        for name in ("database", "keys"):
            (self.folder / name).mkdir()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ACP_")}
        self.environment.update({"KUBECONFIG": str((way or kube).kubeconfig(token_file=account / "token", namespace=NAMESPACE)),
                                 "ACP_CONFIG_FILE": "", "ACP_SECRET_STORE": "kubernetes", "ACP_SECRET_SHARDS": str(shards),
                                 "ACP_DATABASE": str(self.database), "ASAN_OPTIONS": "detect_leaks=0",
                                 "ACP_SEAL_PUBLIC_KEYS_FILE": str(self.folder / "keys/public.keys"),
                                 "ACP_SEAL_SIGNING_KEY_FILE": str(self.folder / "keys/signing.key"),
                                 "ACP_SEAL_PRIVATE_KEYS_FILE": str(self.folder / "keys/private.keys")})
        self.run("keys", "generate")
        self.run("db", "migrate")

    def close(self):
        """The records go, too: the next machine has other keys."""
        for provider in ("gitlab", "github"):
            for name in secret_names(self.shards, provider):
                self.kube.admin.delete(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def run(self, *arguments, code=0, timeout=300, **options):
        result = subprocess.run([PROGRAM, *arguments], env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, **options)
        if code is not None and result.returncode != code:
            raise AssertionError(f"{arguments}: exit {result.returncode}: {result.stdout[-1000:]}{result.stderr[-1000:]}")
        return result

    def json(self, *arguments, **options):
        return json.loads(self.run(*arguments, "--json", **options).stdout)

    @staticmethod
    def user(number):
        return f"user-{number:05}@example.com"

    def connect(self, first, last=None, code=0):
        """Connects users `first` to `last`, each with a token of its own."""
        entries = {f"user-{n:05}-example.com": json.dumps({"userId": self.user(n), "token": f"glpat-{n:020}"}) for n in range(first, (last or first) + 1)}
        secret = {"kind": "Secret", "metadata": {"name": "gitlab-credentials"},
                  "data": {name: base64.b64encode(value.encode()).decode() for name, value in entries.items()}}
        return self.json("import", "-", code=code, input=json.dumps(secret))

    def fill(self, count):
        """So many more users, whose records nobody wrote one by one: into the Secrets, and from there into the database."""
        put_records(self.kube, self.environment["KUBECONFIG"], self.folder / "keys", 1_000_000, count, shards=self.shards)
        return self.json("rebuild-index", timeout=500)

    def secrets(self, provider="gitlab"):
        """Name → its records, of the Secrets that are there."""
        found = {}
        for name in secret_names(self.shards, provider):
            answer = self.kube.admin.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}")
            if answer.status == 200:
                found[name] = answer.json.get("data") or {}
        return found

    def records(self):
        return {key: value for records in self.secrets().values() for key, value in records.items()}

    def put(self, name, **records):
        """What a person with rights on the Secret puts into it; None removes."""
        self.kube.admin.patch(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}", {"data": records}).must()
