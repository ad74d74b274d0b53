"""GitHub's accounts, tokens, repositories and installations, and its rules between them. No HTTP here.

The data itself is in github_sample.py.
"""

import fnmatch
import re
import threading
import time
from dataclasses import dataclass, field

ROLES = ("read", "triage", "write", "maintain", "admin")

# The N-th of the generated users has exactly one token: this text with N, cut to the length of a classic token.
FAMILY_START = "ghp_user%dx0123456789abcdefghijklmnopqrstuvwxyz"
CLASSIC_LENGTH = 40
FAMILY_PATTERN = re.compile(r"ghp_user([1-9]\d{0,5})x[0-9a-z]+")
FAMILY_LIMIT = 200_000
FAMILY_FIRST_ID = 10_000_000


def family_token(number):
    return (FAMILY_START % number)[:CLASSIC_LENGTH]


@dataclass
class Account:
    """A user or an organization."""

    id: int
    login: str
    name: str
    email: str | None = None  # None: kept private
    organization: bool = False
    members: dict = field(default_factory=dict)  # of an organization: user id -> owner, active, pending
    saml: bool = False  # an organization that wants every classic token authorized
    ip_allow_list: bool = False  # an organization that lets no address of ours in

    @property
    def kind(self):
        return "Organization" if self.organization else "User"


@dataclass
class Token:
    name: str  # what the journal and the control API call it
    value: str
    user_id: int | None
    kind: str = "classic"  # classic, oauth, fine, installation
    scopes: tuple = ("repo", "workflow")
    ends: float | None = None  # unix seconds
    lasts: float | None = None  # or so many seconds from whenever it is asked
    revoked: bool = False
    # rate_limited, secondary, secondary_bare, secondary_403, saml, classic_forbidden
    problem: str | None = None
    # of fine-grained and installation tokens: the owner of the repositories they are for, what they may there, and which they are
    owner: str | None = None
    permissions: dict = field(default_factory=dict)
    repositories: frozenset | None = None  # ids; None: all of the owner
    installation_id: int | None = None

    @property
    def selective(self):
        return self.kind in ("fine", "installation")

    @property
    def expires_at(self):
        return self.ends if self.lasts is None else time.time() + self.lasts

    @property
    def active(self):
        return not self.revoked and (self.expires_at is None or self.expires_at > time.time())

    def covers(self, repository):
        """Whether a fine-grained or installation token was made for this repository."""
        return self.owner == repository.owner and (self.repositories is None or repository.id in self.repositories)


@dataclass
class Ruleset:
    """Active rules for the branches that one of the patterns names."""

    id: int
    patterns: tuple
    rules: tuple = ("pull_request",)
    bypass: tuple = ()  # logins

    def covers(self, branch):
        return any(matches(pattern, branch) for pattern in self.patterns)


@dataclass
class Protection:
    """Classic protection of a branch or wildcard."""

    name: str
    pull_request: bool = True  # changes need one
    checks: tuple = ()  # names of status checks that are waited for
    pushers: tuple | None = None  # logins that may push; None: who may write
    admins: bool = True  # holds for administrators too

    @property
    def enforcement(self):
        """All that GitHub shows of it to everyone: for whom the status checks are required."""
        if not self.checks:
            return "off"
        return "everyone" if self.admins else "non_admins"

    def refusals(self, login):
        """Why this user may not push, as GitHub lists it."""
        points = ["Changes must be made through a pull request."] if self.pull_request else []
        points += [f'Required status check "{name}" is expected.' for name in self.checks]
        if self.pushers is not None and login not in self.pushers:
            points.append(
                "You're not authorized to push to this branch. Visit https://docs.github.com/repositories/configuring-branches-and-"
                "merges-in-your-repository/managing-protected-branches/about-protected-branches for more information."
            )
        return points


def matches(pattern, branch):
    """GitHub's fnmatch: * stays within a segment, ** does not."""
    if pattern == "~ALL" or "**" in pattern:
        return pattern == "~ALL" or fnmatch.fnmatchcase(branch, pattern.replace("**", "*"))
    return pattern.count("/") == branch.count("/") and fnmatch.fnmatchcase(branch, pattern)


@dataclass
class Repository:
    id: int
    path: str  # owner/name
    template: str = "small"  # how templates.py fills it
    default_branch: str = "main"
    private: bool = False
    members: dict = field(default_factory=dict)  # user id -> one of ROLES
    everyone: str | None = None  # role of all generated users
    old_paths: tuple = ()
    archived: bool = False
    disabled: bool = False
    blocked: str | None = None  # dmca, tos: GitHub shows it to nobody
    mirror_url: str | None = None
    size: int = 4  # KiB, as last counted: 0 is no proof of emptiness
    protected: list = field(default_factory=list)
    rulesets: list = field(default_factory=list)
    rules_shown: bool = True  # False: the owner's plan has no rules
    truncated: bool = False  # its trees are too long for one answer
    push_checks: frozenset = frozenset()  # secrets, large_files, email: see github_hook.py
    drafts: bool = True  # False: the owner's plan has no draft pull requests
    pulls: list = field(default_factory=list)

    @property
    def owner(self):
        return self.path.partition("/")[0]

    @property
    def name(self):
        return self.path.partition("/")[2]

    def protections_of(self, branch):
        return [rule for rule in self.protected if matches(rule.name, branch)]

    def rules_of(self, branch):
        """(ruleset, type) of each rule for a branch of this name, existing or not."""
        return [(one, kind) for one in self.rulesets if one.covers(branch) for kind in one.rules]


