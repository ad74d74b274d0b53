"""GitHub beside GitLab: a token of one's own, the platform's App, the project's token; reports, sessions, and what stays apart."""
import tempfile
import unittest
from pathlib import Path

from stack import Stack, wait_until

VALIDATE = "/api/projects/default/repositories/validate"


def check_of(report, name):
    return next(check for check in report["checks"] if check["name"] == name)


class GitHubCase(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(settings=cls.settings).start()
        cls.github = cls.stack.simulator["github"]
        cls.base, cls.tokens = cls.github["url"], cls.github["tokens"]
        cls.users = 0

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def user(self):
        type(self).users += 1
        return self.stack.add_user(f"{type(self).__name__.lower()}-{self.users}")

    def pat(self, token, bearer):
        return self.stack.api("POST", "/api/auth/github/pat", {"token": token}, bearer)

    def remove_pat(self, bearer):
        return self.stack.api("DELETE", "/api/auth/github/pat", bearer=bearer)

    def validate(self, url, bearer, **more):
        answer = self.stack.api("POST", VALIDATE, {"url": url, **more}, bearer)
        self.assertEqual(answer.status, 200, answer)
        return answer.json


class TokenTest(GitHubCase):
    def test_a_token_is_connected_shown_and_removed(self):
        bearer = self.user()
        self.assertEqual(self.stack.api("GET", "/api/auth/github/pat/status", bearer=bearer).json, {"configured": False})
        answer = self.pat(self.tokens["classic"], bearer)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["message"], "GitHub PAT saved successfully")
        self.assertNotIn(self.tokens["classic"], str(answer))
        status = self.stack.api("GET", "/api/auth/github/pat/status", bearer=bearer).json
        self.assertTrue(status["configured"] and status["valid"])
        overview = self.stack.api("GET", "/api/auth/integrations/status", bearer=bearer).json
        self.assertFalse(overview["gitlab"]["connected"])
        self.assertEqual((overview["github"]["installed"], overview["github"]["pat"]["configured"], overview["github"]["active"]), (False, True, "pat"))
        self.assertEqual(self.stack.status(bearer).json, {"connected": False})
        self.assertEqual(self.stack.disconnect(bearer).status, 200)
        self.assertTrue(self.stack.api("GET", "/api/auth/github/pat/status", bearer=bearer).json["configured"], "GitLab's disconnect is GitLab's")
        self.assertEqual(self.remove_pat(bearer).json["message"], "GitHub PAT removed successfully")
        self.assertEqual(self.stack.api("GET", "/api/auth/github/pat/status", bearer=bearer).json, {"configured": False})
        self.assertFalse(self.stack.api("GET", "/api/auth/integrations/status", bearer=bearer).json["github"]["pat"]["configured"])

    def test_tokens_that_are_no_use_say_why(self):
        bearer = self.user()
        rows = [("revoked", 400, "token_invalid"), ("expired", 400, "token_invalid"), ("noScope", 400, "token_scope_missing"), ("rateLimited", 429, "rate_limited"),
                ("secondaryLimit", 429, "rate_limited")]
        for name, status, code in rows:
            with self.subTest(name):
                answer = self.pat(self.tokens[name], bearer)
                self.assertEqual((answer.status, answer.json["code"]), (status, code), answer)
                if code == "rate_limited":
                    self.assertIn("GitHub API rate limit exceeded", answer.json["error"])
                    self.assertGreater(int(answer.headers["Retry-After"]), 0)
        for token in (self.stack.tokens["good"], "ghs_" + "a" * 36, "ghr_" + "a" * 36):
            with self.subTest(token[:6]):
                self.assertEqual(self.pat(token, bearer).json["code"], "token_wrong_kind")
        for token in (self.tokens["classic"],):
            answer = self.stack.connect(token, bearer=bearer)
            self.assertEqual(answer.json["code"], "token_wrong_kind", "GitHub's token is not for GitLab")

    def test_the_test_call_stores_nothing(self):
        bearer = self.user()
        good = self.stack.api("POST", "/api/auth/github/test", {"token": self.tokens["expiring"]}, bearer).json
        self.assertTrue(good["valid"], good)
        bad = self.stack.api("POST", "/api/auth/github/test", {"token": self.tokens["revoked"]}, bearer).json
        self.assertEqual((bad["valid"], bad["code"]), (False, "token_invalid"))
        self.assertEqual(check_of(bad, "token")["code"], "token_invalid")
        self.assertEqual(self.stack.api("GET", "/api/auth/github/pat/status", bearer=bearer).json, {"configured": False})

    def test_reports_of_repositories(self):
        bearer = self.user()
        self.assertEqual(self.pat(self.tokens["repoOnly"], bearer).status, 200)
        good = self.validate(f"{self.base}/octo/hello.git", bearer)
        self.assertTrue(good["valid"], good)
        self.assertEqual((good["provider"], good["projectPath"], good["defaultBranch"]), ("github", "octo/hello", "main"))
        self.assertEqual(good["can"], {"read": True, "push": True})
        self.assertIn("/api/v3/", good["apiUrl"])
        rows = [
            ("not there", "octo/none", {}, "repository", "repo_not_found", "Repository not found"),
            ("not to be seen", "hubber/secret", {}, "repository", "repo_not_found", "Repository not found"),
            ("archived", "octo-org/archived", {}, "push", "repo_archived", "archived"),
            ("read only", "octo-org/readonly", {}, "push", "repo_no_push", "octo is Read on octo-org/readonly; pushing needs Write"),
            ("triage", "octo-org/triage", {}, "push", "repo_no_push", "Triage"),
            ("a protected branch", "octo/hello", {"branch": "main"}, "branch", "branch_protected", "main is protected"),
            ("a branch under a rule", "octo-org/rules", {"branch": "release/9"}, "branch", "branch_protected", "release/9"),
            ("a missing branch to read", "octo/hello", {"branch": "nope", "access": "read"}, "branch", "branch_not_found", "Its default branch is main"),
        ]
        for row, path, more, name, code, text in rows:
            with self.subTest(row):
                report = self.validate(f"{self.base}/{path}", bearer, **more)
                failed = next(check for check in report["checks"] if check["ok"] is False)
                self.assertEqual((failed["name"], failed["code"]), (name, code), report)
                self.assertIn(text, failed["message"])
        for path, name, code in (("octo/old-name", "repository", "repo_moved"), ("octo/empty", "branch", "repo_empty")):
            with self.subTest(path):
                report = self.validate(f"{self.base}/{path}", bearer, branch="ambient/x")
                self.assertTrue(report["valid"], report)
                self.assertEqual(check_of(report, name).get("code"), code, report)
        page = self.validate(f"{self.base}/octo/hello/tree/docs/guide", bearer)
        self.assertEqual((page["projectPath"], page["branch"]), ("octo/hello", "docs/guide"), page)
        self.assertTrue(self.validate(f"{self.base}/octo/hello/pull/3/files", bearer)["valid"])

    def test_fine_grained_tokens_are_judged_by_what_they_can(self):
        writer, reader = self.user(), self.user()
        self.assertEqual(self.pat(self.tokens["fineWrite"], writer).status, 200)
        self.assertEqual(self.pat(self.tokens["fineRead"], reader).status, 200)
        self.assertTrue(self.validate(f"{self.base}/octo/hello", writer)["can"]["push"])
        report = self.validate(f"{self.base}/octo/hello", reader)
        self.assertEqual(report["can"], {"read": True, "push": False}, report)

    def test_a_session_pushes_to_both_providers(self):
        bearer, user_number = self.user(), 7
        self.assertEqual(self.pat(f"ghp_user{user_number}x0123456789abcdefghijklmnopqrstuvwxyz"[:40], bearer).status, 200)
        self.assertEqual(self.stack.connect("glpat-user7-0123456789abcdefghij", bearer=bearer).status, 200)
        gitlab = f"{self.stack.simulator['url']}/demo/hello.git"
        spec = {"description": "work at both", "repositories": [{"url": f"{self.base}/octo/hello.git"}, {"url": gitlab}]}
        self.assertEqual(self.stack.create_session("both", spec, bearer).status, 201)
        done = self.stack.wait_for_session("both", 90, bearer)
        self.assertEqual(done["status"]["phase"], "Completed", done)
        self.assertEqual([one["provider"] for one in done["status"]["repositories"]], ["github", "gitlab"])
        self.assertEqual(done["status"]["repositories"][0]["branchUrl"], f"{self.base}/octo/hello/tree/ambient/both")
        self.assertIn(f"View changes in GitHub:\n{self.base}/octo/hello/tree/ambient/both", done["status"]["notification"])
        log = self.stack.log_text()
        self.assertNotIn("ghp_user7", log)
        host = self.base.removeprefix("https://")
        for text in (f"Cloning GitHub repository: {self.base}/octo/hello", "[GitHub] Using token ghp_*** for user user7", f"[GitHub] API URL {self.base}/api/v3",
                     f"[GitHub] Cloning https://x-access-token:***@{host}/octo/hello.git", f"Push succeeded: {self.base}/octo/hello/tree/ambient/both"):
            self.assertIn(text, log)
        page = done["status"]["repositories"][0].get("mergeRequestUrl")
        self.assertEqual(page, f"{self.base}/octo/hello/pull/new/ambient/both", done["status"]["repositories"])


