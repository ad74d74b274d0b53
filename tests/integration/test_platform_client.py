"""The platform's own web client against this API: it calls as that client calls, reads of the answers what it reads, and shows what it would show.

Client is the platform's `services/api/client.ts` in Python. Each method of the cases is what one card or panel relies on; the README's table of
compatibility names every call, and the last test sees to it that none of them stands there untried.
"""
import json
import re
import unittest
import urllib.parse

from stack import TOP, Stack, request


class Shown(Exception):
    """The sentence in the toast of an error."""

    def __init__(self, answer, sentence, body):
        super().__init__(sentence)
        self.status, self.sentence, self.body = answer.status, sentence, body


class Client:
    """One signed-in person's browser, with the platform's server between it and the backend: it adds who the person is, and the token twice."""
    called = set()

    def __init__(self, stack, bearer, user="developer"):
        self.stack = stack
        self.identity = {"X-Forwarded-User": user, "X-Forwarded-Email": f"{user}@company.com", "X-Forwarded-Preferred-Username": user,
                         "X-Forwarded-Groups": "everyone", "X-Forwarded-Access-Token": bearer, "Authorization": f"Bearer {bearer}"}

    def call(self, method, template, body=None, query=None, **names):
        self.called.add((method, template))
        path = template.format(**{name: urllib.parse.quote(value, safe="") for name, value in names.items()})
        # Every request of the client has this content type, with a body or without.
        headers = {**self.identity, "Content-Type": "application/json"}
        url = self.stack.url + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        answer = request(method, url, None if body is None else json.dumps(body).encode(), headers)
        is_json = "application/json" in (answer.headers["Content-Type"] or "")
        if answer.status >= 400:
            parsed = json.loads(answer.body) if is_json else {}
            raise Shown(answer, parsed.get("error") or parsed.get("message") or f"HTTP {answer.status}: {answer.headers}", parsed)
        if answer.status == 204:
            return None
        if not is_json:
            return answer.body.decode()
        parsed = json.loads(answer.body)
        return parsed["data"] if isinstance(parsed, dict) and "data" in parsed else parsed


class PlatformCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The platform's server is the proxy that is trusted.
        cls.stack = Stack(settings={"ACP_TRUSTED_PROXY": "127.0.0.1"}).start()
        cls.base, cls.github = cls.stack.simulator["url"], cls.stack.github
        cls.repository = cls.stack.simulator["repository"]
        cls.browser = Client(cls.stack, cls.stack.bearer)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.call("DELETE", "/api/auth/gitlab/disconnect")

    def call(self, *arguments, **names):
        return self.browser.call(*arguments, **names)

    def body(self, token="good"):
        return {"personalAccessToken": self.stack.tokens[token], "instanceUrl": self.base}

    def connect(self):
        return self.call("POST", "/api/auth/gitlab/connect", self.body())

    def assertShows(self, status, words, *arguments, **names):
        with self.assertRaises(Shown) as shown:
            self.call(*arguments, **names)
        self.assertEqual(shown.exception.status, status, shown.exception.body)
        self.assertIn(words, shown.exception.sentence)
        self.assertEqual((shown.exception.body["statusCode"], bool(shown.exception.body["code"])), (status, True))
        return shown.exception


