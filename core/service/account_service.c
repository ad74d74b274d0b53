#include "account_service.h"

#include "account_internal.h"
#include "alloc.h"
#include "clock.h"
#include "stored_value.h"

#include <string.h>

void account_verdict_release(struct account_verdict *verdict)
{
	if (!verdict)
		return;
	connection_release(&verdict->connection);
	check_list_release(&verdict->checks);
	*verdict = (struct account_verdict)ACCOUNT_VERDICT_INIT;
}

/* The checks of a failure are given, too; of a connection that was not made nothing is. */
static bool give_verdict(struct account_verdict *verdict, bool ok, struct account_verdict *ret)
{
	if (!ok) {
		connection_release(&verdict->connection);
		verdict->warning_count = 0;
	}
	account_verdict_release(ret);
	*ret = *verdict;
	return ok;
}

/* A token that somebody gave us, once it may leave this process. Its hash is made here: nothing keeps it yet. */
static void audit_given(const struct account_service *s, enum audit_action action, const struct account_request *request,
                        const struct candidate *c, const struct error *failure)
{
	char fingerprint[65] = "";

	if (!s->audit || c->token.length == 0)
		return;
	if (keyring_can_fingerprint(s->keyring))
		keyring_fingerprint(s->keyring, &c->token, fingerprint);
	audit_write(s->audit, &(struct audit_use){.action = action,
	                                          .user = request->user_id,
	                                          .provider = provider_name(request->provider),
	                                          .instance_url = c->instance.text,
	                                          .fingerprint = fingerprint,
	                                          .request_id = request->request_id,
	                                          .failure = failure->code == ERR_NONE ? NULL : failure});
}

static bool test_candidate(struct account_service *s, const struct account_request *request, struct candidate *candidate,
                           struct account_verdict *ret, struct error *err)
{
	struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	bool ok = candidate_judge(s, request, candidate, &verdict.checks, err);

	if (ok)
		candidate_describe(candidate, request->user_id, clock_now_s(), &verdict);
	return give_verdict(&verdict, ok, ret);
}

bool account_try(struct account_service *s, const struct account_request *request, struct account_verdict *ret, struct error *err)
{
	CLEANUP(candidate_release) struct candidate candidate = CANDIDATE_INIT;

	return test_candidate(s, request, &candidate, ret, err);
}

bool account_test(struct account_service *s, const struct account_request *request, struct account_verdict *ret, struct error *err)
{
	CLEANUP(candidate_release) struct candidate candidate = CANDIDATE_INIT;
	struct error failure = ERROR_INIT;
	bool ok = test_candidate(s, request, &candidate, ret, &failure);

	audit_given(s, AUDIT_TEST, request, &candidate, &failure);
	if (!ok && err)
		*err = failure;
	return ok;
}

/* ---- Connecting ---- */

static bool seal_candidate(const struct account_service *s, const struct candidate *c, const struct connection *connection,
                           struct sealed_value *ret, struct error *err)
{
	/* Borrowed strings: the payload is sealed and forgotten here. */
	const struct seal_payload payload = {
	        .token = c->token,
	        .instance_url = connection->instance_url,
	        .gitlab_user_id = connection->gitlab_user_id,
	        .username = connection->username,
	        .scopes = connection->scopes,
	        .expires_at = connection->expires_at,
	        .sealed_at = connection->updated_at,
	        .generation = connection->generation,
	};

	return stored_value_seal(s, connection, &payload, ret, err);
}

struct secret_place account_place(const struct connection *c)
{
	return (struct secret_place){.provider = c->provider, .record_key = c->key};
}

struct seal_binding account_binding(const struct account_service *s, const struct connection *c, int64_t generation)
{
	return (struct seal_binding){
	        .installation = keyring_installation(s->keyring),
	        .record_key = c->key,
	        .provider = c->provider,
	        .user_id = c->user_id,
	        .instance_url = c->instance_url,
	        .generation = generation,
	};
}

