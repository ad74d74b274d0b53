"""AgenticSessions of a real API server: created with kubectl, carried out by the worker, told in their status."""
import itertools
import json
import os
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from kube_server import server_for_tests
from resource_stack import ACCOUNT, FINAL, NAMESPACE, SESSIONS, ResourceStack, session_object
from kube_stack import rules
from seed_documents import MULTIPLE, SESSION, SETTINGS
from stack import wait_until


def setUpModule():
    global kube
    kube = server_for_tests()


class Case(unittest.TestCase):
    webhook = True
    lease_s = None
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.stack = ResourceStack(kube, webhook=cls.webhook, projects=("team-a", "my-project"), settings=cls.settings, lease_s=cls.lease_s).start()
        # bob has none: whatever runs with a token runs with alice's.
        answer = cls.stack.connect(bearer=cls.stack.bearers["alice"])
        assert answer.status == 200, answer

    @classmethod
    def tearDownClass(cls):
        for project in cls.stack.projects:
            kube.kubectl("delete", "agenticsessions,projectsettings", "--all", "-n", project, "--timeout=60s")
        cls.stack.close()

    def rows(self, project="team-a"):
        """The sessions of a project as the API shows them: name → AgenticSession."""
        answer = self.stack.api("GET", f"/api/projects/{project}/agentic-sessions", bearer=self.stack.bearers["alice"])
        return {item["metadata"]["name"]: item for item in answer.json["items"]}


class Seed:
    def test_the_seeds_examples_apply_unchanged(self):
        several = SETTINGS.split("spec:")[0] + MULTIPLE
        for text in (SETTINGS, several, SESSION):
            self.stack.as_user("alice", "apply", "--dry-run=server", "-f", "-", stdin=text)
        self.stack.as_user("alice", "apply", "-f", "-", stdin=several)
        shown = json.loads(self.stack.as_user("alice", "get", "projectsettings", "-n", "my-project", "-o", "json").stdout)["items"][0]
        self.assertEqual([entry["provider"] for entry in shown["spec"]["repositories"]], ["github", "gitlab"])

    def test_the_seeds_session_ends_with_the_branch_link(self):
        text = SESSION.replace("https://gitlab.com/myteam/backend.git", self.stack.simulator["repository"]).replace(
            'branch: "feature', 'provider: gitlab\n    branch: "feature')
        self.stack.as_user("alice", "apply", "-f", "-", stdin=text)
        done = self.stack.wait_for_phase("add-feature-x", project="my-project")
        status = done["status"]
        link = f"{self.stack.simulator['repository'].removesuffix('.git')}/-/tree/feature/add-feature-x"
        self.assertEqual(status["phase"], "Completed", status)
        self.assertEqual(status["notification"], f"AgenticSession completed successfully!\nView changes in GitLab:\n{link}")
        repository, = status["repositories"]
        refs = self.stack.control("GET", "/refs?project=demo/hello")
        self.assertEqual((repository["branchUrl"], repository["commit"]), (link, refs["refs/heads/feature/add-feature-x"]))
        self.assertEqual((status["observedGeneration"], done["metadata"]["annotations"]["ambient-code.io/owner"]), (1, "alice"))
        conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
        self.assertEqual((conditions["OwnerVerified"], conditions["Accepted"], conditions["Completed"]), ("True", "True", "True"))
        self.assertNotIn("worker", status)
        self.assertLessEqual(status["startTime"], status["completionTime"])
        reasons = wait_until("events", lambda: (found := self.stack.events("add-feature-x", "my-project")) and "Completed" in found and found)
        self.assertEqual(reasons, ["Pending", "Preflight", "Cloning", "Running", "Pushing", "Completed"])
        table = self.stack.as_user("alice", "get", "agenticsessions", "-n", "my-project").stdout
        self.assertRegex(table, r"add-feature-x +Completed +alice +https://")
        row = self.stack.session("add-feature-x", self.stack.bearers["alice"], "my-project").json
        self.assertEqual(row["metadata"]["uid"], done["metadata"]["uid"])


