#include "handle_health.h"

#include "openapi_document.h"

bool handle_live(struct call *call, struct error *err UNUSED)
{
	response_json(&call->response, 200, json_pack("{s:s}", "status", "ok"));
	return true;
}

bool handle_ready(struct call *call, struct error *err)
{
	struct connection_store *store = &call->app->accounts.connections;

	if (!store->ops->ready(store->state, err) || !app_keys_ready(call->app, err))
		return false;
	if (request_query(call->request, "verbose", NULL))
		response_json(&call->response, 200,
		              json_pack("{s:s, s:[{s:s, s:b}, {s:s, s:b}]}", "status", "ok", "checks", "name", "database", "ok",
		                        true, "name", "keys", "ok", true));
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
