/* The tables notices and token_notices. */
#include "rows.h"

#include "alloc.h"

#define NOT_TOLD "1000000" /* more days than any that are told */

void notice_release(struct notice *notice)
{
	freep(&notice->type);
	freep(&notice->body);
	*notice = (struct notice)NOTICE_INIT;
}

void token_state_list_release(struct token_state_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		connection_release(&list->items[i].connection);
	free(list->items);
	*list = (struct token_state_list)TOKEN_STATE_LIST_INIT;
}

bool notice_row_add(struct handle *handle, const struct notice *notice, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle, "INSERT INTO notices (id, type, body, created_at, due_at) VALUES (?, ?, ?, ?4, ?4)", err))
		return false;
	query_bind_text(&query, notice->id);
	query_bind_text(&query, notice->type);
	query_bind_text(&query, notice->body);
	query_bind_number(&query, notice->created_at);
	return query_run(&query, err);
}

/* ---- Tokens ---- */

/* A token that its server calls expired is, whatever our clock says. */
#define FINDING                                                                                                                    \
	"CASE WHEN valid = 0 AND check_code IS NOT 'token_expired' THEN -1 "                                                       \
	"WHEN valid = 0 OR expires_at <= date(?1, 'unixepoch') THEN 0 "                                                            \
	"WHEN expires_at <= date(?1, 'unixepoch', '+1 day') THEN 1 "                                                               \
	"WHEN expires_at <= date(?1, 'unixepoch', '+7 days') THEN 7 "                                                              \
	"WHEN expires_at <= date(?1, 'unixepoch', '+30 days') THEN 30 END"

static bool read_states(struct query *q, struct token_state_list *ret, struct error *err)
{
	CLEANUP(token_state_list_release) struct token_state_list list = TOKEN_STATE_LIST_INIT;
	bool row;

	for (;;) {
		struct token_state *item;

		if (!query_next(q, &row, err))
			return false;
		if (!row)
			break;
		list.items = xrealloc(list.items, (list.count + 1) * sizeof(*list.items));
		item = &list.items[list.count++];
		*item = (struct token_state){.finding = (enum token_finding)query_number(q, CONNECTION_COLUMN_COUNT)};
		connection_row_read(q, &item->connection);
	}
	token_state_list_release(ret);
	*ret = list;
	list = (struct token_state_list)TOKEN_STATE_LIST_INIT;
	return true;
}

static bool untold(void *state, int64_t now_s, size_t limit, struct token_state_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle,
	                 "SELECT " CONNECTION_COLUMNS ", " FINDING " AS finding FROM connections "
	                 "LEFT JOIN (SELECT record_key AS told_key, generation AS told_generation, expiry_days, refused "
	                 "FROM token_notices) ON told_key = record_key AND told_generation = generation "
	                 "WHERE state = 'live' AND iif(finding = -1, ifnull(refused, 0) = 0 AND ifnull(expiry_days, 1) > 0, "
	                 "finding < ifnull(expiry_days, " NOT_TOLD ")) ORDER BY record_key LIMIT ?2",
	                 err))
		return false;
	query_bind_number(&query, now_s);
	query_bind_number(&query, limit < INT32_MAX ? (int64_t)limit : INT32_MAX);
	return read_states(&query, ret, err);
}

/* Of two programs that tell the same the second changes no row. */
static bool mark_told(struct handle *handle, const struct token_state *token, bool *ret_told, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "INSERT INTO token_notices (record_key, generation, expiry_days, refused) "
	                 "SELECT record_key, generation, iif(?3 < 0, " NOT_TOLD ", ?3), ?3 < 0 FROM connections "
	                 "WHERE record_key = ?1 AND generation = ?2 AND state = 'live' "
	                 "ON CONFLICT (record_key) DO UPDATE SET generation = excluded.generation, "
	                 "expiry_days = iif(generation = excluded.generation, min(expiry_days, excluded.expiry_days), "
	                 "excluded.expiry_days), "
	                 "refused = iif(generation = excluded.generation, max(refused, excluded.refused), excluded.refused) "
	                 "WHERE generation <> excluded.generation OR expiry_days > excluded.expiry_days "
	                 "OR refused < excluded.refused",
	                 err))
		return false;
	query_bind_text(&query, token->connection.key);
	query_bind_number(&query, token->connection.generation);
	query_bind_number(&query, token->finding);
	if (!query_run(&query, err))
		return false;
	*ret_told = query_changes(&query) > 0;
	return true;
}

