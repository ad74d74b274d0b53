"""The handlers of GitHub's API for pull requests: looking for one, opening one, and the labels that are put on it afterwards."""

from . import github_entities as entities
from .github_app import refused
from .github_handlers import REPOSITORY, find_repository, paginate, repository_route, route
from .refusal import Refusal

DOCS = "pulls/pulls"
TITLE_LONGEST = 256
KNOWN = {"title", "head", "base", "body", "draft", "maintainer_can_modify"}
ARCHIVED = "Repository was archived so is read-only."
NO_DRAFTS = "Draft pull requests are not supported in this repository."


def invalid(*errors):
    return Refusal(422, {"message": "Validation Failed", "errors": list(errors)})


def wrong(field, code):
    return {"resource": "PullRequest", "field": field, "code": code}


def custom(message):
    return {"resource": "PullRequest", "code": "custom", "message": message}


def need_permission(call, repository, *permissions):
    """One of these permissions for writing, of tokens that have permissions; else the scope and a role that may write."""
    token = call.token
    if token.selective:
        allowed = token.covers(repository) and any(token.permissions.get(name) == "write" for name in permissions)
        if not allowed:
            call.headers.append(("x-accepted-github-permissions", "; ".join(f"{name}=write" for name in permissions)))
            refusal = refused(403, f"Resource not accessible by {entities.SUBJECT[token.kind]}")
            refusal.headers += call.headers
            raise refusal
    elif not call.world.may_push(token, repository):
        raise refused(404, "Not Found")
    if repository.archived:
        raise refused(403, ARCHIVED)


@repository_route("/pulls", DOCS + "#list-pull-requests")
def list_pulls(call, repository):
    state = call.query.get("state", "open")
    head, base = call.query.get("head"), call.query.get("base")
    shown = [
        one
        for one in repository.pulls
        if state in ("all", one["state"]) and head in (None, one["head"]["label"]) and base in (None, one["base"]["ref"])
    ]
    return 200, paginate(call, repository, sorted(shown, key=lambda one: -one["number"]))


def judge_pull(call, repository, fields):
    """What GitHub finds wrong with a pull request, in its order."""
    for name in sorted(set(fields) - KNOWN):
        call.github.journal.violate("unknown_parameter", call.request, name)
    missing = [wrong(name, "missing_field") for name in ("head", "base", "title") if not fields.get(name)]
    if missing:
        raise invalid(*missing)
    if len(fields["title"]) > TITLE_LONGEST:
        raise invalid(custom(f"title is too long (maximum is {TITLE_LONGEST} characters)"))
    head, base = fields["head"].removeprefix(f"{repository.owner}:"), fields["base"]
    branches = call.repositories.branches(repository)
    unknown = [wrong(name, "invalid") for name, branch in (("head", head), ("base", base)) if branch not in branches]
    if unknown:
        raise invalid(*unknown)
    label = f"{repository.owner}:{head}"
    if any((one["state"], one["head"]["label"], one["base"]["ref"]) == ("open", label, base) for one in repository.pulls):
        raise invalid(custom(f"A pull request already exists for {label}."))
    if not call.repositories.git(repository, "rev-list", "-n1", branches[head], f"^{branches[base]}").strip():
        raise invalid(custom(f"No commits between {base} and {head}"))
    if fields.get("draft") and not repository.drafts:
        raise Refusal(422, {"message": NO_DRAFTS})
    return head, branches[head], branches[base]


@route("POST", REPOSITORY + "/pulls", DOCS + "#create-a-pull-request")
def create_pull(call, owner=None, name=None, number=None):
    repository = find_repository(call, owner, name, number)
    need_permission(call, repository, "pull_requests")
    fields = call.body()
    with call.world.guard:
        head, head_oid, base_oid = judge_pull(call, repository, fields)
        author = call.user or call.world.account_named("octo")
        created = entities.pull(len(repository.pulls) + 1, repository, author, fields, (head, head_oid, base_oid), call.base)
        repository.pulls.append(created)
    return 201, created


@route("POST", REPOSITORY + r"/issues/(?P<issue>\d+)/labels", "issues/labels#add-labels-to-an-issue")
def add_labels(call, issue, owner=None, name=None, number=None):
    repository = find_repository(call, owner, name, number)
    need_permission(call, repository, "issues", "pull_requests")
    labels = call.body().get("labels")
    if not isinstance(labels, list) or not all(isinstance(label, str) and label for label in labels):
        raise invalid({"resource": "Label", "field": "name", "code": "invalid"})
    for one in repository.pulls:
        if one["number"] == int(issue):
            known = [label["name"] for label in one["labels"]]
            one["labels"] += [entities.label(label) for label in labels if label not in known]
            return 200, one["labels"]
    raise refused(404, "Not Found")
