/* The merge request of a session: what it says follows from the stored session, where it goes from the binding. */
#include "gate_service.h"

#include "clock.h"
#include "merge_request_spec.h"
#include "session_service.h"

#include <stdlib.h>
#include <string.h>

/* All that is asked for one merge request together: less than the worker waits, which then asks again. */
enum { MERGE_REQUEST_MS = 9000 };

static bool read_wish(const struct session_spec *spec, struct merge_request_spec *ret, struct error *err)
{
	if (!spec->merge_request)
		return error_set(err, ERR_MERGE_REQUEST_REFUSED, "The session does not ask for a merge request.");
	if (!merge_request_spec_parse(spec->merge_request, ret, err))
		return false;
	if (!ret->title)
		ret->title = merge_request_title(spec->display_name, spec->description, spec->name);
	if (!ret->description)
		ret->description = merge_request_description(spec->description, spec->name);
	return true;
}

/* A branch that is the project's first is its default branch from then on: there is nothing that it could be merged into. */
static bool check_branches(const char *source, const char *target, struct error *err)
{
	if (!target)
		return error_set(err, ERR_MERGE_REQUEST_REFUSED,
		                 "The repository has no default branch that %s could be merged into.", source);
	if (strcmp(source, target) == 0)
		return error_set(err, ERR_MERGE_REQUEST_REFUSED, "%s cannot be merged into itself; it is the target branch.",
		                 source);
	return true;
}

static bool open_merge_request(struct gate_service *s, const struct gate_route *route, const struct merge_request_spec *spec,
                               const char *request_id, struct forge_merge_request *ret, struct error *err)
{
	struct forge_access access = credential_access(&s->checks->credentials, &route->credential, request_id);
	const struct forge_merge_wish wish = {
	        .source_branch = route->push_branch,
	        .target_branch = spec->target_branch ? spec->target_branch : route->project.default_branch,
	        .title = spec->title,
	        .description = spec->description,
	        .labels = (const char *const *)spec->labels,
	        .label_count = spec->label_count,
	        .draft = spec->draft,
	};
	struct error failure = ERROR_INIT;

	if (!check_branches(wish.source_branch, wish.target_branch, err))
		return false;
	access.until_ms = clock_monotonic_ms() + MERGE_REQUEST_MS;
	if (access.forge->merge_request_open(&access, &route->project, &wish, ret, &failure))
		return true;
	if (account_error_condemns_token(failure.code))
		credential_note_use(&s->checks->credentials, &route->credential, &failure);
	if (err)
		*err = failure;
	return false;
}

bool gate_merge_request(struct gate_service *s, const struct session_row *session, const char *repository, const char *request_id,
                        struct forge_merge_request *ret, struct error *err)
{
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	CLEANUP(merge_request_spec_release) struct merge_request_spec wish = MERGE_REQUEST_SPEC_INIT;
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	struct error failure = ERROR_INIT;

	if (!session_row_spec(session, &spec, err) || !read_wish(&spec, &wish, err) ||
	    !gate_route_open(s, session, repository, GATE_MERGE_REQUEST, request_id, &route, err))
		return false;
	bool open = open_merge_request(s, &route, &wish, request_id, ret, &failure);
	gate_audit(s, session, &route, AUDIT_MERGE_REQUEST, request_id, open ? NULL : &failure);
	if (!open && err)
		*err = failure;
	return open;
}
