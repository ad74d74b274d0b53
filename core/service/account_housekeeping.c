#include "account_internal.h"

#include "alloc.h"
#include "clock.h"
#include "record.h"
#include "stored_value.h"

#include <stdlib.h>
#include <string.h>

/* ---- Intents ---- */

/*
 * The value of a connect that crashed after secret_put, which is the commit point: the row follows. A token that another user has
 * connected since is no longer this user's to connect.
 */
static bool roll_forward(struct account_service *s, const struct connection *row, const struct intent *intent,
                         const struct sealed_value *value, bool *ret_done, struct error *err)
{
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	CLEANUP(connection_release) struct connection next = CONNECTION_INIT;
	const struct secret_place place = intent_place(intent);
	struct error failure = ERROR_INIT;

	*ret_done = false;
	connection_copy(&next, row);
	next.generation = intent->generation;
	if (!stored_value_open(s, &next, value, &payload, &failure)) {
		if (failure.code == ERR_SEAL_KEY_MISSING && err) /* it may come back: the intent stays */
			*err = failure;
		return failure.code != ERR_SEAL_KEY_MISSING;
	}
	stored_value_describe(&payload, &next);
	set_string(&next.fingerprint, intent->fingerprint);
	*ret_done = s->connections.ops->connect_commit(s->connections.state, &next, NULL, &failure);
	if (*ret_done || failure.code == ERR_CONFLICT)
		return true;
	if (failure.code == ERR_TOKEN_IN_USE)
		return s->secrets.ops->remove(s->secrets.state, &place, intent->generation, err);
	if (err)
		*err = failure;
	return false;
}

/* A secret store of its own may hold what the crash left; a value in the row was never written without its row. */
static bool settle_value(struct account_service *s, const struct connection *row, bool found, const struct intent *intent,
                         bool *ret_done, struct error *err)
{
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	const struct secret_place place = intent_place(intent);
	int64_t generation;

	*ret_done = false;
	if (s->secrets.ops->in_row)
		return true;
	if (!found) /* never acknowledged, and no row leads to it */
		return s->secrets.ops->remove(s->secrets.state, &place, intent->generation, err);
	if (!s->secrets.ops->get(s->secrets.state, &place, &value, err))
		return false;
	/* An older one is that of the row; a newer one has an intent of its own. */
	if (!record_generation(&value, &generation) || generation != intent->generation)
		return true;
	return roll_forward(s, row, intent, &value, ret_done, err);
}

static bool reconcile_connect(struct account_service *s, const struct intent *intent, struct error *err)
{
	CLEANUP(connection_release) struct connection row = CONNECTION_INIT;
	bool found = false, done = false;

	if (!s->connections.ops->find(s->connections.state, intent->key, &row, &found, err))
		return false;
	if (!(found && row.generation >= intent->generation) && !settle_value(s, &row, found, intent, &done, err))
		return false;
	return done || s->connections.ops->connect_abandon(s->connections.state, intent->key, intent->generation, err);
}

bool account_reconcile(struct account_service *s, size_t *ret_count, struct error *err)
{
	/* Longer than any connect takes: a younger intent belongs to a request that is still running. */
	enum { INTENT_DUE_S = 60 };
	CLEANUP(intent_list_release) struct intent_list intents = INTENT_LIST_INIT;
	bool ok = true;

	if (!s->connections.ops->intents_due(s->connections.state, clock_now_s() - INTENT_DUE_S, &intents, err))
		return false;
	*ret_count = 0;
	for (size_t i = 0; i < intents.count; i++) {
		const struct intent *intent = &intents.items[i];
		struct error *first = ok ? err : NULL;
		bool done = intent->action == INTENT_CONNECT ? reconcile_connect(s, intent, first)
		                                             : account_finish_disconnect(s, intent, first);

		*ret_count += done;
		ok &= done;
	}
	return ok;
}

/* ---- Recheck ---- */

/* What this run has met at one instance. */
struct visited {
	char *url;
	unsigned in_vain; /* questions in a row that were not answered */
};
struct visited_list {
	struct visited *items;
	size_t count;
};

/* So many unanswered in a row are no longer the fault of single accounts. */
#define IN_VAIN_MAX 100U

static void visited_list_release(struct visited_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].url);
	free(list->items);
}

static struct visited *visit(struct visited_list *list, const char *url)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].url, url) == 0)
			return &list->items[i];
	list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
	list->items[list->count] = (struct visited){.url = xstrdup(url)};
	return &list->items[list->count++];
}

