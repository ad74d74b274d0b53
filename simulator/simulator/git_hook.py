"""The hooks of every repository: refuse in GitLab's words before a push lands, link to the merge request after it.

Two rules are no rules of GitLab's but its bad days: `overtaken`, someone else's push arrives first; `takesBack`, what was taken is gone again.

A program of its own, started by git as `git_hook.py pre-receive|post-receive`. What the server knows about the user and the project
arrives in SIMULATOR_POLICY (JSON, written by git_routes.py); the updates arrive on standard input.
"""

import fnmatch
import json
import os
import re
import subprocess
import sys
import urllib.parse

ZERO = "0" * 40
SECRET = re.compile(rb"glpat-[0-9A-Za-z_-]{20}|AKIA[0-9A-Z]{16}")

NOT_PROTECTED_PUSH = "You are not allowed to push code to protected branches on this project."
NOT_PROTECTED_CREATE = "You are not allowed to create protected branches on this project."
NOT_PROTECTED_BASIS = "You can only use an existing protected branch ref as the basis of a new protected branch."
NOT_PROTECTED_FORCE = "You are not allowed to force push code to a protected branch on this project."
NOT_PROTECTED_DELETE = (
    "You are not allowed to delete protected branches from this project. "
    "Only a project maintainer or owner can delete a protected branch."
)
NOT_DEFAULT_DELETE = "The default branch of a project cannot be deleted."
NOT_HEXADECIMAL = "You cannot create a branch with a 40-character hexadecimal branch name."
NO_DEFAULT_YET = (
    "\nA default branch (e.g. {branch}) does not yet exist for {path}\n"
    "Ask a project Owner or Maintainer to create a default branch:\n\n  {url}/-/project_members\n"
)
TOO_BIG = (
    "Your push to this repository would cause it to exceed the size limit of 10 MiB by 2 MiB, so it has been rejected. "
    "Please contact your GitLab administrator for more information."
)
NO_LFS = 'LFS objects are missing. Ensure LFS is properly set up or try a manual "git lfs push --all".'


class Refused(Exception):
    pass


def git(*arguments):
    return subprocess.run(["git", *arguments], stdout=subprocess.PIPE, check=True).stdout


def is_ancestor(old, new):
    return subprocess.run(["git", "merge-base", "--is-ancestor", old, new], check=False).returncode == 0


def covers(pattern, branch):
    return fnmatch.fnmatchcase(branch, pattern.replace("[", "[[]").replace("?", "[?]"))


def on_protected_branch(sha):
    """Whether some protected branch contains this commit already."""
    for name in git("for-each-ref", "--format=%(refname:short)", "refs/heads").decode().splitlines():
        if any(covers(rule["name"], name) for rule in policy["protected"]) and is_ancestor(sha, f"refs/heads/{name}"):
            return True
    return False


def check_protected(branch, old, new):
    rules = [rule for rule in policy["protected"] if covers(rule["name"], branch)]
    may_push = any(rule["mayPush"] for rule in rules)
    if policy["empty"]:
        if policy["protectsEmpty"] and policy["level"] < 40:
            raise Refused(NO_DEFAULT_YET.format(branch=policy["defaultBranch"], path=policy["path"], url=policy["url"]))
        if rules and not may_push:
            raise Refused(NOT_PROTECTED_PUSH)
        return
    if not rules:
        return
    if ZERO not in (old, new) and not is_ancestor(old, new) and not any(rule["allowForce"] for rule in rules):
        raise Refused(NOT_PROTECTED_FORCE)
    if new == ZERO:
        if policy["level"] < 40:
            raise Refused(NOT_PROTECTED_DELETE)
    elif old == ZERO:
        if not (may_push or any(rule["mayMerge"] for rule in rules)):
            raise Refused(NOT_PROTECTED_CREATE)
        if not may_push and not on_protected_branch(new):
            raise Refused(NOT_PROTECTED_BASIS)
    elif not may_push:
        raise Refused(NOT_PROTECTED_PUSH)


def check_commits(commits):
    """The push rules that look at a commit's message and committer."""
    pattern = policy["rules"].get("commitMessage")
    for sha in commits:
        email, _, message = git("show", "-s", "--format=%ce%n%B", sha).decode(errors="replace").partition("\n")
        if pattern and not re.search(pattern, message):
            raise Refused(f"Commit message does not follow the pattern '{pattern}'")
        if policy["rules"].get("memberEmail") and email != policy["email"]:
            raise Refused(
                f"You cannot push commits for '{email}'. You can only push commits that were committed with one of your own "
                "verified emails."
            )


