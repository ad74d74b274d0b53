/* The table connections. */
#include "rows.h"

#include "alloc.h"

void connection_row_read(const struct query *q, struct connection *c)
{
	snprintf(c->key, sizeof(c->key), "%s", query_peek(q, 0));
	c->user_id = query_text(q, 1);
	c->provider = query_text(q, 2);
	c->instance_url = query_text(q, 3);
	c->gitlab_user_id = query_text(q, 4);
	c->username = query_text(q, 5);
	c->token_name = query_text(q, 6);
	c->scopes = query_text(q, 7);
	c->expires_at = query_text(q, 8);
	c->fingerprint = query_text(q, 9);
	c->is_bot = query_number(q, 10);
	c->generation = query_number(q, 11);
	c->connected_at = query_number(q, 12);
	c->updated_at = query_number(q, 13);
	c->valid = query_number(q, 14);
	c->last_checked_at = query_number(q, 15);
	c->check_code = query_text(q, 16);
}

static bool read_list(struct query *q, struct connection_list *ret, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	bool row;

	for (;;) {
		CLEANUP(connection_release) struct connection c = CONNECTION_INIT;

		if (!query_next(q, &row, err))
			return false;
		if (!row)
			break;
		connection_row_read(q, &c);
		connection_list_take(&list, &c);
	}
	connection_list_release(ret);
	*ret = list;
	list = (struct connection_list)CONNECTION_LIST_INIT;
	return true;
}

static bool list(void *state, const char *user_id, struct connection_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle,
	                 "SELECT " CONNECTION_COLUMNS
	                 "FROM connections WHERE user_id = ? AND state = 'live' ORDER BY updated_at DESC, generation DESC",
	                 err))
		return false;
	query_bind_text(&query, user_id);
	return read_list(&query, ret, err);
}

/* Row values are compared as the index is ordered, so that a page begins where the one before ended. */
static bool list_unchecked(void *state, int64_t checked_before, const struct connection *after, size_t limit,
                           struct connection_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle,
	                 "SELECT " CONNECTION_COLUMNS
	                 "FROM connections WHERE last_checked_at < ?1 AND (last_checked_at, record_key) > (?2, ?3) "
	                 "AND state = 'live' ORDER BY last_checked_at, record_key LIMIT ?4",
	                 err))
		return false;
	query_bind_number(&query, checked_before);
	query_bind_number(&query, after ? after->last_checked_at : INT64_MIN);
	query_bind_text(&query, after ? after->key : "");
	query_bind_number(&query, limit < INT32_MAX ? (int64_t)limit : INT32_MAX);
	return read_list(&query, ret, err);
}

static bool find(void *state, const char *record_key, struct connection *ret, bool *ret_found, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle, "SELECT " CONNECTION_COLUMNS "FROM connections WHERE record_key = ? AND state = 'live'",
	                 err))
		return false;
	query_bind_text(&query, record_key);
	if (!query_next(&query, &row, err))
		return false;
	if (row) {
		connection_release(ret);
		connection_row_read(&query, ret);
	}
	*ret_found = row;
	return true;
}

/* A slow check that ends after a quick one that began later must not win, hence the comparison of times. */
static bool set_checked(void *state, const char *record_key, int64_t generation, bool valid, const char *code, int64_t checked_at,
                        struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	int64_t change;

	if (!writing_begin(state, &w, err) ||
	    !query_start(&query, w.handle,
	                 "UPDATE connections SET valid = ?, check_code = ?, last_checked_at = ?3 "
	                 "WHERE record_key = ? AND generation = ? AND state = 'live' AND last_checked_at <= ?3",
	                 err))
		return false;
	query_bind_number(&query, valid);
	query_bind_text(&query, valid ? NULL : code);
	query_bind_number(&query, checked_at);
	query_bind_text(&query, record_key);
	query_bind_number(&query, generation);
	if (!query_run(&query, err))
		return false;
	if (query_changes(&query) == 0)
		return true;
	query_finish(&query);
	return (!valid || token_notice_row_rearm(w.handle, record_key, err)) && writing_change(&w, &change, err) &&
	       writing_commit(&w, err);
}

bool connection_row_look(struct handle *handle, const char *record_key, int64_t *ret_generation, bool *ret_live, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle, "SELECT generation, state = 'live' FROM connections WHERE record_key = ?", err))
		return false;
	query_bind_text(&query, record_key);
	if (!query_next(&query, &row, err))
		return false;
	*ret_generation = row ? query_number(&query, 0) : 0;
	*ret_live = row && query_number(&query, 1);
	return true;
}

bool connection_row_check_token(struct handle *handle, const char *user_id, const char *fingerprint, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle,
	                 "SELECT 1 FROM connections WHERE fingerprint = ? AND user_id <> ? AND state = 'live' LIMIT 1", err))
		return false;
	query_bind_text(&query, fingerprint);
	query_bind_text(&query, user_id);
	if (!query_next(&query, &row, err))
		return false;
	return !row || error_set(err, ERR_TOKEN_IN_USE, "This token is already connected by another user.");
}