static bool ask_forge(struct account_service *s, struct connection *c, struct error *err)
{
	CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	CLEANUP(forge_account_release) struct forge_account account = FORGE_ACCOUNT_INIT;
	struct forge_access access = {.forge = forge_of_name(c->provider), .client = s->client};

	if (!access.forge) /* written by a later program */
		return error_set(err, ERR_PROVIDER_UNKNOWN, "This program does not know the provider %s.", c->provider);
	if (!account_instance(s, c->instance_url, &instance, &access.route, err) || !account_open(s, c, &payload, err))
		return false;
	account_follow(s, c, payload.generation);
	access.instance = &instance;
	access.token = &payload.token;
	return access.forge->account_get(&access, &account, err);
}

enum recheck_result account_judge_recheck(const struct error *failure)
{
	if (failure->code == ERR_NONE)
		return RECHECK_VALID;
	/* A value that does not open, or a token that may not even name its owner, needs a reconnect as a revoked one does. */
	if (account_error_condemns_token(failure->code) || failure->code == ERR_TOKEN_REFUSED || failure->code == ERR_SEAL_BROKEN ||
	    failure->code == ERR_TOKEN_SCOPE_MISSING || failure->code == ERR_TOKEN_PERMISSION_MISSING)
		return RECHECK_INVALID;
	return RECHECK_NO_ANSWER;
}

/*
 * Whether the failure may be this account's alone: then the instance is asked on, or one account that fails every day would keep
 * all others of its instance from ever being asked. Limits and bans are not among them: asking on would prolong them.
 */
static bool concerns_one_account(enum error_code code)
{
	return code == ERR_INSTANCE_ERROR || code == ERR_INSTANCE_NOT_API || code == ERR_INSTANCE_NOT_GITLAB ||
	       code == ERR_SSO_REQUIRED || code == ERR_NOT_CONNECTED || code == ERR_SEAL_KEY_MISSING ||
	       code == ERR_PROVIDER_UNKNOWN;
}

struct recheck {
	struct account_service *service;
	struct visited_list visited;
	size_t checked, invalid;
};

static void recheck_release(struct recheck *recheck)
{
	visited_list_release(&recheck->visited);
}

/* An instance that could not be asked is left alone for this run: its other connections would run into the same wall. */
static bool recheck_one(struct recheck *recheck, struct connection *c, struct error *err)
{
	struct account_service *s = recheck->service;
	struct visited *instance = visit(&recheck->visited, c->instance_url);
	struct error failure = ERROR_INIT;
	enum recheck_result result;

	if (instance->in_vain >= IN_VAIN_MAX)
		return true;
	bool worked = ask_forge(s, c, &failure);
	audit_connection(s->audit, c, (struct audit_use){.action = AUDIT_RECHECK, .failure = worked ? NULL : &failure});
	if (!worked && failure.code == ERR_STORE_UNAVAILABLE) {
		if (err)
			*err = failure;
		return false;
	}
	result = account_judge_recheck(&failure);
	if (result == RECHECK_NO_ANSWER) {
		instance->in_vain = concerns_one_account(failure.code) ? instance->in_vain + 1 : IN_VAIN_MAX;
		return true;
	}
	instance->in_vain = 0;
	recheck->checked++;
	recheck->invalid += result == RECHECK_INVALID;
	return s->connections.ops->set_checked(s->connections.state, c->key, c->generation, result == RECHECK_VALID,
	                                       result == RECHECK_VALID ? NULL : error_name(failure.code), clock_now_s(), err);
}

/* Page after page: however many connections of an instance that is down come first, those of the others get their turn. */
bool account_recheck(struct account_service *s, size_t limit, size_t *ret_checked, size_t *ret_invalid, struct error *err)
{
	enum { DAY_S = 24 * 3600, JITTER_S = 3600 };
	CLEANUP(recheck_release) struct recheck recheck = {.service = s};
	CLEANUP(connection_release) struct connection last = CONNECTION_INIT;
	int64_t before;
	uint32_t jitter;
	bool more = true;

	random_bytes(&jitter, sizeof(jitter));
	before = clock_now_s() - DAY_S - jitter % JITTER_S;
	while (more && recheck.checked < limit) {
		CLEANUP(connection_list_release) struct connection_list page = CONNECTION_LIST_INIT;

		if (!s->connections.ops->list_unchecked(s->connections.state, before, last.user_id ? &last : NULL, limit, &page,
		                                        err))
			return false;
		more = page.count == limit;
		for (size_t i = 0; i < page.count && recheck.checked < limit; i++)
			if (!recheck_one(&recheck, &page.items[i], err))
				return false;
		if (more)
			connection_copy(&last, &page.items[page.count - 1]);
	}
	*ret_checked = recheck.checked;
	*ret_invalid = recheck.invalid;
	return true;
}
