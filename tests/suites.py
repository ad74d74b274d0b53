"""The suites behind tests/run: runs each, counts, and ends with one line of totals."""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent
DEV = TOP / "build/dev"
SKIPPED = 77  # how a check says that this machine lacks what it needs; its output is the reason


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def add(self, passed=0, failed=0, skipped=0):
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.skipped += skipped

    def check(self, name, command, **options):
        """One command that passes when it exits with 0."""
        result = subprocess.run(command, cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        if result.returncode == SKIPPED:
            return self.skip(name, result.stdout.strip())
        ok = result.returncode == 0
        self.add(passed=ok, failed=not ok)
        print(f"{'ok  ' if ok else 'FAIL'} {name}", flush=True)
        if not ok:
            print("\n".join(result.stdout.splitlines()[-40:]), flush=True)
        return ok

    def skip(self, name, reason):
        self.add(skipped=1)
        print(f"skip {name}: {reason}", flush=True)


def run_unit(totals, pattern, _all):
    """Every cmocka program of the dev build."""
    for program in sorted((DEV / "bin").glob("test_*")):
        if pattern and pattern not in program.name:
            continue
        try:
            result = subprocess.run([program], cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, errors="replace")
            output, status = result.stdout, result.returncode
        except subprocess.TimeoutExpired as late:
            output, status = (late.stdout or b"").decode(errors="replace"), "time-out"
        passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", output))
        failed = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", output))
        skipped = sum(int(n) for n in re.findall(r"\[  SKIPPED \] (\d+) test", output))
        if status != 0 and failed == 0:
            failed = 1
        totals.add(passed, failed, skipped)
        print(f"{'FAIL' if failed else 'ok  '} {program.name}: {passed} passed" + (f", {skipped} skipped" if skipped else ""), flush=True)
        if failed:
            print(f"  exit {status}\n" + "\n".join(output.splitlines()[-60:]), flush=True)
        for line in output.splitlines():
            if skipped and "skipped because" in line:
                print("  " + line.strip(), flush=True)


def run_simulator(totals, pattern):
    """The simulator against itself: what the other tests rest on."""
    if not pattern or pattern in "simulator":
        totals.check("simulator: selftest", [sys.executable, TOP / "simulator/selftest.py"])


def c_files():
    listed = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=TOP, text=True, capture_output=True, check=True).stdout.split()
    return [name for name in listed if (TOP / name).exists()]


def run_static(totals, pattern, everything):
    """What a machine can say about the code without running it."""
    def wanted(name):
        return not pattern or pattern in name

    if wanted("floors"):
        totals.check("floors: an include that climbs does not compile", [sys.executable, HERE / "static/climbing_include.py", DEV])
    if wanted("worker"):
        totals.check("worker: what opens and uses tokens is not linked into it", [sys.executable, HERE / "static/worker_contents.py", DEV])
    if wanted("headers"):
        totals.check("headers: each compiles alone", ["cmake", "--build", DEV, "--target", "all_verify_interface_header_sets"])
    if wanted("format"):
        totals.check("format: clang-format has nothing to change", ["clang-format-14", "--dry-run", "--Werror", *c_files()])
    if wanted("words"):
        totals.check("words: nothing unfinished, nothing foreign", [sys.executable, HERE / "static/words.py"])
    if wanted("readme"):
        totals.check("readme: its tables are the code's", [sys.executable, HERE / "static/tables.py"])
    if wanted("units"):
        totals.check("units: systemd's own judgement of them, and each has its own keys alone", [sys.executable, HERE / "static/units.py"])
    if wanted("documents"):
        totals.check("documents: links, settings and codes in them exist", [sys.executable, HERE / "static/documents.py"])
    if wanted("examples"):
        totals.check("examples: a test runs every block of the documents", [sys.executable, HERE / "static/examples.py"])
    if everything or pattern in SLOW_CHECKS:
        run_slow_checks(totals, pattern)


SLOW_CHECKS = ("clang", "tidy", "cppcheck")


# Takes the time that nobody else wants. Sessions share a processor evenly whatever their processes' nice values: the session itself has one, too.
YIELDING = ["setsid", "--wait", "nice", "-n", "19", "sh", "-c", 'echo 19 2>/dev/null >/proc/self/autogroup; exec "$@"', "yielding"]


def run_slow_checks(totals, pattern=None, before=()):
    """Other compilers over everything: minutes of work. `before` begins each command."""
    if pattern in (None, "clang"):
        totals.check("clang: compiles without a warning", [*before, "sh", "-c", "cmake -S . -B build/clang -G Ninja -DCMAKE_C_COMPILER=clang-14 "
                     "-DCMAKE_BUILD_TYPE=Debug -DACP_WERROR=ON -DACP_TESTS=OFF && cmake --build build/clang"])
    if pattern in (None, "tidy"):
        totals.check("tidy: clang-tidy has no finding", [*before, "sh", "-c", "cmake --preset tidy && cmake --build --preset tidy"])
    if pattern in (None, "cppcheck"):
        totals.check("cppcheck has no finding", [*before, "cppcheck", "--quiet", "--error-exitcode=1", "--inline-suppr", "--std=c11", "--force",
                     "--enable=warning,portability", "--suppress=missingIncludeSystem", "--suppressions-list=tests/static/cppcheck.txt",
                     "-D_GNU_SOURCE", "-DTAKE(p)=(p)", "--library=tests/static/cppcheck_jansson.xml", *[f"-I{path}" for path in sorted({str(Path(n).parent) for n in c_files() if n.startswith("core/")})],
                     "core", "fcgi", "worker", "cli"])


