"""Twenty repositories of two GitLab instances and GitHub in one session, one of which refuses its push: each is judged by what its own remote has."""
import json
import os
import shutil
import tempfile
import unittest
import urllib.parse
from pathlib import Path

from second_simulator import SecondSimulator
from stack import Stack

ROOT = "/apps/gitlab"
# At both instances under the very same path, at GitHub under the same last segment.
ALIKE = "group/sub/api"
REFUSING = "demo/custom-hook"
FIRST = [ALIKE, "fleet/billing", "fleet/catalog", "fleet/deep/er/docs", "fleet/edge", "fleet/forms", "fleet/gateway", "fleet/with.dot_and-dash"]
SECOND = ["fleet/hub", ALIKE, REFUSING, "fleet/index", "fleet/jobs", "fleet/keys", "fleet/billing"]
GITHUB = ["octo/api", "octo/locks", "octo/mail", "octo/notes", "octo/orders"]
NAME = "all-of-them"
BRANCH = f"ambient/{NAME}"


class ManyRepositoriesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = Path(tempfile.mkdtemp(prefix="acp-test."))
        cls.addClassCleanup(lambda: os.environ.get("TEST_FAILED") or shutil.rmtree(cls.data))
        cls.second = SecondSimulator(cls.data / "second", ROOT)
        cls.addClassCleanup(cls.second.stop)
        instances = cls.data / "instances.json"
        instances.write_text(json.dumps([{"name": "second", "url": cls.second.url, "caFile": cls.second.ca_file}]))
        (cls.data / "up").mkdir()
        cls.stack = Stack(data=cls.data / "up", settings={"ACP_INSTANCES_FILE": str(instances)})
        cls.addClassCleanup(cls.stack.stop)
        cls.stack.start()
        cls.make_repositories()
        cls.connect()

    @classmethod
    def make_repositories(cls):
        for server, paths in ((cls.stack, FIRST), (cls.second, SECOND)):
            known = [project["path"] for project in server.control("GET", "/projects")]
            for path in set(paths) - set(known):
                server.control("POST", "/projects", {"path": path})
        for path in GITHUB:
            cls.stack.control("POST", "/github/repositories", {"path": path})

    @classmethod
    def connect(cls):
        """The same person at all three, with a token of each that the other GitLab takes for a leak."""
        only_first, only_second = "glpat-first-0123456789abcd", "glpat-second-0123456789abc"
        for server, own, foreign in ((cls.stack, only_first, only_second), (cls.second, only_second, only_first)):
            server.control("POST", "/tokens", {"name": "own", "token": own, "user": "john", "scopes": ["api"]})
            server.control("POST", "/tokens", {"token": foreign, "state": "foreign"})
        for token, instance in ((only_first, cls.stack.simulator["url"]), (only_second, cls.second.url)):
            answer = cls.stack.connect(token, instance)
            assert answer.status == 200, answer
        answer = cls.stack.api("POST", "/api/auth/github/pat", {"token": cls.stack.github_tokens["classic"]})
        assert answer.status == 200, answer

    def remotes(self):
        """(how the session names it, its web address, the link to its branch, how its server is asked, what it is called there), in the session's order:
        the three servers in turn."""
        first = [(f"{self.stack.simulator['url']}/{path}", "/-/tree/", self.stack, path) for path in FIRST]
        second = [(f"{self.second.url}/{path}", "/-/tree/", self.second, path) for path in SECOND]
        github = [(f"{self.stack.github['url']}/{path}", "/tree/", self.stack, f"github:{path}") for path in GITHUB]
        mixed = [row for rank in range(len(FIRST)) for rows in (first, second, github) for row in rows[rank:rank + 1]]
        taken, found = {}, []
        for address, link, server, path in mixed:
            last = path.split("/")[-1]
            taken[last] = taken.get(last, 0) + 1
            found.append((last if taken[last] == 1 else f"{last}-{taken[last]}", address, address + link + BRANCH, server, path))
        return found

    @staticmethod
    def refs(server, path):
        return server.control("GET", "/refs?" + urllib.parse.urlencode({"project": path}))

    def assert_one_commit_on_main(self, server, path, commit, before):
        """The named branch is the only thing that is new, with one commit on top of main that adds the agent's file."""
        after = self.refs(server, path)
        self.assertEqual(after.pop(f"refs/heads/{BRANCH}", None), commit, path)
        self.assertEqual(after, before, path)
        shown = server.control("GET", "/commit?" + urllib.parse.urlencode({"project": path, "ref": commit}))
        self.assertEqual(shown["parents"], before["refs/heads/main"], path)
        self.assertIn("AMBIENT.md", shown["files"], path)

    def test_nineteen_arrive_and_the_twentieth_says_why_it_did_not(self):
        remotes = self.remotes()
        self.assertEqual(len(remotes), 20)
        self.assertEqual(sorted(name for name, *_ in remotes if name.startswith("api")), ["api", "api-2", "api-3"])
        before = [self.refs(server, path) for _, _, _, server, path in remotes]
        answer = self.stack.create_session(NAME, {"description": "Change all of them", "repositories": [{"url": f"{address}.git"} for _, address, *_ in remotes]})
        self.assertEqual(answer.status, 201, answer)
        status = self.stack.wait_for_session(NAME, 240)["status"]
        self.assertEqual(status["phase"], "PartiallyCompleted", status)

        seen = status["repositories"]
        self.assertEqual([(one["name"], one["url"]) for one in seen], [(name, f"{address}.git") for name, address, *_ in remotes])
        for one, (_, address, link, server, path), refs in zip(seen, remotes, before):
            with self.subTest(path):
                if path == REFUSING:
                    self.assertEqual((one["phase"], one["error"]["code"]), ("Failed", "push_rejected"), one)
                    self.assertEqual(self.refs(server, path), refs)
                    self.assertNotIn("branchUrl", one)
                    continue
                self.assertEqual((one["phase"], one["branch"], one["branchUrl"]), ("Pushed", BRANCH, link), one)
                self.assertNotIn("error", one)
                self.assert_one_commit_on_main(server, path, one["commit"], refs)

        lines = ["AgenticSession completed partially."]
        for _, _, link, _, path in remotes:
            if path != REFUSING:
                lines += ["View changes in GitHub:" if path.startswith("github:") else "View changes in GitLab:", link]
        lines.append("custom-hook: GitLab rejected the push: The freeze is on until Monday.")
        self.assertEqual(status["notification"], "\n".join(lines))
        address = f"/api/projects/default/agentic-sessions/{NAME}"
        self.assertEqual(self.stack.api("GET", f"{address}/notification").json, {"phase": "PartiallyCompleted", "notification": "\n".join(lines)})
        results = self.stack.api("GET", f"{address}/git/results").json["repositories"]
        self.assertEqual([(one["name"], one["phase"], one.get("commit"), one.get("branchUrl")) for one in results],
                         [(one["name"], one["phase"], one.get("commit"), one.get("branchUrl")) for one in seen])

        for server in (self.stack, self.second):
            self.assertEqual(server.control("GET", "/violations"), [])
            self.assertEqual(server.control("GET", "/created_projects"), [])


if __name__ == "__main__":
    unittest.main()
