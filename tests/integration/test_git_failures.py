"""What can go wrong between a session and its remote, each through a real git server: the words that users see, and what the remote has afterwards.

Every row is a session on a project of its own. All of them run at once: some meet their failure before anything is cloned, the others while the agent
works, which waits until the world has been changed around it.
"""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse
from pathlib import Path

from stack import Stack, wait_until

AGENT = """#!/bin/sh
touch "$ACP_WORKSPACE/waiting"
while [ ! -e "$ACP_WORKSPACE/go" ]; do sleep 0.1; done
for folder in */; do [ ! -e "$folder/.git" ] || cp "$ACP_WORKSPACE/go" "$folder/changed.txt"; done
rm -f "$ACP_WORKSPACE/waiting" "$ACP_WORKSPACE/go"
"""
MISSING = "or the connected account may not see it. Check spelling and membership (private projects, IP restrictions and unaccepted SSO look the same)."
SSO = ("The group requires an active single sign-on session: sign in at {base}/groups/{group}/-/saml/sso in a browser, then retry. A service or group token "
       "is exempt.")


class FailureCase(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="acp-agent.", dir="/opt" if os.access("/opt", os.W_OK) else None)
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        script = Path(cls.folder) / "agent"
        script.write_text(AGENT)
        for path in (Path(cls.folder), script):
            path.chmod(0o755)
        cls.stack = Stack(settings={"ACP_AGENT_COMMAND": str(script)})
        cls.addClassCleanup(cls.stack.close)
        cls.stack.start()
        cls.base = cls.stack.simulator["url"]
        cls.host = cls.base.removeprefix("https://")
        assert cls.stack.connect().status == 200
        # `up` has a worker of its own; this one takes all the rows at once.
        cls.worker = subprocess.Popen([cls.stack.build / "bin/acp-git-worker", "serve", "--sessions", "40"], env=cls.stack.environment(),
                                      stdin=subprocess.DEVNULL, stdout=open(cls.stack.data / "logs/worker-2.log", "ab"), stderr=subprocess.STDOUT)
        cls.addClassCleanup(cls.end_worker)

    @classmethod
    def end_worker(cls):
        cls.worker.terminate()
        cls.worker.wait(40)

    def control(self, call, /, **order):
        return self.stack.control("POST", call, order)

    def refs(self, project):
        return self.stack.control("GET", "/refs?" + urllib.parse.urlencode({"project": project}))

    def create(self, name, spec, bearer=None):
        answer = self.stack.create_session(name, spec, bearer)
        self.assertEqual(answer.status, 201, answer)
        return self.stack.data / "workspaces" / answer.json["metadata"]["uid"]

    def wait_for_agent(self, workspace, name):
        wait_until(f"the agent of {name} waits", (workspace / "waiting").exists, 120)

    @staticmethod
    def go(workspace, text="changed\n"):
        draft = workspace / "go.new"
        draft.write_text(text)
        draft.rename(workspace / "go")


class BeforeTheCloneTest(FailureCase):
    def rows(self):
        """(failure mode, project, members of its entry, code, message)"""
        return [
            ("f29-not-connected", "https://gitlab.example.org/a/b.git", {}, "not_connected",
             "no GitLab credentials available. Connect GitLab on the Integrations page: there is no connection to gitlab.example.org."),
            ("f32-hidden", "secret/hidden", {}, "repo_not_found",
             f"Repository not found. secret/hidden was not found on {self.host}, {MISSING}"),
            ("f32-missing", "nowhere/at/all", {}, "repo_not_found",
             f"Repository not found. nowhere/at/all was not found on {self.host}, {MISSING}"),
            ("f36-disabled", "demo/repository-disabled", {}, "repo_disabled", "The repository of demo/repository-disabled is disabled."),
            ("f37-guest", "roles/guest", {}, "repo_no_read",
             "Insufficient permissions: john (Guest) may not read the code of roles/guest. Reporter or higher is needed."),
            ("f40-no-branch", "group/sub/api", {"branch": "nope"}, "branch_not_found",
             "group/sub/api has no branch nope. Its default branch is main."),
            ("f42-no-http", "demo/no-http", {}, "git_http_disabled",
             f"{self.host} does not allow Git over HTTPS (Git access over HTTP is not allowed)."),
            ("f42-no-pull", "demo/no-http-pull", {}, "git_http_disabled",
             f"{self.host} does not allow Git over HTTPS (Pulling over HTTP is not allowed.)."),
            ("f43-sso", "demo/sso", {}, "sso_required", SSO.format(base=self.base, group="demo")),
        ]

    def test_what_cannot_be_cloned_is_told_and_its_agent_not_started(self):
        workspaces = {}
        for name, project, more, _, _ in self.rows():
            url = project if project.startswith("https:") else f"{self.base}/{project}.git"
            workspaces[name] = self.create(name, {"description": name, "repositories": [{"url": url, **more}]})
        for name, _, _, code, message in self.rows():
            with self.subTest(name):
                status = self.stack.wait_for_session(name, 60)["status"]
                [repository] = status["repositories"]
                self.assertEqual((status["phase"], repository["phase"], repository["error"]["code"], repository["error"]["message"]),
                                 ("Failed", "Failed", code, message))
                self.assertTrue(repository["error"]["remediation"])
                self.assertEqual(status["notification"], f"AgenticSession failed.\n{repository['name']}: {message}")
                self.assertFalse((workspaces[name] / "waiting").exists())


