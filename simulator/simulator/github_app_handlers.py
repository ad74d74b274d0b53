"""The handlers of GitHub's API that the App itself calls, proving itself with a JWT."""

import time

from . import github_entities as entities
from .github_app import mint, refused
from .github_handlers import route

INSTALLATION = r"/app/installations/(?P<number>\d+)"
NO_REPOSITORY = "There is at least one repository that does not exist or is not accessible to the parent installation."
NO_PERMISSION = "The permissions requested are not granted to this installation."


def find_installation(call, number):
    found = call.world.installations.get(int(number))
    if found is None:
        raise refused(404, "Not Found")
    return found


def show(call, installation):
    return entities.installation(installation, call.world.account(installation.account_id), call.base)


@route("GET", "/app", "apps/apps#get-the-authenticated-app", "app")
def get_app(call):
    return 200, entities.app(call.base)


@route("GET", "/app/installations", "apps/apps#list-installations-for-the-authenticated-app", "app")
def list_installations(call):
    return 200, [show(call, one) for one in list(call.world.installations.values())]


@route("GET", INSTALLATION, "apps/apps#get-an-installation-for-the-authenticated-app", "app")
def get_installation(call, number):
    return 200, show(call, find_installation(call, number))


@route(
    "GET",
    r"/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)/installation",
    "apps/apps#get-a-repository-installation-for-the-authenticated-app",
    "app",
)
def get_repository_installation(call, owner, name):
    repository = call.world.repository(f"{owner}/{name}")
    for installation in list(call.world.installations.values()):
        account = call.world.account(installation.account_id)
        chosen = installation.repositories is None or (repository and repository.id in installation.repositories)
        if repository and account.login == repository.owner and chosen:
            return 200, show(call, installation)
    raise refused(404, "Not Found")


def asked_repositories(call, installation, order):
    """The ids that the token is asked for; None: all of the installation."""
    owner = call.world.account(installation.account_id).login
    own = {one.id: one.name for one in list(call.world.repositories.values()) if one.owner == owner}
    allowed = {number: own[number] for number in own if installation.repositories is None or number in installation.repositories}
    ids = {*order.get("repository_ids", ())}
    for name in order.get("repositories", ()):
        ids |= {number for number, known in allowed.items() if known == name} or {0}
    if not ids <= set(allowed):
        raise refused(422, NO_REPOSITORY)
    return frozenset(ids) or installation.repositories


def asked_permissions(installation, order):
    asked, levels = order.get("permissions"), ("read", "write", "admin")
    if asked is None:
        return dict(installation.permissions)
    for name, level in asked.items():
        granted = installation.permissions.get(name)
        if granted is None or level not in levels or levels.index(level) > levels.index(granted):
            raise refused(422, NO_PERMISSION)
    return {"metadata": "read"} | asked


@route("POST", INSTALLATION + "/access_tokens", "apps/apps#create-an-installation-access-token-for-an-app", "app")
def create_token(call, number):
    installation = find_installation(call, number)
    if installation.suspended:
        raise refused(403, "This installation has been suspended")
    order = call.body()
    repositories = asked_repositories(call, installation, order)
    token = mint(call.world, installation, asked_permissions(installation, order), repositories)
    return 201, {
        "token": token.value,
        "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(token.expires_at)),
        "permissions": token.permissions,
        "repository_selection": "all" if repositories is None else "selected",
    }