class Settings:
    path = "/apis/ambient-code.io/v1/namespaces/my-project/projectsettings"

    def settings_with(self, *entries):
        return {"apiVersion": "ambient-code.io/v1", "kind": "ProjectSettings", "metadata": {"name": "projectsettings", "namespace": "my-project"},
                "spec": {"repositories": list(entries)}}

    def apply(self, *entries):
        """Applies a list as alice and waits until the status tells of it."""
        self.stack.as_user("alice", "apply", "-f", "-", stdin=json.dumps(self.settings_with(*entries)))

        def look():
            found = kube.admin.get(self.path + "/projectsettings").must().json
            return found if found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"] else None
        return wait_until("the status tells of the list", look, 30)

    def project_list(self):
        return self.stack.api("GET", "/api/projects/my-project/repositories?reports=false", bearer=self.stack.bearers["alice"]).json["repositories"]

    def test_the_list_becomes_the_projects_and_sessions_take_it(self):
        mine = {"url": self.stack.simulator["repository"], "provider": "gitlab"}
        shown = self.apply(mine)
        condition = next(one for one in shown["status"]["conditions"] if one["type"] == "RepositoriesKept")
        self.assertEqual(condition["status"], "True")
        self.assertEqual(shown["metadata"]["annotations"]["ambient-code.io/edited-by"], "alice")
        self.assertEqual(self.project_list(), [mine])
        self.assertEqual(self.stack.create_resource("alice", "names-none", {"description": "Add feature X"}, project="my-project").status, 201)
        done = self.stack.wait_for_phase("names-none", project="my-project")
        self.assertEqual((done["status"]["phase"], done["status"]["repositories"][0]["branch"]), ("Completed", "ambient/names-none"))

    def test_what_the_api_changes_stands_until_the_resource_changes(self):
        one, two = ({"url": f"https://gitlab.com/team/{name}", "provider": "gitlab"} for name in ("one", "two"))
        self.apply(one)
        answer = self.stack.api("PUT", "/api/projects/my-project/repositories?reports=false", {"repositories": [two]}, self.stack.bearers["alice"])
        self.assertEqual(answer.status, 200, answer)
        kube.admin.patch(self.path + "/projectsettings", {"metadata": {"labels": {"touched": "yes"}}}).must()
        self.assertEqual(self.stack.create_resource("alice", "later", {"description": "x"}, project="my-project").status, 201)
        self.stack.wait_for_phase("later", project="my-project")  # by then the touched settings were seen too
        self.assertEqual([entry["url"] for entry in self.project_list()], [two["url"]])
        self.apply(one, two)
        self.assertEqual(self.project_list(), [one, two])

    def access(self, user, *entries):
        """What the status says of the access to these entries, applied as that user, once they were looked at."""
        applied = self.settings_with(*entries)
        applied["metadata"]["annotations"] = {"ambient-code.io/edited-by": "alice"}  # anybody can write that; the webhook writes over it
        self.stack.as_user(user, "apply", "-f", "-", stdin=json.dumps(applied))
        generation = kube.admin.get(self.path + "/projectsettings").must().json["metadata"]["generation"]

        def look():
            status = kube.admin.get(self.path + "/projectsettings").must().json.get("status", {})
            checked = [entry for entry in status.get("repositories", []) if "checkedAt" in entry]
            return status if status.get("observedGeneration") == generation and len(checked) == len(entries) else None
        wait_until("the list was taken over", lambda: kube.admin.get(self.path + "/projectsettings").json.get("status", {}).get("observedGeneration") == generation, 30)
        self.stack.program("acp-gitlab", "housekeeping", "--once")
        return wait_until("the access is told", look, 90)

    @staticmethod
    def condition(status, kind="RepositoriesAccessible"):
        found, = [one for one in status["conditions"] if one["type"] == kind]
        return found["status"], found["reason"], found["message"]

    def test_access_is_told_with_the_account_of_who_wrote_the_list(self):
        mine = {"url": self.stack.simulator["repository"], "provider": "gitlab"}
        missing = {"url": self.stack.simulator["url"] + "/nobody/has-this.git", "provider": "gitlab"}
        status = self.access("alice", mine, missing)
        self.assertEqual([(entry["accessible"], entry["reason"], entry["checkedBy"]) for entry in status["repositories"]],
                         [(True, "Accessible", "alice"), (False, "NoAccess", "alice")])
        self.assertEqual(self.condition(status), ("False", "NotAllAccessible", "1 of 2 with the account of alice, who wrote the list."))
        of_alice = status["repositories"][1]["message"]
        # Why is alice's own: her token, her role and what she would find there are not for the project.
        for word in ("token", "scope", "role", "glpat", "404", "demo"):
            self.assertNotIn(word, of_alice.lower())
        # bob has connected nothing. The project learns the same of him as of alice at a repository that is not there.
        status = self.access("bob", missing, mine)
        self.assertEqual([(entry["accessible"], entry["reason"], entry["checkedBy"]) for entry in status["repositories"]],
                         [(False, "NoAccess", "bob"), (False, "NoAccess", "bob")])
        self.assertEqual({entry["message"] for entry in status["repositories"]}, {of_alice.replace("alice", "bob")})
        table = self.stack.as_user("alice", "get", "projectsettings", "-n", "my-project").stdout
        self.assertRegex(table, r"projectsettings +True +False")

    def test_what_changes_in_a_repositorys_access_is_told_of_a_new_list_alone(self):
        mine = {"url": self.stack.simulator["repository"], "provider": "gitlab"}
        status = self.access("alice", mine)
        self.assertEqual(self.condition(status), ("True", "AllAccessible", "1 of 1 with the account of alice, who wrote the list."))
        # Findings of one list are never shown beside another.
        shown = self.apply({"url": self.stack.simulator["url"] + "/nobody/has-this.git", "provider": "gitlab"})
        self.assertEqual((self.condition(shown["status"])[1], "accessible" in shown["status"]["repositories"][0]), ("NotChecked", False))

    def test_an_address_that_cannot_be_one_is_told(self):
        shown = self.apply({"url": "https://git.corp.example/team/x"}, {"url": "https://gitlab.com/a/b"})
        self.assertEqual([entry.get("provider", entry.get("code")) for entry in shown["status"]["repositories"]], ["provider_unknown", "gitlab"])
        shown = self.apply({"url": "not an address"})
        condition, = [one for one in shown["status"]["conditions"] if one["type"] == "RepositoriesKept"]
        self.assertEqual((condition["status"], "repositories[0]" in condition["message"]), ("False", True))


