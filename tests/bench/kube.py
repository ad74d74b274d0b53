"""The measurements behind tests/bench/run-kube. Absolute times depend on the machine; the ratios within one run are what counts."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/kube"), str(TOP / "tests/integration")]
os.environ["ACP_TEST_BUILD"] = str(TOP / "build/release")

from kube_client import METADATA_ONLY, KubeClient, encode  # noqa: E402
from kube_server import KubeServer  # noqa: E402
from kube_stack import ACCOUNT, NAMESPACE, SHARDS, KubeStack, secret_names  # noqa: E402
from stack import request, wait_until  # noqa: E402

OUT = TOP / "build/bench"
GITLAB_MS = 100  # how far away the simulated GitLab is while connects are timed


def milliseconds(work):
    started = time.monotonic()
    work()
    return (time.monotonic() - started) * 1000


def kube_writes(stack, kind, first, count, threads=1):
    words = [OUT / "kube_writes", kind, stack.settings["KUBECONFIG"], NAMESPACE, SHARDS, stack.data / "keys", first, count, threads, stack.simulator["url"]]
    result = subprocess.run([str(word) for word in words], text=True, capture_output=True, timeout=540)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def writes(stack, kind, first, count, threads):
    """Records a second that `store` or `bare` writes; AssertionError when one fails."""
    return count / float(kube_writes(stack, kind, first, count, threads).split()[0])


def compare_writes(stack, rounds, count, threads):
    """The three take turns (a b c c b a), so that all meet Secrets of every size: a write is the slower the more its Secret holds."""
    # So many that every Secret is made.
    writes(stack, "store", 0, 400, threads)
    kinds = ("bare", "tested", "store")
    rates, first = {kind: [] for kind in kinds}, 400
    for number in range(rounds):
        for kind in kinds if number % 2 else reversed(kinds):
            rates[kind].append(writes(stack, kind, first, count, threads))
            first += count
    whole = {kind: len(values) / sum(1 / rate for rate in values) for kind, values in rates.items()}
    return {**{f"{kind}_per_s": rate for kind, rate in whole.items()}, "ratio": whole["store"] / whole["bare"],
            "ratio_tested": whole["store"] / whole["tested"], "records": first}


def connect_beside_its_round_trips(stack, kube, calls):
    """One user connects again and again, alone. Beside it: what the slowest of its GitLab calls and its Secret calls take a client of ours."""
    stack.add_gitlab_user(1)
    bearer, token = kube.tokens["alice"], stack.gitlab_token(1)
    gitlab = stack.simulator["url"]
    stack.mode("api", "delay", delay_ms=GITLAB_MS)
    account = KubeClient(kube.url, kube.ca_file, (stack.account_files / "token").read_text())
    forge = KubeClient(gitlab, stack.simulator["caFile"])
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{secret_names()[0]}"
    times = {"connect": [], "gitlab": [], "secret": []}
    for number in range(calls):
        times["connect"].append(milliseconds(lambda: check(stack.connect(token, bearer=bearer))))
        times["gitlab"].append(max(milliseconds(lambda path=path: check(forge.get(path, headers={"PRIVATE-TOKEN": token})))
                                   for path in ("/api/v4/user", "/api/v4/personal_access_tokens/self")))
        times["secret"].append(milliseconds(lambda: check(account.patch(path, {"data": {"k1-beside": encode(f"{number:0450}")}}, accept=METADATA_ONLY))))
    account.patch(path, {"data": {"k1-beside": None}}).must()
    stack.mode("api", "normal")
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {**{f"{name}_ms": value for name, value in medians.items()}, "ratio": medians["connect"] / (medians["gitlab"] + medians["secret"])}


def check(answer):
    assert answer.status == 200, answer


def ten_thousand(stack, kube, count):
    """The records of so many users, sealed by the product and put into the Secrets a hundred at a time; then the database is made anew from them."""
    shards = {}
    for line in kube_writes(stack, "print", 1_000_000, count).splitlines():
        shard, key, value = line.split()
        shards.setdefault(int(shard), []).append((key, value))
    for shard, records in shards.items():
        for start in range(0, len(records), 100):
            kube.admin.patch(f"/api/v1/namespaces/{NAMESPACE}/secrets/{secret_names()[shard]}", {"data": dict(records[start:start + 100])}).must()
    records = stack.records()
    sizes = [sum(map(len, (kube.admin.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}").must().json.get("data") or {}).values())) * 3 // 4 for name in secret_names()]
    started = time.monotonic()
    rebuilt = stack.program("acp-gitlab", "rebuild-index", timeout=500)
    seconds = time.monotonic() - started
    wait_until("ready", lambda: request("GET", stack.url + "/readyz").status == 200, 30)
    milli = [milliseconds(lambda: check(stack.connect(stack.gitlab_token(1), bearer=kube.tokens["alice"]))) for _ in range(10)]
    return {"records": len(records), "fullest_secret_kib": max(sizes) / 1024, "rebuild_s": seconds, "rebuilt": rebuilt.stdout.strip(),
            "connect_ms": statistics.median(milli)}


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run-kube")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--count", type=int, default=100, help="records a round")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--calls", type=int, default=40, help="connects that are timed")
    parser.add_argument("--users", type=int, default=10_000)
    arguments = parser.parse_args()
    with KubeServer() as kube, KubeStack(kube) as stack:
        results = {"server": ".".join(map(str, kube.version)), "account": ACCOUNT,
                   "connect": connect_beside_its_round_trips(stack, kube, arguments.calls),
                   "writes": compare_writes(stack, arguments.rounds, arguments.count, arguments.threads),
                   "users": ten_thousand(stack, kube, arguments.users)}
    (OUT / "kube.json").write_text(json.dumps(results, indent=1) + "\n")
    connect, beside, users = results["connect"], results["writes"], results["users"]
    print(f"connect        {connect['connect_ms']:.1f} ms; slowest GitLab call {connect['gitlab_ms']:.1f} ms + Secret {connect['secret_ms']:.1f} ms: {connect['ratio']:.2f} (at most 1.5)")
    print(f"Secret writes  {beside['store_per_s']:.0f}/s; a bare client {beside['bare_per_s']:.0f}/s: {beside['ratio']:.2f} (at least 0.9); "
          f"one that tests as we do {beside['tested_per_s']:.0f}/s: {beside['ratio_tested']:.2f}")
    print(f"{users['records']} records  the fullest Secret {users['fullest_secret_kib']:.0f} KiB of 1024; the database anew in {users['rebuild_s']:.1f} s; "
          f"a connect then {users['connect_ms']:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
