"""The records of many users, sealed by the product's own code and put straight into the Secrets: minutes of connects in a few seconds."""
import os
import subprocess
from pathlib import Path

from kube_stack import NAMESPACE, SHARDS, secret_names

BUILD = Path(os.environ.get("ACP_BUILD") or Path(__file__).resolve().parents[2] / "build/dev")


def put_records(kube, kubeconfig, keys, first, count, instance="https://gitlab.com", shards=SHARDS, program=None):
    """Records of the users bench-FIRST and on, none of which is in the database: rebuild-index takes them in. Gives their number per Secret."""
    words = [program or BUILD / "bin/kube_writes", "print", kubeconfig, NAMESPACE, shards, keys, first, count, 1, instance]
    made = subprocess.run([str(word) for word in words], text=True, capture_output=True, timeout=300, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    if made.returncode != 0:
        raise AssertionError(f"kube_writes: {made.stdout[-500:]}{made.stderr[-500:]}")
    names, held = secret_names(shards), {}
    for line in made.stdout.splitlines():
        shard, key, value = line.split()
        held.setdefault(names[int(shard)], {})[key] = value
    for name, records in held.items():
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}"
        if kube.admin.get(path).status == 404:
            kube.admin.apply(path, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque"}).must()
        kube.admin.patch(path, {"data": records}).must()
    return {name: len(records) for name, records in held.items()}
