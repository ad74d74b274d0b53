"""The part of the self test that asks GitHub's API: tokens, repositories, looking at files, the App and the strictness."""

import base64
import json
import subprocess
import time
import urllib.parse

from selftest_support import GitHub, fails

RAW, OBJECT = "application/vnd.github.raw+json", "application/vnd.github.object+json"


def github_checks(checks, simulator, folder):
    github = GitHub(simulator)
    token_checks(checks, github)
    repository_checks(checks, github)
    branch_checks(checks, github)
    content_checks(checks, github)
    app_checks(checks, github, folder)
    strictness_checks(checks, github)
    control_checks(checks, github)


def token_checks(checks, github):
    """GET /user, and a private repository of an organization."""
    rows = [
        ("classic", 200, '"id": 583231'),
        ("publicRepo", 200, '"login": "octo"'),
        ("noScope", 200, '"email": null'),
        ("oauth", 200, '"octo"'),
        ("expiring", 200, '"octo"'),
        ("fineWrite", 200, '"octo"'),
        ("fineRead", 200, '"octo"'),
        ("samlBlocked", 200, '"octo"'),
        ("classicForbidden", 200, '"octo"'),
        ("hubber", 200, '"email": "hubber@example.com"'),
        ("revoked", 401, '"message": "Bad credentials"'),
        ("expired", 401, '"message": "Bad credentials"'),
        ("ghp_0123456789abcdef0123456789abcdef0123", 401, "Bad credentials"),
        ("ghp_user17x0123456789abcdefghijklmnopqrs", 200, '"login": "user17"'),
        ("ghp_user20000x0123456789abcdefghijklmnop", 200, '"id": 10020000'),
        ("ghp_user17x0123456789abcdefghijklmnopqrX", 401, "Bad credentials"),
        ("rateLimited", 403, "API rate limit exceeded for user ID 583231."),
        ("secondaryLimit", 429, "You have exceeded a secondary rate limit."),
        ("secondaryLimitBare", 429, "secondary rate limit"),
        ("secondaryLimit403", 403, "secondary rate limit"),
    ]
    for name, status, text in rows:
        seen = github.api("/user", name)
        checks.check(f"GitHub: GET /user with the token {name}: {status}", seen[0] == status and text in json.dumps(seen[2]), seen)

    def header(token, name):
        return github.api("/user", token)[1].get(name)

    checks.equal("GitHub: a classic token's scopes", header("classic", "x-oauth-scopes"), "repo, workflow")
    checks.equal("GitHub: no scope is an empty list", header("noScope", "x-oauth-scopes"), "")
    checks.equal("GitHub: a fine-grained token shows none", header("fineWrite", "x-oauth-scopes"), None)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 3 * 86400))
    shown = header("expiring", "github-authentication-token-expiration")
    checks.check("GitHub: a token's end is a header", shown.startswith(day) and shown.endswith(" UTC"), shown)
    checks.check("GitHub: or has an offset", header("fineWrite", "github-authentication-token-expiration").endswith(" +0000"))
    checks.equal(
        "GitHub: a token without an end has no such header", header("classic", "github-authentication-token-expiration"), None
    )
    headers = github.api("/user", "rateLimited")[1]
    checks.check(
        "GitHub: the primary limit says when it ends", headers["x-ratelimit-remaining"] == "0" and "retry-after" not in headers
    )
    checks.check("GitHub: until then is ahead", int(headers["x-ratelimit-reset"]) > time.time())
    checks.equal("GitHub: the secondary limit says how long to wait", header("secondaryLimit", "retry-after"), "60")
    checks.equal("GitHub: or does not", header("secondaryLimitBare", "retry-after"), None)
    checks.check("GitHub: every answer has its id", ":" in header("revoked", "x-github-request-id"))
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])


