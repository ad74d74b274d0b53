"""A project's own GitHub token: the key GIT_TOKEN of its Secret, which its namespace lets us read with deploy/kubernetes/project, and nothing else does."""
import shlex
import unittest

from examples import example
from kube_proxy import FaultProxy
from kube_server import server_for_tests
from kube_stack import ACCOUNT, NAMESPACE, TOP, KubeStack
from stack import wait_until

COMMANDS = example("deploy/README.md", "kubectl create secret generic git-token").splitlines()
SECRET = "git-token"
BROKEN = "not a token, and nobody's business"


def setUpModule():
    global kube, way, stack
    kube = server_for_tests()
    way = unittest.enterModuleContext(FaultProxy(kube))
    stack = KubeStack(kube, way, settings={"ACP_GIT_TOKEN_SECRET": SECRET, "ACP_AGENT_COMMAND": ""}).start()
    unittest.addModuleCleanup(stack.close)
    for project in ("team-a", "team-b"):
        kube.project(project)


class ProjectTokenTest(unittest.TestCase):
    def setUp(self):
        way.faults.clear()
        self.address = f"{stack.simulator['github']['url']}/octo/hello"
        self.token = stack.simulator["github"]["tokens"]["repoOnly"]
        self.addCleanup(self.take_back, "team-a")

    def typed(self, line, project, stdin=None):
        """One of the commands that deploy/README.md gives."""
        program, *arguments = shlex.split(COMMANDS[line], comments=True)
        self.assertEqual(program, "kubectl")
        arguments = [str(TOP / argument) if argument.startswith("deploy/") else argument for argument in arguments]
        return kube.kubectl(*(project if argument == "team-a" else argument for argument in arguments), stdin=stdin)

    def keep(self, token, project="team-a"):
        self.typed(0, project, token)

    def allow(self, project="team-a"):
        self.typed(1, project)
        self.assertEqual(self.typed(2, project).stdout, "yes\n")

    def take_back(self, project):
        kube.kubectl("delete", "-k", TOP / "deploy/kubernetes/project", "-n", project, "--ignore-not-found")
        kube.kubectl("delete", "secret", SECRET, "-n", project, "--ignore-not-found")

    def report(self, project="team-a", status=200):
        answer = stack.api("POST", f"/api/projects/{project}/repositories/validate", {"url": self.address})
        self.assertEqual(answer.status, status, answer)
        self.assertNotIn(self.token, answer.body.decode())
        return answer.json

    def failure(self, project="team-a"):
        """The first check that failed; its code is "" when none did."""
        return next((check for check in self.report(project)["checks"] if check["ok"] is False), {"code": ""})

    def wait_allowed(self, project="team-a"):
        """Rights take effect a moment after they were written."""
        wait_until("the Secret serves", lambda: self.report(project)["valid"], 30)

    def test_a_project_without_one_or_that_does_not_give_it_has_none(self):
        self.assertEqual(self.failure()["code"], "not_connected")
        self.keep(self.token)
        since = kube.audit_mark()
        self.assertEqual(self.failure()["code"], "not_connected")
        account = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
        wait_until("the API server says that it refused", lambda: [
            event for event in kube.audit(account, since) if event["objectRef"].get("name") == SECRET and event["responseStatus"]["code"] == 403], 10)
        self.allow()
        self.wait_allowed()
        self.assertEqual(self.report()["account"], "the project's GIT_TOKEN")

    def test_it_serves_its_own_project_alone(self):
        self.allow()
        self.allow("team-b")
        self.addCleanup(self.take_back, "team-b")
        self.keep(self.token)
        self.wait_allowed()
        self.assertEqual(self.failure("team-b")["code"], "not_connected")
        kube.namespace("elsewhere")
        self.assertEqual(stack.api("POST", "/api/projects/elsewhere/repositories/validate", {"url": self.address}).status, 403)

    def session(self, name):
        """A session that is cloned and waits, with something to push."""
        spec = {"description": "x", "outputRepo": {"url": f"{self.address}.git", "branch": f"ambient/{name}"}}
        self.assertEqual(stack.create_session(name, spec, project="team-a").status, 201)
        started = stack.wait_for_session(name, 60, project="team-a", phases=("Running", "Failed"))
        self.assertEqual(started["status"]["phase"], "Running", started)
        folder, = stack.data.glob(f"workspaces/{started['metadata']['uid']}/hello")
        (folder / "NEW.md").write_text("new\n")

    def finish(self, name):
        answer = stack.api("POST", f"/api/projects/team-a/agentic-sessions/{name}/git/push", {})
        self.assertEqual(answer.status, 202, answer)
        return stack.wait_for_session(name, 60, project="team-a")["status"]

    def test_a_session_clones_and_pushes_with_it(self):
        self.allow()
        self.keep(self.token + "\n")
        self.wait_allowed()
        self.session("of-the-project")
        status = self.finish("of-the-project")
        self.assertEqual(status["phase"], "Completed", status)
        self.assertIn("refs/heads/ambient/of-the-project", stack.control("GET", "/refs?project=github:octo/hello"))
        self.assertNotIn(self.token, stack.log_text())

    def test_what_is_taken_back_is_out_of_use_at_the_next_request(self):
        self.allow()
        self.keep(self.token)
        self.wait_allowed()
        self.session("taken-back")
        kube.kubectl("delete", "secret", SECRET, "-n", "team-a")
        status = self.finish("taken-back")
        self.assertEqual(status["phase"], "Failed", status)
        self.assertIn("The project has no GIT_TOKEN any more", str(status))
        self.assertNotIn("refs/heads/ambient/taken-back", stack.control("GET", "/refs?project=github:octo/hello"))

    def test_one_that_is_none_is_said_and_not_repeated(self):
        self.allow()
        self.keep(BROKEN)
        wait_until("the Secret is read", lambda: self.failure()["code"] != "not_connected", 10)
        failure = self.failure()
        self.assertEqual(failure["code"], "token_malformed", failure)
        self.assertIn("The GIT_TOKEN of the project team-a cannot be used", failure["message"])
        self.assertIn(SECRET, failure["remediation"])
        self.assertNotIn(BROKEN, str(self.report()))
        self.take_back("team-a")
        self.allow()
        self.keep("glpat-01234567890123456789")
        wait_until("another is read", lambda: self.failure()["code"] == "token_wrong_kind", 10)
        self.assertNotIn("glpat-0123", stack.log_text())

    def test_an_api_server_that_does_not_say_is_no_project_without_a_token(self):
        self.allow()
        self.keep(self.token)
        self.wait_allowed()
        for fault in ({"kind": "status", "code": 500}, {"kind": "truncated"}, {"kind": "reset"}):
            with self.subTest(fault):
                more = dict(fault)
                way.faults.add(more.pop("kind"), f"secrets/{SECRET}", **more)
                self.assertEqual(self.report(status=503)["code"], "kubernetes_unavailable")
                way.faults.clear()
        self.assertTrue(self.report()["valid"])


if __name__ == "__main__":
    unittest.main()