/* Whether a commit that reported a failure took place all the same; then the value must stay. */
static bool was_committed(const struct account_service *s, const struct connection *connection)
{
	CLEANUP(connection_release) struct connection now = CONNECTION_INIT;
	bool found = false;

	return s->connections.ops->find(s->connections.state, connection->key, &now, &found, NULL) && found &&
	       now.generation == connection->generation;
}

/*
 * A commit that fails must give the old value its place back, unless something newer than ours stands there by now: a connect that
 * was acknowledged meanwhile.
 */
static bool restore_value(struct account_service *s, const struct connection *connection, const struct sealed_value *ours,
                          const struct sealed_value *previous, bool *ret_was_there)
{
	const struct secret_store *secrets = &s->secrets;
	const struct secret_place place = account_place(connection);

	*ret_was_there = false;
	if (previous->length > 0)
		return secrets->ops->replace(secrets->state, &place, ours, previous, ret_was_there, NULL);
	return secrets->ops->remove(secrets->state, &place, connection->generation, NULL);
}

/* secret_put and connect_commit. *ret_clean false: a value of this generation may still lie, or arrive, in the secret store. */
static bool store_sealed(struct account_service *s, const struct candidate *c, const struct connection *connection,
                         const struct sealed_value *value, bool *ret_clean, struct error *err)
{
	CLEANUP(sealed_value_release) struct sealed_value previous = SEALED_VALUE_INIT;
	const struct secret_store *secrets = &s->secrets;
	const struct connection_store *connections = &s->connections;
	const struct secret_place place = account_place(connection);
	bool put, sure, was_there;

	*ret_clean = true;
	if (c->had_old && !secrets->ops->get(secrets->state, &place, &previous, err))
		return false;
	put = secret_put(secrets, &place, value, &previous, &sure, err);
	if (put && connections->ops->connect_commit(connections->state, connection, NULL, err))
		return true;
	if (put && was_committed(s, connection))
		return true;
	if (put || !sure)
		*ret_clean = restore_value(s, connection, value, &previous, &was_there) && (sure || was_there);
	return false;
}

struct row_value {
	struct account_service *service;
	const struct candidate *candidate;
	const struct connection *connection;
};

/* The connection already has this generation. */
static bool make_row_value(void *context, int64_t generation UNUSED, struct sealed_value *ret, struct error *err)
{
	const struct row_value *row = context;

	return seal_candidate(row->service, row->candidate, row->connection, ret, err);
}

bool account_store_candidate(struct account_service *s, const struct candidate *c, struct connection *connection, struct error *err)
{
	struct row_value row = {s, c, connection};
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	const struct connection_store *connections = &s->connections;
	const struct secret_place place = account_place(connection);
	bool clean = true;

	if (s->secrets.ops->in_row)
		return connections->ops->connect_in_row(connections->state, connection, make_row_value, &row, err);
	if (!connections->ops->connect_begin(connections->state, &place, connection->user_id, connection->fingerprint,
	                                     &connection->generation, err))
		return false;
	if (seal_candidate(s, c, connection, &value, err) && store_sealed(s, c, connection, &value, &clean, err))
		return true;
	/* Best effort: an intent that stays is settled by account_reconcile(). One that left a value behind has to stay. */
	if (clean && !connections->ops->connect_abandon(connections->state, c->key, connection->generation, NULL))
		(void)error_detail(err, "the intent stays for housekeeping");
	return false;
}

static bool connect_candidate(struct account_service *s, const struct candidate *c, const char *user_id,
                              struct account_verdict *verdict, struct error *err)
{
	struct connection *connection = &verdict->connection;
	struct error failure = ERROR_INIT;
	int64_t now_s = clock_now_s();
	char fingerprint[65];