def repository_checks(checks, github):
    rows = [
        ("octo/hello", "classic", 200, {"default_branch": "main", "private": False, "archived": False}),
        ("OCTO/Hello", "classic", 200, {"full_name": "octo/hello"}),
        ("octo/hello", "noScope", 200, {"visibility": "public"}),
        ("octo/hello", "ghp_user5x0123456789abcdefghijklmnopqrst", 200, {"full_name": "octo/hello"}),
        ("octo-org/service", "classic", 200, {"private": True, "size": 0}),
        ("octo-org/service", "publicRepo", 404, {"message": "Not Found", "status": "404"}),
        ("octo-org/service", "fineWrite", 404, {"message": "Not Found"}),
        ("octo-org/service", "fineOrganization", 200, {"private": True}),
        ("octo/private", "fineRead", 200, {"private": True}),
        ("octo/empty", "classic", 200, {"default_branch": "main", "size": 0}),
        ("octo-org/archived", "classic", 200, {"archived": True}),
        ("octo/mirror", "classic", 200, {"mirror_url": "https://git.example.com/mirror.git"}),
        ("octo/disabled", "classic", 200, {"disabled": True}),
        ("octo/dmca", "classic", 451, {"message": "Repository access blocked"}),
        ("octo/tos", "classic", 403, {"message": "Repository access blocked"}),
        ("hubber/secret", "classic", 404, {"message": "Not Found"}),
        ("octo/none", "classic", 404, {"message": "Not Found"}),
    ]
    for path, token, status, members in rows:
        seen = github.api(f"/repos/{path}", token)
        good = seen[0] == status and all(seen[2][name] == value for name, value in members.items())
        checks.check(f"GitHub: {path} with {token}: {status}", good, seen)

    def permissions(path, token="classic"):
        return [name for name, given in github.api(f"/repos/{path}", token)[2]["permissions"].items() if given]

    everything = ["admin", "maintain", "push", "triage", "pull"]
    for path, wanted in (
        ("octo/hello", everything),
        ("octo-org/maintain", everything[1:]),
        ("octo-org/service", everything[2:]),
        ("octo-org/triage", everything[3:]),
        ("octo-org/readonly", everything[4:]),
        ("hubber/public", everything[4:]),
    ):
        checks.equal(f"GitHub: octo's role in {path}", permissions(path), wanted)
    checks.equal("GitHub: a fine-grained token shows its user's role", permissions("octo/private", "fineRead"), everything)
    status, headers, value = github.api("/repos/octo/old-name/branches/main")
    checks.equal("GitHub: a renamed repository is sent on by number", (status, value["message"]), (301, "Moved Permanently"))
    checks.equal("GitHub: on a host of its own", value["url"], "https://github.internal/api/v3/repositories/1296274/branches/main")
    checks.equal("GitHub: in the header too", headers["location"], value["url"])
    checks.equal("GitHub: by number it answers", github.api("/repositories/1296274")[2]["full_name"], "octo/new-name")

    seen = github.api("/repos/octo-org/service", "samlBlocked")
    checks.check("GitHub: SAML", seen[0] == 403 and seen[2]["message"].startswith("Resource protected by organization SAML"), seen)
    checks.check(
        "GitHub: the header says where", seen[1]["x-github-sso"].startswith(f"required; url={github.base}/orgs/octo-org/sso?")
    )
    checks.equal("GitHub: an organization's SAML holds for all", github.api("/repos/saml-org/app")[0], 403)
    checks.equal("GitHub: but not for the user's own", github.api("/repos/octo/hello", "samlBlocked")[0], 200)
    seen = github.api("/repos/octo-org/service", "classicForbidden")[2]["message"]
    checks.check(
        "GitHub: no classic tokens", seen.startswith("`octo-org` forbids access via a personal access token (classic)."), seen
    )
    seen = github.api("/repos/fenced-org/inside")[2]["message"]
    checks.check("GitHub: an IP allow list", "the `fenced-org` organization has an IP allow list enabled" in seen, seen)
    for organization, token, wanted in (
        ("octo-org", "classic", "active"),
        ("octo-org", "hubber", "pending"),
        ("octo-org", "ghp_user5x0123456789abcdefghijklmnopqrst", "Not Found"),
        ("octo-org", "noScope", "Not Found"),
        ("nowhere", "classic", "Not Found"),
        ("octo-org", "fineWrite", "Resource not accessible by personal access token"),
    ):
        value = github.api(f"/user/memberships/orgs/{organization}", token)[2]
        checks.equal(f"GitHub: membership in {organization} with {token}", value.get("state", value.get("message")), wanted)
    checks.equal("GitHub: /meta needs no token", github.api("/meta", None)[2]["installed_version"], "3.16.1")
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])


