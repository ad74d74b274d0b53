"""Users, tokens and projects, and GitLab's rules between them. No HTTP here.

The data itself is in sample_world.py.
"""

import datetime
import fnmatch
import re
import threading
from dataclasses import dataclass, field

GUEST, REPORTER, DEVELOPER, MAINTAINER, OWNER, ADMIN_POWER = 10, 20, 30, 40, 50, 60
ROLE_NAMES = {
    10: "Guest",
    15: "Planner",
    20: "Reporter",
    30: "Developers + Maintainers",
    40: "Maintainers",
    50: "Owners",
    0: "No one",
}

# The N-th of the generated users has exactly one token: FAMILY % N. Nothing is stored for them until they are changed.
FAMILY = "glpat-user%d-0123456789abcdefghij"
FAMILY_PATTERN = re.compile(r"glpat-user([1-9]\d{0,5})-0123456789abcdefghij")
FAMILY_LIMIT = 200_000
FAMILY_FIRST_ID = 100_000

OTHER_KINDS = re.compile(r"(^|-)gl(dt|cbt|rt|rtr|ptt|ft|imt|agent|soat|oas|ffct|wt)-")
GITHUB_KINDS = re.compile(r"gh[pousr]_|github_pat_")

ACCOUNT_REFUSALS = {
    "blocked": "Your account has been blocked.",
    "blocked_pending_approval": "Your account is pending approval from your administrator and hence blocked.",
    "deactivated": "Your account has been deactivated by your administrator. Please log back in from a web browser to reactivate "
    "your account at {url}",
    "unconfirmed": "Your primary email address is not confirmed. Please check your inbox for the confirmation instructions. In "
    "case the link is expired, you can request a new confirmation email at {url}/users/confirmation/new",
    "password_expired": "Your password expired. Please access GitLab from a web browser to update your password.",
    "terms": "You (@{username}) must accept the Terms of Service in order to perform this action. To accept these terms, please "
    "access GitLab from a web browser at {url}.",
    "internal": "This action cannot be performed by internal users",
}


def today():
    return datetime.datetime.now(datetime.UTC).date()


def in_days(days):
    return (today() + datetime.timedelta(days=days)).isoformat()


@dataclass
class User:
    id: int
    username: str
    name: str
    email: str
    state: str = "active"  # a key of ACCOUNT_REFUSALS when not active
    bot: bool = False
    namespace: bool = True  # may create projects under his own name
    admin: bool = False

    def refusal(self, base_url):
        text = ACCOUNT_REFUSALS.get(self.state)
        return text and text.format(url=base_url, username=self.username)


@dataclass
class Token:
    name: str  # what the journal and GET /tokens call it
    value: str
    user_id: int
    scopes: list = field(default_factory=lambda: ["api"])
    kind: str = "personal"  # personal, impersonation, project, group, oauth
    ends: str | int | None = None  # a day, or so many days from today, whichever day that is
    revoked: bool = False
    # refusals other than expiry: dpop, impersonation_disabled, rate_limited, rate_limited_bare, rate_limited_app
    problem: str | None = None
    grants: frozenset | None = None  # of a fine-grained token
    id: int = 0
    created_at: str = "2026-01-15T09:30:00.000Z"
    last_used_at: str | None = None

    @property
    def expires_at(self):
        return in_days(self.ends) if isinstance(self.ends, int) else self.ends

    @property
    def expired(self):
        # The day itself is over for the token: it dies at 00:00 UTC at its start.
        return self.expires_at is not None and datetime.date.fromisoformat(self.expires_at) <= today()

    @property
    def active(self):
        return not self.revoked and not self.expired

    def allows(self, accepted):
        return bool(set(self.scopes) & set(accepted))

    @property
    def can_download(self):
        if self.grants is not None:
            return "download_code" in self.grants
        return self.allows(("api", "read_api", "read_repository", "write_repository", "ai_workflows"))

    @property
    def can_upload(self):
        if self.grants is not None:
            return "push_code" in self.grants
        return self.allows(("api", "write_repository", "ai_workflows"))


@dataclass
class Protection:
    """A protected branch or wildcard; levels and users that may push (0: no one)."""

    name: str
    push_level: int = MAINTAINER
    merge_level: int = MAINTAINER
    push_users: tuple = ()
    group_id: int | None = None  # a group whose members may push: the asking user cannot tell
    allow_force: bool = False

    def covers(self, branch):
        # GitLab's * matches any characters, "/" too; nothing else is special.
        pattern = self.name.replace("[", "[[]").replace("?", "[?]")
        return fnmatch.fnmatchcase(branch, pattern)

    def may_push(self, user_id, level):
        return (self.push_level > 0 and level >= self.push_level) or user_id in self.push_users


