"""The blocks of the documents that call kubectl, typed as they stand against a real API server, with the product behind it. What a cluster has and an
API server alone has not, a controller and a kubelet for the setup Job, is done by the test with the Job's own program and account."""
import base64
import json
import os
import re
import subprocess
import threading
import unittest
from pathlib import Path

import yaml

from examples import TOP, example
from kube_server import server_for_tests
from resource_stack import NAMESPACE, ResourceStack
from stack import BUILD, wait_until

PROJECT = "my-project"


def setUpModule():
    global kube
    kube = server_for_tests()


def type_in(folder, commands, environment, user="admin", seconds=120):
    """What a shell with kubectl and acp-gitlab prints for the commands, each of which must succeed."""
    environment = {**environment, "KUBECONFIG": str(kube.kubeconfig(user)), "HOME": str(kube.folder), "PATH": f"{kube.programs}:{BUILD}/bin:{os.environ['PATH']}"}
    result = subprocess.run(["bash", "-c", "set -eo pipefail\n" + commands], cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=seconds, env=environment)
    if result.returncode != 0:
        raise AssertionError(f"exit {result.returncode}: {result.stdout}")
    return result.stdout


class ResourcesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = ResourceStack(kube, projects=(PROJECT,)).start()
        answer = cls.stack.connect(bearer=cls.stack.bearers["alice"])
        assert answer.status == 200, answer

    @classmethod
    def tearDownClass(cls):
        kube.kubectl("delete", "agenticsessions", "--all", "-n", PROJECT, "--timeout=60s")
        cls.stack.close()

    def test_a_session_is_applied_and_followed(self):
        folder = self.stack.data
        text = example("README.md", "apiVersion: ambient-code.io/v1alpha1").replace("https://gitlab.com/myteam/backend", self.stack.simulator["repository"])
        (folder / "session.yaml").write_text(text + "\n")
        commands = example("README.md", "kubectl apply -f session.yaml").splitlines()
        self.assertIn("add-feature-x created", type_in(folder, commands[0], {}, "alice"))
        self.addCleanup(kube.kubectl, "delete", "agenticsession", "add-feature-x", "-n", PROJECT, "--timeout=60s")
        self.assertEqual(self.stack.wait_for_phase("add-feature-x", project=PROJECT)["status"]["phase"], "Completed")
        self.assertRegex(type_in(folder, commands[1], {}, "alice"), r"add-feature-x +.*Completed")
        shown = type_in(folder, "\n".join(commands[2:]), {}, "alice")
        self.assertIn("/-/tree/feature/add-feature-x", shown)
        self.assertIn("AgenticSession completed successfully!", shown)

    def test_a_session_pod_is_named_by_who_started_it(self):
        """In the status, by somebody who may write it; a member of the project may not. What the gate makes of it: test_session_pods."""
        self.stack.create_resource("alice", "add-feature-x", self.stack.repository_spec("of-a-pod"), PROJECT)
        self.addCleanup(kube.kubectl, "delete", "agenticsession", "add-feature-x", "-n", PROJECT, "--timeout=60s")
        self.stack.wait_for_phase("add-feature-x", project=PROJECT)
        kube.service_account(PROJECT, "runner")
        kube.pod(PROJECT, "add-feature-x-runner", "runner")
        uid = kube.admin.get(f"/api/v1/namespaces/{PROJECT}/pods/add-feature-x-runner").must().json["metadata"]["uid"]
        command = example("README.md", "kubectl patch agenticsession").replace("<metadata.uid of the pod>", uid)
        with self.assertRaisesRegex(AssertionError, "forbidden"):
            type_in(self.stack.data, command, {}, "alice")
        type_in(self.stack.data, command, {})
        self.assertEqual(self.stack.resource("add-feature-x", PROJECT)["status"]["pod"], {"name": "add-feature-x-runner", "uid": uid})

    def test_the_platforms_own_resources_take_the_pod_too(self):
        """A definition as the platform's: of its group, with a status that knows no pod."""
        ours, theirs = (yaml.safe_load((TOP / "deploy/kubernetes/crds/agenticsessions.yaml").read_text()) for _ in range(2))
        theirs["metadata"]["name"], theirs["spec"]["group"] = "agenticsessions.vteam.ambient-code", "vteam.ambient-code"
        del self.status_of(theirs)["pod"]
        kube.apply(theirs)
        self.addCleanup(kube.kubectl, "delete", "crd", "agenticsessions.vteam.ambient-code")
        type_in(TOP, example("deploy/README.md", "kubectl patch crd"), {})
        patched = kube.admin.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/agenticsessions.vteam.ambient-code").must().json
        self.assertEqual(set(self.status_of(patched)["pod"]["properties"]), set(self.status_of(ours)["pod"]["properties"]))

    @staticmethod
    def status_of(definition):
        return definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]

    def test_connections_of_the_go_implementation(self):
        token = self.stack.tokens["good"]
        value = json.dumps({"userId": "john@company.com", "token": token, "instanceUrl": self.stack.simulator["url"], "updatedAt": "2026-01-01T00:00:00Z"})
        kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "gitlab-credentials", "namespace": NAMESPACE},
                    "data": {"john-company.com": base64.b64encode(value.encode()).decode()}})
        shown = type_in(self.stack.data, example("README.md", "kubectl get secret gitlab-credentials"), self.stack.environment())
        self.assertIn("john@company.com", shown)
        self.assertNotIn(token, shown)