class Ownership:
    def test_no_field_or_annotation_makes_another_the_owner(self):
        spec = self.stack.repository_spec
        forged = {
            "annotation": ({"annotations": {"ambient-code.io/owner": "alice"}}, {}),
            "both-annotations": ({"annotations": {"ambient-code.io/owner": "alice", "ambient-code.io/edited-by": "alice"}}, {}),
            "label": ({"labels": {"ambient-code.io/owner": "alice"}}, {}),
            "user-context": ({}, {"userContext": {"userId": "alice", "displayName": "alice"}}),
            "display-name": ({}, {"displayName": "alice"}),
            "owner-reference": ({"ownerReferences": [{"apiVersion": "v1", "kind": "User", "name": "alice", "uid": "1"}]}, {}),
            "unknown-fields": ({}, {"owner": "alice", "createdBy": "alice", "user": {"username": "alice"}}),
            "odd-annotations": ({"annotations": {"ambient-code.io/Owner": "alice", "AMBIENT-CODE.IO/owner": "alice"}}, {}),
        }
        for name, (metadata, more) in forged.items():
            answer = self.stack.create_resource("bob", name, {**spec(f"forged/{name}"), **more}, **metadata)
            self.assertEqual(answer.status, 201, answer)
            self.assertEqual(answer.json["metadata"]["annotations"]["ambient-code.io/owner"], "bob", name)
        for name in forged:
            done = self.stack.wait_for_phase(name)
            with self.subTest(name):
                verified, = [c for c in done["status"]["conditions"] if c["type"] == "OwnerVerified"]
                self.assertEqual((verified["message"], done["status"]["phase"]), ("bob", "Failed"))
                self.assertIn("no GitLab credentials available", json.dumps(done["status"]))
        self.assertFalse([ref for ref in self.stack.control("GET", "/refs?project=demo/hello") if "forged" in ref])

    def test_the_owner_cannot_be_changed_afterwards(self):
        path = SESSIONS.format("team-a") + "/stays-mine"
        self.assertEqual(self.stack.create_resource("bob", "stays-mine", self.stack.repository_spec("stays")).status, 201)
        client = kube.client("bob")
        for value in ("alice", "", None):
            answer = client.patch(path, {"metadata": {"annotations": {"ambient-code.io/owner": value}}})
            self.assertEqual(answer.status, 403, answer)
        answer = client.apply(path, session_object("stays-mine", self.stack.repository_spec("stays"), annotations={"ambient-code.io/owner": "alice"}))
        self.assertEqual(answer.status, 403, answer)
        self.assertEqual(client.patch(path + "/status", {"metadata": {"annotations": {"ambient-code.io/owner": "alice"}}}).status, 403)
        self.assertEqual(kube.admin.patch(path + "/status", {"metadata": {"annotations": {"ambient-code.io/owner": "alice"}}}).status, 200)
        self.assertEqual(self.stack.resource("stays-mine")["metadata"]["annotations"]["ambient-code.io/owner"], "bob")

    def test_what_cannot_be_carried_out_is_refused_by_kubectl(self):
        result = self.stack.as_user("alice", "apply", "-f", "-", check=False, stdin=json.dumps(
            session_object("bad-address", {"outputRepo": {"url": "https://gitlab.com/only-one-segment"}}, namespace="team-a")))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("spec.outputRepo", result.stderr)
        answer = self.stack.create_resource("alice", "with-password", {"outputRepo": {"url": "https://oauth2:hunter2@gitlab.com/a/b"}})
        self.assertEqual((answer.status, b"hunter2" in answer.body), (422, False), answer)

    def test_a_configuration_that_lets_some_through_proves_nothing(self):
        numbers = itertools.count(1)

        def create():
            """A session's name, and the phase that it comes to."""
            name = f"unguarded-{next(numbers)}"
            self.assertEqual(self.stack.create_resource("alice", name, self.stack.repository_spec(name)).status, 201)
            return name, self.stack.wait_for_phase(name, ("OwnerUnverified", *FINAL))["status"]["phase"]

        self.stack.install_webhook(failurePolicy="Ignore")
        try:
            self.stack.wait_for_proof()
            # The service looks at the configuration once in half a minute; what it knew before may still hold until then.
            wait_until("a session is not verified", lambda: create()[1] == "OwnerUnverified", 45, 1)
            name, phase = create()
            self.assertEqual(phase, "OwnerUnverified")
            self.assertNotIn(name, self.rows())
        finally:
            self.stack.install_webhook()
            self.stack.wait_for_proof()
            self.stack.kill_controller()


