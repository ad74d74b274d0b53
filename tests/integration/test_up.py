"""./nginx/up itself: its files, its two starts, its ends, and one clear line for each thing that can be wrong."""
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from stack import BUILD, TOP, Stack, wait_until


def up(*arguments, env=None, timeout=60):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ACP_")}
    environment.update(ASAN_OPTIONS="detect_leaks=0", **(env or {}))
    return subprocess.run([TOP / "nginx/up", "--build", BUILD, *map(str, arguments)], text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=timeout, env=environment)


class LifeTest(unittest.TestCase):
    def test_the_ready_file_has_what_the_contract_names(self):
        with Stack() as stack:
            ready = stack.ready
            self.assertEqual(ready["project"], "default")
            self.assertEqual(Path(ready["dataDir"]), stack.data)
            self.assertEqual(sorted(k for k in ready if k != "simulator"), ["bearer", "dataDir", "project", "url", "user"])
            self.assertTrue({"url", "caFile", "repository", "tokens"} <= set(ready["simulator"]))
            self.assertEqual(sorted(ready["simulator"]["tokens"]), ["expired", "expiring", "good", "rateLimited", "readOnly", "revoked"])
            output = (stack.data / "up.out").read_text()
            for text in (f"{ready['url']}/#bearer={ready['bearer']}", "curl", "Ctrl-C"):
                self.assertIn(text, output)

    def test_a_second_start_finds_everything_again_and_the_end_is_clean(self):
        with tempfile.TemporaryDirectory(prefix="acp-test.") as data:
            first = Stack(data=data).start()
            bearer = first.bearer
            self.assertEqual(first.connect().status, 200)
            pids = first.pids()
            run = first.run_folder()
            self.assertTrue((run / "nginx.conf").exists())
            self.assertEqual(first.stop(), 0)
            self.assertFalse([pid for pid in pids if Path(f"/proc/{pid}").exists()], "processes are left")
            self.assertFalse(run.exists(), "something beside the data folder is left")
            self.assertFalse((Path(data) / "ready.json").exists())

            second = Stack(data=data).start()
            try:
                self.assertEqual(second.bearer, bearer)
                self.assertEqual(second.status().json["username"], "john")
            finally:
                second.stop()

    def test_the_command_line_finds_the_installation_by_the_line_that_is_printed(self):
        with tempfile.TemporaryDirectory(prefix="acp-test.") as folder:
            data, secret = Path(folder), "a key that nobody guesses, 0123456789"
            with Stack(data=data, settings={"ACP_NOTIFY_SECRET": secret, "ACP_GIT_TOKEN": "ghp_0123456789abcdefghijABCDEFGHIJ012345"}) as stack:
                line = re.search(r"export ACP_CONFIG_FILE=.*", (data / "up.out").read_text())[0]
                environment = {k: v for k, v in os.environ.items() if not k.startswith("ACP_")} | {"ASAN_OPTIONS": "detect_leaks=0"}
                script = f"{line}\nset -e\nacp-gitlab doctor\nacp-gitlab connect --instance {stack.simulator['url']} <<<{stack.tokens['good']}\nacp-gitlab status"
                result = subprocess.run(["bash", "-c", script], text=True, capture_output=True, timeout=90, env=environment)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                for words in ("ok   pool git", "connected successfully", "john"):
                    self.assertIn(words, result.stdout)
                written = data / "acp-gitlab.conf"
                self.assertEqual(written.stat().st_mode & 0o777, 0o600)
                for hidden in (stack.bearer, secret, "ghp_", "***"):
                    self.assertNotIn(hidden, written.read_text())
                self.assertIn("/demo-agent", written.read_text())
            # In a shell that has the line, a start without the simulator takes nothing of the one with it.
            with Stack(data=data, demo=False, settings={"ACP_CONFIG_FILE": str(written)}):
                self.assertNotIn("demo-agent", written.read_text())

    def test_the_number_of_processes_of_a_pool_is_up_to_the_caller(self):
        with Stack(arguments=["--processes", "3"], demo=False) as stack:
            def processes():
                return sum(words[1:3] == ["--pool", "connect"] for words in stack.commands().values())
            # One that supervises, and three that work.
            wait_until("all work", lambda: processes() >= 4, 20)
            self.assertEqual(4, processes())
        for number in ("0", "100", "many"):
            self.assertIn("--processes takes a number", up("--processes", number).stderr)

    def test_ctrl_c_ends_it_and_a_killed_up_takes_its_processes_with_it(self):
        stack = Stack().start()
        pids = stack.pids()
        stack.process.send_signal(signal.SIGINT)
        self.assertEqual(stack.process.wait(60), 0)
        wait_until("all processes are gone", lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 10)

        stack = Stack().start()
        pids = stack.pids()
        stack.process.kill()
        stack.process.wait(10)
        wait_until("all processes are gone", lambda: not any(self.runs(pid) for pid in pids), 30)

    @staticmethod
    def runs(pid):
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def test_it_listens_on_loopback_only(self):
        with Stack() as stack:
            port = int(stack.url.rsplit(":", 1)[1])
            for table in ("/proc/net/tcp", "/proc/net/tcp6"):
                for line in Path(table).read_text().splitlines()[1:]:
                    local, state = line.split()[1], line.split()[3]
                    if state == "0A" and int(local.split(":")[1], 16) == port:
                        self.assertEqual(local.split(":")[0], "0100007F")


