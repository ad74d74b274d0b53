"""The image and the pod, without a Docker engine or a kubelet: the Dockerfile's own steps are done in a Debian of its own, and the containers of
deploy/kubernetes then run in it as a kubelet would start them: each with its mounts, a root that nobody can write, one user without rights.
Settings and keys are those of an installation without Kubernetes; what the API server says of the manifests is in tests/kube.

Not done: the Dockerfile's build stage downloads no packages (they are compared with those that `up` and the tests build with), and takes the
programs of build/release instead of compiling again.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import debian
from stack import TOP, wait_until

RELEASE = TOP / "build/release"
USER = 10001
SETTINGS = """
ACP_CA_FILE=/etc/ssl/certs/simulator.pem
ACP_EGRESS_ALLOW={authority}
ACP_AGENT_COMMAND=/usr/lib/demo-agent
"""


def dockerfile():
    """Stages of (instruction, text)."""
    text = re.sub(r"^#.*\n", "", (TOP / "deploy/Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    stages = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, " ".join(rest.split())))
    return stages


def packages_of(stage):
    found = [re.search(r"--no-install-recommends (.*?)(?: &&|$)", text)[1].split() for word, text in stage if word == "RUN" and "apt-get install" in text]
    return {package for words in found for package in words}


class DockerfileTest(unittest.TestCase):
    def test_its_packages_are_those_of_up(self):
        text = (TOP / "nginx/up").read_text().replace("\n\t", " ")
        run = set(re.search(r"^packages=\((.*?)\)", text, re.M)[1].split())
        build = set(re.search(r'packages\+=\((cmake .*?)\)', text)[1].split())
        stages = dockerfile()
        self.assertEqual(packages_of(stages[0]), build)
        # openssl: the webhook's certificate. util-linux is in every Debian.
        self.assertEqual(packages_of(stages[1]), (run | {"openssl"}) - {"util-linux"})
        self.assertTrue(packages_of(stages[1]) <= {*debian.PACKAGES}, "the tests' Debian lacks packages of the image")

    def test_what_it_copies_is_there_and_no_more_is_sent(self):
        for word, text in dockerfile()[1]:
            if word == "COPY" and "/source/" in text:
                self.assertTrue((TOP / text.split()[1].removeprefix("/source/")).exists(), text)
        self.assertIn(".git", (TOP / ".dockerignore").read_text().split())


class Image:
    """The Dockerfile's steps, in the root folder of a machine."""

    def __init__(self, machine):
        build, final = dockerfile()
        with tempfile.TemporaryDirectory(prefix="acp-image.") as installed:
            places = {"/source": str(TOP), "/build": str(RELEASE), "/installed": installed}

            def here(text):
                return re.sub(r"(?<![\w/])(/source|/build|/installed)\b", lambda match: places[match[1]], text)
            steps = [text for word, text in build if word == "RUN" and "apt-get" not in text]
            install = re.search(r"DESTDIR=\S+ cmake --install .*$", steps[0])[0]
            for step in (install, *steps[1:]):
                subprocess.run(["sh", "-euc", here(step)], check=True, stdout=subprocess.DEVNULL, timeout=300)
            for word, text in final:
                if word == "COPY":
                    source, target = text.removeprefix("--from=build ").split()
                    shutil.copytree(here(source), machine.root / target.lstrip("/"), dirs_exist_ok=True)
                elif word == "RUN" and "apt-get" not in text:
                    machine.run("sh", "-euc", text)
                elif word == "RUN":
                    machine.run("sh", "-euc", text.split("&&")[-1])
        self.user = next(text for word, text in final if word == "USER")


