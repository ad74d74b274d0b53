"""Sessions end to end: the API, the worker, libgit2 through the gate, a real git server, and the truth about pushes."""
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from stack import Stack, wait_until

SEED_SENTENCE = ("GitLab push failed: Insufficient permissions. Ensure your GitLab token has 'write_repository' scope. You can update your token by "
                 "reconnecting your GitLab account with the required permissions.")


class SessionCase(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(settings=cls.settings).start()
        cls.by_name = {row["name"]: row["token"] for row in cls.stack.control("GET", "/tokens")}
        cls.base = cls.stack.simulator["url"]
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        created = cls.stack.control("GET", "/created_projects")
        cls.stack.close()
        assert not created, f"push-to-create made projects: {created}"

    def setUp(self):
        self.stack.mode("global", "normal")
        self.assertEqual(self.stack.connect().status, 200)
        type(self).number += 1
        self.name = f"s{self.number}-{re.sub('[^a-z0-9]+', '-', self._testMethodName.removeprefix('test_').lower())[:30].strip('-')}"

    def repository(self, path):
        return f"{self.base}/{path}.git"

    def run_session(self, spec, seconds=90):
        answer = self.stack.create_session(self.name, spec)
        self.assertEqual(answer.status, 201, answer)
        return self.stack.wait_for_session(self.name, seconds)

    def refs(self, project):
        return self.stack.control("GET", f"/refs?project={project}")

    def workspace(self, session):
        return self.stack.data / "workspaces" / session["metadata"]["uid"]


class OutcomeTest(SessionCase):
    def test_the_seeds_session_clones_changes_commits_pushes_and_shows_the_link(self):
        session = self.run_session({"description": "Add feature X to the backend service",
                                    "outputRepo": {"url": self.repository("demo/hello"), "branch": "feature/add-feature-x"}})
        status = session["status"]
        self.assertEqual(status["phase"], "Completed", status)
        link = f"{self.base}/demo/hello/-/tree/feature/add-feature-x"
        self.assertEqual(status["notification"], f"AgenticSession completed successfully!\nView changes in GitLab:\n{link}")
        [repository] = status["repositories"]
        self.assertEqual((repository["branch"], repository["branchUrl"]), ("feature/add-feature-x", link))
        self.assertEqual(self.refs("demo/hello")["refs/heads/feature/add-feature-x"], repository["commit"])
        self.assertTrue(status["startTime"] and status["completionTime"])
        log = self.stack.log_text()
        for text in ("Cloning GitLab repository: ", "[GitLab] Using token glpat-*** for user john", "[GitLab] API URL ", f"Push succeeded: {link}"):
            self.assertIn(text, log)

    def test_the_commit_is_the_connected_users_and_contains_only_the_change(self):
        self.run_session({"description": "Touch it", "outputRepo": {"url": self.repository("group/sub/api"), "branch": "work"}})
        with tempfile.TemporaryDirectory() as folder:
            url = self.repository("group/sub/api").replace("https://", f"https://oauth2:{self.stack.tokens['good']}@")
            subprocess.run(["git", "clone", "-q", "-b", "work", url, folder + "/x"], check=True, timeout=60,
                           env=dict(os.environ, GIT_SSL_CAINFO=self.stack.simulator["caFile"]))
            shown = subprocess.run(["git", "-C", folder + "/x", "log", "-1", "--format=%an <%ae>%n%B", "--name-only"], text=True, capture_output=True, check=True).stdout
        self.assertIn("John Smith <john@example.com>", shown)
        self.assertIn("AMBIENT.md", shown)

    def test_subgroups_and_repositories_named_alike(self):
        session = self.run_session({"description": "both", "repositories": [{"url": self.repository("group/sub/api")}, {"url": self.repository("other/api")},
                                                                           {"url": self.repository("platform/team/backend/services/api")}]})
        self.assertEqual(session["status"]["phase"], "Completed", session["status"])
        self.assertEqual(len({r["name"] for r in session["status"]["repositories"]}), 3)
        for path in ("group/sub/api", "other/api", "platform/team/backend/services/api"):
            self.assertIn(f"refs/heads/ambient/{self.name}", self.refs(path))

    def test_ssh_addresses_and_browser_addresses_work(self):
        host = self.base.removeprefix("https://").split(":")[0]
        session = self.run_session({"description": "ssh", "repositories": [{"url": f"git@{host}:group/sub/api.git"}, {"url": f"{self.base}/other/api/-/tree/main"}]})
        self.assertEqual(session["status"]["phase"], "Completed", session["status"])

    def test_a_renamed_project_is_followed(self):
        session = self.run_session({"description": "moved", "outputRepo": {"url": self.repository("demo/old-name"), "branch": "moved"}})
        self.assertEqual(session["status"]["phase"], "Completed", session["status"])
        self.assertIn("refs/heads/moved", self.refs("demo/renamed"))

    def test_an_empty_repository_gets_its_first_branch(self):
        session = self.run_session({"description": "first", "outputRepo": {"url": self.repository("demo/empty"), "branch": "first"}})
        self.assertEqual(session["status"]["phase"], "Completed", session["status"])
        self.assertEqual(self.refs("demo/empty")["refs/heads/first"], session["status"]["repositories"][0]["commit"])

    def test_a_start_branch_that_is_missing_is_named(self):
        session = self.run_session({"description": "x", "repositories": [{"url": self.repository("group/sub/api"), "branch": "no-such-branch"}]})
        self.assertEqual((session["status"]["phase"], session["status"]["repositories"][0]["error"]["code"]), ("Failed", "branch_not_found"))

    def test_repos_without_autopush_are_cloned_and_not_pushed(self):
        body = {"apiVersion": "vteam.ambient-code/v1alpha1", "kind": "AgenticSession", "metadata": {"name": self.name},
                "spec": {"initialPrompt": "look", "repos": [{"url": self.repository("group/sub/api"), "branch": "main"}, {"url": self.repository("other/api"), "autoPush": True}]}}
        self.assertEqual(self.stack.api("POST", "/api/projects/default/agentic-sessions", body).status, 201)
        session = self.stack.wait_for_session(self.name)
        self.assertEqual(session["status"]["phase"], "Completed", session["status"])
        self.assertNotIn(f"refs/heads/ambient/{self.name}", self.refs("group/sub/api"))
        self.assertIn(f"refs/heads/ambient/{self.name}", self.refs("other/api"))


class RefusalTest(SessionCase):
    def assertFails(self, session, code, begins=None):
        status = session["status"]
        self.assertEqual(status["phase"], "Failed", status)
        error = status["repositories"][0]["error"]
        self.assertEqual(error["code"], code, error)
        self.assertTrue(error["remediation"], error)
        self.assertTrue(status["notification"].startswith("AgenticSession failed."), status)
        if begins:
            self.assertTrue(error["message"].startswith(begins), error)
        return error

    def test_a_read_only_token_fails_at_push_and_keeps_the_commit(self):
        answer = self.stack.connect(self.by_name["readOnly"])
        self.assertIn("token_cannot_push", [w["code"] for w in answer.json["warnings"]])
        session = self.run_session({"description": "ro", "outputRepo": {"url": self.repository("group/sub/api"), "branch": "ro"}})
        self.assertFails(session, "push_forbidden", SEED_SENTENCE)
        self.assertNotIn("refs/heads/ro", self.refs("group/sub/api"))
        [folder] = [p for p in self.workspace(session).iterdir() if (p / ".git").exists()]
        log = subprocess.run(["git", "-C", folder, "log", "-1", "--format=%H %s", "refs/heads/ro"], text=True, capture_output=True).stdout
        self.assertTrue(log, "the commit is not in the workspace")

    def test_a_protected_branch_is_refused_before_anything_is_cloned(self):
        session = self.run_session({"description": "p", "outputRepo": {"url": self.repository("demo/hello"), "branch": "main"}})
        self.assertFails(session, "branch_protected")
        session_folder = self.workspace(session)
        self.assertFalse(session_folder.exists() and any((p / ".git").exists() for p in session_folder.iterdir()))

    def test_a_wildcard_protected_branch_is_refused(self):
        session = self.run_session({"description": "p", "outputRepo": {"url": self.repository("demo/releases"), "branch": "release/1.0"}})
        self.assertFails(session, "branch_protected")

    def test_refused_pushes_are_never_reported_as_success(self):
        table = [  # project, code, words of GitLab that must be in the error
            ("demo/custom-hook", "push_rejected", "The freeze is on until Monday."), ("demo/push-rules", "push_rejected", "does not follow the pattern"),
            ("demo/secret-detection", "push_rejected", "PUSH BLOCKED"), ("demo/too-big", "push_rejected", "size limit"),
            ("demo/empty-protected", "default_branch_missing", None), ("demo/read-only", None, None), ("demo/no-http-push", None, None),
        ]
        for project, code, words in table:
            with self.subTest(project):
                type(self).number += 1
                self.name = f"refused-{self.number}"
                session = self.run_session({"description": "glpat-0123456789abcdefghij", "outputRepo": {"url": self.repository(project), "branch": "refused"}})
                self.assertEqual(session["status"]["phase"], "Failed", session["status"])
                error = session["status"]["repositories"][0]["error"]
                if code:
                    self.assertEqual(error["code"], code, error)
                if words:
                    self.assertIn(words, error["message"])
                self.assertNotIn("refs/heads/refused", self.refs(project) or {})

    def test_projects_that_cannot_be_used_are_named_in_the_preflight(self):
        table = [("secret/hidden", "repo_not_found"), ("nowhere/at/all", "repo_not_found"), ("roles/guest", "repo_no_read"), ("demo/repository-disabled", "repo_disabled")]
        for project, code in table:
            with self.subTest(project):
                type(self).number += 1
                self.name = f"unusable-{self.number}"
                self.assertFails(self.run_session({"description": "u", "outputRepo": {"url": self.repository(project), "branch": "u"}}), code)

    def test_a_repository_of_an_unconnected_instance_gets_no_token(self):
        session = self.run_session({"description": "u", "outputRepo": {"url": "https://gitlab.example.org/a/b.git", "branch": "u"}})
        self.assertFails(session, "not_connected", "no GitLab credentials available. Connect GitLab on the Integrations page")

    def test_one_failing_repository_leaves_the_others_whole(self):
        session = self.run_session({"description": "mix", "repositories": [{"url": self.repository("group/sub/api")}, {"url": self.repository("demo/custom-hook")}]})
        status = session["status"]
        self.assertEqual(status["phase"], "PartiallyCompleted", status)
        self.assertTrue(status["notification"].startswith("AgenticSession completed partially."), status["notification"])
        self.assertIn(f"refs/heads/ambient/{self.name}", self.refs("group/sub/api"))

    def test_a_token_that_ended_is_a_failed_authentication(self):
        self.stack.connect(self.by_name["noExpiry"])
        self.stack.control("POST", "/tokens", {"name": "noExpiry", "revoked": True})
        try:
            session = self.run_session({"description": "x", "outputRepo": {"url": self.repository("group/sub/api"), "branch": "late"}})
        finally:
            self.stack.control("POST", "/tokens", {"name": "noExpiry", "revoked": False})
        self.assertFails(session, "token_revoked", "Authentication failed: Invalid token. This token was revoked")


class ApiTest(SessionCase):
    spec = None

    def setUp(self):
        super().setUp()
        self.spec = {"description": "api", "outputRepo": {"url": self.repository("group/sub/api"), "branch": f"api-{self.name}"}}

    def test_the_same_name_or_key_creates_once(self):
        first = self.stack.create_session(self.name, self.spec)
        again = self.stack.create_session(self.name, self.spec)
        self.assertEqual((first.status, first.json["metadata"]["uid"]), (201, again.json["metadata"]["uid"]))
        body = {"spec": self.spec}
        keyed = [self.stack.api("POST", "/api/projects/default/agentic-sessions", body, headers={"Idempotency-Key": "k-" + self.name}) for _ in range(2)]
        self.assertEqual(keyed[0].json["metadata"]["uid"], keyed[1].json["metadata"]["uid"])

    def test_listing_showing_and_deleting(self):
        self.stack.create_session(self.name, self.spec)
        self.stack.wait_for_session(self.name)
        names = [item["metadata"]["name"] for item in self.stack.api("GET", "/api/projects/default/agentic-sessions").json["items"]]
        self.assertIn(self.name, names)
        session = self.stack.session(self.name).json
        self.assertEqual(self.stack.api("DELETE", f"/api/projects/default/agentic-sessions/{self.name}").status, 200)
        wait_until("the session is gone", lambda: self.stack.session(self.name).status == 404, 20)
        wait_until("its workspace is gone", lambda: not self.workspace(session).exists(), 40)

    def test_another_user_can_neither_push_nor_delete_nor_take_the_name(self):
        other = self.stack.add_user(f"other-{self.number}")
        self.stack.create_session(self.name, self.spec)
        self.assertEqual(self.stack.create_session(self.name, self.spec, bearer=other).status, 409)
        path = f"/api/projects/default/agentic-sessions/{self.name}"
        self.assertEqual(self.stack.api("DELETE", path, bearer=other).status, 403)
        self.assertEqual(self.stack.api("POST", path + "/git/push", {}, bearer=other).status, 403)
        self.stack.wait_for_session(self.name)

    def test_a_session_uses_its_owners_token_and_no_one_elses(self):
        other = self.stack.add_user(f"no-account-{self.number}")
        body = {"description": "mine", "userContext": {"userId": self.stack.ready["user"]},
                "repositories": [{"url": self.repository("group/sub/api"), "provider": "gitlab"}]}
        self.stack.create_session(self.name, body, bearer=other)
        session = self.stack.wait_for_session(self.name)
        self.assertEqual((session["status"]["phase"], session["status"]["repositories"][0]["error"]["code"]), ("Failed", "not_connected"))

    def test_run_does_one_session_in_the_foreground(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "metadata": {"name": self.name, "namespace": "default"}, "spec": self.spec}, file)
            file.flush()
            result = self.stack.program("acp-git-worker", "run", "--user", self.stack.ready["user"], file.name, timeout=120)
        self.assertIn("AgenticSession completed successfully!", result.stdout)
        self.assertIn(f"refs/heads/api-{self.name}", self.refs("group/sub/api"))


