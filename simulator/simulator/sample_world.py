"""The sample users, tokens and projects: one of each kind that a client of GitLab can meet."""

from .world import DEVELOPER, GUEST, MAINTAINER, OWNER, REPORTER, Project, Protection, Token, User, World

JOHN, MARY, ADMIN, BOT = 1001, 1002, 1, 1050
TAIL = "0123456789abcdefghij"

FULL_GRANTS = frozenset(
    {
        "read_user",
        "read_personal_access_token",
        "read_project",
        "read_branch",
        "read_protected_branch",
        "read_member",
        "read_metadata",
        "download_code",
        "push_code",
    }
)


def classic(name):
    """A token of the classic form: the prefix and 20 characters."""
    return "glpat-" + (name + "-" + TAIL)[:20]


def _users(world):
    world.add_user(User(ADMIN, "root", "Administrator", "admin@example.com", admin=True))
    world.add_user(User(JOHN, "john", "John Smith", "john@example.com"))
    world.add_user(User(MARY, "mary", "Mary Major", "mary@example.com"))
    world.add_user(
        User(BOT, "project_81_bot_4f2c9a", "hello bot", "project_81_bot_4f2c9a@noreply.gitlab.test", bot=True, namespace=False)
    )
    for number, state in enumerate(
        ("blocked", "deactivated", "unconfirmed", "password_expired", "terms", "blocked_pending_approval"), 1010
    ):
        world.add_user(User(number, state.replace("_", "-"), state.replace("_", " ").title(), f"{state}@example.com", state=state))


def _tokens(world):
    """(name, value, scopes, further members). All are John's unless said otherwise."""
    rows = [
        ("good", classic("good"), ["api"], {}),
        ("readOnly", classic("readOnly"), ["read_api", "read_repository"], {}),
        ("leastPrivilege", classic("least"), ["read_api", "write_repository"], {}),
        ("readUser", classic("readUser"), ["read_user"], {}),
        ("writeRepository", classic("writeRepo"), ["write_repository"], {}),
        ("readRepository", classic("readRepo"), ["read_repository"], {}),
        ("expiring", classic("expiring"), ["api"], {"ends": 3}),
        ("noExpiry", classic("noExpiry"), ["api"], {"ends": None}),
        ("expired", classic("expired"), ["api"], {"ends": -2}),
        ("revoked", classic("revoked"), ["api"], {"revoked": True}),
        ("impersonation", classic("impersonate"), ["api"], {"kind": "impersonation"}),
        ("impersonationDisabled", classic("impersonOff"), ["api"], {"kind": "impersonation", "problem": "impersonation_disabled"}),
        ("dpop", classic("dpop"), ["api"], {"problem": "dpop"}),
        ("rateLimited", classic("rateLimited"), ["api"], {"problem": "rate_limited"}),
        ("rateLimitedBare", classic("rateLimBare"), ["api"], {"problem": "rate_limited_bare"}),
        ("rateLimitedApp", classic("rateLimApp"), ["api"], {"problem": "rate_limited_app"}),
        ("routable", "glpat-rQxN4mJb0sYyT2wVh8kLc3M6cDoyCnU6MQpwOjEKdToxeQZq2Kfe0BD.01.1a0z70tqj", ["api"], {}),
        ("routableLong", "glpat-" + "Zm9vYmFyLWJhei1xdXV4" * 14 + "." + "01.1a0z70tqj", ["api"], {}),
        ("instancePrefix", "mycorp-" + classic("corp"), ["api"], {}),
        ("customPrefix", "acme_pat_x9J2kQ7vB4nM1sD8fG3h", ["api"], {}),
        ("prefixless", "x9J2kQ7vB4nM1sD8fG3h", ["api"], {}),
        ("granular", classic("granular"), ["granular"], {"grants": FULL_GRANTS}),
        ("granularNoProject", classic("granNoProj"), ["granular"], {"grants": FULL_GRANTS - {"read_project"}}),
        ("granularNoPush", classic("granNoPush"), ["granular"], {"grants": FULL_GRANTS - {"push_code"}}),
        ("granularNothing", classic("granNothing"), ["granular"], {"grants": frozenset()}),
        ("oauth", "5b1f0c7de2a94836" * 4, ["api"], {"kind": "oauth"}),
        ("bot", classic("bot"), ["api"], {"kind": "project", "user_id": BOT}),
        ("mary", classic("mary"), ["api"], {"user_id": MARY}),
        ("sudo", classic("sudo"), ["api", "sudo", "admin_mode"], {"user_id": ADMIN}),
    ]
    for name, value, scopes, more in rows:
        members = {"user_id": JOHN, "ends": 200} | more
        world.add_token(Token(name, value, scopes=scopes, **members))
    for user in list(world.users.values()):
        if user.state != "active":
            world.add_token(Token(user.username, classic(user.username.replace("-", "")[:14]), user.id, ["api"], ends=200))


