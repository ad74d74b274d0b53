"""deploy/kubernetes against a real API server: everything applies, its pods pass the profile `restricted` as the server judges it, setup makes keys
and certificate with its own rights, and the rights of the service are those that its rules say.
"""
import base64
import copy
import json
import os
import shlex
import ssl
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

from examples import example
from kube_machine import Machine
from kube_server import TOP, server_for_tests

BASE = TOP / "deploy/kubernetes"
NAMESPACE = "vteam-backend"
BUILD = Path(os.environ.get("ACP_TEST_BUILD", TOP / "build/dev"))
KEYS = ("acp-gitlab-public-keys", "acp-gitlab-signing-key", "acp-gitlab-private-keys")


def setUpModule():
    global kube, manifests
    kube = server_for_tests(needs=(1, 25), lacks="has neither PodSecurity nor the rules (CEL) that the resources use")
    manifests = []
    for folder in (BASE, BASE / "setup", BASE / "operate"):
        kube.kubectl("apply", "-k", folder)
        manifests += [document for document in yaml.safe_load_all(kube.kubectl("kustomize", folder).stdout) if document]


def manifest(kind, name):
    found, = [one for one in manifests if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def pod_of(workload):
    """The Pod that the workload's controller would make."""
    template = workload["spec"]["template"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**template.get("metadata", {}), "name": "tried"}, "spec": copy.deepcopy(template["spec"])}


def secret_path(name):
    return f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}"


