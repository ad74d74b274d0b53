#include "memory_store.h"

#include "alloc.h"
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool step(struct memory_store *m, const char *name, struct error *err)
{
	size_t used = strlen(m->log);

	(void)snprintf(m->log + used, sizeof(m->log) - used, "%s ", name);
	if (m->crash_at && strcmp(m->crash_at, name) == 0)
		m->crashed = true;
	if (m->crashed)
		return error_set(err, ERR_STORE_UNAVAILABLE, "The store is gone.");
	if (m->fail_at && strcmp(m->fail_at, name) == 0) {
		m->fail_at = NULL;
		return error_set(err, ERR_STORE_UNAVAILABLE, "The store is busy.");
	}
	return true;
}

void memory_store_release(struct memory_store *m)
{
	for (size_t i = 0; i < MEMORY_ROWS; i++) {
		connection_release(&m->rows[i]);
		sealed_value_release(&m->values[i]);
	}
}

static size_t row_of(const struct memory_store *m, const char *key)
{
	size_t i = 0;

	while (i < MEMORY_ROWS && !(m->rows[i].user_id && strcmp(m->rows[i].key, key) == 0))
		i++;
	return i;
}

static size_t free_row(const struct memory_store *m)
{
	for (size_t i = 0; i < MEMORY_ROWS; i++)
		if (!m->rows[i].user_id)
			return i;
	abort();
}

/* ---- Connections ---- */

static bool memory_ready(void *state, struct error *err)
{
	return step(state, "ready", err);
}

static uint64_t memory_version(void *state)
{
	return (uint64_t)((struct memory_store *)state)->generation;
}

static void list_row(const struct connection *row, struct connection_list *to)
{
	CLEANUP(connection_release) struct connection copy = CONNECTION_INIT;

	connection_copy(&copy, row);
	connection_list_take(to, &copy);
}

static bool memory_list(void *state, const char *user_id, struct connection_list *ret, struct error *err)
{
	struct memory_store *m = state;

	if (!step(m, "list", err))
		return false;
	for (size_t i = 0; i < MEMORY_ROWS; i++)
		if (m->rows[i].user_id && !m->hidden[i] && strcmp(m->rows[i].user_id, user_id) == 0)
			list_row(&m->rows[i], ret);
	return true;
}

/* The order of list_unchecked. */
static bool comes_after(const struct connection *row, const struct connection *other)
{
	if (row->last_checked_at != other->last_checked_at)
		return row->last_checked_at > other->last_checked_at;
	return strcmp(row->key, other->key) > 0;
}

/* The first row after this one; NULL: there is none. */
static const struct connection *next_unchecked(const struct memory_store *m, const struct connection *after)
{
	const struct connection *next = NULL;

	for (size_t i = 0; i < MEMORY_ROWS; i++) {
		const struct connection *row = &m->rows[i];

		if (row->user_id && !m->hidden[i] && (!after || comes_after(row, after)) && (!next || comes_after(next, row)))
			next = row;
	}
	return next;
}

static bool memory_list_unchecked(void *state, int64_t checked_before, const struct connection *after, size_t limit,
                                  struct connection_list *ret, struct error *err)
{
	struct memory_store *m = state;

	if (!step(m, "list_unchecked", err))
		return false;
	while (ret->count < limit && (after = next_unchecked(m, after)) != NULL && after->last_checked_at < checked_before)
		list_row(after, ret);
	return true;
}

static bool memory_find(void *state, const char *key, struct connection *ret, bool *ret_found, struct error *err)
{
	struct memory_store *m = state;
	size_t i = row_of(m, key);

	if (!step(m, "find", err))
		return false;
	*ret_found = i < MEMORY_ROWS && !m->hidden[i];
	if (*ret_found)
		connection_copy(ret, &m->rows[i]);
	return true;
}

static void add_intent(struct memory_store *m, const struct secret_place *place, enum intent_action action, int64_t generation)
{
	struct intent *intent = &m->intents[m->intent_count];

	m->overtaken[m->intent_count++] = false;
	*intent = (struct intent){.action = action, .generation = generation};
	(void)snprintf(intent->key, sizeof(intent->key), "%s", place->record_key);
	(void)snprintf(intent->provider, sizeof(intent->provider), "%s", place->provider);
}

static void drop_intent(struct memory_store *m, const char *key, enum intent_action action, int64_t generation)
{
	for (size_t i = 0; i < m->intent_count; i++) {
		const struct intent *intent = &m->intents[i];

		if (strcmp(intent->key, key) == 0 && intent->action == action && intent->generation == generation) {
			m->intents[i] = m->intents[--m->intent_count];
			m->overtaken[i--] = m->overtaken[m->intent_count];
		}
	}
}

