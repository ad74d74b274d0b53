"""The JSON that GitHub shows of accounts, repositories, branches and installations.

Members as in GitHub's documentation of API version 2022-11-28; a client must not mind those it has no use for.
"""

import base64
import datetime

from .github_app import APP_ID, CLIENT_ID, SLUG
from .github_world import ROLES

SUBJECT = {"fine": "personal access token", "installation": "integration"}


def node(kind, number):
    return base64.b64encode(f"0:{kind}{number}".encode()).decode()


def account_basic(account, base):
    api = f"{base}/api/v3/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node(account.kind, account.id),
        "avatar_url": f"{base}/avatars/u/{account.id}?v=4",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{base}/{account.login}",
        "repos_url": f"{api}/repos",
        "type": account.kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def user(account, base):
    """GET /user"""
    return account_basic(account, base) | {
        "name": account.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": account.email,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "notification_email": account.email,
        "public_repos": 8,
        "public_gists": 0,
        "followers": 20,
        "following": 0,
        "created_at": "2011-01-25T18:44:36Z",
        "updated_at": "2026-06-02T06:36:55Z",
    }


def permissions(role):
    rank = ROLES.index(role) if role else -1
    names = {"admin": "admin", "maintain": "maintain", "push": "write", "triage": "triage", "pull": "read"}
    return {name: rank >= ROLES.index(needed) for name, needed in names.items()}


def repository(found, owner, role, base):
    """GET /repos/{owner}/{repo}; `role` None: an installation's token, of which GitHub shows no role."""
    api = f"{base}/api/v3/repos/{found.path}"
    return {
        "id": found.id,
        "node_id": node("Repository", found.id),
        "name": found.name,
        "full_name": found.path,
        "private": found.private,
        "owner": account_basic(owner, base),
        "html_url": f"{base}/{found.path}",
        "description": None,
        "fork": False,
        "url": api,
        "branches_url": f"{api}/branches{{/branch}}",
        "contents_url": f"{api}/contents/{{+path}}",
        "trees_url": f"{api}/git/trees{{/sha}}",
        "created_at": "2026-01-01T10:00:00Z",
        "updated_at": "2026-01-02T10:00:00Z",
        "pushed_at": "2026-01-02T10:00:00Z",
        "git_url": f"git://github.test/{found.path}.git",
        "ssh_url": f"git@github.test:{found.path}.git",
        "clone_url": f"{base}/{found.path}.git",
        "homepage": None,
        "size": found.size,
        "stargazers_count": 0,
        "language": None,
        "has_issues": True,
        "mirror_url": found.mirror_url,
        "archived": found.archived,
        "disabled": found.disabled,
        "open_issues_count": 0,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "topics": [],
        "visibility": "private" if found.private else "public",
        "forks": 0,
        "watchers": 0,
        "default_branch": found.default_branch,
        "permissions": permissions(role),
        "temp_clone_token": None,
        "network_count": 0,
        "subscribers_count": 1,
    }


def moment(text):
    """GitHub shows git's times in UTC."""
    return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def commit(fields, tree, api):
    """`api` is the repository's address."""
    oid = fields["id"]
    signature = {"name": fields["author"], "email": fields["authorEmail"], "date": moment(fields["authored"])}
    committer = {"name": fields["committer"], "email": fields["committerEmail"], "date": moment(fields["committed"])}
    return {
        "sha": oid,
        "node_id": node("Commit", oid),
        "commit": {
            "author": signature,
            "committer": committer,
            "message": fields["message"].rstrip("\n"),
            "tree": {"sha": tree, "url": f"{api}/git/trees/{tree}"},
            "url": f"{api}/git/commits/{oid}",
            "comment_count": 0,
            "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None},
        },
        "url": f"{api}/commits/{oid}",
        "author": None,
        "committer": None,
        "parents": [{"sha": parent, "url": f"{api}/commits/{parent}"} for parent in fields["parents"].split()],
    }


def branch_basic(name, oid, protections, protected, api):
    """`protections`: the classic ones, `protected`: by them or by a ruleset."""
    rule = protections[0] if protections else None
    checks = list(rule.checks) if rule else []
    return {
        "name": name,
        "commit": {"sha": oid, "url": f"{api}/commits/{oid}"},
        "protected": protected,
        "protection": {
            "enabled": protected,
            "required_status_checks": {
                "enforcement_level": rule.enforcement if rule else "off",
                "contexts": checks,
                "checks": [{"context": name, "app_id": None} for name in checks],
            },
        },
        "protection_url": f"{api}/branches/{name}/protection",
    }