class WithWebhook(Seed, Settings, Ownership, Case):
    """The three share one installation."""


# In a file of its own: what the command itself names is the agent's to read.
CURIOUS_AGENT = """#!/bin/sh
echo seen-by-the-agent > mine
for file in mine {tried} /proc/[0-9]*/root/var/run/secrets/kubernetes.io/serviceaccount/token; do
	cat $file 2> /dev/null && echo read:$file
done
cat /proc/[0-9]*/environ 2> /dev/null | tr '\\0' '\\n'
env
echo done
"""


class Agent(Case):
    @classmethod
    def setUpClass(cls):
        cls.stack = ResourceStack(kube, projects=("team-a",))
        cls.kubeconfig, cls.token = cls.stack.settings["KUBECONFIG"], cls.stack.account_files / "token"
        # By its usual place, by ours, and through other processes.
        tried = [cls.kubeconfig, cls.token, cls.stack.account_files / "..data/token", "/var/run/secrets/kubernetes.io/serviceaccount/token",
                 f"/proc/[0-9]*/root{cls.kubeconfig}", f"/proc/[0-9]*/root{cls.token}", "/proc/[0-9]*/cwd/serviceaccount/token"]
        cls.folder = tempfile.TemporaryDirectory(prefix="acp-agent.", dir="/opt" if os.access("/opt", os.W_OK) else None)
        script = Path(cls.folder.name) / "agent"
        script.write_text(CURIOUS_AGENT.format(tried=" ".join(map(str, tried))))
        script.chmod(0o755)
        cls.stack.settings["ACP_AGENT_COMMAND"] = str(script)
        cls.stack.start()
        assert cls.stack.connect(bearer=cls.stack.bearers["alice"]).status == 200

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def test_an_agent_reads_neither_kubeconfig_nor_the_service_accounts_token(self):
        self.assertEqual(self.stack.create_resource("alice", "curious", self.stack.repository_spec("agents/curious")).status, 201)
        self.stack.wait_for_phase("curious")
        output = self.stack.session("curious", self.stack.bearers["alice"], "team-a").json["status"]["agent"]["output"]
        # It ran, and what it may read came through.
        self.assertEqual([line for line in output.splitlines() if line.startswith("read:")], ["read:mine"])
        self.assertIn("seen-by-the-agent", output)
        self.assertIn("HOME=", output)
        self.assertEqual(output.splitlines()[-1], "done")
        for secret in (self.token.read_text().split(".")[2][:40], "tokenFile", "current-context", "KUBECONFIG", "KUBERNETES_SERVICE"):
            self.assertNotIn(secret, output)


