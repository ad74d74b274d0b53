"""The git worker reads what GitLab and GitHub said, and no more of them: no API, no accounts, no credentials, no GitHub App."""
import re
import subprocess
import sys
from pathlib import Path

worker = Path(sys.argv[1]) / "bin/acp-git-worker"
FOREIGN = re.compile(r"(gitlab|github)_forge|(gitlab|github)_(account|project|branch)_get|github_app_\w+|credential_\w+|check_repositor\w+|account_(open|connect|judge)")
PRESENT = ("gitlab_classify_push", "github_classify_push")

names = {line.split()[-1] for line in subprocess.run(["nm", worker], text=True, capture_output=True, check=True).stdout.splitlines()}
foreign = sorted(name for name in names if FOREIGN.fullmatch(name))
missing = [name for name in PRESENT if name not in names]
for name in foreign:
    print(f"{worker.name} has {name}")
for name in missing:
    print(f"{worker.name} lacks {name}: this test looks at the wrong program")
sys.exit(1 if foreign or missing else 0)
