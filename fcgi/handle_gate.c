#include "handle_gate.h"

#include <string.h>

#include "render_gate.h"

/* The reports of one pre-flight, so that they are released on every path. */
struct reports {
	struct check_report *items;
	size_t count;
};

static void reports_release(struct reports *reports)
{
	for (size_t i = 0; reports->items && i < reports->count; i++)
		check_report_release(&reports->items[i]);
	free(reports->items);
}

/* The object was checked when it was accepted; one that no longer parses is our fault. */
static bool stored_spec(const struct session_row *session, struct session_spec *ret, struct error *err)
{
	CLEANUP(json_decrefp) json_t *object = NULL;
	struct error cause = ERROR_INIT;

	if (json_parse_body(session->object, strlen(session->object), &object, &cause) && session_spec_parse(object, ret, &cause))
		return true;
	error_set(err, ERR_INTERNAL, "The stored session cannot be read.");
	return error_detail(err, "%s", cause.message);
}

bool handle_preflight(struct call *call, struct error *err)
{
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	CLEANUP(reports_release) struct reports reports = {NULL, 0};

	if (!stored_spec(&call->session, &spec, err))
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
