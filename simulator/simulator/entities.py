"""The JSON that GitLab shows of users, tokens, projects and branches.

Members as in GitLab's documentation of release 18; a client must not mind those it has no use for.
"""

from .world import ROLE_NAMES


def user(world_user, base):
    """GET /user"""
    shown = user_basic(world_user, base)
    return shown | {
        "created_at": "2024-05-23T08:00:58.000Z",
        "bio": "",
        "location": None,
        "linkedin": "",
        "twitter": "",
        "discord": "",
        "website_url": "",
        "github": "",
        "job_title": "",
        "pronouns": None,
        "organization": "",
        "bot": world_user.bot,
        "work_information": None,
        "followers": 0,
        "following": 0,
        "is_followed": False,
        "local_time": "9:30 AM",
        "last_sign_in_at": "2026-06-01T11:41:01.000Z",
        "confirmed_at": "2024-05-23T09:05:22.000Z",
        "last_activity_on": "2026-06-02",
        "email": world_user.email,
        "theme_id": 3,
        "color_scheme_id": 1,
        "projects_limit": 100000,
        "current_sign_in_at": "2026-06-02T06:36:55.000Z",
        "identities": [],
        "can_create_group": True,
        "can_create_project": True,
        "two_factor_enabled": True,
        "external": False,
        "private_profile": False,
        "commit_email": world_user.email,
        "preferred_language": "en",
        "shared_runners_minutes_limit": None,
        "extra_shared_runners_minutes_limit": None,
        "scim_identities": [],
    }


def user_basic(world_user, base):
    return {
        "id": world_user.id,
        "username": world_user.username,
        "public_email": None,
        "name": world_user.name,
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{base}/{world_user.username}",
    }


def token(world_token, release):
    """GET /personal_access_tokens/self"""
    shown = {
        "id": world_token.id,
        "name": world_token.name,
        "revoked": world_token.revoked,
        "created_at": world_token.created_at,
        "description": None,
        "scopes": world_token.scopes,
        "user_id": world_token.user_id,
        "last_used_at": world_token.last_used_at,
        "active": world_token.active,
        "expires_at": world_token.expires_at,
    }
    if release >= (17, 10):
        shown["last_used_ips"] = ["127.0.0.1"]
    return shown


def _access(level):
    return {"access_level": level, "notification_level": 3} if level else None


def permissions(project, caller):
    level = project.level(caller)
    return {
        "project_access": _access(level) if project.via == "project" else None,
        "group_access": _access(level) if project.via == "group" else None,
    }


def project_basic(project, caller, base, default_branch):
    name = project.path.rpartition("/")[2]
    namespace = project.path.rpartition("/")[0]
    shown = {
        "id": project.id,
        "description": None,
        "name": name,
        "name_with_namespace": project.path.replace("/", " / "),
        "path": name,
        "path_with_namespace": project.path,
        "created_at": "2026-01-01T10:00:00.000Z",
        "default_branch": default_branch,
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@gitlab.test:{project.path}.git",
        "http_url_to_repo": f"{project.clone_host or base}/{project.path}.git",
        "web_url": f"{project.clone_host or base}/{project.path}",
        "readme_url": f"{base}/{project.path}/-/blob/{default_branch}/README.md",
        "forks_count": 0,
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": "2026-01-02T10:00:00.000Z",
        "visibility": project.visibility,
        "namespace": {
            "id": 7,
            "name": namespace,
            "path": namespace.rpartition("/")[2],
            "kind": "group",
            "full_path": namespace,
            "parent_id": None,
            "avatar_url": None,
            "web_url": f"{base}/groups/{namespace}",
        },
    }
    if not project.code_readable_by(caller):
        for name in ("default_branch", "readme_url"):
            del shown[name]
    return shown


def project(project_, caller, base, default_branch, empty):
    """GET /projects/:id"""
    disabled = "disabled" if project_.repository_disabled else "enabled"
    merge_requests = "disabled" if project_.repository_disabled else project_.merge_requests
    deletion = "2026-02-01" if project_.deleting else None
    return project_basic(project_, caller, base, default_branch) | {
        "container_registry_enabled": True,
        "packages_enabled": True,
        "empty_repo": empty,
        "archived": project_.archived,
        "resolve_outdated_diff_discussions": False,
        "repository_object_format": "sha1",
        "issues_enabled": True,
        "merge_requests_enabled": merge_requests == "enabled",
        "wiki_enabled": True,
        "jobs_enabled": True,
        "snippets_enabled": True,
        "can_create_merge_request_in": project_.level(caller) >= 20,
        "issues_access_level": "enabled",
        "repository_access_level": disabled,
        "merge_requests_access_level": merge_requests,
        "forking_access_level": disabled,
        "shared_runners_enabled": True,
        "lfs_enabled": True,
        "creator_id": 1002,
        "import_url": None,
        "import_type": None,
        "import_status": project_.import_status,
        "import_error": None,
        "open_issues_count": 0,
        "ci_default_git_depth": 20,
        "public_jobs": True,
        "shared_with_groups": [],
        "only_allow_merge_if_pipeline_succeeds": False,
        "remove_source_branch_after_merge": True,
        "printing_merge_request_link_enabled": project_.shows_merge_request_link,
        "merge_method": "merge",
        "squash_option": "default_off",
        "mirror": project_.mirror,
        "marked_for_deletion_at": deletion,
        "marked_for_deletion_on": deletion,
        "permissions": permissions(project_, caller),
    }


