"""Hostile repositories and hostile agents: whatever they hold, a session ends, nothing runs, nothing outside is touched, nobody else suffers."""
import json
import os
import re
import secrets
import subprocess
import time
import unittest
from pathlib import Path

import hostile_repositories
import hostile_workspaces
from hostile_objects import Repository
from stack import Stack

ENDS = ("Completed", "PartiallyCompleted", "Failed", "Stopped")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
AGENT = 'cd "$ACP_WORKSPACE"/p-* && eval "$ACP_SESSION_DESCRIPTION"; exit 0'
# In a repository that somebody else made, an ordinary agent looks around and writes one file.
ORDINARY = "git status > /dev/null 2>&1; git log -1 > /dev/null 2>&1; echo changed > AMBIENT.md"
# Serves the pack that a row made instead of a true one, and says something to the terminal.
PACK_SERVER = "#!/bin/sh\nif [ -f hostile-pack ]; then cat > /dev/null; exec cat hostile-pack; fi\nprintf '\\033[2J\\033]0;owned\\007' >&2\nexec \"$@\"\n"
SECONDS = 600  # for all rows of a table together, on a slow machine
MEMORY = 1 << 30  # what one process of the worker may ever hold


def strings(value):
    """All texts of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


class HostileCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(settings={"ACP_AGENT_COMMAND": AGENT, "ACP_AGENT_TIMEOUT": "60",
                                    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:allocator_may_return_null=1:max_allocation_size_mb=2048"})
        cls.canary = "canary-" + secrets.token_hex(16)
        cls.outside = cls.stack.data / "outside"
        (cls.outside / "objects").mkdir(parents=True)
        (cls.outside / "token").write_text(cls.canary + "\n")
        cls.stack.start()
        assert cls.stack.connect().status == 200
        home = next(path.parent for path in (cls.stack.data / "simulator").rglob(".gitconfig") if "github" not in str(path))
        server = cls.outside.parent / "simulator/pack-server"
        server.write_text(PACK_SERVER)
        server.chmod(0o755)
        with open(home / ".gitconfig", "a") as config:
            config.write(f"[uploadpack]\n\tpackObjectsHook = {server}\n")
        cls.repositories = home.parent / "repositories"
        cls.memory = 0

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    # ------------------------------------------------------------------------------------------------ sessions
    def project(self, name):
        """A project of its own; gives its repository at the server."""
        made = self.stack.control("POST", "/projects", {"path": f"hostile/p-{name}", "members": {"john": 30}})
        return self.repositories / f"{made['id']}.git"

    def begin(self, name, description):
        spec = {"description": description, "outputRepo": {"url": f"{self.stack.simulator['url']}/hostile/p-{name}.git", "branch": "work"}}
        answer = self.stack.create_session(name, spec)
        self.assertEqual(answer.status, 201, answer)

    def wait_for(self, names):
        """{name: ended session}; watches the worker's memory meanwhile."""
        deadline, ended = time.monotonic() + SECONDS, {}
        while len(ended) < len(names) and time.monotonic() < deadline:
            listed = self.stack.api("GET", "/api/projects/default/agentic-sessions").json["items"]
            ended = {item["metadata"]["name"]: item for item in listed if item["metadata"]["name"] in names and item.get("status", {}).get("phase") in ENDS}
            for pid in self.workers():
                try:
                    resident = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
                except OSError:
                    continue
                type(self).memory = max(self.memory, int(resident[1]) << 10 if resident else 0)
            time.sleep(0.2)
        self.assertEqual([], sorted(set(names) - set(ended)), "sessions that did not end")
        return ended

    def workers(self):
        found = []
        for pid in self.stack.pids():
            try:
                if "acp-git-worker" in Path(f"/proc/{pid}/cmdline").read_text():
                    found.append(pid)
            except OSError:
                pass
        return found

    # ------------------------------------------------------------------------------------------------ judging
    def fingerprint(self):
        """All that no session may change."""
        found = {}
        for folder in (self.outside, self.stack.data / "keys", self.stack.data / "auth"):
            for path in (folder, *folder.rglob("*")):
                info = path.lstat()
                found[str(path)] = (info.st_mode, info.st_size, info.st_mtime_ns, info.st_nlink)
        info = os.lstat("/etc/passwd")
        found["/etc/passwd"] = (info.st_mode, info.st_mtime_ns, info.st_nlink)
        found["data"] = sorted(path.name for path in self.stack.data.iterdir() if path.name != "mirrors")
        found["workspaces"] = [path.name for path in (self.stack.data / "workspaces").glob("*escaped*")]
        found["/tmp"] = [name for name in ("executed-by-git", "escaped") if os.path.lexists(f"/tmp/{name}")]
        return found

    def judge(self, expected, session):
        """One ended session and what it left."""
        status = session["status"]
        self.assertIn(status["phase"], ("Completed", "Failed") if expected == "any" else (expected,), status)
        if status["phase"] == "Failed":
            error = status["repositories"][0].get("error") or {}
            self.assertTrue(error.get("code") and error.get("message") and error.get("remediation"), status)
            self.assertNotIn(error["code"], ("internal", "git_stalled"), status)
        for text in strings(session):
            self.assertNotRegex(text, CONTROL)
        self.assertNotIn(self.canary, json.dumps(session))
        workspace = self.stack.data / "workspaces" / session["metadata"]["uid"]
        left = subprocess.run(["find", workspace.parent, "-name", "executed-by-git"], capture_output=True, text=True, timeout=60).stdout
        self.assertEqual("", left)

    def judge_all(self, table):
        """`table`: (name, sentence, expected phase, begin) each. All at once, so that one that harms another is seen."""
        before, worker = self.fingerprint(), min(self.workers())
        for name, _, _, begin in table:
            begin(name)
        ended = self.wait_for([name for name, *_ in table])
        for name, sentence, expected, _ in table:
            if os.environ.get("SHOW_ENDS"):  # for whoever adds a row
                errors = [(r.get("error") or {}) for r in ended[name]["status"]["repositories"]]
                print(f"     {name}: {ended[name]['status']['phase']} {ended[name]['status']['startTime'][14:]} {ended[name]['status']['completionTime'][14:]} {[(e.get('code'), e.get('message')) for e in errors if e]}", flush=True)
            with self.subTest(name, sentence=sentence):
                self.judge(expected, ended[name])
        self.assertEqual(before, self.fingerprint())
        self.assertIn(worker, self.workers(), "the worker has died")
        self.assertLess(self.memory, MEMORY)
        log = self.stack.log_text()
        self.assertNotIn(self.canary, log)
        self.assertNotRegex(log, CONTROL)
        self.assertEqual("", self.stolen())
        self.project("afterwards")
        self.begin("afterwards", ORDINARY)
        self.assertEqual(self.wait_for(["afterwards"])["afterwards"]["status"]["phase"], "Completed")

    def stolen(self):
        """The repositories at the server that hold the canary, or a session's credential."""
        command = f"for r in */; do git -C $r cat-file --batch-all-objects --batch 2>/dev/null | head -c 300000000 | grep -aqE '{self.canary}|Authorization: Bearer' && echo $r; done"
        return subprocess.run(["sh", "-c", command], cwd=self.repositories, capture_output=True, text=True, timeout=120).stdout


class RepositoryTest(HostileCase):
    def test_no_repository_harms_anybody(self):
        self.judge_all([(name, sentence, end, lambda name, make=make: self.begin_with(name, make)) for name, sentence, make, end in hostile_repositories.ROWS])

    def begin_with(self, name, make):
        folder = self.project(name)
        for reference in (folder / "refs/heads").rglob("*"):
            if reference.is_file():
                reference.unlink()
        repository = Repository(folder)
        make(repository)
        repository.finish()
        self.begin(name, ORDINARY)


class WorkspaceTest(HostileCase):
    def test_no_agent_harms_anybody(self):
        self.judge_all([(name, sentence, end, lambda name, script=script: self.begin_with(name, script)) for name, sentence, end, script in hostile_workspaces.ROWS])

    def begin_with(self, name, script):
        self.project(name)
        self.begin(name, script.replace("@CANARY@", str(self.outside / "token")).replace("@ELSEWHERE@", str(self.outside / "objects")))


if __name__ == "__main__":
    unittest.main()
