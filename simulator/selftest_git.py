"""The part of the self test that talks git: what the first request is told, and what clones and pushes are."""

import os

from selftest_support import git_get


def git_refusal_checks(checks, simulator):
    """What the first request of a clone or push is told."""
    denied, missing = "HTTP Basic: Access denied.", "could not be found or you don't have permission"
    up, down = "git-receive-pack", "git-upload-pack"
    rows = [
        ("demo/hello", None, down, 401, denied),
        ("demo/hello", "expired", down, 401, denied),
        ("demo/hello", "revoked", up, 401, denied),
        ("demo/hello", "blocked", down, 401, denied),
        ("demo/hello", "terms", down, 403, "must accept the Terms of Service"),
        ("demo/hello", "readOnly", up, 403, "You are not allowed to upload code."),
        ("demo/hello", "readOnly", down, 200, "refs/heads/main"),
        ("demo/hello", "readUser", down, 403, "You are not allowed to download code."),
        ("demo/hello", "leastPrivilege", up, 200, "report-status"),
        ("demo/hello", "oauth", up, 200, "report-status"),
        ("demo/hello", "granularNoPush", up, 403, "You are not allowed to upload code."),
        ("demo/hello", "rateLimited", down, 429, "Retry later"),
        ("secret/hidden", "good", down, 404, missing),
        ("demo/public", None, down, 200, "refs/heads/main"),
        ("demo/public", None, up, 401, denied),
        ("demo/public", "expired", down, 401, denied),
        ("demo/public-outsider", "good", up, 403, "You are not allowed to push code to this project."),
        ("roles/reporter", "good", up, 403, "You are not allowed to push code to this project."),
        ("roles/guest", "good", down, 403, "You are not allowed to download code from this project."),
        ("demo/archived", "good", up, 403, "You can't push code to an archived project."),
        ("demo/archived", "good", down, 200, ""),
        ("demo/read-only", "good", up, 403, "temporarily read-only"),
        ("demo/sso", "good", down, 403, "Cannot find valid SSO session."),
        ("demo/no-http", "good", down, 403, "Git access over HTTP is not allowed"),
        ("demo/no-http-push", "good", up, 403, "Pushing over HTTP is not allowed."),
        ("demo/no-http-pull", "good", down, 403, "Pulling over HTTP is not allowed."),
        ("secret/hidden", "sudo", up, 200, "report-status"),
        ("shared/probe-decides", "good", up, 200, "report-status"),
        ("secret/hidden", "bot", down, 401, denied),
    ]
    for path, token, service, status, text in rows:
        seen = git_get(simulator, path, service, token)
        checks.check(f"{service} of {path} with {token}: {status}", seen[0] == status and text in str(seen[2]), seen)
    checks.equal("none of this broke a rule", simulator.violations(), [])
    checks.equal(
        "git's 401 has its challenge", git_get(simulator, "demo/hello", down, None)[1]["www-authenticate"], 'Basic realm="GitLab"'
    )
    git_get(simulator, "john/new-thing", up, "good")
    checks.equal(
        "asking to push to a missing project creates it",
        [project["path"] for project in simulator.control("GET", "/created_projects")],
        ["john/new-thing"],
    )
    checks.equal("and is a violation", simulator.violations(), ["push_to_missing_project"])


def commit(simulator, folder, name, text, message="Change"):
    (folder / name).write_text(text)
    simulator.git("add", "-A", folder=folder)
    return simulator.git("commit", "-q", "-m", message, folder=folder)


