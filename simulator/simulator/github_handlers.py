"""The handlers of GitHub's API for accounts, repositories, branches and rules: one a route, each returning (status, JSON value).

A handler is declared with who may call it: "token", "app" (a JWT) or "anyone".
"""

import functools

from . import github_entities as entities
from .github_app import refused
from .refusal import Refusal

HANDLERS = []
REPOSITORY = r"/(?:repos/(?P<owner>[^/]+)/(?P<name>[^/]+)|repositories/(?P<number>\d+))"
# Renamed repositories are sent on to an address of GitHub's own choice.
ELSEWHERE = "https://github.internal/api/v3"
RULES_SINCE = (3, 11)

SAML = "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."
SAML_DOCS = "https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/"
ALLOW_LIST = (
    "Although you appear to have the correct authorization credentials, the `{owner}` organization has an IP allow list enabled, "
    "and your IP address is not permitted to access this resource."
)
CLASSIC = (
    "`{owner}` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access "
    "token with fine-grained permissions."
)
UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."


def route(method, pattern, docs="", caller="token"):
    def register(function):
        function.docs, function.caller = docs, caller
        HANDLERS.append((method, pattern, function))
        return function

    return register


def repository_route(pattern, docs):
    """A GET below a repository, by its path or its number; the handler is given the repository."""

    def register(function):
        @functools.wraps(function)
        def handler(call, owner=None, name=None, number=None, **arguments):
            return function(call, find_repository(call, owner, name, number), **arguments)

        return route("GET", REPOSITORY + pattern, docs)(handler)

    return register


def sso_url(base, owner):
    return f"{base}/orgs/{owner}/sso?authorization_request=AZSCKtL4U8yX1H3sCQIVnVgmjmon5fWxks5YrqhJ"


def organization_refusal(call, repository):
    reason = call.world.organization_refusal(call.token, repository)
    owner = repository.owner
    if reason == "saml":
        headers = [("x-github-sso", f"required; url={sso_url(call.base, owner)}")]
        return Refusal(403, {"message": SAML, "documentation_url": SAML_DOCS}, headers)
    texts = {"ip_allow_list": ALLOW_LIST, "classic_forbidden": CLASSIC}
    return refused(403, texts[reason].format(owner=owner)) if reason else None


def blocked_refusal(repository):
    where = {"dmca": "https://github.com/github/dmca/blob/master/2026/01/notice.md", "tos": "https://github.com/contact"}
    block = {"reason": repository.blocked, "created_at": "2026-01-02T10:00:00Z", "html_url": where[repository.blocked]}
    return Refusal(451 if repository.blocked == "dmca" else 403, {"message": "Repository access blocked", "block": block})


def find_repository(call, owner, name, number=None):
    """The repository when this token may know of it. Old paths are sent on to the number."""
    path = None if number else f"{owner}/{name}"
    repository = call.world.repositories.get(int(number)) if number else call.world.repository(path)
    if repository is None:
        raise refused(404, "Not Found")
    refusal = organization_refusal(call, repository)
    if refusal:
        raise refusal
    if not call.world.sees(call.token, repository):
        raise refused(404, "Not Found")
    if repository.blocked:
        raise blocked_refusal(repository)
    if path and path.lower() != repository.path.lower():
        tail = call.request.target.split("/repos/", 1)[1].split("/", 2)[2:]
        target = "/".join([f"{ELSEWHERE}/repositories/{repository.id}", *tail])
        raise Refusal(301, {"message": "Moved Permanently", "url": target}, [("location", target)])
    return repository


def need_contents(call, repository):
    """What looks into a repository needs the permission Contents of those tokens that have permissions."""
    if not call.world.may_read(call.token, repository):
        raise refused(403, f"Resource not accessible by {entities.SUBJECT[call.token.kind]}")


def api_of(call, repository):
    return f"{call.api_base}/repos/{repository.path}"


def is_protected(repository, name):
    """GitHub calls a branch protected by classic protection, and by an active ruleset too."""
    return bool(repository.protections_of(name) or repository.rules_of(name))


def branch_basic(call, repository, name, oid):
    protections = repository.protections_of(name)
    return entities.branch_basic(name, oid, protections, is_protected(repository, name), api_of(call, repository))


