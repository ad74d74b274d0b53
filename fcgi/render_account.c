#include "render_account.h"

#include <string.h>

#include "check.h"
#include "clock.h"
#include "forges.h"
#include "response.h"

json_t *render_time(int64_t unix_s)
{
	char text[CLOCK_TEXT_SIZE];

	if (unix_s <= 0)
		return json_null();
	clock_format(unix_s, text);
	return json_string(text);
}

/* "api read_user" as ["api", "read_user"]; unknown scopes are an empty list, and a warning says so. */
static json_t *scope_list(const char *scopes)
{
	json_t *list = json_array();

	for (const char *c = scopes ? scopes : ""; *c;) {
		size_t length = strcspn(c, " ");

		if (length > 0)
			json_array_append_new(list, json_stringn(c, length));
		c += length;
		c += *c == ' ';
	}
	return list;
}

static json_t *token_of(const struct connection *c, int64_t now_s)
{
	const struct forge *forge = forge_of_name(c->provider);
	struct scope_verdict can = forge ? forge->judge_scopes(c->scopes) : (struct scope_verdict){.known = false};
	int64_t days = 0;
	bool expires = c->expires_at && clock_days_until(c->expires_at, now_s, &days);

	return json_pack("{s:o, s:o, s:o, s:o, s:b, s:b}", "name", response_text(c->token_name), "scopes", scope_list(c->scopes),
	                 "expiresAt", response_text(c->expires_at), "daysToExpiry", expires ? json_integer(days) : json_null(),
	                 "canRead", can.can_clone, "canPush", can.can_push);
}

static json_t *warning_list(const struct account_warning *warnings, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:o}", "code", account_warning_name(warnings[i].code), "message",
		                                      response_text(warnings[i].message)));
	return list;
}

static bool is_github(const struct connection *c)
{
	return c->provider && strcmp(c->provider, provider_name(PROVIDER_GITHUB)) == 0;
}

/* Members that connect, test and status share. */
static void add_account(json_t *to, const struct connection *c, int64_t now_s)
{
	json_object_set_new(to, is_github(c) ? "githubUserId" : "gitlabUserId", response_text(c->gitlab_user_id));
	json_object_set_new(to, "username", response_text(c->username));
	json_object_set_new(to, "instanceUrl", response_text(c->instance_url));
	json_object_set_new(to, "token", token_of(c, now_s));
}

json_t *render_connected(const struct account_verdict *verdict, int64_t now_s)
{
	const struct connection *c = &verdict->connection;
	json_t *answer = json_pack("{s:o}", "userId", response_text(c->user_id));

	add_account(answer, c, now_s);
	json_object_set_new(answer, "connected", json_true());
	json_object_set_new(answer, "message",
	                    json_string(is_github(c) ? "GitHub PAT saved successfully" : "GitLab account connected successfully"));
	json_object_set_new(answer, "updatedAt", render_time(c->updated_at));
	json_object_set_new(answer, "warnings", warning_list(verdict->warnings, verdict->warning_count));
	json_object_set_new(answer, "checks", check_list_json(&verdict->checks));
	return answer;
}

json_t *render_tested(const struct account_verdict *verdict, int64_t now_s)
{
	json_t *answer = json_pack("{s:b}", "valid", true);

	add_account(answer, &verdict->connection, now_s);
	json_object_set_new(answer, "warnings", warning_list(verdict->warnings, verdict->warning_count));
	json_object_set_new(answer, "checks", check_list_json(&verdict->checks));
	return answer;
}

json_t *render_test_failed(const struct check_list *checks, const struct error *failure)
{
	return json_pack("{s:b, s:o, s:s, s:o, s:o}", "valid", false, "error", response_text(failure->message), "code",
	                 error_name(failure->code), "remediation", response_text(error_remediation(failure)), "checks",
	                 check_list_json(checks));
}

json_t *render_connection(const struct connection *c, int64_t now_s)
{
	struct account_warning warnings[WARN_COUNT];
	size_t count = account_warnings(c, now_s, warnings);
	json_t *answer = json_object();

	add_account(answer, c, now_s);
	json_object_set_new(answer, "updatedAt", render_time(c->updated_at));
	json_object_set_new(answer, "warnings", warning_list(warnings, count));
	json_object_set_new(answer, "valid", json_boolean(c->valid));
	json_object_set_new(answer, "lastCheckedAt", c->last_checked_at ? render_time(c->last_checked_at) : json_null());
	if (!c->valid && c->check_code) {
		struct error failure = {.code = error_code_of(c->check_code)};

		json_object_set_new(answer, "code", response_text(c->check_code));
		json_object_set_new(answer, "remediation", response_text(error_remediation(&failure)));
	}
	return answer;
}

json_t *render_status(const struct connection_list *list, int64_t now_s)
{
	json_t *answer, *connections;

	if (list->count == 0)
		return json_pack("{s:b}", "connected", false);
	connections = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(connections, render_connection(&list->items[i], now_s));
	answer = json_copy(json_array_get(connections, 0));
	json_object_set_new(answer, "connected", json_true());
	json_object_set_new(answer, "connections", connections);
	return answer;
}
