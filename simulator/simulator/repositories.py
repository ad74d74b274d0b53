"""The bare repositories of one server: made from templates when they are first asked for, kept between starts, read for the API.

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
from dataclasses import dataclass
from pathlib import Path

from .templates import FastImport, fill

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


@dataclass(frozen=True)
class Hooks:
    """The program that git starts as a repository's hooks, and the settings it needs."""

    program: str
    names: tuple
    config: str = ""


class Repositories:
    def __init__(self, folder, hooks):
        self.folder = Path(folder) / "repositories"
        self.home = Path(folder) / "home"
        self.hooks = hooks
        self.guard = threading.Lock()
        self.commits = {}
        self.peeled = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        self._install_hooks()

    def _install_hooks(self):
        hooks = self.home / "hooks"
        hooks.mkdir(parents=True, exist_ok=True)
        program = Path(__file__).with_name(self.hooks.program)
        for name in self.hooks.names:
            hook = hooks / name
            hook.write_text(f"#!/bin/sh\nexec {sys.executable} -IS '{program}' {name}\n")
            hook.chmod(0o755)
        (self.home / ".gitconfig").write_text(CONFIG.format(hooks=hooks) + self.hooks.config)

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
        self.ensure(project)
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
            stream = fill(project)
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
        branches, stream = self.branches(project), FastImport()
        stream.clock += random.Random().randrange(1 << 24)
        stream.commit(branch, message, files, start=branch if branch in branches else None)
        text = stream.bytes().replace(f"from refs/heads/{branch}\n".encode(), f"from refs/heads/{branch}^0\n".encode())
        self.git(project, "fast-import", "--quiet", stdin=text)
        return self.branches(project)[branch]

    # -- reading ---------------------------------------------------------------------------------------------

    def refs(self, project, kind):
        """{name: object id} below refs/heads or refs/tags, sorted by name; an annotated tag's id is its own."""
        self.ensure(project)
        path, found, prefix = self.path(project), {}, f"refs/{kind}/"
        try:
            for line in (path / "packed-refs").read_text().splitlines():
                oid, _, name = line.partition(" ")
                if name.startswith(prefix) and OID.fullmatch(oid):
                    found[name.removeprefix(prefix)] = oid
        except FileNotFoundError:
            pass
        top = path / "refs" / kind
        for folder, _, names in os.walk(top):
            for name in names:
                file = Path(folder) / name
                try:
                    oid = file.read_text().strip()
                except OSError:
                    continue
                if OID.fullmatch(oid):
                    found[str(file.relative_to(top))] = oid
        return dict(sorted(found.items()))

    def branches(self, project):
        return self.refs(project, "heads")

    def tags(self, project):
        return self.refs(project, "tags")

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

    def peel(self, project, oid, kind="commit"):
        """The commit or tree an object stands for; None when it stands for none."""
        key = (project.id, oid, kind)
        if key not in self.peeled:
            try:
                text = self.git(project, "rev-parse", "--verify", "--quiet", f"{oid}^{{{kind}}}")
            except RuntimeError:
                return None
            self.peeled[key] = text.decode().strip()
        return self.peeled[key]

    def resolve(self, project, ref):
        """The commit a branch, a tag, HEAD or a commit id stands for; None when there is none."""
        branches = self.branches(project)
        name = project.default_branch if ref in (None, "", "HEAD") else ref
        if name in branches:
            return branches[name]
        tag = self.tags(project).get(name)
        if tag:
            return self.peel(project, tag)
        return self.peel(project, name) if re.fullmatch(r"[0-9a-f]{7,40}", name) else None

    def entries(self, project, treeish, path="", recursive=False):
        """A folder's entries as dicts with mode, type, id, size, name, path; None when there is no such folder."""
        options = ["-r", "-t"] if recursive else []
        where = [f"{path}/"] if path else []
        listing = self.git(project, "ls-tree", "-z", "-l", *options, treeish, *where).decode(errors="replace")
        found = [self._entry(line) for line in listing.split("\0")[:-1]]
        return None if path and not found else found

    def entry(self, project, treeish, path):
        """The one entry at this path, or None."""
        listing = self.git(project, "ls-tree", "-z", "-l", treeish, path).decode(errors="replace").split("\0")[:-1]
        return self._entry(listing[0]) if listing else None

    @staticmethod
    def _entry(line):
        fields, _, path = line.partition("\t")
        mode, kind, oid, size = fields.split()
        size = None if size == "-" else int(size)
        return {"mode": mode, "type": kind, "id": oid, "size": size, "name": path.rpartition("/")[2], "path": path}

    def blob(self, project, oid):
        return self.git(project, "cat-file", "blob", oid)

    def adopt_default_branch(self, project):
        """The first branch pushed to an empty repository becomes its default."""
        branches = self.branches(project)
        if branches and project.default_branch not in branches:
            project.default_branch = next(iter(branches))
            self.git(project, "symbolic-ref", "HEAD", f"refs/heads/{project.default_branch}")