def branch_checks(checks, github):
    value = github.api("/repos/octo/hello/branches/docs%2Fguide")[2]
    checks.check("GitHub: a branch with a slash", value["name"] == "docs/guide" and not value["protected"], value)
    for path, level in (("octo/hello", "everyone"), ("octo/exempt", "non_admins"), ("octo/private", "off")):
        value = github.api(f"/repos/{path}/branches/main")[2]["protection"]["required_status_checks"]["enforcement_level"]
        checks.equal(f"GitHub: for whom the checks of {path} are", value, level)
    for path, number, wanted in (("octo-org/rules", 42, "never"), ("octo-org/bypass", 44, "always")):
        value = github.api(f"/repos/{path}/rulesets/{number}")[2]
        checks.equal(f"GitHub: who may bypass the rules of {path}", value["current_user_can_bypass"], wanted)
    checks.equal("GitHub: a missing ruleset", github.api("/repos/octo-org/rules/rulesets/1")[0], 404)
    value = github.api("/repos/octo/hello/branches/main")[2]
    checks.check("GitHub: a protected branch with its commit", value["protected"] and "commit" in value["commit"], value)
    checks.equal("GitHub: a missing branch", github.api("/repos/octo/hello/branches/none")[2]["message"], "Branch not found")
    status, headers, value = github.api("/repos/octo/browse/branches?per_page=100&page=3")
    checks.equal("GitHub: branches come in pages", (status, len(value), "next" in headers["link"]), (200, 57, False))
    link = github.api("/repos/octo/browse/branches?per_page=100")[1]["link"]
    checks.check(
        "GitHub: links are by number",
        f'<{github.base}/api/v3/repositories/1296276/branches?per_page=100&page=2>; rel="next"' in link,
        link,
    )
    checks.check("GitHub: and name the last page", 'page=3>; rel="last"' in link, link)
    names = [one["name"] for one in github.api("/repositories/1296276/branches?per_page=100&page=1")[2]]
    checks.equal("GitHub: odd names", {"100%", "feature/a", "feature/a&b", "fix#1"} - set(names), set())
    for name in ("feature/a&b", "fix#1", "100%", "ümlaut"):
        quoted = urllib.parse.quote(name, safe="")
        checks.equal(f"GitHub: the branch {name}", github.api(f"/repos/octo/browse/branches/{quoted}")[2].get("name"), name)
    checks.equal("GitHub: an empty repository has no branches", github.api("/repos/octo/empty/branches")[2], [])
    for path, branch, wanted in (
        ("octo/hello", "main", []),
        ("octo-org/rules", "main", ["pull_request"]),
        ("octo-org/rules", "release/1.0", ["pull_request"]),
        ("octo-org/rules", "release/not-yet", ["pull_request"]),
        ("octo-org/rules", "release/a/b", []),
        ("octo-org/rules", "topic", []),
        ("octo-org/strict", "locked/x", ["creation", "update", "deletion", "non_fast_forward", "required_signatures"]),
    ):
        value = github.api(f"/repos/{path}/rules/branches/{urllib.parse.quote(branch, safe='')}")[2]
        checks.equal(f"GitHub: the rules of {branch} in {path}", [rule["type"] for rule in value], wanted)
    seen = github.api("/repos/octo-org/no-rules/rules/branches/main")
    checks.check("GitHub: a plan without rules", seen[0] == 403 and seen[2]["message"].startswith("Upgrade to GitHub Pro"), seen)
    github.control("POST", "/github/version", {"version": "3.10.2"})
    checks.equal("GitHub: an old release has no rules", github.api("/repos/octo-org/rules/rules/branches/main")[0], 404)
    github.control("POST", "/github/version", {"version": "3.16.1"})
    for prefix, wanted in (
        ("heads/feature", ["refs/heads/feature/a", "refs/heads/feature/a&b"]),
        ("tags/v1", ["refs/tags/v1.0"]),
        ("tags/release", ["refs/tags/release/v2.0"]),
        ("heads/none", []),
    ):
        value = github.api(f"/repos/octo/browse/git/matching-refs/{prefix}")[2]
        checks.equal(f"GitHub: references that begin with {prefix}", [one["ref"] for one in value], wanted)
    kinds = [github.api(f"/repos/octo/browse/git/ref/tags/{name}")[2]["object"]["type"] for name in ("v1.0", "release%2Fv2.0")]
    checks.equal("GitHub: an annotated tag and a light one", kinds, ["tag", "commit"])
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])


