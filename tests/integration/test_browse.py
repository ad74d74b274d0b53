"""Looking at a repository: branches, folders and files, at GitLab and GitHub alike, with every name that git allows."""
import base64
import unittest
import urllib.parse

from stack import Stack

ODD_BRANCHES = {"main", "develop", "feature/a", "feature/a&b", "fix#1", "100%", "ümlaut"}
LARGE = 6 << 20


class Browsing:
    """The tests for one provider; `repository` and `empty` are addresses."""

    def get(self, what, **query):
        query = {name: value for name, value in query.items() if value is not None}
        return self.stack.api("GET", f"/api/projects/default/repo/{what}?{urllib.parse.urlencode(query)}")

    def ok(self, what, **query):
        answer = self.get(what, **{"repo": self.repository, **query})
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def test_all_pages_of_branches(self):
        branches = self.ok("branches")["branches"]
        names = [branch["name"] for branch in branches]
        self.assertEqual(set(names), ODD_BRANCHES | {f"topic/{number:04d}" for number in range(250)})
        self.assertEqual(len(names), len(set(names)))
        main = next(branch for branch in branches if branch["name"] == "main")
        self.assertTrue(main["default"])
        self.assertEqual([branch["name"] for branch in branches if branch["default"]], ["main"])
        for branch in branches:
            self.assertEqual(set(branch["commit"]), {"sha", "message", "author", "timestamp"})
            self.assertRegex(branch["commit"]["sha"], "^[0-9a-f]{40}$")

    def test_entries_of_folders(self):
        top = self.ok("tree", ref="main")
        self.assertEqual(top["path"], "")
        entries = {entry["name"]: entry for entry in top["entries"]}
        for name, kind, mode in (("docs", "tree", "040000"), ("run.sh", "blob", "100755"), ("README.md", "blob", "100644"), ("link", "blob", "120000")):
            self.assertEqual((entries[name]["type"], entries[name]["mode"], entries[name]["path"]), (kind, mode, name))
        odd = {entry["name"] for entry in self.ok("tree", ref="main", path="odd")["entries"]}
        self.assertEqual(odd, {"100%.txt", "#1 & more?.txt", "a+b=c;d.txt", "ümlaut.txt"})
        self.assertEqual([entry["path"] for entry in self.ok("tree", ref="main", path="docs/deep/er")["entries"]], ["docs/deep/er/note.txt"])
        vendor = self.ok("tree", ref="main", path="vendor")["entries"]
        self.assertEqual([(entry["name"], entry["type"], entry["mode"]) for entry in vendor], [("module", "commit", "160000")])

    def test_contents_of_files(self):
        rows = [("docs/guide.md", "# Guide\n\nRead this first.\n"), ("with space/a file.txt", "Blanks in both names.\n"), ("odd/100%.txt", "A percent sign.\n"),
                ("odd/#1 & more?.txt", "Characters that a URL gives a meaning to.\n"), ("odd/a+b=c;d.txt", "More of them.\n"), ("odd/ümlaut.txt", "Grüße\n"), ("empty.txt", "")]
        for path, content in rows:
            with self.subTest(path):
                blob = self.ok("blob", ref="main", path=path)
                self.assertEqual((blob["content"], blob["encoding"]), (content, "utf-8"))
        for path, content in (("binary.dat", bytes(range(256)) * 4), ("latin1.txt", "Grüße\n".encode("latin-1"))):
            blob = self.ok("blob", ref="main", path=path)
            self.assertEqual(blob["encoding"], "base64")
            self.assertEqual(base64.b64decode(blob["content"]), content)

    def test_every_kind_of_ref(self):
        commit = next(branch for branch in self.ok("branches")["branches"] if branch["name"] == "main")["commit"]["sha"]
        for ref in sorted(ODD_BRANCHES - {"develop"}) + ["release/v2.0", "topic/0249", commit, None]:
            with self.subTest(str(ref)):
                self.assertIn("README.md", {entry["name"] for entry in self.ok("tree", ref=ref)["entries"]})
                self.assertIn("# browse", self.ok("blob", ref=ref, path="README.md")["content"])
        self.assertNotIn("docs", {entry["name"] for entry in self.ok("tree", ref="v1.0")["entries"]})

    def test_a_pasted_page_brings_its_ref(self):
        page = self.page("feature/a", "docs")
        self.assertIn("guide.md", {entry["name"] for entry in self.ok("tree", repo=page, path="docs")["entries"]})
        self.assertIn("# browse", self.ok("blob", repo=page, path="README.md")["content"])

    def test_what_is_not_there_or_too_large_says_so(self):
        rows = [("tree", {"ref": "nope"}, 404, "ref_not_found"), ("tree", {"ref": "main", "path": "nope"}, 404, "path_not_found"),
                ("blob", {"ref": "main", "path": "nope.txt"}, 404, "path_not_found"), ("blob", {"ref": "nope", "path": "README.md"}, 404, "ref_not_found"),
                ("blob", {"ref": "main", "path": "docs"}, 404, "path_not_found"), ("blob", {"ref": "main", "path": "large.bin"}, 413, "file_too_large")]
        for what, query, status, code in rows:
            with self.subTest(f"{what} {query}"):
                answer = self.get(what, repo=self.repository, **query)
                self.assertEqual((answer.status, answer.json["code"]), (status, code), answer)
        self.assertEqual(self.get("branches").status, 400)
        self.assertEqual(self.get("blob", repo=self.repository, ref="main").status, 400)

    def test_paths_do_not_climb(self):
        for path in ("../hello/README.md", "docs/../../hello", "/etc/passwd", "docs/./guide.md", "docs//guide.md", "a\x00b"):
            with self.subTest(path):
                self.assertIn(self.get("blob", repo=self.repository, ref="main", path=path).status, (400, 404))
        for ref in ("../main", "a..b", "-x", "a b", "refs/heads/main\n"):
            with self.subTest(ref):
                self.assertIn(self.get("tree", repo=self.repository, ref=ref).status, (400, 404))

    def test_an_empty_repository_is_empty(self):
        self.assertEqual(self.ok("branches", repo=self.empty), {"branches": []})
        self.assertEqual(self.ok("tree", repo=self.empty)["entries"], [])


class GitLabTest(Browsing, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        cls.repository, cls.empty = cls.stack.simulator["url"] + "/demo/browse.git", cls.stack.simulator["url"] + "/demo/empty.git"
        assert cls.stack.connect().status == 200

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def page(self, ref, path):
        return f"{self.repository[:-4]}/-/tree/{ref}/{path}"

    def test_names_of_commits(self):
        main = next(branch for branch in self.ok("branches")["branches"] if branch["name"] == "main")["commit"]
        self.assertEqual((main["message"].strip(), main["author"]), ("Fill the folders", "Mary Major"))
        self.assertTrue(main["timestamp"].startswith("2026-01-01T"))


class GitHubTest(Browsing, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()
        github = cls.stack.simulator["github"]
        cls.repository, cls.empty = github["url"] + "/octo/browse.git", github["url"] + "/octo/empty.git"
        answer = cls.stack.api("POST", "/api/auth/github/pat", {"token": github["tokens"]["classic"]})
        assert answer.status == 200, answer

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def page(self, ref, path):
        return f"{self.repository[:-4]}/tree/{ref}/{path}"


if __name__ == "__main__":
    unittest.main()