@dataclass
class Installation:
    """The App on an account."""

    id: int
    account_id: int
    repositories: frozenset | None = None  # ids; None: all
    permissions: dict = field(default_factory=lambda: {"contents": "write", "metadata": "read", "pull_requests": "write"})
    suspended: bool = False
    token_seconds: int = 3600


class World:
    """All that exists, behind one lock for changes; reading single entries needs none."""

    def __init__(self):
        self.guard = threading.RLock()
        self.accounts = {}
        self.tokens = {}
        self.repositories = {}
        self.paths = {}
        self.installations = {}
        self.version = "3.16.1"

    @property
    def release(self):
        """(3, 16)"""
        return tuple(int(part) for part in self.version.split(".")[:2])

    def add_account(self, account):
        self.accounts[account.id] = account
        return account

    def add_token(self, token):
        with self.guard:
            self.tokens[token.value] = token
        return token

    def add_repository(self, repository):
        with self.guard:
            self.repositories[repository.id] = repository
            for path in (repository.path, *repository.old_paths):
                self.paths[path.lower()] = repository
        return repository

    def remove_repository(self, repository):
        with self.guard:
            self.repositories.pop(repository.id, None)
            self.paths = {path: other for path, other in self.paths.items() if other is not repository}

    def account(self, number):
        found = self.accounts.get(number)
        if found is None and number and FAMILY_FIRST_ID < number <= FAMILY_FIRST_ID + FAMILY_LIMIT:
            index = number - FAMILY_FIRST_ID
            found = Account(number, f"user{index}", f"User {index}")
        return found

    def account_named(self, login):
        return next((account for account in list(self.accounts.values()) if account.login.lower() == login.lower()), None)

    def token(self, value):
        """The token with this text, or None. Generated users' tokens come into being here."""
        found = self.tokens.get(value)
        match = None if found else FAMILY_PATTERN.fullmatch(value)
        if match and int(match[1]) <= FAMILY_LIMIT and value == family_token(int(match[1])):
            found = Token(f"gh-user{match[1]}", value, FAMILY_FIRST_ID + int(match[1]))
        return found

    def repository(self, path):
        """By current or old path, in any case."""
        return self.paths.get(path.lower())

    # -- who may do what --------------------------------------------------------------------------------------

    def role(self, repository, user):
        """The user's role, one of ROLES; None for none."""
        if user is None:
            return None
        if user.id in repository.members:
            return repository.members[user.id]
        if user.login == repository.owner:
            return "admin"
        if user.id > FAMILY_FIRST_ID and repository.everyone:
            return repository.everyone
        return None if repository.private else "read"

    def suspended(self, token):
        installation = self.installations.get(token.installation_id)
        return token.kind == "installation" and (installation is None or installation.suspended)

    def sees(self, token, repository):
        """Whether the repository exists for this token."""
        if not repository.private:
            return True
        if token is None:
            return False
        if token.kind == "installation":
            return token.covers(repository)
        if self.role(repository, self.account(token.user_id)) is None:
            return False
        return token.covers(repository) if token.kind == "fine" else "repo" in token.scopes

    def may_read(self, token, repository):
        """Whether it may also look at the contents of what it sees."""
        if not repository.private or not token.selective:
            return True
        return token.permissions.get("contents") in ("read", "write")

    def may_push(self, token, repository):
        if token.selective and not (token.covers(repository) and token.permissions.get("contents") == "write"):
            return False
        if not token.selective and "repo" not in token.scopes and (repository.private or "public_repo" not in token.scopes):
            return False
        if token.kind == "installation":
            return True
        role = self.role(repository, self.account(token.user_id))
        return role is not None and ROLES.index(role) >= ROLES.index("write")

    @staticmethod
    def may_change_workflows(token):
        return token.permissions.get("workflows") == "write" if token.selective else "workflow" in token.scopes

    def organization_refusal(self, token, repository):
        """Why the repository's organization keeps this token out: ip_allow_list, saml, classic_forbidden; None when it does not."""
        organization = self.account_named(repository.owner)
        if token is None or organization is None or not organization.organization:
            return None
        if organization.ip_allow_list:
            return "ip_allow_list"
        if token.kind in ("classic", "oauth") and (organization.saml or token.problem == "saml"):
            return "saml"
        if token.kind == "classic" and token.problem == "classic_forbidden":
            return "classic_forbidden"
        return None
