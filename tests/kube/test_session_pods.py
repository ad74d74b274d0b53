"""Session pods: plain git through the gate with the token of the pod's own ServiceAccount, and what nobody can make look like it."""
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import yaml

from kube_server import server_for_tests
from kube_stack import ACCOUNT, NAMESPACE
from resource_stack import SESSIONS, TOP, ResourceStack
from stack import request, wait_until

MANIFEST = yaml.safe_load((TOP / "deploy/kubernetes/session-pod.yaml").read_text())
AUDIENCE = MANIFEST["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["audience"]


def setUpModule():
    global kube, stack
    kube = server_for_tests()
    # Without ACP_AGENT_COMMAND sessions wait for what works on them elsewhere.
    stack = ResourceStack(kube, projects=("team-a", "team-b"), settings={"ACP_AGENT_COMMAND": ""}).start()
    unittest.addModuleCleanup(stack.close)
    for user in ("alice", "bob"):
        answer = stack.connect(stack.tokens["good"] if user == "alice" else stack.tokens["expiring"], bearer=stack.bearers[user])
        assert answer.status == 200, answer


class Pods(unittest.TestCase):
    """A session of alice's that runs in a pod, as the platform's operator starts it."""

    counter = 0

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="acp-pod."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def session(self, user="alice", project="team-a"):
        Pods.counter += 1
        name = f"in-a-pod-{Pods.counter}"
        self.assertEqual(stack.create_resource(user, name, stack.repository_spec(f"pods/{name}"), project=project).status, 201)
        self.addCleanup(kube.admin.delete, f"{SESSIONS.format(project)}/{name}")
        return stack.wait_for_phase(name, ("Running",), seconds=40, project=project)

    def pod(self, session, account=None, project="team-a"):
        """The operator's part: a ServiceAccount, a pod, and the session's status that names the pod."""
        name = session["metadata"]["name"]
        account = account or f"ambient-session-{name}"
        kube.service_account(project, account)
        manifest = {**MANIFEST, "metadata": {"name": f"{name}-runner"}, "spec": {**MANIFEST["spec"], "serviceAccountName": account}}
        pod = kube.admin.post(f"/api/v1/namespaces/{project}/pods", manifest).must().json
        self.addCleanup(kube.admin.delete, f"/api/v1/namespaces/{project}/pods/{name}-runner?gracePeriodSeconds=0")
        self.bind(session, pod, project)
        return pod, account

    def bind(self, session, pod, project="team-a", by=None):
        value = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]} if pod else None
        answer = (by or kube.admin).patch(f"{SESSIONS.format(project)}/{session['metadata']['name']}/status", {"status": {"pod": value}})
        if by is None:
            answer.must()
        return answer

    def ask(self, session, token, service="git-upload-pack"):
        address = f"{stack.url}/git/{session['metadata']['uid']}/hello.git/info/refs?service={service}"
        return request("GET", address, headers={"Authorization": f"Bearer {token}"} if token else {})

    def wait_open(self, session, token):
        wait_until("the gate knows the pod", lambda: self.ask(session, token).status == 200, 20)

    def token(self, account, pod, project="team-a", **more):
        return kube.token(project, account, **{"audiences": [AUDIENCE], "pod": pod["metadata"]["name"], **more})

    def git(self, session, token, *arguments, cwd=None, check=True):
        """git in the pod: nothing but what deploy/'s example gives it, and the token in its file."""
        (self.folder / "token").write_text(token)
        container, = MANIFEST["spec"]["containers"]
        given = {entry["name"]: entry["value"] for entry in container["env"]}
        for documented, here in (("http://vteam-backend.vteam-backend:8080", stack.url), ("SESSION_UID/backend.git", f"{session['metadata']['uid']}/hello.git"),
                                 ("https://gitlab.com/myteam/backend.git", stack.simulator["repository"]), ("/var/run/secrets/acp-gitlab", str(self.folder))):
            self.assertIn(documented, str(given))
            given = {name: value.replace(documented, here) for name, value in given.items()}
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
                       **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "Agent"), ("EMAIL", "agent@example.org"))}, **given}
        result = subprocess.run(["git", *arguments], cwd=cwd, env=environment, text=True, capture_output=True, timeout=60)
        if check:
            self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def refused(self, session, token, status=403, code=""):
        for service in ("git-upload-pack", "git-receive-pack"):
            answer = self.ask(session, token, service)
            self.assertEqual(answer.status, status, answer)
            self.assertNotIn("WWW-Authenticate", answer.headers)
            self.assertNotIn(token[:20], answer.body.decode())

    def test_a_pod_clones_and_pushes_with_plain_git(self):
        session = self.session()
        pod, account = self.pod(session)
        token = self.token(account, pod)
        self.wait_open(session, token)
        branch, head = self.push_from_pod(session, token)
        self.assertEqual(stack.control("GET", "/refs?project=demo/hello")[f"refs/heads/{branch}"], head)
        # Its own branch and no other, like every session.
        other = self.git(session, token, "push", "origin", "HEAD:refs/heads/pods/elsewhere", cwd=self.folder / "work", check=False)
        self.assertNotEqual(other.returncode, 0)
        self.assertNotIn("refs/heads/pods/elsewhere", stack.control("GET", "/refs?project=demo/hello"))
        self.assertNotIn(token, stack.log_text())
        # Nothing of ours is in the pod, and nothing that git was given is a token of GitLab.
        for path in self.folder.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"glpat-", path.read_bytes(), path)

    def push_from_pod(self, session, token):
        """A change to the session's branch; gives the branch and its commit."""
        self.git(session, token, "clone", stack.simulator["repository"], str(self.folder / "work"))
        (self.folder / "work/from-the-pod").write_text("made in a pod\n")
        branch = session["spec"]["outputRepo"]["branch"]
        for arguments in (("checkout", "-b", branch), ("add", "."), ("commit", "-m", "from the pod"), ("push", "origin", branch)):
            self.git(session, token, *arguments, cwd=self.folder / "work")
        return branch, self.git(session, token, "rev-parse", "HEAD", cwd=self.folder / "work").stdout.strip()

    def finish(self, session):
        """Its pod has done: git/push ends it. The resource's status."""
        name = session["metadata"]["name"]
        answer = stack.api("POST", f"/api/projects/team-a/agentic-sessions/{name}/git/push", {}, bearer=stack.bearers["alice"])
        self.assertEqual(answer.status, 202, answer)
        return stack.wait_for_phase(name)["status"]

    def pushed_session(self):
        session = self.session()
        pod, account = self.pod(session)
        token = self.token(account, pod)
        self.wait_open(session, token)
        return session, *self.push_from_pod(session, token)

    def test_the_result_names_what_the_pod_pushed(self):
        session, branch, head = self.pushed_session()
        status = self.finish(session)
        [repository] = status["repositories"]
        link = f"{stack.simulator['url']}/demo/hello/-/tree/{branch}"
        self.assertEqual((status["phase"], repository["phase"], repository["commit"], repository["branch"], repository["branchUrl"]), ("Completed", "Pushed", head, branch, link))
        self.assertEqual(status["notification"], f"AgenticSession completed successfully!\nView changes in GitLab:\n{link}")

    def test_changes_of_the_workspace_do_not_overwrite_what_the_pod_pushed(self):
        session, branch, head = self.pushed_session()
        workspace = stack.data / "workspaces" / session["metadata"]["uid"] / "hello"
        (workspace / "from-the-workspace").write_text("made elsewhere\n")
        status = self.finish(session)
        [repository] = status["repositories"]
        self.assertEqual((status["phase"], repository["error"]["code"]), ("Failed", "push_not_fast_forward"), status)
        self.assertEqual([warning["code"] for warning in repository["warnings"]], ["agent_pushed"])
        self.assertEqual(stack.control("GET", "/refs?project=demo/hello")[f"refs/heads/{branch}"], head)
        self.assertTrue((workspace / "from-the-workspace").exists())

    def test_a_pod_that_never_says_that_it_has_done_is_not_said_to_have_pushed_nothing(self):
        session, branch, head = self.pushed_session()
        uid = session["metadata"]["uid"]
        record = stack.data / "workspaces" / f"{uid}.json"
        noted = json.loads(record.read_text())
        record.write_text(json.dumps({**noted, "waitUntil": int(time.time())}))  # the hour is over
        database = sqlite3.connect(stack.data / "database/acp-gitlab.db", timeout=10)
        with database:
            self.assertEqual(database.execute("UPDATE sessions SET rests_until = ? WHERE id = ? AND rests_until = ?", (int(time.time()), uid, noted["waitUntil"])).rowcount, 1)
        database.close()
        status = stack.wait_for_phase(session["metadata"]["name"])["status"]
        [repository] = status["repositories"]
        self.assertEqual((status["phase"], repository["phase"], repository["commit"]), ("Failed", "Ready", head), status)
        self.assertEqual([warning["code"] for warning in repository["warnings"]], ["agent_pushed"])
        self.assertIn(f"\nView changes in GitLab:\n{repository['branchUrl']}\n", status["notification"])

    def test_the_pod_of_another_session_is_refused(self):
        mine, hers = self.session("bob"), self.session("alice")
        my_pod, my_account = self.pod(mine)
        self.pod(hers)
        token = self.token(my_account, my_pod)
        self.wait_open(mine, token)
        self.refused(hers, token)

    def test_a_pod_that_borrows_the_sessions_service_account_is_refused(self):
        session = self.session()
        pod, account = self.pod(session)
        self.wait_open(session, self.token(account, pod))
        # Whoever may create pods in a project may run them with any of its ServiceAccounts, under any label, annotation and owner reference.
        evil = kube.admin.post("/api/v1/namespaces/team-a/pods", {"metadata": {
            "name": "evil", "labels": pod["metadata"].get("labels", {}), "annotations": {"ambient-code.io/session": session["metadata"]["uid"]},
            "ownerReferences": [{"apiVersion": session["apiVersion"], "kind": "AgenticSession", "name": session["metadata"]["name"],
                                 "uid": session["metadata"]["uid"], "controller": True}]},
            "spec": {"serviceAccountName": account, "containers": [{"name": "c", "image": "none"}]}}).must().json
        self.addCleanup(kube.admin.delete, "/api/v1/namespaces/team-a/pods/evil?gracePeriodSeconds=0")
        self.refused(session, self.token(account, evil))

    def test_the_sessions_service_account_without_its_pod_is_refused(self):
        session = self.session()
        pod, account = self.pod(session)
        self.wait_open(session, self.token(account, pod))
        self.refused(session, kube.token("team-a", account, audiences=[AUDIENCE]))

    def test_the_same_names_in_another_namespace_are_refused(self):
        session = self.session()
        pod, account = self.pod(session)
        self.wait_open(session, self.token(account, pod))
        kube.service_account("team-b", account)
        twin = kube.pod("team-b", pod["metadata"]["name"], account)
        self.addCleanup(kube.admin.delete, f"/api/v1/namespaces/team-b/pods/{pod['metadata']['name']}?gracePeriodSeconds=0")
        self.refused(session, self.token(account, twin, project="team-b"))
        # Not even where a status names it: a session's pod is in its own namespace.
        self.bind(session, twin)
        time.sleep(2)
        self.refused(session, self.token(account, twin, project="team-b"))

    def test_a_member_cannot_name_a_pod(self):
        session = self.session()
        kube.role("team-a", "runs-pods", [{"apiGroups": [""], "resources": ["pods", "serviceaccounts", "serviceaccounts/token"], "verbs": ["*"]}],
                  [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "bob"}])
        bob = kube.client("bob")
        base = "/api/v1/namespaces/team-a"
        bob.post(f"{base}/serviceaccounts", {"metadata": {"name": "ambient-session-forged", "annotations": {"ambient-code.io/session": session["metadata"]["uid"]}}}).must()
        pod = bob.post(f"{base}/pods", {"metadata": {"name": "forged"}, "spec": {"serviceAccountName": "ambient-session-forged",
                                                                                "containers": [{"name": "c", "image": "none"}]}}).must().json
        self.addCleanup(kube.admin.delete, f"{base}/pods/forged?gracePeriodSeconds=0")
        self.assertEqual(self.bind(session, pod, by=bob).status, 403)
        path = f"{SESSIONS.format('team-a')}/{session['metadata']['name']}"
        named = {"name": "forged", "uid": pod["metadata"]["uid"]}
        bob.patch(path, {"status": {"pod": named}, "metadata": {"annotations": {"ambient-code.io/pod": pod["metadata"]["uid"]}}}).must()
        self.assertNotIn("pod", kube.admin.get(path).must().json["status"])
        token = bob.post(f"{base}/serviceaccounts/ambient-session-forged/token", {"spec": {"audiences": [AUDIENCE], "boundObjectRef": {
            "apiVersion": "v1", "kind": "Pod", "name": "forged", "uid": pod["metadata"]["uid"]}}}).must().json["status"]["token"]
        time.sleep(2)
        self.refused(session, token)
        # Nor with a session of his own whose status says so when it is created.
        self.addCleanup(kube.admin.delete, f"{SESSIONS.format('team-a')}/says-so")
        answer = bob.post(SESSIONS.format("team-a"), {"apiVersion": session["apiVersion"], "kind": "AgenticSession", "metadata": {"name": "says-so"},
                                                      "spec": session["spec"], "status": {"pod": named}}).must()
        self.assertNotIn("status", answer.json)

    def test_a_token_for_another_audience_is_refused(self):
        session = self.session()
        pod, account = self.pod(session)
        self.wait_open(session, self.token(account, pod))
        self.refused(session, self.token(account, pod, audiences=None))
        self.refused(session, self.token(account, pod, audiences=["somebody-else"]))

    def test_a_token_that_was_tampered_with_is_refused(self):
        session = self.session()
        pod, account = self.pod(session)
        token = self.token(account, pod)
        self.wait_open(session, token)
        head, claims, signature = token.split(".")
        for forged in (f"{head}.{claims}.{signature[:-8]}AAAAAAAA", f"{head}.{claims}.", f"eyJhbGciOiJub25lIn0.{claims}.", f".{claims}.", f"{head}.e30.{signature}", "a.b.c", ".."):
            self.assertEqual(self.ask(session, forged).status, 403, forged[:30])

    def test_an_expired_token_is_refused(self):
        session = self.session()
        pod, account = self.pod(session)
        token = self.token(account, pod)
        self.wait_open(session, token)
        now = int(time.time())
        # The API server gives no token for less than ten minutes: it is made with the server's own key.
        self.assertEqual(self.ask(session, kube.signed_again(token, exp=now + 60)).status, 200)
        self.refused(session, kube.signed_again(token, iat=now - 7200, nbf=now - 7200, exp=now - 60))

    def test_a_deleted_pod_and_an_unbound_one_are_refused(self):
        session = self.session()
        pod, account = self.pod(session)
        token = self.token(account, pod)
        self.wait_open(session, token)
        self.bind(session, None)
        wait_until("an unbound pod is refused", lambda: self.ask(session, token).status == 403, 20)
        self.bind(session, pod)
        self.wait_open(session, token)
        kube.admin.delete(f"/api/v1/namespaces/team-a/pods/{pod['metadata']['name']}?gracePeriodSeconds=0").must()
        # Our ten seconds and the API server's own ten.
        wait_until("a deleted pod is refused", lambda: self.ask(session, token).status == 403, 40)

    def test_nothing_passes_after_the_sessions_end(self):
        session = self.session()
        pod, account = self.pod(session)
        token = self.token(account, pod)
        self.wait_open(session, token)
        name = session["metadata"]["name"]
        answer = stack.api("POST", f"/api/projects/team-a/agentic-sessions/{name}/git/push", {}, bearer=stack.bearers["alice"])
        self.assertLess(answer.status, 300, answer)
        stack.wait_for_phase(name)
        self.refused(session, token)

    def test_the_gate_fails_closed_and_says_so(self):
        session = self.session()
        pod, account = self.pod(session)
        token, fresh = self.token(account, pod), self.token(account, pod, seconds=700)
        self.wait_open(session, token)
        kube.pause()
        try:
            answer = self.ask(session, fresh)
            self.assertEqual(answer.status, 503, answer)
        finally:
            kube.resume()
        wait_until("and goes on", lambda: self.ask(session, fresh).status == 200, 20)

    def test_refused_tokens_are_not_asked_about_without_end(self):
        session = self.session()
        pod, account = self.pod(session)
        token = self.token(account, pod)
        self.wait_open(session, token)
        mark = kube.audit_mark()
        answers = [self.ask(session, f"{token}{number:04}").status for number in range(40)]
        self.assertEqual(set(answers), {403, 429})
        strangers = [self.ask(session, f"e30.{number:04}.e30").status for number in range(40)]
        self.assertEqual(set(strangers), {403})
        asked = [event for event in kube.audit(f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}", mark) if event["objectRef"]["resource"] == "tokenreviews"]
        self.assertLessEqual(len(asked), 45)  # ten of each process of the pool, and the next while's
        wait_until("the pod is served again", lambda: self.ask(session, token).status == 200, 20)

    def test_git_is_asked_for_a_token_only_when_it_brings_none(self):
        session = self.session()
        answer = self.ask(session, None)
        self.assertEqual((answer.status, answer.headers["WWW-Authenticate"]), (401, 'Basic realm="session pods"'))
        self.assertEqual(self.ask(session, "0" * 43).status, 403)


if __name__ == "__main__":
    unittest.main()
