"""The repositories of a running session, and its outcome, over the API: what joins is cloned and pushed, what leaves is not, and only its owner changes it."""
import contextlib
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from stack import Stack, wait_until

# Waits until it is told to go on, then asks every repository's remote and changes something in each.
AGENT = """#!/bin/sh
touch "$ACP_WORKSPACE/+tmp/waiting"
while [ ! -e "$ACP_WORKSPACE/+tmp/go" ]; do sleep 0.1; done
for folder in [a-z]*/; do
	git -C "$folder" ls-remote -q origin >/dev/null && echo "REACHED $folder"
	echo "$ACP_SESSION_NAME" >"$folder/AMBIENT.md"
done
"""


class SessionApiCase(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(settings=cls.settings).start()
        cls.base = cls.stack.simulator["url"]
        cls.number = 0
        assert cls.stack.connect().status == 200

    @classmethod
    def tearDownClass(cls):
        created = cls.stack.control("GET", "/created_projects")
        cls.stack.close()
        assert not created, f"push-to-create made projects: {created}"

    def url(self, path):
        return f"{self.base}/{path}.git"

    def call(self, method, path, body=None, bearer=None):
        return self.stack.api(method, f"/api/projects/default/agentic-sessions/{self.name}/{path}", body, bearer)

    def begin(self, *paths):
        """A session with these repositories, once it runs."""
        type(self).number += 1
        self.name = f"{type(self).__name__.lower()}-{self.number}"
        self.spec = {"description": "change", "repositories": [{"url": self.url(path)} for path in paths or ("group/sub/api",)]}
        answer = self.stack.create_session(self.name, self.spec)
        self.assertEqual(answer.status, 201, answer)
        self.uid = answer.json["metadata"]["uid"]
        self.workspace = self.stack.data / "workspaces" / self.uid
        self.stack.wait_for_session(self.name, phases=("Running",))

    def status(self):
        """{name: entry} of the repositories."""
        answer = self.call("GET", "repos/status")
        self.assertEqual(answer.status, 200, answer)
        return {entry["name"]: entry for entry in answer.json["repositories"]}

    def wait_ready(self, name):
        wait_until(f"{name} is ready", lambda: self.status()[name]["phase"] == "Ready", 30)

    @contextlib.contextmanager
    def gate_down(self):
        """nginx finds nobody behind the gate's addresses."""
        words = next(line for line in self.stack.commands().values() if line[1:3] == ["--pool", "git"])
        sockets = [Path(path) for option, path in zip(words, words[1:]) if option == "--socket"]
        for socket in sockets:
            socket.rename(socket.with_suffix(".away"))
        try:
            yield
        finally:
            for socket in sockets:
                socket.with_suffix(".away").rename(socket)

    def files(self, project):
        """The files at the top of the session's branch, in the remote's own repository."""
        commit = self.refs(project)[f"refs/heads/ambient/{self.name}"]
        for path in (self.stack.data / "simulator/repositories").glob("*.git"):
            done = subprocess.run(["git", "--git-dir", path, "ls-tree", "--name-only", commit], text=True, capture_output=True)
            if done.returncode == 0:
                return done.stdout.split()
        return []

    def refs(self, project):
        return self.stack.control("GET", f"/refs?project={project}")

    def finish(self):
        """Pushes, waits for the end, gives the status."""
        self.assertEqual(self.call("POST", "git/push").status, 202)
        return self.stack.wait_for_session(self.name)["status"]


class WaitingTest(SessionApiCase):
    """The agent runs elsewhere: the session waits for git/push."""

    settings = {"ACP_AGENT_COMMAND": ""}

    def test_a_repository_joins_is_cloned_and_pushed(self):
        self.begin()
        answer = self.call("POST", "repos", {"url": self.url("other/api"), "autoPush": True})
        self.assertEqual((answer.status, answer.json["name"], answer.json["phase"]), (201, "api-2", "Pending"), answer)
        self.assertIn("api-2", [entry["name"] for entry in self.stack.session(self.name).json["status"]["repositories"]])
        self.wait_ready("api-2")
        (self.workspace / "api-2" / "NEW.md").write_text("new\n")
        status = self.finish()
        self.assertEqual(status["phase"], "Completed", status)
        phases = {entry["name"]: entry["phase"] for entry in status["repositories"]}
        self.assertEqual(phases, {"api": "Unchanged", "api-2": "Pushed"})
        self.assertIn(f"refs/heads/ambient/{self.name}", self.refs("other/api"))

    def test_what_could_not_join_before_the_push_has_failed(self):
        self.begin()
        with self.gate_down():
            self.assertEqual(self.call("POST", "repos", {"url": self.url("other/api"), "autoPush": True}).status, 201)
            self.assertEqual(self.call("POST", "git/push").status, 202)
            wait_until("it has failed", lambda: self.status()["api-2"]["phase"] == "Failed", 40)
        status = self.stack.wait_for_session(self.name)["status"]
        joined = {entry["name"]: entry for entry in status["repositories"]}["api-2"]
        self.assertEqual((joined["phase"], joined["error"]["code"], joined["url"]), ("Failed", "service_unavailable", self.url("other/api")), status)
        self.assertNotEqual(status["phase"], "Completed")

    def test_what_joins_while_the_gate_restarts_is_pushed_all_the_same(self):
        self.begin()
        with self.gate_down():
            self.assertEqual(self.call("POST", "repos", {"url": self.url("other/api"), "autoPush": True}).status, 201)
            self.assertEqual(self.call("POST", "git/push").status, 202)
            self.stack.wait_for_session(self.name, phases=("Pushing",))
            time.sleep(1)
        status = self.stack.wait_for_session(self.name)["status"]
        self.assertEqual((status["phase"], [entry["name"] for entry in status["repositories"]]), ("Completed", ["api", "api-2"]), status)

    def test_a_push_that_is_asked_for_during_a_push_is_done_too(self):
        self.begin()
        (self.workspace / "api" / "NEW.md").write_text("new\n")
        self.stack.mode("group/sub/api", "delay", delay_ms=4000, match="git-receive-pack", method="POST")
        try:
            self.assertEqual(self.call("POST", "git/push").status, 202)
            wait_until("it pushes", lambda: self.status()["api"]["phase"] == "Pushing", 30)
            (self.workspace / "api" / "LATER.md").write_text("later\n")
            self.assertEqual(self.call("POST", "git/push").status, 202)
        finally:
            self.stack.mode("group/sub/api", "normal")
        status = self.stack.wait_for_session(self.name)["status"]
        self.assertEqual((status["phase"], status["repositories"][0]["commit"]), ("Completed", self.refs("group/sub/api")[f"refs/heads/ambient/{self.name}"]), status)
        self.assertLessEqual({"NEW.md", "LATER.md"}, set(self.files("group/sub/api")))

    def test_what_could_not_be_pushed_is_tried_again_with_another_push(self):
        self.stack.control("POST", "/projects", {"path": "fail/at-first", "members": {"john": 20}})
        self.begin("fail/at-first", "group/sub/api")
        for name in ("at-first", "api"):
            (self.workspace / name / "NEW.md").write_text("new\n")
        self.stack.mode("group/sub/api", "delay", delay_ms=4000, match="git-receive-pack", method="POST")
        try:
            self.assertEqual(self.call("POST", "git/push").status, 202)
            wait_until("the other one is pushed", lambda: self.status()["api"]["phase"] == "Pushing", 30)
            self.assertEqual((self.status()["at-first"]["phase"], self.status()["at-first"]["error"]["code"]), ("Failed", "repo_no_push"))
            self.stack.control("POST", "/projects", {"path": "fail/at-first", "members": {"john": 30}})
            self.assertEqual(self.call("POST", "git/push").status, 202)
        finally:
            self.stack.mode("group/sub/api", "normal")
        status = self.stack.wait_for_session(self.name)["status"]
        self.assertEqual((status["phase"], {entry["name"]: entry["phase"] for entry in status["repositories"]}), ("Completed", {"at-first": "Pushed", "api": "Pushed"}), status)
        self.assertNotIn("error", status["repositories"][0])

    def test_what_joined_to_be_read_is_not_pushed(self):
        self.begin()
        self.assertEqual(self.call("POST", "repos", {"url": self.url("other/api"), "branch": "main", "name": "library"}).status, 201)
        self.wait_ready("library")
        (self.workspace / "library" / "NEW.md").write_text("new\n")
        (self.workspace / "api" / "NEW.md").write_text("new\n")
        phases = {entry["name"]: entry["phase"] for entry in self.finish()["repositories"]}
        self.assertEqual(phases, {"api": "Pushed", "library": "Unchanged"})
        self.assertNotIn(f"refs/heads/ambient/{self.name}", self.refs("other/api"))

    def test_a_repository_that_left_is_not_pushed_and_its_name_not_given_again(self):
        self.begin("group/sub/api", "other/api")
        (self.workspace / "api-2" / "NEW.md").write_text("new\n")
        for _ in range(2):
            answer = self.call("DELETE", "repos/api-2")
            self.assertEqual(answer.status, 200, answer)
        self.assertEqual(list(self.status()), ["api"])
        self.assertEqual(self.call("POST", "repos", {"url": self.url("other/api"), "name": "api-2"}).json["code"], "conflict")
        again = self.call("POST", "repos", {"url": self.url("other/api"), "autoPush": True})
        self.assertEqual((again.status, again.json["name"]), (201, "api-3"), again)
        self.wait_ready("api-3")
        self.assertEqual(self.call("DELETE", "repos/api-3").status, 200)
        self.assertTrue((self.workspace / "api-2" / "NEW.md").exists(), "the folder stays until the workspace goes")
        status = self.finish()
        self.assertEqual([(entry["name"], entry["phase"]) for entry in status["repositories"]], [("api", "Unchanged")])
        self.assertNotIn(f"refs/heads/ambient/{self.name}", self.refs("other/api"))

    def test_what_cannot_be_used_does_not_join(self):
        self.begin()
        rows = [
            ({"url": self.url("nowhere/at/all")}, 404, "repo_not_found"), ({"url": "https://gitlab.example.org/a/b.git"}, 409, "not_connected"),
            ({"url": self.url("group/sub/api")}, 409, "conflict"), ({"url": self.url("GROUP/sub/api")}, 409, "conflict"),
            ({"url": self.url("other/api"), "branch": "no-such"}, 404, "branch_not_found"), ({"url": self.url("other/api"), "name": "api"}, 409, "conflict"),
            ({"url": self.url("other/api"), "name": "../x"}, 400, "field_invalid"), ({"url": self.url("other/api"), "name": ".git"}, 400, "field_invalid"),
            ({"branch": "main"}, 400, "field_missing"), ({"url": self.url("other/api"), "token": "x"}, 400, "field_invalid"), ({"url": "nonsense"}, 400, "repo_url_invalid"),
        ]
        for body, status, code in rows:
            with self.subTest(body):
                answer = self.call("POST", "repos", body)
                self.assertEqual((answer.status, answer.json["code"]), (status, code), answer)
        self.assertEqual([self.call("DELETE", f"repos/{name}").json["code"] for name in ("api", "other")], ["conflict", "not_found"])
        self.assertEqual(list(self.status()), ["api"])
        self.assertEqual(self.finish()["phase"], "Completed")

    def test_only_the_owner_changes_and_everyone_in_the_project_reads(self):
        self.begin()
        other, stranger = self.stack.add_user(f"other-{self.name}"), self.stack.add_user(f"stranger-{self.name}", ("elsewhere",))
        body = {"url": self.url("other/api")}
        self.assertEqual([self.call("POST", "repos", body, other).status, self.call("DELETE", "repos/api", bearer=other).status], [403, 403])
        self.assertEqual([self.call("GET", path, bearer=other).status for path in ("repos/status", "git/results", "notification")], [200, 200, 200])
        self.assertEqual([self.call("GET", path, bearer=stranger).status for path in ("repos/status", "git/results", "notification")], [403, 403, 403])
        self.assertEqual(self.call("POST", "repos", body, stranger).status, 403)
        self.finish()

    def test_the_outcome_is_told_when_it_is_there(self):
        self.begin()
        self.assertEqual(self.call("GET", "notification").json, {"phase": "Running", "notification": None})
        self.assertEqual(self.call("GET", "git/results").json["repositories"][0]["phase"], "Ready")
        (self.workspace / "api" / "NEW.md").write_text("new\n")
        status = self.finish()
        self.assertEqual(self.call("GET", "notification").json, {"phase": "Completed", "notification": status["notification"]})
        self.assertTrue(status["notification"].startswith("AgenticSession completed successfully!\nView changes in GitLab:\n"))
        results = self.call("GET", "git/results").json
        self.assertEqual((results["phase"], results["repositories"]), ("Completed", status["repositories"]))
        self.assertEqual([self.call("POST", "repos", {"url": self.url("other/api")}).json["code"], self.call("DELETE", "repos/api").json["code"]],
                         ["session_ended", "session_ended"])
        self.assertEqual(self.call("DELETE", "repos/status").status, 409)
        self.assertEqual(self.call("GET", "repos/api").status, 405)

    def test_a_changed_pipeline_is_named(self):
        self.begin()
        (self.workspace / "api" / ".gitlab-ci.yml").write_text("job: {script: [id]}\n")
        (self.workspace / "api" / ".gitlab" / "ci").mkdir(parents=True)
        (self.workspace / "api" / ".gitlab" / "ci" / "x.yml").write_text("x\n")
        [repository] = self.finish()["repositories"]
        [warning] = repository["warnings"]
        self.assertEqual((repository["phase"], warning["code"]), ("Pushed", "ci_changed"))
        for path in (".gitlab-ci.yml", ".gitlab/ci/x.yml"):
            self.assertIn(path, warning["message"])

    def test_the_session_stays_the_one_that_was_asked_for(self):
        self.begin()
        self.assertEqual(self.call("POST", "repos", {"url": self.url("other/api")}).status, 201)
        again = self.stack.create_session(self.name, self.spec)
        self.assertEqual((again.status, again.json["metadata"]["uid"], again.json["spec"]), (201, self.uid, self.spec))
        self.wait_ready("api-2")
        self.finish()

    def test_a_repository_that_fails_leaves_the_others(self):
        self.begin()
        self.stack.mode("demo/hello", "reset", match="git-upload-pack", method="POST")
        try:
            self.assertEqual(self.call("POST", "repos", {"url": self.url("demo/hello")}).status, 201)
            wait_until("it has failed", lambda: self.status()["hello"]["phase"] == "Failed", 40)
        finally:
            self.stack.mode("demo/hello", "normal")
        (self.workspace / "api" / "NEW.md").write_text("new\n")
        status = self.finish()
        self.assertEqual((status["phase"], {e["name"]: e["phase"] for e in status["repositories"]}), ("PartiallyCompleted", {"api": "Pushed", "hello": "Failed"}))


class AgentTest(SessionApiCase):
    """The agent works in the workspace while a repository joins."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="acp-agent.", dir="/opt" if os.access("/opt", os.W_OK) else None)
        script = Path(cls.folder.name) / "agent"
        script.write_text(AGENT)
        script.chmod(0o755)
        cls.settings = {"ACP_AGENT_COMMAND": str(script)}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def test_the_agent_finds_what_joined_and_its_git_reaches_it(self):
        self.begin()
        wait_until("the agent waits", (self.workspace / "+tmp/waiting").exists, 30)
        self.assertEqual(self.call("POST", "repos", {"url": self.url("other/api"), "autoPush": True}).status, 201)
        self.wait_ready("api-2")
        (self.workspace / "+tmp/go").touch()
        status = self.stack.wait_for_session(self.name)["status"]
        self.assertEqual((status["phase"], {entry["phase"] for entry in status["repositories"]}), ("Completed", {"Pushed"}), status)
        self.assertEqual(status["agent"]["output"].split(), ["REACHED", "api-2/", "REACHED", "api/"])

    def test_its_only_repository_is_changed_for_one_that_cannot_join_yet(self):
        self.begin()
        wait_until("the agent waits", (self.workspace / "+tmp/waiting").exists, 30)
        with self.gate_down():
            self.assertEqual(self.call("POST", "repos", {"url": self.url("other/api"), "autoPush": True}).status, 201)
            self.assertEqual(self.call("DELETE", "repos/api").status, 200)
            wait_until("the worker has looked", lambda: [e["name"] for e in self.stack.session(self.name).json["status"]["repositories"]] == ["api-2"], 20)
            time.sleep(3)
        self.wait_ready("api-2")
        (self.workspace / "+tmp/go").touch()
        status = self.stack.wait_for_session(self.name)["status"]
        self.assertEqual((status["phase"], [(e["name"], e["phase"]) for e in status["repositories"]]), ("Completed", [("api-2", "Pushed")]), status)
        self.assertNotIn("ended abnormally", self.stack.log_text())
        self.assertNotIn("The agent's git could not be told", self.stack.log_text())

    def test_a_folder_that_the_agent_has_made_is_not_taken(self):
        self.begin()
        wait_until("the agent waits", (self.workspace / "+tmp/waiting").exists, 30)
        (self.workspace / "library").symlink_to("/tmp")
        self.assertEqual(self.call("POST", "repos", {"url": self.url("other/api"), "name": "library"}).status, 201)
        wait_until("it has failed", lambda: self.status()["library"]["phase"] == "Failed", 30)
        self.assertEqual(self.status()["library"]["error"]["code"], "workspace_failed")
        (self.workspace / "library").unlink()
        (self.workspace / "+tmp/go").touch()
        self.assertEqual(self.stack.wait_for_session(self.name)["status"]["phase"], "PartiallyCompleted")


del SessionApiCase

if __name__ == "__main__":
    unittest.main()