# What a shell cannot try: other processes' memory, the gate's answers, local sockets, the mirror.
PRYING = r"""
import ctypes, glob, os, re, socket, urllib.error, urllib.request
libc = ctypes.CDLL(None)
others = [int(name) for name in os.listdir("/proc") if name.isdigit() and open(f"/proc/{name}/comm").read().startswith("acp-")]
for pid in others:
    local = ctypes.create_string_buffer(8)
    here, there = (ctypes.c_size_t * 2)(ctypes.addressof(local), 8), (ctypes.c_size_t * 2)(0x400000, 8)
    if libc.ptrace(16, pid, None, None) == 0:  # PTRACE_ATTACH
        print("ESCAPED-PTRACE", pid)
    if libc.process_vm_readv(pid, here, 1, there, 1, 0) > 0:
        print("ESCAPED-VM", pid)
    for part in ("mem", "maps", "environ", "auxv", "cwd", "root", *(f"fd/{number}" for number in range(64))):
        for look in (os.readlink, os.listdir, lambda path: open(path, "rb").read(1)):
            try:
                look(f"/proc/{pid}/{part}")
                print("ESCAPED-PROC", pid, part)
            except OSError:
                pass
    try:
        os.kill(pid, 0)
        print("ESCAPED-SIGNAL", pid)
    except OSError:
        pass
print("OTHERS", len(others))
config = open(os.environ["HOME"] + "/.gitconfig").read()
gate, bearer = re.search(r'\[http "(.*)"\]', config)[1], re.search(r'"Authorization: (Bearer [^"]*)"', config)[1]
for method, path in (("GET", "outcomes"), ("POST", "preflight"), ("POST", "api/merge-request"), ("GET", "api.git/info/refs?service=git-upload-pack"),
                     ("GET", "api.git/info/refs?service=git-receive-pack"), ("GET", "api.git/config"), ("GET", "other.git/info/refs?service=git-upload-pack")):
    wanted = urllib.request.Request(gate + path, b"{}" if method == "POST" else None, {"Authorization": bearer, "Content-Type": "application/json"}, method=method)
    try:
        answer = urllib.request.urlopen(wanted, timeout=30)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    print("GATE", path, answer.status, answer.headers, answer.read()[:200000])
for path in set(re.findall(r"(/\S+)", open("/proc/net/unix").read())):
    if path.startswith(os.environ["HUNT"]):
        try:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(0.5)
                peer.connect(path)
                peer.sendall(b"\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\0\0\0\1\5\0\1\0\0\0\0")  # an empty FastCGI request
                print("SOCKET", path, peer.recv(65536))
        except OSError as why:
            print("SOCKET", path, why)
mirrors = [line.strip() for path in glob.glob(os.environ["ACP_WORKSPACE"] + "/*/.git/objects/info/alternates") for line in open(path)]
for top, _, names in (walked for folder in mirrors for walked in os.walk(folder)):
    for name in names:
        data = open(f"{top}/{name}", "rb").read()
        print("MIRROR", name, len(data), data[:100000])
print("PRIED", len(mirrors))
"""
HOSTILE_AGENT = r"""
# Everything an agent might try. What it can read goes to its output, which is masked, and to a file, which is not; the test looks for secrets in both.
{
cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n'
for folder in "$HUNT" /root /home /var/lib /var/log /run; do grep -rIs -e glpat- -e acp_ "$folder" 2>/dev/null | head -c 20000; done
env; cat "$HOME"/.* 2>/dev/null
ls "$HUNT" "$HUNT"/keys && echo ESCAPED-LS
touch "$HUNT"/agent-was-here && echo ESCAPED-WRITE
# Numbers of processes begin anew some time: what is the agent's own is told by its session.
session_of() { { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return; set -- ${stat##*) }; echo "$4"; }
own=$(session_of $$)
for pid in $(ls /proc | grep -E '^[0-9]+$'); do
	[ "$(session_of $pid)" = "$own" ] || { kill -0 $pid 2>/dev/null && echo "SIGNALLED $pid $(cat /proc/$pid/comm)"; }
done
cd api || exit 1
git fetch -q origin && echo FETCHED
git -c user.name=x -c user.email=x@y commit -q --allow-empty -m try
git push origin HEAD:refs/heads/main 2>&1 | tail -n 3; git push origin HEAD:refs/heads/elsewhere 2>&1 | tail -n 3
git push origin HEAD:refs/tags/v1 2>&1 | tail -n 3; git push --force origin :refs/heads/main 2>&1 | tail -n 3
git ls-remote "${GATE%/*}/other.git" 2>&1 | tail -n 2
echo changed > AGENT.txt
echo changed > ../custom-hook/AGENT.txt
} 2>&1 | tee "$TMPDIR/loot"
export HUNT; python3 - >"$TMPDIR/loot-2" 2>&1 <<'END'
@PRYING@
END
grep -aE '^(ESCAPED|OTHERS|PRIED|Traceback)' "$TMPDIR/loot-2"
exit 0
"""


