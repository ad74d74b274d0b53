/* The table intents. */
#include "rows.h"

#include "alloc.h"

static const char *action_text(enum intent_action action)
{
	return action == INTENT_CONNECT ? "connect" : "disconnect";
}

struct secret_place intent_place(const struct intent *intent)
{
	return (struct secret_place){.provider = intent->provider, .record_key = intent->key};
}

void intent_list_add(struct intent_list *list, const struct intent *intent)
{
	list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
	list->items[list->count++] = *intent;
}

void intent_list_release(struct intent_list *list)
{
	free(list->items);
	*list = (struct intent_list)INTENT_LIST_INIT;
}

bool intent_row_add(struct handle *handle, const struct intent *intent, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "INSERT OR IGNORE INTO intents (record_key, provider, action, generation, created_at, fingerprint) VALUES "
	                 "(?, ?, ?, ?, ?, ?)",
	                 err))
		return false;
	query_bind_text(&query, intent->key);
	query_bind_text(&query, intent->provider);
	query_bind_text(&query, action_text(intent->action));
	query_bind_number(&query, intent->generation);
	query_bind_number(&query, intent->created_at);
	query_bind_text(&query, intent->fingerprint);
	return query_run(&query, err);
}

bool intent_row_remove(struct handle *handle, const char *record_key, enum intent_action action, int64_t generation,
                       struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle, "DELETE FROM intents WHERE record_key = ? AND action = ? AND generation = ?", err))
		return false;
	query_bind_text(&query, record_key);
	query_bind_text(&query, action_text(action));
	query_bind_number(&query, generation);
	return query_run(&query, err);
}

bool intent_row_is_current(struct handle *handle, const char *record_key, int64_t generation, bool *ret_current, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle,
	                 "SELECT 1 FROM intents WHERE record_key = ? AND action = 'connect' AND generation = ? AND overtaken = 0",
	                 err))
		return false;
	query_bind_text(&query, record_key);
	query_bind_number(&query, generation);
	if (!query_next(&query, &row, err))
		return false;
	*ret_current = row;
	return true;
}

bool intent_row_overtake(struct handle *handle, const char *record_key, int64_t generation, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "UPDATE intents SET overtaken = 1 WHERE record_key = ? AND action = 'connect' AND generation < ?", err))
		return false;
	query_bind_text(&query, record_key);
	query_bind_number(&query, generation);
	return query_run(&query, err);
}

static bool drop_disconnects(struct handle *handle, const char *record_key, int64_t generation, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle, "DELETE FROM intents WHERE record_key = ? AND action = 'disconnect' AND generation < ?",
	                 err))
		return false;
	query_bind_text(&query, record_key);
	query_bind_number(&query, generation);
	return query_run(&query, err);
}

bool intent_row_settle(struct handle *handle, const char *record_key, int64_t generation, struct error *err)
{
	return intent_row_remove(handle, record_key, INTENT_CONNECT, generation, err) &&
	       intent_row_overtake(handle, record_key, generation, err) && drop_disconnects(handle, record_key, generation, err);
}

bool intents_due(void *state, int64_t before, struct intent_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	bool row;

	if (!reading_begin(state, &r, err) || !query_start(&query, r.handle,
	                                                   "SELECT record_key, action = 'connect', generation, created_at, "
	                                                   "provider, coalesce(fingerprint, '') FROM intents WHERE created_at < ? "
	                                                   "ORDER BY created_at, generation",
	                                                   err))
		return false;
	query_bind_number(&query, before);
	for (;;) {
		struct intent intent = {0};

		if (!query_next(&query, &row, err))
			return false;
		if (!row)
			break;
		snprintf(intent.key, sizeof(intent.key), "%s", query_peek(&query, 0));
		intent.action = query_number(&query, 1) ? INTENT_CONNECT : INTENT_DISCONNECT;
		intent.generation = query_number(&query, 2);
		intent.created_at = query_number(&query, 3);
		snprintf(intent.provider, sizeof(intent.provider), "%s", query_peek(&query, 4));
		snprintf(intent.fingerprint, sizeof(intent.fingerprint), "%s", query_peek(&query, 5));
		intent_list_add(&list, &intent);
	}
	intent_list_release(ret);
	*ret = list;
	list = (struct intent_list)INTENT_LIST_INIT;
	return true;
}
