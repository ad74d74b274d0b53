"""The git gate of the running product beside plain git at the same server: pushing one commit, cloning, what a transfer takes of memory, and what
`status` notices of many transfers. The server is the simulator, over TLS, without a delay and at the end of a line of 40 ms."""
import base64
import http.client
import os
import re
import shutil
import socket
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
from line import Line  # noqa: E402
from stack import Stack, wait_until  # noqa: E402

TRANSFERS = 20
PACE = 512 << 10  # bytes a second of each slow transfer: all of them go on for as long as is measured, and leave the processors free
STATUS_ROUNDS, STATUS_SECONDS = 5, 4
AGENT = """#!/bin/sh
cp "$GIT_CONFIG_GLOBAL" "$ACP_WORKSPACE/given.config"
touch "$ACP_WORKSPACE/waiting"
while [ ! -e "$ACP_WORKSPACE/go" ]; do sleep 0.1; done
"""
IDENTITY = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "A B"), ("EMAIL", "a@b.example"))}


def run(*command, env=None, **options):
    result = subprocess.run([str(word) for word in command], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if result.returncode != 0:
        raise SystemExit(f"{command[:4]}: {result.stderr[-2000:]}")
    return result.stdout.strip()


def timed(*command, env=None):
    begin = time.monotonic()
    run(*command, env=env)
    return 1000 * (time.monotonic() - begin)


class Session:
    """A session whose agent waits, so that its gate is open: its credential, and plain git's way to the gate and straight to the server."""

    def __init__(self, bench, name, instance, project):
        stack = bench.stack
        self.address = f"{instance}/{project}.git"
        answer = stack.create_session(name, {"description": name, "repositories": [{"url": self.address}]})
        if answer.status != 201:
            raise SystemExit(f"the session {name}: {answer}")
        self.id, self.name = answer.json["metadata"]["uid"], name
        self.repository = project.rsplit("/", 1)[1]
        self.branch = f"ambient/{name}"
        self.workspace = stack.data / "workspaces" / self.id
        wait_until("the agent waits", (self.workspace / "waiting").exists, 240)
        self.config = bench.folder / f"{name}.config"
        shutil.copy(self.workspace / "given.config", self.config)
        header = run("git", "config", "-f", self.config, "--get-regexp", r"^http\..*\.extraheader$")
        self.credential = header.rsplit(" ", 1)[1]
        self.credential_file = bench.folder / f"{name}.credential"
        self.credential_file.write_text(self.credential)
        base = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", **IDENTITY}
        self.through_gate = {**base, "GIT_CONFIG_GLOBAL": str(self.config)}
        self.straight = {**base, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_SSL_CAINFO": stack.simulator["caFile"]}
        self.straight_address = self.address.replace("https://", f"https://oauth2:{stack.tokens['good']}@")

    def end(self):
        (self.workspace / "go").touch()


class GateBench:
    """The product with one large repository behind it, near and at the end of the line."""

    def __init__(self, folder, repository, push_job, round_trip_ms=40):
        self.folder, self.push_job, self.round_trip_ms = folder, push_job, round_trip_ms
        self.branch = run("git", "-C", repository, "symbolic-ref", "--short", "HEAD")
        agents = Path(tempfile.mkdtemp(prefix="acp-bench-agent.", dir="/opt" if os.access("/opt", os.W_OK) else None))
        self.agents = agents
        (agents / "agent").write_text(AGENT)
        agents.chmod(0o755)
        (agents / "agent").chmod(0o755)
        # The line's port must be allowed before the simulator, whose port it leads to, is there.
        self.line = Line(0, round_trip_ms / 1000)
        settings = {"ACP_AGENT_COMMAND": str(agents / "agent"), "ACP_EGRESS_ALLOW": f"127.0.0.1:{self.line.port}"}
        self.stack = Stack(build=os.environ.get("BENCH_BUILD", TOP / "build/release"), settings=settings)
        self.stack.start()
        near = self.stack.simulator["url"]
        self.line.target = urllib.parse.urlsplit(near).port
        far = f"https://127.0.0.1:{self.line.port}"
        project = self.stack.control("POST", "/projects", {"path": "bench/repository", "defaultBranch": self.branch})
        self.copy(repository, self.stack.data / f"simulator/repositories/{project['id']}.git")
        for instance in (near, far):
            answer = self.stack.connect(instance=instance)
            if answer.status != 200:
                raise SystemExit(f"connect {instance}: {answer}")
        self.near = Session(self, "near", near, "bench/repository")
        self.far = Session(self, "far", far, "bench/repository")

    @staticmethod
    def copy(source, target):
        """The packs with their bitmaps are linked: a server that has to count objects for each of many fetches is what would be measured."""
        (target / "objects/pack").mkdir(parents=True, exist_ok=True)
        for file in (source / "objects/pack").iterdir():
            (target / "objects/pack" / file.name).symlink_to(file)
        refs = run("git", "-C", source, "for-each-ref", "--format=%(objectname) %(refname)")
        (target / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{refs}\n")
        shutil.rmtree(target / "refs/heads", ignore_errors=True)
        (target / "refs/heads").mkdir(parents=True)

    def close(self):
        for session in (self.near, self.far):
            session.end()
        self.stack.violations_allowed = True  # transfers were broken off
        self.stack.stop()
        self.line.close()
        shutil.rmtree(self.agents, ignore_errors=True)
        shutil.rmtree(self.stack.data, ignore_errors=True)

    def requests(self):
        return self.stack.control("GET", "/requests")

    # ------------------------------------------------------------------------------------------------------------ pushing
    def working_copy(self, session, name):
        folder = self.folder / name
        run("git", "clone", "-q", "--single-branch", "--no-tags", session.address, folder, env=session.through_gate)
        return folder

    def commit(self, folder, branch, session):
        run("git", "-C", folder, "commit", "-q", "--allow-empty", "-m", f"one more at {time.time()}", env=session.through_gate)
        commit = run("git", "-C", folder, "rev-parse", "HEAD")
        run("git", "-C", folder, "update-ref", f"refs/heads/{branch}", commit)
        return commit

    def counted(self, function):
        """(milliseconds, the requests that the server saw)"""
        self.stack.control("DELETE", "/requests")
        taken = function()
        return taken, [f"{one['method']} {one['area']} {one['path'].rsplit('/', 1)[1]}" for one in self.requests()]

    def pushes(self, rounds):
        """One commit on top of a branch that is there, three ways in turn. Medians and the requests of each."""
        session = self.far
        ours, gated, straight = (self.working_copy(session, f"push-{name}") for name in ("ours", "gated", "straight"))
        rows = {"session": [], "git through the gate": [], "git push": []}
        seen = {}

        def push_ours():
            commit = self.commit(ours, session.branch, session)
            return lambda: float(run(self.push_job, self.stack.url, session.id, session.credential_file, session.repository, ours, session.branch, commit))

        def push_gated():
            # The session's own branch is the only one that passes: this copy follows what the other has pushed.
            run("git", "-C", gated, "fetch", "-q", "origin", f"refs/heads/{session.branch}", env=session.through_gate)
            run("git", "-C", gated, "reset", "-q", "--hard", "FETCH_HEAD")
            self.commit(gated, session.branch, session)
            return lambda: timed("git", "-C", gated, "push", "-q", "origin", f"HEAD:refs/heads/{session.branch}", env=session.through_gate)

        def push_straight():
            self.commit(straight, "bench/straight", session)
            return lambda: timed("git", "-C", straight, "push", "-q", session.straight_address, "HEAD:refs/heads/bench/straight", env=session.straight)

        for number in range(rounds + 2):
            for name, prepare in (("session", push_ours), ("git through the gate", push_gated), ("git push", push_straight)):
                taken, requests = self.counted(prepare())
                if number >= 2:  # the branch is there, connections are warm
                    rows[name].append(taken)
                    seen[name] = requests
                if name == "git through the gate":
                    run("git", "-C", ours, "fetch", "-q", "origin", f"refs/heads/{session.branch}", env=session.through_gate)
                    run("git", "-C", ours, "reset", "-q", "--hard", "FETCH_HEAD")
        return {name: statistics.median(values) for name, values in rows.items()}, seen

    # ------------------------------------------------------------------------------------------------------------ cloning
    def clones(self, session, rounds):
        """Medians of plain `git clone`, through the gate and straight, and the median of the ratios of pairs."""
        rows = {"through the gate": [], "straight": []}
        for number in range(rounds):
            pairs = [("through the gate", session.address, session.through_gate), ("straight", session.straight_address, session.straight)]
            for name, address, environment in pairs if number % 2 else reversed(pairs):
                target = self.folder / f"clone-{session.name}-{number}-{len(name)}"
                rows[name].append(timed("git", "clone", "-q", address, target, env=environment))
        ratios = [a / b for a, b in zip(rows["through the gate"], rows["straight"])]
        return {name: statistics.median(values) for name, values in rows.items()}, statistics.median(ratios)

    # ------------------------------------------------------------------------------------------------------------ many transfers
    def pool(self, name):
        found = []
        for pid in self.stack.pids():
            try:
                if f"--pool\0{name}\0".encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
            except OSError:
                pass
        return found

    def private_kib(self, name):
        total = 0
        for pid in self.pool(name):
            total += sum(map(int, re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)))
        return total

    def memory(self, kind):
        """KiB of private memory that each of TRANSFERS transfers under way adds to the pool's processes, twice: the first ones make what is kept."""
        found = []
        for _ in range(2):
            before = self.private_kib("git")
            with Transfers(self, kind) as transfers:
                transfers.wait_for_bytes(2 << 20)
                most = max(self.private_kib("git") for _ in range(5) if time.sleep(0.2) is None)
            found.append((most - before) / TRANSFERS)
        return found

    def status_round(self, seconds):
        """Latencies of `status` in milliseconds, one caller that asks about 300 times a second."""
        parts = urllib.parse.urlsplit(self.stack.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        headers, found, end = {"Authorization": f"Bearer {self.stack.bearer}"}, [], time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.perf_counter()
            connection.request("GET", "/api/auth/gitlab/status", headers=headers)
            answer = connection.getresponse()
            answer.read()
            found.append(1000 * (time.perf_counter() - begin))
            if answer.status != 200:
                raise SystemExit(f"status answered {answer.status}")
            time.sleep(0.002)
        connection.close()
        return sorted(found)

    def status(self):
        """{"calm", "gate", "straight"}: medians of p50 and p99 in turns; `straight` is the same load on the machine past the gate."""
        rows = {"calm": [], "gate": [], "straight": []}
        self.status_round(1)
        for _ in range(STATUS_ROUNDS):
            for name in rows:
                if name == "calm":
                    rows[name].append(self.status_round(STATUS_SECONDS))
                    continue
                with Transfers(self, "fetch", straight=name == "straight") as transfers:
                    transfers.wait_for_bytes(1 << 20)
                    rows[name].append(self.status_round(STATUS_SECONDS))
        return {name: {"p50_ms": statistics.median(one[len(one) // 2] for one in values), "p99_ms": statistics.median(one[len(one) * 99 // 100] for one in values),
                       "p99s_ms": [round(one[len(one) * 99 // 100], 2) for one in values]} for name, values in rows.items()}


class Transfers:
    """TRANSFERS fetches, or pushes, of the whole repository at once, each of them as fast as PACE; broken off at the end."""

    def __init__(self, bench, kind, straight=False):
        self.bench, self.kind, self.straight = bench, kind, straight
        self.ending, self.moved, self.failures = False, [0] * TRANSFERS, []
        session = bench.near
        refs = run("git", "ls-remote", session.address, f"refs/heads/{bench.branch}", env=session.through_gate)
        self.tip = refs.split()[0]
        self.pack = None
        if kind == "push":
            [self.pack] = list((Path(bench.stack.data) / "mirrors").rglob("*.pack"))[:1]
        self.threads = [threading.Thread(target=self.run_one, args=(number,), daemon=True) for number in range(TRANSFERS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *reason):
        self.ending = True
        for thread in self.threads:
            thread.join(30)

    def wait_for_bytes(self, count):
        wait_until(f"every transfer has moved {count} bytes: {self.failures}", lambda: min(self.moved) >= count or self.failures, 120)
        if self.failures:
            raise SystemExit(f"a transfer failed: {self.failures[0]}")

    def open(self):
        session, stack = self.bench.near, self.bench.stack
        if self.straight:
            parts = urllib.parse.urlsplit(session.straight_address)
            context = ssl.create_default_context(cafile=stack.simulator["caFile"])
            plain = socket.create_connection((parts.hostname, parts.port), 60)
            credential = "Basic " + base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
            return context.wrap_socket(plain, server_hostname=parts.hostname), parts.path, parts.netloc.rsplit("@", 1)[1], credential
        parts = urllib.parse.urlsplit(stack.url)
        path = f"/git/{session.id}/{session.repository}.git"
        return socket.create_connection((parts.hostname, parts.port), 60), path, parts.netloc, f"Bearer {session.credential}"

    def run_one(self, number):
        try:
            connection, path, host, credential = self.open()
            with connection:
                connection.settimeout(60)
                service = "git-upload-pack" if self.kind == "fetch" else "git-receive-pack"
                head = f"POST {path}/{service} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {credential}\r\nUser-Agent: git/bench\r\nContent-Type: application/x-{service}-request\r\n"
                (self.fetch if self.kind == "fetch" else self.push)(connection, head, number)
        except OSError as failure:
            if not self.ending:
                self.failures.append(str(failure))

    def fetch(self, connection, head, number):
        want = f"want {self.tip} side-band-64k ofs-delta\n"
        body = f"{len(want) + 4:04x}{want}00000009done\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        begin = time.monotonic()
        while not self.ending and (piece := connection.recv(65536)):
            if self.moved[number] == 0 and b" 200 " not in piece[:20]:
                self.failures.append(piece[:600].decode(errors="replace"))
                return
            self.moved[number] += len(piece)
            time.sleep(max(0, begin + self.moved[number] / PACE - time.monotonic()))

    def push(self, connection, head, number):
        command = f"{'0' * 40} {self.tip} refs/heads/{self.bench.near.branch}\0report-status side-band-64k\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        begin = time.monotonic()
        with open(self.pack, "rb") as pack:
            piece = f"{len(command) + 4:04x}{command}0000".encode()
            while not self.ending and piece:
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.moved[number] += len(piece)
                time.sleep(max(0, begin + self.moved[number] / PACE - time.monotonic()))
                piece = pack.read(65536)


def measure(folder, repository, push_job, rounds, parts):
    """[(what, figure, bound)], and all figures."""
    bench = GateBench(folder, repository, push_job)
    bounds, figures = [], {}
    try:
        if "push" in parts:
            medians, requests = bench.pushes(2 * rounds + 1)
            figures["push_ms"], figures["push_requests"] = medians, requests
            bounds.append((f"push of one commit at {bench.round_trip_ms} ms / git push", medians["session"] / medians["git push"], 1.2))
            bounds.append(("  plain git push through the gate / git push", medians["git through the gate"] / medians["git push"], 1.2))
            print(f"push at {bench.round_trip_ms} ms: " + ", ".join(f"{name} {value:.0f} ms" for name, value in medians.items()), flush=True)
            for name, asked in requests.items():
                print(f"  {name}: {len(asked)} requests ({'; '.join(asked)})", flush=True)
        for session in (bench.near, bench.far) if "clone" in parts else ():
            medians, ratio = bench.clones(session, rounds)
            figures[f"clone_{session.name}_ms"] = medians
            bounds.append((f"git clone through the gate / straight, {session.name}", ratio, 1.1))
            print(f"clone, {session.name}: " + ", ".join(f"{name} {value:.0f} ms" for name, value in medians.items()), flush=True)
        for kind in ("fetch", "push") if "memory" in parts else ():
            found = bench.memory(kind)
            figures[f"memory_{kind}_kib"] = found
            bounds.append((f"private MiB per {kind} of {TRANSFERS}", found[0] / 1024, 1.0))
            print(f"memory, {kind}: {found[0]:.0f} KiB each the first time, {found[1]:.0f} the second", flush=True)
        if "status" in parts:
            rows = figures["status"] = bench.status()
            bounds.append((f"p99 of status beside {TRANSFERS} transfers / calm", rows["gate"]["p99_ms"] / rows["calm"]["p99_ms"], 1.2))
            for name, row in rows.items():  # the rounds show how much else the machine has to do
                print(f"status, {name}: p50 {row['p50_ms']:.2f} ms, p99 {row['p99_ms']:.2f} ms {row['p99s_ms']}", flush=True)
    finally:
        bench.close()
    return bounds, figures
