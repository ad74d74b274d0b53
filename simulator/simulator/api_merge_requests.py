"""The handlers of the API for merge requests: looking for one, and opening one.

Refusals as in lib/api/merge_requests.rb: a conflict with an open one is 409, what the model finds wrong else 422, and who may not,
or where merge requests are switched off, gets the bare 403.
"""

import re

from . import entities
from .api_handlers import PROJECT, find_project, paginate, route
from .refusal import error_refusal, message_refusal
from .world import DEVELOPER

REQUIRED = ("source_branch", "target_branch", "title")
KNOWN = {*REQUIRED, "description", "labels", "remove_source_branch", "target_project_id", "squash", "assignee_id", "milestone_id"}
TITLE_LONGEST = 255
DRAFT = re.compile(r"\s*(\[draft\]|\(draft\)|draft:)", re.IGNORECASE)


def readable_merge_requests(call, text, grant):
    project = find_project(call, text, grant)
    if project.merge_requests == "disabled" or project.repository_disabled:
        raise message_refusal(403, "403 Forbidden")
    return project


@route("GET", PROJECT + "/merge_requests")
def list_merge_requests(call, project):
    found = readable_merge_requests(call, project, "read_merge_request")
    wanted = {name: call.query.get(name) for name in ("source_branch", "target_branch", "state")}
    if wanted["state"] == "all":
        wanted["state"] = None
    shown = [one for one in found.opened_requests if all(value in (None, one[name]) for name, value in wanted.items())]
    return 200, paginate(call, sorted(shown, key=lambda one: -one["iid"]))


def judge_fields(call, fields):
    missing = [f"{name} is missing" for name in REQUIRED if name not in fields]
    empty = [f"{name} is empty" for name in REQUIRED if fields.get(name) == ""]
    if missing or empty:
        raise error_refusal(400, ", ".join(missing + empty))
    for name in sorted(set(fields) - KNOWN):
        call.simulator.journal.violate("unknown_parameter", call.request, name)
    if len(fields["title"]) > TITLE_LONGEST:
        raise message_refusal(400, {"title": [f"is too long (maximum is {TITLE_LONGEST} characters)"]})


def judge_branches(call, project, source, target):
    if source == target:
        raise message_refusal(422, ["You can't use same project/branch for source and target"])
    branches = call.repositories.branches(project)
    for side, name in (("Source", source), ("Target", target)):
        if name not in branches:
            raise message_refusal(422, [f'{side} branch "{name}" does not exist'])
    for one in project.opened_requests:
        # A fork's branch of the same name is another source.
        same_source = (one["source_project_id"], one["source_branch"]) == (project.id, source)
        if one["state"] == "opened" and same_source and one["target_branch"] == target:
            raise message_refusal(409, [f"Another open merge request already exists for this source branch: !{one['iid']}"])


@route("POST", PROJECT + "/merge_requests", ("api",))
def create_merge_request(call, project):
    fields = call.body()
    judge_fields(call, fields)
    found = readable_merge_requests(call, project, "create_merge_request")
    if found.power(call.user) < DEVELOPER or found.archived:
        raise message_refusal(403, "403 Forbidden")
    labels = fields.get("labels") or []
    fields["labels"] = [label.strip() for label in labels.split(",")] if isinstance(labels, str) else labels
    with call.world.guard:
        judge_branches(call, found, fields["source_branch"], fields["target_branch"])
        created = entities.merge_request(len(found.opened_requests) + 1, found, call.user, fields, call.base)
        created["draft"] = bool(DRAFT.match(fields["title"]))
        found.opened_requests.append(created)
    return 201, created