class WhileTheAgentWorksTest(FailureCase):
    def rows(self):
        """(failure mode, members of the project, what happens meanwhile, code, message); code None: the push succeeds all the same."""
        def project(**members):
            return lambda path: self.control("/projects", path=path, **members)

        def rules(**members):
            return {"rules": members}

        def fault(mode, **more):
            return lambda path: self.control("/mode", scope=path, mode=mode, **more)

        def recreate(path):
            self.control("/projects", path=path, deleted=True)
            self.control("/projects", path=path, id=9001)

        def commit_elsewhere(path):
            self.control("/commit", project=path, branch=self.branch(path), files={"other.txt": "someone else's"})

        def protect(path):
            self.control("/protect", project=path, branch="ambient/*")

        push, host = {"match": "git-receive-pack"}, self.host
        no_push = f"{host} does not allow Git over HTTPS (Pushing over HTTP is not allowed.)."
        return [
            ("f32-deleted", {}, project(deleted=True), "repo_not_found",
             f"Repository not found. fail/f32-deleted was not found on {host}, {MISSING}"),
            ("f34-renamed", {}, project(rename="moved/f34-renamed"), None, None),
            ("f35-another-project", {}, recreate, "repo_identity_changed",
             "fail/f35-another-project now belongs to a different project than the one that was checked."),
            ("f36-archived", {}, project(archived=True), "repo_archived",
             "fail/f36-archived is archived and read-only."),
            ("f36-archived-before", {"archived": True}, None, "repo_archived",
             "fail/f36-archived-before is archived and read-only."),
            ("f36-deleting", {}, project(deleting=True), "repo_deleting",
             "fail/f36-deleting is marked for deletion and read-only."),
            ("f36-disabled", {}, project(repositoryDisabled=True), "repo_disabled", "The repository of fail/f36-disabled is disabled."),
            ("f38-role", {}, project(members={"john": 20}), "repo_no_push",
             "Insufficient permissions. The connected account may not push to fail/f38-role; pushing needs Developer or higher."),
            ("f38-role-before", {"members": {"john": 20}}, None, "repo_no_push",
             "Insufficient permissions. The connected account may not push to fail/f38-role-before; pushing needs Developer or higher."),
            ("f39-protected", {}, protect, "branch_protected",
             "ambient/f39-protected is protected on fail/f39-protected. Push to another branch and open a merge request, or ask a Maintainer."),
            ("f39-maintainer", {"members": {"john": 40}}, protect, "branch_protected",
             "ambient/f39-maintainer is protected on fail/f39-maintainer. Push to another branch and open a merge request, or ask a Maintainer."),
            # Who does not show the rules refuses by itself.
            ("f39-hidden", {"protectedListLevel": 50}, protect, "branch_protected",
             ("ambient/f39-hidden is protected on fail/f39-hidden. Push to another branch and open a merge request, or ask a Maintainer. "
              "GitLab says: You are not allowed to create protected branches on this project.")),
            ("f42-no-push", {}, project(http="no_push"), "git_http_disabled", no_push),
            ("f42-no-push-before", {"http": "no_push"}, None, "git_http_disabled", no_push),
            ("f43-sso", {}, project(sso=True), "sso_required", SSO.format(base=self.base, group="fail")),
            ("f28-read-only", {}, project(readOnly=True), "instance_read_only",
             f"The repository is read-only on {host} for the moment. Try later."),
            ("f28-maintenance", {}, fault("maintenance"), "instance_read_only",
             f"{host} is in maintenance mode: reading works, pushing does not. Try later."),
            ("f45-someone-else", {}, commit_elsewhere, "push_not_fast_forward",
             "ambient/f45-someone-else changed on GitLab meanwhile; nothing was overwritten."),
            ("f45-race", rules(overtaken=True), None, "push_not_fast_forward",
             "ambient/f45-race changed on GitLab meanwhile; nothing was overwritten."),
            ("f46-rule", rules(commitMessage="^[A-Z]+-[0-9]+:"), None, "push_rejected",
             "GitLab rejected the push: Commit message does not follow the pattern '^[A-Z]+-[0-9]+:'"),
            ("f46-branch-name", rules(branchName="^feature/"), None, "push_rejected",
             "GitLab rejected the push: Branch name does not follow the pattern '^feature/'"),
            ("f46-file-name", rules(fileName=r"changed\.txt$"), None, "push_rejected",
             r'GitLab rejected the push: File name changed.txt was prohibited by the pattern "changed\.txt$".'),
            ("f46-secret", rules(secretDetection=True), None, "push_rejected",
             ("^GitLab rejected the push: PUSH BLOCKED: Secrets detected in code changes Secret push protection found the following secrets in commit: "
              "[0-9a-f]{40} -- changed.txt:1 | GitLab Personal Access Token To push your changes you must remove the identified secrets.$".replace("|", "[|]"))),
            ("f46-size", rules(sizeLimit=True), None, "push_rejected",
             ("GitLab rejected the push: Your push to this repository would cause it to exceed the size limit of 10 MiB by 2 MiB, so it has been "
              "rejected. Please contact your GitLab administrator for more information.")),
            ("f46-lfs", rules(lfs=True), None, "push_rejected",
             'GitLab rejected the push: LFS objects are missing. Ensure LFS is properly set up or try a manual "git lfs push --all".'),
            ("f46-hook", rules(message="The freeze is on until Monday."), None, "push_rejected",
             "GitLab rejected the push: The freeze is on until Monday."),
            ("f46-own-email", rules(memberEmail=True), None, None, None),
            ("f47-taken-back", rules(takesBack=True), None, "push_unconfirmed",
             "The push was sent, but the remote's branch is not at the pushed commit."),
            ("f48-answer-lost", {}, fault("truncated", method="POST", times=1, **push), None, None),
            ("f48-line-lost-once", {}, fault("reset", method="POST", times=1, **push), None, None),
            ("f48-line-lost", {}, fault("reset", method="POST", **push), "instance_unreachable",
             f"{host} closed the connection without an answer."),
            ("f49-redirected", {}, fault("redirect", location="https://elsewhere.example", **push), "git_redirect_refused",
             f"{host} redirects Git to another page; the token was not sent."),
            ("f26-rate-limit", {}, fault("rate_limited", **push), "rate_limited",
             "GitLab API rate limit exceeded. Please wait a few minutes before retrying. GitLab asks to wait 17 s."),
            ("f27-error", {}, fault("error500", **push), "instance_error",
             f"{host} reported an internal error (500). Try again."),
            ("f10-page", {}, fault("html", **push), "instance_not_api",
             f"{host} answered git with something that is not git's."),
        ]

    @staticmethod
    def branch(path):
        return f"ambient/{path.split('/')[1]}"

    def begin(self):
        """All sessions run and wait for their agents; then what happens to each has happened. The branches of each remote at that moment."""
        running, before = {}, {}
        for name, members, _, _, _ in self.rows():
            self.control("/projects", path=f"fail/{name}", **members)
            running[name] = self.create(name, {"description": name, "repositories": [{"url": f"{self.base}/fail/{name}.git"}]})
        for name, _, meanwhile, _, _ in self.rows():
            self.wait_for_agent(running[name], name)
            if meanwhile:
                meanwhile(f"fail/{name}")
            before[name] = {} if name == "f32-deleted" else self.refs(f"fail/{name}")
        return running, before

    def judge(self, name, code, message, before):
        status = self.stack.wait_for_session(name, 120)["status"]
        [repository] = status["repositories"]
        after = {} if name == "f32-deleted" else self.refs(f"fail/{name}")
        branch = f"refs/heads/ambient/{name}"
        if code is None:
            self.assertEqual((status["phase"], repository["phase"], after[branch]), ("Completed", "Pushed", repository["commit"]), repository)
            return
        self.assertEqual((status["phase"], repository["phase"], repository["error"]["code"]), ("Failed", "Failed", code), repository)
        self.assertRegex(repository["error"]["message"], message if message.startswith("^") else f"^{re.escape(message)}$")
        self.assertTrue(repository["error"]["remediation"])
        self.assertEqual(status["notification"], f"AgenticSession failed.\n{repository['name']}: {repository['error']['message']}")
        self.assertNotIn("branchUrl", repository)
        told = [warning["code"] for warning in repository.get("warnings", ())]
        self.assertEqual(told, [code] if name.endswith("-before") else [])
        if name == "f45-race":  # the one who was faster began the branch at main
            before = {**before, branch: before["refs/heads/main"]}
        self.assertEqual(after, before)

    def test_each_failure_is_told_in_its_words_and_nothing_is_called_pushed_that_is_not_there(self):
        running, before = self.begin()
        for name, workspace in running.items():
            self.go(workspace, "token = glpat-0123456789abcdefghij\n" if name == "f46-secret" else "changed\n")
        for name, _, _, code, message in self.rows():
            with self.subTest(name):
                self.judge(name, code, message, before[name])
        self.assertEqual(self.stack.control("GET", "/created_projects"), [])
        log = self.stack.log_text()
        self.assertEqual(log.count("The push is tried once more"), 2, "for f48-line-lost-once and f48-line-lost alone")


