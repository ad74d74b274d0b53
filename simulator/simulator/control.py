"""The control API: a second, plain HTTP listener by which tests look at the simulator and change it.

GET answers are JSON; POST takes a JSON object. The table of calls is in README.md.
"""

import dataclasses
import json
import urllib.parse

from .github_control import GitHubControl
from .http_server import Server
from .listeners import Listener
from .world import DEVELOPER, FAMILY, Project, Protection, Token, User

JSON_TYPE = ("content-type", "application/json")

# POST /tokens {"state": …}
STATES = {
    None: {},
    "active": {"revoked": False, "problem": None, "ends": 200},
    "revoked": {"revoked": True},
    "expired": {"ends": -1},
    "expiring": {"ends": 3},
    "dpop": {"problem": "dpop"},
    "impersonation_disabled": {"problem": "impersonation_disabled"},
    "rate_limited": {"problem": "rate_limited"},
    "rate_limited_bare": {"problem": "rate_limited_bare"},
    "rate_limited_app": {"problem": "rate_limited_app"},
}
TOKEN_FIELDS = {"scopes": "scopes", "kind": "kind", "expiresAt": "ends", "revoked": "revoked"}
# POST /projects: JSON name -> attribute
PROJECT_FIELDS = {
    "template": "template",
    "defaultBranch": "default_branch",
    "visibility": "visibility",
    "via": "via",
    "listed": "listed",
    "everyone": "everyone",
    "protectsEmpty": "protects_empty",
    "protectedListLevel": "protected_list_level",
    "archived": "archived",
    "deleting": "deleting",
    "repositoryDisabled": "repository_disabled",
    "importStatus": "import_status",
    "mirror": "mirror",
    "mergeRequests": "merge_requests",
    "readOnly": "read_only",
    "http": "http",
    "sso": "sso",
    "showsMergeRequestLink": "shows_merge_request_link",
    "cloneHost": "clone_host",
    "emptyShowsDefault": "empty_shows_default",
    "rules": "rules",
}


class ControlError(Exception):
    """What the caller of the control API did wrong."""


