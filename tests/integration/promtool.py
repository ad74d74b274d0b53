"""promtool of Debian's package prometheus, taken out of the package: installing it would start a server."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acp-gitlab/promtool"


def find():
    """Its path, or the reason why there is none: (path, reason)."""
    here = shutil.which("promtool")
    if here:
        return here, None
    program = CACHE / "usr/bin/promtool"
    if program.exists():
        return str(program), None
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
        try:
            subprocess.run(["apt-get", "download", "-qq", "prometheus"], cwd=folder, check=True, capture_output=True, timeout=120)
            [package] = Path(folder).glob("*.deb")
            subprocess.run(["dpkg", "-x", package, Path(folder) / "out"], check=True, capture_output=True, timeout=120)
            (Path(folder) / "out").rename(CACHE)
        except (OSError, ValueError, subprocess.SubprocessError) as why:
            return None, f"promtool cannot be had: {why}"
    return str(program), None