def check_contents(commits):
    """The push rules that look at what a commit adds."""
    rules = policy["rules"]
    for sha in commits:
        raw = git("diff-tree", "-r", "--root", "--no-commit-id", "--diff-filter=AM", "-z", sha).split(b"\0")
        for entry, raw_name in zip(raw[0:-1:2], raw[1::2], strict=True):
            name = raw_name.decode(errors="replace")
            if rules.get("fileName") and re.search(rules["fileName"], name):
                raise Refused(f'File name {name} was prohibited by the pattern "{rules["fileName"]}".')
            if rules.get("secretDetection"):
                look_for_secret(sha, name, entry.split()[3].decode())


def look_for_secret(sha, name, blob):
    for number, line in enumerate(git("cat-file", "blob", blob).splitlines(), 1):
        if SECRET.search(line):
            raise Refused(
                f"\nPUSH BLOCKED: Secrets detected in code changes\n\nSecret push protection found the following secrets in "
                f"commit: {sha}\n-- {name}:{number} | GitLab Personal Access Token\n\n"
                "To push your changes you must remove the identified secrets."
            )


def check_rules(branch, new):
    rules = policy["rules"]
    if rules.get("message"):
        raise Refused(rules["message"])
    if rules.get("sizeLimit"):
        raise Refused(TOO_BIG)
    if rules.get("lfs"):
        raise Refused(NO_LFS)
    if rules.get("branchName") and not re.search(rules["branchName"], branch):
        raise Refused(f"Branch name does not follow the pattern '{rules['branchName']}'")
    if new != ZERO and rules:
        commits = git("rev-list", new, "--not", "--all").decode().split()
        check_commits(commits)
        check_contents(commits)


def update_reference(*arguments):
    """As a push by someone else would, past the quarantine that a hook runs in."""
    free = {name: text for name, text in os.environ.items() if name not in ("GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY")}
    subprocess.run(["git", "update-ref", *arguments], env=free, check=True)


def pre_receive(updates):
    for old, new, name in updates:
        if not name.startswith("refs/heads/"):
            continue
        branch = name[11:]
        if new == ZERO and branch == policy["defaultBranch"]:
            raise Refused(NOT_DEFAULT_DELETE)
        if old == ZERO and re.fullmatch("[0-9a-f]{40}", branch):
            raise Refused(NOT_HEXADECIMAL)
        check_protected(branch, old, new)
        check_rules(branch, new)
        if policy["rules"].get("overtaken"):
            update_reference(name, f"refs/heads/{policy['defaultBranch']}")


def post_receive(updates):
    if policy["movedFrom"]:
        print(
            f"Project '{policy['movedFrom']}' was moved to '{policy['path']}'.\n\nPlease update your Git remote:\n\n"
            f"  git remote set-url origin {policy['url']}.git\n",
            file=sys.stderr,
        )
    for old, new, name in updates:
        if policy["rules"].get("takesBack"):
            update_reference(*(("-d", name) if old == ZERO else (name, old)))
        branch = name.removeprefix("refs/heads/")
        if new == ZERO or branch in (name, policy["defaultBranch"]) or policy["empty"] or not policy["showsLink"]:
            continue
        existing = policy["mergeRequests"].get(branch)
        if existing:
            text = f"View merge request for {branch}:\n  {existing}"
        else:
            question = urllib.parse.urlencode({"merge_request[source_branch]": branch})
            text = f"To create a merge request for {branch}, visit:\n  {policy['url']}/-/merge_requests/new?{question}"
        print(f"\n{text}\n", file=sys.stderr)


def main():
    updates = [line.split(" ", 2) for line in sys.stdin.read().splitlines()]
    if sys.argv[1] == "post-receive":
        post_receive(updates)
        return 0
    try:
        pre_receive(updates)
    except Refused as refusal:
        print(f"GitLab: {refusal}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    # A push that did not come through the server has no policy, and nothing is checked.
    if "SIMULATOR_POLICY" not in os.environ:
        sys.exit(0)
    policy = json.loads(os.environ["SIMULATOR_POLICY"])
    sys.exit(main())