class ManifestsTest(unittest.TestCase):
    def create_pod(self, pod):
        return kube.admin.call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All&fieldValidation=Strict", pod)

    def test_everything_applies_with_strict_fields_and_again(self):
        for document in manifests:
            with self.subTest(kind=document["kind"], name=document["metadata"]["name"]):
                kube.kubectl("apply", "--validate=strict", "--dry-run=server", "-f", "-", stdin=json.dumps(document))

    def test_the_overlay_applies_and_fixes_no_user(self):
        kube.admin.call("DELETE", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/acp-gitlab-setup?propagationPolicy=Background").must()
        text = kube.kubectl("kustomize", TOP / "deploy/openshift").stdout
        kube.kubectl("delete", "pod", "acp-gitlab-operate", "-n", NAMESPACE, "--ignore-not-found", "--force")
        for rendered in (text, kube.kubectl("kustomize", TOP / "deploy/openshift/operate").stdout):
            for word in ("runAsUser:", "runAsGroup:", "fsGroup:"):
                self.assertNotIn(word, rendered)
            kube.kubectl("apply", "--dry-run=server", "-f", "-", stdin=rendered)

    def test_the_platforms_own_resources_are_one_change_of_group(self):
        changed = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(kube.kubectl("kustomize", TOP / "deploy/platform").stdout)}
        for document in yaml.safe_load_all(kube.kubectl("kustomize", BASE).stdout):
            other = changed.pop((document["kind"], document["metadata"]["name"]), None)
            if document["kind"] == "CustomResourceDefinition":
                self.assertIsNone(other, "the definitions are the platform's")
            elif document["kind"] in ("ConfigMap", "ClusterRole", "MutatingWebhookConfiguration"):
                group = lambda text: text.replace("apiGroups\": [\"ambient-code.io", "apiGroups\": [\"vteam.ambient-code").replace("ACP_CRD_GROUP=ambient-code.io", "ACP_CRD_GROUP=vteam.ambient-code")
                self.assertEqual(json.loads(group(json.dumps(document))), other)
            else:
                self.assertEqual(document, other)
        self.assertEqual(changed, {})

    def test_the_servers_own_admission_takes_the_pods_as_restricted(self):
        for kind, name in (("Deployment", "vteam-backend"), ("Job", "acp-gitlab-setup")):
            self.assertEqual(self.create_pod(pod_of(manifest(kind, name))).must().status, 201)
        operate = copy.deepcopy(manifest("Pod", "acp-gitlab-operate"))
        operate["metadata"]["name"] = "tried"
        self.assertEqual(self.create_pod(operate).must().status, 201)

    def test_the_admission_is_on(self):
        """Each loosening of each container is refused: the test above says something."""
        good = pod_of(manifest("Deployment", "vteam-backend"))
        for index, container in enumerate(good["spec"]["containers"]):
            for change in ({"allowPrivilegeEscalation": True}, {"capabilities": {}}, {"runAsNonRoot": False}, {"seccompProfile": {"type": "Unconfined"}}):
                pod = copy.deepcopy(good)
                pod["spec"]["containers"][index]["securityContext"].update(change)
                answer = self.create_pod(pod)
                self.assertEqual(answer.status, 403, f"{container['name']} with {change}")
                self.assertIn("PodSecurity", answer.json["message"])

    def test_each_container_mounts_its_own_keys_alone(self):
        spec = manifest("Deployment", "vteam-backend")["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}

        def secrets_of(volume):
            if "secret" in volume:
                return {volume["secret"]["secretName"]}
            return {source["secret"]["name"] for source in volume.get("projected", {}).get("sources", []) if "secret" in source}
        mounted, accounts, sockets = {}, set(), {}
        for container in spec["initContainers"] + spec["containers"]:
            self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"], container["name"])
            for mount in container["volumeMounts"]:
                mounted.setdefault(container["name"], set()).update(secrets_of(volumes[mount["name"]]))
                if mount["name"] == "account":
                    accounts.add(container["name"])
                if mount["name"].startswith("sockets-") and not mount.get("readOnly"):
                    sockets.setdefault(mount["name"], []).append(container["name"])
        public, signing, private = KEYS
        callers = "acp-gitlab-callers"
        self.assertEqual(mounted, {
            "migrate": {public}, "nginx": {"acp-gitlab-webhook"}, "status": {public, callers}, "connect": {public, signing, callers},
            "repositories": {public, private, callers},
            "git": {public, private}, "worker": set(), "housekeeping": {public, private}})
        self.assertEqual(accounts, {"migrate", "status", "connect", "repositories", "git", "worker", "housekeeping"})
        self.assertEqual(sockets, {f"sockets-{pool}": [pool] for pool in ("status", "connect", "repositories", "git")})
        self.assertFalse(spec["automountServiceAccountToken"])

    def test_nothing_is_started_again_for_not_being_ready(self):
        spec = manifest("Deployment", "vteam-backend")["spec"]["template"]["spec"]
        probes = {(container["name"], kind): json.dumps(container[kind]) for container in spec["containers"]
                  for kind in ("startupProbe", "livenessProbe", "readinessProbe") if kind in container}
        self.assertEqual([place for place, text in probes.items() if "readyz" in text], [("nginx", "readinessProbe")])
        self.assertEqual({name for name, kind in probes if kind == "livenessProbe"}, {"nginx", "status", "connect", "repositories", "git"})

    def test_the_seeds_words_find_the_service(self):
        ports = {port["port"] for port in manifest("Service", "vteam-backend")["spec"]["ports"]}
        self.assertIn(8080, ports)
        template = manifest("Deployment", "vteam-backend")["spec"]["template"]
        self.assertEqual(template["metadata"]["labels"]["app"], "vteam-backend")
        kube.admin.apply(secret_path("gitlab-user-tokens"), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gitlab-user-tokens"}}).must()
        self.assertIn("gitlab-user-tokens", kube.kubectl("get", "secret", "gitlab-user-tokens", "-n", "vteam-backend").stdout)
        kube.admin.call("DELETE", secret_path("gitlab-user-tokens")).must()


class RightsTest(unittest.TestCase):
    """What the account may do is what its rules say, asked of the server; and no more."""

    def may(self, verb, resource, group="", name="", namespace="", subresource="", account="acp-gitlab"):
        attributes = {"verb": verb, "resource": resource, "group": group, "name": name, "namespace": namespace, "subresource": subresource}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                  "spec": {"user": f"system:serviceaccount:{NAMESPACE}:{account}", "groups": ["system:serviceaccounts", "system:authenticated"],
                           "resourceAttributes": attributes}}
        return kube.admin.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review).must().json["status"]["allowed"]

    def test_the_card(self):
        shards = [f"{provider}-user-tokens" + (f"-{n:03}" if n else "") for provider in ("gitlab", "github") for n in range(16)]
        for shard in shards:
            for verb in ("get", "patch", "create"):
                self.assertTrue(self.may(verb, "secrets", name=shard, namespace=NAMESPACE), (verb, shard))
        for verb in ("list", "watch"):
            for resource in ("agenticsessions", "projectsettings"):
                self.assertTrue(self.may(verb, resource, "ambient-code.io", namespace="team-a"), (verb, resource))
        for resource in ("agenticsessions", "projectsettings"):
            self.assertTrue(self.may("patch", resource, "ambient-code.io", namespace="team-a", subresource="status"))
        self.assertTrue(self.may("create", "tokenreviews", "authentication.k8s.io"))
        self.assertTrue(self.may("create", "subjectaccessreviews", "authorization.k8s.io"))
        self.assertTrue(self.may("create", "events", namespace="team-a"))
        self.assertTrue(self.may("get", "mutatingwebhookconfigurations", "admissionregistration.k8s.io", name="acp-gitlab"))

    def test_what_is_not_on_the_card(self):
        refused = [("list", "secrets", {"namespace": NAMESPACE}), ("watch", "secrets", {"namespace": NAMESPACE}), ("create", "secrets", {"namespace": NAMESPACE}),
                   ("delete", "secrets", {"namespace": NAMESPACE, "name": "gitlab-user-tokens"}), ("update", "secrets", {"namespace": NAMESPACE, "name": "gitlab-user-tokens"}),
                   ("get", "secrets", {"namespace": "team-a", "name": "gitlab-user-tokens"}), ("impersonate", "users", {}), ("create", "pods", {"namespace": NAMESPACE}),
                   ("get", "configmaps", {"namespace": NAMESPACE}), ("create", "rolebindings", {"group": "rbac.authorization.k8s.io", "namespace": NAMESPACE}),
                   ("patch", "agenticsessions", {"group": "ambient-code.io", "namespace": "team-a"}), ("create", "agenticsessions", {"group": "ambient-code.io", "namespace": "team-a"}),
                   ("delete", "agenticsessions", {"group": "ambient-code.io", "namespace": "team-a"}), ("list", "namespaces", {})]
        refused += [(verb, "mutatingwebhookconfigurations", {"group": "admissionregistration.k8s.io", "name": "acp-gitlab"}) for verb in ("patch", "update", "delete", "list")]
        refused += [("get", "secrets", {"namespace": NAMESPACE, "name": name}) for name in (*KEYS, "acp-gitlab-webhook")]
        for verb, resource, more in refused:
            self.assertFalse(self.may(verb, resource, **more), (verb, resource, more))
        for name in ("gitlab-user-tokens", "other"):
            self.assertFalse(self.may("patch", "secrets", name=name, namespace=NAMESPACE, account="acp-gitlab-setup"), name)
        operate = [("get", "secrets", {"name": "acp-gitlab-webhook"}), ("patch", "secrets", {"name": "other"}), ("list", "secrets", {}), ("create", "secrets", {"name": KEYS[0]}),
                   ("delete", "secrets", {"name": KEYS[0]}), ("create", "pods", {}), ("patch", "agenticsessions", {"group": "ambient-code.io", "subresource": "status"})]
        for verb, resource, more in operate:
            self.assertFalse(self.may(verb, resource, namespace=NAMESPACE, account="acp-gitlab-operate", **more), (verb, more))