	candidate_describe(c, user_id, now_s, verdict);
	keyring_fingerprint(s->keyring, &c->token, fingerprint);
	set_string(&connection->fingerprint, fingerprint);
	connection->connected_at = c->had_old ? c->old.connected_at : now_s;
	connection->updated_at = now_s;
	connection->valid = true;
	connection->last_checked_at = now_s;
	if (account_store_candidate(s, c, connection, &failure))
		return true;
	if (failure.code == ERR_TOKEN_IN_USE)
		check_list_fail(&verdict->checks, CHECK_TOKEN, &failure);
	if (err)
		*err = failure;
	return false;
}

bool account_connect(struct account_service *s, const struct account_request *request, struct account_verdict *ret,
                     struct error *err)
{
	CLEANUP(candidate_release) struct candidate candidate = CANDIDATE_INIT;
	struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error failure = ERROR_INIT;
	bool ok = candidate_judge(s, request, &candidate, &verdict.checks, &failure) &&
	          connect_candidate(s, &candidate, request->user_id, &verdict, &failure);

	audit_given(s, AUDIT_CONNECT, request, &candidate, &failure);
	if (!ok && err)
		*err = failure;
	return give_verdict(&verdict, ok, ret);
}

/* ---- Disconnecting ---- */

/* The value first: once the row is gone nothing would lead to it. A value of a later connect stays. */
bool account_finish_disconnect(struct account_service *s, const struct intent *intent, struct error *err)
{
	const struct secret_place place = intent_place(intent);

	return s->secrets.ops->remove(s->secrets.state, &place, intent->generation, err) &&
	       s->connections.ops->disconnect_finish(s->connections.state, intent->key, intent->generation, err);
}

/* What a user connected is theirs to disconnect, also when the operator's list has changed since. */
static bool parse_connected(struct account_service *s, enum provider provider, const char *user_id, const char *text,
                            struct instance_url *ret, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;

	if (instances_parse_url(s->instances, text, ret, NULL))
		return true;
	if (!account_list(s, provider, user_id, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++)
		if (strcmp(list.items[i].instance_url, text) == 0)
			return instance_url_parse_stored(text, ret, err);
	return instances_parse_url(s->instances, text, ret, err);
}

/* One that an unfinished disconnect hid before is not in the list any more, and was written down then. */
static void audit_removed(const struct account_service *s, const struct connection_list *known, const struct intent *intent,
                          const struct error *failure)
{
	for (size_t i = 0; i < known->count; i++)
		if (strcmp(known->items[i].key, intent->key) == 0)
			audit_connection(s->audit, &known->items[i],
			                 (struct audit_use){.action = AUDIT_DISCONNECT, .failure = failure});
}

bool account_disconnect(struct account_service *s, enum provider provider, const char *user_id, const char *instance_url,
                        struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list known = CONNECTION_LIST_INIT;
	CLEANUP(intent_list_release) struct intent_list intents = INTENT_LIST_INIT;
	CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT;
	bool done = true;

	if (instance_url && !parse_connected(s, provider, user_id, account_instance_text(s, provider, instance_url), &url, err))
		return false;
	if ((s->audit && !account_list(s, provider, user_id, &known, err)) ||
	    !s->connections.ops->disconnect_begin(s->connections.state, user_id, provider_name(provider), url.text, &intents, err))
		return false;
	/* One value that cannot be removed now keeps no other one; the first error is the one reported. */
	for (size_t i = 0; i < intents.count; i++) {
		struct error failure = ERROR_INIT;
		bool gone = account_finish_disconnect(s, &intents.items[i], &failure);

		audit_removed(s, &known, &intents.items[i], gone ? NULL : &failure);
		if (!gone && done && err)
			*err = failure;
		done &= gone;
	}
	return done;
}

/* ---- Listing ---- */

bool account_list(struct account_service *s, enum provider provider, const char *user_id, struct connection_list *ret,
                  struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list all = CONNECTION_LIST_INIT;

	if (!s->connections.ops->list(s->connections.state, user_id, &all, err))
		return false;
	connection_list_release(ret);
	for (size_t i = 0; i < all.count; i++)
		if (strcmp(all.items[i].provider, provider_name(provider)) == 0)
			connection_list_take(ret, &all.items[i]);
	return true;
}
