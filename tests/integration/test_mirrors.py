"""Mirrors: what sessions of one project share, who may have it, and what is left of it after kills, rewrites and faults."""
import json
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from stack import Stack, wait_until
from test_sessions import SessionCase

# What an agent can find out about the mirror of its session, and do to it; one line of JSON.
PROBE = r"""
import glob, json, os, subprocess
repository = next(p for p in sorted(glob.glob(os.environ["ACP_WORKSPACE"] + "/*")) if os.path.isdir(p + "/.git"))
alternates = repository + "/.git/objects/info/alternates"
objects = open(alternates).read().strip() if os.path.exists(alternates) else None
def can(act):
    try:
        act()
        return True
    except OSError:
        return False
def git(*arguments):
    done = subprocess.run(["git", "-C", repository, *arguments], capture_output=True, text=True)
    return [done.returncode, (done.stdout + done.stderr)[-400:]]
pack = glob.glob(objects + "/pack/*.pack")[0] if objects else None
report = {"objects": objects, "pack": pack}
# Before anything is fetched: the branches that earlier sessions pushed bring their history along.
report["asked"] = {word: git("cat-file", "-t", word)[0] == 0 for word in os.environ["ACP_SESSION_DESCRIPTION"].split() if len(word) == 40}
if objects:
    project = os.path.dirname(os.path.dirname(objects))
    def overwrite():
        os.chmod(pack, 0o644)
        open(pack, "r+b").write(b"x")
    report["can"] = {
        "read": can(lambda: open(pack, "rb").read(4)), "add": can(lambda: open(objects + "/pack/evil", "w")), "overwrite": can(overwrite),
        "truncate": can(lambda: os.truncate(pack, 0)), "remove": can(lambda: os.unlink(pack)), "rename": can(lambda: os.rename(pack, pack + ".x")),
        "link": can(lambda: os.link(pack, repository + "/linked")), "current": can(lambda: open(project + "/current").read()),
        "list": can(lambda: os.listdir(project)), "root": can(lambda: os.listdir(os.path.dirname(os.path.dirname(project)))),
        "borrowers": can(lambda: os.listdir(os.path.dirname(objects) + "/borrowers"))}
    os.chmod(os.path.dirname(pack), 0)  # no kernel forbids that to the owner
report["git"] = {} if not objects else {"fetch-while-closed": git("fetch", "origin")}
if objects:
    os.chmod(os.path.dirname(pack), 0o700)
for name in ("fetch origin", "log --oneline -3", "gc --quiet --prune=now", "fsck --full", "status --porcelain", "commit -q --allow-empty -m agent"):
    report["git"][name] = git(*name.split())
open(repository + "/CHANGED", "w").write("by the agent\n")
print("PROBE " + json.dumps(report))
"""


class MirrorCase(SessionCase):
    """Every session runs the probe as its agent; what it found is in the status."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="acp-agent.")
        script = Path(cls.folder.name) / "probe.py"
        script.write_text(PROBE)
        cls.stack = Stack(settings={"ACP_AGENT_COMMAND": f"/usr/bin/python3 {script}", **cls.settings}).start()
        cls.by_name = {row["name"]: row["token"] for row in cls.stack.control("GET", "/tokens")}
        cls.base = cls.stack.simulator["url"]
        cls.number = 0
        cls.mirrors = cls.stack.data / "mirrors"
        cls.attributes = tempfile.mkdtemp(dir=cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def setUp(self):
        super().setUp()
        self.path = f"mirrors/p{self.number}"
        self.project_id = self.stack.control("POST", "/projects", {"path": self.path})["id"]
        self.first = self.commit("main", "1")
        self.sessions = 0

    # ---------------------------------------------------------------------------------------- the server's repository
    def served(self, *arguments, stdin=None):
        [folder] = self.stack.data.glob(f"simulator/**/repositories/{self.project_id}.git")
        environment = {"PATH": os.environ["PATH"], "HOME": self.folder.name, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
                       "GIT_CONFIG_VALUE_0": "*", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.example", "GIT_COMMITTER_NAME": "a",
                       "GIT_COMMITTER_EMAIL": "a@b.example"}
        return subprocess.run(["git", "-C", folder, *arguments], input=stdin, env=environment, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()

    def commit(self, branch, text):
        return self.stack.control("POST", "/commit", {"project": self.path, "branch": branch, "files": {"file.txt": text}, "message": text})["commit"]

    def orphan(self, branch, entries):
        """A commit without parents from `git mktree` lines becomes the branch."""
        tree = self.served("mktree", "--missing", stdin="".join(line + "\n" for line in entries))
        commit = self.served("commit-tree", tree, "-m", "another history")
        self.served("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def blob(self, text):
        return self.served("hash-object", "-w", "--stdin", stdin=text)

    # ---------------------------------------------------------------------------------------- sessions
    def start(self, description="look", branch=None, path=None):
        self.sessions += 1
        name = f"{self.name}-{self.sessions}"
        entry = {"url": self.repository(path or self.path)} | ({"branch": branch} if branch else {})
        answer = self.stack.create_session(name, {"description": description, "repositories": [entry]})
        self.assertEqual(answer.status, 201, answer)
        return name

    def finish(self, name, phase="Completed"):
        session = self.stack.wait_for_session(name, 120)
        self.assertEqual(session["status"]["phase"], phase, session["status"])
        return session["status"]

    def clone(self, **options):
        """A whole session; gives what its agent found, and the repository's part of its status."""
        status = self.finish(self.start(**options))
        [line] = [line for line in status["agent"]["output"].splitlines() if line.startswith("PROBE ")]
        return json.loads(line.removeprefix("PROBE ")), status["repositories"][0]

    # ---------------------------------------------------------------------------------------- the mirror
    def mirror(self):
        [folder] = self.mirrors.glob(f"*/{self.project_id}")
        return folder, json.loads((folder / "current").read_text())

    def packs(self):
        folder, current = self.mirror()
        return len(list((folder / str(current["generation"]) / "objects/pack").glob("*.pack")))