@dataclass
class Project:
    id: int
    path: str
    template: str = "small"  # how repositories.py fills it
    default_branch: str = "main"
    visibility: str = "private"
    members: dict = field(default_factory=dict)  # user id -> level
    via: str = "project"  # where `permissions` shows the level: project, group, shared (nowhere)
    listed: bool = True  # members/all knows the members
    everyone: int = 0  # level of all generated users
    protected: list = field(default_factory=lambda: [Protection("main")])
    protects_empty: bool = False
    protected_list_level: int = REPORTER
    old_paths: tuple = ()
    archived: bool = False
    deleting: bool = False
    repository_disabled: bool = False
    import_status: str = "none"
    mirror: bool = False
    read_only: bool = False
    http: str = "enabled"  # no_pull, no_push, disabled
    sso: bool = False
    shows_merge_request_link: bool = True
    clone_host: str | None = None  # http_url_to_repo names another server
    empty_shows_default: bool = False
    rules: dict = field(default_factory=dict)  # push rules, see git_hook.py
    merge_requests: str = "enabled"  # or disabled: the project has switched them off
    opened_requests: list = field(default_factory=list)  # merge requests, whatever their state

    def level(self, user):
        """The membership, as the API shows it."""
        if user.id in self.members:
            return self.members[user.id]
        if user.id > FAMILY_FIRST_ID:
            return self.everyone
        return 0

    def power(self, user):
        """What the user may do: administrators need no membership."""
        return ADMIN_POWER if user.admin else self.level(user)

    def readable_by(self, user):
        """Whether the project exists for this user."""
        return self.visibility == "public" or (user is not None and (self.visibility == "internal" or self.power(user) > 0))

    def code_readable_by(self, user):
        return self.visibility in ("public", "internal") or self.power(user) >= REPORTER

    def protections_of(self, branch):
        return [rule for rule in self.protected if rule.covers(branch)]

    def may_push_to(self, branch, user, empty=False):
        level = self.power(user)
        if level < DEVELOPER or self.archived:
            return False
        if empty and self.protects_empty:
            return level >= MAINTAINER
        rules = self.protections_of(branch)
        return not rules or any(rule.may_push(user.id, level) for rule in rules)


class World:
    """All that exists, behind one lock for changes; reading single entries needs none."""

    def __init__(self):
        self.guard = threading.RLock()
        self.users = {}
        self.tokens = {}
        self.projects = {}
        self.paths = {}
        self.foreign = set()
        self.version = "18.1.1-ee"

    @property
    def release(self):
        """(18, 1)"""
        return tuple(int(part) for part in self.version.split(".")[:2])

    def add_user(self, user):
        self.users[user.id] = user
        return user

    def add_token(self, token):
        with self.guard:
            token.id = token.id or 500 + len(self.tokens)
            self.tokens[token.value] = token
        return token

    def add_project(self, project):
        with self.guard:
            self.projects[project.id] = project
            for path in (project.path, *project.old_paths):
                self.paths[path.lower()] = project
        return project

    def remove_project(self, project):
        with self.guard:
            self.projects.pop(project.id, None)
            self.paths = {path: other for path, other in self.paths.items() if other is not project}

    def user(self, user_id):
        found = self.users.get(user_id)
        if found is None and FAMILY_FIRST_ID < user_id <= FAMILY_FIRST_ID + FAMILY_LIMIT:
            number = user_id - FAMILY_FIRST_ID
            found = User(user_id, f"user{number}", f"User {number}", f"user{number}@example.com")
        return found

    def token(self, value):
        """The token with this text, or None. Generated users' tokens come into being here."""
        found = self.tokens.get(value)
        if found is None:
            match = FAMILY_PATTERN.fullmatch(value)
            if match and int(match[1]) <= FAMILY_LIMIT:
                number = int(match[1])
                found = Token(
                    f"user{number}", value, FAMILY_FIRST_ID + number, ["api"], ends=200, id=FAMILY_FIRST_ID + number
                )
        return found

    def project(self, path):
        """By current or old path, in any case."""
        return self.paths.get(path.lower())

    def is_foreign(self, value):
        """A token of another instance or of GitHub: to see one here means it was sent to the wrong place."""
        return value in self.foreign or value.startswith("glpat-foreign-") or bool(GITHUB_KINDS.match(value))
