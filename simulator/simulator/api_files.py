"""The handlers of tags, folders and files, with GitLab's words for what is not there (lib/api: repositories.rb, files.rb)."""

import base64
import hashlib

from . import entities
from .api_handlers import PROJECT, paginate, readable_repository, route, search_refs
from .refusal import error_refusal, message_refusal


@route("GET", PROJECT + "/repository/tags")
def list_tags(call, project):
    found = readable_repository(call, project)
    tags, url = call.repositories.tags(found), f"{call.base}/{found.path}"
    # GitLab's default order: the newest name first.
    names = search_refs(sorted(tags, reverse=True), call.query.get("search", ""))
    shown = []
    for name in paginate(call, names):
        commit = call.repositories.peel(found, tags[name])
        message = None if commit == tags[name] else tag_message(call, found, tags[name])
        shown.append(entities.tag(name, tags[name], message, call.repositories.commit(found, commit), url))
    return 200, shown


def tag_message(call, project, oid):
    return call.repositories.git(project, "cat-file", "tag", oid).decode(errors="replace").partition("\n\n")[2].rstrip("\n")


@route("GET", PROJECT + "/repository/tree")
def get_tree(call, project):
    found = readable_repository(call, project)
    commit = call.repositories.resolve(found, call.query.get("ref"))
    if commit is None:
        raise message_refusal(404, "404 Tree Not Found")
    recursive = call.query.get("recursive") in ("true", "1")
    entries = call.repositories.entries(found, commit, call.query.get("path", "").strip("/"), recursive)
    if entries is None:
        raise message_refusal(404, "404 invalid revision or path Not Found")
    # Folders first, as Gitaly lists them.
    order = ("tree", "blob", "commit")
    entries.sort(key=lambda entry: order.index(entry["type"]))
    return 200, paginate(call, [{name: entry[name] for name in ("id", "name", "type", "path", "mode")} for entry in entries])


def find_file(call, project, path, ref):
    """(project, commit id, entry, content)"""
    found = readable_repository(call, project)
    commit = call.repositories.resolve(found, ref)
    if commit is None:
        raise message_refusal(404, "404 Commit Not Found")
    entry = call.repositories.entry(found, commit, path)
    if entry is None or entry["type"] != "blob":
        raise message_refusal(404, "404 File Not Found")
    return found, commit, entry, call.repositories.blob(found, entry["id"])


def describe_file(path, ref, commit, entry, content):
    return {
        "file_name": path.rpartition("/")[2],
        "file_path": path,
        "size": len(content),
        "encoding": "base64",
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "ref": ref,
        "blob_id": entry["id"],
        "commit_id": commit,
        "last_commit_id": commit,
        "execute_filemode": entry["mode"] == "100755",
    }


@route("GET", PROJECT + "/repository/files/(?P<file>[^/]+)")
def get_file(call, project, file):
    if not call.query.get("ref"):
        raise error_refusal(400, "ref is missing")
    _, commit, entry, content = find_file(call, project, file, call.query["ref"])
    shown = describe_file(file, call.query["ref"], commit, entry, content)
    return 200, shown | {"content": base64.b64encode(content).decode()}


@route("GET", PROJECT + "/repository/files/(?P<file>[^/]+)/raw")
def get_raw_file(call, project, file):
    """The bytes as they are; what the JSON form says of the file comes as headers. An LFS pointer stays one."""
    ref = call.query.get("ref") or "HEAD"
    _, commit, entry, content = find_file(call, project, file, ref)
    shown = describe_file(file, ref, commit, entry, content)
    call.headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-disposition", 'inline; filename="' + shown["file_name"].replace('"', "") + '"'),
        *(("x-gitlab-" + name.replace("_", "-"), header_text(value)) for name, value in shown.items()),
    ]
    return 200, content


def header_text(value):
    """As Rack sends it: UTF-8, byte by byte."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.encode().decode("latin-1")
