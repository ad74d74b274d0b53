"""What Prometheus is told: true sums over all workers of a pool, well-formed, only for those who may ask, with rules that fit."""
import json
import os
import re
import signal
import subprocess
import time
import unittest
from pathlib import Path

import promtool
from stack import TOP, Stack, wait_until

POOLS = {"status": "/metrics", "connect": "/metrics/connect", "repositories": "/metrics/repositories", "git": "/metrics/git"}
REQUESTS = 'acp_gitlab_http_requests_total{pool="%s",method="GET",route="/api/version",code="%d"}'
CALLS = 'acp_gitlab_upstream_requests_total{pool="connect",instance="gitlab.company.com",outcome="%s"}'
# In the order of the rules: (alert, series that raise it, its labels, what it says). A value and how it grows, a minute each.
ALERTS = (
    ("AcpGitlabPoolDown", [('acp_gitlab_build_info{pool="%s",version="1.1.0"}' % pool, "1+0") for pool in ("status", "connect", "repositories")],
     {"severity": "critical", "pool": "git"}, "The pool git does not answer."),
    ("AcpGitlabNotReady", [("acp_gitlab_store_ready", "0+0")], {"severity": "critical"}, "The database is not the one that this installation wrote last."),
    ("AcpGitlabErrors", [(REQUESTS % ("connect", 200), "0+90"), (REQUESTS % ("connect", 503), "0+10"), (REQUESTS % ("status", 404), "0+90")],
     {"severity": "warning", "pool": "connect"}, "More than 5 % of the answers of the pool connect are errors of ours."),
    ("AcpGitlabInstanceFailing", [(CALLS % "ok", "0+1"), (CALLS % "unreachable", "0+2")], {"severity": "warning", "instance": "gitlab.company.com"},
     "Most calls to gitlab.company.com fail."),
    ("AcpGitlabRateLimited", [(CALLS % "rate_limited", "0+1")], {"severity": "warning", "instance": "gitlab.company.com"}, "The instance gitlab.company.com limits our calls."),
    ("AcpGitlabSessionsWait", [("acp_gitlab_sessions_waiting_seconds", "200+0")], {"severity": "warning"}, "A session has waited 200 s for a worker."),
    ("AcpGitlabIntentsOverdue", [("acp_gitlab_intents_overdue", "1+0")], {"severity": "warning"}, "Housekeeping has not put right what a crash left over."),
    ("AcpGitlabTokensBroken", [("acp_gitlab_stored_tokens_broken", "2+0")], {"severity": "critical"}, "No key opens 2 stored tokens."),
    ("AcpGitlabFilesOutdated", [('acp_gitlab_files_outdated_seconds{pool="git"}', "1+60")], {"severity": "critical", "pool": "git"},
     "The pool git works with its former key files, because the new ones cannot be read."),
    ("AcpGitlabTokensEnd", [('acp_gitlab_connections{provider="%s",state="ends_in_7_days"}' % provider, "2+0") for provider in ("gitlab", "github")], {"severity": "info"},
     "Tokens of 4 connections end within 7 days."),
)
HEALTHY = [*(('acp_gitlab_build_info{pool="%s",version="1.1.0"}' % pool, "1+0") for pool in POOLS), ("acp_gitlab_store_ready", "1+0"), (REQUESTS % ("connect", 200), "0+99"),
           (REQUESTS % ("connect", 503), "0+1"), (REQUESTS % ("connect", 404), "0+50"), (CALLS % "ok", "0+90"), (CALLS % "refused", "0+90"), (CALLS % "unreachable", "0+1"),
           ("acp_gitlab_sessions_waiting_seconds", "3+0"), ("acp_gitlab_intents_overdue", "0+0"), ("acp_gitlab_stored_tokens_broken", "0+0"),
           ('acp_gitlab_files_outdated_seconds{pool="git"}', "0+0"), ('acp_gitlab_connections{provider="gitlab",state="valid"}', "5+0"), ('acp_gitlab_connections{provider="gitlab",state="ends_in_7_days"}', "0+0")]


class MetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack().start()

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def text(self, pool):
        answer = self.stack.api("GET", POOLS[pool])
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        return answer.body.decode()

    def value(self, pool, series):
        """The value of one series; 0 where it is not there yet."""
        found = re.search(rf"(?m)^acp_gitlab_{re.escape(series)} (\S+)$", self.text(pool))
        return float(found[1]) if found else 0

    def grows(self, pool, series, before, by):
        wait_until(f"{series} has grown by {by}", lambda: self.value(pool, series) == before + by, 10)

    def workers(self, pool):
        """The pool's workers; their parent is left out."""
        found = []
        for pid in self.stack.pids():
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if b"--pool" in words and words[words.index(b"--pool") + 1] == pool.encode() and parent != self.stack.process.pid:
                found.append(pid)
        return found

    def test_requests_of_all_workers_are_one_sum(self):
        series = 'http_requests_total{pool="status",method="GET",route="/api/auth/gitlab/status",code="200"}'
        before = self.value("status", series)
        for _ in range(40):
            self.assertEqual(self.stack.status().status, 200)
        self.grows("status", series, before, 40)
        refused = 'http_requests_total{pool="connect",method="POST",route="/api/auth/gitlab/connect",code="401"}'
        before = self.value("connect", refused)
        self.assertEqual(self.stack.api("POST", "/api/auth/gitlab/connect", {}, bearer="acp_wrong").status, 401)
        self.grows("connect", refused, before, 1)

    def test_a_killed_worker_takes_no_count_with_it(self):
        series = 'http_requests_total{pool="connect",method="POST",route="/api/auth/gitlab/test",code="200"}'
        before = self.value("connect", series)
        for _ in range(3):
            self.assertEqual(self.stack.api("POST", "/api/auth/gitlab/test",
                                            {"personalAccessToken": self.stack.tokens["good"], "instanceUrl": self.stack.simulator["url"]}).status, 200)
        self.grows("connect", series, before, 3)
        for pid in self.workers("connect"):
            os.kill(pid, signal.SIGKILL)
        wait_until("the pool answers again", lambda: self.stack.api("GET", POOLS["connect"]).status == 200, 20)
        self.assertEqual(self.value("connect", series), before + 3)

    def test_calls_to_instances_and_git_are_counted(self):
        self.assertEqual(self.stack.connect().status, 200)
        self.assertGreater(self.value("connect", 'upstream_requests_total{pool="connect",instance="other",outcome="ok"}'), 1)
        self.stack.create_session("counted", {"description": "x", "outputRepo": {"url": self.stack.simulator["repository"], "branch": "feature/counted"}})
        self.stack.wait_for_session("counted")
        self.assertGreater(self.value("git", 'git_transfers_total{pool="git",kind="fetch",outcome="whole"}'), 0)
        self.grows("git", 'git_transfers_total{pool="git",kind="push",outcome="whole"}', 0, 1)
        self.assertGreater(self.value("git", 'git_bytes_total{pool="git",kind="push",direction="to_instance"}'), 100)

    def test_the_state_of_accounts_and_sessions(self):
        self.assertEqual(self.stack.connect(token=self.stack.tokens["expiring"]).status, 200)
        self.assertEqual(self.value("status", 'connections{provider="gitlab",state="ends_in_7_days"}'), 1)
        self.assertEqual(self.value("status", 'connections{provider="gitlab",state="valid"}'), 0)
        self.assertEqual(self.stack.connect().status, 200)
        self.assertEqual(self.value("status", 'connections{provider="gitlab",state="ends_in_7_days"}'), 0)
        self.assertEqual(self.value("status", "store_ready"), 1)
        self.assertEqual((self.value("status", "sessions_waiting_seconds"), self.value("status", "sessions_resting")), (0, 0))
        self.assertIn('acp_gitlab_sessions{phase="Completed"}', self.text("status"))

    def test_what_strangers_send_makes_no_series(self):
        before = len(self.text("status").splitlines())
        for number in range(50):
            self.stack.api("GET", f"/api/nothing-{number}")
            self.stack.api("GET", "/livez", headers={"X-Request-ID": f"id{number}"})
        time.sleep(0.2)
        text = self.text("status")
        self.assertNotIn("nothing-", text)
        self.assertLess(len(text.splitlines()), before + 60)
        self.assertNotIn(self.stack.ready["user"], text)

    def test_promtool_has_nothing_to_say(self):
        program, reason = promtool.find()
        if not program:
            self.skipTest(reason)
        for pool in POOLS:
            result = subprocess.run([program, "check", "metrics"], input=self.text(pool), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            self.assertEqual((result.returncode, result.stdout), (0, ""), pool)
        rules = TOP / "deploy/prometheus/acp-gitlab.rules.yaml"
        result = subprocess.run([program, "check", "rules", "--lint=all", "--lint-fatal", rules], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                timeout=60)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_each_alert_is_raised_when_it_should_be_and_none_for_a_healthy_service(self):
        program, reason = promtool.find()
        if not program:
            self.skipTest(reason)
        rules = TOP / "deploy/prometheus/acp-gitlab.rules.yaml"
        minutes, cases = "x30", []
        for alert, series, labels, summary in ALERTS:
            expected = {"exp_labels": labels, "exp_annotations": {"summary": summary, "runbook": f"docs/operations.md#{alert.lower()}"}}
            cases.append({"name": alert, "interval": "1m", "input_series": [{"series": name, "values": values + minutes} for name, values in series],
                          "alert_rule_test": [{"eval_time": "25m", "alertname": alert, "exp_alerts": [expected]}]})
        self.assertEqual([alert for alert, *_ in ALERTS], re.findall(r"alert: (\w+)", rules.read_text()))
        cases.append({"name": "a healthy service", "interval": "1m", "input_series": [{"series": name, "values": values + minutes} for name, values in HEALTHY],
                      "alert_rule_test": [{"eval_time": "25m", "alertname": alert, "exp_alerts": []} for alert, *_ in ALERTS]})
        path = self.stack.data / "alerts.yaml"
        path.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": cases}))
        result = subprocess.run([program, "test", "rules", path], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_key_files_that_cannot_be_read_are_told(self):
        """The pool serves on with the former ones, which nobody else would notice before its next start."""
        outdated = lambda pool: self.value(pool, f'files_outdated_seconds{{pool="{pool}"}}')
        keys = self.stack.data / "keys/private.keys"
        good = keys.read_bytes()
        self.addCleanup(keys.write_bytes, good)
        self.assertIn('acp_gitlab_files_outdated_seconds{pool="repositories"} 0', self.text("repositories"))
        keys.write_bytes(good.replace(b"open ", b"broken ", 1))
        wait_until("it is told", lambda: outdated("repositories") > 0, 20)
        self.assertEqual(outdated("connect"), 0, "which has no use for that file")
        self.assertEqual(self.stack.api("POST", "/api/projects/default/repositories/validate", {"url": self.stack.simulator["repository"]}).status, 200)
        keys.write_bytes(good)
        wait_until("it has taken them over", lambda: outdated("repositories") == 0, 30)

    def test_rules_and_documents_name_what_is_told(self):
        rules = (TOP / "deploy/prometheus/acp-gitlab.rules.yaml").read_text()
        operations = (TOP / "docs/operations.md").read_text()
        wait_until("housekeeping has counted", lambda: "acp_gitlab_stored_tokens_broken 0" in self.text("status"), 30)
        told = set()
        for pool in POOLS:
            told |= set(re.findall(r"(?m)^# TYPE (acp_gitlab_\w+)", self.text(pool)))
        self.assertGreater(len(told), 10)
        self.assertEqual(set(re.findall(r"acp_gitlab_\w+", rules)) - told, set())
        for name in told:
            self.assertIn(f"`{name}`", operations)
        for alert in re.findall(r"alert: (\w+)", rules):
            self.assertIn(f"### {alert}\n", operations)
            self.assertIn(f"operations.md#{alert.lower()}", rules)


class AllowTest(unittest.TestCase):
    def test_for_other_addresses_there_is_nothing(self):
        stack = Stack(settings={"ACP_METRICS_ALLOW": "10.1.2.3, 192.0.2.0/24"}).start()
        try:
            for path in POOLS.values():
                answer = stack.api("GET", path)
                self.assertEqual((answer.status, answer.json["code"]), (404, "not_found"))
        finally:
            stack.close()


if __name__ == "__main__":
    unittest.main()
