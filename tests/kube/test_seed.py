"""The guide that the product was ordered by, its commands typed as they stand, against the product as deploy/kubernetes sets it up: kubectl and
curl, gitlab.com (which is the simulator here, under that name and behind the operator's proxy), tokens in Secrets, callers of the cluster.

What stands in the guide for something of the reader's own, <your-acp-auth-token> and the like, is filled in.
"""
import json
import os
import shlex
import subprocess
import unittest
import urllib.parse

from connect_proxy import ConnectProxy
from kube_server import server_for_tests
from kube_stack import NAMESPACE, secret_names
from resource_stack import TOP, ClusterStack
from seed_documents import MULTIPLE, SESSION, SETTINGS
from stack import wait_until
from tls_front import TlsFront

from simulator.certificates import Authority

PROJECT = "my-project"
CONNECT = """\
curl -X POST http://vteam-backend:8080/api/auth/gitlab/connect \\
  -H "Content-Type: application/json" \\
  -H "Authorization: Bearer <your-acp-auth-token>" \\
  -d '{
    "personalAccessToken": "glpat-your-token-here",
    "instanceUrl": ""
  }'
"""
STATUS = """\
curl -X GET http://vteam-backend:8080/api/auth/gitlab/status \\
  -H "Authorization: Bearer <your-acp-token>"
"""
DISCONNECT = """\
curl -X POST http://vteam-backend:8080/api/auth/gitlab/disconnect \\
  -H "Authorization: Bearer <your-acp-token>"
"""
NOTIFICATION = """\
AgenticSession completed successfully!
View changes in GitLab:
https://gitlab.com/myteam/backend/-/tree/feature/add-feature-x"""

# What `kubectl edit` opens: everything from `spec:` on is replaced.
EDITOR = """#!/bin/sh
sed -i '/^spec:/,$d' "$1" && cat {text} >> "$1"
"""


def setUpModule():
    global kube
    kube = server_for_tests()