/* A record that was only replaced keeps the time of its first connect. */
bool connection_row_put(struct handle *handle, const struct connection *c, const struct sealed_value *value, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(
	            &query, handle,
	            "INSERT INTO connections (" CONNECTION_COLUMNS
	            ", sealed, state) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'live') "
	            "ON CONFLICT (record_key) DO UPDATE SET user_id = excluded.user_id, provider = excluded.provider, "
	            "instance_url = excluded.instance_url, gitlab_user_id = excluded.gitlab_user_id, username = excluded.username, "
	            "token_name = excluded.token_name, scopes = excluded.scopes, expires_at = excluded.expires_at, "
	            "fingerprint = excluded.fingerprint, is_bot = excluded.is_bot, generation = excluded.generation, "
	            "connected_at = iif(state = 'live', connected_at, excluded.connected_at), updated_at = excluded.updated_at, "
	            "valid = excluded.valid, last_checked_at = excluded.last_checked_at, check_code = excluded.check_code, "
	            "sealed = excluded.sealed, state = 'live'",
	            err))
		return false;
	query_bind_text(&query, c->key);
	query_bind_text(&query, c->user_id);
	query_bind_text(&query, c->provider);
	query_bind_text(&query, c->instance_url);
	query_bind_text(&query, c->gitlab_user_id);
	query_bind_text(&query, c->username);
	query_bind_text(&query, c->token_name);
	query_bind_text(&query, c->scopes);
	query_bind_text(&query, c->expires_at);
	query_bind_text(&query, c->fingerprint);
	query_bind_number(&query, c->is_bot);
	query_bind_number(&query, c->generation);
	query_bind_number(&query, c->connected_at);
	query_bind_number(&query, c->updated_at);
	query_bind_number(&query, c->valid);
	query_bind_number(&query, c->last_checked_at);
	query_bind_text(&query, c->check_code);
	query_bind_bytes(&query, value ? value->bytes : NULL, value ? value->length : 0);
	return query_run(&query, err);
}

bool connection_row_select(struct handle *handle, const char *user_id, const char *provider, const char *instance_url,
                           struct intent_list *ret, bool *ret_any_live, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	bool row, any_live = false;

	if (!query_start(&query, handle,
	                 "SELECT record_key, generation, provider, state = 'live' FROM connections "
	                 "WHERE user_id = ?1 AND provider = ?2 AND (?3 IS NULL OR instance_url = ?3)",
	                 err))
		return false;
	query_bind_text(&query, user_id);
	query_bind_text(&query, provider);
	query_bind_text(&query, instance_url);
	for (;;) {
		struct intent intent = {.action = INTENT_DISCONNECT};

		if (!query_next(&query, &row, err))
			return false;
		if (!row)
			break;
		snprintf(intent.key, sizeof(intent.key), "%s", query_peek(&query, 0));
		intent.generation = query_number(&query, 1);
		snprintf(intent.provider, sizeof(intent.provider), "%s", query_peek(&query, 2));
		any_live = any_live || query_number(&query, 3);
		intent_list_add(&list, &intent);
	}
	*ret_any_live = any_live;
	intent_list_release(ret);
	*ret = list;
	list = (struct intent_list)INTENT_LIST_INIT;
	return true;
}

bool connection_row_hide(struct handle *handle, struct intent *intent, int64_t change, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "UPDATE connections SET state = 'disconnecting', generation = ? WHERE record_key = ? AND generation = ? "
	                 "AND state = 'live'",
	                 err))
		return false;
	query_bind_number(&query, change);
	query_bind_text(&query, intent->key);
	query_bind_number(&query, intent->generation);
	if (!query_run(&query, err))
		return false;
	if (query_changes(&query) > 0)
		intent->generation = change;
	return true;
}

bool connection_row_delete(struct handle *handle, const char *record_key, int64_t generation, bool *ret_changed, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "DELETE FROM connections WHERE record_key = ? AND generation = ? AND state = 'disconnecting'", err))
		return false;
	query_bind_text(&query, record_key);
	query_bind_number(&query, generation);
	if (!query_run(&query, err))
		return false;
	*ret_changed = query_changes(&query) > 0;
	return true;
}

const struct connection_store_ops connection_rows = {
        .ready = rows_ready,
        .version = rows_version,
        .list = list,
        .list_unchecked = list_unchecked,
        .find = find,
        .connect_begin = connect_begin,
        .connect_commit = connect_commit,
        .connect_abandon = connect_abandon,
        .connect_in_row = connect_in_row,
        .disconnect_begin = disconnect_begin,
        .disconnect_finish = disconnect_finish,
        .intents_due = intents_due,
        .restore = connection_restore,
        .forget = connection_forget,
        .forget_intents = connection_forget_intents,
        .set_checked = set_checked,
};
