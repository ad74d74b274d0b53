"""An agent that pushes by itself through the gate: the session's result is what the remote's branch says, not what the workspace knows."""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from stack import Stack, wait_until

# $BRANCH is the session's, $ORIGIN its repository; the agent is in the workspace, beside the session's own clone, "api".
COMMIT = 'git -c user.name=Agent -c user.email=agent@example.org commit -qam'
ELSEWHERE = f'git clone -q "$ORIGIN" "$TMPDIR/own" && cd "$TMPDIR/own" && git checkout -q -b "$BRANCH" && echo agent >own.txt && git add . && {COMMIT} "by the agent" && '
PUSH = 'git push -q origin "$BRANCH" && '
IN_WORKSPACE = f'cd api && echo agent >own.txt && git add . && {COMMIT} "by the agent" && git push -q origin HEAD:refs/heads/"$BRANCH" && '


class OwnPushTest(unittest.TestCase):
    project = "group/sub/api"

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(settings={"ACP_AGENT_COMMAND": 'eval "$ACP_SESSION_DESCRIPTION"'}).start()
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.assertEqual(self.stack.connect().status, 200)
        type(self).number += 1
        self.name = f"own-{self.number}"
        self.branch = f"own/{self.number}"
        self.folder = tempfile.TemporaryDirectory(prefix="acp-own.")
        self.addCleanup(self.folder.cleanup)

    def url(self, project=None):
        return f"{self.stack.simulator['url']}/{project or self.project}.git"

    def begin(self, script, project=None, **more):
        script = f'set -e; BRANCH={self.branch} ORIGIN={self.url(project)}; {script} true'
        answer = self.stack.create_session(self.name, {"description": script, "outputRepo": {"url": self.url(project), "branch": self.branch}, **more})
        self.assertEqual(answer.status, 201, answer)

    def end(self):
        """The session, its status, and its one repository."""
        self.session = self.stack.wait_for_session(self.name, 60)
        status = self.session["status"]
        return status, status["repositories"][0]

    def run_session(self, script, project=None, **more):
        self.begin(script, project, **more)
        return self.end()

    def tip(self, project=None):
        return (self.stack.control("GET", f"/refs?project={project or self.project}") or {}).get(f"refs/heads/{self.branch}")

    def git(self, *arguments):
        """Somebody else, with a token of their own, in a clone of their own."""
        address = self.url().replace("https://", f"https://oauth2:{self.stack.tokens['good']}@")
        environment = {**os.environ, "GIT_SSL_CAINFO": self.stack.simulator["caFile"], "ADDRESS": address, "GIT_CONFIG_GLOBAL": "/dev/null",
                       **{f"GIT_{who}_{what}": "other" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}}
        return subprocess.run(["git", "-C", self.folder.name, *[address if word == "ADDRESS" else word for word in arguments]], env=environment, text=True,
                              capture_output=True, check=True, timeout=60).stdout.strip()

    def codes(self, repository):
        return [warning["code"] for warning in repository.get("warnings", [])]

    def assertPushed(self, status, repository):
        link = f"{self.stack.simulator['url']}/{self.project}/-/tree/{self.branch}"
        self.assertEqual((status["phase"], repository["phase"]), ("Completed", "Pushed"), status)
        self.assertTrue(repository["commit"])
        self.assertEqual((repository["commit"], repository["branch"], repository["branchUrl"]), (self.tip(), self.branch, link))
        self.assertEqual(status["notification"], f"AgenticSession completed successfully!\nView changes in GitLab:\n{link}")
        self.assertIn({"type": "RepositoriesPushed", "status": "True", "reason": "Pushed"},
                      [{name: c[name] for name in ("type", "status", "reason")} for c in status["conditions"]])

    def test_a_push_from_the_workspace_is_named(self):
        status, repository = self.run_session(IN_WORKSPACE)
        self.assertPushed(status, repository)
        self.assertEqual(self.codes(repository), [])

    def test_pull_and_push_need_no_arguments(self):
        status, repository = self.run_session(f'cd api && echo agent >own.txt && git add . && {COMMIT} "by the agent" && git pull -q && git push -q && '
                                              'git rev-parse HEAD >"$TMPDIR/pushed" && git reset -q --hard @{upstream} && ')
        self.assertPushed(status, repository)

    def test_addresses_that_begin_like_the_sessions_stay_what_they_are(self):
        own = [self.url(), self.url()[:-4], self.url("other/api")[:-4], self.url("other/api2")[:-4]]
        others = [self.url(f"{self.project}-docs"), self.url(f"{self.project}2")[:-4], self.url(f"{self.project}.js"), self.url("other/api3")]
        self.stack.control("POST", "/projects", {"path": "other/api2"})
        status, _ = self.run_session("".join(f"git ls-remote --get-url {address} && " for address in own + others),
                                     repositories=[{"url": self.url(path)} for path in ("other/api", "other/api2")])
        lines = status["agent"]["output"].split()
        self.assertEqual([re.sub(".*/git/[^/]*/", "gate:", line) for line in lines], ["gate:api.git", "gate:api.git", "gate:api-2.git", "gate:api2.git", *others])

    def test_a_push_that_the_workspace_has_forgotten_is_named(self):
        status, repository = self.run_session(IN_WORKSPACE + "git reset -q --hard HEAD~1 && ")
        self.assertPushed(status, repository)
        self.assertEqual(self.codes(repository), [])

    def test_a_push_from_a_clone_of_its_own_is_named_with_its_pipeline_and_merge_request(self):
        status, repository = self.run_session(ELSEWHERE.replace("echo agent", "echo job: >.gitlab-ci.yml; echo agent") + PUSH, mergeRequest={"title": "Own"})
        self.assertPushed(status, repository)
        self.assertEqual(self.codes(repository), ["ci_changed"])
        self.assertIn(".gitlab-ci.yml", repository["warnings"][0]["message"])
        self.assertIn("/-/merge_requests/", repository["mergeRequestUrl"])
        [listed] = [mr for mr in self.stack.control("GET", f"/merge_requests?project={self.project}") if mr["source_branch"] == self.branch]
        self.assertEqual(listed["title"], "Own")

    def test_the_first_branch_of_an_empty_repository_is_named(self):
        status, repository = self.run_session(ELSEWHERE + PUSH, "demo/empty")
        self.assertEqual((status["phase"], repository["phase"]), ("Completed", "Pushed"), status)
        self.assertEqual(repository["commit"], self.tip("demo/empty"))

    def test_changes_of_the_workspace_beside_it_are_refused_and_kept(self):
        status, repository = self.run_session("echo mine >api/mine.txt; " + ELSEWHERE + PUSH)
        self.assertEqual((status["phase"], repository["phase"], repository["error"]["code"]), ("Failed", "Failed", "push_not_fast_forward"), status)
        self.assertIn("nothing was overwritten", repository["error"]["message"])
        self.assertEqual(self.codes(repository), ["agent_pushed"])
        self.assertIn(self.tip()[:12], repository["warnings"][0]["message"])
        self.assertNotEqual(repository["commit"], self.tip())
        self.assertIn("WorkKept", [c["type"] for c in status["conditions"]])
        self.assertEqual((self.stack.data / "workspaces" / self.session["metadata"]["uid"] / "api/mine.txt").read_text(), "mine\n")
        # The agent's branch is as the agent left it.
        self.git("clone", "-q", "-b", self.branch, "ADDRESS", "x")
        self.assertEqual(self.git("-C", "x", "log", "-1", "--format=%s %H"), f"by the agent {self.tip()}")

    def test_an_agent_that_fails_afterwards_has_pushed_all_the_same(self):
        status, repository = self.run_session(ELSEWHERE + PUSH + "exit 7; ")
        self.assertEqual((status["phase"], repository["phase"]), ("Failed", "Ready"), status)
        self.assertEqual(status["message"], "The agent failed with exit status 7. Nothing but what it pushed by itself was pushed.")
        self.assertTrue(self.tip())
        self.assertEqual(repository["commit"], self.tip())
        self.assertEqual(self.codes(repository), ["agent_pushed"])
        self.assertEqual(status["notification"], f"AgenticSession failed.\nView changes in GitLab:\n{repository['branchUrl']}\nsession: {status['message']}")

    def test_an_agent_that_fails_without_a_push_has_pushed_nothing(self):
        status, repository = self.run_session("exit 7; ")
        self.assertEqual(status["message"], "The agent failed with exit status 7. Nothing was pushed.")
        self.assertEqual((self.codes(repository), repository.get("commit"), repository.get("branchUrl")), ([], None, None))
        self.assertEqual(status["notification"], f"AgenticSession failed.\nsession: {status['message']}")

    def test_an_agent_that_fails_after_its_push_was_overwritten_is_not_named(self):
        self.begin(ELSEWHERE + PUSH + self.wait_for_change() + "exit 7; ")
        wait_until("the agent has pushed", self.tip, 60)
        self.git("clone", "-q", "ADDRESS", "x")
        self.git("-C", "x", "push", "-q", "--force", "origin", f"HEAD:refs/heads/{self.branch}")
        status, repository = self.end()
        self.assertEqual(status["message"], "The agent failed with exit status 7. What it sent by itself was not found at the tip of its branch; nothing else was pushed.")
        self.assertEqual((self.codes(repository), repository.get("commit"), repository.get("branchUrl")), ([], None, None))

    def test_a_push_that_was_refused_is_not_named(self):
        status, repository = self.run_session(ELSEWHERE + 'git push -q origin "$BRANCH" || ', "demo/custom-hook")
        self.assertEqual((status["phase"], repository["phase"]), ("Completed", "Unchanged"), status)
        self.assertIsNone(self.tip("demo/custom-hook"))
        self.assertEqual((self.codes(repository), repository.get("commit"), repository.get("branchUrl")), (["push_missing"], None, None))
        self.assertTrue(repository["warnings"][0]["message"].endswith(" The last refusal: GitLab rejected the push: The freeze is on until Monday."), repository)

    def test_a_branch_that_was_there_and_that_nobody_moved_is_no_push(self):
        self.git("clone", "-q", "ADDRESS", "x")
        self.git("-C", "x", "push", "-q", "origin", f"HEAD:refs/heads/{self.branch}")
        status, repository = self.run_session("cd api && git fetch -q origin && ")
        self.assertEqual((status["phase"], repository["phase"]), ("Completed", "Unchanged"), status)
        self.assertEqual((self.codes(repository), repository.get("commit"), repository.get("branchUrl")), (["branch_exists"], None, None))

    def wait_for_change(self):
        """Goes on once somebody else has done something to the branch."""
        return 'mine=$(git rev-parse HEAD); while [ "$(git ls-remote origin refs/heads/"$BRANCH" | cut -f1)" = "$mine" ]; do sleep 0.2; done; '

    def test_a_branch_that_somebody_moved_on_is_named_where_it_is(self):
        self.begin(ELSEWHERE + PUSH + self.wait_for_change())
        first = wait_until("the agent has pushed", self.tip, 60)
        self.git("clone", "-q", "-b", self.branch, "ADDRESS", "x")
        Path(self.folder.name, "x/other.txt").write_text("other\n")
        for command in (("add", "."), ("commit", "-qm", "on top"), ("push", "-q", "origin", self.branch)):
            self.git("-C", "x", *command)
        status, repository = self.end()
        self.assertPushed(status, repository)
        self.assertNotEqual(repository["commit"], first)
        self.assertEqual(self.codes(repository), ["branch_moved_on"])
        self.assertIn(first[:12], repository["warnings"][0]["message"])

    def test_a_branch_that_somebody_removed_is_not_named(self):
        self.begin(ELSEWHERE + PUSH + self.wait_for_change())
        wait_until("the agent has pushed", self.tip, 60)
        self.git("clone", "-q", "-b", self.branch, "ADDRESS", "x")
        self.git("-C", "x", "push", "-q", "origin", f":refs/heads/{self.branch}")
        status, repository = self.end()
        self.assertEqual((status["phase"], repository["phase"]), ("Completed", "Unchanged"), status)
        self.assertEqual((self.codes(repository), repository.get("commit")), (["push_missing"], None))

    def test_a_branch_that_somebody_overwrote_is_not_named(self):
        self.overwrite(ELSEWHERE + PUSH + self.wait_for_change())

    def test_nor_one_whose_commit_the_workspace_still_has(self):
        self.overwrite(IN_WORKSPACE + self.wait_for_change() + "git reset -q --hard HEAD~1; ")

    def overwrite(self, script):
        self.begin(script)
        wait_until("the agent has pushed", self.tip, 60)
        self.git("clone", "-q", "ADDRESS", "x")
        self.git("-C", "x", "push", "-q", "--force", "origin", f"HEAD:refs/heads/{self.branch}")
        status, repository = self.end()
        self.assertEqual((status["phase"], repository["phase"]), ("Completed", "Unchanged"), status)
        self.assertEqual((self.codes(repository), repository.get("commit")), (["push_missing"], None))


if __name__ == "__main__":
    unittest.main()
