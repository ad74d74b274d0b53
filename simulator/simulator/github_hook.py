"""The hooks of GitHub's repositories: refuse a reference in GitHub's words, offer a pull request after a push.

A program of its own, started by git as `github_hook.py proc-receive|post-receive`. What the server knows about the user and the
repository arrives in SIMULATOR_POLICY (JSON, written by github_git.py). GitHub gives each refused reference a reason of its own,
which only git's proc-receive hook can do: the references that it finds good it hands back to git ("fall-through").
"""

import json
import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from simulator.github_world import matches  # noqa: E402 (git starts this file alone)

ZERO = "0" * 40
SECRET = re.compile(rb"gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{82}|glpat-[0-9A-Za-z_-]{20}")
# In place of GitHub's 100 MB, which no test wants to wait for.
LARGE = 1 << 20
RULES = {
    "pull_request": "Changes must be made through a pull request.",
    "update": "Cannot update this protected ref.",
    "creation": "Cannot create ref due to creations being restricted.",
    "deletion": "Cannot delete this protected ref.",
    "non_fast_forward": "Cannot force-push to this branch",
    "required_signatures": "Commits must have verified signatures.",
}
RULES_DECLINED = "push declined due to repository rule violations"


class Refused(Exception):
    """The reference's reason, and what is said beside it."""

    def __init__(self, reason, text=""):
        super().__init__(reason)
        self.reason, self.text = reason, text


def git(*arguments):
    return subprocess.run(["git", *arguments], stdout=subprocess.PIPE, check=True).stdout


def forced(old, new):
    if ZERO in (old, new):
        return False
    return subprocess.run(["git", "merge-base", "--is-ancestor", old, new], check=False).returncode != 0


def new_commits(new):
    return [] if new == ZERO else git("rev-list", new, "--not", "--all").decode().split()


def changes(sha):
    """(name, blob id) of what a commit adds or changes."""
    raw = git("diff-tree", "-r", "--root", "--no-commit-id", "--diff-filter=AM", "-z", sha).split(b"\0")
    return [(name.decode(errors="replace"), entry.split()[3].decode()) for entry, name in zip(raw[0:-1:2], raw[1::2], strict=True)]


# -- what is refused ----------------------------------------------------------------------------------------------


def bypassed(branch, points):
    """Said to those whom the rules let through."""
    lines = "".join(f"- {one}\n\n" for one in points)
    print(f"Bypassed rule violations for refs/heads/{branch}:\n\n{lines}", file=sys.stderr, flush=True)


def check_protection(branch, old, new):
    """Classic protection: branches that exist."""
    for rule in policy["protected"] if old != ZERO else ():
        if not matches(rule["name"], branch):
            continue
        points = ["Cannot delete this protected branch"] if new == ZERO else list(rule["points"])
        if forced(old, new):
            points.append("Cannot force-push to this protected branch")
        if points and rule["bypassed"] and new != ZERO:
            bypassed(branch, points)
        elif points:
            lines = "\n\n".join(f"- {one}" for one in points)
            raise Refused(
                "protected branch hook declined",
                f"error: GH006: Protected branch update failed for refs/heads/{branch}.\n\n{lines}",
            )


def check_rulesets(branch, old, new):
    if new == ZERO:
        meant = {"deletion"}
    else:
        meant = {"pull_request", "required_signatures", "creation" if old == ZERO else "update"}
        meant |= {"non_fast_forward"} if forced(old, new) else set()
    for one in policy["rulesets"]:
        hit = any(matches(pattern, branch) for pattern in one["patterns"])
        points = [RULES[kind] for kind in RULES if hit and kind in one["rules"] and kind in meant]
        if points and one["bypassed"]:
            bypassed(branch, points)
        elif points:
            raise Refused(RULES_DECLINED, violation(branch, points))


def violation(branch, points):
    question = urllib.parse.quote(f"refs/heads/{branch}", safe="")
    head = f"error: GH013: Repository rule violations found for refs/heads/{branch}.\n"
    return (
        head
        + f"Review all repository rules at {policy['url']}/rules?ref={question}\n\n"
        + "".join(f"- {one}\n\n" for one in points)
    )


def check_workflows(commits):
    if policy["workflows"]:
        return
    for sha in commits:
        for name, _ in changes(sha):
            if name.startswith(".github/workflows/"):
                who, need = {
                    "installation": ("a GitHub App", "`workflows` permission"),
                    "oauth": ("an OAuth App", "`workflow` scope"),
                }.get(policy["kind"], ("a Personal Access Token", "`workflow` scope"))
                raise Refused(f"refusing to allow {who} to create or update workflow `{name}` without {need}")