def content_checks(checks, github):
    tree = {entry["path"]: entry for entry in github.api("/repos/octo/browse/git/trees/main")[2]["tree"]}
    rows = [
        ("docs", "040000", "tree", None),
        ("run.sh", "100755", "blob", 21),
        ("link", "120000", "blob", 13),
        ("large.bin", "100644", "blob", 6 << 20),
        ("binary.dat", "100644", "blob", 1024),
    ]
    for name, mode, kind, size in rows:
        seen = tree[name]
        checks.equal(f"GitHub: {name} in the tree", (seen["mode"], seen["type"], seen.get("size")), (mode, kind, size))
    folder = github.api("/repos/octo/browse/contents/odd?ref=main", accept=OBJECT)[2]
    checks.equal("GitHub: a folder as an object", (folder["type"], folder["sha"]), ("dir", tree["odd"]["sha"]))
    inner = github.api(f"/repos/octo/browse/git/trees/{folder['sha']}")[2]["tree"]
    checks.check("GitHub: its tree by id", "ümlaut.txt" in [entry["path"] for entry in inner], inner)
    vendor = github.api("/repos/octo/browse/git/trees/main?recursive=1")[2]["tree"]
    checks.check(
        "GitHub: a submodule is a commit",
        {"vendor/module": "commit"}.items() <= {one["path"]: one["type"] for one in vendor}.items(),
    )
    for ref in ("v1.0", "release%2Fv2.0", "feature%2Fa%26b", "fix%231", "100%25"):
        checks.equal(f"GitHub: the tree of {ref}", github.api(f"/repos/octo/browse/git/trees/{ref}")[0], 200)
    checks.equal("GitHub: a long tree", github.api("/repos/octo/wide/git/trees/main")[2]["truncated"], True)
    for name, content in (
        ("odd/100%.txt", "A percent sign.\n"),
        ("odd/#1 & more?.txt", "Characters that a URL gives a meaning to.\n"),
        ("odd/ümlaut.txt", "Grüße\n"),
        ("with space/a file.txt", "Blanks in both names.\n"),
        ("empty.txt", ""),
        ("link", "# Guide\n\nRead this first.\n"),
        ("outside", "../elsewhere"),
    ):
        path = "/repos/octo/browse/contents/" + urllib.parse.quote(name)
        seen = github.api(path + "?ref=main", accept=RAW, text=True)
        checks.equal(f"GitHub: the raw {name}", seen[2], content)
    checks.check("GitHub: raw says so", seen[1]["content-type"].startswith("application/vnd.github.raw+json"), seen[1])
    rows = [
        ("octo/browse/contents/none.txt?ref=main", RAW, 404, "Not Found"),
        ("octo/browse/contents/README.md?ref=gone", RAW, 404, "No commit found for the ref gone"),
        ("octo/browse/contents/docs?ref=main", RAW, 200, '"type": "file"'),
        ("octo/browse/contents/vendor/module?ref=main", RAW, 200, '"type": "submodule"'),
        ("octo/browse/contents/large.bin?ref=main", None, 200, '"encoding": "none"'),
        ("octo/browse/git/trees/gone", None, 404, "Not Found"),
        ("octo/empty/git/trees/main", None, 409, "Git Repository is empty."),
        ("octo/empty/git/refs", None, 409, "Git Repository is empty."),
        ("octo/empty/git/matching-refs/heads/main", None, 409, "Git Repository is empty."),
        ("octo/empty/contents/", None, 404, "This repository is empty."),
        ("octo/empty/branches/main", None, 404, "Branch not found"),
    ]
    for path, accept, status, text in rows:
        seen = github.api(f"/repos/{path}", accept=accept)
        checks.check(f"GitHub: {path}: {status}", seen[0] == status and text in json.dumps(seen[2]), seen)
    seen = github.api("/repos/octo/private/contents/README.md", "fineNoContents")
    checks.equal(
        "GitHub: without Contents", (seen[0], seen[2]["message"]), (403, "Resource not accessible by personal access token")
    )
    content = github.api("/repos/octo/browse/contents/docs/guide.md")[2]["content"]
    checks.equal("GitHub: a file as an object", base64.b64decode(content), b"# Guide\n\nRead this first.\n")
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def sign(key, claims, algorithm="RS256"):
    text = unpadded(json.dumps({"alg": algorithm, "typ": "JWT"}).encode()) + b"." + unpadded(json.dumps(claims).encode())
    done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text, stdout=subprocess.PIPE, check=True)
    return (text + b"." + unpadded(done.stdout)).decode()