class WithoutWebhook(Case):
    webhook = False

    def test_sessions_wait_unverified_whatever_they_say(self):
        spec = self.stack.repository_spec
        for name, metadata in (("bare", {}), ("annotated", {"annotations": {"ambient-code.io/owner": "alice"}})):
            self.assertEqual(self.stack.create_resource("bob", name, spec(f"unverified/{name}"), **metadata).status, 201)
        for name, reason in (("bare", "NotStamped"), ("annotated", "NotGuarded")):
            status = self.stack.wait_for_phase(name, ("OwnerUnverified", *FINAL))["status"]
            self.assertEqual(status["phase"], "OwnerUnverified")
            verified, = [c for c in status["conditions"] if c["type"] == "OwnerVerified"]
            self.assertEqual((verified["status"], verified["reason"]), ("False", reason))
            self.assertIn("webhook", status["message"])
            self.assertIn("OwnerUnverified", wait_until("the event", lambda name=name: self.stack.events(name)))
        self.assertEqual(self.rows(), {})
        self.assertFalse([ref for ref in self.stack.control("GET", "/refs?project=demo/hello") if "unverified" in ref])

    def test_the_largest_sessions_keep_no_other_from_being_seen(self):
        """What a member of one project fills sessions with must not be what the worker cannot read of all projects'."""
        count = 68
        for number in range(count):
            answer = self.stack.create_resource("bob", f"fat-{number}", self.stack.repository_spec("fat"), annotations={"note": "x" * 250_000})
            self.assertEqual(answer.status, 201, answer)
        listed = kube.admin.get("/apis/ambient-code.io/v1alpha1/agenticsessions?limit=625").must()
        self.assertGreater(len(listed.body), 16 * 1024 * 1024, "more than one answer may have")
        self.stack.kill_controller()
        self.assertEqual(self.stack.create_resource("alice", "lean", self.stack.repository_spec("lean"), project="my-project").status, 201)
        self.stack.wait_for_phase("lean", ("OwnerUnverified",), 60, project="my-project")
        self.stack.wait_for_phase(f"fat-{count - 1}", ("OwnerUnverified",), 60)

    def test_nobodys_account_looks_at_a_list_whose_author_is_not_proven(self):
        body = json.loads(json.dumps({"apiVersion": "ambient-code.io/v1", "kind": "ProjectSettings", "metadata": {
            "name": "projectsettings", "namespace": "my-project", "annotations": {"ambient-code.io/edited-by": "alice"}},
            "spec": {"repositories": [{"url": self.stack.simulator["repository"], "provider": "gitlab"}]}}))
        path = "/apis/ambient-code.io/v1/namespaces/my-project/projectsettings"
        kube.client("bob").post(path, body).must()
        status = wait_until("the status tells of the list", lambda: kube.admin.get(path + "/projectsettings").json.get("status"), 30)
        accessible, = [one for one in status["conditions"] if one["type"] == "RepositoriesAccessible"]
        self.assertEqual((accessible["status"], accessible["reason"]), ("Unknown", "EditorUnverified"))
        told = json.loads(self.stack.program("acp-gitlab", "housekeeping", "--once", "--json").stdout)
        self.assertEqual(told["projects"], 0)
        # Not even once the webhook is there: what was written before proves nothing, and what bob writes later is bob's.
        self.stack.install_webhook()
        try:
            self.stack.wait_for_proof()
            self.stack.kill_controller()
            kube.client("bob").patch(path + "/projectsettings", {"metadata": {"annotations": {"ambient-code.io/edited-by": "alice"}}}).must()
            self.assertEqual(self.stack.create_resource("alice", "later", self.stack.repository_spec("later"), project="my-project").status, 201)
            # Its owner is proven, and by now the settings were seen, too.
            self.assertEqual(self.stack.wait_for_phase("later", project="my-project")["status"]["phase"], "Completed")
            status = kube.admin.get(path + "/projectsettings").json["status"]
            self.assertEqual(next(one["reason"] for one in status["conditions"] if one["type"] == "RepositoriesAccessible"), "EditorUnverified")
        finally:
            kube.admin.delete("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/acp-gitlab")
            wait_until("the API server asks the webhook no more", lambda: not self.stack._is_asked(), 30)
            self.stack.kill_controller()


