"""The README's tables of settings and error codes are the code's: settings.h and error_catalog.h, word for word."""
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
print("\n".join(problems))
sys.exit(1 if problems else 0)
