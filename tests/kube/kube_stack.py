"""The product on Kubernetes for tests: ./nginx/up with its Secrets and callers in a real API server, spoken to with our ServiceAccount's own rights."""
import sys
from pathlib import Path

import yaml

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/integration")]

from stack import Stack  # noqa: E402

NAMESPACE, ACCOUNT = "vteam-backend", "acp-gitlab"
SHARDS = 16


def secret_names(shards=SHARDS, provider="gitlab"):
    """The names of the Secrets that a provider's records lie in."""
    return [f"{provider}-user-tokens" + (f"-{shard:03}" if shard else "") for shard in range(shards)]


def rules():
    """What our ServiceAccount may do, in its own namespace and in the cluster: word for word what deploy/kubernetes gives it."""
    found = {document["kind"]: document.get("rules") for document in yaml.safe_load_all((TOP / "deploy/kubernetes/rbac.yaml").read_text())}
    return found["Role"], found["ClusterRole"]


def install(kube, shards=SHARDS):
    """Namespace, ServiceAccount and rights; gives the account's user name."""
    user = kube.service_account(NAMESPACE, ACCOUNT)
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    assert shards <= SHARDS, "the Role names no more Secrets"
    own, cluster = rules()
    kube.role(NAMESPACE, ACCOUNT, own, [subject])
    kube.role(None, ACCOUNT, cluster, [subject])
    return user


class KubeStack(Stack):
    """`with KubeStack(kube) as stack:` — Stack, with `kube`, and the bearer of `user`. `way`: a FaultProxy, or None for the straight way."""

    def __init__(self, kube, way=None, shards=SHARDS, user="alice", processes=4, settings=None, **more):
        super().__init__(settings=settings, arguments=["--processes", str(processes)], **more)
        self.kube, self.way, self.user = kube, way, user
        self.account = install(kube, shards)
        self.account_files = kube.account_folder(self.data / "serviceaccount", NAMESPACE, ACCOUNT)
        config = (way or kube).kubeconfig(token_file=self.account_files / "token", namespace=NAMESPACE)
        self.settings = {"KUBECONFIG": str(config), "ACP_SECRET_STORE": "kubernetes", "ACP_AUTH": "tokenreview", "ACP_NAMESPACE": NAMESPACE,
                         "ACP_SECRET_SHARDS": str(shards), **self.settings}

    def start(self):
        super().start()
        self.bearer = self.kube.tokens[self.user]
        self.project = self.kube.project("team-a")
        return self

    def rotate_token(self):
        """The kubelet brings the account a new token."""
        self.kube.account_folder(self.account_files, NAMESPACE, ACCOUNT)

    # ------------------------------------------------------------------------------------------------ accounts in the simulated GitLab
    @staticmethod
    def gitlab_name(number):
        return f"gitlab-user-{number:05}"

    @staticmethod
    def gitlab_token(number, which=""):
        return f"glpat-{which or 'first'}{number:020}"

    def add_gitlab_user(self, number):
        """A user of the simulated GitLab with a good token: gitlab_name(number), gitlab_token(number)."""
        self.control("POST", "/users", {"id": 100_000 + number, "username": self.gitlab_name(number)})
        self.add_gitlab_token(number)

    def add_gitlab_token(self, number, which=""):
        """A further token of that user."""
        token = self.gitlab_token(number, which)
        self.control("POST", "/tokens", {"name": f"{which or 'first'}-{number}", "token": token, "user": 100_000 + number, "scopes": ["api"]})
        return token

    # ------------------------------------------------------------------------------------------------ what is stored
    def records(self, provider="gitlab"):
        """Every record in the Secrets: key → base64 of its value."""
        found = {}
        for name in secret_names(int(self.settings["ACP_SECRET_SHARDS"]), provider):
            answer = self.kube.admin.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}")
            if answer.status == 200:
                found.update(answer.json.get("data") or {})
        return found
