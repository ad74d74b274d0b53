"""The part of the self test that talks git to GitHub: first answers, clones and pushes, refusals in GitHub's words."""

import base64
import os

from selftest_git import commit
from selftest_support import GitHub

UP, DOWN = "git-receive-pack", "git-upload-pack"


def github_git_checks(checks, simulator, folder):
    github = GitHub(simulator)
    first_answers(checks, github)
    folder.mkdir()
    pushes(checks, github, folder)


def ask(github, path, service, token):
    value = github.tokens.get(token, token)
    headers = {"Authorization": "Basic " + base64.b64encode(f"x-access-token:{value}".encode()).decode()} if value else {}
    return github.call(f"/{path}.git/info/refs?service={service}", headers=headers)


def first_answers(checks, github):
    app = github.control("POST", "/github/installations", {"id": 7002, "mint": True})["token"]
    bad = "Invalid username or token. Password authentication is not supported for Git operations."
    rows = [
        ("octo/hello", "classic", UP, 200, "report-status"),
        ("octo/hello", None, DOWN, 200, "refs/heads/main"),
        ("octo/hello", None, UP, 401, "No anonymous write access."),
        ("octo/private", None, DOWN, 401, "Repository not found."),
        ("octo/hello", "revoked", DOWN, 401, bad),
        ("octo/hello", "expired", UP, 401, bad),
        ("octo/hello", "publicRepo", UP, 200, "report-status"),
        ("octo/hello", "noScope", UP, 403, "Permission to octo/hello.git denied to octo."),
        ("octo/hello", "hubber", UP, 403, "Permission to octo/hello.git denied to hubber."),
        ("octo/private", "noScope", DOWN, 404, "Repository not found."),
        ("octo/private", "fineWrite", UP, 200, "report-status"),
        ("octo/private", "fineRead", DOWN, 200, "refs/heads/main"),
        ("octo/private", "fineRead", UP, 403, "Write access to repository not granted."),
        ("octo/private", "fineNoContents", DOWN, 403, "Write access to repository not granted."),
        ("octo-org/service", "classic", UP, 200, "report-status"),
        ("octo-org/service", "fineWrite", UP, 404, "Repository not found."),
        ("octo-org/service", app, UP, 200, "report-status"),
        ("octo/hello", app, UP, 403, "Write access to repository not granted."),
        ("octo-org/readonly", "classic", UP, 403, "Permission to octo-org/readonly.git denied to octo."),
        ("octo-org/archived", "classic", DOWN, 200, "refs/heads/main"),
        ("octo-org/archived", "classic", UP, 403, "This repository was archived so it is read-only."),
        ("hubber/secret", "classic", DOWN, 404, "Repository not found."),
        ("octo-org/service", "samlBlocked", DOWN, 403, "The `octo-org' organization has enabled or enforced SAML SSO."),
        ("octo-org/service", "classicForbidden", UP, 403, "Personal access tokens (classic) are forbidden"),
        ("fenced-org/inside", "classic", DOWN, 403, "IP allow list enabled"),
        ("octo/dmca", "classic", DOWN, 403, "Repository unavailable due to DMCA takedown."),
        ("octo/disabled", "classic", UP, 403, "Repository 'octo/disabled' is disabled."),
        ("octo/old-name", "classic", UP, 301, ""),
    ]
    for path, token, service, status, text in rows:
        seen = ask(github, path, service, token)
        checks.check(
            f"GitHub: {service} of {path} with {token and token[:12]}: {status}", seen[0] == status and text in str(seen[2]), seen
        )
    location = seen[1].get("location", "")
    checks.equal("GitHub: git is sent on to the new name", location, f"{github.base}/octo/new-name.git/info/refs?service={UP}")
    challenge = ask(github, "octo/hello", UP, None)[1]["www-authenticate"]
    checks.equal("GitHub: git's 401 has its challenge", challenge, 'Basic realm="GitHub"')
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])
    checks.equal("GitHub: a missing repository", ask(github, "octo/none", UP, "classic")[0], 404)
    checks.equal("GitHub: asking to push there is a violation", github.violations(), ["push_to_missing_repository"])


