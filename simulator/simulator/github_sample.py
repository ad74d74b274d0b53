"""The sample accounts, tokens, repositories and installations of GitHub: one of each kind that a client can meet."""

from .github_world import CLASSIC_LENGTH, Account, Installation, Protection, Repository, Ruleset, Token, World

OCTO, HUBBER = 583231, 583232
ORGANIZATION, FENCED, SAML = 9919, 9920, 9921
USER_INSTALLATION, ORGANIZATION_INSTALLATION, SUSPENDED_INSTALLATION = 7001, 7002, 7003
DAY = 86400
TAIL = "0123456789abcdefghijklmnopqrstuvwxyz"

READ = {"contents": "read", "metadata": "read"}
WRITE = {"contents": "write", "metadata": "read"}


def classic(name, prefix="ghp_"):
    return (prefix + name + TAIL)[:CLASSIC_LENGTH]


def fine(name):
    """A token of the fine-grained form: the prefix, 22 characters, a line, 59 characters."""
    return "github_pat_" + ("11AAAAAAA0" + name + TAIL)[:22] + "_" + (name + TAIL + TAIL)[:59]


def _accounts(world):
    world.add_account(Account(OCTO, "octo", "Octo Cat"))
    world.add_account(Account(HUBBER, "hubber", "Hubber", "hubber@example.com"))
    world.add_account(Account(ORGANIZATION, "octo-org", "Octo Org", organization=True, members={OCTO: "owner", HUBBER: "pending"}))
    world.add_account(Account(FENCED, "fenced-org", "Fenced", organization=True, members={OCTO: "active"}, ip_allow_list=True))
    world.add_account(Account(SAML, "saml-org", "Single Sign-On", organization=True, members={OCTO: "active"}, saml=True))


def _tokens(world):
    """(name, value, further members). All are octo's unless said otherwise."""
    rows = [
        ("classic", classic("octoclassic"), {}),
        ("repoOnly", classic("octorepo"), {"scopes": ("repo",)}),
        ("publicRepo", classic("octopublic"), {"scopes": ("public_repo",)}),
        ("noScope", classic("octonone"), {"scopes": ()}),
        ("expiring", classic("octoexpiring"), {"lasts": 3 * DAY}),
        ("expired", classic("octoexpired"), {"lasts": -2 * DAY}),
        ("revoked", classic("octorevoked"), {"revoked": True}),
        ("fineWrite", fine("write"), {"kind": "fine", "owner": "octo", "permissions": WRITE, "lasts": 80 * DAY}),
        ("finePulls", fine("pulls"), {"kind": "fine", "owner": "octo", "permissions": WRITE | {"pull_requests": "write"}}),
        ("fineRead", fine("read"), {"kind": "fine", "owner": "octo", "permissions": READ}),
        ("fineNoContents", fine("nothing"), {"kind": "fine", "owner": "octo", "permissions": {"metadata": "read"}}),
        ("fineOrganization", fine("organization"), {"kind": "fine", "owner": "octo-org", "permissions": WRITE}),
        ("oauth", classic("octooauth", "gho_"), {"kind": "oauth"}),
        ("samlBlocked", classic("octosaml"), {"problem": "saml"}),
        ("classicForbidden", classic("octoforbidden"), {"problem": "classic_forbidden"}),
        ("rateLimited", classic("octolimited"), {"problem": "rate_limited"}),
        ("secondaryLimit", classic("octosecond"), {"problem": "secondary"}),
        ("secondaryLimitBare", classic("octosecbare"), {"problem": "secondary_bare"}),
        ("secondaryLimit403", classic("octosec403"), {"problem": "secondary_403"}),
        ("hubber", classic("hubber"), {"user_id": HUBBER}),
    ]
    for name, value, more in rows:
        world.add_token(Token(name, value, **({"user_id": OCTO} | more)))


def _repositories(world):
    """(path, further members); ids count from 1296269."""
    private, writer = {"private": True}, {"members": {OCTO: "write", HUBBER: "admin"}}
    rows = [
        ("octo/hello", {"template": "hello", "everyone": "write", "protected": [Protection("main", checks=("ci",))]}),
        # So small that GitHub counts no kilobyte: not empty all the same.
        ("octo-org/service", private | writer | {"size": 0}),
        ("octo/empty", {"template": "empty", "everyone": "write", "size": 0}),
        ("octo-org/archived", writer | {"archived": True}),
        ("octo-org/readonly", private | {"members": {OCTO: "read", HUBBER: "admin"}}),
        ("octo/new-name", {"old_paths": ("octo/old-name", "former/renamed")}),
        ("octo-org/rules", writer | {"template": "releases", "rulesets": [Ruleset(42, ("main", "release/*"))]}),
        ("octo/browse", {"template": "browse:250", "size": 6200}),
        ("octo-org/triage", {"members": {OCTO: "triage"}}),
        ("octo-org/maintain", private | {"members": {OCTO: "maintain"}}),
        ("octo-org/pushers", writer | {"protected": [Protection("main", pull_request=False, pushers=("hubber",))]}),
        ("octo-org/no-rules", private | writer | {"rules_shown": False}),
        (
            "octo-org/strict",
            writer
            | {
                "rulesets": [
                    Ruleset(43, ("main", "locked/*"), ("creation", "update", "deletion", "non_fast_forward", "required_signatures"))
                ]
            },
        ),
        ("octo-org/bypass", writer | {"rulesets": [Ruleset(44, ("main",), bypass=("octo",))]}),
        ("octo/private", private | {"protected": [Protection("main", pull_request=False)]}),
        ("octo/exempt", {"protected": [Protection("main", checks=("ci",), admins=False)]}),
        ("octo/wide", {"truncated": True}),
        ("octo/mirror", {"mirror_url": "https://git.example.com/mirror.git"}),
        ("octo/disabled", {"disabled": True}),
        ("octo/dmca", {"blocked": "dmca"}),
        ("octo/tos", {"blocked": "tos"}),
        ("octo/secrets", {"push_checks": frozenset({"secrets"})}),
        ("octo/large-files", {"push_checks": frozenset({"large_files"})}),
        ("octo/private-email", {"push_checks": frozenset({"email"})}),
        ("octo/Mixed.Case_name", {}),
        ("fenced-org/inside", private | {"members": {OCTO: "write"}}),
        ("saml-org/app", private | {"members": {OCTO: "write"}}),
        ("hubber/public", {"template": "hello"}),
        ("hubber/secret", private),
    ]
    for number, (path, more) in enumerate(rows, 1296269):
        world.add_repository(Repository(number, path, **more))


def _installations(world):
    for number, account in (
        (USER_INSTALLATION, OCTO),
        (ORGANIZATION_INSTALLATION, ORGANIZATION),
        (SUSPENDED_INSTALLATION, HUBBER),
    ):
        world.installations[number] = Installation(number, account, suspended=number == SUSPENDED_INSTALLATION)


def build():
    world = World()
    _accounts(world)
    _tokens(world)
    _repositories(world)
    _installations(world)
    return world
