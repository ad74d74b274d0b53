"""Any repository address, one report: every kind of address, every reason a session could fail for, and what a report costs."""
import threading
import time
import unittest
import urllib.parse

from stack import Stack, free_port, wait_until

CHECKS = ["address", "provider", "connection", "reachable", "tls", "token", "scopes", "repository", "read", "push", "branch"]
DELAY_MS = 400  # so much that what else the machine does counts for little beside it
ROUND_TRIPS_MAX, REQUESTS_MAX = 2.5, 5


def check_of(report, name):
    return next(check for check in report["checks"] if check["name"] == name)


class ReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.second_port = free_port()
        cls.stack = Stack(settings={"ACP_EGRESS_ALLOW": f"127.0.0.1:{cls.second_port}"}).start()
        cls.base = cls.stack.simulator["url"]
        cls.host = cls.base.split("://")[1]
        assert cls.stack.connect().status == 200

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def tearDown(self):
        self.stack.mode("global", "normal")
        self.stack.mode("git", "normal")
        self.stack.mode("api", "normal")

    def validate(self, url, bearer=None, **more):
        answer = self.stack.api("POST", "/api/projects/default/repositories/validate", {"url": url, **more}, bearer)
        self.assertEqual(answer.status, 200, answer)
        report = answer.json
        self.assertEqual([check["name"] for check in report["checks"]], CHECKS)
        return report

    def one(self, row, url, expected_check, code, text, **more):
        """The first failed check has the code and the text, no check before it failed, and each failure says what to do."""
        with self.subTest(row):
            report = self.validate(url, **more)
            failed = [check for check in report["checks"] if check["ok"] is False]
            self.assertFalse(report["valid"], report)
            self.assertTrue(failed, report)
            self.assertEqual((failed[0]["name"], failed[0]["code"]), (expected_check, code), report)
            self.assertIn(text, failed[0]["message"])
            self.assertTrue(failed[0]["remediation"])
            for check in report["checks"][:CHECKS.index(expected_check)]:
                self.assertIsNot(check["ok"], False, report)
            return report

    # ------------------------------------------------------------------------------------------------ good addresses
    def test_every_spelling_of_an_address_gives_the_same_project(self):
        path = "platform/team/backend/services/api"
        host = self.host.split(":")[0]
        for url in (f"{self.base}/{path}", f"{self.base}/{path}.git", f"{self.base}/{path}/", f"{self.base}/{path}/-/merge_requests/3/diffs",
                    f"{self.base}/{path}/-/tree/main/docs?ref_type=heads", f"git@{host}:{path}.git", f"ssh://git@{host}:2222/{path}.git",
                    f"{self.base}/{path.upper()}.git".replace(path.upper(), path), f"  {self.base}/{path}.git  "):
            with self.subTest(url):
                report = self.validate(url)
                self.assertTrue(report["valid"], report)
                self.assertEqual(report["provider"], "gitlab")
                self.assertEqual(report["host"], self.host)
                self.assertEqual(report["projectPath"], path)
                self.assertEqual(report["webUrl"], f"{self.base}/{path}")
                self.assertEqual(report["cloneUrl"], f"{self.base}/{path}.git")
                self.assertTrue(report["apiUrl"].startswith(f"{self.base}/api/v4/projects/"))
                self.assertEqual(report["defaultBranch"], "main")
                self.assertEqual(report["role"], {"name": "Developer", "accessLevel": 30})
                self.assertEqual(report["can"], {"read": True, "push": True})

    def test_a_pasted_page_names_its_branch(self):
        report = self.validate(f"{self.base}/demo/releases/-/tree/main/docs")
        self.assertTrue(report["valid"], report)
        self.assertEqual(report["branch"], "main")
        self.assertEqual(self.validate(f"{self.base}/demo/trunk/-/blob/trunk/main/README.md")["branch"], "trunk/main")

    def test_notes_come_with_a_valid_report(self):
        rows = [
            ("F31 a password in the address", f"https://john:hunter2secret@{self.host}/demo/hello.git", {}, "address", "url_credentials_dropped", "was removed"),
            ("F34 a project that moved", f"{self.base}/demo/old-name", {}, "repository", "repo_moved", "demo/renamed"),
            ("F41 an empty repository", f"{self.base}/demo/empty.git", {"branch": "ambient/x"}, "branch", "repo_empty", "ambient/x"),
            ("a mirror", f"{self.base}/demo/mirror", {}, "push", "repo_mirror", "overwritten"),
            ("a branch that the push will create", f"{self.base}/demo/hello", {"branch": "ambient/new"}, "branch", "branch_new", "ambient/new"),
            ("a branch that is there", f"{self.base}/demo/hello", {"branch": "docs/guide"}, "branch", "branch_exists",
             "docs/guide exists: what starts from main can be pushed to it only where it has all that is on it."),
            ("rules that are not shown", f"{self.base}/demo/maintainers-list", {"branch": "ambient/new"}, "branch", "branch_rules_unknown", "ambient/new"),
        ]
        for row, url, more, name, code, text in rows:
            with self.subTest(row):
                report = self.validate(url, **more)
                self.assertTrue(report["valid"], report)
                check = check_of(report, name)
                self.assertEqual((check["ok"], check.get("code")), (True, code), report)
                self.assertIn(text, check["message"])
                self.assertNotIn("hunter2secret", str(report))
        self.assertNotIn("hunter2secret", self.stack.log_text())

    # ------------------------------------------------------------------------------------------------ failure modes
    def test_failure_modes_of_addresses_projects_roles_and_branches(self):
        base = self.base
        rows = [
            ("F29 no connection", "https://gitlab.other.example/group/project", {}, "connection", "not_connected", "no GitLab credentials available"),
            ("F30 a group is no repository", "https://gitlab.com/group", {}, "address", "repo_url_invalid", "gitlab.com/group"),
            ("F30 no address at all", "not a repository", {}, "address", "repo_url_invalid", "is not the address of a repository"),
            ("a server of unknown kind", "https://notgitlab.evil.example/a/b", {}, "provider", "provider_unknown", "which kind of server"),
            ("F32 not there, or not to be seen", f"{base}/secret/hidden", {}, "repository", "repo_not_found", "Repository not found"),
            ("F36 archived", f"{base}/demo/archived", {}, "push", "repo_archived", "archived and read-only"),
            ("F36 marked for deletion", f"{base}/demo/pending-deletion", {}, "push", "repo_deleting", "marked for deletion"),
            ("F36 repository disabled", f"{base}/demo/repository-disabled", {}, "read", "repo_disabled", "disabled"),
            ("F37 a guest may not read", f"{base}/roles/guest", {}, "read", "repo_no_read", "Reporter or higher"),
            ("F38 a reporter may not push", f"{base}/roles/reporter", {}, "push", "repo_no_push", "john is Reporter on roles/reporter; pushing needs Developer"),
            ("F38 a planner neither", f"{base}/roles/planner", {}, "read", "repo_no_read", "Reporter or higher"),
            ("F39 a protected branch", f"{base}/demo/hello", {"branch": "main"}, "branch", "branch_protected", "main is protected on demo/hello"),
            ("F39 a new branch under a wildcard", f"{base}/demo/releases", {"branch": "release/9"}, "branch", "branch_protected", "release/9"),
            ("F40 a branch to read that is missing", f"{base}/demo/hello", {"branch": "nope", "access": "read"}, "branch", "branch_not_found",
             "demo/hello has no branch nope. Its default branch is main."),
            ("a name that is no branch", f"{base}/demo/hello", {"branch": "a..b"}, "branch", "branch_invalid", ""),
            ("F42 git over HTTP switched off", f"{base}/demo/no-http", {}, "read", "git_http_disabled", "does not allow Git over HTTPS"),
            ("F42 for pushing", f"{base}/demo/no-http-push", {}, "push", "git_http_disabled", "does not allow Git over HTTPS"),
            ("F42 for fetching", f"{base}/demo/no-http-pull", {"access": "read"}, "read", "git_http_disabled", "does not allow Git over HTTPS"),
            ("F43 single sign-on", f"{base}/demo/sso", {}, "read", "sso_required", "single sign-on session"),
            ("F28 a repository that is read-only", f"{base}/demo/read-only", {}, "push", "instance_read_only", "Try later"),
        ]
        for row, url, more, check, code, text in rows:
            self.one(row, url, check, code, text, **more)

    def test_failure_modes_of_servers(self):
        project, listener = f"{self.base}/demo/hello", self.stack.control("POST", "/listener", {"kind": "strict_second", "port": self.second_port})
        rows = [
            ("F33 a proxy that decodes paths", [("demo/hello", "route404", {}), ("api", "route404", {"match": "search="})], "repository",
             "proxy_decodes_paths", "%2F"),
            ("F26 429 with its wait", [("api", "rate_limited", {})], "reachable", "rate_limited", "GitLab API rate limit exceeded. Please wait"),
            ("F27 an internal error", [("api", "error500", {})], "reachable", "instance_error", "internal error (500)"),
            ("F10 a page instead of the API", [("api", "html", {})], "reachable", "instance_not_api", "web page"),
            ("F12 another service's JSON", [("api", "not_gitlab_json", {})], "reachable", "instance_not_gitlab", "does not look like a GitLab"),
            ("F28 maintenance", [("global", "maintenance", {})], "push", "instance_read_only", "maintenance mode"),
            ("F49 git is redirected elsewhere", [("git", "redirect", {"location": listener["url"]})], "read", "git_redirect_refused",
             "the token was not sent"),
            ("a page where git should be", [("git", "html", {})], "read", "instance_not_api", "web page"),
        ]
        for row, modes, check, code, text in rows:
            for scope, mode, more in modes:
                self.stack.mode(scope, mode, **more)
            report = self.one(row, project, check, code, text)
            if code == "rate_limited":
                self.assertIn("17 s", check_of(report, "reachable")["message"])
                self.assertEqual(check_of(report, "reachable")["retryAfter"], 17)
            for scope, _, _ in modes:
                self.stack.mode(scope, "normal")
            if code != "rate_limited":
                continue
            asked = [one for one in self.stack.control("GET", "/requests") if "projects" in one["path"]]
            self.assertTrue(asked)
        seen = self.stack.control("GET", f"/listener/{listener['port']}")
        self.assertEqual((seen["requests"], seen["credentials"]), (0, 0))

    def test_a_rate_limit_is_not_asked_again(self):
        self.stack.mode("api", "rate_limited")
        self.stack.control("DELETE", "/requests")
        self.validate(f"{self.base}/demo/hello")
        self.assertEqual(len(self.stack.control("GET", "/requests")), 1)

    def test_a_page_of_a_branch_that_is_gone_says_what_is_taken_instead(self):
        report = self.validate(f"{self.base}/demo/hello/-/tree/gone/docs")
        self.assertTrue(report["valid"], report)
        self.assertEqual((report["branch"], check_of(report, "branch")["code"]), ("main", "address_corrected"))
        self.assertIn("The address shows gone/docs, which begins with no branch or tag", check_of(report, "branch")["message"])
        report = self.validate(f"{self.base}/demo/hello/-/tree/x" + urllib.parse.quote("ü") * 150)
        self.assertIn("shows x" + "ü" * 99 + ", which begins", check_of(report, "branch")["message"])

    def test_a_read_only_token_can_read_and_not_push(self):
        bearer = self.stack.add_user("reader")
        self.assertEqual(self.stack.connect(self.stack.tokens["readOnly"], bearer=bearer).status in (200, 409), True)
        report = self.validate(f"{self.base}/demo/hello", bearer=bearer)
        self.assertEqual(check_of(report, "scopes")["code"], "token_scope_missing", report)
        self.assertEqual(report["can"], {"read": True, "push": False})
        self.assertTrue(self.validate(f"{self.base}/demo/hello", bearer=bearer, access="read")["valid"])

    def test_group_shares_count(self):
        self.assertEqual(self.validate(f"{self.base}/shared/both-null")["role"]["accessLevel"], 30)
        self.assertTrue(self.validate(f"{self.base}/shared/probe-decides")["can"]["push"])
        self.assertFalse(self.validate(f"{self.base}/shared/no-member")["can"]["push"])

    def test_unusable_bodies_are_refused(self):
        for body in ({}, {"url": 7}, {"url": ""}, {"url": "x", "provider": "svn"}, {"url": "x", "access": "admin"}, {"url": "x", "branch": 1}):
            with self.subTest(str(body)):
                answer = self.stack.api("POST", "/api/projects/default/repositories/validate", body)
                if body == {"url": ""}:
                    self.assertIn(answer.status, (200, 400))
                    continue
                self.assertEqual(answer.status, 400, answer)
        self.assertEqual(self.stack.api("POST", "/api/projects/elsewhere/repositories/validate", {"url": "x"}).status, 403)

    def test_one_caller_does_not_take_all_places(self):
        self.stack.mode("api", "delay", delay_ms=3000)
        statuses, colleague = [], self.stack.add_user("colleague")

        def ask():
            statuses.append(self.stack.api("POST", "/api/projects/default/repositories/validate", {"url": f"{self.base}/demo/hello"}))
        threads = [threading.Thread(target=ask) for _ in range(30)]
        for thread in threads:
            thread.start()
        wait_until("those over the limit are refused", lambda: len(statuses) >= 14, 30)
        other = self.stack.api("POST", "/api/projects/default/repositories/validate", {"url": "https://gitlab.com/group/project"}, colleague)
        for thread in threads:
            thread.join(60)
        refused = [answer for answer in statuses if answer.status == 429]
        self.assertEqual(other.status, 200, other)
        self.assertEqual(len(refused), 14, [answer.status for answer in statuses])
        self.assertEqual(refused[0].json["code"], "too_many_requests")
        self.assertTrue(int(refused[0].headers["Retry-After"]) > 0)

    # ------------------------------------------------------------------------------------------------ what a report costs
    def timed(self, url, **more):
        started = time.monotonic()
        report = self.validate(url, **more)
        self.assertTrue(report["valid"], report)
        return (time.monotonic() - started) * 1000

    def test_a_report_takes_two_round_trips(self):
        rows = [("no branch", {}), ("a new branch", {"branch": "ambient/new"}), ("reading", {"access": "read", "branch": "main"})]
        for row, more in rows:
            url = f"{self.base}/demo/hello"
            # The best of several: what else the machine does is no part of a round trip.
            for _ in range(4):  # connections and pages are warm
                self.validate(url, **more)
            near = min(self.timed(url, **more) for _ in range(9))
            self.stack.mode("global", "delay", delay_ms=DELAY_MS)
            far = min(self.timed(url, **more) for _ in range(4))
            self.stack.control("DELETE", "/requests")
            self.validate(url, **more)
            requests = self.stack.control("GET", "/requests")
            self.stack.mode("global", "normal")
            trips = (far - near) / DELAY_MS
            print(f"     {row}: {len(requests)} requests, {trips:.2f} round trips of {DELAY_MS} ms ({far:.1f} ms, {near:.1f} ms without delay)", flush=True)
            self.assertLessEqual(trips, ROUND_TRIPS_MAX)
            self.assertLessEqual(len(requests), REQUESTS_MAX)


class BanTest(unittest.TestCase):
    """In a stack of its own: after a ban nothing is asked for an hour."""

    def test_f44_a_ban_rests_the_instance(self):
        with Stack() as stack:
            self.assertEqual(stack.connect().status, 200)
            stack.mode("git", "ip_banned")
            url = {"url": f"{stack.simulator['url']}/demo/hello"}
            first = stack.api("POST", "/api/projects/default/repositories/validate", url).json
            self.assertEqual(check_of(first, "read")["code"], "ip_banned", first)
            self.assertIn("temporarily blocks this server", check_of(first, "read")["message"])
            stack.mode("git", "normal")
            stack.control("DELETE", "/requests")
            # Each process learns of the ban by itself; one has, and which one answers is up to the kernel.
            wait_until("the one that has learned of it answers", lambda: check_of(
                stack.api("POST", "/api/projects/default/repositories/validate", url).json, "reachable").get("code") == "instance_resting", 60)


if __name__ == "__main__":
    unittest.main()
