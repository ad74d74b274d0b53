#pragma once
/*
 * git_gate — the smart-HTTP git of a session: streams between git (the worker's or the agent's) and the instance, adding the
 * owner's token on the far side. Stores nothing, decides nothing: gate_service says what may pass.
 *
 * Only a 200 with git's own content type is passed on. Anything else is classified, kept for the session's status, and answered in
 * one sentence of plain text, never as 401 (git would prompt) and never as a redirect. A transfer that breaks in the middle closes
 * the connection, so that git sees an error and not a short success. An origin that the API calls leave alone is not asked either.
 */
#include "call.h"
#include "forge.h"

bool git_gate_info_refs(struct call *call, struct error *err) MUST_CHECK;
bool git_gate_upload_pack(struct call *call, struct error *err) MUST_CHECK;
bool git_gate_receive_pack(struct call *call, struct error *err) MUST_CHECK;

/* "git-upload-pack" or "git-receive-pack" as asked for with ?service=; ERR_BAD_REQUEST for the dumb protocol. */
bool git_gate_service(const struct request *request, enum git_service *ret, struct error *err) MUST_CHECK;

/* Whether the headers of a git POST are what git sends: content type, and gzip at most for a fetch. ERR_UNSUPPORTED_MEDIA_TYPE. */
bool git_gate_check_headers(const struct request *request, enum git_service service, struct error *err) MUST_CHECK;