static bool tell(void *state, const struct token_state *token, const struct notice *notice, bool *ret_told, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	bool told;

	if (!writing_begin(state, &w, err) || !mark_told(w.handle, token, &told, err))
		return false;
	if (told && (!notice_row_add(w.handle, notice, err) || !writing_commit(&w, err)))
		return false;
	*ret_told = told;
	return true;
}

bool token_notice_row_rearm(struct handle *handle, const char *record_key, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle, "UPDATE token_notices SET refused = 0 WHERE record_key = ? AND refused = 1", err))
		return false;
	query_bind_text(&query, record_key);
	return query_run(&query, err);
}

/* ---- Handing out ---- */

#define DUE "FROM notices WHERE due_at <= ?1 ORDER BY due_at, number LIMIT 1"

/* Asked every other second and mostly in vain; that must not cost the writers' lock. */
static bool anything_due(void *state, int64_t now_s, bool *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!reading_begin(state, &r, err) || !query_start(&query, r.handle, "SELECT 1 " DUE, err))
		return false;
	query_bind_number(&query, now_s);
	return query_next(&query, ret, err);
}

static bool take_due(struct handle *handle, int64_t now_s, int64_t lease_s, struct notice *ret, bool *ret_found, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "UPDATE notices SET attempts = attempts + 1, due_at = ?1 + ?2 WHERE number = (SELECT number " DUE
	                 ") RETURNING id, type, body, created_at, attempts",
	                 err))
		return false;
	query_bind_number(&query, now_s);
	query_bind_number(&query, lease_s);
	if (!query_next(&query, ret_found, err))
		return false;
	if (*ret_found) {
		snprintf(ret->id, sizeof(ret->id), "%s", query_peek(&query, 0));
		ret->type = query_text(&query, 1);
		ret->body = query_text(&query, 2);
		ret->created_at = query_number(&query, 3);
		ret->attempts = query_number(&query, 4);
	}
	return true;
}

static bool claim(void *state, int64_t now_s, int64_t lease_s, struct notice *ret, bool *ret_found, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	bool found;

	if (!anything_due(state, now_s, &found, err))
		return false;
	if (found && (!writing_begin(state, &w, err) || !take_due(w.handle, now_s, lease_s, &notice, &found, err) ||
	              !writing_commit(&w, err)))
		return false;
	*ret_found = found;
	if (found) {
		notice_release(ret);
		*ret = notice;
		notice = (struct notice)NOTICE_INIT;
	}
	return true;
}

static bool postpone(void *state, const struct notice *notice, int64_t due_at, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!writing_begin(state, &w, err) ||
	    !query_start(&query, w.handle, "UPDATE notices SET due_at = ? WHERE id = ? AND attempts = ?", err))
		return false;
	query_bind_number(&query, due_at);
	query_bind_text(&query, notice->id);
	query_bind_number(&query, notice->attempts);
	if (!query_run(&query, err))
		return false;
	query_finish(&query);
	return writing_commit(&w, err);
}

static bool remove_notice(void *state, const struct notice *notice, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!writing_begin(state, &w, err) || !query_start(&query, w.handle, "DELETE FROM notices WHERE id = ?", err))
		return false;
	query_bind_text(&query, notice->id);
	if (!query_run(&query, err))
		return false;
	query_finish(&query);
	return writing_commit(&w, err);
}

const struct notice_store_ops notice_rows = {
        .untold = untold,
        .tell = tell,
        .claim = claim,
        .postpone = postpone,
        .remove = remove_notice,
};