class Guide(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.proxy = ConnectProxy()
        cls.addClassCleanup(cls.proxy.stop)
        cls.stack = ClusterStack(kube, projects=(PROJECT,))
        # Made before `up` starts its simulator, which then uses it.
        authority = Authority(cls.stack.data / "simulator")
        certificate = authority.issue("gitlab-com", "DNS:gitlab.com")
        instances = cls.stack.data / "instances.json"
        instances.write_text(json.dumps([{"name": "gitlab.com", "url": "https://gitlab.com", "proxy": cls.proxy.url, "caFile": str(authority.ca_file)}]))
        cls.stack.settings["ACP_INSTANCES_FILE"] = str(instances)
        cls.addClassCleanup(cls.stack.close)
        cls.stack.start()
        address = urllib.parse.urlsplit(cls.stack.simulator["url"])
        cls.front = TlsFront(certificate, (address.hostname, address.port), authority.ca_file)
        cls.addClassCleanup(cls.front.stop)
        cls.proxy.names["gitlab.com"] = ("127.0.0.1", cls.front.port)
        for path in ("myteam/backend", "myteam/myrepo"):
            cls.stack.control("POST", "/projects", {"path": path, "template": "hello"})
        cls.addClassCleanup(kube.kubectl, "delete", "agenticsessions,projectsettings", "--all", "-n", PROJECT, "--timeout=60s", check=False)

    def typed(self, commands, user="alice", stdin=None, **environment):
        """What a shell of that user's prints; each command must succeed."""
        port = urllib.parse.urlsplit(self.stack.url).port
        for word in ("<your-acp-auth-token>", "<your-acp-token>", "<acp-token>"):
            commands = commands.replace(word, self.stack.bearers["alice"])
        commands = commands.replace("glpat-your-token-here", self.stack.tokens["good"])
        prelude = f'set -eo pipefail\ncurl() {{ command curl -sS --connect-to vteam-backend:8080:127.0.0.1:{port} "$@"; }}\n'
        result = subprocess.run(["bash", "-c", prelude + commands], text=True, input=stdin or "", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, cwd=self.stack.data,
                                env={"PATH": f"{kube.programs}:{os.environ['PATH']}", "HOME": str(kube.folder), "KUBECONFIG": str(kube.kubeconfig(user)), **environment})
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def records(self):
        return sum(len(kube.admin.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}").json.get("data") or {}) for name in secret_names())

    def settings(self):
        return kube.admin.get(f"/apis/ambient-code.io/v1/namespaces/{PROJECT}/projectsettings/projectsettings").must().json

    def looked_at(self, generation=None):
        """The ProjectSettings' status once housekeeping has looked at its list."""
        wait_until("the list is taken over", lambda: self.settings().get("status", {}).get("observedGeneration") == self.settings()["metadata"]["generation"], 30)
        self.stack.program("acp-gitlab", "housekeeping", "--once")
        return wait_until("the access is told", lambda: (found := self.settings()["status"]) and any("checkedAt" in one for one in found["repositories"]) and found, 60)

    def test_from_connecting_to_disconnecting(self):
        # Connect.
        self.assertEqual(json.loads(self.typed(STATUS)), {"connected": False})
        answer = json.loads(self.typed(CONNECT))
        expected = {"userId": "alice", "gitlabUserId": "1001", "username": "john", "instanceUrl": "https://gitlab.com", "connected": True, "message": "GitLab account connected successfully"}
        self.assertEqual({name: answer[name] for name in expected}, expected)
        status = json.loads(self.typed(STATUS))
        expected = {"connected": True, "username": "john", "instanceUrl": "https://gitlab.com", "gitlabUserId": "1001"}
        self.assertEqual({name: status[name] for name in expected}, expected)
        # "Check token stored in secret"
        shown = self.typed("kubectl get secret gitlab-user-tokens -n vteam-backend", "admin")
        self.assertRegex(shown, r"(?m)^gitlab-user-tokens +Opaque +[01] ")
        self.assertEqual(self.records(), 1)

        # Configure repositories.
        self.assertIn("projectsettings created", self.typed("kubectl apply -f -", stdin=SETTINGS))
        (self.stack.data / "multiple.yaml").write_text(MULTIPLE)
        editor = self.stack.data / "editor"
        editor.write_text(EDITOR.format(text=shlex.quote(str(self.stack.data / "multiple.yaml"))))
        editor.chmod(0o755)
        self.assertIn("edited", self.typed(f"kubectl edit projectsettings -n {PROJECT}", KUBE_EDITOR=str(editor)))
        self.assertEqual([(one["url"], one["branch"], one["provider"]) for one in self.settings()["spec"]["repositories"]],
                         [("https://github.com/myteam/frontend.git", "main", "github"), ("https://gitlab.com/myteam/backend.git", "develop", "gitlab")])
        found = self.looked_at()["repositories"]
        # There is no branch develop, which is what the report is for.
        self.assertEqual([(one["provider"], one["reason"], one.get("checkedBy")) for one in found], [("github", "NotChecked", "alice"), ("gitlab", "NoAccess", "alice")])

        # Create the session, read its status.
        self.assertIn("add-feature-x created", self.typed("kubectl apply -f -", stdin=SESSION))
        self.typed(f"kubectl wait --for=jsonpath='{{.status.phase}}'=Completed --timeout=100s agenticsession/add-feature-x -n {PROJECT}")
        self.assertEqual(self.typed(f"kubectl get agenticsession add-feature-x -n {PROJECT} -o jsonpath='{{.status.notification}}'"), NOTIFICATION)
        repository, = json.loads(self.typed(f"kubectl get agenticsession add-feature-x -n {PROJECT} -o json"))["status"]["repositories"]
        refs = self.stack.control("GET", "/refs?project=myteam/backend")
        self.assertEqual((repository["phase"], repository["commit"]), ("Pushed", refs["refs/heads/feature/add-feature-x"]))
        self.assertRegex(self.typed(f"kubectl get agenticsessions -n {PROJECT}"), r"add-feature-x +Completed +alice +https://gitlab.com/myteam/backend/-/tree/feature/add-feature-x")
        logs = {log.name: log.read_text(errors="replace") for log in (self.stack.data / "logs").glob("*.log")}
        self.assertIn("[GitLab] Using token glpat-*** for user john", logs["worker.log"])
        self.assertEqual([name for name, text in logs.items() if self.stack.tokens["good"] in text], [])

        # Disconnect: "This removes your GitLab PAT from the secrets … AgenticSessions will fail".
        self.assertEqual(json.loads(self.typed(DISCONNECT)), {"message": "GitLab account disconnected successfully", "connected": False})
        self.assertEqual(self.records(), 0)
        self.assertEqual(json.loads(self.typed(STATUS)), {"connected": False})
        self.typed("kubectl apply -f -", stdin=SESSION.replace("add-feature-x", "after"))
        self.assertIn("no GitLab credentials available", json.dumps(self.stack.wait_for_phase("after", project=PROJECT)["status"]))

    def test_the_status_of_settings_counts_the_projects_own_token(self):
        """alice has connected nothing at GitHub; the project's GIT_TOKEN is what her sessions would use."""
        entry = {"url": f"{self.stack.github['url']}/octo/hello", "provider": "github"}

        def apply(**more):
            body = {"apiVersion": "ambient-code.io/v1", "kind": "ProjectSettings", "metadata": {"name": "projectsettings", "namespace": PROJECT}, "spec": {"repositories": [{**entry, **more}]}}
            self.typed("kubectl apply -f -", stdin=json.dumps(body))
            found, = self.looked_at()["repositories"]
            return found.get("accessible"), found["reason"]
        self.assertEqual(apply(), (None, "NotChecked"))
        kube.kubectl("create", "secret", "generic", "git-token", "-n", PROJECT, f"--from-literal=GIT_TOKEN={self.stack.github_tokens['repoOnly']}")
        kube.kubectl("apply", "-k", TOP / "deploy/kubernetes/project", "-n", PROJECT)
        wait_until("the right is there", lambda: kube.kubectl("auth", "can-i", "get", "secret/git-token", "-n", PROJECT, "--as", f"system:serviceaccount:{NAMESPACE}:acp-gitlab",
                                                              check=False).stdout == "yes\n", 20)
        self.assertEqual(apply(branch="main"), (True, "Accessible"))


if __name__ == "__main__":
    unittest.main()