class FaultTest(unittest.TestCase):
    def assertOneLine(self, result, *words):
        self.assertNotEqual(result.returncode, 0)
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, result.stderr)
        for word in words:
            self.assertIn(word, lines[0])

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="acp-test.")
        self.data = Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def test_a_taken_port_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.assertOneLine(up("--data", self.data, "--port", port), str(port), "taken")

    def test_bad_arguments_and_settings_are_named(self):
        self.assertOneLine(up("--prot", "1"), "--prot")
        self.assertOneLine(up("--port", "x", "--data", self.data), "--port")
        self.assertOneLine(up("--data", self.data, "--port", "0", env={"ACP_DATABSE": "/x"}), "ACP_DATABSE")
        self.assertOneLine(up("--data", self.data, "--port", "0", env={"ACP_AGENT_TIMEOUT": "soon"}), "ACP_AGENT_TIMEOUT")
        self.assertOneLine(up("--data", self.data, "--port", "0", env={"ACP_EGRESS_ALLOW": "10.0.0.0/99"}), "ACP_EGRESS_ALLOW")
        self.assertOneLine(up("--data", self.data, "--port", "0", env={"ACP_CA_FILE": "/nonexistent.pem"}), "/nonexistent.pem")
        self.assertOneLine(up("--data", self.data, "--port", "0", env={"ACP_GIT_TOKEN_SECRET": "git-token"}), "ACP_GIT_TOKEN_SECRET", "ACP_AUTH=tokenreview")

    def test_a_missing_package_without_root_is_named(self):
        if os.getuid() != 0:
            self.skipTest("needs root to become a user without rights")
        script = f". {TOP}/nginx/packages.sh; ensure_packages bash no-such-package-of-acp"
        result = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script], text=True, capture_output=True, timeout=60)
        self.assertOneLine(result, "no-such-package-of-acp", "apt-get install")

    def test_lost_keys_and_a_second_up_on_the_same_data_are_named(self):
        with Stack(data=self.data, demo=False):
            self.assertOneLine(up("--data", self.data, "--port", "0"), "another 'up'")
        for key in (self.data / "keys").iterdir():
            key.unlink()
        self.assertOneLine(up("--data", self.data, "--port", "0"), "keys")

    def test_it_runs_without_root(self):
        if os.getuid() != 0:
            self.skipTest("runs without root already, in every other test")
        with tempfile.TemporaryDirectory(prefix="acp-user.") as folder:
            os.chmod(folder, 0o755)
            copy = Path(folder) / "checkout"
            for part in ("nginx", "simulator"):
                subprocess.run(["cp", "-R", TOP / part, copy / part if copy.exists() else (copy.mkdir() or copy / part)], check=True)
            subprocess.run(["cp", "-R", BUILD / "bin", copy / "bin-of-build"], check=True)
            (copy / "build/dev").mkdir(parents=True)
            os.rename(copy / "bin-of-build", copy / "build/dev/bin")
            subprocess.run(["chown", "-R", "65534:65534", folder], check=True)
            ready = Path(folder) / "ready.json"
            environment = {k: v for k, v in os.environ.items() if not k.startswith("ACP_")} | {"ASAN_OPTIONS": "detect_leaks=0", "HOME": folder}
            process = subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy / "nginx/up", "--demo", "--port", "0", "--build", copy / "build/dev",
                                        "--data", Path(folder) / "data", "--ready-file", ready], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            try:
                wait_until("up is ready", lambda: ready.exists() or process.poll() is not None, 60)
                self.assertTrue(ready.exists(), process.stdout.read() if process.poll() is not None else "")
                stack = Stack()
                stack.ready = json.loads(ready.read_text())
                stack.url, stack.bearer, stack.simulator = stack.ready["url"], stack.ready["bearer"], stack.ready["simulator"]
                stack.tokens = stack.simulator["tokens"]
                self.assertEqual(stack.connect().status, 200)
                answer = stack.create_session("plain", {"description": "x", "outputRepo": {"url": stack.simulator["repository"], "branch": "plain"}})
                self.assertEqual(answer.status, 201, answer)
                self.assertEqual(stack.wait_for_session("plain")["status"]["phase"], "Completed")
            finally:
                process.terminate()
                self.assertEqual(process.wait(30), 0)
                process.stdout.close()


if __name__ == "__main__":
    unittest.main()
