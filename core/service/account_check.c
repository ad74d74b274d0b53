/* "Check now": the daily recheck of one connection, at the user's word and with the whole verdict. */
#include "account_internal.h"

#include "clock.h"
#include "provider.h"

#include <string.h>

/* The user's connection to that instance, or the newest one. What was connected is named as status shows it. */
static bool find_connection(struct account_service *s, enum provider provider, const char *user_id, const char *instance_url,
                            struct connection *ret, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	CLEANUP(instance_url_release) struct instance_url given = INSTANCE_URL_INIT;
	const bool named = instance_url && instance_url[0] != '\0';

	if (!account_list(s, provider, user_id, &list, err))
		return false;
	/* An address that cannot be read is nobody's connection, unless it was stored under another list of instances. */
	if (named && !instances_parse_url(s->instances, instance_url, &given, NULL))
		given = (struct instance_url)INSTANCE_URL_INIT;
	for (size_t i = 0; i < list.count; i++) {
		const char *stored = list.items[i].instance_url;

		if (named && strcmp(stored, instance_url) != 0 && !(given.text && strcmp(stored, given.text) == 0))
			continue;
		connection_copy(ret, &list.items[i]);
		return true;
	}
	const char *title = forge_of(provider)->title;

	return error_set(err, ERR_NOT_CONNECTED, "no %s credentials available. Connect %s on the Integrations page", title, title);
}

static bool record(struct account_service *s, const struct connection *c, const struct error *failure, struct error *err)
{
	const enum recheck_result result = account_judge_recheck(failure);
	const bool valid = result == RECHECK_VALID;

	return result == RECHECK_NO_ANSWER ||
	       s->connections.ops->set_checked(s->connections.state, c->key, c->generation, valid,
	                                       valid ? NULL : error_name(failure->code), clock_now_s(), err);
}

/* A token that does not open has a verdict, too. */
static bool ask(struct account_service *s, struct connection *c, const char *request_id, struct account_verdict *ret,
                struct error *err)
{
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct account_request request = {.user_id = c->user_id, .instance_url = c->instance_url, .request_id = request_id};

	if (!account_open(s, c, &payload, err))
		return false;
	/* One that was replaced since the list was read: the verdict is about the newer token, and so is the record. */
	account_follow(s, c, payload.generation);
	request.token = &payload.token;
	return provider_parse(c->provider, &request.provider) && account_try(s, &request, ret, err);
}

bool account_check(struct account_service *s, enum provider provider, const char *user_id, const char *instance_url,
                   const char *request_id, struct account_verdict *ret, struct error *err)
{
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
	struct error failure = ERROR_INIT;
	bool ok;

	if (!find_connection(s, provider, user_id, instance_url, &c, err))
		return false;
	ok = ask(s, &c, request_id, ret, &failure);
	audit_connection(s->audit, &c,
	                 (struct audit_use){.action = AUDIT_CHECK, .request_id = request_id, .failure = ok ? NULL : &failure});
	if (!record(s, &c, &failure, err))
		return false;
	if (!ok && err)
		*err = failure;
	return ok;
}