class DeployTest(unittest.TestCase):
    def play_the_cluster(self):
        """Runs the setup Job as its Pod would, and says that it is complete."""
        path = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/acp-gitlab-setup"
        job = wait_until("the Job", lambda: kube.admin.get(path) if kube.admin.get(path).status == 200 else None, 60).json
        account = kube.account_folder(Path(kube.folder) / "setup-account", NAMESPACE, job["spec"]["template"]["spec"]["serviceAccountName"])
        environment = {"PATH": f"{BUILD}/bin:/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=0", "ACCOUNT_FOLDER": str(account), **kube.in_cluster()}
        subprocess.run([TOP / "deploy/container/setup"], env=environment, check=True, timeout=60, stdin=subprocess.DEVNULL, capture_output=True)
        started = job["metadata"]["creationTimestamp"]
        conditions = [{"type": kind, "status": "True", "lastTransitionTime": started} for kind in ("SuccessCriteriaMet", "Complete")]
        kube.admin.patch(path + "/status", {"status": {"startTime": started, "completionTime": started, "succeeded": 1, "conditions": conditions}}).must()

    def test_the_steps_of_the_deployment(self):
        commands = example("deploy/README.md", "docker build").splitlines()
        # There is no Docker engine here; the Dockerfile's own steps are done in tests/integration/test_image.py.
        build, rest = commands[0], [command.replace("-k deploy/", f"-k {TOP}/deploy/") for command in commands[1:]]
        image = re.search(r"-t (\S+)", build)[1]
        for folder in ("deploy/kubernetes", "deploy/kubernetes/setup"):
            self.assertRegex(kube.kubectl("kustomize", TOP / folder).stdout, rf"image: {re.escape(image)}\n")
        self.assertTrue((TOP / re.search(r"-f (\S+)", build)[1]).exists())

        cluster = threading.Thread(target=self.play_the_cluster)
        cluster.start()
        try:
            shown = type_in(kube.folder, "\n".join(rest), {})
        finally:
            cluster.join(90)
        self.assertIn("job.batch/acp-gitlab-setup condition met", shown)
        self.assertIn("private.keys:", shown)
        left = kube.kubectl("get", "role,rolebinding,clusterrole,clusterrolebinding,serviceaccount,job", "-A", "-o", "name").stdout
        self.assertNotIn("acp-gitlab-setup", left)
        self.assertIn("/acp-gitlab\n", left)


if __name__ == "__main__":
    unittest.main()
