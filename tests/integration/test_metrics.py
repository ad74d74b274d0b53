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
        self.assertEqual(self.value("git", 'git_transfers_total{pool="git",kind="push",outcome="whole"}'), 1)
        self.assertGreater(self.value("git", 'git_bytes_total{pool="git",kind="push",direction="to_instance"}'), 100)

    def test_the_state_of_accounts_and_sessions(self):
        self.assertEqual(self.stack.connect(token=self.stack.tokens["expiring"]).status, 200)
        self.assertEqual(self.value("status", 'connections{provider="gitlab",state="ends_in_7_days"}'), 1)
        self.assertEqual(self.value("status", 'connections{provider="gitlab",state="valid"}'), 0)
        self.assertEqual(self.stack.connect().status, 200)
        self.assertEqual(self.value("status", 'connections{provider="gitlab",state="ends_in_7_days"}'), 0)
        self.assertEqual(self.value("status", "store_ready"), 1)
        self.assertEqual(self.value("status", "sessions_waiting_seconds"), 0)
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

    def test_a_token_that_no_key_opens_is_an_alert(self):
        program, reason = promtool.find()
        if not program:
            self.skipTest(reason)
        alert = {"exp_labels": {"severity": "critical"}, "exp_annotations": {"summary": "No key opens 2 stored tokens.", "runbook": "docs/operations.md#acpgitlabtokensbroken"}}
        case = {"rule_files": [str(TOP / "deploy/prometheus/acp-gitlab.rules.yaml")], "evaluation_interval": "1m", "tests": [
            {"interval": "1m", "input_series": [{"series": "acp_gitlab_stored_tokens_broken", "values": "0 0 2"}], "alert_rule_test": [
                {"eval_time": time_, "alertname": "AcpGitlabTokensBroken", "exp_alerts": expected} for time_, expected in (("1m", []), ("2m", [alert]))]}]}
        path = self.stack.data / "alert.yaml"
        path.write_text(json.dumps(case))
        result = subprocess.run([program, "test", "rules", path], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(result.returncode, 0, result.stdout)

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