class SetupTest(unittest.TestCase):
    """The Job's program, with the Job's own account, against the server."""

    def setUp(self):
        for name in (*KEYS, "acp-gitlab-webhook", "gitlab-user-tokens-003"):
            kube.admin.call("DELETE", secret_path(name))
        self.folder = tempfile.TemporaryDirectory(prefix="acp-setup.")
        self.addCleanup(self.folder.cleanup)
        self.account = kube.account_folder(Path(self.folder.name) / "account", NAMESPACE, "acp-gitlab-setup")

    def run_setup(self):
        environment = {"PATH": f"{BUILD}/bin:/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=0", "ACCOUNT_FOLDER": str(self.account), **kube.in_cluster(),
                       "TMPDIR": self.folder.name}
        return subprocess.run([TOP / "deploy/container/setup"], env=environment, text=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)

    def secret(self, name):
        data = kube.admin.get(secret_path(name)).must().json["data"]
        return {key: base64.b64decode(value) for key, value in data.items()}

    def test_it_makes_keys_and_certificate_once(self):
        first = self.run_setup()
        self.assertEqual(first.returncode, 0, first.stderr)
        files = {key: value for name in KEYS for key, value in self.secret(name).items()}
        self.assertEqual(set(files), {"public.keys", "signing.key", "private.keys"})
        for name, value in files.items():
            path = Path(self.folder.name) / name
            path.write_bytes(value)
            path.chmod(0o600)
        environment = {"ACP_CONFIG_FILE": "", "ASAN_OPTIONS": "detect_leaks=0", **{
            f"ACP_SEAL_{part}_FILE": f"{self.folder.name}/{name}" for part, name in (("PUBLIC_KEYS", "public.keys"), ("SIGNING_KEY", "signing.key"), ("PRIVATE_KEYS", "private.keys"))}}
        subprocess.run([BUILD / "bin/acp-gitlab", "keys", "check"], env=environment, check=True, capture_output=True, timeout=30)
        webhook = self.secret("acp-gitlab-webhook")
        configuration = kube.admin.get("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/acp-gitlab").must().json
        self.assertEqual(base64.b64decode(configuration["webhooks"][0]["clientConfig"]["caBundle"]), webhook["ca.crt"])
        # As the API server will: the name of the Service, this authority alone.
        for name in ("ca.crt", "tls.crt"):
            (Path(self.folder.name) / name).write_bytes(webhook[name])
        subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "vteam-backend.vteam-backend.svc", "-CAfile", f"{self.folder.name}/ca.crt",
                        f"{self.folder.name}/tls.crt"], check=True, capture_output=True, timeout=30)
        (Path(self.folder.name) / "tls.key").write_bytes(webhook["tls.key"])
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(f"{self.folder.name}/tls.crt", f"{self.folder.name}/tls.key")

        again = self.run_setup()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual({key: value for name in KEYS for key, value in self.secret(name).items()}, files)
        self.assertEqual(self.secret("acp-gitlab-webhook"), webhook)
        for secret in files.values():
            self.assertNotIn(secret.decode().split()[-1], first.stdout + first.stderr + again.stdout + again.stderr)

    def test_tokens_without_keys_are_left_alone(self):
        record = {"data": {"k1-" + "a" * 52: base64.b64encode(b"ACPR").decode()}}
        mark = {"metadata": {"annotations": {"ambient-code.io/installation": "7c1d7b0e-8f8b-4f0e-9d4e-0f6f1c7d2a11"}}}
        for name, ours in (("gitlab-user-tokens-003", record), ("github-user-tokens-015", record), ("gitlab-user-tokens", mark)):
            kube.admin.apply(secret_path(name), {"apiVersion": "v1", "kind": "Secret", **ours, "metadata": {"name": name, **ours.get("metadata", {})}}).must()
            refused = self.run_setup()
            self.assertEqual(refused.returncode, 1)
            self.assertIn(f"there are stored tokens ({name}) but no keys", refused.stderr)
            self.assertEqual(kube.admin.get(secret_path(KEYS[0])).status, 404)
            kube.admin.delete(secret_path(name)).must()

    def test_the_go_implementations_tokens_are_no_reason_to_stop(self):
        """They lie in plain in a Secret that is called as one of ours."""
        kube.admin.apply(secret_path("gitlab-user-tokens"), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gitlab-user-tokens"},
                                                             "data": {"john-company.com": base64.b64encode(b"glpat-01234567890123456789").decode()}}).must()
        self.addCleanup(kube.admin.delete, secret_path("gitlab-user-tokens"))
        result = self.run_setup()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("glpat", result.stdout + result.stderr)
        self.assertEqual(kube.admin.get(secret_path(KEYS[0])).status, 200)

    def test_a_certificate_is_renewed_by_deleting_it(self):
        self.assertEqual(self.run_setup().returncode, 0)
        keys, before = self.secret(KEYS[2]), self.secret("acp-gitlab-webhook")
        kube.admin.delete(secret_path("acp-gitlab-webhook")).must()
        self.assertEqual(self.run_setup().returncode, 0)
        after = self.secret("acp-gitlab-webhook")
        self.assertTrue(all(before[name] != after[name] for name in ("ca.crt", "tls.crt", "tls.key")))
        configuration = kube.admin.get("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/acp-gitlab").must().json
        self.assertEqual(base64.b64decode(configuration["webhooks"][0]["clientConfig"]["caBundle"]), after["ca.crt"])
        self.assertEqual(self.secret(KEYS[2]), keys)

    def test_it_completes_the_webhook_of_a_new_apply(self):
        self.assertEqual(self.run_setup().returncode, 0)
        ca = self.secret("acp-gitlab-webhook")["ca.crt"]
        path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/acp-gitlab"
        kube.admin.patch(path, [{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}], "application/json-patch+json").must()
        self.assertEqual(self.run_setup().returncode, 0)
        kube.kubectl("apply", "-k", BASE)  # an upgrade leaves it in place
        self.assertEqual(base64.b64decode(kube.admin.get(path).must().json["webhooks"][0]["clientConfig"]["caBundle"]), ca)