def rule(ruleset, kind, path):
    shown = {"type": kind, "ruleset_source_type": "Repository", "ruleset_source": path, "ruleset_id": ruleset.id}
    if kind == "pull_request":
        shown["parameters"] = {"required_approving_review_count": 1, "dismiss_stale_reviews_on_push": False}
    return shown


def ruleset(one, path, login):
    """GET /repos/{owner}/{repo}/rulesets/{id}"""
    return {
        "id": one.id,
        "name": f"ruleset {one.id}",
        "target": "branch",
        "source_type": "Repository",
        "source": path,
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [f"refs/heads/{pattern}" for pattern in one.patterns], "exclude": []}},
        "rules": [{"type": kind} for kind in one.rules],
        "node_id": node("RepositoryRuleset", one.id),
        "created_at": "2026-01-01T10:00:00Z",
        "updated_at": "2026-01-01T10:00:00Z",
        "current_user_can_bypass": "always" if login in one.bypass else "never",
    }


def reference(name, oid, kind, api):
    path = name.removeprefix("refs/")
    return {
        "ref": name,
        "node_id": node("Ref", name),
        "url": f"{api}/git/refs/{path}",
        "object": {"sha": oid, "type": kind, "url": f"{api}/git/{kind}s/{oid}"},
    }


def membership(organization, account, state, base):
    return {
        "url": f"{base}/api/v3/orgs/{organization.login}/memberships/{account.login}",
        "state": "active" if state == "owner" else state,
        "role": "admin" if state == "owner" else "member",
        "organization_url": f"{base}/api/v3/orgs/{organization.login}",
        "user": account_basic(account, base),
        "organization": {"login": organization.login, "id": organization.id, "url": f"{base}/api/v3/orgs/{organization.login}"},
    }


def app(base):
    return {
        "id": APP_ID,
        "client_id": CLIENT_ID,
        "slug": SLUG,
        "node_id": node("Integration", APP_ID),
        "name": "Ambient simulator",
        "html_url": f"{base}/apps/{SLUG}",
        "permissions": {"contents": "write", "metadata": "read", "pull_requests": "write"},
        "events": [],
    }


def installation(one, account, base):
    api = f"{base}/api/v3/app/installations/{one.id}"
    return {
        "id": one.id,
        "client_id": CLIENT_ID,
        "account": account_basic(account, base),
        "repository_selection": "all" if one.repositories is None else "selected",
        "access_tokens_url": f"{api}/access_tokens",
        "repositories_url": f"{base}/api/v3/installation/repositories",
        "html_url": f"{base}/settings/installations/{one.id}",
        "app_id": APP_ID,
        "app_slug": SLUG,
        "target_id": account.id,
        "target_type": account.kind,
        "permissions": one.permissions,
        "events": [],
        "created_at": "2026-01-01T10:00:00Z",
        "updated_at": "2026-01-01T10:00:00Z",
        "single_file_name": None,
        "suspended_by": account_basic(account, base) if one.suspended else None,
        "suspended_at": "2026-01-02T10:00:00Z" if one.suspended else None,
    }


def label(name):
    return {
        "id": sum(name.encode()) + 208045946,
        "node_id": node("Label", name),
        "name": name,
        "color": "ededed",
        "default": False,
        "description": None,
    }


def pull(number, found, author, fields, ends, base):
    """GET /repos/{owner}/{repo}/pulls/{number}; `ends`: the head's branch, its commit, the base's."""
    head, head_oid, base_oid = ends
    api = f"{base}/api/v3/repos/{found.path}"

    def end(branch, oid):
        return {"label": f"{found.owner}:{branch}", "ref": branch, "sha": oid, "repo": {"id": found.id, "full_name": found.path}}

    return {
        "url": f"{api}/pulls/{number}",
        "id": 1000 * found.id + number,
        "node_id": node("PullRequest", number),
        "html_url": f"{base}/{found.path}/pull/{number}",
        "issue_url": f"{api}/issues/{number}",
        "number": number,
        "state": "open",
        "locked": False,
        "title": fields["title"],
        "user": account_basic(author, base),
        "body": fields.get("body"),
        "labels": [],
        "draft": bool(fields.get("draft")),
        "head": end(head, head_oid),
        "base": end(fields["base"], base_oid),
        "created_at": "2026-01-02T10:00:00Z",
        "updated_at": "2026-01-02T10:00:00Z",
        "merged": False,
    }