static void overtake(struct memory_store *m, const char *key, int64_t generation)
{
	for (size_t i = 0; i < m->intent_count; i++)
		if (strcmp(m->intents[i].key, key) == 0 && m->intents[i].action == INTENT_CONNECT &&
		    m->intents[i].generation < generation)
			m->overtaken[i] = true;
}

static bool is_current(const struct memory_store *m, const char *key, int64_t generation)
{
	for (size_t i = 0; i < m->intent_count; i++)
		if (strcmp(m->intents[i].key, key) == 0 && m->intents[i].action == INTENT_CONNECT &&
		    m->intents[i].generation == generation)
			return !m->overtaken[i];
	return false;
}

static bool memory_connect_begin(void *state, const struct secret_place *place, const char *user_id, const char *fingerprint,
                                 int64_t *ret_generation, struct error *err)
{
	struct memory_store *m = state;

	if (!step(m, "connect_begin", err))
		return false;
	for (size_t i = 0; i < MEMORY_ROWS; i++)
		if (m->rows[i].user_id && strcmp(m->rows[i].fingerprint, fingerprint) == 0 &&
		    strcmp(m->rows[i].user_id, user_id) != 0)
			return error_set(err, ERR_TOKEN_IN_USE, "Another user has connected this token.");
	*ret_generation = ++m->generation;
	add_intent(m, place, INTENT_CONNECT, *ret_generation);
	(void)snprintf(m->intents[m->intent_count - 1].fingerprint, FINGERPRINT_SIZE, "%s", fingerprint);
	return true;
}

static bool memory_connect_commit(void *state, const struct connection *connection, const struct sealed_value *value UNUSED,
                                  struct error *err)
{
	struct memory_store *m = state;
	size_t i = row_of(m, connection->key);

	if (!step(m, "connect_commit", err))
		return false;
	if (i < MEMORY_ROWS && !m->hidden[i] && m->rows[i].generation == connection->generation)
		return true;
	if (!is_current(m, connection->key, connection->generation))
		return error_set(err, ERR_CONFLICT, "The account was connected again in the meantime.");
	if (i == MEMORY_ROWS)
		i = free_row(m);
	connection_release(&m->rows[i]);
	connection_copy(&m->rows[i], connection);
	m->hidden[i] = false;
	drop_intent(m, connection->key, INTENT_CONNECT, connection->generation);
	overtake(m, connection->key, connection->generation);
	return true;
}

static bool memory_connect_abandon(void *state, const char *key, int64_t generation, struct error *err)
{
	if (!step(state, "connect_abandon", err))
		return false;
	drop_intent(state, key, INTENT_CONNECT, generation);
	return true;
}

static bool memory_disconnect_begin(void *state, const char *user_id, const char *provider, const char *instance_url,
                                    struct intent_list *ret, struct error *err)
{
	struct memory_store *m = state;

	if (!step(m, "disconnect_begin", err))
		return false;
	ret->items = xcalloc(MEMORY_ROWS, sizeof(*ret->items));
	for (size_t i = 0; i < MEMORY_ROWS; i++) {
		struct connection *row = &m->rows[i];

		if (!row->user_id || strcmp(row->user_id, user_id) != 0 || strcmp(row->provider, provider) != 0 ||
		    (instance_url && strcmp(row->instance_url, instance_url) != 0))
			continue;
		if (!m->hidden[i]) {
			row->generation = ++m->generation;
			overtake(m, row->key, row->generation);
			add_intent(m, &(struct secret_place){row->provider, row->key}, INTENT_DISCONNECT, row->generation);
		}
		m->hidden[i] = true;
		ret->items[ret->count++] = m->intents[m->intent_count - 1];
	}
	return true;
}

static bool memory_disconnect_finish(void *state, const char *key, int64_t generation, struct error *err)
{
	struct memory_store *m = state;
	size_t i = row_of(m, key);

	if (!step(m, "disconnect_finish", err))
		return false;
	if (i < MEMORY_ROWS && m->rows[i].generation == generation) {
		connection_release(&m->rows[i]);
		m->rows[i] = (struct connection)CONNECTION_INIT;
		m->hidden[i] = false;
	}
	drop_intent(m, key, INTENT_DISCONNECT, generation);
	return true;
}

static bool memory_intents_due(void *state, int64_t before UNUSED, struct intent_list *ret, struct error *err)
{
	struct memory_store *m = state;

	if (!step(m, "intents_due", err))
		return false;
	ret->items = xcalloc(MEMORY_ROWS, sizeof(*ret->items));
	memcpy(ret->items, m->intents, m->intent_count * sizeof(*ret->items));
	ret->count = m->intent_count;
	return true;
}