class Control:
    def __init__(self, simulator, authority, host, port=0):
        self.simulator, self.authority, self.host = simulator, authority, host
        self.listeners = {}
        self.routes = {
            ("GET", "/"): self.overview,
            ("GET", "/requests"): self.requests,
            ("DELETE", "/requests"): self.clear_requests,
            ("GET", "/violations"): self.violations,
            ("DELETE", "/violations"): self.clear_violations,
            ("GET", "/created_projects"): self.created_projects,
            ("GET", "/mode"): self.modes,
            ("POST", "/mode"): self.set_mode,
            ("GET", "/tokens"): self.tokens,
            ("POST", "/tokens"): self.change_token,
            ("POST", "/users"): self.change_user,
            ("GET", "/projects"): self.projects,
            ("POST", "/projects"): self.change_project,
            ("POST", "/protect"): self.protect,
            ("GET", "/refs"): self.refs,
            ("GET", "/commit"): self.commit,
            ("POST", "/commit"): self.add_commit,
            ("GET", "/merge_requests"): self.merge_requests,
            ("POST", "/merge_requests"): self.change_merge_request,
            ("POST", "/version"): self.set_version,
            ("POST", "/external_url"): self.set_external_url,
            ("POST", "/listener"): self.open_listener,
            ("POST", "/reset"): self.reset,
        }
        self.github = GitHubControl(simulator.github)
        self.routes |= self.github.routes
        self.server = Server(self.handle, host, port)

    @property
    def url(self):
        return f"http://{self.host}:{self.server.port}"

    def stop(self):
        for listener in self.listeners.values():
            listener.server.stop()
        self.server.stop()

    def handle(self, request):
        query = dict(urllib.parse.parse_qsl(request.query))
        try:
            status, value = 200, self.answer(request, query)
        except (ControlError, ValueError, KeyError, TypeError, RuntimeError) as error:
            status, value = 400, {"error": f"{type(error).__name__}: {error}"}
        body = json.dumps(value).encode() + b"\n"
        request.connection.reply(status, [JSON_TYPE], body)

    def answer(self, request, query):
        if request.path.startswith("/listener/"):
            return self.one_listener(request, int(request.path.removeprefix("/listener/")))
        handler = self.routes.get((request.method, request.path))
        if handler is None:
            raise ControlError(f"no such call: {request.method} {request.path}")
        if request.method != "POST":
            return handler(query)
        order = json.loads(request.body() or b"{}")
        if not isinstance(order, dict):
            raise ControlError("the body must be a JSON object")
        return handler(order)

    # -- looking ----------------------------------------------------------------------------------------------

    def overview(self, query):
        return {
            "calls": sorted(f"{method} {path}" for method, path in self.routes),
            "tokenFamily": FAMILY.replace("%d", "{N}"),
            "version": self.simulator.world.version,
            "root": self.simulator.root,
        }

    def requests(self, query):
        found = self.simulator.journal.since(int(query.get("since", 0)))
        for name in ("area", "token", "service", "user"):
            if name in query:
                found = [entry for entry in found if entry[name] == query[name]]
        return found

    def clear_requests(self, query):
        self.simulator.journal.clear()
        return {}

    def violations(self, query):
        return list(self.simulator.journal.violations)

    def clear_violations(self, query):
        self.simulator.journal.clear_violations()
        return {}

    def created_projects(self, query):
        return list(self.simulator.journal.created_projects)

    def modes(self, query):
        return self.simulator.faults.listing()

    def tokens(self, query):
        world = self.simulator.world
        return [
            {
                "name": token.name,
                "token": token.value,
                "user": world.user(token.user_id).username,
                "scopes": token.scopes,
                "kind": token.kind,
                "expiresAt": token.expires_at,
                "active": token.active,
                "problem": token.problem,
            }
            for token in list(world.tokens.values())
        ]

    def projects(self, query):
        world = self.simulator.world
        return [
            {
                "id": project.id,
                "path": project.path,
                "oldPaths": project.old_paths,
                "archived": project.archived,
                "defaultBranch": project.default_branch,
                "members": {world.user(key).username: level for key, level in project.members.items()},
                "protected": [rule.name for rule in project.protected],
            }
            for project in list(world.projects.values())
        ]

    def find_project(self, order):
        project = self.simulator.world.project(order["project"])
        if project is None:
            raise ControlError(f"no project {order['project']}")
        return project

    def find_repository(self, order):
        """(the repositories it is one of, project); GitHub's are called github:owner/name."""
        if order["project"].startswith("github:"):
            return self.simulator.github.repositories, self.github.find(order["project"].removeprefix("github:"))
        return self.simulator.repositories, self.find_project(order)

    def refs(self, query):
        repositories, project = self.find_repository(query)
        return {f"refs/heads/{name}": oid for name, oid in repositories.branches(project).items()}

    def commit(self, query):
        """A commit's fields, and its files."""
        repositories, project = self.find_repository(query)
        oid = repositories.git(project, "rev-parse", "--verify", query["ref"] + "^{commit}").decode().strip()
        files = repositories.git(project, "ls-tree", "-r", "-z", "--name-only", oid).decode(errors="replace").split("\0")[:-1]
        return repositories.commit(project, oid) | {"files": files}

    def merge_requests(self, query):
        """Those of a project, or the pull requests of a github:owner/name."""
        _, project = self.find_repository(query)
        return project.pulls if query["project"].startswith("github:") else project.opened_requests

    # -- changing ---------------------------------------------------------------------------------------------

    def token_value(self, text):
        """A sample token may be called by its name."""
        return next((token.value for token in list(self.simulator.world.tokens.values()) if token.name == text), text)

    def scope(self, text):
        """What a fault's scope means: a token by its name (GitLab's first, github:name for the other), or what it says."""
        name = text.removeprefix("github:")
        value = text if name != text else self.token_value(text)
        found = self.github.token_value(name) if value == text else value
        return text if found == name else found

    def set_mode(self, order):
        self.simulator.faults.set(order | {"scope": self.scope(order.get("scope", "global"))})
        return self.modes({})

    def set_version(self, order):
        """{"version": "14.10.0-ee"}: another release of GitLab."""
        self.simulator.world.version = order["version"]
        return {}

    def set_external_url(self, order):
        """{"url": URL or null}: the address GitLab believes it has."""
        self.simulator.external_url = order["url"]
        return {}

    def user_id(self, name):
        for user in self.simulator.world.users.values():
            if name in (user.id, user.username):
                return user.id
        if isinstance(name, int) and self.simulator.world.user(name):
            return name
        raise ControlError(f"no user {name}")

    def change_token(self, order):
        """{"token" or "name": value or name, "state"?, "revoked"?, "scopes"?, "user"?, "kind"?, "expiresAt"?, "grants"?};
        unknown values become tokens."""
        world, value = self.simulator.world, self.token_value(order.get("token") or order["name"])
        if order.get("state") == "foreign":
            world.foreign.add(value)
            return {"token": value}
        if order.get("state") == "deleted":
            world.tokens.pop(value, None)
            return {"token": value}
        token = world.token(value) or Token(order.get("name", "added"), value, self.user_id("john"), ends=200)
        for name, setting in STATES[order.get("state")].items():
            setattr(token, name, setting)
        for name, attribute in TOKEN_FIELDS.items():
            if name in order:
                setattr(token, attribute, order[name])
        if "user" in order:
            token.user_id = self.user_id(order["user"])
        if "grants" in order:
            token.grants = None if order["grants"] is None else frozenset(order["grants"])
        world.add_token(token)
        return {"token": value, "name": token.name}

    def change_user(self, order):
        """{"id", "username"?, "name"?, "email"?, "state"?, "bot"?, "admin"?}"""
        world = self.simulator.world
        user = world.user(order["id"]) or User(
            order["id"], order["username"], order["username"], f"{order['username']}@example.com"
        )
        return dataclasses.asdict(world.add_user(dataclasses.replace(user, **order)))

    def change_project(self, order):
        """{"path", …PROJECT_FIELDS, "members"? {username or id: level}, "rename"? path, "recreate"? bool, "deleted"? bool};
        unknown paths become projects."""
        world, repositories = self.simulator.world, self.simulator.repositories
        unknown = set(order) - set(PROJECT_FIELDS) - {"path", "id", "members", "rename", "recreate", "deleted"}
        if unknown:
            raise ControlError(f"unknown members: {', '.join(sorted(unknown))}")
        with world.guard:
            project = world.project(order["path"])
            fresh = project is None
            if order.get("deleted"):
                if not fresh:
                    world.remove_project(project)
                    repositories.remove(project)
                return {}
            if fresh:
                number = order.get("id", max(world.projects) + 1)
                project = Project(number, order["path"], members={self.user_id("john"): DEVELOPER})
            for name, attribute in PROJECT_FIELDS.items():
                if name in order:
                    setattr(project, attribute, order[name])
            for name, level in order.get("members", {}).items():
                project.members[self.user_id(int(name) if name.isdigit() else name)] = level
            if "rename" in order:
                project.old_paths, project.path = (*project.old_paths, project.path), order["rename"]
            world.add_project(project)
        if fresh or order.get("recreate"):
            repositories.recreate(project)
        return {"id": project.id, "path": project.path}

    def protect(self, order):
        """{"project", "branch", "pushLevel"?, "mergeLevel"?, "pushUsers"?, "remove"?}"""
        project = self.find_project(order)
        kept = [rule for rule in project.protected if rule.name != order["branch"]]
        if not order.get("remove"):
            users = tuple(self.user_id(name) for name in order.get("pushUsers", ()))
            kept.append(Protection(order["branch"], order.get("pushLevel", 40), order.get("mergeLevel", 40), users))
        project.protected = kept
        return {"protected": [rule.name for rule in kept]}

    def add_commit(self, order):
        """{"project", "branch", "files": {name: text}, "message"?}: someone else's push, in between."""
        repositories, project = self.find_repository(order)
        return {
            "commit": repositories.commit_files(project, order["branch"], order["files"], order.get("message", "Change elsewhere"))
        }

    def change_merge_request(self, order):
        """{"project", "number", …members to set}: someone closes, merges or moves it."""
        key = "number" if order["project"].startswith("github:") else "iid"
        for one in self.merge_requests(order):
            if one[key] == order["number"]:
                one.update({name: value for name, value in order.items() if name not in ("project", "number")})
                return one
        raise ControlError("no such merge request")

    def open_listener(self, order):
        listener = Listener(self.simulator, self.authority, self.host, order)
        self.listeners[listener.server.port] = listener
        return {"url": listener.url, "port": listener.server.port}

    def one_listener(self, request, port):
        if port not in self.listeners:
            raise ControlError(f"no listener on port {port}")
        if request.method == "DELETE":
            self.listeners.pop(port).server.stop()
            return {}
        return self.listeners[port].report()

    def reset(self, order):
        """{"keepRepositories"?}: world, faults, journal and repositories as at the first start; further listeners end."""
        while self.listeners:
            self.listeners.popitem()[1].server.stop()
        self.simulator.reset(bool(order.get("keepRepositories")))
        return {}