class Trouble(Case):
    lease_s = 6
    # Two of them are ended before their agents are.
    settings = {"ACP_AGENT_COMMAND": "case $ACP_SESSION_NAME in unwanted | by-api) sleep 1000 ;; esac; sleep 4; echo more >> README.md"}

    def worker(self):
        """A second worker on the same database and API server."""
        log = open(self.stack.data / "logs/worker-2.log", "ab")
        process = subprocess.Popen([self.stack.build / "bin/acp-git-worker", "serve"], env={**self.stack.environment(), "ACP_AGENT_COMMAND":
                                   self.settings["ACP_AGENT_COMMAND"]}, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.addCleanup(log.close)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def spec(self, name):
        return {**self.stack.repository_spec(f"trouble/{name}")}

    def test_two_workers_make_one_session_of_each_resource(self):
        self.worker()
        mark = kube.audit_mark()
        names = [f"twice-{number}" for number in range(4)]
        threads = [threading.Thread(target=self.stack.create_resource, args=("alice", name, self.spec(name))) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        for name in names:
            done = self.stack.wait_for_phase(name, seconds=120)
            self.assertEqual(done["status"]["phase"], "Completed", done["status"])
            self.assertEqual(self.rows()[name]["metadata"]["uid"], done["metadata"]["uid"])
        log = self.stack.log_text()
        for name in names:
            self.assertEqual(sum('"Session created from its resource"' in line and f'"{name}"' in line for line in log.splitlines()), 1, name)
        writers = {}
        for event in kube.audit(f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}", mark):
            if event["verb"] == "patch" and event["responseStatus"]["code"] == 200:
                writers.setdefault(event["objectRef"]["name"], 0)
                writers[event["objectRef"]["name"]] += 1
        for name in names:
            self.assertLess(writers[name], 40, "a status is written again and again")

    def test_an_api_server_that_goes_and_comes_back_loses_nothing(self):
        self.assertEqual(self.stack.create_resource("alice", "survives", self.spec("survives")).status, 201)
        self.stack.wait_for_phase("survives", ("Preflight", "Cloning", "Running"))
        kube.kill()
        row = self.stack.wait_for_session("survives", 60, self.stack.bearers["alice"], "team-a")
        self.assertEqual(row["status"]["phase"], "Completed")
        kube.restart()
        self.assertEqual(self.stack.wait_for_phase("survives", seconds=60)["status"]["phase"], "Completed")
        # And what is created now is seen too.
        self.stack._is_asked() or wait_until("the webhook is asked", self.stack._is_asked, 30)
        self.assertEqual(self.stack.create_resource("alice", "after", self.spec("after")).status, 201)
        self.assertEqual(self.stack.wait_for_phase("after", seconds=90)["status"]["phase"], "Completed")

    def test_deleting_the_resource_stops_and_removes_the_session(self):
        self.assertEqual(self.stack.create_resource("alice", "unwanted", self.spec("unwanted")).status, 201)
        found = self.stack.wait_for_phase("unwanted", ("Running",))
        workspace = self.stack.data / "workspaces" / found["metadata"]["uid"]
        self.assertTrue(workspace.exists())
        self.stack.as_user("alice", "delete", "agenticsession", "unwanted", "-n", "team-a")
        wait_until("the session is gone", lambda: "unwanted" not in self.rows(), 30)
        wait_until("its workspace is gone", lambda: not workspace.exists(), 60)
        self.assertNotIn("refs/heads/trouble/unwanted", self.stack.control("GET", "/refs?project=demo/hello"))

    def test_a_resource_deleted_while_nobody_watched_takes_its_session_along(self):
        self.assertEqual(self.stack.create_resource("alice", "unwatched", self.spec("unwatched")).status, 201)
        self.stack.wait_for_phase("unwatched")
        self.assertIn("unwatched", self.rows())
        controller = wait_until("a controller is connected", self.stack.controller, 30)
        os.kill(controller, signal.SIGSTOP)
        self.stack.as_user("alice", "delete", "agenticsession", "unwatched", "-n", "team-a")
        os.kill(controller, signal.SIGKILL)  # the worker starts another, which lists everything anew
        wait_until("the session is gone", lambda: "unwatched" not in self.rows(), 30)
        self.assertNotEqual(wait_until("a controller is connected", self.stack.controller, 30), controller)

    def test_every_phase_has_one_event_although_its_teller_dies(self):
        self.assertEqual(self.stack.create_resource("alice", "told-once", self.spec("told-once")).status, 201)
        self.stack.wait_for_phase("told-once", ("Running",))
        self.stack.kill_controller()
        self.stack.wait_for_phase("told-once")
        expected = ["Pending", "Preflight", "Cloning", "Running", "Pushing", "Completed"]
        wait_until("the last event", lambda: self.stack.events("told-once")[-1:] == ["Completed"], 30)
        self.assertEqual(self.stack.events("told-once"), expected)
        # Nor are they told again by the next, even where the server has forgotten them.
        kube.admin.delete("/api/v1/namespaces/team-a/events").must()
        self.stack.kill_controller()
        self.assertEqual(self.stack.create_resource("alice", "told-later", self.spec("told-later")).status, 201)
        wait_until("the next controller tells", lambda: "Pending" in self.stack.events("told-later"), 60)
        self.assertEqual(self.stack.events("told-once"), [])

    def test_a_session_removed_through_the_api_is_told_as_stopped(self):
        self.assertEqual(self.stack.create_resource("alice", "by-api", self.spec("by-api")).status, 201)
        self.stack.wait_for_phase("by-api", ("Running",))
        answer = self.stack.api("DELETE", "/api/projects/team-a/agentic-sessions/by-api", bearer=self.stack.bearers["alice"])
        self.assertLess(answer.status, 300, answer)
        self.assertEqual(self.stack.wait_for_phase("by-api", seconds=30)["status"]["phase"], "Stopped")

    def test_what_a_user_without_a_connection_gets_is_an_error_in_the_status(self):
        kube.role("team-a", "dora", [{"apiGroups": ["ambient-code.io"], "resources": ["agenticsessions"], "verbs": ["*"]}],
                  [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "carol"}])
        self.assertEqual(self.stack.create_resource("carol", "stranger", self.spec("stranger")).status, 201)
        status = self.stack.wait_for_phase("stranger")["status"]
        self.assertEqual(status["phase"], "Failed")
        self.assertIn("no GitLab credentials available", json.dumps(status))

    def test_our_rights_are_exactly_what_is_used(self):
        used = kube.rights_used(f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}")
        granted = {(verb, group, resource) for rule in rules()[1] for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]}
        self.assertEqual(set(), {(verb, group, resource) for verb, group, resource, _, _ in used} - granted)
        for right in (("list", "ambient-code.io", "agenticsessions"), ("watch", "ambient-code.io", "agenticsessions"),
                      ("patch", "ambient-code.io", "agenticsessions/status"), ("create", "", "events"),
                      ("get", "admissionregistration.k8s.io", "mutatingwebhookconfigurations")):
            self.assertIn(right, {entry[:3] for entry in used})


if __name__ == "__main__":
    unittest.main()