class HostileAgentTest(SessionCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="acp-agent.", dir="/opt" if os.access("/opt", os.W_OK) else None)
        cls.script = Path(cls.folder.name) / "agent"
        data = tempfile.mkdtemp(prefix="acp-test.")
        cls.script.write_text("#!/bin/sh\nHUNT=" + data + "\n" + HOSTILE_AGENT.replace("@PRYING@", PRYING))
        cls.script.chmod(0o755)
        cls.stack = Stack(data=data, settings={"ACP_AGENT_COMMAND": str(cls.script)}).start()
        cls.by_name = {row["name"]: row["token"] for row in cls.stack.control("GET", "/tokens")}
        cls.base = cls.stack.simulator["url"]
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def test_a_hostile_agent_finds_no_token_and_reaches_no_other_branch(self):
        before = self.refs("group/sub/api")
        # The second repository refuses the push, so that the workspace is kept and can be searched.
        session = self.run_session({"description": "hunt", "outputRepo": {"url": self.repository("group/sub/api"), "branch": "hunt"},
                                    "repositories": [{"url": self.repository("demo/custom-hook")}]}, 120)
        output = session["status"]["agent"]["output"]
        kept = "\n".join(p.read_text(errors="replace") for p in self.workspace(session).rglob("*") if p.is_file() and p.stat().st_size < 10_000_000)
        for secret in (self.stack.tokens["good"], self.stack.bearer):
            self.assertNotIn(secret, output + kept)
        for mark in ("ESCAPED-", "SIGNALLED", "Traceback"):
            self.assertNotIn(mark, output)
        self.assertRegex(output, "OTHERS [1-9]")  # those of its session at least
        self.assertRegex(output, "PRIED [1-9]")
        for mark in ("GATE preflight 200", "GATE api.git/info/refs?service=git-receive-pack 200", "GATE other.git/info/refs?service=git-upload-pack 403", "MIRROR pack-"):
            self.assertIn(mark, kept)
        self.assertIn("hunt", kept)
        self.assertIn("FETCHED", output)
        self.assertEqual(session["status"]["phase"], "PartiallyCompleted", session["status"])
        after = self.refs("group/sub/api")
        self.assertEqual({k: v for k, v in after.items() if k != "refs/heads/hunt"}, before)
        self.assertFalse((self.stack.data / "agent-was-here").exists())


