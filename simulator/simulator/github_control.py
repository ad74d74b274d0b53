"""The control API's calls for the GitHub half; control.py adds them to its own. The table is in README.md."""

from .github_app import mint
from .github_world import FAMILY_START, Account, Installation, Protection, Repository, Ruleset, Token

DAY = 86400
# POST /github/tokens {"state": …}
STATES = {
    None: {},
    "active": {"revoked": False, "problem": None, "ends": None, "lasts": None},
    "revoked": {"revoked": True},
    "expired": {"lasts": -DAY},
    "expiring": {"lasts": 3 * DAY},
    **{
        name: {"problem": name}
        for name in ("rate_limited", "secondary", "secondary_bare", "secondary_403", "saml", "classic_forbidden")
    },
}
TOKEN_FIELDS = {"kind": "kind", "revoked": "revoked", "owner": "owner", "permissions": "permissions"}
# POST /github/repositories: JSON name -> attribute
REPOSITORY_FIELDS = {
    "template": "template",
    "defaultBranch": "default_branch",
    "private": "private",
    "everyone": "everyone",
    "archived": "archived",
    "disabled": "disabled",
    "blocked": "blocked",
    "mirrorUrl": "mirror_url",
    "size": "size",
    "rulesShown": "rules_shown",
    "truncated": "truncated",
    "drafts": "drafts",
}
ACCOUNT_FIELDS = {"name": "name", "email": "email", "organization": "organization", "saml": "saml", "ipAllowList": "ip_allow_list"}


def assign(target, order, fields):
    for name, attribute in fields.items():
        if name in order:
            setattr(target, attribute, order[name])


