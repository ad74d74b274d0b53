"""What tests take from PyPI: each list of requirements in a folder of its own, outside the tree and kept for the next run."""
import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acp-gitlab"


def packages(requirements, *options):
    """(folder, None): a virtual environment that has them; (None, why not). Several tests may ask at once."""
    version = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"{requirements.stem}-{version}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "complete").exists():
            return folder, None
        for command in ([sys.executable, "-m", "venv", "--clear", folder], [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *options, "-r", requirements]):
            try:
                result = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
            except (OSError, subprocess.TimeoutExpired) as failure:
                return None, f"{requirements.name} cannot be had: {failure}"
            if result.returncode != 0:
                return None, f"{requirements.name} cannot be had: {(result.stdout.strip().splitlines() or ['no reason given'])[-1][:300]}"
        (folder / "complete").touch()
    return folder, None