class SharingTest(MirrorCase):
    def test_the_next_session_borrows_and_its_push_works(self):
        first, pushed = self.clone()
        self.assertEqual(self.mirror()[1], {"generation": 1, "tip": self.first, "publishing": False})
        again, pushed_again = self.clone()
        self.assertEqual((again["objects"], again["pack"]), (first["objects"], first["pack"]))
        self.assertEqual(first["objects"], str(self.mirror()[0] / "1/objects"))
        for one in (pushed, pushed_again):
            self.assertEqual(self.refs(self.path)[f"refs/heads/{one['branch']}"], one["commit"])

    def test_an_agent_reads_its_mirror_and_does_nothing_else_to_it(self):
        found, _ = self.clone()
        self.assertEqual(found["can"], {name: name == "read" for name in found["can"]})
        self.assertEqual({name: code for name, (code, _) in found["git"].items() if code and name != "fetch-while-closed"}, {}, found["git"])
        self.assertEqual(self.clone()[0]["objects"], found["objects"])

    def test_what_is_new_is_added(self):
        self.clone()
        second = self.commit("main", "2")
        found, _ = self.clone(description=f"{self.first} {second}")
        self.assertEqual(found["asked"], {self.first: True, second: True})
        self.assertEqual((self.mirror()[1]["generation"], self.mirror()[1]["tip"], self.packs()), (1, second, 2))

    def test_many_packs_become_one_in_a_fresh_generation(self):
        self.clone()
        folder, current = self.mirror()
        packs = folder / "1/objects/pack"
        for number in range(45):
            (packs / f"pack-{number:040x}.pack").touch()  # without an index, git does not look at it
        self.clone()
        self.assertEqual((self.mirror()[1]["generation"], self.packs()), (2, 1))
        self.assertFalse((folder / "2/objects/info/alternates").exists())
        self.clone()

    def test_a_rewritten_branch_leaves_nothing_of_the_old_one(self):
        old = self.commit("main", "secret")
        self.clone()
        new = self.orphan("main", [f"100644 blob {self.blob('public')}\tfile.txt"])
        found, _ = self.clone(description=f"{old} {new}")
        self.assertEqual(found["asked"], {old: False, new: True})
        self.assertEqual(self.mirror()[1]["generation"], 2)

    def test_a_rewind_leaves_nothing_of_what_was_taken_back(self):
        taken_back = self.commit("main", "secret")
        self.clone()
        self.served("update-ref", "refs/heads/main", self.first)
        found, _ = self.clone(description=f"{self.first} {taken_back}")
        self.assertEqual(found["asked"], {self.first: True, taken_back: False})

    def test_another_branch_is_not_shared(self):
        topic = self.commit("topic", "only here")
        found, repository = self.clone(description=topic, branch="topic")
        self.assertEqual(found["asked"], {topic: True})
        self.assertEqual(self.refs(self.path)[f"refs/heads/{repository['branch']}"], repository["commit"])
        self.served("update-ref", "-d", "refs/heads/topic")
        found, _ = self.clone(description=topic)
        self.assertEqual(found["asked"], {topic: False})

    def test_a_change_of_the_default_branch_is_followed(self):
        self.clone()
        trunk = self.commit("trunk", "3")
        self.stack.control("POST", "/projects", {"path": self.path, "defaultBranch": "trunk"})
        found, _ = self.clone(description=trunk)
        self.assertEqual(found["asked"], {trunk: True})

    def test_sessions_at_once_make_one_mirror(self):
        names = [self.start() for _ in range(4)]
        for name in names:
            self.finish(name)
        folder, current = self.mirror()
        self.assertEqual((current["generation"], current["tip"]), (1, self.first))
        self.assertEqual([entry.name for entry in folder.iterdir() if entry.name.startswith("incoming")], [])

    def test_an_empty_repository_needs_no_mirror(self):
        self.finish(self.start(path="demo/empty"))