# What the agent leaves behind is in the session's description.
AGENT = """#!/bin/sh
for folder in */; do
	case $ACP_SESSION_DESCRIPTION in
	secret) printf 'key = ghp_%s\\n' 0123456789abcdefghijklmnopqrstuvwxyz >"$folder/settings.ini" ;;
	large) head -c 2000000 /dev/zero >"$folder/large.bin" ;;
	workflow) mkdir -p "$folder/.github/workflows" && echo 'on: push' >"$folder/.github/workflows/ci.yml" ;;
	*) echo "$ACP_SESSION_DESCRIPTION" >"$folder/AMBIENT.md" ;;
	esac
done
[ "$ACP_SESSION_DESCRIPTION" != slow ] || touch "$ACP_WORKSPACE/waiting"
while [ -e "$ACP_WORKSPACE/waiting" ]; do sleep 0.1; done
"""


class PushTest(GitHubCase):
    """What GitHub says only when a branch is sent: in the session's status in GitHub's words, and never a success."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        script = Path(cls.folder.name) / "agent"
        script.write_text(AGENT)
        script.chmod(0o755)
        cls.settings = {"ACP_AGENT_COMMAND": str(script)}
        super().setUpClass()
        cls.octo = cls.stack.add_user("push-octo")
        assert cls.stack.api("POST", "/api/auth/github/pat", {"token": cls.tokens["repoOnly"]}, cls.octo).status == 200

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def create(self, name, spec):
        answer = self.stack.create_session(name, spec, self.octo)
        self.assertEqual(answer.status, 201, answer)
        return answer.json["metadata"]["uid"]

    def status_of(self, name):
        return self.stack.wait_for_session(name, 90, self.octo)["status"]

    def refs(self, path):
        return self.stack.control("GET", f"/refs?project=github:{path}")

    def assert_refused(self, status, code, words, remedy):
        self.assertEqual(status["phase"], "Failed", status)
        [repository] = status["repositories"]
        self.assertEqual((repository["phase"], repository["error"]["code"]), ("Failed", code), repository)
        self.assertIn(words, repository["error"]["message"])
        self.assertIn(remedy, repository["error"]["remediation"])
        self.assertTrue(status["notification"].startswith("AgenticSession failed."), status)
        self.assertNotIn("branchUrl", repository)
        self.assertNotIn("GitLab", str(status))

    def test_refusals_are_told_in_githubs_words(self):
        rows = [  # what the agent leaves, repository, code, words of the message, words of the remedy
            ("secret", "octo/secrets", "push_rejected", "GitHub rejected the push: GH013: Repository rule violations found for refs/heads/ambient/secret.", "Take the secrets out"),
            ("large", "octo/large-files", "push_rejected", "GH001: Large files detected.", "Git LFS"),
            ("workflow", "octo/hello", "push_forbidden", "GitHub push failed: Insufficient permissions. The push changes files in .github/workflows", "scope 'workflow'"),
        ]
        for left, path, code, words, remedy in rows:
            with self.subTest(left):
                self.create(left, {"description": left, "repositories": [{"url": f"{self.base}/{path}.git"}]})
                self.assert_refused(self.status_of(left), code, words, remedy)
                self.assertNotIn(f"refs/heads/ambient/{left}", self.refs(path))

    def test_branches_that_are_protected_before_the_session_are_never_cloned(self):
        for number, (path, branch) in enumerate((("octo/hello", "main"), ("octo-org/rules", "release/9"), ("octo-org/strict", "locked/new"))):
            with self.subTest(path):
                name = f"protected-{number}"
                self.create(name, {"description": "x", "outputRepo": {"url": f"{self.base}/{path}", "branch": branch}})
                self.assert_refused(self.status_of(name), "branch_protected", f"{branch} is protected", "open a pull request")
                self.assertNotIn(f"Cloning GitHub repository: {self.base}/{path}", self.stack.log_text())

    def test_a_branch_that_is_protected_while_the_agent_works_is_refused_by_the_push(self):
        rows = [
            ({"repository": "octo/private", "branch": "ambient/*"}, "ambient/slow-0 is protected on octo/private."),
            ({"repository": "octo-org/service", "patterns": ["ambient/*"], "rules": ["creation", "pull_request"]},
             "ambient/slow-1 is protected on octo-org/service."),
        ]
        # Classic protection is of branches that exist.
        self.stack.control("POST", "/commit", {"project": "github:octo/private", "branch": "ambient/slow-0", "files": {"one": "1"}})
        for number, (rule, words) in enumerate(rows):
            with self.subTest(rule["repository"]):
                name, path = f"slow-{number}", rule["repository"]
                start = {"branch": f"ambient/{name}"} if number == 0 else {}
                uid = self.create(name, {"description": "slow", "repositories": [{"url": f"{self.base}/{path}", **start}]})
                waiting = self.stack.data / "workspaces" / uid / "waiting"
                wait_until("the agent waits", waiting.exists, 60)
                before = self.refs(path)
                self.stack.control("POST", "/github/protect", rule)
                waiting.unlink()
                self.assert_refused(self.status_of(name), "branch_protected", words, "open a pull request")
                self.assertEqual(self.refs(path), before)

    def test_a_private_address_is_kept_private(self):
        self.create("private", {"description": "x", "repositories": [{"url": f"{self.base}/octo/private-email"}]})
        status = self.status_of("private")
        self.assertEqual(status["phase"], "Completed", status)
        commit = self.stack.control("GET", "/commit?project=github:octo/private-email&ref=ambient/private")
        host = self.base.removeprefix("https://").rsplit(":", 1)[0]
        self.assertIn(f"583231+octo@users.noreply.{host}", str(commit))


class AppTest(GitHubCase):
    def install(self, number, bearer):
        return self.stack.api("POST", "/api/auth/github/install", {"installationId": number}, bearer)

    def test_an_installation_needs_proof_and_then_serves_its_account(self):
        octo, number = self.user(), self.github["installationId"]
        answer = self.install(number, octo)
        self.assertEqual((answer.status, answer.json["code"]), (403, "installation_not_yours"), answer)
        self.assertEqual(self.pat(self.tokens["classic"], octo).status, 200)
        for installation, account in ((7001, "octo"), (7002, "octo-org")):
            answer = self.install(installation, octo)
            self.assertEqual((answer.status, answer.json.get("account")), (200, account), answer)
        status = self.stack.api("GET", "/api/auth/github/status", bearer=octo).json
        self.assertEqual((status["installed"], status["active"]), (True, "pat"), status)
        self.assertEqual(self.remove_pat(octo).status, 200)
        self.assertEqual(self.stack.api("GET", "/api/auth/github/status", bearer=octo).json["active"], "app")
        self.assertTrue(self.stack.api("GET", "/api/auth/integrations/status", bearer=octo).json["github"]["installed"])
        report = self.validate(f"{self.base}/octo-org/service", octo)
        self.assertTrue(report["valid"], report)
        self.assertEqual(report["account"], "the GitHub App")
        self.assertEqual(check_of(self.validate(f"{self.base}/hubber/public", octo), "connection")["code"], "not_connected")
        spec = {"description": "by the App", "outputRepo": {"url": f"{self.base}/octo-org/service.git", "branch": "ambient/app"}}
        self.assertEqual(self.stack.create_session("app", spec, octo).status, 201)
        done = self.stack.wait_for_session("app", 90, octo)
        self.assertEqual(done["status"]["phase"], "Completed", done)
        self.assertEqual(self.stack.api("POST", "/api/auth/github/disconnect", {}, octo).status, 200)
        self.assertFalse(self.stack.api("GET", "/api/auth/github/status", bearer=octo).json["installed"])
        self.assertFalse(self.validate(f"{self.base}/octo-org/service", octo)["valid"])
        for file, content in self.stack.files():
            if "simulator" not in file.parts:
                self.assertNotIn(b"ghs_", content.replace(b"ghs_***", b""), file)

    def test_installations_of_others_are_refused(self):
        hubber = self.user()
        self.assertEqual(self.pat(self.tokens["hubber"], hubber).status, 200)
        rows = [(7001, 403, "installation_not_yours"), (7002, 403, "installation_not_yours"), (7003, 409, "installation_suspended"), (99, 404, "installation_not_found")]
        for number, status, code in rows:
            with self.subTest(str(number)):
                answer = self.install(number, hubber)
                self.assertEqual((answer.status, answer.json["code"]), (status, code), answer)
        self.stack.control("POST", "/github/accounts", {"login": "octo-org", "members": {"hubber": "active"}})
        self.assertEqual(self.install(7002, hubber).json["code"], "installation_not_yours", "a member is no owner")
        for number in ("x", -1, 0, None, 1.5, "7001; drop"):
            with self.subTest(str(number)):
                self.assertEqual(self.install(number, hubber).status, 400)


class NoAppTest(GitHubCase):
    settings = {"ACP_GITHUB_APP_ID": "", "ACP_GITHUB_APP_KEY_FILE": ""}

    def test_without_an_app_that_is_said(self):
        answer = self.stack.api("POST", "/api/auth/github/install", {"installationId": 7001}, self.user())
        self.assertEqual((answer.status, answer.json["code"]), (409, "github_app_not_configured"), answer)


class ProjectTokenTest(unittest.TestCase):
    def test_the_projects_token_serves_those_without_one(self):
        with Stack() as first:  # the token's text, before the product that uses it starts
            token = first.simulator["github"]["tokens"]["repoOnly"]
        with Stack(settings={"ACP_GIT_TOKEN": token}) as stack:
            base = stack.simulator["github"]["url"]
            bearer = stack.add_user("tokenless")
            report = stack.api("POST", VALIDATE, {"url": f"{base}/octo/hello"}, bearer).json
            self.assertTrue(report["valid"], report)
            self.assertEqual(report["account"], "the project's GIT_TOKEN")
            spec = {"description": "x", "outputRepo": {"url": f"{base}/octo/hello.git", "branch": "ambient/project"}}
            self.assertEqual(stack.create_session("project-token", spec, bearer).status, 201)
            self.assertEqual(stack.wait_for_session("project-token", 90, bearer)["status"]["phase"], "Completed")
            self.assertFalse(stack.api("POST", VALIDATE, {"url": "https://github.com/octo/hello"}, bearer).json["valid"], "it is for one server alone")
            self.assertNotIn(token, stack.log_text())
            holders = []
            for pid in stack.pids():
                for name in ("environ", "cmdline"):
                    try:
                        with open(f"/proc/{pid}/{name}", "rb") as file:
                            content = file.read()
                    except OSError:
                        continue
                    if token.encode() in content:
                        with open(f"/proc/{pid}/cmdline", "rb") as file:
                            holders.append((name, file.read().replace(b"\0", b" ").decode()))
            for name, command in holders:
                self.assertTrue(name == "environ" and "acp-gitlab-fcgi" not in command and "acp-git-worker" not in command, holders)


if __name__ == "__main__":
    unittest.main()