def _projects(world):
    """(path, further members); ids count from 81. John is a Developer and Mary a Maintainer unless said otherwise."""
    rows = [
        (
            "demo/hello",
            {"template": "hello", "everyone": DEVELOPER, "members": {JOHN: DEVELOPER, MARY: MAINTAINER, BOT: DEVELOPER}},
        ),
        ("platform/team/backend/services/api", {"via": "group"}),
        ("group/sub/api", {}),
        ("other/api", {}),
        ("demo/archived", {"archived": True}),
        ("demo/empty", {"template": "empty", "protected": [], "everyone": DEVELOPER}),
        ("demo/empty-protected", {"template": "empty", "protected": [], "protects_empty": True}),
        ("demo/renamed", {"old_paths": ("demo/old-name", "former/renamed")}),
        ("secret/hidden", {"members": {MARY: OWNER}}),
        ("roles/reporter", {"members": {JOHN: REPORTER, MARY: MAINTAINER}}),
        ("roles/guest", {"members": {JOHN: GUEST, MARY: MAINTAINER}}),
        ("roles/planner", {"members": {JOHN: 15, MARY: MAINTAINER}}),
        ("roles/maintainer", {"members": {JOHN: MAINTAINER, MARY: OWNER}}),
        ("roles/owner", {"members": {JOHN: OWNER}, "via": "group"}),
        ("shared/both-null", {"via": "shared"}),
        ("shared/no-member", {"via": "shared", "listed": False, "visibility": "internal", "members": {MARY: MAINTAINER}}),
        ("shared/probe-decides", {"via": "shared", "listed": False}),
        ("demo/pending-deletion", {"deleting": True}),
        ("demo/repository-disabled", {"repository_disabled": True}),
        ("demo/importing", {"import_status": "started"}),
        ("demo/mirror", {"mirror": True}),
        ("demo/releases", {"template": "releases", "protected": [Protection("main"), Protection("release/*")]}),
        ("demo/developers-push", {"protected": [Protection("main", push_level=DEVELOPER)]}),
        ("demo/nobody-pushes", {"protected": [Protection("main", push_level=0)]}),
        ("demo/named-pusher", {"protected": [Protection("main", push_users=(JOHN,))]}),
        ("demo/group-pushes", {"protected": [Protection("main", group_id=1234)]}),
        ("demo/maintainers-list", {"protected_list_level": MAINTAINER}),
        ("demo/unprotected", {"protected": []}),
        ("demo/public", {"visibility": "public"}),
        ("demo/public-outsider", {"visibility": "public", "members": {MARY: MAINTAINER}}),
        ("demo/misplaced-url", {"clone_host": "http://gitlab.internal:8181"}),
        ("demo/sso", {"sso": True}),
        ("demo/no-http", {"http": "disabled"}),
        ("demo/no-http-push", {"http": "no_push"}),
        ("demo/no-http-pull", {"http": "no_pull"}),
        ("demo/read-only", {"read_only": True}),
        ("demo/push-rules", {"rules": {"commitMessage": "^[A-Z]+-[0-9]+:"}}),
        ("demo/member-email", {"rules": {"memberEmail": True}}),
        ("demo/file-names", {"rules": {"fileName": r"\.pem$"}}),
        ("demo/secret-detection", {"rules": {"secretDetection": True}}),
        ("demo/too-big", {"rules": {"sizeLimit": True}}),
        ("demo/lfs-check", {"template": "lfs", "rules": {"lfs": True}}),
        ("demo/custom-hook", {"rules": {"message": "The freeze is on until Monday."}}),
        ("demo/no-link", {"shows_merge_request_link": False}),
        ("demo/many-branches", {"template": "branches:250"}),
        ("demo/big", {"template": "big:48"}),
        ("demo/Mixed.Case_name", {}),
        ("demo/trunk", {"default_branch": "trunk/main", "protected": [Protection("trunk/main")]}),
        ("demo/empty-named", {"template": "empty", "protected": [], "empty_shows_default": True}),
        ("demo/browse", {"template": "browse:250"}),
    ]
    for number, (path, more) in enumerate(rows, 81):
        world.add_project(Project(number, path, **({"members": {JOHN: DEVELOPER, MARY: MAINTAINER}} | more)))


def build():
    world = World()
    _users(world)
    _tokens(world)
    _projects(world)
    return world