class AccessTest(MirrorCase):
    def test_a_fetch_that_is_refused_is_no_clone_whatever_the_mirror_has(self):
        self.clone()
        self.stack.mode("git", "empty403")
        try:
            status = self.finish(self.start(), "Failed")
        finally:
            self.stack.mode("git", "normal")
        self.assertNotIn("agent", status)
        self.clone()

    def test_a_branch_that_is_gone_is_named(self):
        self.clone()
        self.commit("other", "x")
        self.served("update-ref", "-d", "refs/heads/main")
        status = self.finish(self.start(), "Failed")
        self.assertEqual(status["repositories"][0]["error"]["code"], "branch_not_found", status)

    def test_a_recreated_project_has_nothing_of_its_namesake(self):
        self.clone()
        self.stack.control("POST", "/projects", {"path": self.path, "deleted": True})
        number = self.stack.control("POST", "/projects", {"path": self.path})["id"]
        if number == self.project_id:
            number = self.stack.control("POST", "/projects", {"path": self.path + "-x", "id": self.project_id + 500, "rename": self.path})["id"]
        old, self.project_id = self.first, number
        self.first = self.commit("main", "quite another")
        found, _ = self.clone(description=f"{old} {self.first}")
        self.assertEqual(found["asked"], {old: False, self.first: True})


