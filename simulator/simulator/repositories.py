"""The bare repositories: made with `git fast-import`, always with the same commits, kept between starts.

A folder is named by the project's id, as GitLab's storage is, so a rename moves nothing. References are read here without
starting a process, because every project answer needs to know whether the repository is empty.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from .world import Protection

FIRST_COMMIT = 1_767_261_600  # 2026-01-01 10:00 UTC
AUTHOR = "Mary Major <mary@example.com>"
OID = re.compile(r"[0-9a-f]{40}")

CONFIG = """[safe]
\tdirectory = *
[receive]
\tadvertisePushOptions = true
\tautogc = false
[gc]
\tauto = 0
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[core]
\thooksPath = {hooks}
\tfsync = none
"""


class FastImport:
    """The text of a fast-import stream; commits are a minute apart, from a fixed start."""

    def __init__(self):
        self.parts = []
        self.clock = FIRST_COMMIT

    def commit(self, branch, message, files, start=None):
        self.clock += 60
        text = message.encode()
        head = f"commit refs/heads/{branch}\nauthor {AUTHOR} {self.clock} +0000\ncommitter {AUTHOR} {self.clock} +0000\n"
        self.parts.append(head.encode() + b"data %d\n%b\n" % (len(text), text))
        if start:
            self.parts.append(f"from refs/heads/{start}\n".encode())
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            self.parts.append(f"M 100644 inline {name}\n".encode() + b"data %d\n%b\n" % (len(data), data))

    def branch(self, name, start):
        self.parts.append(f"reset refs/heads/{name}\nfrom refs/heads/{start}\n\n".encode())

    def bytes(self):
        return b"".join(self.parts)


def _fill(project):
    """The fast-import stream of the project's template."""
    stream, main = FastImport(), project.default_branch
    title = project.path.rpartition("/")[2]
    kind, _, size = project.template.partition(":")
    if kind == "empty":
        return b""
    stream.commit(main, "Initial commit", {"README.md": f"# {title}\n"})
    if kind == "hello":
        stream.commit(
            main,
            "Say hello\n\nThe program is as small as a program can be.",
            {
                "src/hello.c": '#include <stdio.h>\n\nint main(void)\n{\n\tputs("Hello");\n\treturn 0;\n}\n',
                "Makefile": "hello: src/hello.c\n\t$(CC) -Wall -o $@ $<\n",
            },
        )
        stream.commit(
            main, "Explain how to build", {"README.md": f"# {title}\n\nA small program to try things on.\n\n    make && ./hello\n"}
        )
        stream.commit("docs/guide", "Begin a guide", {"docs/guide.md": "# Guide\n"}, start=main)
    else:
        stream.commit(main, "Add a source file", {"src/main.txt": f"{project.path}\n"})
        stream.branch("develop", main)
    if kind == "releases":
        stream.commit("release/1.0", "Prepare 1.0", {"VERSION": "1.0\n"}, start=main)
    elif kind == "branches":
        for number in range(int(size)):
            stream.branch(f"topic/{number:04d}", main)
    elif kind == "lfs":
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a2146' * 8}\nsize 12345\n"
        stream.commit(main, "Add a picture", {".gitattributes": "*.png filter=lfs diff=lfs merge=lfs -text\n", "logo.png": pointer})
    elif kind == "big":
        noise = random.Random(7)
        for number in range(int(size)):
            stream.commit(main, f"Add part {number}", {f"data/{number:04d}.bin": noise.randbytes(1 << 20)})
    return stream.bytes()


