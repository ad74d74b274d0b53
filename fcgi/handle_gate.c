#include "handle_gate.h"

#include "render_gate.h"
#include "report_array.h"
#include "session_service.h"

bool handle_preflight(struct call *call, struct error *err)
{
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	CLEANUP(report_array_release) struct report_array reports = REPORT_ARRAY_INIT;

	if (!session_row_spec(&call->session, &spec, err))
		return false;
	reports.count = spec.repository_count;
	if (!gate_preflight(&call->app->gate, &call->session, &spec, call->request->id, &reports.items, err))
		return false;
	response_json(&call->response, 200, render_preflight(&spec, reports.items));
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
