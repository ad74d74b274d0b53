"""A file of a lower floor that includes a header of a higher one must not compile; the same include from above must."""
import json
import shlex
import subprocess
import sys
from pathlib import Path

build = Path(sys.argv[1])
commands = {Path(entry["file"]): entry for entry in json.loads((build / "compile_commands.json").read_text())}
CASES = [  # floor whose flags are used, header, whether it may be included
    ("core/base/", "instance_url.h", False),
    ("core/model/", "http_client.h", False),
    ("core/net/", "gitlab.h", False),
    ("core/vault/", "database.h", False),
    ("core/store/", "account_service.h", False),
    ("core/store/", "kube_client.h", False),
    ("core/kube/", "database.h", False),
    ("core/gitlab/", "database.h", False),
    ("core/service/", "database.h", True),
    ("core/store/", "seal.h", True),
]


def compiles(floor, header):
    entry = next(entry for file, entry in sorted(commands.items()) if floor in str(file))
    words = shlex.split(entry["command"])
    words = words[: words.index("-o")] + ["-fsyntax-only", "-x", "c", "-"]
    return subprocess.run(words, cwd=entry["directory"], input=f'#include "{header}"\n', text=True, capture_output=True).returncode == 0


wrong = [(floor, header, allowed) for floor, header, allowed in CASES if compiles(floor, header) != allowed]
for floor, header, allowed in wrong:
    print(f"{floor} {'cannot' if allowed else 'can'} include {header}")
sys.exit(1 if wrong else 0)
