"""The page in Chromium beside a page without anything in it, from the same nginx. The median of what a visitor waits is what counts, and its
ratio to the floor's.

Visits take turns, each once with an empty cache and once with what the visit before has left there (nginx is asked whether it still holds).
Interactive is the page's own mark, when everything on it answers to clicks; of the floor, when its document is read.
"""
import argparse
import json
import os
import re
import statistics
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/browser"), str(TOP / "tests/integration")]
os.environ.setdefault("ACP_TEST_BUILD", str(TOP / "build/release"))

from browser import Browser, missing  # noqa: E402
from stack import Stack  # noqa: E402

OUT = TOP / "build/bench"
PROMISE_MS = 200
FLOOR = "<!doctype html>\n<html lang=\"en\"><title>Floor</title><p>Nothing.</p>\n"
# Bytes are Chromium's count: bodies, and 300 for the head of each answer.
LOOK = """const [visit] = performance.getEntriesByType('navigation'), all = [visit, ...performance.getEntriesByType('resource')].filter((each) => each.transferSize);
return {interactive_ms: performance.getEntriesByName('interactive')[0]?.startTime ?? visit.domInteractive, loaded_ms: visit.loadEventStart,
    requests: all.length, bytes: all.reduce((sum, each) => sum + each.transferSize, 0)}"""


def put_floor(stack):
    """Lays the floor's document beside the page's files; gives its path."""
    for pid in stack.pids():
        conf = re.search(rb"(/\S+)/nginx\.conf", Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
        if conf:
            (Path(os.fsdecode(conf[1])) / "html/assets/floor.html").write_text(FLOOR)
            return "/assets/floor.html"
    raise AssertionError("nginx's folder is not found")


def visit(browser, url, cold):
    browser.open("about:blank")
    if cold:
        browser.cdp("Network.clearBrowserCache")
    browser.open(url)
    return browser.run(LOOK)


def measure(stack, browser, rounds):
    """Cache → page or floor → its visits."""
    urls = {"page": stack.url + "/integrations", "floor": stack.url + put_floor(stack)}
    visits = {cache: {name: [] for name in urls} for cache in ("cold", "warm")}
    for url in urls.values():
        visit(browser, url, True)  # what is slow once in a browser's life is nobody's
    for number in range(rounds):
        for name in sorted(urls, reverse=number % 2 == 0):
            for cache in ("cold", "warm"):
                visits[cache][name].append(visit(browser, urls[name], cache == "cold"))
    return visits


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/run-page")
    parser.add_argument("--rounds", type=int, default=21, help="visits of each kind")
    arguments = parser.parse_args()
    if missing():
        sys.exit(missing())
    with Stack() as stack:
        browser = Browser()
        try:
            visits = measure(stack, browser, arguments.rounds)
        finally:
            browser.close()
    medians = {cache: {name: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for name, rows in named.items()} for cache, named in visits.items()}
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "page.json").write_text(json.dumps({"rounds": arguments.rounds, "medians": medians, "visits": visits}, indent=1) + "\n")
    for cache, named in medians.items():
        print(f"{cache} cache (medians of {arguments.rounds} visits)")
        for name, row in named.items():
            every = sorted(each["interactive_ms"] for each in visits[cache][name])
            print(f"  {name:5}  interactive after {row['interactive_ms']:6.1f} ms ({every[0]:.1f} to {every[-1]:.1f})  loaded after {row['loaded_ms']:6.1f} ms  "
                  f"{row['requests']:.0f} requests  {row['bytes'] / 1000:.1f} kB")
        page, floor = named["page"]["interactive_ms"], named["floor"]["interactive_ms"]
        print(f"  page/floor {page / floor:.1f}, {page - floor:.0f} ms more; {page / PROMISE_MS:.2f} of the {PROMISE_MS} ms that it may take")
    return 0


if __name__ == "__main__":
    sys.exit(main())
