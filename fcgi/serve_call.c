#include "router.h"

#include <string.h>

#include "address_list.h"
#include "alloc.h"
#include "clock.h"

void call_log(struct call *call, const char *name, const char *value)
{
	if (value)
		json_object_set_new(call->fields, name, response_text(value));
}

void call_log_number(struct call *call, const char *name, int64_t value)
{
	json_object_set_new(call->fields, name, json_integer(value));
}

void call_log_message(struct call *call, char *message)
{
	free(call->owned_message);
	call->owned_message = message;
	call->message = message;
}

static void call_release(struct call *call)
{
	route_parameters_release(&call->parameters);
	caller_release(&call->caller);
	session_row_release(&call->session);
	json_decref(call->body);
	redactor_freep(&call->redactor);
	response_release(&call->response);
	free(call->owned_message);
	json_decref(call->fields);
}

/* What a right in a project is in the cluster. */
static const struct project_use uses[] = {
        [ACCESS_CALLER] = {NULL, NULL},
        [ACCESS_PROJECT_GET] = {"get", "projectsettings"},
        [ACCESS_PROJECT_UPDATE] = {"update", "projectsettings"},
        [ACCESS_SESSIONS_GET] = {"get", "agenticsessions"},
        [ACCESS_SESSIONS_CREATE] = {"create", "agenticsessions"},
        [ACCESS_SESSIONS_UPDATE] = {"update", "agenticsessions"},
        [ACCESS_SESSIONS_DELETE] = {"delete", "agenticsessions"},
};

/* Who signs users in before us sends their token beside the request; from anybody else that header is nothing. */
static bool take_bearer(const struct call *call, struct secret *ret, struct error *err)
{
	const char *trusted = settings_get(&call->app->settings, TRUSTED_PROXY);

	if (*trusted && address_list_has(trusted, call->request->remote_address) && request_forwarded_bearer(call->request, ret))
		return true;
	return request_bearer(call->request, ret, err);
}

static bool check_caller(struct call *call, struct error *err)
{
	CLEANUP(secret_release) struct secret bearer = SECRET_INIT;
	struct identity *identity = &call->app->identity;
	const struct project_use *use = &uses[call->route->access];

	if (!take_bearer(call, &bearer, err))
		return false;
	redactor_add(call->redactor, &bearer);
	if (!identity->ops->verify(identity->state, &bearer, &call->caller, err))
		return false;
	call_log(call, "user", call->caller.user_id);
	if (!use->verb)
		return true;
	if (!project_name_is_valid(call->parameters.project))
		return error_set(err, ERR_FIELD_INVALID, "The project's name is not a valid name of a project.");
	call_log(call, "project", call->parameters.project);
	return identity->ops->may_use_project(identity->state, &call->caller, call->parameters.project, use, err);
}

static bool check_session(struct call *call, struct error *err)
{
	CLEANUP(secret_release) struct secret credential = SECRET_INIT;

	/* git asks a pod's credential helper for the token when it is asked for one, not before. Whoever brings one is never asked
	 * for another, so that git never prompts. */
	if (call->app->gate.pods && call->request->authorization.length == 0) {
		call->response.challenge = "Basic realm=\"session pods\"";
		error_set(err, ERR_UNAUTHENTICATED, "The git gate needs the token of the session's pod.");
		return error_remedy(err, "Give git a credential helper that reads the pod's token.");
	}
	if (!request_session_credential(call->request, &credential, err))
		return false;
	redactor_add(call->redactor, &credential);
	call_log(call, "session", call->parameters.session);
	if (!gate_session(&call->app->gate, call->parameters.session, &credential, &call->session, err))
		return false;
	call_log(call, "user", call->session.owner);
	return true;
}

static bool check_access(struct call *call, struct error *err)
{
	switch (call->route->access) {
	case ACCESS_PUBLIC:
		return true;
	case ACCESS_CALLER:
	case ACCESS_PROJECT_GET:
	case ACCESS_PROJECT_UPDATE:
	case ACCESS_SESSIONS_GET:
	case ACCESS_SESSIONS_CREATE:
	case ACCESS_SESSIONS_UPDATE:
	case ACCESS_SESSIONS_DELETE:
		return check_caller(call, err);
	case ACCESS_SESSION:
		return check_session(call, err);
	}
	return error_set(err, ERR_INTERNAL, "The address has no rule of access.");
}

static bool too_large(const struct call *call, struct error *err)
{
	return error_set(err, ERR_BODY_TOO_LARGE, "The body is larger than %zu KiB.", call->route->body_max / 1024);
}

/* An announced length is a promise: a body that ends earlier was cut off on its way. */
static bool read_whole_body(struct call *call, struct strbuf *to, struct error *err)
{
	const int64_t announced = call->request->content_length;
	char piece[8192];
	size_t length = 0;
	bool read;

	if (announced > (int64_t)call->route->body_max)
		return too_large(call, err);
	if (announced == 0)
		return true;
	exchange_set_patience(call->exchange, 20);
	while ((read = exchange_read(call->exchange, piece, sizeof(piece), &length)) && length > 0)
		strbuf_add(to, piece, length);
	wipe(piece, sizeof(piece));
	if (!strbuf_ok(to))
		return too_large(call, err);
	if (!read || (announced > 0 && to->length != (size_t)announced))
		return error_set(err, ERR_BAD_REQUEST, "The body of the request did not arrive completely.");
	return true;
}

