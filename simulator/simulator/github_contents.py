"""The handlers of GitHub's API that look into a repository: references, commits, trees and files."""

import base64
import posixpath
import urllib.parse

from . import github_entities as entities
from .github_app import refused
from .github_handlers import api_of, need_contents, repository_route

# Above this the JSON form of a file comes without its content.
INLINE_LIMIT = 1 << 20
WHAT = {"blob": "file", "tree": "dir", "commit": "submodule"}


def need_commits(call, repository):
    """git's own objects are refused where there are none."""
    need_contents(call, repository)
    if not call.repositories.branches(repository):
        raise refused(409, "Git Repository is empty.")


# -- references and commits ---------------------------------------------------------------------------------------


def object_kind(call, repository, oid):
    return "tag" if call.repositories.peel(repository, oid) != oid else "commit"


def references(call, repository, prefix):
    """All references whose name below refs/ begins so."""
    found = []
    for kind in ("heads", "tags"):
        for name, oid in call.repositories.refs(repository, kind).items():
            if f"{kind}/{name}".startswith(prefix):
                shown_kind = object_kind(call, repository, oid) if kind == "tags" else "commit"
                found.append(entities.reference(f"refs/{kind}/{name}", oid, shown_kind, api_of(call, repository)))
    return found


@repository_route("/git/matching-refs/(?P<prefix>.+)", "git/refs#list-matching-references")
def list_matching(call, repository, prefix):
    need_commits(call, repository)
    return 200, references(call, repository, prefix)


@repository_route("/git/refs", "git/refs#list-matching-references")
def list_references(call, repository):
    need_commits(call, repository)
    return 200, references(call, repository, "")


@repository_route("/git/ref/(?P<reference>.+)", "git/refs#get-a-reference")
def get_reference(call, repository, reference):
    need_commits(call, repository)
    for found in references(call, repository, reference):
        if found["ref"] == f"refs/{reference}":
            return 200, found
    raise refused(404, "Not Found")


@repository_route("/commits/(?P<ref>[^/]+)", "commits/commits#get-a-commit")
def get_commit(call, repository, ref):
    need_commits(call, repository)
    oid = call.repositories.resolve(repository, ref)
    if oid is None:
        raise refused(422, f"No commit found for SHA: {ref}")
    tree = call.repositories.peel(repository, oid, "tree")
    return 200, entities.commit(call.repositories.commit(repository, oid), tree, api_of(call, repository))


# -- trees --------------------------------------------------------------------------------------------------------


@repository_route("/git/trees/(?P<ref>[^/]+)", "git/trees#get-a-tree")
def get_tree(call, repository, ref):
    """By a branch, a tag, a commit's or a tree's id."""
    need_commits(call, repository)
    name = call.repositories.resolve(repository, ref) or ref
    tree = call.repositories.peel(repository, name, "tree") if len(name) == 40 else None
    if tree is None:
        raise refused(404, "Not Found")
    api, shown = api_of(call, repository), []
    for entry in call.repositories.entries(repository, tree, recursive="recursive" in call.query):
        item = {"path": entry["path"], "mode": entry["mode"], "type": entry["type"], "sha": entry["id"]}
        if entry["size"] is not None:
            item["size"] = entry["size"]
        if entry["type"] != "commit":
            item["url"] = f"{api}/git/{entry['type']}s/{entry['id']}"
        shown.append(item)
    return 200, {"sha": tree, "url": f"{api}/git/trees/{tree}", "tree": shown, "truncated": repository.truncated}


# -- contents -----------------------------------------------------------------------------------------------------


def describe(call, repository, entry, ref):
    """What all kinds of contents have in common."""
    api, path = api_of(call, repository), urllib.parse.quote(entry["path"])
    kind = "symlink" if entry["mode"] == "120000" else WHAT[entry["type"]]
    url = f"{api}/contents/{path}?ref={urllib.parse.quote(ref, safe='')}"
    objects = None if kind == "submodule" else f"{api}/git/{entry['type']}s/{entry['id']}"
    page = f"{call.base}/{repository.path}/{'tree' if kind == 'dir' else 'blob'}/{urllib.parse.quote(ref)}/{path}"
    return {
        "name": entry["name"],
        "path": entry["path"],
        "sha": entry["id"],
        "size": entry["size"] or 0,
        "url": url,
        "html_url": page,
        "git_url": objects,
        "download_url": f"{call.base}/raw/{repository.path}/{path}" if kind in ("file", "symlink") else None,
        "type": kind,
        "_links": {"self": url, "git": objects, "html": page},
    }


def follow(call, repository, commit, entry):
    """A link to a file of the repository is shown as that file; others are shown as links."""
    target = call.repositories.blob(repository, entry["id"]).decode(errors="replace")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(entry["path"]), target))
    found = None if path.startswith(("..", "/")) else call.repositories.entry(repository, commit, path)
    return found if found and found["type"] == "blob" else entry


@repository_route("/contents(?:/(?P<path>.*))?", "repos/contents#get-repository-content")
def get_contents(call, repository, path):
    need_contents(call, repository)
    if not call.repositories.branches(repository):
        raise refused(404, "This repository is empty.")
    path, ref = (path or "").strip("/"), call.query.get("ref") or repository.default_branch
    commit = call.repositories.resolve(repository, ref)
    if commit is None:
        raise refused(404, f"No commit found for the ref {ref}")
    entry = call.repositories.entry(repository, commit, path) if path else None
    if path and entry is None:
        raise refused(404, "Not Found")
    if entry is None or entry["type"] == "tree":
        return 200, folder(call, repository, commit, entry, path, ref)
    if entry["mode"] == "120000":
        entry = follow(call, repository, commit, entry)
    return 200, file(call, repository, entry, ref)


def folder(call, repository, commit, entry, path, ref):
    """A list; an object with the folder's own id where that was asked for. The raw form of a folder is its list."""
    entries = call.repositories.entries(repository, commit, path)
    shown = [describe(call, repository, one, ref) for one in entries]
    if ".object" not in call.accept:
        return shown
    top = {
        "name": "",
        "path": "",
        "id": call.repositories.peel(repository, commit, "tree"),
        "size": 0,
        "mode": "040000",
        "type": "tree",
    }
    return describe(call, repository, entry or top, ref) | {"entries": shown}


def file(call, repository, entry, ref):
    shown = describe(call, repository, entry, ref)
    if shown["type"] == "submodule":
        return shown | {"submodule_git_url": f"{call.base}/elsewhere.git"}
    content = call.repositories.blob(repository, entry["id"])
    if ".raw" in call.accept:
        call.headers.append(("content-type", "application/vnd.github.raw+json; charset=utf-8"))
        return content
    if shown["type"] == "symlink":
        return shown | {"target": content.decode(errors="replace")}
    if len(content) > INLINE_LIMIT:
        return shown | {"encoding": "none", "content": ""}
    return shown | {"encoding": "base64", "content": base64.encodebytes(content).decode()}
