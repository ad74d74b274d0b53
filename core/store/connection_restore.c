/* Rows made anew from what was sealed, for rebuild-index and import; each function is one transaction. */
#include "rows.h"

static bool restore_one(struct writing *w, const struct connection *c, bool record_wins, enum connection_restored *ret,
                        struct error *err)
{
	int64_t stored, change;
	bool live;

	if (!connection_row_look(w->handle, c->key, &stored, &live, err))
		return false;
	if (stored > c->generation && !record_wins) {
		*ret = live ? CONNECTION_NEWER : CONNECTION_DISCONNECTING;
		return true;
	}
	*ret = live && stored == c->generation ? CONNECTION_KEPT : CONNECTION_RESTORED;
	return (*ret == CONNECTION_KEPT || (writing_change(w, &change, err) && connection_row_put(w->handle, c, NULL, err))) &&
	       intent_row_settle(w->handle, c->key, c->generation, err);
}

bool connection_restore(void *state, const struct connection_list *list, bool record_wins, enum connection_restored *ret,
                        struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;

	if (!writing_begin(state, &w, err))
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (!restore_one(&w, &list->items[i], record_wins, &ret[i], err))
			return false;
	return writing_commit(&w, err);
}

/* A row that holds its value is the value's only place, and stays. */
bool connection_forget(void *state, const char *record_key, int64_t generation, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	int64_t change;

	if (!writing_begin(state, &w, err) ||
	    !query_start(&query, w.handle, "DELETE FROM connections WHERE record_key = ? AND generation = ? AND sealed IS NULL",
	                 err))
		return false;
	query_bind_text(&query, record_key);
	query_bind_number(&query, generation);
	return query_run(&query, err) && writing_change(&w, &change, err) && writing_commit(&w, err);
}

bool connection_forget_intents(void *state, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	return writing_begin(state, &w, err) && query_start(&query, w.handle, "DELETE FROM intents", err) &&
	       query_run(&query, err) && writing_commit(&w, err);
}
