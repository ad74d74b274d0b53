"""spec.mergeRequest: after the push a merge request is open, once, and what goes wrong with it never takes the push back."""
import unittest
import urllib.parse

from stack import Stack


class MergeCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.by_name = {row["name"]: row["token"] for row in cls.stack.control("GET", "/tokens")}
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.stack.mode("global", "normal")
        self.assertEqual(self.stack.connect().status, 200)

    def listed(self, project):
        return self.stack.control("GET", "/merge_requests?" + urllib.parse.urlencode({"project": project}))

    def branch(self):
        type(self).number += 1
        return f"change-{self.number}"

    def run_session(self, url, branch, merge_request, bearer=None, **more):
        """The session's status, and its one repository."""
        name = f"mr-{branch}-{len(more)}"
        spec = {"description": f"Change {branch}\nand more", "outputRepo": {"url": url, "branch": branch}, "mergeRequest": merge_request, **more}
        answer = self.stack.create_session(name, spec, bearer)
        self.assertEqual(answer.status, 201, answer)
        status = self.stack.wait_for_session(name, 90, bearer)["status"]
        return status, status["repositories"][0]

    def condition(self, status):
        return next((c for c in status["conditions"] if c["type"] == "MergeRequestOpened"), None)

    def assert_pushed_without(self, status, repository, code, *words):
        """The branch is there and the session completed; the merge request is not, and the status says why."""
        self.assertEqual((status["phase"], repository["phase"]), ("Completed", "Pushed"), status)
        self.assertTrue(status["notification"].startswith("AgenticSession completed successfully!"), status)
        error = repository["mergeRequestError"]
        self.assertEqual(error["code"], code, error)
        self.assertTrue(error["remediation"], error)
        for word in words:
            self.assertIn(word, error["message"])
        self.assertEqual(self.condition(status)["status"], "False", status)
        self.assertNotIn("error", repository)


class GitLabTest(MergeCase):
    project = "group/sub/api"

    def url(self, project=None):
        return f"{self.stack.simulator['url']}/{project or self.project}.git"

    def test_what_was_asked_for_is_opened_and_shown(self):
        branch = self.branch()
        wish = {"title": "Add X", "description": "It adds X.", "draft": True, "labels": ["ambient", "needs review"], "targetBranch": "main"}
        status, repository = self.run_session(self.url(), branch, wish)
        [request] = [one for one in self.listed(self.project) if one["source_branch"] == branch]
        self.assertEqual((request["title"], request["description"], request["draft"], request["labels"], request["target_branch"]),
                         ("Draft: Add X", "It adds X.", True, ["ambient", "needs review"], "main"))
        self.assertEqual(repository["mergeRequestUrl"], f"{self.stack.simulator['url']}/{self.project}/-/merge_requests/{request['iid']}")
        self.assertEqual((status["phase"], self.condition(status)["status"]), ("Completed", "True"), status)

    def test_left_out_words_come_from_the_session(self):
        branch = self.branch()
        self.run_session(self.url(), branch, {})
        [request] = [one for one in self.listed(self.project) if one["source_branch"] == branch]
        self.assertEqual((request["title"], request["target_branch"], request["draft"]), (f"Change {branch}", "main", False))
        self.assertEqual(request["description"], f"Change {branch}\nand more\n\nAgenticSession: mr-{branch}-0")

    def test_an_open_one_is_found_and_a_closed_one_is_not(self):
        branch = self.branch()
        _, first = self.run_session(self.url(), branch, {"title": "First"})
        _, second = self.run_session(self.url(), branch, {"title": "Second"}, repositories=[{"url": self.url(), "branch": branch}])
        self.assertEqual(first["mergeRequestUrl"], second["mergeRequestUrl"])
        [request] = [one for one in self.listed(self.project) if one["source_branch"] == branch]
        self.assertEqual(request["title"], "First")
        self.stack.control("POST", "/merge_requests", {"project": self.project, "number": request["iid"], "state": "closed"})
        _, third = self.run_session(self.url(), branch, {}, repositories=[{"url": self.url(), "branch": branch}], displayName="Third")
        self.assertNotEqual(first["mergeRequestUrl"], third["mergeRequestUrl"])
        self.assertEqual([one["title"] for one in self.listed(self.project) if one["source_branch"] == branch], ["First", "Third"])

    def test_an_answer_that_is_lost_opens_no_second_one(self):
        branch = self.branch()
        self.stack.mode(self.project, "truncated", match="merge_requests", method="POST", times=1)
        status, repository = self.run_session(self.url(), branch, {})
        requests = [one for one in self.listed(self.project) if one["source_branch"] == branch]
        self.assertEqual(len(requests), 1)
        self.assertTrue(repository["mergeRequestUrl"].endswith(f"/-/merge_requests/{requests[0]['iid']}"), repository)
        self.assertNotIn("mergeRequestError", repository)

    def test_links_are_on_the_connected_instance_whatever_gitlab_calls_itself(self):
        self.stack.control("POST", "/external_url", {"url": "http://gitlab.internal:8181"})
        try:
            _, repository = self.run_session(self.url(), self.branch(), {})
        finally:
            self.stack.control("POST", "/external_url", {"url": None})
        self.assertTrue(repository["mergeRequestUrl"].startswith(self.stack.simulator["url"] + "/"), repository)

    def test_what_goes_wrong_leaves_the_push(self):
        with self.subTest("switched off"):
            self.stack.control("POST", "/projects", {"path": "merge/none", "mergeRequests": "disabled", "template": "small"})
            self.assert_pushed_without(*self.run_session(self.url("merge/none"), self.branch(), {}), "merge_requests_disabled", "merge/none")
        with self.subTest("no such target"):
            self.assert_pushed_without(*self.run_session(self.url(), self.branch(), {"targetBranch": "nowhere"}), "merge_request_refused", "nowhere")
        with self.subTest("into itself"):
            branch = self.branch()
            self.assert_pushed_without(*self.run_session(self.url(), branch, {"targetBranch": branch}), "merge_request_refused", "into itself")
        with self.subTest("a token that can only push"):
            self.assertEqual(self.stack.connect(self.by_name["leastPrivilege"]).status, 200)
            self.assert_pushed_without(*self.run_session(self.url(), self.branch(), {}), "token_scope_missing", "'api'")
        self.assertEqual(self.stack.connect().status, 200)
        with self.subTest("GitLab fails"):
            self.stack.mode(self.project, "error500", match="merge_requests")
            self.assert_pushed_without(*self.run_session(self.url(), self.branch(), {}), "instance_error")
            self.stack.mode(self.project, "normal")

    def test_unusable_wishes_are_refused_at_the_creation(self):
        rows = [({"title": "x" * 241}, "session_invalid"), ({"labels": ["a,b"]}, "session_invalid"), ({"targetBranch": "a..b"}, "branch_invalid"), ({"draft": "yes"}, "session_invalid")]
        for wish, code in rows:
            with self.subTest(wish):
                answer = self.stack.create_session("unusable", {"outputRepo": {"url": self.url(), "branch": "x"}, "mergeRequest": wish})
                self.assertEqual((answer.status, answer.json["code"]), (400, code), answer)
                self.assertIn("spec.mergeRequest", answer.json["error"])