class OperateTest(unittest.TestCase):
    """The commands that deploy/README.md gives to operators: those of kubectl typed as they stand, and what they execute in the pod run with the pod's
    account, its files and its settings."""

    FILES = {"acp-gitlab-public-keys": "public.keys", "acp-gitlab-signing-key": "signing.key", "acp-gitlab-private-keys": "private.keys"}

    def setUp(self):
        self.machine = self.enterContext(Machine(kube))
        for name, file in self.FILES.items():
            kube.admin.call("DELETE", secret_path(name))
            value = base64.b64encode((self.machine.folder / "keys" / file).read_bytes()).decode()
            kube.admin.apply(secret_path(name), {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {file: value}}).must()
        self.account = kube.account_folder(self.machine.folder / "operate", NAMESPACE, "acp-gitlab-operate")
        # The programs of a pod know the API server from their environment and a mounted folder, which is not here.
        shim = self.machine.folder / "bin/acp-gitlab"
        shim.parent.mkdir()
        shim.write_text(f'#!/bin/sh\nexec env -u KUBERNETES_SERVICE_HOST -u KUBERNETES_SERVICE_PORT {BUILD}/bin/acp-gitlab "$@"\n')
        shim.chmod(0o755)
        self.environment = {**self.machine.environment, **kube.in_cluster(), "PATH": f"{shim.parent}:/usr/bin:/bin", "ACCOUNT_FOLDER": str(self.account), "SETTLE": "0",
                            "KUBECONFIG": str(kube.kubeconfig(token_file=self.account / "token", namespace=NAMESPACE)), "ACP_AUTH": "tokenreview",
                            "ACP_URL": "http://127.0.0.1:1", "TMPDIR": str(self.machine.folder)}
        self.commands = example("deploy/README.md", "kubectl apply -k deploy/kubernetes/operate").splitlines()

    def command(self, words):
        found, = [line for line in self.commands if words in line]
        return found

    def typed(self, words):
        kube.kubectl(*(str(TOP / word) if word.startswith("deploy/") else word for word in shlex.split(self.command(words))[1:]))

    def executed(self, words, code=0, **replaced):
        """What kubectl would execute in the pod; what it printed."""
        line = shlex.split(self.command(words).split(" -- ")[1])
        line = [replaced.get(word, word).replace("/usr/lib/acp-gitlab/", f"{TOP}/deploy/container/") for word in line]
        result = subprocess.run(line, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, code, result.stdout)
        for file in ("signing.key", "private.keys"):
            for secret in (line.split()[-1] for line in (self.machine.folder / "keys" / file).read_text().splitlines() if line.startswith(("open ", "sign ", "fingerprint "))):
                self.assertNotIn(secret, result.stdout)
        return result.stdout

    def kubelet(self):
        """Brings the Secrets as they are now to the files of the programs."""
        for name, file in self.FILES.items():
            path = self.machine.folder / "keys" / file
            path.write_bytes(base64.b64decode(kube.admin.get(secret_path(name)).must().json["data"][file]))

    def test_the_commands_of_the_document(self):
        self.machine.connect(1, 3)
        kube.kubectl("delete", "pod", "acp-gitlab-operate", "-n", NAMESPACE, "--ignore-not-found", "--force")
        self.typed("kubectl apply")
        looked = self.executed("doctor", 3)  # there is no service here
        for line in ("keys together: They fit", "Secrets: Each can be read; 3 records of tokens.", "callers: The API server says who is calling"):
            self.assertIn(line, looked)
        self.machine.database.unlink()
        self.machine.run("db", "migrate")
        self.assertIn("3 stored tokens open, 0 problems", self.executed("rebuild-index"))
        old = self.machine.json("keys", "status")["keys"][0]["id"]
        self.assertIn("3 stored tokens, 3 of them sealed anew", self.executed("keys rotate"))
        self.kubelet()
        keys = {key["id"]: (key["state"], key["tokens"], key["canOpen"]) for key in self.machine.json("keys", "status")["keys"]}
        new, = keys.keys() - {old}
        self.assertEqual(keys, {old: ("open-only", 0, True), new: ("active", 3, True)})
        self.executed("keys retire", 1, KEY=new)
        self.executed("keys retire", KEY=old)
        self.kubelet()
        self.assertEqual([key["id"] for key in self.machine.json("keys", "status")["keys"]], [new])
        self.machine.run("keys", "check")
        self.typed("kubectl delete")

    def test_a_rotation_that_was_cut_off_goes_on(self):
        self.machine.connect(1, 2)
        script = str(TOP / "deploy/container/keys")

        def run(*arguments, **environment):
            return subprocess.run([script, *arguments], env={**self.environment, **environment}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                                  stdin=subprocess.DEVNULL)
        # Before the new key is active: the wait fails. The next rotation takes the key that was made.
        self.assertEqual(run("rotate", SETTLE="no time").returncode, 1)
        self.kubelet()
        made = [key["id"] for key in self.machine.json("keys", "status")["keys"]]
        self.assertEqual(len(made), 2)
        result = run("rotate")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.kubelet()
        self.assertEqual([(key["id"], key["state"], key["tokens"]) for key in self.machine.json("keys", "status")["keys"]],
                         [(made[0], "open-only", 0), (made[1], "active", 2)])
        # After it: resume seals what is left.
        self.machine.run("keys", "rotate", "--prepare")
        self.machine.run("keys", "rotate", "--activate")
        for name, file in self.FILES.items():
            value = base64.b64encode((self.machine.folder / "keys" / file).read_bytes()).decode()
            kube.admin.patch(secret_path(name), {"data": {file: value}}).must()
        result = run("resume")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertEqual([key["tokens"] for key in self.machine.json("keys", "status")["keys"]], [0, 0, 2])

    def test_anothers_change_of_the_keys_is_not_overwritten(self):
        """Somebody hands out other files while the new key is made."""
        real, shim = BUILD / "bin/acp-gitlab", self.machine.folder / "bin/acp-gitlab"
        path = secret_path("acp-gitlab-private-keys")
        bearer = kube.tokens["admin"]
        shim.write_text(f"""#!/bin/sh
case "$*" in *--prepare*) curl -s -o /dev/null --cacert {kube.ca_file} -H 'Authorization: Bearer {bearer}' -H 'Content-Type: application/merge-patch+json' -X PATCH -d '{{"metadata":{{"labels":{{"changed":"meanwhile"}}}}}}' {kube.url}{path};; esac
exec env -u KUBERNETES_SERVICE_HOST -u KUBERNETES_SERVICE_PORT {real} "$@"
""")
        before = kube.admin.get(path).must().json["data"]
        result = subprocess.run([TOP / "deploy/container/keys", "rotate"], env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                                stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("the Secret acp-gitlab-private-keys cannot be written: the API server says 409", result.stdout)
        self.assertEqual(kube.admin.get(path).must().json["data"], before)
