#include "handle_health.h"

#include "openapi_document.h"

bool handle_live(struct call *call, struct error *err UNUSED)
{
	response_json(&call->response, 200, json_pack("{s:s}", "status", "ok"));
	return true;
}

static json_t *checks_of(const struct app *app, enum kube_look secrets, const struct error *why)
{
	json_t *checks = json_pack("[{s:s, s:b}, {s:s, s:b}]", "name", "database", "ok", true, "name", "keys", "ok", true);
	json_t *last;

	if (!app->cluster.readiness)
		return checks;
	last = json_pack("{s:s, s:o}", "name", "secrets", "ok", secrets == KUBE_LOOK_GOOD ? json_true() : json_null());
	if (secrets != KUBE_LOOK_GOOD)
		json_object_set_new(last, "message", json_string(why->message));
	json_array_append_new(checks, last);
	return checks;
}

/* The first thing that is wrong is the answer. Of Secrets that nobody can be asked about now nothing is known (null), which is no
 * reason. */
bool handle_ready(struct call *call, struct error *err)
{
	struct app *app = call->app;
	struct connection_store *store = &app->accounts.connections;
	struct error why = ERROR_INIT;
	enum kube_look secrets;

	if (!store->ops->ready(store->state, err) || !app_keys_ready(app, err))
		return false;
	secrets = secrets_readiness_look(app->cluster.readiness, &why);
	if (secrets == KUBE_LOOK_BAD) {
		*err = why;
		return false;
	}
	if (request_query(call->request, "verbose", NULL))
		response_json(&call->response, 200,
		              json_pack("{s:s, s:o}", "status", "ok", "checks", checks_of(app, secrets, &why)));
	else
		response_json(&call->response, 200, json_pack("{s:s}", "status", "ok"));
	return true;
}

bool handle_version(struct call *call, struct error *err UNUSED)
{
	response_json(&call->response, 200, json_pack("{s:s, s:s}", "name", "acp-gitlab", "version", ACP_VERSION));
	return true;
}

bool handle_openapi(struct call *call, struct error *err UNUSED)
{
	response_json_text(&call->response, 200, openapi_document, openapi_document_length);
	return true;
}
