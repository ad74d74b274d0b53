"""The handlers of the API: one a route, each returning (status, JSON value).

A handler is declared with the scopes GitLab accepts for it; none means that any token may ask.
"""

import datetime
import re

from . import entities
from .refusal import error_refusal, message_refusal

HANDLERS = []
READ = ("api", "read_api")
PROJECT = r"/projects/(?P<project>[^/]+)"


def route(method, pattern, scopes=READ):
    def register(function):
        function.scopes = scopes
        HANDLERS.append((method, pattern, function))
        return function

    return register


def find_project(call, text, grant="read_project"):
    """By number, or by path; a path holds a slash. Old paths are sent on to the number, on a host of GitLab's own choice."""
    number = re.fullmatch(r"-?\d+", text)
    project = call.world.projects.get(int(text)) if number else call.world.project(text) if "/" in text else None
    if project is None or not project.readable_by(call.user):
        raise message_refusal(404, "404 Project Not Found")
    call.require_grant(grant, f' for "{project.path}"')
    if not number and text.lower() != project.path.lower() and call.world.release >= (16, 7):
        raise moved(call, project)
    return project


def moved(call, project):
    if call.request.method != "GET":
        return message_refusal(405, "Non GET methods are not allowed for moved projects")
    tail = call.request.target.split("/projects/", 1)[1].partition("/")
    target = f"http://gitlab.internal:8181/api/v4/projects/{project.id}{tail[1]}{tail[2]}"
    refusal = message_refusal(301, f"This resource has been moved permanently to {target}")
    refusal.headers = [("location", target)]
    return refusal


def readable_repository(call, text, grant="download_code"):
    project = find_project(call, text, grant)
    if project.repository_disabled:
        raise message_refusal(404, "404 Repository Not Found")
    if not project.code_readable_by(call.user):
        raise message_refusal(403, "403 Forbidden")
    return project


def paginate(call, items):
    """Offset pagination with its headers; links are absolute, on the address GitLab believes it has."""
    try:
        page, size = int(call.query.get("page") or 1), min(int(call.query.get("per_page") or 20), 100)
    except ValueError:
        page = size = 0
    if page < 1 or size < 1:
        raise error_refusal(400, "page does not have a valid value")
    pages = max(1, -(-len(items) // size))
    following, previous = page + 1 if page < pages else "", page - 1 if page > 1 else ""
    kept = "".join(f"&{name}={value}" for name, value in call.query.items() if name not in ("page", "per_page"))

    def link(number, relation):
        return f'<{call.base}{call.request.path}?page={number}&per_page={size}{kept}>; rel="{relation}"'

    links = [link(previous, "prev")] if previous else []
    links += [link(following, "next")] if following else []
    call.headers += [
        ("link", ", ".join([*links, link(1, "first"), link(pages, "last")])),
        ("x-page", page),
        ("x-per-page", size),
        ("x-next-page", following),
        ("x-prev-page", previous),
        ("x-total", len(items)),
        ("x-total-pages", pages),
    ]
    return items[(page - 1) * size : page * size]


def search_refs(names, term):
    """Names that hold the term, in any case: ^ and $ tie it to an end, * stands for anything. The very name comes first."""
    pattern = re.escape(term).replace(r"\^", "^", 1).replace(r"\*", ".*?").replace(r"\$", "$", 1)
    found = [name for name in names if re.search(pattern, name, re.IGNORECASE)]
    return sorted(found, key=lambda name: name != term)


# -- the token and its user -----------------------------------------------------------------------------------


@route("GET", "/user", ("read_user", *READ))
def get_user(call):
    call.require_grant("read_user", "")
    return 200, entities.user(call.user, call.base)


@route("GET", "/personal_access_tokens/self", ())
def get_self(call):
    if call.world.release < (15, 5):
        raise error_refusal(404, "404 Not Found")
    if call.token.kind == "oauth":
        raise message_refusal(400, "400 Bad request - This endpoint requires token type to be a personal access token")
    call.require_grant("read_personal_access_token", "")
    call.token.last_used_at = call.token.last_used_at or datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")
    return 200, entities.token(call.token, call.world.release)


@route("GET", "/version", ("read_user", *READ))
def get_version(call):
    call.require_grant("read_metadata", "")
    return 200, {"version": call.world.version, "revision": "ceb07b24cb0"}


@route("GET", "/metadata", ("read_user", *READ))
def get_metadata(call):
    call.require_grant("read_metadata", "")
    if call.world.release < (15, 2):
        raise error_refusal(404, "404 Not Found")
    return 200, {
        "version": call.world.version,
        "revision": "ceb07b24cb0",
        "enterprise": True,
        "kas": {"enabled": False, "externalUrl": None, "externalK8sProxyUrl": None, "version": None},
    }


# -- projects -------------------------------------------------------------------------------------------------


@route("GET", "/projects")
def list_projects(call):
    wanted, member = call.query.get("search", "").lower(), call.query.get("membership") in ("true", "1")
    found = []
    for project in call.world.projects.values():
        if wanted not in project.path.rpartition("/")[2].lower() or not project.readable_by(call.user):
            continue
        if member and not project.level(call.user):
            continue
        found.append(project)
    shown = paginate(call, sorted(found, key=lambda project: -project.id))
    return 200, [
        entities.project_basic(project, call.user, call.base, call.repositories.default_branch(project)) for project in shown
    ]


@route("GET", PROJECT)
def get_project(call, project):
    found = find_project(call, project)
    branches = call.repositories.branches(found)
    default = call.repositories.default_branch(found, branches) or (found.default_branch if found.empty_shows_default else None)
    return 200, entities.project(found, call.user, call.base, default, not branches)


@route("GET", PROJECT + r"/members/all/(?P<user>\d+)")
def get_member(call, project, user):
    found = find_project(call, project, "read_member")
    member = call.world.user(int(user))
    level = found.level(member) if member else 0
    if not level or not found.listed:
        raise message_refusal(404, "404 Not found")
    return 200, entities.member(member, level, call.base)


# -- branches -------------------------------------------------------------------------------------------------


def show_branch(call, project, name, oid, default):
    return entities.branch(project, call.user, name, default, call.repositories.commit(project, oid), call.base)


@route("GET", PROJECT + "/repository/branches")
def list_branches(call, project):
    found = readable_repository(call, project, "read_branch")
    branches = call.repositories.branches(found)
    names = search_refs(branches, call.query.get("search", ""))
    return 200, [show_branch(call, found, name, branches[name], found.default_branch) for name in paginate(call, names)]


@route("GET", PROJECT + r"/repository/branches/(?P<branch>[^/]+)")
def get_branch(call, project, branch):
    found = readable_repository(call, project, "read_branch")
    branches = call.repositories.branches(found)
    if branch not in branches:
        raise message_refusal(404, "404 Branch Not Found")
    return 200, show_branch(call, found, branch, branches[branch], found.default_branch)


@route("GET", PROJECT + "/protected_branches")
def list_protected_branches(call, project):
    found = readable_repository(call, project, "read_protected_branch")
    if found.power(call.user) < found.protected_list_level:
        raise message_refusal(403, "403 Forbidden")
    return 200, paginate(call, [entities.protected_branch(rule, number) for number, rule in enumerate(found.protected, 100)])