static bool parse_foreign(struct call *call, const struct strbuf *body, struct error *err)
{
	call->body = json_parse_answer(body->data, body->length);
	return json_is_object(call->body) || error_set(err, ERR_BAD_JSON, "The body is not a JSON object.");
}

static bool read_json_body(struct call *call, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf body = STRBUF_INIT(call->route->body_max);
	bool optional = call->route->body == BODY_JSON_OPTIONAL;
	const char *type = call->request->content_type;
	bool announced = call->request->content_length > 0 || (call->request->content_length < 0 && type && *type);

	if (optional && !announced) {
		call->body = json_object();
		return true;
	}
	if (call->request->content_length > (int64_t)call->route->body_max)
		return too_large(call, err);
	if (!request_content_type_is(call->request, "application/json"))
		return error_set(err, ERR_UNSUPPORTED_MEDIA_TYPE, "This address takes a body of type application/json.");
	if (!read_whole_body(call, &body, err))
		return false;
	if (optional && body.length == 0) {
		call->body = json_object();
		return true;
	}
	if (call->route->body == BODY_FOREIGN_JSON)
		return parse_foreign(call, &body, err);
	return json_parse_body(body.data, body.length, &call->body, err);
}

static bool handle(struct call *call, struct error *err)
{
	if (!router_find(call->request, call->app->pools, &call->route, &call->parameters, call->response.allow,
	                 sizeof(call->response.allow), err))
		return false;
	if (!check_access(call, err))
		return false;
	if (call->route->body != BODY_NONE && call->route->body != BODY_STREAM && !read_json_body(call, err))
		return false;
	return call->route->handle(call, err);
}

/* Whatever cannot be formatted becomes the shortest honest answer. */
static bool send_answer(struct call *call)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(RESPONSE_BODY_MAX + 4096);
	bool head = strcmp(call->request->method, "HEAD") == 0;
	struct error err = ERROR_INIT;

	if (!response_format(&call->response, call->request->id, head, &text, &err)) {
		call->response.allow[0] = '\0';
		response_error(&call->response, &err, call->request->id);
		strbuf_clear(&text);
		if (!response_format(&call->response, call->request->id, head, &text, NULL))
			return false;
	}
	return exchange_write(call->exchange, text.data, text.length);
}

static enum log_level level_of(const struct call *call)
{
	if (call->response.status >= 500)
		return call->response.status == 500 ? LOG_ERROR : LOG_WARNING;
	/* Probes and pages that poll: nginx's access log has them already. */
	return call->route && (call->route->pools & POOL_STATUS) && call->response.status < 400 ? LOG_DEBUG : LOG_INFO;
}

static void write_log(struct call *call, const struct error *failure, int64_t started_us)
{
	if (level_of(call) > call->app->logger.level)
		return;
	call_log(call, "request_id", call->request->id);
	call_log(call, "method", call->request->method);
	call_log(call, "route", call->route ? call->route->pattern : NULL);
	call_log_number(call, "status", call->response.status);
	call_log_number(call, "ms", (clock_monotonic_us() - started_us + 500) / 1000);
	if (failure->code != ERR_NONE) {
		call_log(call, "code", error_name(failure->code));
		call_log(call, "error", failure->message);
		call_log(call, "detail", failure->detail[0] ? failure->detail : NULL);
	}
	if (call->broken)
		json_object_set_new(call->fields, "broken", json_true());
	log_event(&call->app->logger, level_of(call), call->redactor, call->message ? call->message : "request",
	          TAKE(call->fields));
}

/* GitLab's words may be in it, and GitLab may have echoed what it was sent. */
static void fail(struct call *call, const struct error *failure)
{
	struct error shown = *failure;

	redact_in_place(call->redactor, shown.message, sizeof(shown.message));
	redact_in_place(call->redactor, shown.remediation, sizeof(shown.remediation));
	if (call->route && call->route->plain_errors)
		response_error_text(&call->response, &shown);
	else
		response_error(&call->response, &shown, call->request->id);
}

void router_serve(struct app *app, struct exchange *exchange)
{
	CLEANUP(request_release) struct request request = REQUEST_INIT;
	CLEANUP(call_release)
	struct call call = {.app = app,
	                    .exchange = exchange,
	                    .request = &request,
	                    .response = RESPONSE_INIT,
	                    .redactor = redactor_new(),
	                    .fields = json_object()};
	struct request_source source = exchange_source(exchange);
	const int64_t started_us = clock_monotonic_us();
	struct error failure = ERROR_INIT;

	if (!(request_read(&source, &request, &failure) && handle(&call, &failure)))
		fail(&call, &failure);
	if (!call.streamed && !send_answer(&call))
		call.broken = true;
	if (call.broken)
		exchange_abort(exchange);
	else
		exchange_finish(exchange);
	metrics_request(app->metrics, call.route ? (int)(call.route - routes) : -1, call.response.status,
	                clock_monotonic_us() - started_us);
	write_log(&call, &failure, started_us);
}