def app_checks(checks, github, folder):
    key, now = github.ready["appKeyFile"], int(time.time())
    claims = {"iat": now - 60, "exp": now + 540, "iss": github.ready["appId"]}
    other = folder / "other.pem"
    subprocess.run(["openssl", "genrsa", "-out", other, "2048"], stderr=subprocess.DEVNULL, check=True)
    undecoded, end = "A JSON web token could not be decoded", "'Expiration time' claim ('exp')"
    rows = [
        ("a good one", sign(key, claims), 200, None),
        ("a number as issuer", sign(key, claims | {"iss": 1234}), 200, None),
        ("the client id as issuer", sign(key, claims | {"iss": "Iv23liSimulator0001"}), 200, None),
        ("another key", sign(other, claims), 401, undecoded),
        ("another algorithm", sign(key, claims, "RS512"), 401, undecoded),
        (
            "changed claims",
            ".".join([sign(key, claims).split(".")[0], sign(key, claims | {"iss": "1"}).split(".")[1], "AAAA"]),
            401,
            undecoded,
        ),
        ("over", sign(key, claims | {"exp": now - 1}), 401, end + " must be a numeric value representing the future"),
        ("an end as text", sign(key, claims | {"exp": str(now + 540)}), 401, end + " must be a numeric value"),
        ("too long from now", sign(key, claims | {"exp": now + 700}), 401, end + " is too far in the future"),
        ("too long from its start", sign(key, claims | {"iat": now - 120}), 401, end + " is too far in the future"),
        (
            "issued in the future",
            sign(key, claims | {"iat": now + 90, "exp": now + 500}),
            401,
            "'Issued at' claim ('iat') must be an Integer",
        ),
        ("another App", sign(key, claims | {"iss": "4321"}), 404, "Integration not found"),
    ]
    for sentence, jwt, status, text in rows:
        seen = github.api("/app/installations/7001", jwt)
        checks.check(f"GitHub: a JWT: {sentence}", seen[0] == status and (text or "") in json.dumps(seen[2]), seen)
    jwt = sign(key, claims)
    value = github.api("/app/installations/7002", jwt)[2]
    account = value["account"]
    checks.equal("GitHub: an installation's account", (account["login"], account["type"]), ("octo-org", "Organization"))
    checks.check("GitHub: a suspended installation says when", github.api("/app/installations/7003", jwt)[2]["suspended_at"])
    checks.equal("GitHub: an unknown installation", github.api("/app/installations/1", jwt)[2]["message"], "Not Found")
    checks.equal("GitHub: a repository's installation", github.api("/repos/octo/hello/installation", jwt)[2]["id"], 7001)

    def mint(number, order=None):
        return github.api(f"/app/installations/{number}/access_tokens", jwt, method="POST", body=json.dumps(order or {}))

    status, _, value = mint(7002)
    checks.check(
        "GitHub: a token of an installation",
        status == 201 and value["token"].startswith("ghs_") and len(value["token"]) == 40,
        value,
    )
    token = value["token"]
    checks.check("GitHub: for an hour", value["expires_at"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 3500)), value)
    seen = github.api("/user", token)
    checks.equal("GitHub: it is no user", (seen[0], seen[2]["message"]), (403, "Resource not accessible by integration"))
    seen = github.api("/repos/octo-org/service", token)
    checks.check("GitHub: it sees its repositories, and no role", seen[0] == 200 and not any(seen[2]["permissions"].values()), seen)
    checks.equal("GitHub: and no others", github.api("/repos/octo/private", token)[0], 404)
    checks.equal("GitHub: of a suspended one", mint(7003)[2]["message"], "This installation has been suspended")
    narrow = mint(7002, {"repositories": ["rules"], "permissions": {"contents": "read"}})[2]["token"]
    checks.equal(
        "GitHub: a narrower token", [github.api(f"/repos/octo-org/{name}", narrow)[0] for name in ("rules", "service")], [200, 404]
    )
    checks.equal("GitHub: not for others' repositories", mint(7002, {"repositories": ["hello"]})[0], 422)
    checks.equal("GitHub: not for more than the App has", mint(7002, {"permissions": {"administration": "write"}})[0], 422)
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])
    github.control("POST", "/github/installations", {"id": 7002, "endTokens": True})
    checks.equal("GitHub: ended tokens", github.api("/repos/octo-org/rules", token)[2]["message"], "Bad credentials")
    github.control("POST", "/github/installations", {"id": 7002, "tokenSeconds": 0})
    checks.equal("GitHub: a token that ends at once", github.api("/repos/octo-org/rules", mint(7002)[2]["token"])[0], 401)
    github.control("POST", "/github/installations", {"id": 7002, "tokenSeconds": 3600})
    github.api("/user", jwt)
    github.api("/app", "classic")
    checks.equal("GitHub: each credential has its routes", github.violations(), ["jwt_on_token_route", "token_on_app_route"])