class WarningTest(MirrorCase):
    def test_lfs_pointers_and_submodules_are_named(self):
        pointer = self.blob("version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "4" + "\nsize 12345\n")
        like = self.blob("version https://git-lfs.github.com/spec/v2\noid sha256:" + 64 * "4" + "\nsize 12345\n")
        self.orphan("main", [f"100644 blob {pointer}\tlogo.png", f"100644 blob {like}\tnotes.txt", f"160000 commit {self.first}\tvendor"])
        _, repository = self.clone()
        self.assertEqual(repository["warnings"], [
            {"code": "git_lfs_pointers", "message": "1 file is kept in Git LFS: only its pointer is in the workspace, not the contents (first: logo.png)."},
            {"code": "submodules_not_fetched", "message": "1 submodule is not fetched: the folder stays empty (first: vendor)."}])

    def test_names_out_of_a_repository_are_shown_without_control_characters(self):
        pointer = self.blob("version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "4" + "\nsize 12345\n")
        self.orphan("main", [f'100644 blob {pointer}\t"a\\033[31mb.png"'])
        _, repository = self.clone()
        self.assertIn("(first: a?[31mb.png)", repository["warnings"][0]["message"])


class KillTest(MirrorCase):
    def processes_of_sessions(self):
        """What runs below `acp-git-worker serve`."""
        below = set(self.stack.pids())
        parents, workers = {}, set()
        for pid in below:
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            parents[pid] = int(fields[1])
            if "acp-git-worker serve" in command:
                workers.add(pid)
        main = {pid for pid in workers if parents[pid] not in workers}
        found, grew = set(), True
        while grew:
            more = {pid for pid in parents if pid not in found and (parents[pid] in found or parents[pid] in main)}
            grew = bool(more)
            found |= more
        return found

    def test_kill_at_any_moment_leaves_a_mirror_that_can_be_used(self):
        """Thirty sessions; while each fetches something new, one of its processes is killed."""
        dice = random.Random(4)
        for number in range(30):
            tip = self.commit("main", f"kill {number}")
            name = self.start(description=tip)
            time.sleep(dice.uniform(0.05, 0.6))
            for pid in dice.sample(sorted(victims), 1) if (victims := self.processes_of_sessions()) else []:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.stack.wait_for_session(name, 120)  # however it ends: a killed git is an error of its session, a killed session is taken up again
        tip = self.commit("main", "last")
        found, _ = self.clone(description=tip)
        self.assertEqual(found["asked"], {tip: True})
        objects = Path(found["objects"])
        empty = Path(self.folder.name) / "empty.git"
        subprocess.run(["git", "init", "-q", "--bare", empty], check=True)
        (empty / "objects/info/alternates").write_text(f"{objects}\n")
        subprocess.run(["git", "-C", empty, "update-ref", "refs/heads/main", tip], check=True)
        check = subprocess.run(["git", "-C", empty, "fsck", "--full", "--no-dangling"], capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stderr)
        unreachable = subprocess.run(["git", "-C", empty, "fsck", "--full", "--unreachable", "--no-dangling"], capture_output=True, text=True).stdout
        self.assertEqual(unreachable, "", "the mirror has what its tip does not lead to")
        folder, _ = self.mirror()
        self.assertEqual([entry.name for entry in folder.iterdir() if entry.name.startswith("incoming")], [])


@unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
class FullDiskTest(unittest.TestCase):
    """Mirrors and workspaces on 24 MB."""
    def test_what_nobody_uses_makes_room_and_a_project_that_does_not_fit_is_told(self):
        with tempfile.TemporaryDirectory(prefix="acp-small.") as small:
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", small], capture_output=True, text=True)
            if mounted.returncode != 0:
                self.skipTest(f"no tmpfs here: {mounted.stderr.strip()}")
            try:
                self.run_on(Path(small))
            finally:
                subprocess.run(["umount", "-l", small], check=True)

    def run_on(self, small):
        settings = {"ACP_MIRRORS": str(small / "mirrors"), "ACP_WORKSPACES": str(small / "workspaces"), "ACP_AGENT_COMMAND": "true"}
        (small / "workspaces").mkdir()
        stack = Stack(settings=settings).start()
        try:
            self.assertEqual(stack.connect().status, 200)
            sizes = {"mirrors/a": 6, "mirrors/b": 6, "mirrors/c": 30}
            for path, megabytes in sizes.items():
                number = stack.control("POST", "/projects", {"path": path})["id"]
                stack.control("POST", "/commit", {"project": path, "branch": "main", "files": {"file.txt": path}})
                [folder] = stack.data.glob(f"simulator/**/repositories/{number}.git")
                content = b"blob\nmark :1\ndata %d\n" % (megabytes << 20) + random.Random(path).randbytes(megabytes << 20) + b"\n"
                content += b"commit refs/heads/main\ncommitter a <a@b.example> 1700000000 +0000\ndata 3\nbig\nfrom refs/heads/main^0\nM 100644 :1 big\n"
                subprocess.run(["git", "-C", folder, "-c", "safe.directory=*", "fast-import", "--quiet"], input=content, check=True)
            phases = {}
            for path in sizes:
                name = path.replace("/", "-")
                stack.create_session(name, {"description": "x", "repositories": [{"url": f"{stack.simulator['url']}/{path}.git"}]})
                phases[path] = stack.wait_for_session(name, 120)["status"]
                stack.api("DELETE", f"/api/projects/default/agentic-sessions/{name}")
                wait_until("the workspace is gone", lambda: not list((small / "workspaces").glob("*-*")), 40)
            self.assertEqual([status["phase"] for status in phases.values()], ["Completed", "Completed", "Failed"], phases)
            self.assertEqual(phases["mirrors/c"]["repositories"][0]["error"]["code"], "workspace_failed", phases["mirrors/c"])
            self.assertIn("shared copies that nobody uses were removed", stack.log_text())
        finally:
            stack.close()


class WithoutMirrorsTest(unittest.TestCase):
    def test_an_empty_setting_shares_nothing(self):
        stack = Stack(settings={"ACP_MIRRORS": ""}).start()
        try:
            self.assertEqual(stack.connect().status, 200)
            stack.create_session("alone", {"description": "x", "repositories": [{"url": stack.simulator["repository"]}]})
            self.assertEqual(stack.wait_for_session("alone")["status"]["phase"], "Completed")
            self.assertEqual([path for path, _ in stack.files() if "mirrors" in path.parts], [])
        finally:
            stack.close()


if __name__ == "__main__":
    unittest.main()