def check_email(commits):
    for sha in commits if policy["privateEmail"] else ():
        emails = git("show", "-s", "--format=%ae %ce", sha).decode(errors="replace").split()
        if not all(email.endswith("noreply.github.com") or "@users.noreply." in email for email in emails):
            raise Refused(
                "push declined due to email privacy restrictions",
                "error: GH007: Your push would publish a private email address.\n"
                "You can make your email public or disable this protection by visiting:\nhttps://github.com/settings/emails",
            )


def check_large_files(commits):
    for sha in commits:
        for name, blob in changes(sha):
            size = int(git("cat-file", "-s", blob))
            if size > LARGE:
                raise Refused(
                    "pre-receive hook declined",
                    "error: Trace: 1e5082a2a92c21c361dec078c3d6bbd8f8936152faf9a7980dfc8acd6e302546\n"
                    "error: See https://gh.io/lfs for more information.\n"
                    f"error: File {name} is {size / LARGE:.2f} MB; this exceeds GitHub's file size limit of 100.00 MB\n"
                    "error: GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com.",
                )


def check_secrets(branch, commits):
    for sha in commits:
        for name, blob in changes(sha):
            for number, line in enumerate(git("cat-file", "blob", blob).splitlines(), 1):
                if SECRET.search(line):
                    raise Refused(RULES_DECLINED, found_secret(branch, sha, f"{name}:{number}"))


def found_secret(branch, sha, where):
    line = "—" * 41
    return (
        f"error: GH013: Repository rule violations found for refs/heads/{branch}.\n\n- GITHUB PUSH PROTECTION\n  {line}\n"
        "    Resolve the following violations before pushing again\n\n    - Push cannot contain secrets\n\n\n"
        "     (?) Learn how to resolve a blocked push\n"
        "     https://docs.github.com/code-security/secret-scanning/working-with-secret-scanning-and-push-protection/"
        "working-with-push-protection-from-the-command-line#resolving-a-blocked-push\n\n\n"
        f"      —— GitHub Personal Access Token {'—' * 22}\n"
        f"       locations:\n         - commit: {sha}\n           path: {where}\n\n"
        "       (?) To push, remove secret from commit(s) or follow this URL to allow the secret.\n"
        f"       {policy['url']}/security/secret-scanning/unblock-secret/2gakJrAududURpxlhIZdNlX14ZZ\n\n"
    )


def judge(old, new, name):
    """Raises Refused for a reference that GitHub would not take."""
    commits = new_commits(new)
    check_workflows(commits)
    if name.startswith("refs/heads/"):
        branch = name.removeprefix("refs/heads/")
        if "email" in policy["checks"]:
            check_email(commits)
        if "large_files" in policy["checks"]:
            check_large_files(commits)
        if "secrets" in policy["checks"]:
            check_secrets(branch, commits)
        check_rulesets(branch, old, new)
        check_protection(branch, old, new)


# -- git's protocol with a proc-receive hook ----------------------------------------------------------------------


def read_packet():
    """A packet's text; None for a flush."""
    size = int(sys.stdin.buffer.read(4), 16)
    return None if size == 0 else sys.stdin.buffer.read(size - 4).decode(errors="replace").rstrip("\n")


def read_packets():
    packets = []
    while (packet := read_packet()) is not None:
        packets.append(packet)
    return packets


def send(*texts):
    for text in texts:
        data = text.encode()
        sys.stdout.buffer.write(b"%04x%b" % (len(data) + 4, data))
    sys.stdout.buffer.write(b"0000")
    sys.stdout.buffer.flush()


def proc_receive():
    features = read_packets()[0].partition("\0")[2].split()
    send("version=1\0push-options" if "push-options" in features else "version=1")
    updates = [packet.split(" ", 2) for packet in read_packets()]
    if "push-options" in features:
        read_packets()
    report = []
    for old, new, name in updates:
        try:
            if policy is not None:
                judge(old, new, name)
            report += [f"ok {name}", "option fall-through"]
        except Refused as refusal:
            if refusal.text:
                print(refusal.text, file=sys.stderr, flush=True)
            report.append(f"ng {name} {refusal.reason}")
    send(*report)


def post_receive():
    if policy["movedFrom"]:
        print(f"This repository moved. Please use the new location:\n  {policy['url']}.git", file=sys.stderr)
    for line in sys.stdin:
        old, new, name = line.rstrip("\n").split(" ", 2)
        branch = name.removeprefix("refs/heads/")
        if old != ZERO or new == ZERO or branch in (name, policy["defaultBranch"]) or policy["empty"]:
            continue
        page = f"{policy['url']}/pull/new/{urllib.parse.quote(branch)}"
        print(f"\nCreate a pull request for '{branch}' on GitHub by visiting:\n     {page}\n", file=sys.stderr)


if __name__ == "__main__":
    # A push that did not come through the server has no policy, and nothing is checked.
    policy = json.loads(os.environ["SIMULATOR_POLICY"]) if "SIMULATOR_POLICY" in os.environ else None
    if sys.argv[1] == "proc-receive":
        proc_receive()
    elif policy is not None:
        post_receive()