class WaitingTest(SessionCase):
    settings = {"ACP_AGENT_COMMAND": "exit 3"}

    def test_an_agent_that_fails_ends_the_session_and_nothing_is_pushed(self):
        session = self.run_session({"description": "fails", "outputRepo": {"url": self.repository("group/sub/api"), "branch": "never"}})
        self.assertEqual(session["status"]["phase"], "Failed")
        self.assertNotIn("refs/heads/never", self.refs("group/sub/api"))


class SlowInstanceTest(SessionCase):
    def test_a_pre_flight_takes_as_long_as_its_reports(self):
        self.assertEqual(self.stack.connect().status, 200)
        self.stack.mode("global", "delay", delay_ms=6000)  # two questions after each other take longer than one may
        try:
            spec = {"description": "x", "outputRepo": {"url": self.stack.simulator["repository"], "branch": "ambient/slow"}}
            self.assertEqual(self.stack.create_session("slow", spec).status, 201)
            checked = self.stack.wait_for_session("slow", 60, phases=("Cloning", "Running", "Pushing", "Completed", "Failed"))
        finally:
            self.stack.mode("global", "normal")
        self.assertNotEqual(checked["status"]["phase"], "Failed", checked)
        self.assertNotIn("The pre-flight is tried again", self.stack.log_text())
        self.assertEqual(self.stack.wait_for_session("slow", 60)["status"]["phase"], "Completed")


if __name__ == "__main__":
    unittest.main()