def paginate(call, repository, items):
    """A page, and the Link header: links are by the repository's number, on the address that was asked."""
    try:
        page, size = max(1, int(call.query.get("page") or 1)), int(call.query.get("per_page") or 30)
    except ValueError:
        page, size = 1, 30
    size = min(size, 100) if size > 0 else 30
    last = max(1, -(-len(items) // size))
    listed = call.request.path.rpartition("/")[2]
    address = f"{call.api_base}/repositories/{repository.id}/{listed}"
    near = [("prev", page - 1)] if page > 1 else []
    near += [("next", page + 1), ("last", last)] if page < last else []
    near += [("first", 1)] if page > 1 else []
    if near:
        links = [f'<{address}?per_page={size}&page={number}>; rel="{relation}"' for relation, number in near]
        call.headers.append(("link", ", ".join(links)))
    return items[(page - 1) * size : page * size]


# -- the server, the token's user, organizations ------------------------------------------------------------------


@route("GET", "/meta", "meta/meta#get-apiname-meta-information", "anyone")
def get_meta(call):
    return 200, {"verifiable_password_authentication": False, "installed_version": call.world.version}


@route("GET", "/user", "users/users#get-the-authenticated-user")
def get_user(call):
    if call.user is None:
        raise refused(403, "Resource not accessible by integration")
    return 200, entities.user(call.user, call.base)


@route(
    "GET",
    r"/user/memberships/orgs/(?P<organization>[^/]+)",
    "orgs/members#get-an-organization-membership-for-the-authenticated-user",
)
def get_membership(call, organization):
    if call.token.selective:
        raise refused(403, f"Resource not accessible by {entities.SUBJECT[call.token.kind]}")
    found = call.world.account_named(organization)
    state = found.members.get(call.user.id) if found and found.organization else None
    if state is None or not {"repo", "read:org", "user"} & set(call.token.scopes):
        raise refused(404, "Not Found")
    return 200, entities.membership(found, call.user, state, call.base)


# -- repositories and branches ------------------------------------------------------------------------------------


@repository_route("", "repos/repos#get-a-repository")
def get_repository(call, repository):
    owner = call.world.account_named(repository.owner)
    role = call.world.role(repository, call.user)
    shown = entities.repository(repository, owner, role, call.base)
    if not call.repositories.branches(repository):
        shown["size"] = 0
    return 200, shown


@repository_route("/branches", "branches/branches#list-branches")
def list_branches(call, repository):
    need_contents(call, repository)
    branches = call.repositories.branches(repository)
    wanted = {"true": (True,), "false": (False,)}.get(call.query.get("protected"), (True, False))
    names = [name for name in branches if is_protected(repository, name) in wanted]
    return 200, [branch_basic(call, repository, name, branches[name]) for name in paginate(call, repository, names)]


@repository_route("/branches/(?P<branch>[^/]+)", "branches/branches#get-a-branch")
def get_branch(call, repository, branch):
    need_contents(call, repository)
    oid = call.repositories.branches(repository).get(branch)
    if oid is None:
        raise refused(404, "Branch not found")
    api = api_of(call, repository)
    tree = call.repositories.peel(repository, oid, "tree")
    shown = branch_basic(call, repository, branch, oid)
    shown["commit"] = entities.commit(call.repositories.commit(repository, oid), tree, api)
    return 200, shown


def need_rules(call, repository):
    if call.world.release < RULES_SINCE:
        raise refused(404, "Not Found")
    if not repository.rules_shown:
        raise refused(403, UPGRADE)


@repository_route("/rules/branches/(?P<branch>[^/]+)", "repos/rules#get-rules-for-a-branch")
def get_rules(call, repository, branch):
    need_rules(call, repository)
    return 200, [entities.rule(ruleset, kind, repository.path) for ruleset, kind in repository.rules_of(branch)]


@repository_route(r"/rulesets/(?P<ruleset>\d+)", "repos/rules#get-a-repository-ruleset")
def get_ruleset(call, repository, ruleset):
    need_rules(call, repository)
    for one in repository.rulesets:
        if one.id == int(ruleset):
            return 200, entities.ruleset(one, repository.path, call.user and call.user.login)
    raise refused(404, "Not Found")
