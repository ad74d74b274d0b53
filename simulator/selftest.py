#!/usr/bin/python3
"""Proves the simulator's main answers with http.client and the real git command.

Prints one line a check, `ok` or `FAIL`, and exits 1 when one failed.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

from selftest_git import git_checks, git_refusal_checks
from selftest_github import github_checks
from selftest_github_git import github_git_checks
from selftest_merge_requests import merge_request_checks
from selftest_support import Checks, Simulator, fails, git_get


def token_checks(checks, simulator):
    rows = [
        ("good", 200, None),
        ("sudo", 200, None),
        ("readOnly", 200, None),
        ("readUser", 200, None),
        ("noExpiry", 200, None),
        ("routable", 200, None),
        ("routableLong", 200, None),
        ("instancePrefix", 200, None),
        ("customPrefix", 200, None),
        ("prefixless", 200, None),
        ("bot", 200, None),
        ("granular", 200, None),
        ("oauth", 200, None),
        ("expiring", 200, None),
        ("writeRepository", 403, "higher privileges"),
        ("granularNothing", 403, "insufficient_granular_scope"),
        ("expired", 401, "Token is expired."),
        ("revoked", 401, "Token was revoked."),
        ("dpop", 401, "dpop_error"),
        ("impersonationDisabled", 401, "impersonation was disabled"),
        ("blocked", 403, "Your account has been blocked."),
        ("deactivated", 403, "deactivated by your administrator"),
        ("password-expired", 403, "Your password expired."),
        ("terms", 403, "must accept the Terms of Service"),
        ("unconfirmed", 403, "not confirmed"),
        ("rateLimited", 429, "Retry later"),
        ("rateLimitedBare", 429, "Retry later"),
        ("rateLimitedApp", 429, "too many times"),
        ("glpat-unknown-0123456789abc", 401, "401 Unauthorized"),
        ("glpat-user17-0123456789abcdefghij", 200, None),
        ("glpat-user20000-0123456789abcdefghij", 200, None),
    ]
    for name, status, text in rows:
        seen = simulator.api("/user", name)
        checks.check(f"GET /user with the token {name}: {status}", seen[0] == status and (text or "") in json.dumps(seen[2]), seen)
    checks.equal(
        "only a bearer can be an OAuth token",
        simulator.call("/api/v4/user", headers={"PRIVATE-TOKEN": simulator.tokens["oauth"]})[0],
        401,
    )
    checks.equal(
        "an OAuth token has no /self",
        simulator.api("/personal_access_tokens/self", "oauth")[2],
        {"message": "400 Bad request - This endpoint requires token type to be a personal access token"},
    )
    status, _, value = simulator.api("/personal_access_tokens/self", "writeRepository")
    checks.check("any scope may ask /self", status == 200 and value["scopes"] == ["write_repository"], value)
    headers = simulator.api("/user", "rateLimited")[1]
    checks.check("a throttle has its headers", "retry-after" in headers and "ratelimit-resettime" in headers, headers)
    checks.check("another throttle has none", "retry-after" not in simulator.api("/user", "rateLimitedBare")[1])
    headers = simulator.api("/user")[1]
    checks.check(
        "ordinary answers carry GitLab's headers", {"x-request-id", "x-gitlab-meta", "ratelimit-limit"} <= set(headers), headers
    )
    checks.equal(
        "the insufficient scope names what would do", simulator.api("/projects/81", "readUser")[2]["scope"], "api read_api"
    )
    checks.equal("none of this broke a rule", simulator.violations(), [])


def project_checks(checks, simulator):
    def project(path, token="good"):
        return simulator.api("/projects/" + urllib.parse.quote(path, safe=""), token)

    rows = [
        ("demo/hello", 200, {"default_branch": "main", "archived": False, "empty_repo": False}),
        ("DEMO/Hello", 200, {"path_with_namespace": "demo/hello"}),
        (
            "platform/team/backend/services/api",
            200,
            {"permissions": {"project_access": None, "group_access": {"access_level": 30, "notification_level": 3}}},
        ),
        ("demo/archived", 200, {"archived": True}),
        ("demo/empty", 200, {"default_branch": None, "empty_repo": True}),
        ("demo/repository-disabled", 200, {"repository_access_level": "disabled"}),
        ("shared/both-null", 200, {"permissions": {"project_access": None, "group_access": None}}),
        ("secret/hidden", 404, {"message": "404 Project Not Found"}),
        ("hello", 404, {"message": "404 Project Not Found"}),
        ("demo/old-name", 301, {}),
    ]
    for path, status, members in rows:
        seen = project(path)
        checks.check(
            f"{path}: {status}", seen[0] == status and all(seen[2][name] == value for name, value in members.items()), seen
        )
    checks.equal(
        "an old path is sent on, on a host of GitLab's own",
        project("demo/old-name")[1]["location"],
        "http://gitlab.internal:8181/api/v4/projects/88",
    )
    checks.check("a guest sees no default branch", "default_branch" not in project("roles/guest")[2])
    checks.equal("members/all knows what permissions do not", simulator.api("/projects/95/members/all/1001")[2]["access_level"], 30)
    checks.equal("members/all does not know everyone", simulator.api("/projects/97/members/all/1001")[0], 404)
    checks.equal(
        "a granular token without the right is refused by name",
        project("demo/hello", "granularNoProject")[2]["error_description"],
        'Access denied: Your Personal Access Token lacks the required permissions: [read_project] for "demo/hello".',
    )
    status, headers, value = simulator.api("/projects/125/repository/branches?per_page=100&page=3")
    checks.check(
        "branches come in pages", (status, len(value), headers["x-next-page"], headers["x-total"]) == (200, 52, "", "252"), headers
    )
    value = simulator.api("/projects/81/repository/branches/docs%2Fguide")[2]
    checks.check("a branch says whether the caller may push", value["can_push"] and not value["protected"], value)
    value = simulator.api("/projects/81/repository/branches/main")[2]
    checks.check("a protected branch too", not value["can_push"] and value["protected"] and value["default"], value)
    checks.equal("a missing branch", simulator.api("/projects/81/repository/branches/none")[2], {"message": "404 Branch Not Found"})
    checks.equal(
        "wildcards are listed",
        [rule["name"] for rule in simulator.api("/projects/102/protected_branches")[2]],
        ["main", "release/*"],
    )
    checks.equal(
        "files are listed",
        [entry["name"] for entry in simulator.api("/projects/81/repository/tree")[2]],
        ["src", "Makefile", "README.md"],
    )
    checks.equal("none of this broke a rule", simulator.violations(), [])


def browse_checks(checks, simulator):
    """Looking at branches, tags, folders and files of demo/browse."""
    project = "/projects/demo%2Fbrowse/repository"

    def names(path):
        return [entry["name"] for entry in simulator.api(project + path)[2]]

    status, headers, value = simulator.api(project + "/branches?per_page=100&page=2")
    shown = (status, len(value), headers["x-page"], headers["x-next-page"], headers["x-total-pages"])
    checks.equal("branches say which page they are", shown, (200, 100, "2", "3", "3"))
    commit = {"id", "message", "author_name", "committed_date"}
    checks.check("a branch comes with its commit", commit <= set(value[0]["commit"]), value[0])
    rows = [
        ("/branches?search=%5Efeature", ["feature/a", "feature/a&b"]),
        ("/branches?search=%5EFIX", ["fix#1"]),
        ("/branches?search=a%24", ["feature/a"]),
        ("/tags?search=%5Ev", ["v1.0"]),
        ("/tags?search=%5Erelease%2Fv2.0", ["release/v2.0"]),
        ("/tags?search=%5E0", []),
        ("/tree?path=docs&ref=main", ["deep", "guide.md"]),
        ("/tree?path=odd&ref=feature%2Fa%26b", ["#1 & more?.txt", "100%.txt", "a+b=c;d.txt", "ümlaut.txt"]),
        ("/tree?ref=v1.0", ["src", "README.md"]),
        ("/tree?per_page=2&page=2", ["odd", "src"]),
    ]
    for path, wanted in rows:
        checks.equal(f"looking: {path}", names(path), wanted)
    entries = {entry["name"]: (entry["mode"], entry["type"]) for entry in simulator.api(project + "/tree?per_page=100")[2]}
    wanted = {"docs": ("040000", "tree"), "run.sh": ("100755", "blob"), "link": ("120000", "blob"), "README.md": ("100644", "blob")}
    checks.check("every mode of git's", wanted.items() <= entries.items(), entries)
    checks.equal("a submodule is a commit", simulator.api(project + "/tree?path=vendor")[2][0]["type"], "commit")
    rows = [
        ("/tree?ref=gone", 404, "404 Tree Not Found"),
        ("/tree?path=gone&ref=main", 404, "404 invalid revision or path Not Found"),
        ("/tree?path=README.md&ref=main", 404, "404 invalid revision or path Not Found"),
        ("/files/gone/raw?ref=main", 404, "404 File Not Found"),
        ("/files/docs/raw?ref=main", 404, "404 File Not Found"),
        ("/files/vendor%2Fmodule/raw?ref=main", 404, "404 File Not Found"),
        ("/files/README%2Emd/raw?ref=gone", 404, "404 Commit Not Found"),
        ("/files/README%2Emd?ref=gone", 404, "404 Commit Not Found"),
    ]
    for path, status, text in rows:
        seen = simulator.api(project + path)
        checks.equal(f"looking: {path}: {status}", (seen[0], seen[2]), (status, {"message": text}))
    checks.equal("an empty repository has no tree", simulator.api("/projects/demo%2Fempty/repository/tree")[0], 404)
    for name, content in (
        ("odd/#1 & more?.txt", "Characters"),
        ("odd/100%.txt", "A percent"),
        ("odd/ümlaut.txt", "Grüße"),
        ("run.sh", "#!"),
    ):
        seen = simulator.api(f"{project}/files/{urllib.parse.quote(name, safe='')}/raw?ref=main&lfs=true")
        checks.check(f"the file {name}", seen[0] == 200 and str(seen[2]).startswith(content), seen)
    seen = simulator.api(project + "/files/run%2Esh/raw?ref=main")[1]
    checks.equal("a raw file's headers", (seen["x-gitlab-size"], seen["x-gitlab-execute-filemode"]), ("21", "true"))
    checks.equal(
        "a large one", simulator.api(project + "/files/large%2Ebin/raw?ref=main", text=True)[1]["content-length"], str(6 << 20)
    )
    checks.equal("a file as JSON", simulator.api(project + "/files/docs%2Fguide%2Emd?ref=v1%2E0")[0], 404)
    checks.equal("none of this broke a rule", simulator.violations(), [])


def strictness_checks(checks, simulator):
    token = simulator.tokens["good"]
    rows = [
        ("no credential", "/api/v4/user", {}, "no_credential"),
        ("two credentials", "/api/v4/user", {"PRIVATE-TOKEN": token, "Authorization": f"Bearer {token}"}, "two_credentials"),
        ("a token in the query", f"/api/v4/user?private_token={token}", {"PRIVATE-TOKEN": token}, "token_in_query"),
        ("a cookie", "/api/v4/user", {"PRIVATE-TOKEN": token, "Cookie": "a=b"}, "cookie"),
        ("no user agent", "/api/v4/user", {"PRIVATE-TOKEN": token, "User-Agent": ""}, "no_user_agent"),
        ("a foreign token", "/api/v4/user", {"PRIVATE-TOKEN": "glpat-foreign-0123456789abc"}, "foreign_token"),
        ("a deploy token", "/api/v4/user", {"PRIVATE-TOKEN": "gldt-0123456789abcdefghij"}, "wrong_kind_of_token"),
        ("raw slashes", "/api/v4/projects/demo/hello", {"PRIVATE-TOKEN": token}, "unknown_path"),
        ("an unknown path", "/users/sign_in", {}, "unknown_path"),
        ("git without .git", "/demo/hello/info/refs?service=git-upload-pack", {}, "git_without_dot_git"),
        ("the dumb protocol", "/demo/hello.git/info/refs", {}, "git_without_service"),
    ]
    for sentence, path, headers, rule in rows:
        simulator.call(path, headers=headers)
        checks.equal(f"{sentence} is a violation", simulator.violations(), [rule])


def fault_checks(checks, simulator):
    def mode(kind, **more):
        simulator.control("POST", "/mode", {"scope": "api", "mode": kind} | more)

    rows = [
        ("html", 200, "Company portal"),
        ("sign_in_redirect", 302, "/users/sign_in"),
        ("cloudflare", 403, "Checking your Browser"),
        ("error500", 500, "500 Internal Server Error"),
        ("error502_html", 502, "not responding"),
        ("maintenance503", 503, "maintenance mode"),
        ("not_gitlab_json", 200, "billing"),
        ("redirect", 302, "Moved"),
    ]
    for kind, status, text in rows:
        mode(kind, location="https://elsewhere.test")
        seen = simulator.api("/user")
        checks.check(f"the fault {kind}", seen[0] == status and text in json.dumps(seen[2]), seen)
    mode("error500", times=1)
    checks.equal("a fault can be counted", [simulator.api("/user")[0] for _ in range(2)], [500, 200])
    mode("error500", match="/self")
    checks.equal("or limited to a path", [simulator.api(path)[0] for path in ("/user", "/personal_access_tokens/self")], [200, 500])
    for kind in ("truncated", "reset", "garbage"):
        mode(kind)
        checks.check(f"the fault {kind} breaks the answer", fails(lambda: simulator.api("/user")))
    for kind in ("silent", "slow", "stall"):
        mode(kind)
        checks.check(f"the fault {kind} outlasts a client", fails(lambda: simulator.api("/user", timeout=0.3)))
    mode("delay", delay_ms=50)
    begun = time.monotonic()
    checks.check("a delayed answer is whole and late", simulator.api("/user")[0] == 200 and time.monotonic() - begun >= 0.05)
    mode("huge", size=3 << 20)
    checks.check("a huge answer", len(json.dumps(simulator.api("/user")[2])) > 3 << 20)
    mode("normal")
    simulator.control("POST", "/mode", {"scope": "bot", "mode": "error500"})
    checks.equal("a fault can be one token's", [simulator.api("/user", name)[0] for name in ("good", "bot")], [200, 500])
    simulator.control("POST", "/mode", {"scope": "git", "mode": "maintenance"})
    seen = [git_get(simulator, "demo/hello", service, "good")[0] for service in ("git-upload-pack", "git-receive-pack")]
    checks.equal("maintenance lets git fetch and not push", seen, [200, 403])


def control_checks(checks, simulator):
    simulator.control("POST", "/tokens", {"name": "good", "revoked": True})
    checks.equal("a token can be revoked in passing", simulator.api("/user")[0], 401)
    simulator.control("POST", "/tokens", {"name": "good", "state": "active"})
    simulator.control("POST", "/projects", {"path": "mine/own", "archived": True})
    checks.equal("projects can be made", simulator.api("/projects/mine%2Fown")[2]["archived"], True)
    simulator.control("POST", "/protect", {"project": "demo/hello", "branch": "docs/*"})
    checks.equal("branches can be protected", simulator.api("/projects/81/repository/branches/docs%2Fguide")[2]["can_push"], False)
    before = simulator.refs("demo/hello")["refs/heads/docs/guide"]
    after = simulator.control("POST", "/commit", {"project": "demo/hello", "branch": "docs/guide", "files": {"x": "y"}})["commit"]
    checks.check("someone else can push in between", before != after == simulator.refs("demo/hello")["refs/heads/docs/guide"])
    last = simulator.control("GET", "/requests")[-1]["n"]
    simulator.api("/version")
    (entry,) = simulator.control("GET", f"/requests?since={last}")
    checks.check(
        "requests are noted, tokens by name",
        (entry["path"], entry["token"], entry["status"]) == ("/api/v4/version", "good", 200),
        entry,
    )
    simulator.control("POST", "/version", {"version": "14.10.0-ee"})
    checks.equal("an old release has no /self", simulator.api("/personal_access_tokens/self")[2], {"error": "404 Not Found"})

    second = simulator.control("POST", "/listener", {"kind": "strict_second"})
    simulator.api("/user", port=second["port"])
    seen = simulator.control("GET", f"/listener/{second['port']}")
    checks.equal(
        "a second server tells which credentials it saw", (seen["credentials"], seen["seen"]["credentials"]), (1, ["good"])
    )
    for kind in ("tls_expired", "tls_wrong_name", "tls_self_signed", "not_http"):
        port = simulator.control("POST", "/listener", {"kind": kind})["port"]
        checks.check(f"the listener {kind} is not trusted", fails(lambda port=port: simulator.api("/user", port=port)))
    port = simulator.control("POST", "/listener", {"kind": "tcp_silent"})["port"]
    checks.check("the listener tcp_silent says nothing", fails(lambda: simulator.api("/user", port=port, timeout=0.3)))
    port = simulator.control("POST", "/listener", {"kind": "redirect_to", "location": "https://elsewhere.test"})["port"]
    checks.equal("the listener redirect_to", simulator.api("/user", port=port)[1]["location"], "https://elsewhere.test/api/v4/user")
    with socket.create_connection(("127.0.0.1", simulator.url.port)):
        checks.equal("a client that never begins TLS holds up nobody", simulator.api("/user")[0], 200)
    simulator.control("POST", "/reset", {})
    checks.equal("reset forgets everything", simulator.api("/projects/mine%2Fown")[0], 404)
    checks.check("and restores the repositories", "refs/heads/feature/large" not in simulator.refs("demo/hello"))


def agent_checks(checks, simulator, workspace):
    workspace.mkdir()
    code, said = simulator.git("clone", "-q", simulator.git_url("demo/hello", "good"), str(workspace / "hello"))
    checks.check("a workspace for the sample agent", code == 0, said)
    environment = {"PATH": os.environ["PATH"], "ACP_SESSION_NAME": "first", "ACP_SESSION_DESCRIPTION": "Say 100% of it"}
    done = subprocess.run(
        [Path(__file__).with_name("demo-agent")], cwd=workspace, env=environment, stdout=subprocess.PIPE, check=False
    )
    checks.check("the sample agent ends well", done.returncode == 0 and b"hello/AMBIENT.md" in done.stdout, done)
    checks.equal("and writes the description", (workspace / "hello/AMBIENT.md").read_text(), "# first\n\nSay 100% of it\n")


def restart_checks(checks, folder):
    first = Simulator(folder, "--root", "/gitlab")
    checks.equal("a relative root answers", first.api("/user")[0], 200)
    checks.equal("its git too", git_get(first, "demo/hello", "git-upload-pack", "good")[0], 200)
    first.control("POST", "/commit", {"project": "demo/hello", "branch": "kept", "files": {"x": "y"}})
    authority = Path(first.ready["caFile"]).read_text()
    key = Path(first.ready["github"]["appKeyFile"])
    first_key = key.read_text()
    checks.equal("SIGTERM ends it cleanly", first.stop(), 0)
    second = Simulator(folder)
    checks.equal("the port stays the same", second.url.port, first.url.port)
    checks.equal("GitHub's port too", second.ready["github"]["url"], first.ready["github"]["url"])
    checks.equal("the key is for its owner alone", key.stat().st_mode & 0o777, 0o600)
    checks.equal("the App's key stays the same", key.read_text(), first_key)
    checks.equal("the CA stays the same", Path(second.ready["caFile"]).read_text(), authority)
    checks.check("the repositories stay", "refs/heads/kept" in second.refs("demo/hello"))
    checks.equal("and it ends cleanly again", second.stop(), 0)


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="gitlab-simulator-") as name:
        folder = Path(name)
        for part in ("a", "b", "work"):
            (folder / part).mkdir()
        simulator = Simulator(folder / "a")
        try:
            token_checks(checks, simulator)
            project_checks(checks, simulator)
            browse_checks(checks, simulator)
            strictness_checks(checks, simulator)
            git_refusal_checks(checks, simulator)
            git_checks(checks, simulator, folder / "work")
            agent_checks(checks, simulator, folder / "workspace")
            fault_checks(checks, simulator)
            simulator.control("POST", "/mode", {"scope": "git", "mode": "normal"})
            control_checks(checks, simulator)
            merge_request_checks(checks, simulator)
            github_checks(checks, simulator, folder)
            github_git_checks(checks, simulator, folder / "github")
        finally:
            simulator.stop()
        restart_checks(checks, folder / "b")
    print(f"{checks.count - checks.failed} passed, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
