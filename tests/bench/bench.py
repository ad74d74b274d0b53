"""The measurements behind tests/bench/run. Absolute times depend on the machine; ratios of medians of one run are what counts."""
import argparse
import http.client
import json
import os
import re
import shutil
import sqlite3
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/integration"))
os.environ["ACP_TEST_BUILD"] = str(TOP / "build/release")
from stack import Stack, wait_until  # noqa: E402

OUT = TOP / "build/bench"
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / TICK


def private_kib(pid):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", text, re.M))


def pids_of(text, among=None):
    """Processes whose command line contains `text`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (among is None or int(entry.name) in among):
            try:
                if text in (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


def wrk(url, connections, seconds, headers=()):
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    for header in headers:
        command += ["-H", header]
    text = subprocess.run([*command, url], text=True, capture_output=True, timeout=seconds + 30, check=True).stdout

    def microseconds(percentile):
        value, unit = re.search(rf"^\s+{percentile}%\s+([\d.]+)(us|ms|s)$", text, re.M).groups()
        return float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]

    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: (.*)", text)
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), "p50_us": microseconds(50), "p99_us": microseconds(99),
            "requests": int(re.search(r"(\d+) requests in", text).group(1)), "bad": int(bad.group(1)) if bad else 0,
            "socket_errors": broken.group(1) if broken else ""}


class Peers:
    """An nginx of our own with the floors: `return 200`, the libfcgi hello, and the Go peer where it can be built."""

    def __init__(self, stack, shape):
        self.folder = Path(tempfile.mkdtemp(prefix="acp-bench."))
        self.processes, self.skipped = [], {}
        os.chmod(self.folder, 0o711)
        sockets = [self.folder / f"hello-{i}.sock" for i in (1, 2)]
        self.start([OUT / "hello", *[w for s in sockets for w in ("--socket", s)], "--processes", str(shape["processes"]), "--threads", str(shape["threads"])])
        self.go = self.build_go(stack)
        self.port = next(p for p in range(28100, 28200) if self.is_free(p))
        user = "user www-data;" if os.getuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(f"""
daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log; worker_processes {min(4, os.cpu_count())}; {user}
events {{ worker_connections 4096; }}
http {{
  access_log {self.folder}/access.log;
  client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2; fastcgi_temp_path {self.folder}/t3;
  uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;
  upstream hello {{ {" ".join(f"server unix:{s} max_fails=0;" for s in sockets)} {f"keepalive {shape['keepalive']};" if shape['keepalive'] else ""} }}
  upstream go {{ server unix:{self.folder}/go.sock; keepalive 32; }}
  server {{ listen 127.0.0.1:{self.port};
    location = /nginx {{ default_type application/json; return 200 '{{"connected":false}}'; }}
    location = /hello {{ include {TOP}/nginx/fastcgi_acp.conf; fastcgi_pass_request_headers off; fastcgi_keep_conn {"on" if shape["keepalive"] else "off"}; fastcgi_pass hello; }}
    location /api/ {{ proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Request-Id $request_id; proxy_pass http://go; }}
  }}
}}
""")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.nginx = self.start([nginx, "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"])
        wait_until("the peers' nginx", lambda: not self.is_free(self.port), 10)

    @staticmethod
    def is_free(port):
        import socket
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) != 0

    def start(self, command):
        self.processes.append(subprocess.Popen([str(w) for w in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
        return self.processes[-1]

    def build_go(self, stack):
        if not shutil.which("go"):
            self.skipped["go"] = "no Go compiler"
            return False
        built = subprocess.run(["go", "build", "-mod=mod", "-o", OUT / "peer", "."], cwd=TOP / "tests/bench/peer", text=True, capture_output=True,
                               env=dict(os.environ, CGO_ENABLED="1", GOFLAGS="-mod=mod -modfile=" + self.scratch_modfile()), timeout=600)
        if built.returncode != 0:
            self.skipped["go"] = "the Go peer cannot be built: " + built.stderr.strip().splitlines()[-1][:200]
            return False
        database = self.folder / "peer.db"
        with sqlite3.connect(database) as db:
            db.execute("CREATE TABLE peer_connections (user_id TEXT, username TEXT, instance_url TEXT, gitlab_user_id TEXT, token_name TEXT, scopes TEXT,"
                       " expires_at TEXT, updated_at INTEGER, valid INTEGER, last_checked_at INTEGER)")
            db.execute("CREATE INDEX by_user ON peer_connections (user_id)")
            now = int(time.time())
            db.executemany("INSERT INTO peer_connections VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
                           [(f"user{i}" if i else stack.ready["user"], f"name{i}", stack.simulator["url"], str(i), "token", "api", None, now, now) for i in range(1000)])
        self.start([OUT / "peer", "-socket", self.folder / "go.sock", "-database", database, "-bearer-file", stack.data / "bearer", "-user", stack.ready["user"]])
        wait_until("the Go peer", (self.folder / "go.sock").exists, 10)
        return True

    def scratch_modfile(self):
        """Building must not change the checkout: the module file is copied."""
        shutil.copy(TOP / "tests/bench/peer/go.mod", self.folder / "go.mod")
        return str(self.folder / "go.mod")

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def median(rows, name):
    return statistics.median(row[name] for row in rows)


def bench_status(stack, peers, arguments):
    """Requests per second, p50, p99, CPU per request, at 16 and 64 connections, in turn."""
    below = set(stack.pids())
    workers = pids_of("--pool status", below)
    targets = {
        "nginx": (f"http://127.0.0.1:{peers.port}/nginx", [], []),
        "hello": (f"http://127.0.0.1:{peers.port}/hello", [], pids_of(str(OUT / "hello"))),
        "status": (stack.url + "/api/auth/gitlab/status", [f"Authorization: Bearer {stack.bearer}"], workers),
    }
    if peers.go:
        targets["go"] = (f"http://127.0.0.1:{peers.port}/api/auth/gitlab/status", [f"Authorization: Bearer {stack.bearer}"], pids_of(str(OUT / "peer")))
    result = {}
    for connections in (16, 64):
        rows = {name: [] for name in targets}
        for name, (url, headers, _) in targets.items():
            wrk(url, connections, 1, headers)  # warm up
        for _ in range(arguments.rounds):
            for name, (url, headers, pids) in targets.items():
                before = cpu_seconds(pids)
                row = wrk(url, connections, arguments.seconds, headers)
                row["cpu_us"] = (cpu_seconds(pids) - before) / max(1, row["requests"]) * 1e6
                if row["bad"] or row["socket_errors"]:
                    raise AssertionError(f"{name}: {row}")
                rows[name].append(row)
        result[str(connections)] = {name: {key: round(median(some, key), 1) for key in ("rate", "p50_us", "p99_us", "cpu_us")} for name, some in rows.items()}
    result["private_kib"] = max(private_kib(pid) for pid in workers)
    return result


def bench_silent(stack, arguments):
    """p99 of status while 200 connects hang on a GitLab that accepts and never answers."""
    url, headers = stack.url + "/api/auth/gitlab/status", [f"Authorization: Bearer {stack.bearer}"]
    hanging = [threading.Thread(target=lambda i=i: stack.connect(f"glpat-silent{i:014d}", timeout=120)) for i in range(200)]
    calm = [wrk(url, 16, 2, headers) for _ in range(3)]
    stack.mode("global", "silent")
    for thread in hanging:
        thread.start()
    # The hand-shakes are over, and no call has given up yet: a call ends after 10 s without an answer.
    time.sleep(3)
    busy = [wrk(url, 16, 2, headers) for _ in range(3)]
    for thread in hanging:
        thread.join(120)
    stack.mode("global", "normal")
    wait_until("the breaker has closed again", lambda: stack.connect().status == 200, 60, 1)
    return {"calm_p99_us": median(calm, "p99_us"), "hanging_p99_us": median(busy, "p99_us"), "rounds_while_hanging": len(busy),
            "bad": sum(row["bad"] for row in busy)}


def bench_connect(stack, arguments):
    """`connect` against the simulator with 0 and 40 ms of delay, beside the slower of its two upstream calls asked directly."""
    parts = urllib.parse.urlsplit(stack.simulator["url"])
    context = ssl.create_default_context(cafile=stack.simulator["caFile"])
    result = {}
    for delay in (0, 40):
        stack.mode("global", "delay" if delay else "normal", delay_ms=delay)
        direct = {path: http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=10) for path in ("/user", "/personal_access_tokens/self")}
        for connection in direct.values():
            connection.connect()
        ours = http.client.HTTPConnection(urllib.parse.urlsplit(stack.url).netloc, timeout=20)
        body = json.dumps({"personalAccessToken": stack.tokens["good"], "instanceUrl": stack.simulator["url"]})

        def ask(path):
            started = time.perf_counter()
            direct[path].request("GET", parts.path + "/api/v4" + path, headers={"Authorization": f"Bearer {stack.tokens['good']}", "User-Agent": "bench"})
            direct[path].getresponse().read()
            return time.perf_counter() - started

        def slowest():
            """Both calls at once, as connect makes them; the time of the slower."""
            times = {}
            threads = [threading.Thread(target=lambda path=path: times.__setitem__(path, ask(path))) for path in direct]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return max(times.values())

        def connect():
            started = time.perf_counter()
            ours.request("POST", "/api/auth/gitlab/connect", body, {"Authorization": f"Bearer {stack.bearer}", "Content-Type": "application/json"})
            answer = ours.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise AssertionError(text)
            return time.perf_counter() - started

        for _ in range(10):
            connect(), slowest()
        pairs = [(connect(), slowest()) for _ in range(arguments.connects)]
        mine, upstream = (statistics.median(p[i] for p in pairs) * 1e3 for i in (0, 1))
        result[f"delay_{delay}_ms"] = {"connect_p50_ms": round(mine, 2), "slowest_upstream_p50_ms": round(upstream, 2), "over_ms": round(mine - upstream, 2)}
    stack.mode("global", "normal")
    return result


def bench_parse():
    """Repository addresses a second on one core; the program takes the median of its rounds."""
    return json.loads(subprocess.run([OUT / "parse", "--json"], text=True, capture_output=True, timeout=120, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connects", type=int, default=60)
    arguments = parser.parse_args()

    results = {"machine": {"cpus": os.cpu_count(), "kernel": os.uname().release}, "parse": bench_parse()}
    with Stack() as stack:
        stack.violations_allowed = True
        answer = stack.connect()
        if answer.status != 200:
            raise AssertionError(answer)
        # The shape in which nginx/up runs the pool.
        peers = Peers(stack, {"processes": 2, "threads": min(4, os.cpu_count()) * 32 + 2, "keepalive": 32})
        try:
            results["status"] = bench_status(stack, peers, arguments)
            results["skipped"] = peers.skipped
        finally:
            peers.stop()
        results["silent"] = bench_silent(stack, arguments)
        results["connect"] = bench_connect(stack, arguments)

    for connections in ("16", "64"):
        rows = results["status"][connections]
        print(f"status at {connections} connections (medians of {arguments.rounds} rounds)")
        for name, row in rows.items():
            print(f"  {name:7} {row['rate']:9.0f}/s  p50 {row['p50_us'] / 1e3:7.2f} ms  p99 {row['p99_us'] / 1e3:7.2f} ms  CPU {row['cpu_us']:5.1f} us a request")
        print(f"  status/hello {rows['status']['rate'] / rows['hello']['rate']:.2f}   p99 {rows['status']['p99_us'] / rows['hello']['p99_us']:.2f}"
              + (f"   status/go {rows['status']['rate'] / rows['go']['rate']:.2f}" if "go" in rows else f"   go: skipped, {results['skipped']['go']}"))
    print(f"private memory of a status process: {results['status']['private_kib'] / 1024:.1f} MiB")
    silent = results["silent"]
    print(f"status p99 while 200 connects hang: {silent['hanging_p99_us'] / silent['calm_p99_us']:.2f} of calm ({silent['rounds_while_hanging']} rounds, {silent['bad']} failed)")
    for name, row in results["connect"].items():
        print(f"connect, {name}: {row['connect_p50_ms']} ms, slowest upstream {row['slowest_upstream_p50_ms']} ms, over it {row['over_ms']} ms")
    parse = results["parse"]
    print(f"addresses a second: {parse['accepted']:.0f} accepted, {parse['refused']:.0f} refused, {parse['refused_with_message']:.0f} refused with a message")
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