def pushes(checks, github, folder):
    def clone(path, name, token="classic", *options):
        code, said = github.git("clone", "-q", *options, github.git_url(path, token), str(folder / name))
        checks.check(f"GitHub: {path} can be cloned with {token}", code == 0, said)
        return folder / name

    def push(work, reference, sentence, wanted_code, *texts):
        code, said = github.git("push", "origin", *reference.split(), folder=work)
        plain = "\n".join(line.rstrip() for line in said.replace("remote: ", "").replace("remote:", "").splitlines())
        checks.check(f"GitHub: {sentence}", (code == 0) == (wanted_code == 0) and all(text in plain for text in texts), said)

    hello = clone("octo/hello", "hello")
    commit(github, hello, "new.txt", "new\n")
    offer = "Create a pull request for 'feature/new' on GitHub by visiting:\n     "
    push(
        hello, "HEAD:feature/new", "a branch is pushed", 0, f"{offer}{github.base}/octo/hello/pull/new/feature/new", "[new branch]"
    )
    oid = github.git("rev-parse", "HEAD", folder=hello)[1].strip()
    checks.equal("GitHub: the branch is at the pushed commit", github.refs("octo/hello")["refs/heads/feature/new"], oid)
    push(
        hello,
        "HEAD:main",
        "a protected branch is refused",
        1,
        "error: GH006: Protected branch update failed for refs/heads/main.\n\n- Changes must be made through a pull request.",
        "[remote rejected] HEAD -> main (protected branch hook declined)",
    )
    push(hello, "HEAD:main HEAD:side", "and only this one", 1, "(protected branch hook declined)", "[new branch]      HEAD -> side")
    push(hello, ":feature/new", "a branch can be deleted", 0, "[deleted]")
    push(hello, ":main", "the protected one stays", 1, "GH006")
    (hello / "large.bin").write_bytes(os.urandom(3 << 20))
    commit(github, hello, "new.txt", "newer\n")
    push(hello, "HEAD:feature/large", "a push in chunks arrives", 0, "[new branch]")
    fresh = clone("octo/hello", "fresh", "classic", "--branch", "feature/large")
    checks.equal("GitHub: and comes back whole", (fresh / "large.bin").read_bytes(), (hello / "large.bin").read_bytes())

    rules = clone("octo-org/rules", "rules")
    commit(github, rules, "new.txt", "new\n")
    for branch in ("main", "release/1.0", "release/9"):
        push(
            rules,
            f"HEAD:{branch} -f",
            f"a rule refuses {branch}",
            1,
            f"GH013: Repository rule violations found for refs/heads/{branch}.\nReview all repository rules at",
            "\n- Changes must be made through a pull request.\n",
            "(push declined due to repository rule violations)",
        )
    push(rules, "HEAD:topic", "other branches are free", 0, "[new branch]")
    bypass = clone("octo-org/bypass", "bypass")
    commit(github, bypass, "new.txt", "new\n")
    said = "Bypassed rule violations for refs/heads/main:\n\n- Changes must be made through a pull request."
    push(bypass, "HEAD:main", "who bypasses the rules pushes and is told so", 0, "HEAD -> main", said)
    exempt = clone("octo/exempt", "exempt")
    commit(github, exempt, "new.txt", "new\n")
    push(exempt, "HEAD:main", "an administrator who is exempt too", 0, "HEAD -> main", said, '- Required status check "ci"')
    strict = clone("octo-org/strict", "strict")
    commit(github, strict, "new.txt", "new\n")
    push(strict, "HEAD:main", "several rules", 1, "- Cannot update this protected ref.", "- Commits must have verified signatures.")
    push(strict, "HEAD:locked/x", "a new branch", 1, "- Cannot create ref due to creations being restricted.")
    pushers = clone("octo-org/pushers", "pushers")
    commit(github, pushers, "new.txt", "new\n")
    push(
        pushers,
        "HEAD:main",
        "others may push",
        1,
        "- You're not authorized to push to this branch.",
        "(protected branch hook declined)",
    )

    app = github.control("POST", "/github/installations", {"id": 7002, "mint": True})["token"]
    for path, token, name, text in (
        (
            "octo/new-name",
            "repoOnly",
            "scope",
            "a Personal Access Token to create or update workflow `.github/workflows/x.yml` without `workflow` scope",
        ),
        (
            "octo-org/service",
            app,
            "app",
            "a GitHub App to create or update workflow `.github/workflows/x.yml` without `workflows` permission",
        ),
    ):
        work = clone(path, name, token)
        (work / ".github/workflows").mkdir(parents=True)
        commit(github, work, ".github/workflows/x.yml", "on: push\n")
        push(work, "HEAD:topic", f"a workflow through {path}", 1, f"(refusing to allow {text})")
    service = clone("octo-org/service", "service", app)
    commit(github, service, "new.txt", "new\n")
    push(service, "HEAD:by-app", "the App's token pushes", 0, "Create a pull request for 'by-app'")

    for path, content, text, reason in (
        (
            "octo/secrets",
            f"x = {github.tokens['classic']}\n",
            "- Push cannot contain secrets",
            "push declined due to repository rule violations",
        ),
        ("octo/large-files", "x" * (2 << 20), "GH001: Large files detected.", "pre-receive hook declined"),
        (
            "octo/private-email",
            "x\n",
            "GH007: Your push would publish a private email address.",
            "push declined due to email privacy restrictions",
        ),
    ):
        work = clone(path, path.rpartition("/")[2])
        commit(github, work, "key.txt", content)
        push(work, "HEAD:topic", f"{path} refuses in GitHub's words", 1, text, f"({reason})")

    empty = clone("octo/empty", "empty")
    github.git("symbolic-ref", "HEAD", "refs/heads/start", folder=empty)
    commit(github, empty, "a.txt", "a\n")
    push(empty, "HEAD:start", "an empty repository takes a first branch", 0, "[new branch]")
    checks.equal("GitHub: which becomes the default", github.api("/repos/octo/empty")[2]["default_branch"], "start")
    clone("octo/hello", "public", "")
    checks.equal("GitHub: none of this broke a rule", github.violations(), [])
