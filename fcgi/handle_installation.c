#include "handle_installation.h"

#include <string.h>

#include "installation_service.h"
#include "render_github.h"

/* At most 18 digits, so that it always fits; no sign, no leading zero. */
static bool parse_number(const char *text, int64_t *ret)
{
	size_t length = strspn(text, "0123456789");

	if (length == 0 || length > 18 || text[length] != '\0' || text[0] == '0')
		return false;
	*ret = strtoll(text, NULL, 10);
	return true;
}

/* GitHub's number of the installation: its setup page gives it as text, its API as a number. */
static bool read_number(const json_t *body, int64_t *ret, struct error *err)
{
	const json_t *value = json_object_get(body, "installationId");

	if (!value || json_is_null(value))
		return error_set(err, ERR_FIELD_MISSING, "The field 'installationId' is missing.");
	if (json_is_integer(value) && json_integer_value(value) > 0) {
		*ret = json_integer_value(value);
		return true;
	}
	if (json_is_string(value) && parse_number(json_string_value(value), ret))
		return true;
	return error_set(err, ERR_FIELD_INVALID, "The field 'installationId' is not the number of an installation.");
}

bool handle_installation_add(struct call *call, struct error *err)
{
	CLEANUP(installation_release) struct installation installation = INSTALLATION_INIT;
	int64_t id = 0;

	if (!read_number(call->body, &id, err))
		return false;
	call_log_number(call, "installation", id);
	if (!installation_add(&call->app->credentials, call->caller.user_id, id, call->request->id, &installation, err))
		return false;
	call_log(call, "account", installation.account);
	response_json(&call->response, 200, render_installed(&installation));
	return true;
}

bool handle_installations_remove(struct call *call, struct error *err)
{
	const struct project_store *store = &call->app->credentials.projects;

	if (!store->ops->installations_remove(store->state, call->caller.user_id, err))
		return false;
	response_json(&call->response, 200, json_pack("{s:s, s:b}", "message", "GitHub account disconnected", "installed", false));
	return true;
}