def member(world_user, level, base):
    """GET /projects/:id/members/all/:user_id"""
    shown = user_basic(world_user, base)
    return shown | {
        "access_level": level,
        "created_at": "2026-01-01T10:00:00.000Z",
        "expires_at": None,
        "membership_state": "active",
    }


def _moment(text):
    """git's strict ISO date as GitLab shows it, with milliseconds."""
    return f"{text[:19]}.000{text[19:].replace('Z', '+00:00')}"


def commit(fields, url):
    return {
        "id": fields["id"],
        "short_id": fields["id"][:8],
        "created_at": _moment(fields["committed"]),
        "parent_ids": fields["parents"].split(),
        "title": fields["title"],
        "message": fields["message"],
        "author_name": fields["author"],
        "author_email": fields["authorEmail"],
        "authored_date": _moment(fields["authored"]),
        "committer_name": fields["committer"],
        "committer_email": fields["committerEmail"],
        "committed_date": _moment(fields["committed"]),
        "trailers": {},
        "extended_trailers": {},
        "web_url": f"{url}/-/commit/{fields['id']}",
    }


def branch(project_, caller, name, default_branch, fields, base):
    """An item of GET /projects/:id/repository/branches; `can_push` speaks of the caller."""
    rules = project_.protections_of(name)
    url = f"{base}/{project_.path}"
    return {
        "name": name,
        "commit": commit(fields, url),
        "merged": False,
        "protected": bool(rules),
        "developers_can_push": any(0 < rule.push_level <= 30 for rule in rules),
        "developers_can_merge": any(0 < rule.merge_level <= 30 for rule in rules),
        "can_push": project_.may_push_to(name, caller),
        "default": name == default_branch,
        "web_url": f"{url}/-/tree/{name}",
    }


def tag(name, target, message, fields, url, protected=False):
    """An item of GET /projects/:id/repository/tags; a light tag has no message."""
    return {
        "name": name,
        "message": message,
        "target": target,
        "commit": commit(fields, url),
        "release": None,
        "protected": protected,
        "created_at": _moment(fields["committed"]) if message else None,
    }


def _level(number, level, **more):
    described = ROLE_NAMES.get(level, "Maintainers")
    return {
        "id": number,
        "access_level": level,
        "access_level_description": described,
        "deploy_key_id": None,
        "user_id": None,
        "group_id": None,
    } | more


def protected_branch(rule, number):
    """An item of GET /projects/:id/protected_branches (Premium: users and groups are shown)."""
    push = [_level(10 * number, rule.push_level)]
    push += [
        _level(10 * number + 1 + i, None, user_id=user_id, access_level_description="A user")
        for i, user_id in enumerate(rule.push_users)
    ]
    if rule.group_id is not None:
        push.append(_level(10 * number + 8, None, group_id=rule.group_id, access_level_description="A group"))
    push.append(_level(10 * number + 9, 40, deploy_key_id=1, access_level_description="Deploy key"))
    return {
        "id": number,
        "name": rule.name,
        "push_access_levels": push,
        "merge_access_levels": [_level(10 * number + 5, rule.merge_level)],
        "unprotect_access_levels": [],
        "allow_force_push": rule.allow_force,
        "code_owner_approval_required": False,
        "inherited": False,
    }


def merge_request(number, project_, author, fields, base):
    return {
        "id": 9000 + project_.id * 100 + number,
        "iid": number,
        "project_id": project_.id,
        "source_project_id": project_.id,
        "target_project_id": project_.id,
        "title": fields["title"],
        "description": fields.get("description"),
        "state": "opened",
        "created_at": "2026-01-02T10:00:00.000Z",
        "target_branch": fields["target_branch"],
        "source_branch": fields["source_branch"],
        "author": user_basic(author, base),
        "labels": fields["labels"],
        "merge_status": "checking",
        "web_url": f"{base}/{project_.path}/-/merge_requests/{number}",
    }
