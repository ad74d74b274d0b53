/*
 * step_merge_request — after a confirmed push: the merge request that the session asks for. The push has succeeded whatever becomes
 * of it, so that a failure here is told beside the branch and never in its place.
 */
#include "session_run.h"

#include "alloc.h"

enum { TRIES = 3 };

/* An answer that did not come says nothing about what was done; asked again, the gate finds what an earlier try has opened. */
static bool ask_gate(const struct session_run *run, const struct repository *r, json_t **ret_answer, struct error *err)
{
	for (int tries = 1; !gate_client_merge_request(&run->gate, r->name, ret_answer, err); tries++)
		if (tries == TRIES || error_status(err->code) < 502 ||
		    !session_pause(run, r, "The merge request is asked for again", err))
			return false;
	return true;
}

static void take(struct session_run *run, struct repository *r, const json_t *answer)
{
	const json_t *unmarked = json_object_get(answer, "unmarked");
	struct error failure = ERROR_INIT;

	set_string(&r->merge_request_url, json_string_or(answer, "url", NULL));
	r->merge_request_open = r->merge_request_url != NULL;
	if (unmarked) {
		error_from_json(unmarked, &failure);
		repository_warn(r, "labels_not_set", "The merge request is open, but its labels could not be set: %s",
		                failure.message);
	}
	session_log(run, LOG_INFO, r, NULL,
	            json_bool_or(answer, "existed", false) ? "Merge request found: %s" : "Merge request opened: %s",
	            r->merge_request_url ? r->merge_request_url : "");
}

bool session_merge_request(struct session_run *run, struct repository *r, struct error *err)
{
	struct error failure = ERROR_INIT;
	json_t *answer = NULL;

	if (!run->spec.merge_request)
		return true;
	if (ask_gate(run, r, &answer, &failure)) {
		take(run, r, answer);
		json_decref(answer);
		return true;
	}
	if (failure.code == ERR_SESSION_LOST) {
		*err = failure;
		return false;
	}
	session_log(run, LOG_WARNING, r, &failure, "Merge request failed: %s", r->url);
	r->merge_request_error = failure;
	return true;
}

void session_merge_requests_conclude(struct session_run *run)
{
	const struct error *failure = NULL;
	size_t open = 0, failed = 0;

	for (size_t i = 0; i < run->repositories.count; i++) {
		const struct repository *r = &run->repositories.items[i];
		open += r->merge_request_open;
		failed += r->merge_request_error.code != ERR_NONE;
		if (!failure && r->merge_request_error.code != ERR_NONE)
			failure = &r->merge_request_error;
	}
	if (open + failed > 0)
		session_status_condition(&run->status, "MergeRequestOpened", failed == 0, failed ? "SomeFailed" : "AllOpen", "%s",
		                         failure ? failure->message : "");
}