def strictness_checks(checks, github):
    token = github.tokens["classic"]
    good = {"Authorization": f"Bearer {token}"}
    rows = [
        ("no credential", "/api/v3/user", {}, ["no_credential"]),
        ("a private token", "/api/v3/user", good | {"PRIVATE-TOKEN": "x"}, ["private_token_on_github"]),
        ("GitLab's token", "/api/v3/user", {"Authorization": "Bearer glpat-0123456789abcdefghij"}, ["foreign_token"]),
        ("a token that GitLab knows", "/api/v3/user", {"Authorization": "Bearer x9J2kQ7vB4nM1sD8fG3h"}, ["foreign_token"]),
        ("a token in the query", "/api/v3/user?access_token=x", good, ["token_in_query"]),
        ("no user agent", "/api/v3/user", good | {"User-Agent": None}, ["no_user_agent"]),
        ("no version", "/api/v3/user", good | {"X-GitHub-Api-Version": None}, ["no_api_version"]),
        ("another version", "/api/v3/user", good | {"X-GitHub-Api-Version": "2021-01-01"}, ["wrong_api_version"]),
        ("another media type", "/api/v3/user", good | {"Accept": "*/*"}, ["wrong_accept"]),
        ("raw where nothing is raw", "/api/v3/user", good | {"Accept": RAW}, ["wrong_accept"]),
        ("an unknown path", "/api/v3/users", good, ["unknown_path"]),
        ("a raw slash in a branch", "/api/v3/repos/octo/hello/branches/docs/guide", good, ["unknown_path"]),
        ("a page", "/octo/hello", {}, ["unknown_path"]),
        ("git without .git", "/octo/hello/info/refs?service=git-upload-pack", {}, ["git_without_dot_git"]),
        ("the dumb protocol", "/octo/hello.git/info/refs", {}, ["git_without_service"]),
    ]
    for sentence, path, headers, rules in rows:
        github.call(path, headers=headers)
        checks.equal(f"GitHub: {sentence} is a violation", github.violations(), rules)
    github.call("/api/v3/user", headers=good, again=good.items())
    checks.equal("GitHub: two credentials are a violation", github.violations(), ["duplicate_header"])
    github.simulator.call("/api/v4/user", token)
    checks.equal("GitHub's token is foreign to GitLab", github.violations(), ["foreign_token"])
    checks.equal("GitHub: without a user agent", github.call("/api/v3/user", headers=good | {"User-Agent": None})[0], 403)
    github.violations()
    seen = github.call("/api/v4/version", method="HEAD", headers={"Accept": None, "X-GitHub-Api-Version": None})
    checks.check("GitHub: who asks what it is learns it", seen[0] == 404 and "x-github-request-id" in seen[1], seen)
    checks.equal("GitHub: and breaks no rule", github.violations(), [])


