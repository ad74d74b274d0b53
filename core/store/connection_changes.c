/* The changes of connections: each function is one transaction over connections, intents and the change number. */
#include "rows.h"

#include "clock.h"

/*
 * The change number is the generation. It grows with every change of any connection and survives a disconnect, a restored database
 * and rebuild-index, so that a sealed value of the past never fits the present again.
 */
bool connect_begin(void *state, const struct secret_place *place, const char *user_id, const char *fingerprint,
                   int64_t *ret_generation, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	struct intent intent = {.action = INTENT_CONNECT, .created_at = clock_now_s()};

	snprintf(intent.key, sizeof(intent.key), "%s", place->record_key);
	snprintf(intent.provider, sizeof(intent.provider), "%s", place->provider);
	snprintf(intent.fingerprint, sizeof(intent.fingerprint), "%s", fingerprint);
	if (!writing_begin(state, &w, err) || !connection_row_check_token(w.handle, user_id, fingerprint, err) ||
	    !writing_change(&w, &intent.generation, err) || !intent_row_add(w.handle, &intent, err) || !writing_commit(&w, err))
		return false;
	*ret_generation = intent.generation;
	return true;
}

bool connect_commit(void *state, const struct connection *connection, const struct sealed_value *value, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	int64_t stored, change;
	bool live, current;

	if (!writing_begin(state, &w, err) || !connection_row_look(w.handle, connection->key, &stored, &live, err))
		return false;
	if (live && stored == connection->generation)
		return true; /* asked again because the first answer was lost */
	if (!intent_row_is_current(w.handle, connection->key, connection->generation, &current, err))
		return false;
	if (!current || stored > connection->generation)
		return error_set(err, ERR_CONFLICT, "The account was connected again in the meantime.");
	/* Again: since connect_begin another user may have connected this token. */
	if (!connection_row_check_token(w.handle, connection->user_id, connection->fingerprint, err))
		return false;
	return connection_row_put(w.handle, connection, value, err) &&
	       intent_row_settle(w.handle, connection->key, connection->generation, err) && writing_change(&w, &change, err) &&
	       writing_commit(&w, err);
}

bool connect_in_row(void *state, struct connection *connection, connection_make_value *make_value, void *context, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	int64_t before = connection->generation;

	if (!writing_begin(state, &w, err) ||
	    !connection_row_check_token(w.handle, connection->user_id, connection->fingerprint, err) ||
	    !writing_change(&w, &connection->generation, err))
		return false;
	if (make_value(context, connection->generation, &value, err) && connection_row_put(w.handle, connection, &value, err) &&
	    intent_row_settle(w.handle, connection->key, connection->generation, err) && writing_commit(&w, err))
		return true;
	connection->generation = before;
	return false;
}

bool connect_abandon(void *state, const char *record_key, int64_t generation, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;

	return writing_begin(state, &w, err) && intent_row_remove(w.handle, record_key, INTENT_CONNECT, generation, err) &&
	       writing_commit(&w, err);
}

/*
 * Records that are hidden already are listed again: whoever hid them may have died. The others get the number of this change for
 * their generation: a value that a connect under way has put is older, and goes with the rest.
 */
bool disconnect_begin(void *state, const char *user_id, const char *provider, const char *instance_url, struct intent_list *ret,
                      struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	int64_t now = clock_now_s(), change = 0;
	bool any_live;

	if (!writing_begin(state, &w, err) ||
	    !connection_row_select(w.handle, user_id, provider, instance_url, &list, &any_live, err) ||
	    (any_live && !writing_change(&w, &change, err)))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		struct intent *intent = &list.items[i];

		intent->created_at = now;
		if (!connection_row_hide(w.handle, intent, change, err) ||
		    !intent_row_overtake(w.handle, intent->key, intent->generation, err) || !intent_row_add(w.handle, intent, err))
			return false;
	}
	if (list.count > 0 && !writing_commit(&w, err))
		return false;
	intent_list_release(ret);
	*ret = list;
	list = (struct intent_list)INTENT_LIST_INIT;
	return true;
}

bool disconnect_finish(void *state, const char *record_key, int64_t generation, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	int64_t change;
	bool changed;

	if (!writing_begin(state, &w, err) || !connection_row_delete(w.handle, record_key, generation, &changed, err) ||
	    !intent_row_remove(w.handle, record_key, INTENT_DISCONNECT, generation, err))
		return false;
	if (changed && !writing_change(&w, &change, err))
		return false;
	return writing_commit(&w, err);
}