def git_checks(checks, simulator, folder):
    def clone(path, name, token="good", *options):
        code, said = simulator.git("clone", "-q", *options, simulator.git_url(path, token), str(folder / name))
        checks.check(f"{path} can be cloned with {token}", code == 0, said)
        return folder / name

    def push(work, reference, sentence, wanted_code, text, *options):
        code, said = simulator.git("push", *options, "origin", reference, folder=work)
        plain = "\n".join(line.rstrip() for line in said.replace("remote: ", "").splitlines())
        checks.check(sentence, (code == 0) == (wanted_code == 0) and text in plain, said)

    hello = clone("demo/hello", "hello")
    commit(simulator, hello, "new.txt", "new\n")
    push(hello, "HEAD:feature/new", "a developer pushes a branch", 0, "To create a merge request for feature/new, visit:")
    oid = simulator.git("rev-parse", "HEAD", folder=hello)[1].strip()
    checks.equal(
        "the control API shows the branch at the pushed commit",
        simulator.refs("demo/hello")["refs/heads/feature/new"],
        oid,
    )
    push(
        hello,
        "HEAD:main",
        "a protected branch is refused",
        1,
        "GitLab: You are not allowed to push code to protected branches on this project.",
    )
    push(hello, "HEAD:main", "the ref status is the hook's", 1, "pre-receive hook declined")
    push(hello, ":main", "the default branch stays", 1, "GitLab: The default branch of a project cannot be deleted.")
    push(hello, f"HEAD:refs/heads/{oid}", "a hexadecimal name is refused", 1, "40-character hexadecimal branch name")
    push(hello, ":feature/new", "one's own branch can be deleted", 0, "[deleted]")
    (hello / "large.bin").write_bytes(os.urandom(3 << 20))
    commit(simulator, hello, "new.txt", "newer\n")
    push(hello, "HEAD:feature/large", "a push in chunks arrives", 0, "[new branch]")
    fresh = clone("demo/hello", "fresh", "good", "--branch", "feature/large")
    checks.equal("and comes back whole", (fresh / "large.bin").read_bytes(), (hello / "large.bin").read_bytes())

    releases = clone("demo/releases", "releases", "good", "--branch", "release/1.0")
    commit(simulator, releases, "new.txt", "new\n")
    push(releases, "HEAD:release/1.0", "a wildcard protects what exists", 1, "to protected branches on this project")
    push(
        releases,
        "HEAD:release/2.0",
        "and what does not",
        1,
        "GitLab: You are not allowed to create protected branches on this project.",
    )
    push(clone("demo/developers-push", "open"), "HEAD:main", "where developers may push they do", 0, "")

    empty = clone("demo/empty-protected", "empty")
    simulator.git("symbolic-ref", "HEAD", "refs/heads/main", folder=empty)
    commit(simulator, empty, "a.txt", "a\n")
    push(
        empty,
        "HEAD:main",
        "a developer cannot begin a protected default branch",
        1,
        "A default branch (e.g. main) does not yet exist for demo/empty-protected",
    )
    simulator.git("remote", "set-url", "origin", simulator.git_url("demo/empty", "good"), folder=empty)
    push(empty, "HEAD:start", "an open empty repository takes any first branch", 0, "[new branch]")
    checks.equal("which becomes the default", simulator.api("/projects/86")[2]["default_branch"], "start")

    rules = [
        ("demo/push-rules", "Commit message does not follow the pattern '^[A-Z]+-[0-9]+:'"),
        ("demo/custom-hook", "The freeze is on"),
        ("demo/secret-detection", "PUSH BLOCKED: Secrets detected in code changes"),
        ("demo/file-names", "File name key.pem was prohibited"),
        ("demo/too-big", "would cause it to exceed the size limit"),
        ("demo/lfs-check", "LFS objects are missing."),
    ]
    for number, (path, text) in enumerate(rules):
        work = clone(path, f"rule{number}")
        commit(simulator, work, "key.pem", f"token = {simulator.tokens['good']}\n")
        push(work, "HEAD:topic", f"{path} refuses in GitLab's words", 1, text)
    moved = clone("demo/old-name", "moved")
    commit(simulator, moved, "a.txt", "a\n")
    push(moved, "HEAD:topic", "an old path still works and says so", 0, "Project 'demo/old-name' was moved to 'demo/renamed'.")
    clone("demo/public", "public", "")
    checks.equal("none of this broke a rule", simulator.violations(), [])