def control_checks(checks, github):
    def mode(scope, kind, **more):
        github.control("POST", "/mode", {"scope": scope, "mode": kind} | more)

    for scope, wanted in (
        ("github", [502, 502, 502, 200]),
        ("github:octo/browse", [200, 502, 200, 200]),
        ("github:rateLimited", [200, 200, 502, 200]),
        ("github-api", [502, 502, 502, 200]),
    ):
        mode(scope, "unicorn")
        if scope == "github:rateLimited":
            github.control("POST", "/github/tokens", {"name": "rateLimited", "state": "active"})
        seen = [
            github.api("/repos/octo/hello")[0],
            github.api("/repositories/1296276/branches")[0],
            github.api("/user", "rateLimited")[0],
        ]
        github.control("POST", "/github/tokens", {"name": "rateLimited", "state": "active"})
        mode(scope, "normal")
        checks.equal(f"GitHub: a fault in {scope}", [*seen[:2], seen[2], github.simulator.api("/user")[0]], wanted)
    mode("github", "delay", delay_ms=40)
    begun = time.monotonic()
    checks.check("GitHub: a delayed answer", github.api("/user")[0] == 200 and time.monotonic() - begun >= 0.04)
    mode("github", "reset")
    checks.check("GitHub: a broken one", fails(lambda: github.api("/user")))
    mode("github", "normal")
    github.control("POST", "/github/tokens", {"name": "classic", "state": "revoked"})
    checks.equal("GitHub: a token can be revoked in passing", github.api("/user")[0], 401)
    github.control("POST", "/github/tokens", {"name": "classic", "state": "active"})
    github.control("POST", "/github/repositories", {"path": "octo-org/made", "private": True, "members": {"octo": "triage"}})
    checks.equal("GitHub: repositories can be made", github.api("/repos/octo-org/made")[2]["permissions"]["push"], False)
    github.control("POST", "/github/protect", {"repository": "octo-org/made", "patterns": ["**"], "rules": ["update"]})
    checks.equal("GitHub: and get rules", len(github.api("/repos/octo-org/made/rules/branches/a%2Fb")[2]), 1)
    github.control("POST", "/github/accounts", {"login": "octo-org", "members": {"hubber": "active"}})
    checks.equal("GitHub: members join", github.api("/user/memberships/orgs/octo-org", "hubber")[2]["state"], "active")
    order = {"project": "github:octo/hello", "branch": "docs/guide", "files": {"x": "y"}}
    made = github.control("POST", "/commit", order)["commit"]
    checks.equal("GitHub: someone else can push", github.refs("octo/hello")["refs/heads/docs/guide"], made)
    checks.equal("GitHub: requests are noted", github.control("GET", "/requests?area=github")[-1]["token"], "hubber")
    github.control("POST", "/reset", {})
    checks.equal("GitHub: reset forgets everything", github.api("/repos/octo-org/made")[0], 404)
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])