static bool memory_set_checked(void *state, const char *key, int64_t generation, bool valid, const char *code, int64_t checked_at,
                               struct error *err)
{
	struct memory_store *m = state;
	size_t i = row_of(m, key);

	if (!step(m, "set_checked", err))
		return false;
	if (i < MEMORY_ROWS && m->rows[i].generation == generation) {
		m->rows[i].valid = valid;
		m->rows[i].last_checked_at = checked_at;
		set_string(&m->rows[i].check_code, code);
	}
	return true;
}

struct connection_store memory_connections(struct memory_store *store)
{
	static const struct connection_store_ops ops = {
	        .ready = memory_ready,
	        .version = memory_version,
	        .list = memory_list,
	        .list_unchecked = memory_list_unchecked,
	        .find = memory_find,
	        .connect_begin = memory_connect_begin,
	        .connect_commit = memory_connect_commit,
	        .connect_abandon = memory_connect_abandon,
	        .disconnect_begin = memory_disconnect_begin,
	        .disconnect_finish = memory_disconnect_finish,
	        .intents_due = memory_intents_due,
	        .set_checked = memory_set_checked,
	};

	return (struct connection_store){&ops, store};
}

/* ---- Sealed values ---- */

static size_t value_of(const struct memory_store *m, const char *key)
{
	size_t i = 0;

	while (i < MEMORY_ROWS && strcmp(m->value_keys[i], key) != 0)
		i++;
	return i;
}

static void copy_value(struct sealed_value *to, const struct sealed_value *from)
{
	sealed_value_release(to);
	to->bytes = xmalloc(from->length);
	memcpy(to->bytes, from->bytes, from->length);
	to->length = from->length;
}

static bool memory_get(void *state, const struct secret_place *place, struct sealed_value *ret, struct error *err)
{
	struct memory_store *m = state;
	size_t i = value_of(m, place->record_key);

	if (!step(m, "get", err))
		return false;
	if (i < MEMORY_ROWS)
		copy_value(ret, &m->values[i]);
	return true;
}

static bool holds(const struct memory_store *m, size_t i, const struct sealed_value *expected)
{
	if (i == MEMORY_ROWS)
		return expected->length == 0;
	return m->values[i].length == expected->length && memcmp(m->values[i].bytes, expected->bytes, expected->length) == 0;
}

static bool memory_replace(void *state, const struct secret_place *place, const struct sealed_value *expected,
                           const struct sealed_value *value, bool *ret_replaced, struct error *err)
{
	struct memory_store *m = state;
	size_t i = value_of(m, place->record_key);

	if (!step(m, "replace", err))
		return false;
	*ret_replaced = holds(m, i, expected);
	if (!*ret_replaced)
		return true;
	if (i == MEMORY_ROWS) {
		i = value_of(m, "");
		(void)snprintf(m->value_keys[i], sizeof(m->value_keys[i]), "%s", place->record_key);
	}
	copy_value(&m->values[i], value);
	if (m->lose_answer) {
		m->lose_answer = false;
		return error_set(err, ERR_SECRET_STORE_UNAVAILABLE, "The answer was lost.");
	}
	return true;
}

static bool memory_remove(void *state, const struct secret_place *place, int64_t generation, struct error *err)
{
	struct memory_store *m = state;
	size_t i = value_of(m, place->record_key);
	int64_t present;

	if (!step(m, "remove", err))
		return false;
	if (i < MEMORY_ROWS && record_generation(&m->values[i], &present) && present <= generation) {
		m->value_keys[i][0] = '\0';
		sealed_value_release(&m->values[i]);
		m->values[i] = (struct sealed_value)SEALED_VALUE_INIT;
	}
	return true;
}

static bool memory_each(void *state, secret_visit *visit, void *context, struct error *err)
{
	struct memory_store *m = state;

	if (!step(m, "each", err))
		return false;
	for (size_t i = 0; i < MEMORY_ROWS; i++) {
		/* Copies: the visitor may change what is there. */
		CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
		char key[RECORD_KEY_SIZE];
		struct secret_record record = {.place = {"gitlab", key}, .value = &value};

		if (!m->value_keys[i][0])
			continue;
		(void)snprintf(key, sizeof(key), "%s", m->value_keys[i]);
		copy_value(&value, &m->values[i]);
		if (!record_generation(&value, &record.generation))
			record.generation = 0;
		if (!visit(context, &record, err))
			return false;
	}
	return true;
}

struct secret_store memory_secrets(struct memory_store *store)
{
	static const struct secret_store_ops ops = {
	        .in_row = false,
	        .get = memory_get,
	        .replace = memory_replace,
	        .remove = memory_remove,
	        .each = memory_each,
	};

	return (struct secret_store){&ops, store};
}
