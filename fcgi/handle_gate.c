#include "handle_gate.h"

#include "render_gate.h"
#include "report_array.h"
#include "session_service.h"

/* With ?repository= only that one: what has joined the session while it runs. `ret` borrows from `spec`. */
static bool choose(const struct call *call, const struct session_spec *spec, struct session_spec *ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT(LIMIT_SESSION_NAME_MAX);

	*ret = *spec;
	if (!request_query(call->request, "repository", &name))
		return true;
	const struct session_repository *found = session_spec_find(spec, name.data);
	if (!found)
		return error_set(err, ERR_NOT_FOUND, "The session has no such repository.");
	ret->repositories = &spec->repositories[found - spec->repositories];
	ret->repository_count = 1;
	return true;
}

bool handle_preflight(struct call *call, struct error *err)
{
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	CLEANUP(report_array_release) struct report_array reports = REPORT_ARRAY_INIT;
	struct session_spec chosen;

	if (!session_row_spec(&call->session, &spec, err) || !choose(call, &spec, &chosen, err))
		return false;
	reports.count = chosen.repository_count;
	if (!gate_preflight(&call->app->gate, &call->session, &chosen, call->request->id, &reports.items, err))
		return false;
	response_json(&call->response, 200, render_preflight(&chosen, reports.items));
	return true;
}

bool handle_outcomes(struct call *call, struct error *err)
{
	CLEANUP(gate_outcome_list_release) struct gate_outcome_list list = GATE_OUTCOME_LIST_INIT;
	struct session_store *store = &call->app->sessions;

	if (!store->ops->outcomes(store->state, call->session.id, &list, err))
		return false;
	response_json(&call->response, 200, render_outcomes(&list));
	return true;
}

bool handle_merge_request(struct call *call, struct error *err)
{
	CLEANUP(forge_merge_request_release) struct forge_merge_request request = FORGE_MERGE_REQUEST_INIT;

	call_log(call, "repository", call->parameters.repository);
	if (!gate_merge_request(&call->app->gate, &call->session, call->parameters.repository, call->request->id, &request, err))
		return false;
	call_log_number(call, "mergeRequest", request.number);
	response_json(&call->response, 200, render_merge_request(&request));
	return true;
}