def run_module(totals, module, pattern, environment):
    """A test_*.py in a process of its own, in its folder. What it says is printed in one piece."""
    started = time.monotonic()
    command = [sys.executable, HERE / "integration/run_module.py", module.stem, *([pattern] if pattern else [])]
    result = subprocess.run(command, cwd=module.parent, text=True, stdout=subprocess.PIPE, errors="replace", env={**os.environ, **environment})
    lines = result.stdout.splitlines()
    counts = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", lines[-1]) if lines else None
    if counts:
        totals.add(*map(int, counts.groups()))
        lines.pop()
    else:
        totals.add(failed=1)
        lines.append(f"FAIL {module.stem} ended without a count (exit {result.returncode})")
    with totals.lock:
        print("\n".join([*lines, f"     {module.parent.name}/{module.stem}: {time.monotonic() - started:.0f} s"]), flush=True)


def modules(suite):
    return sorted((HERE / suite).glob("test_*.py"))


def kube_environment():
    """Where the API server is that is looked for, or built, once for all modules."""
    obtained = subprocess.run([HERE / "kube/obtain"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if obtained.returncode == 0:
        return {"KUBEBUILDER_ASSETS": obtained.stdout.strip()}
    # What needs no server still runs; the rest says this reason.
    return {"ACP_TEST_NO_KUBE": (obtained.stderr.strip().splitlines() or [f"tests/kube/obtain: exit {obtained.returncode}"])[-1]}


def run_integration(totals, pattern, _all):
    """The built product through real nginx, SQLite files, git over HTTP and the simulator."""
    run_simulator(totals, pattern)
    for module in modules("integration"):
        run_module(totals, module, pattern, {})


def run_browser(totals, pattern, _all):
    """The page in a real browser, with the built product behind it."""
    for module in modules("browser"):
        run_module(totals, module, pattern, {})


def run_kube(totals, pattern, _all):
    """The built product with a real Kubernetes API server."""
    environment = kube_environment()
    for module in modules("kube"):
        run_module(totals, module, pattern, environment)


def run_fuzz(totals, pattern, _all):
    """Every fuzzer for 30 s with sanitizers, from its seed corpus."""
    if not totals.check("fuzz: build", ["sh", "-c", "cmake --preset fuzz && cmake --build --preset fuzz"]):
        return
    seconds = int(os.environ.get("FUZZ_SECONDS", "30"))

    def run(program):
        corpus = TOP / "build/fuzz/corpus" / program.name
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = HERE / "fuzz/seeds" / program.name.removeprefix("fuzz_")
        totals.check(f"{program.name}: {seconds} s without a finding", [program, f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=10",
                     "-print_final_stats=1", f"-artifact_prefix={TOP}/build/fuzz/", corpus, *([seeds] if seeds.is_dir() else [])])

    # Each keeps one processor busy.
    programs = [program for program in sorted((TOP / "build/fuzz/bin").glob("fuzz_*")) if not pattern or pattern in program.name]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(run, programs))


LANES = 2


def run_everything(totals):
    """
    The tests of a running product wait most of the time: two of their modules run at once, and the slow checks take what they leave of
    the processors. The fuzzers have the machine to themselves.
    """
    for name in ("unit", "static"):
        print(f"--- {name}", flush=True)
        SUITES[name](totals, None, False)
    print("--- integration, kube and browser; clang, clang-tidy and cppcheck", flush=True)
    run_simulator(totals, None)
    with concurrent.futures.ThreadPoolExecutor() as beside, concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
        jobs = [beside.submit(run_slow_checks, totals, before=YIELDING)]
        obtained = beside.submit(kube_environment)
        for suite in ("integration", "kube", "browser"):
            jobs += [lanes.submit(lambda m: run_module(totals, m, None, obtained.result() if m.parent.name == "kube" else {}), module) for module in modules(suite)]
    for job in jobs:
        job.result()
    print("--- fuzz", flush=True)
    run_fuzz(totals, None, True)


SUITES = {"unit": run_unit, "static": run_static, "integration": run_integration, "browser": run_browser, "kube": run_kube, "fuzz": run_fuzz}


def main():
    parser = argparse.ArgumentParser(prog="tests/run")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--live", action="store_true")
    parser.add_argument("suite", nargs="?", choices=SUITES)
    parser.add_argument("pattern", nargs="?")
    arguments = parser.parse_args()

    totals = Totals()
    if arguments.live:
        totals.check("live", [sys.executable, HERE / "integration/live.py"])
    elif arguments.all and not arguments.suite:
        run_everything(totals)
    else:
        for name in [arguments.suite] if arguments.suite else ["unit", "static", "integration"]:
            print(f"--- {name}", flush=True)
            SUITES[name](totals, arguments.pattern, arguments.all)
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped")
    return 1 if totals.failed or totals.passed + totals.skipped == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
