"""The systemd units: what `systemd-analyze security` says of each, that they are well-formed, and that each pool has its own keys alone.

Exit 77: systemd-analyze is missing.
"""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

UNITS = Path(__file__).resolve().parents[2] / "deploy/systemd"
EXPOSURE_MAX = 1.5
# What runs agents needs namespaces, an uncovered /proc and memory that compilers and interpreters fill; its unit says why. No more than this.
EXPOSURE_OF_WORKER_MAX = 3.3
PUBLIC, SIGNING, PRIVATE = "public.keys", "signing.key", "private.keys"
KEYS = {
    "acp-gitlab-fcgi@status": {PUBLIC},
    "acp-gitlab-fcgi@connect": {PUBLIC, SIGNING},
    "acp-gitlab-fcgi@repositories": {PUBLIC, PRIVATE},
    "acp-gitlab-fcgi@git": {PUBLIC, PRIVATE},
    "acp-gitlab-housekeeping": {PUBLIC, PRIVATE},
    "acp-gitlab-worker": set(),
    "acp-gitlab-keys": set(),
}
problems = []


def text_of(unit):
    """A unit with its drop-ins, as systemd reads them."""
    file = UNITS / f"{unit}.service"
    if not file.exists():
        file = UNITS / (unit.split("@")[0] + "@.service")
    return "\n".join(part.read_text() for part in [file, *sorted((UNITS / f"{unit}.service.d").glob("*.conf"))])


def values(text, name):
    return re.findall(rf"^{name}=(.*)$", text, re.M)


def check_contents():
    users = {}
    for unit, keys in KEYS.items():
        text = text_of(unit)
        credentials = {value.split(":")[0] for value in values(text, "LoadCredential")}
        if credentials != keys:
            problems.append(f"{unit}: has the keys {sorted(credentials)}, not {sorted(keys)}")
        named = {match for value in values(text, "Environment") for match in re.findall(r"%d/(\S+)", value)}
        if named != keys:
            problems.append(f"{unit}: names the keys {sorted(named)}, not {sorted(keys)}")
        if unit == "acp-gitlab-keys":
            continue
        user = values(text, "User")[-1].replace("%i", unit.rpartition("@")[2])
        if user in users:
            problems.append(f"{unit}: shares its user with {users[user]}")
        users[user] = unit
    made = set(re.findall(r"^u (\S+)", (UNITS / "acp-gitlab.sysusers").read_text(), re.M))
    if made != set(users):
        problems.append(f"sysusers makes {sorted(made)}, the units want {sorted(users)}")
    covered = {path.name.removesuffix(".service") for path in UNITS.glob("*.service")} - {"acp-gitlab-fcgi@"}
    if covered != {unit for unit in KEYS if "@" not in unit}:
        problems.append(f"units that this test does not know: {sorted(covered)}")


def check_exposure():
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "etc/systemd/system"
        shutil.copytree(UNITS, folder)
        for unit in KEYS:
            result = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--root={root}", f"{unit}.service"], text=True,
                                    capture_output=True, timeout=60)
            found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", result.stdout)
            most = EXPOSURE_OF_WORKER_MAX if unit == "acp-gitlab-worker" else EXPOSURE_MAX
            if not found:
                problems.append(f"{unit}: {result.stderr.strip()}")
            elif float(found[1]) > most:
                problems.append(f"{unit}: exposure {found[1]}, at most {most} is wanted")
            else:
                print(f"{unit}: {found[1]}")
            problems.extend(line for line in result.stderr.splitlines() if "Unknown" in line or "Failed to parse" in line)


if not shutil.which("systemd-analyze"):
    print("systemd-analyze is missing (package systemd)")
    sys.exit(77)
check_contents()
check_exposure()
print("\n".join(problems))
sys.exit(1 if problems else 0)
