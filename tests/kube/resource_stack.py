"""The product following the AgenticSessions and ProjectSettings of a real API server: ./nginx/up with our CRDs, our webhook and our ServiceAccount's
own rights. Accounts and callers are the embedded ones, with the same user names as in the API server."""
import base64
import json
import os
import signal
import sys
import time
from pathlib import Path

import yaml

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/integration"), str(TOP / "simulator")]

from simulator.certificates import Authority  # noqa: E402
from kube_stack import install, rules  # noqa: E402
from stack import Stack, free_port, wait_until  # noqa: E402

NAMESPACE, ACCOUNT = "vteam-backend", "acp-gitlab"
GROUP = "ambient-code.io"
SESSIONS = f"/apis/{GROUP}/v1alpha1/namespaces/{{}}/agenticsessions"
FINAL = ("Completed", "PartiallyCompleted", "Failed", "Stopped")


class ResourceStack(Stack):
    """`webhook`: whether the API server asks our admission webhook. `users`: who has a bearer and a GitLab account here. `platform`: the resources are
    the platform's own, and the rights and the webhook those of deploy/platform. `lease_s`: the worker's, which is how long it takes until another
    does what a killed one has begun."""

    def __init__(self, kube, webhook=True, users=("alice", "bob"), projects=("team-a",), settings=None, platform=False, lease_s=None, **more):
        self.kube, self.users, self.projects, self.platform = kube, users, projects, platform
        self.group = "vteam.ambient-code" if platform else GROUP
        self.deployed = {document["kind"]: document for document in yaml.safe_load_all(kube.kubectl("kustomize", TOP / "deploy/platform").stdout)} if platform else {}
        self.admission_port = free_port()
        super().__init__(settings=settings, **more)
        if lease_s:
            self.build = self._build_with_lease(lease_s)
        self.webhook = webhook
        authority = Authority(self.data / "admission")
        authority.issue("webhook", "IP:127.0.0.1")
        self.admission_ca = Path(authority.ca_file)
        self.arguments += ["--admission-port", str(self.admission_port), "--admission-certificate", str(self.data / "admission/webhook.pem"),
                           "--admission-key", str(self.data / "admission/webhook.key")]
        self.account = kube.service_account(NAMESPACE, ACCOUNT)
        kube.role(None, ACCOUNT, self.deployed["ClusterRole"]["rules"] if platform else rules()[1], [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}])
        self.account_files = kube.account_folder(self.data / "serviceaccount", NAMESPACE, ACCOUNT)
        crds = TOP / "deploy/kubernetes/crds"
        kube.apply(*([TOP / "tests/kube/platform_crds.yaml"] if platform else [crds / "agenticsessions.yaml", crds / "projectsettings.yaml"]))
        kube.kubectl("wait", "--for=condition=Established", f"crd/agenticsessions.{self.group}", f"crd/projectsettings.{self.group}", "--timeout=30s")
        for project in projects:
            kube.project(project)
        if webhook:
            self.install_webhook()
        else:
            kube.admin.delete("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/acp-gitlab")
        self.settings = {"ACP_CRD_GROUP": self.group, "KUBECONFIG": str(kube.kubeconfig(token_file=self.account_files / "token", namespace=NAMESPACE)),
                         **self.settings}

    def install_webhook(self, **changes):
        """deploy/'s configuration, with the address that the webhook has here."""
        configuration = self.deployed.get("MutatingWebhookConfiguration") or yaml.safe_load((TOP / "deploy/kubernetes/webhook.yaml").read_text())
        configuration["webhooks"][0]["clientConfig"] = {
            "caBundle": base64.b64encode(self.admission_ca.read_bytes()).decode(),
            "url": f"https://127.0.0.1:{self.admission_port}/admission/v1",
        }
        configuration["webhooks"][0].update(changes)
        self.kube.apply(configuration)
        self.webhook_since = time.monotonic()

    def _build_with_lease(self, lease_s):
        """The build's programs, the worker with an option that `up` does not give it."""
        programs = self.data / "build/bin"
        programs.mkdir(parents=True)
        for program in self.build.glob("bin/acp-*"):
            (programs / program.name).symlink_to(program)
        worker = programs / "acp-git-worker"
        worker.unlink()
        worker.write_text(f'#!/bin/sh\nexec "{self.build}/bin/acp-git-worker" "$@" --lease {lease_s}\n')
        worker.chmod(0o755)
        return programs.parent

    def start(self):
        super().start()
        self.bearers = self.make_bearers()
        if self.webhook:
            self.wait_for_proof()
        return self

    def make_bearers(self):
        return {user: self.add_user(user, self.projects) for user in self.users}

    def wait_for_proof(self):
        """Until what is created is proven by the webhook: that counts from two seconds after its configuration was changed on, in whole seconds."""
        time.sleep(max(0, self.webhook_since + 2.2 - time.monotonic()))
        wait_until("the API server asks the webhook", self._is_asked, 30)

    def kill_controller(self):
        """The next one, which the worker starts, lists everything and looks at the webhook's configuration. Gives the dead one's id."""
        controller = wait_until("a controller is connected", self.controller, 30)
        os.kill(controller, signal.SIGKILL)
        return controller

    def _is_asked(self):
        body = session_object("probe", {"repos": [{"url": "https://gitlab.com/a/b"}]}, group=self.group)
        answer = self.kube.admin.post(self.sessions(self.projects[0]) + "?dryRun=All", body)
        return answer.status == 201 and "ambient-code.io/owner" in answer.json["metadata"].get("annotations", {})

    # ------------------------------------------------------------------------------------------------ resources
    def as_user(self, user, *arguments, stdin=None, check=True):
        """kubectl as a developer."""
        return self.kube.kubectl(*arguments, kubeconfig=self.kube.kubeconfig(user), stdin=stdin, check=check)

    def sessions(self, project):
        return f"/apis/{self.group}/v1alpha1/namespaces/{project}/agenticsessions"

    def create_resource(self, user, name, spec, project=None, **metadata):
        """POST as that user; gives the answer."""
        project = project or self.projects[0]
        return self.kube.client(user).post(self.sessions(project), session_object(name, spec, group=self.group, **metadata))

    def resource(self, name, project=None):
        answer = self.kube.admin.get(f"{self.sessions(project or self.projects[0])}/{name}")
        return answer.json if answer.status == 200 else None

    def wait_for_phase(self, name, phases=FINAL, seconds=90, project=None):
        """The resource, once its status has one of the phases."""
        def look():
            found = self.resource(name, project)
            return found if found and found.get("status", {}).get("phase") in phases else None
        try:
            return wait_until(f"the resource {name} is one of {phases}", look, seconds, 0.1)
        except AssertionError as late:
            raise AssertionError(f"{late}; it is {json.dumps(self.resource(name, project))[:3000]}") from None

    def controller(self):
        """The process id of the worker's child that follows the resources: it holds a connection to the API server. None: there is none now."""
        port = f":{self.kube.port:04X}"
        for pid in self.pids():
            try:
                inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
                name = Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                continue
            if name != "acp-git-worker":
                continue
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[2].endswith(port) and f"socket:[{fields[9]}]" in inodes:
                    return pid
        return None

    def repository_spec(self, branch, description="Add feature X"):
        return {"description": description, "outputRepo": {"url": self.simulator["repository"], "branch": branch, "provider": "gitlab"}}

    def events(self, name, project=None):
        """Reasons of the Events about a session, in their order."""
        found = self.kube.admin.get(f"/api/v1/namespaces/{project or self.projects[0]}/events").must().json["items"]
        return [event["reason"] for event in found if event["involvedObject"]["name"] == name]


class ClusterStack(ResourceStack):
    """The product as deploy/kubernetes sets it up, with the settings and the rights that it gives: tokens in Secrets, callers of the cluster, its
    resources, projects' own tokens."""

    def __init__(self, kube, settings=None, **more):
        deployed = dict(line.split("=", 1) for line in yaml.safe_load((TOP / "deploy/kubernetes/settings.yaml").read_text())["data"]["acp-gitlab.conf"].splitlines())
        del deployed["ACP_GATE_URL"]  # nginx is on another port here
        install(kube)
        super().__init__(kube, settings={**deployed, **(settings or {})}, **more)

    def make_bearers(self):
        return {user: self.kube.tokens[user] for user in self.users}


def session_object(name, spec, group=GROUP, **metadata):
    return {"apiVersion": f"{group}/v1alpha1", "kind": "AgenticSession", "metadata": {"name": name, **metadata}, "spec": spec}
