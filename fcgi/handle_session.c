#include "handle_session.h"

#include <string.h>

#include "alloc.h"
#include "caps.h"
#include "render_project.h"
#include "render_session.h"
#include "report_array.h"
#include "session_repositories.h"

static bool answer_with(struct call *call, int status, const struct session_row *row, struct error *err)
{
	json_t *object = session_to_json(row);

	if (!object)
		return error_set(err, ERR_INTERNAL, "The stored session cannot be shown.");
	response_json(&call->response, status, object);
	return true;
}

/* Creating again what exists already gives the same answer: nginx sends a request again whose process has died. It keeps its id,
 * which stands for the key of a request that has none and names no session. */
bool handle_session_create(struct call *call, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	const char *given = call->request->idempotency_key, *key = given && *given ? given : call->request->id;
	bool created = false;

	if (!session_create(&call->app->sessions, &call->app->projects.store, call->parameters.project, call->caller.user_id,
	                    call->body, key, &row, &created, err))
		return false;
	call_log(call, "session", row.id);
	json_object_set_new(call->fields, "created", json_boolean(created));
	return answer_with(call, 201, &row, err);
}

bool handle_session_list(struct call *call, struct error *err)
{
	CLEANUP(session_list_release) struct session_list list = SESSION_LIST_INIT;
	struct session_store *store = &call->app->sessions;
	json_t *items;

	if (!store->ops->list(store->state, call->parameters.project, &list, err))
		return false;
	items = json_array();
	for (size_t i = 0; i < list.count; i++) {
		json_t *object = session_to_json(&list.items[i]);

		if (object)
			json_array_append_new(items, object);
	}
	response_json(&call->response, 200, json_pack("{s:o, s:b}", "items", items, "complete", !list.more));
	return true;
}

static bool find(struct call *call, struct session_row *ret, struct error *err)
{
	struct session_store *store = &call->app->sessions;

	if (!session_name_is_valid(call->parameters.session))
		return error_set(err, ERR_SESSION_NOT_FOUND, "There is no session of this name in the project.");
	if (!store->ops->find(store->state, call->parameters.project, call->parameters.session, ret, err))
		return false;
	call_log(call, "session", ret->id);
	return true;
}

static bool find_own(struct call *call, struct session_row *ret, struct error *err)
{
	if (!find(call, ret, err))
		return false;
	if (strcmp(ret->owner, call->caller.user_id) != 0) {
		error_set(err, ERR_FORBIDDEN, "Only the owner of the session may do this.");
		return error_remedy(err, "Ask the owner of the session, or create a session of your own.");
	}
	return true;
}

bool handle_session_show(struct call *call, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;

	return find(call, &row, err) && answer_with(call, 200, &row, err);
}

bool handle_session_delete(struct call *call, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct session_store *store = &call->app->sessions;

	if (!find_own(call, &row, err) || !store->ops->remove(store->state, row.id, err))
		return false;
	response_json(&call->response, 200, json_pack("{s:s}", "message", "Session deleted"));
	return true;
}

bool handle_session_push(struct call *call, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct session_store *store = &call->app->sessions;

	if (!find_own(call, &row, err))
		return false;
	if (!store->ops->request_push(store->state, row.id, err))
		return false;
	/* One that had ended begins again with the work that was kept. */
	enum session_phase phase = session_phase_is_final(row.phase) ? PHASE_PENDING : row.phase;
	response_json(&call->response, 202,
	              json_pack("{s:s, s:s}", "message", "Push requested", "phase", session_phase_name(phase)));
	return true;
}

bool handle_session_preflight(struct call *call, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	CLEANUP(report_array_release) struct report_array reports = REPORT_ARRAY_INIT;

	if (!find_own(call, &row, err) || !session_row_spec(&row, &spec, err))
		return false;
	reports.count = spec.repository_count;
	if (!gate_reports(&call->app->gate, &row, &spec, call->request->id, &reports.items, err))
		return false;
	response_json(&call->response, 200, render_reports(reports.items, reports.count));
	return true;
}

/* ---- Its repositories ---- */

static bool read_repository_request(const json_t *body, struct session_addition *ret, struct error *err)
{
	static const char *const known[] = {"url", "branch", "autoPush", "name", "provider", NULL};
	const char *branch = NULL, *name = NULL, *provider = NULL;

	if (!json_refuse_others(body, known, err) || !json_read_string(body, "url", JSON_REQUIRED, LIMIT_URL_MAX, &ret->url, err) ||
	    !json_read_string(body, "branch", JSON_OPTIONAL, LIMIT_BRANCH_MAX, &branch, err) ||
	    !json_read_bool(body, "autoPush", JSON_OPTIONAL, &ret->push, err) ||
	    !json_read_string(body, "name", JSON_OPTIONAL, LIMIT_SESSION_NAME_MAX, &name, err) ||
	    !json_read_string(body, "provider", JSON_OPTIONAL, LIMIT_PROJECT_NAME_MAX, &provider, err))
		return false;
	ret->start_branch = branch && *branch ? branch : NULL;
	ret->name = name && *name ? name : NULL;
	ret->provider = provider && *provider ? provider : NULL;
	return true;
}

bool handle_session_repository_add(struct call *call, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct session_repository_request request = {.request_id = call->request->id};
	CLEANUP(freep) char *name = NULL;

	if (!find_own(call, &row, err) || !read_repository_request(call->body, &request.addition, err) ||
	    !session_repository_add(&call->app->gate, &row, &request, &name, err))
		return false;
	call_log(call, "repository", name);
	response_json(&call->response, 201, render_session_repository(&row, name));
	return true;
}

bool handle_session_repository_remove(struct call *call, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;

	call_log(call, "repository", call->parameters.repository);
	if (!find_own(call, &row, err) || !session_repository_remove(&call->app->sessions, &row, call->parameters.repository, err))
		return false;
	response_json(&call->response, 200,
	              json_pack("{s:s}", "message", "Repository removed; its folder stays until the session's end"));
	return true;
}

bool handle_session_repositories(struct call *call, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;

	if (!find(call, &row, err))
		return false;
	response_json(&call->response, 200, render_session_repositories(&row));
	return true;
}

/* ---- Its end ---- */

bool handle_session_results(struct call *call, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;

	if (!find(call, &row, err))
		return false;
	response_json(&call->response, 200, render_session_results(&row));
	return true;
}

bool handle_session_notification(struct call *call, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;

	if (!find(call, &row, err))
		return false;
	response_json(&call->response, 200, render_session_notification(&row));
	return true;
}