class TokenTest(FailureCase):
    """F50, F52: the way to the remote is lost while the agent works; the work is kept, and pushed once there is a way again."""

    def session_of(self, number):
        """(bearer, token, name and workspace) of a user's session whose agent waits."""
        bearer, token, name = self.stack.add_user(f"user-{number}"), f"glpat-user{number}-0123456789abcdefghij", f"lost-{number}"
        self.assertEqual(self.stack.connect(token, bearer=bearer).status, 200)
        self.control("/projects", path=f"fail/{name}", everyone=30)
        workspace = self.create(name, {"description": name, "repositories": [{"url": f"{self.base}/fail/{name}.git"}]}, bearer)
        self.wait_for_agent(workspace, name)
        return bearer, token, name, workspace

    def fails_with(self, name, bearer, code, message):
        status = self.stack.wait_for_session(name, 60, bearer)["status"]
        [repository] = status["repositories"]
        self.assertEqual((status["phase"], repository["error"]["code"], repository["error"]["message"]), ("Failed", code, message))
        self.assertNotIn(f"refs/heads/ambient/{name}", self.refs(f"fail/{name}"))
        self.assertEqual([(one["status"], one["type"]) for one in status["conditions"] if one["type"] == "WorkKept"], [("True", "WorkKept")])

    def pushes_at_last(self, name, bearer):
        answer = self.stack.api("POST", f"/api/projects/default/agentic-sessions/{name}/git/push", bearer=bearer)
        self.assertIn(answer.status, (200, 202), answer)
        [repository] = self.stack.wait_for_session(name, 60, bearer, phases=("Completed",))["status"]["repositories"]
        self.assertEqual(self.refs(f"fail/{name}")[f"refs/heads/ambient/{name}"], repository["commit"])

    def test_a_token_that_is_revoked_meanwhile(self):
        bearer, token, name, workspace = self.session_of(501)
        self.control("/tokens", token=token, state="revoked")
        self.go(workspace)
        self.fails_with(name, bearer, "token_revoked", "Authentication failed: Invalid token. This token was revoked in GitLab. Create a new one and reconnect.")
        self.assertFalse(self.stack.status(bearer).json["valid"])
        self.control("/tokens", token=token, state="active")
        self.assertEqual(self.stack.connect(token, bearer=bearer).status, 200)
        self.pushes_at_last(name, bearer)

    def test_a_token_that_expires_meanwhile(self):
        bearer, token, name, workspace = self.session_of(502)
        self.control("/tokens", token=token, state="expired")
        self.go(workspace)
        self.fails_with(name, bearer, "token_expired", "Authentication failed: Invalid token. This token expired. Create a new one and reconnect.")

    def test_an_account_that_is_disconnected_meanwhile(self):
        bearer, token, name, workspace = self.session_of(503)
        self.assertEqual(self.stack.disconnect(bearer).status, 200)
        self.go(workspace)
        self.fails_with(name, bearer, "not_connected",
                        f"no GitLab credentials available. Connect GitLab on the Integrations page: there is no connection to {self.base} any more.")
        self.assertEqual(self.stack.connect(token, bearer=bearer).status, 200)
        self.pushes_at_last(name, bearer)


if __name__ == "__main__":
    unittest.main()