class GitHubControl:
    def __init__(self, github):
        self.github = github
        self.routes = {
            ("GET", "/github"): self.overview,
            ("GET", "/github/tokens"): self.tokens,
            ("POST", "/github/tokens"): self.change_token,
            ("POST", "/github/accounts"): self.change_account,
            ("POST", "/github/repositories"): self.change_repository,
            ("POST", "/github/protect"): self.protect,
            ("POST", "/github/installations"): self.change_installation,
            ("POST", "/github/version"): self.set_version,
        }

    def token_value(self, text):
        """A sample token may be called by its name."""
        return next((token.value for token in list(self.github.world.tokens.values()) if token.name == text), text)

    def user_id(self, name):
        account = self.github.world.account_named(name) if isinstance(name, str) else self.github.world.account(name)
        if account is None:
            raise ValueError(f"no account {name}")
        return account.id

    # -- looking ----------------------------------------------------------------------------------------------

    def overview(self, query):
        world = self.github.world
        return {
            "tokenFamily": FAMILY_START.replace("%d", "{N}") + ", cut to 40 characters",
            "version": world.version,
            "repositories": [{"id": one.id, "path": one.path, "private": one.private} for one in list(world.repositories.values())],
            "installations": [
                {"id": one.id, "account": world.account(one.account_id).login, "suspended": one.suspended}
                for one in list(world.installations.values())
            ],
        }

    def tokens(self, query):
        world = self.github.world
        return [
            {
                "name": token.name,
                "token": token.value,
                "user": token.user_id and world.account(token.user_id).login,
                "kind": token.kind,
                "scopes": token.scopes,
                "active": token.active,
                "problem": token.problem,
            }
            for token in list(world.tokens.values())
        ]

    # -- changing ---------------------------------------------------------------------------------------------

    def change_token(self, order):
        """{"token" or "name", "state"?, "scopes"?, "user"?, "kind"?, "expiresAt"? (unix seconds), "owner"?, "permissions"?,
        "repositories"? (paths)}; unknown values become tokens."""
        world, value = self.github.world, self.token_value(order.get("token") or order["name"])
        if order.get("state") == "deleted":
            world.tokens.pop(value, None)
            return {"token": value}
        token = world.token(value) or Token(order.get("name", "added"), value, self.user_id("octo"))
        for name, setting in STATES[order.get("state")].items():
            setattr(token, name, setting)
        assign(token, order, TOKEN_FIELDS)
        if "expiresAt" in order:
            token.ends, token.lasts = order["expiresAt"], None
        if "scopes" in order:
            token.scopes = tuple(order["scopes"])
        if "user" in order:
            token.user_id = self.user_id(order["user"])
        if "repositories" in order:
            token.repositories = self.repository_ids(order["repositories"])
        world.add_token(token)
        return {"token": value, "name": token.name}

    def change_account(self, order):
        """{"login", "id"?, …ACCOUNT_FIELDS, "members"? {login: "active", "pending" or null}}; unknown logins become accounts."""
        world = self.github.world
        with world.guard:
            account = world.account_named(order["login"])
            if account is None:
                account = Account(order.get("id", max(world.accounts) + 1), order["login"], order["login"])
            assign(account, order, ACCOUNT_FIELDS)
            for login, state in order.get("members", {}).items():
                account.members[self.user_id(login)] = state
            world.add_account(account)
        return {"id": account.id, "login": account.login}

    def repository_ids(self, paths):
        return None if paths is None else frozenset(self.find(path).id for path in paths)

    def find(self, path):
        repository = self.github.world.repository(path)
        if repository is None:
            raise ValueError(f"no repository {path}")
        return repository

    def change_repository(self, order):
        """{"path", …REPOSITORY_FIELDS, "members"? {login: role}, "pushChecks"? [name], "rename"?, "recreate"?, "deleted"?};
        unknown paths become repositories, in which octo may write."""
        world, repositories = self.github.world, self.github.repositories
        unknown = set(order) - set(REPOSITORY_FIELDS) - {"path", "members", "pushChecks", "rename", "recreate", "deleted"}
        if unknown:
            raise ValueError(f"unknown members: {', '.join(sorted(unknown))}")
        with world.guard:
            repository = world.repository(order["path"])
            fresh = repository is None
            if order.get("deleted"):
                if not fresh:
                    world.remove_repository(repository)
                    repositories.remove(repository)
                return {}
            if fresh:
                repository = Repository(max(world.repositories) + 1, order["path"], members={self.user_id("octo"): "write"})
            assign(repository, order, REPOSITORY_FIELDS)
            for login, role in order.get("members", {}).items():
                repository.members[self.user_id(login)] = role
            if "pushChecks" in order:
                repository.push_checks = frozenset(order["pushChecks"])
            if "rename" in order:
                repository.old_paths, repository.path = (*repository.old_paths, repository.path), order["rename"]
            world.add_repository(repository)
        if fresh or order.get("recreate"):
            repositories.recreate(repository)
        return {"id": repository.id, "path": repository.path}

    def protect(self, order):
        """{"repository", "branch", "pullRequest"?, "checks"?, "pushers"?, "admins"?} for classic protection,
        {"repository", "patterns", "rules"?, "bypass"?} for a ruleset; {"repository", "clear": true} lifts all."""
        repository = self.find(order["repository"])
        if order.get("clear"):
            repository.protected, repository.rulesets = [], []
        elif "patterns" in order:
            number = 100 + len(repository.rulesets)
            rules, bypass = order.get("rules", ("pull_request",)), order.get("bypass", ())
            repository.rulesets = [*repository.rulesets, Ruleset(number, tuple(order["patterns"]), tuple(rules), tuple(bypass))]
        else:
            kept = [rule for rule in repository.protected if rule.name != order["branch"]]
            pushers = order.get("pushers")
            limit = None if pushers is None else tuple(pushers)
            checks = tuple(order.get("checks", ()))
            kept.append(Protection(order["branch"], order.get("pullRequest", True), checks, limit, order.get("admins", True)))
            repository.protected = kept
        return {"protected": [rule.name for rule in repository.protected], "rulesets": [one.id for one in repository.rulesets]}

    def change_installation(self, order):
        """{"id", "account"?, "suspended"?, "tokenSeconds"?, "permissions"?, "repositories"? (paths or null), "deleted"?,
        "endTokens"? (those that it has are refused from now on), "mint"? (answers with a token)}"""
        world, number = self.github.world, order["id"]
        if order.get("deleted"):
            world.installations.pop(number, None)
            return {}
        installation = world.installations.get(number) or Installation(number, self.user_id(order["account"]))
        assign(installation, order, {"suspended": "suspended", "tokenSeconds": "token_seconds", "permissions": "permissions"})
        if "account" in order:
            installation.account_id = self.user_id(order["account"])
        if "repositories" in order:
            installation.repositories = self.repository_ids(order["repositories"])
        world.installations[number] = installation
        if order.get("endTokens"):
            for token in list(world.tokens.values()):
                token.revoked |= token.installation_id == number
        if order.get("mint"):
            return {"token": mint(world, installation, dict(installation.permissions), installation.repositories).value}
        return {"id": number}

    def set_version(self, order):
        """{"version": "3.10.0"}: another release of GitHub Enterprise Server; before 3.11 there are no rules."""
        self.github.world.version = order["version"]
        return {}