class GitHubTest(MergeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.base, cls.tokens = cls.stack.github["url"], cls.stack.github["tokens"]
        cls.stack.control("POST", "/github/repositories", {"path": "octo/pulls"})
        cls.users = {}

    def user(self, token):
        """The bearer of the user who has connected this token."""
        if token not in self.users:
            self.users[token] = self.stack.add_user(f"pulls-{token.lower()}")
            answer = self.stack.api("POST", "/api/auth/github/pat", {"token": self.tokens[token]}, self.users[token])
            self.assertEqual(answer.status, 200, answer)
        return self.users[token]

    def pulls(self, branch):
        return [one for one in self.listed("github:octo/pulls") if one["head"]["ref"] == branch]

    def test_a_pull_request_is_opened_labelled_and_found_again(self):
        branch, bearer, url = self.branch(), self.user("classic"), f"{self.base}/octo/pulls.git"
        status, first = self.run_session(url, branch, {"title": "Add X", "draft": True, "labels": ["ambient", "x"]}, bearer)
        [pull] = self.pulls(branch)
        self.assertEqual((pull["title"], pull["draft"], [label["name"] for label in pull["labels"]], pull["base"]["ref"]), ("Add X", True, ["ambient", "x"], "main"))
        self.assertEqual(first["mergeRequestUrl"], f"{self.base}/octo/pulls/pull/{pull['number']}")
        self.assertEqual((status["phase"], self.condition(status)["status"]), ("Completed", "True"), status)
        _, second = self.run_session(url, branch, {}, bearer, repositories=[{"url": url, "branch": branch}])
        self.assertEqual((second["mergeRequestUrl"], len(self.pulls(branch))), (first["mergeRequestUrl"], 1))

    def test_a_token_that_may_push_and_not_open_is_told(self):
        branch, bearer = self.branch(), self.user("fineWrite")
        self.assert_pushed_without(*self.run_session(f"{self.base}/octo/pulls.git", branch, {}, bearer), "token_permission_missing", "Pull requests: Read and write")
        self.assertEqual(self.pulls(branch), [])
        branch, bearer = self.branch(), self.user("finePulls")
        self.run_session(f"{self.base}/octo/pulls.git", branch, {"labels": ["x"]}, bearer)
        self.assertEqual(len(self.pulls(branch)), 1)

    def test_drafts_that_the_plan_has_not_are_refused_in_githubs_words(self):
        self.stack.control("POST", "/github/repositories", {"path": "octo/pulls", "drafts": False})
        try:
            outcome = self.run_session(f"{self.base}/octo/pulls.git", self.branch(), {"draft": True}, self.user("classic"))
        finally:
            self.stack.control("POST", "/github/repositories", {"path": "octo/pulls", "drafts": True})
        self.assert_pushed_without(*outcome, "merge_request_refused", "Draft pull requests are not supported in this repository.")


del MergeCase

if __name__ == "__main__":
    unittest.main()
