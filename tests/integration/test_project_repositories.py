"""A project's repositories: kept as they were sent, checked for whoever asks, safe against each other's writes."""
import threading
import unittest

from stack import Stack

LIST = "/api/projects/default/repositories"
WRITERS = 8  # half of what one caller may have going on: those of a moment ago may not be over for nginx


class ProjectRepositoriesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.base = cls.stack.simulator["url"]
        assert cls.stack.connect().status == 200

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def put(self, repositories, headers=None, bearer=None, **more):
        return self.stack.api("PUT", LIST, {"repositories": repositories, **more}, bearer, headers)

    def get(self, bearer=None, query=""):
        return self.stack.api("GET", LIST + query, bearer=bearer)

    def test_what_was_sent_comes_back_with_providers_and_reports(self):
        sent = [{"url": f"{self.base}/demo/hello.git", "branch": "main", "note": {"of": ["ours", 1]}}, {"url": f"{self.base}/secret/hidden"},
                {"url": "https://unknown.example/a/b"}, {"url": f"{self.base}/demo/empty", "provider": "gitlab"}]
        answer = self.put(sent, owner="platform team")
        self.assertEqual(answer.status, 200, answer)
        for shown in (answer.json, self.get().json):
            kept = shown["repositories"]
            self.assertEqual(kept[0], {**sent[0], "provider": "gitlab"})
            self.assertEqual(kept[1], {**sent[1], "provider": "gitlab"})
            self.assertEqual(kept[2]["url"], sent[2]["url"])
            self.assertEqual(shown["owner"], "platform team")
            self.assertEqual([report["valid"] for report in shown["reports"]], [True, False, False, True])
        self.assertNotIn("reports", self.get(query="?reports=false").json)

    def test_unusable_entries_refuse_the_list(self):
        self.assertEqual(self.put([{"url": f"{self.base}/demo/hello.git"}]).status, 200)
        before = self.get(query="?reports=false")
        rows = [([{"url": "https://gitlab.com/group"}], "repo_url_invalid"), ([{"url": f"{self.base}/demo/hello"}, {"url": "nonsense"}], "repo_url_invalid"),
                ([{}], None), (["x"], None), ([{"url": f"{self.base}/demo/hello", "provider": "svn"}], None),
                ([{"url": f"{self.base}/demo/hello", "branch": "a..b"}], "branch_invalid"), ([{"url": f"{self.base}/demo/hello"}] * 101, None)]
        for entries, code in rows:
            with self.subTest(str(entries)[:80]):
                answer = self.put(entries)
                self.assertEqual(answer.status, 400, answer)
                if code:
                    self.assertEqual(answer.json["code"], code)
        after = self.get(query="?reports=false")
        self.assertEqual((after.json, after.headers["ETag"]), (before.json, before.headers["ETag"]))

    def test_a_list_asks_no_further_once_the_user_is_limited(self):
        self.assertEqual(self.put([{"url": f"{self.base}/demo/hello.git", "number": i} for i in range(100)]).status, 200)
        self.stack.mode("api", "rate_limited")
        self.stack.control("DELETE", "/requests")
        reports = self.get().json["reports"]
        asked = len(self.stack.control("GET", "/requests"))
        self.stack.mode("api", "normal")
        self.assertIn(asked, range(1, 5))
        self.assertEqual({report["checks"][3].get("code") for report in reports}, {"rate_limited"})

    def test_a_password_in_an_address_is_dropped(self):
        answer = self.put([{"url": self.base.replace("https://", "https://john:hunter2secret@") + "/demo/hello.git"}])
        self.assertEqual(answer.json["repositories"][0]["url"], f"{self.base}/demo/hello.git")
        self.assertNotIn("hunter2secret", str(answer.json) + str(self.get().json) + self.stack.log_text())
        self.assertNotIn(b"hunter2secret", (self.stack.data / "database/acp-gitlab.db").read_bytes())

    def test_a_moved_project_is_followed(self):
        answer = self.put([{"url": f"{self.base}/demo/old-name"}])
        self.assertEqual(answer.json["repositories"][0]["url"], f"{self.base}/demo/renamed.git")
        self.assertEqual(answer.json["reports"][0]["checks"][7].get("code"), "repo_moved")

    def test_f35_another_project_under_a_known_address_is_refused(self):
        path = "demo/taken-over"
        self.stack.control("POST", "/projects", {"path": path})
        entry = [{"url": f"{self.base}/{path}"}]
        self.assertTrue(self.put(entry).json["reports"][0]["valid"])
        self.stack.control("POST", "/projects", {"path": path, "deleted": True})
        self.stack.control("POST", "/projects", {"path": path, "id": 99001})
        for shown in (self.get().json, self.put(entry).json):
            check = shown["reports"][0]["checks"][7]
            self.assertEqual((check["ok"], check["code"]), (False, "repo_identity_changed"))
            self.assertIn("different project", check["message"])
        report = self.stack.api("POST", f"{LIST}/validate", {"url": f"{self.base}/{path}.git"}).json
        self.assertEqual(report["checks"][7]["code"], "repo_identity_changed")
        answer = self.stack.create_session("f35", {"description": "x", "outputRepo": {"url": f"{self.base}/{path}.git", "branch": "ambient/f35"}})
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.stack.wait_for_session("f35")["status"]["repositories"][0]["error"]["code"], "repo_identity_changed")
        self.assertEqual(self.put([]).status, 200)
        self.assertTrue(self.put(entry).json["reports"][0]["valid"], "taken out and added again, it is confirmed")

    def test_reports_are_the_callers_own(self):
        self.assertEqual(self.put([{"url": f"{self.base}/demo/hello.git"}]).status, 200)
        other = self.get(bearer=self.stack.add_user("colleague")).json
        self.assertEqual(other["repositories"][0]["url"], f"{self.base}/demo/hello.git")
        self.assertEqual(other["reports"][0]["checks"][2]["code"], "not_connected")
        self.assertEqual(self.get(bearer=self.stack.add_user("stranger", projects=("elsewhere",))).status, 403)

    def test_if_match_is_kept_to(self):
        first = self.put([])
        tag = first.headers["ETag"]
        self.assertRegex(tag, r'^"[^"]+"$')
        second = self.put([{"url": f"{self.base}/demo/hello.git"}], {"If-Match": tag})
        self.assertEqual(second.status, 200)
        self.assertNotEqual(second.headers["ETag"], tag)
        stale = self.put([], {"If-Match": tag})
        self.assertEqual((stale.status, stale.json["code"]), (412, "precondition_failed"))
        self.assertEqual(self.get().headers["ETag"], second.headers["ETag"])
        self.assertEqual(self.put([], {"If-Match": f'"no", {second.headers["ETag"]}'}).status, 200)
        self.assertEqual(self.put([], {"If-Match": "*"}).status, 200)
        self.assertEqual(self.put([], {"If-Match": f"W/{self.get().headers['ETag']}"}).status, 412)
        self.assertEqual(self.put([], {"If-Match": "broken"}).status, 400)

    def test_of_many_writers_with_one_tag_one_wins(self):
        for _ in range(3):
            tag, statuses = self.get(query="?reports=false").headers["ETag"], []

            def write(number):
                statuses.append(self.put([{"url": f"https://unknown.example/a/n{number}"}], {"If-Match": tag}).status)
            threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            self.assertEqual(sorted(statuses), [200] + [412] * (WRITERS - 1))

    def test_many_writers_without_a_tag_all_succeed(self):
        statuses = []

        def write(number):
            statuses.append(self.put([{"url": f"https://unknown.example/a/n{number}"}]).status)
        threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(statuses, [200] * WRITERS)
        self.assertEqual(len(self.get().json["repositories"]), 1)

    def test_a_session_without_repositories_takes_the_projects(self):
        self.assertEqual(self.put([{"url": f"{self.base}/demo/hello.git"}, {"url": f"{self.base}/group/sub/api.git"}]).status, 200)
        created = self.stack.create_session("from-project", {"description": "take what the project has"})
        self.assertEqual(created.status, 201, created)
        self.assertEqual(self.stack.create_session("from-project", {"description": "take what the project has"}).json["metadata"]["uid"], created.json["metadata"]["uid"])
        done = self.stack.wait_for_session("from-project")
        self.assertEqual(done["status"]["phase"], "Completed", done)
        self.assertEqual([one["branch"] for one in done["status"]["repositories"]], ["ambient/from-project"] * 2)
        self.assertEqual(self.put([]).status, 200)
        self.assertEqual(self.stack.create_session("from-nothing", {"description": "x"}).json["code"], "session_no_repository")

    def test_preflight_shows_the_reports_of_a_session(self):
        spec = {"description": "x", "repositories": [{"url": f"{self.base}/demo/hello.git"}, {"url": f"{self.base}/secret/hidden"}]}
        self.assertEqual(self.stack.create_session("looked-at", spec).status, 201)
        path = "/api/projects/default/agentic-sessions/looked-at/preflight"
        answer = self.stack.api("POST", path)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual([report["valid"] for report in answer.json["reports"]], [True, False])
        self.assertEqual(self.stack.api("POST", path, bearer=self.stack.add_user("onlooker")).status, 403)


if __name__ == "__main__":
    unittest.main()