class Pod:
    """What a kubelet does for the containers of one Pod: volumes with the pod's group, mounts, a read-only root, and the command."""

    def __init__(self, machine, spec, files):
        """`files`: contents of Secrets and ConfigMaps by their names: {name: {key: bytes}}."""
        self.machine, self.spec, self.files = machine, spec, files
        self.group = spec["securityContext"]["fsGroup"]
        self.folder = "/srv/pod"
        for volume in spec["volumes"]:
            self.make_volume(volume)

    def make_volume(self, volume):
        path = f"{self.folder}/{volume['name']}"
        outside = self.machine.root / path.lstrip("/")
        outside.mkdir(parents=True)
        sources = [volume] if not volume.get("projected") else volume["projected"]["sources"]
        for source in sources:
            name = source.get("secret", {}).get("secretName") or source.get("secret", {}).get("name") or source.get("configMap", {}).get("name")
            for key, content in self.files.get(name, {}).items():
                (outside / key).write_bytes(content)
        kept = "emptyDir" in volume or "persistentVolumeClaim" in volume
        self.machine.run("sh", "-euc", f"chgrp -R {self.group} {path}; chmod {'2777' if kept else '0755'} {path}; find {path} -type f -exec chmod 0440 {{}} +")

    def start(self, container, log=None):
        """Its process; without `log` it is waited for (an init container)."""
        lines = ["mount --make-rprivate /"]
        for mount in container.get("volumeMounts", []):
            source, target = f"{self.folder}/{mount['name']}", mount["mountPath"]
            if mount.get("subPath"):
                source += f"/{mount['subPath']}"
                # A folder below a volume is made with the volume's mode and group.
                lines.append(f"[ -e {source} ] || {{ mkdir {source}; chmod 2777 {source}; }}")
            lines.append(f"[ -e {target} ] || mkdir -p {target}")
            lines.append(f"mount --bind {source} {target}")
            if mount.get("readOnly"):
                lines.append(f"mount -o remount,bind,ro {target}")
        lines.append("mount -o remount,bind,ro /")
        user = self.spec["securityContext"]["runAsUser"]
        command = " ".join(map(shlex.quote, container["command"]))
        lines.append(f"exec setpriv --reuid {user} --regid {self.spec['securityContext']['runAsGroup']} --groups {self.group} --no-new-privs --inh-caps=-all "
                     f"--bounding-set=-all -- {command}")
        arguments = ("unshare", "--mount", "sh", "-euc", "\n".join(lines))
        if log:
            # A container's output belongs to its user, who may open it again.
            (self.machine.folder / log).touch()
            os.chown(self.machine.folder / log, user, -1)
        return self.machine.start_process(*arguments, log=log) if log else self.machine.run(*arguments)