class Repositories:
    def __init__(self, folder):
        self.folder = Path(folder) / "repositories"
        self.home = Path(folder) / "home"
        self.guard = threading.Lock()
        self.commits = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        self._install_hooks()

    def _install_hooks(self):
        hooks = self.home / "hooks"
        hooks.mkdir(parents=True, exist_ok=True)
        program = Path(__file__).with_name("git_hook.py")
        for name in ("pre-receive", "post-receive"):
            hook = hooks / name
            hook.write_text(f"#!/bin/sh\nexec {sys.executable} -IS '{program}' {name}\n")
            hook.chmod(0o755)
        (self.home / ".gitconfig").write_text(CONFIG.format(hooks=hooks))

    def environment(self):
        """Nothing of the caller's git settings reaches these repositories."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
        }

    def path(self, project):
        return self.folder / f"{project.id}.git"

    def git(self, project, *arguments, stdin=None):
        result = subprocess.run(
            ["git", f"--git-dir={self.path(project)}", *arguments],
            input=stdin,
            capture_output=True,
            env=self.environment(),
            check=False,
        )
        if result.returncode != 0:
            raise RuntimeError(f"git {arguments[0]}: {result.stderr.decode(errors='replace').strip()}")
        return result.stdout

    def ensure(self, project):
        """Makes the repository if it is not there yet."""
        path = self.path(project)
        if path.exists():
            return
        with self.guard:
            if path.exists():
                return
            draft = path.with_suffix(".new")
            shutil.rmtree(draft, ignore_errors=True)
            environment = self.environment()
            subprocess.run(
                ["git", "init", "--quiet", "--bare", "--template=", f"--initial-branch={project.default_branch}", str(draft)],
                check=True,
                env=environment,
            )
            stream = _fill(project)
            if stream:
                subprocess.run(
                    ["git", f"--git-dir={draft}", "fast-import", "--quiet", "--force"], input=stream, check=True, env=environment
                )
            draft.rename(path)

    def remove(self, project):
        shutil.rmtree(self.path(project), ignore_errors=True)

    def recreate(self, project):
        self.remove(project)
        self.ensure(project)

    def commit_files(self, project, branch, files, message):
        """One more commit on a branch. Returns its id."""
        self.ensure(project)
        branches, stream = self.branches(project), FastImport()
        stream.clock += random.Random().randrange(1 << 24)
        stream.commit(branch, message, files, start=branch if branch in branches else None)
        text = stream.bytes().replace(f"from refs/heads/{branch}\n".encode(), f"from refs/heads/{branch}^0\n".encode())
        self.git(project, "fast-import", "--quiet", stdin=text)
        return self.branches(project)[branch]

    # -- reading ---------------------------------------------------------------------------------------------

    def branches(self, project):
        """{name: object id}, sorted by name."""
        self.ensure(project)
        path, found = self.path(project), {}
        try:
            for line in (path / "packed-refs").read_text().splitlines():
                oid, _, name = line.partition(" ")
                if name.startswith("refs/heads/") and OID.fullmatch(oid):
                    found[name[11:]] = oid
        except FileNotFoundError:
            pass
        heads = path / "refs" / "heads"
        for folder, _, names in os.walk(heads):
            for name in names:
                file = Path(folder) / name
                try:
                    oid = file.read_text().strip()
                except OSError:
                    continue
                if OID.fullmatch(oid):
                    found[str(file.relative_to(heads))] = oid
        return dict(sorted(found.items()))

    def default_branch(self, project, branches=None):
        """The default branch; None while the repository is empty."""
        branches = self.branches(project) if branches is None else branches
        return project.default_branch if branches else None

    def commit(self, project, oid):
        """A commit's fields. Commits never change, so each is read once."""
        if oid not in self.commits:
            form = "%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%s%x00%B"
            text = self.git(project, "show", "-s", f"--format={form}", oid).decode(errors="replace")
            keys = (
                "id",
                "parents",
                "author",
                "authorEmail",
                "authored",
                "committer",
                "committerEmail",
                "committed",
                "title",
                "message",
            )
            self.commits[oid] = dict(zip(keys, text.rstrip("\n").split("\0"), strict=True))
        return self.commits[oid]

    def after_push(self, project):
        """The first branch pushed to an empty repository becomes its default, and is then protected where new ones are."""
        branches = self.branches(project)
        if not branches:
            return
        if project.default_branch not in branches:
            project.default_branch = next(iter(branches))
            self.git(project, "symbolic-ref", "HEAD", f"refs/heads/{project.default_branch}")
        if project.protects_empty:
            project.protects_empty = False
            project.protected.append(Protection(project.default_branch))
