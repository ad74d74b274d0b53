"""What tests do with an API server, the real one and the double alike: callers and their credentials, the objects that most tests need, and
who asked for what.

A subclass has `url`, `ca_file`, `folder` (for what is written), `tokens` (static users: name → bearer), `admin` (a client that may do
everything) and `audit(user, since)`.
"""
import shutil
import tempfile
from pathlib import Path

from kube_client import KubeClient

RBAC = "rbac.authorization.k8s.io"
SERVER_NAMES = "IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc"

# Static users: name → groups. `alice` and `bob` are developers of the projects that project() makes, `carol` has no rights anywhere.
USERS = {"admin": ["system:masters"], "alice": ["developers"], "bob": ["developers"], "carol": []}


def publish_volume(folder, files):
    """Writes files as the kubelet does: into a new folder, then one rename of a link makes all of them current at once."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    data.chmod(0o755)
    for name, text in files.items():
        (data / name).write_text(text)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    old = (folder / "..data").resolve() if (folder / "..data").is_symlink() else None
    (folder / "..data_tmp").symlink_to(data.name)
    (folder / "..data_tmp").rename(folder / "..data")
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    return folder


class KubeFixture:
    """See above. Every object is made through the API itself."""

    # ------------------------------------------------------------------------------------------------ callers
    def client(self, user=None, bearer=None, timeout=30):
        """A client with the token of a static user, or with any bearer; with neither, an anonymous one."""
        return KubeClient(self.url, self.ca_file, self.tokens[user] if user else bearer, timeout)

    def kubeconfig(self, user=None, bearer=None, token_file=None, namespace="default", server=None, path=None, ca_file=None):
        """Writes a kubeconfig for a static user, a bearer or a token in a file, and gives its path. `server` is another URL, such as a fault proxy's."""
        path = Path(path or tempfile.mkstemp(prefix="kubeconfig.", dir=self.folder)[1])
        credential = f"tokenFile: {token_file}" if token_file else f"token: {bearer or self.tokens[user]}"
        path.write_text(f"""\
apiVersion: v1
kind: Config
current-context: test
clusters:
- name: test
  cluster:
    server: {server or self.url}
    certificate-authority: {ca_file or self.ca_file}
contexts:
- name: test
  context:
    cluster: test
    user: test
    namespace: {namespace}
users:
- name: test
  user:
    {credential}
""")
        path.chmod(0o600)
        return path

    # ------------------------------------------------------------------------------------------------ objects
    def namespace(self, name):
        answer = self.admin.post("/api/v1/namespaces", {"metadata": {"name": name}})
        if answer.reason != "AlreadyExists":
            answer.must()
        return name

    def project(self, name):
        """A namespace whose AgenticSessions and ProjectSettings the group `developers` (alice and bob) may use."""
        self.namespace(name)
        rules = [{"apiGroups": ["ambient-code.io", "vteam.ambient-code"], "resources": ["agenticsessions", "projectsettings"],
                  "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"]}]
        self.role(name, "developers", rules, [{"apiGroup": RBAC, "kind": "Group", "name": "developers"}])
        return name

    def role(self, namespace, name, rules, subjects):
        """A Role (or, with namespace None, a ClusterRole) of these rules, bound to these subjects. Replaces one of the same name."""
        cluster = "Cluster" if namespace is None else ""
        metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
        base = f"/apis/{RBAC}/v1/" + (f"namespaces/{namespace}/" if namespace else "") + cluster.lower()
        role = {"apiVersion": f"{RBAC}/v1", "kind": f"{cluster}Role", "metadata": metadata, "rules": rules}
        binding = {"apiVersion": f"{RBAC}/v1", "kind": f"{cluster}RoleBinding", "metadata": metadata, "subjects": subjects,
                   "roleRef": {"apiGroup": RBAC, "kind": f"{cluster}Role", "name": name}}
        self.admin.apply(f"{base}roles/{name}", role).must()
        self.admin.apply(f"{base}rolebindings/{name}", binding).must()

    def service_account(self, namespace, name):
        """Makes the account (and its namespace), and gives its user name."""
        self.namespace(namespace)
        answer = self.admin.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})
        if answer.reason != "AlreadyExists":
            answer.must()
        return f"system:serviceaccount:{namespace}:{name}"

    def token(self, namespace, name, audiences=None, seconds=3600, pod=None):
        """A token of a ServiceAccount, by TokenRequest; with `pod` it is bound to that Pod, and ends with it."""
        spec = {"expirationSeconds": seconds}
        if audiences:
            spec["audiences"] = list(audiences)
        if pod:
            found = self.admin.get(f"/api/v1/namespaces/{namespace}/pods/{pod}").must().json
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": found["metadata"]["uid"]}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        return self.admin.post(path, {"spec": spec}).must().json["status"]["token"]

    def pod(self, namespace, name, account="default"):
        """A Pod that nobody runs: for tokens bound to it."""
        body = {"metadata": {"name": name}, "spec": {"serviceAccountName": account, "containers": [{"name": "c", "image": "none"}]}}
        return self.admin.post(f"/api/v1/namespaces/{namespace}/pods", body).must().json

    def account_folder(self, folder, namespace, name, token=None, **token_options):
        """The files of /var/run/secrets/kubernetes.io/serviceaccount in `folder`. Called again, it rotates token and CA as the kubelet does."""
        token = token or self.token(namespace, name, **token_options)
        return publish_volume(folder, {"token": token, "ca.crt": Path(self.ca_file).read_text(), "namespace": namespace})

    def in_cluster(self):
        """The environment by which a pod knows the API server."""
        return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": self.url.rsplit(":", 1)[1]}

    def rights_used(self, user, since=0, allowed=None):
        """What a user asked for: a set of (verb, API group, resource[/subresource], namespace, name). `allowed`: True or False for only those."""
        used = set()
        for event in self.audit(user, since):
            reference = event.get("objectRef")
            decision = event.get("annotations", {}).get("authorization.k8s.io/decision")
            if reference is None or (allowed is not None and (decision == "allow") != allowed):
                continue
            resource = reference.get("resource", "") + ("/" + reference["subresource"] if reference.get("subresource") else "")
            used.add((event["verb"], reference.get("apiGroup", ""), resource, reference.get("namespace", ""), reference.get("name", "")))
        return used