class PodTest(unittest.TestCase):
    """Everything in one machine: it takes a while to make."""

    def setUp(self):
        absent = debian.missing("cmake", "kubectl")
        if absent:
            raise unittest.SkipTest(f"missing programs: {' '.join(absent)}")
        if not (RELEASE / "bin/acp-gitlab").exists():
            raise unittest.SkipTest("there is no release build (cmake --preset release && cmake --build --preset release)")
        try:
            self.machine = debian.Debian(systemd=False)
            self.machine.__enter__()
        except debian.Unavailable as reason:
            raise unittest.SkipTest(str(reason)) from None
        self.addCleanup(self.machine.close)
        text = subprocess.run(["kubectl", "kustomize", TOP / "deploy/kubernetes"], check=True, text=True, capture_output=True, timeout=60).stdout
        import yaml
        self.spec = next(one for one in yaml.safe_load_all(text) if one and one["kind"] == "Deployment")["spec"]["template"]["spec"]

    def keys(self):
        folder = self.machine.root / "root/keys"
        folder.mkdir()
        self.machine.run("env", "ACP_SEAL_PUBLIC_KEYS_FILE=/root/keys/public.keys", "ACP_SEAL_SIGNING_KEY_FILE=/root/keys/signing.key",
                         "ACP_SEAL_PRIVATE_KEYS_FILE=/root/keys/private.keys", "acp-gitlab", "keys", "generate")
        self.machine.run("env", "ACP_STATIC_TOKENS_FILE=/root/keys/tokens", "acp-gitlab", "token", "add", "alice", "--project", "team-a", "--bearer-file", "/root/keys/bearer")
        self.machine.run("sh", "-euc", "cd /root/keys; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost "
                         "-addext subjectAltName=DNS:localhost -keyout tls.key -out tls.crt 2>/dev/null")
        def content(*names):
            return {name: (folder / name).read_bytes() for name in names}
        return {"acp-gitlab-public-keys": content("public.keys"), "acp-gitlab-signing-key": content("signing.key"), "acp-gitlab-private-keys": content("private.keys"),
                "acp-gitlab-webhook": content("tls.crt", "tls.key")}

    def curl(self, *arguments):
        return self.machine.run("curl", "-s", "--max-time", "60", *arguments, check=False).stdout

    def test_its_containers_serve_a_user(self):
        machine = self.machine
        image = Image(machine)
        self.assertEqual(image.user, f"{self.spec['securityContext']['runAsUser']}:{self.spec['securityContext']['runAsGroup']}")
        about = self.simulator()
        files = self.keys()
        # A cluster has its callers and Secrets from the API server; here they are the embedded ones.
        files["acp-gitlab-callers"] = {"tokens": (machine.root / "root/keys/tokens").read_bytes()}
        files["acp-gitlab"] = {"acp-gitlab.conf": SETTINGS.format(authority=about["url"].removeprefix("https://")).encode()}
        pod = Pod(machine, self.spec, files)
        for container in self.spec["initContainers"]:
            pod.start(container)
        processes = {container["name"]: pod.start(container, log=container["name"] + ".log") for container in self.spec["containers"]}
        wait_until("the pod is ready", lambda: self.curl("http://127.0.0.1:8080/readyz") == '{"status":"ok"}' or any(process.poll() is not None for process in processes.values()), 40)
        for name, process in processes.items():
            self.assertIsNone(process.poll(), f"{name}: {machine.log(name + '.log')[-1500:]}")

        # All pools answer through nginx, and their probes find them alive.
        for pool in ("status", "connect", "repositories", "git"):
            machine.run("/usr/lib/acp-gitlab/pool-alive", pool)
        self.bearer = (machine.root / "root/keys/bearer").read_text().strip()
        self.assertEqual(self.call("/api/auth/gitlab/connect", {"personalAccessToken": about["tokens"]["good"], "instanceUrl": about["url"]})["connected"], True)
        self.assertEqual(self.call("/api/auth/gitlab/status")["connected"], True)
        self.call("/api/projects/team-a/agentic-sessions", {
            "apiVersion": "ambient-code.io/v1alpha1", "kind": "AgenticSession", "metadata": {"name": "first"},
            "spec": {"description": "Try it", "outputRepo": {"url": about["repository"], "branch": "feature/first"}}})
        def ended():
            found = self.call("/api/projects/team-a/agentic-sessions/first")["status"]
            return found if found["phase"] in ("Completed", "PartiallyCompleted", "Failed", "Stopped") else None
        found = wait_until("the session has ended", ended, 60)
        self.assertEqual(found["phase"], "Completed", (found, machine.log("worker.log")[-2000:]))
        self.assertIn("<!doctype html>", self.curl("http://127.0.0.1:8080/").lower())
        answer = self.curl("--cacert", "/root/keys/tls.crt", "-o", "/dev/null", "-w", "%{http_code}", "https://localhost:8443/elsewhere")
        self.assertEqual(answer, "404")

        # One that hangs is found, by its own probe alone; of the git gate it may be that its threads have long transfers.
        for pool, found in (("connect", 1), ("status", 1), ("git", 0)):
            self.send(pool, "STOP")
            hung = machine.run("/usr/lib/acp-gitlab/pool-alive", pool, check=False)
            machine.run("/usr/lib/acp-gitlab/pool-alive", "repositories")
            self.send(pool, "CONT")
            self.assertEqual((hung.returncode, hung.stdout), (found, f"pool {pool}: no answer within 8 s\n" if found else ""))
            machine.run("/usr/lib/acp-gitlab/pool-alive", pool)
        # A pool that is gone is found likewise.
        processes["git"].kill()
        self.end("git")
        dead = machine.run("/usr/lib/acp-gitlab/pool-alive", "git", check=False)
        self.assertEqual((dead.returncode, dead.stdout), (1, "pool git: nginx says 503\n"))
        machine.run("/usr/lib/acp-gitlab/pool-alive", "connect")
        # The pod's end: nginx is asked to finish, the rest gets SIGTERM.
        stop = next(container for container in self.spec["containers"] if container["name"] == "nginx")["lifecycle"]["preStop"]["exec"]["command"]
        self.assertIn("-s quit", stop[2])

    def end(self, pool):
        """Every process of the pool, as its container's end would: also one that was started while the others were ended."""
        wait_until(f"pool {pool} is gone", lambda: not self.send(pool, "KILL"), 30)

    def send(self, pool, signal):
        """A signal to every process of the pool; whether there were any."""
        found = False
        for entry in self.machine.run("sh", "-c", "for p in /proc/[0-9]*; do echo \"${p#/proc/} $(tr '\\0' ' ' <$p/cmdline)\"; done 2>/dev/null").stdout.splitlines():
            pid, _, command = entry.partition(" ")
            if command.startswith(f"acp-gitlab-fcgi --pool {pool} "):
                self.machine.run("sh", "-c", f"kill -{signal} {pid} || true")
                found = True
        return found

    def call(self, path, body=None):
        arguments = ["-H", f"Authorization: Bearer {self.bearer}"]
        if body is not None:
            arguments += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        return json.loads(self.curl(*arguments, "http://127.0.0.1:8080" + path))

    def simulator(self):
        """GitLab, beside the pod: the image has no Python."""
        shutil.copytree(TOP / "simulator", self.machine.root / "opt/simulator")
        shutil.copy(TOP / "simulator/demo-agent", self.machine.root / "usr/lib/demo-agent")
        self.machine.run("mkdir", "/srv/simulator")
        self.machine.start_process("/usr/bin/python3", "/opt/simulator/gitlab_simulator.py", "--dir", "/srv/simulator", "--ready-file", "/srv/simulator/ready.json", log="simulator.log")
        ready = self.machine.root / "srv/simulator/ready.json"
        wait_until("the simulator", ready.exists, 30)
        about = json.loads(ready.read_text())
        self.machine.run("install", "-m", "644", about["caFile"], "/etc/ssl/certs/simulator.pem")
        return about