class GitLabCardTest(PlatformCase):
    """gitlab-connection-card.tsx, its hooks, and the API as its documents have it."""

    def overview(self):
        return self.call("GET", "/api/auth/integrations/status")

    def test_the_page_before_anything_is_connected(self):
        """Cards of six providers: each reads its own member, and none may be missing."""
        status = self.overview()
        self.assertEqual(set(status), {"github", "google", "jira", "gitlab", "coderabbit", "gerrit"})
        self.assertEqual([status[name]["connected"] for name in ("gitlab", "google", "jira", "coderabbit")], [False] * 4)
        self.assertEqual(status["gerrit"]["instances"], [])
        self.assertEqual((status["github"]["installed"], status["github"]["pat"]), (False, {"configured": False}))

    def test_save_credentials(self):
        self.connect()
        gitlab = self.overview()["gitlab"]
        self.assertEqual((gitlab["connected"], gitlab["instanceUrl"], gitlab["valid"]), (True, self.base, True))
        self.assertRegex(gitlab["updatedAt"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_save_credentials_as_the_documents_have_it(self):
        answer = self.connect()
        self.assertEqual({name: answer[name] for name in ("userId", "gitlabUserId", "username", "instanceUrl", "connected", "message")},
                         {"userId": self.stack.ready["user"], "gitlabUserId": "1001", "username": "john", "instanceUrl": self.base, "connected": True,
                          "message": "GitLab account connected successfully"})

    def test_a_token_that_is_refused_is_a_sentence_in_a_toast(self):
        """Never a 401: the platform would take its own sign-in for over."""
        self.assertShows(400, "Invalid token", "POST", "/api/auth/gitlab/connect", self.body("revoked"))
        self.assertEqual(self.call("GET", "/api/auth/gitlab/status"), {"connected": False})

    def test_an_edit_that_fails_leaves_the_connection(self):
        self.connect()
        self.assertShows(400, "expired", "POST", "/api/auth/gitlab/connect", self.body("expired"))
        self.assertEqual(self.overview()["gitlab"]["connected"], True)

    def test_the_status_hook(self):
        self.assertEqual(self.call("GET", "/api/auth/gitlab/status"), {"connected": False})
        self.connect()
        status = self.call("GET", "/api/auth/gitlab/status")
        self.assertEqual((status["connected"], status["instanceUrl"], status["username"], status["gitlabUserId"]), (True, self.base, "john", "1001"))
        self.assertRegex(status["updatedAt"], "^20")

    def test_disconnect(self):
        """DELETE, without a body; again when there is nothing; POST, as the documents say."""
        self.connect()
        for method in ("DELETE", "DELETE", "POST"):
            answer = self.call(method, "/api/auth/gitlab/disconnect")
            self.assertEqual(answer, {"message": "GitLab account disconnected successfully", "connected": False})
        self.assertEqual(self.overview()["gitlab"], {"connected": False})

    def test_a_test_of_a_token(self):
        self.assertIs(self.call("POST", "/api/auth/gitlab/test", self.body())["valid"], True)
        answer = self.call("POST", "/api/auth/gitlab/test", self.body("revoked"))
        self.assertEqual((answer["valid"], bool(answer["error"])), (False, True))
        self.assertEqual(self.call("GET", "/api/auth/gitlab/status"), {"connected": False})

    def test_a_token_that_ended_meanwhile(self):
        """The card's third state, which the platform's own backend never tells."""
        token = self.stack.control("POST", "/tokens", {"token": "glpat-ended-meanwhile-0123", "name": "lent", "user": "john", "scopes": ["api"]})["token"]
        self.call("POST", "/api/auth/gitlab/connect", {"personalAccessToken": token, "instanceUrl": self.base})
        self.stack.control("POST", "/tokens", {"token": token, "state": "revoked"})
        self.assertEqual(self.stack.api("POST", "/api/auth/gitlab/check", {}).json["valid"], False)
        gitlab = self.overview()["gitlab"]
        self.assertEqual((gitlab["connected"], gitlab["valid"]), (True, False))

    def test_the_calls_of_a_project(self):
        project = {"project": "default"}
        self.assertEqual(self.call("POST", "/api/projects/{project}/auth/gitlab/connect", self.body(), **project)["connected"], True)
        self.assertEqual(self.call("GET", "/api/projects/{project}/auth/gitlab/status", **project)["username"], "john")
        self.assertEqual(self.call("POST", "/api/projects/{project}/auth/gitlab/disconnect", **project)["connected"], False)

    def test_who_has_no_bearer_is_told_so(self):
        stranger = Client(self.stack, "a-token-that-nobody-issued")
        for method, path in (("GET", "/api/auth/integrations/status"), ("GET", "/api/auth/gitlab/status"), ("DELETE", "/api/auth/gitlab/disconnect")):
            with self.assertRaises(Shown) as shown:
                stranger.call(method, path)
            self.assertEqual(shown.exception.status, 401)

    def test_a_forwarded_name_is_nobody(self):
        """The platform's server could be made to send another name; whose token it is counts."""
        self.connect()
        other = Client(self.stack, self.stack.add_user("other"), user=self.stack.ready["user"])
        self.assertEqual(other.call("GET", "/api/auth/gitlab/status"), {"connected": False})

    def test_health(self):
        self.assertEqual(self.call("GET", "/health"), {"status": "ok"})


class GitHubCardTest(PlatformCase):
    def test_a_token(self):
        self.assertEqual(self.call("POST", "/api/auth/github/pat", {"token": self.stack.github_tokens["classic"]})["message"], "GitHub PAT saved successfully")
        status = self.call("GET", "/api/auth/github/pat/status")
        self.assertEqual((status["configured"], status["updatedAt"][:2]), (True, "20"))
        github = self.call("GET", "/api/auth/integrations/status")["github"]
        self.assertEqual((github["active"], github["pat"]["configured"], github["pat"]["valid"], github["installed"]), ("pat", True, True, False))
        self.assertEqual(self.call("DELETE", "/api/auth/github/pat")["message"], "GitHub PAT removed successfully")
        self.assertEqual(self.call("GET", "/api/auth/github/pat/status"), {"configured": False})

    def test_a_token_that_is_none(self):
        self.assertShows(400, "Invalid", "POST", "/api/auth/github/pat", {"token": "not-a-token-of-github"})

    def test_the_app(self):
        number = self.github["installationId"]
        self.assertEqual(self.call("GET", "/api/auth/github/status")["installed"], False)
        self.assertShows(403, "yours", "POST", "/api/auth/github/install", {"installationId": number, "code": "from-github"})
        self.call("POST", "/api/auth/github/pat", {"token": self.stack.github_tokens["classic"]})
        self.assertEqual(self.call("POST", "/api/auth/github/install", {"installationId": number})["installationId"], number)
        self.call("DELETE", "/api/auth/github/pat")
        status, overview = self.call("GET", "/api/auth/github/status"), self.call("GET", "/api/auth/integrations/status")["github"]
        for github in (status, overview):
            self.assertEqual((github["installed"], github["installationId"], github["active"], github["updatedAt"][:2]), (True, number, "app", "20"))
        self.assertEqual(self.call("POST", "/api/auth/github/disconnect")["message"], "GitHub account disconnected")
        self.assertEqual(self.call("GET", "/api/auth/github/status")["installed"], False)


class RepositoriesTest(PlatformCase):
    """The panels that browse a repository, and those of a session."""
    project = {"project": "default"}

    def test_browsing(self):
        self.connect()
        branches = self.call("GET", "/api/projects/{project}/repo/branches", query={"repo": self.repository}, **self.project)["branches"]
        main, = [branch for branch in branches if branch["name"] == "main"]
        self.assertEqual((main["protected"], main["default"], set(main["commit"])), (True, True, {"sha", "message", "author", "timestamp"}))
        where = {"repo": self.repository, "ref": "main", "path": "src"}
        tree = self.call("GET", "/api/projects/{project}/repo/tree", query=where, **self.project)
        self.assertEqual((tree["path"], {entry["type"] for entry in tree["entries"]}), ("src", {"blob"}))
        self.assertTrue(all(entry["name"] and entry["path"].startswith("src/") for entry in tree["entries"]))
        blob = self.call("GET", "/api/projects/{project}/repo/blob", query={**where, "path": "README.md"}, **self.project)
        self.assertEqual((blob["encoding"], blob["content"][:8]), ("utf-8", "# hello\n"))
        for path in ("branches", "tree", "blob"):
            self.assertShows(400, "repo", "GET", "/api/projects/{project}/repo/" + path, **self.project)

    def test_a_session(self):
        """What is called `changed`: as the README says it is."""
        self.connect()
        sessions = "/api/projects/{project}/agentic-sessions"
        one = sessions + "/{session}"
        made = self.call("POST", sessions, {"metadata": {"name": "panel"}, "spec": {"initialPrompt": "Try it", "repos": [{"url": self.repository, "autoPush": True}]}}, **self.project)
        self.assertEqual((made["kind"], made["metadata"]["name"], bool(made["metadata"]["uid"])), ("AgenticSession", "panel", True))
        self.assertEqual(self.stack.wait_for_session("panel")["status"]["repositories"][0]["branch"], "ambient/panel")
        status = self.call("GET", one + "/repos/status", session="panel", **self.project)
        self.assertEqual((status["phase"], status["repositories"][0]["phase"]), ("Completed", "Pushed"))
        self.assertShows(409, "", "POST", one + "/repos", {"url": f"{self.base}/demo/empty"}, session="panel", **self.project)
        self.assertShows(409, "", "DELETE", one + "/repos/{name}", session="panel", name="hello", **self.project)
        for method, path in (("GET", "/git/status"), ("POST", "/git/configure-remote"), ("GET", "/credentials/gitlab"), ("GET", "/credentials/github"), ("POST", "/github/token")):
            self.assertShows(404, "", method, one + path, {} if method == "POST" else None, session="panel", **self.project)
        self.assertShows(404, "", "GET", "/api/projects/{project}/repo/seed-status", query={"repo": self.repository}, **self.project)
        self.assertShows(404, "", "POST", "/api/projects/{project}/repo/seed", {"repositoryUrl": self.repository}, **self.project)


class TableTest(unittest.TestCase):
    """Runs last: unittest goes by names, and so do classes."""

    def test_every_call_of_the_readmes_table_was_tried(self):
        if not Client.called:
            self.skipTest("the module's other tests, which make the calls, were not asked for")
        section = (TOP / "README.md").read_text().partition("## Compatibility")[2].partition("\n## ")[0]
        rows = set(re.findall(r"^\| `([A-Z]+) (\S+)` \| (?:same|more|changed|none) \|", section, re.M))
        self.assertGreater(len(rows), 25)
        self.assertEqual(rows - Client.called, set())
        self.assertEqual(Client.called - rows, {("POST", "/api/auth/gitlab/disconnect")})


if __name__ == "__main__":
    unittest.main()
