"""The README's tables are the code's: settings and error codes word for word (settings.h, error_catalog.h), calls those of docs/openapi.json."""
import json
import re
import sys
from pathlib import Path

top = Path(__file__).resolve().parents[2]
readme = (top / "README.md").read_text()
problems = []

settings = re.findall(r'X\(\w+, "(ACP_\w+)", \w+, "([^"]*)", (?:NULL|"[^"]*"), "([^"]+)"\)', (top / "core/base/settings.h").read_text())
if len(settings) < 10:
    problems.append("settings.h could not be read by this test")
for name, default, meaning in settings:
    row = f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |"
    if row not in readme:
        problems.append(f"README lacks: {row}")
for name in re.findall(r"^\| `(ACP_\w+)` \|", readme, re.M):
    if name not in {setting[0] for setting in settings}:
        problems.append(f"README has a setting that the code does not know: {name}")

codes = re.findall(r'X\(\w+,\s+"(\w+)",\s+(\d+), "([^"]+)"\)', (top / "core/base/error_catalog.h").read_text())
if len(codes) < 40:
    problems.append("error_catalog.h could not be read by this test")
for name, status, remediation in codes:
    row = f"| `{name}` | {status} | {remediation} |"
    if row not in readme:
        problems.append(f"README lacks: {row}")

paths = json.loads((top / "docs/openapi.json").read_text())["paths"]
calls = {(method.upper(), re.sub(r"\{\w+\}", "{}", path)) for path, methods in paths.items() for method in methods}
section = readme.partition("\n## Compatibility")[2].partition("\n## ")[0]
rows = re.findall(r"^\| `([A-Z]+) ([^ `]+)` \| (\w+) \|", section, re.M)
if len(rows) < 25:
    problems.append("the README's table of compatibility could not be read by this test")
for method, path, here in rows:
    if here not in ("same", "more", "changed", "none"):
        problems.append(f"README's compatibility: what is '{here}' of {method} {path}?")
    elif ((method, re.sub(r"\{\w+\}", "{}", path)) in calls) == (here == "none"):
        problems.append(f"README's compatibility calls {method} {path} '{here}', and docs/openapi.json has {'it' if here == 'none' else 'no such call'}")

# A worker container that meets its limit goes with all its sessions, so that the agents together must stay below it, with 2 GiB for git.
sessions = int(re.search(r"SESSIONS_DEFAULT = (\d+)", (top / "worker/main.c").read_text())[1])
memory = int({name: default for name, default, _ in settings}["ACP_AGENT_MEMORY_MAX"])
worker = (top / "deploy/kubernetes/deployment.yaml").read_text().partition("- name: worker\n")[2]
limit = int(re.search(r"limits: \{memory: (\d+)Gi", worker)[1])
if sessions * memory > (limit - 2) * 1024:
    problems.append(f"{sessions} agents of {memory} MiB do not fit into the {limit} GiB that deployment.yaml gives the worker")
print("\n".join(problems))
sys.exit(1 if problems else 0)
