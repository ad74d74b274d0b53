/* The sealed values in the table connections: written by connection_row_put, gone with the row. */
#include "rows.h"

#include "alloc.h"

static bool sealed_remove(void *state UNUSED, const struct secret_place *place UNUSED, int64_t generation UNUSED,
                          struct error *err UNUSED)
{
	return true;
}

static bool sealed_get(void *state, const struct secret_place *place, struct sealed_value *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle, "SELECT sealed FROM connections WHERE record_key = ? AND state = 'live'", err))
		return false;
	query_bind_text(&query, place->record_key);
	if (!query_next(&query, &row, err))
		return false;
	if (row) {
		sealed_value_release(ret);
		ret->bytes = query_bytes(&query, 0, &ret->length);
	}
	return true;
}

/* A change like any other: a database from before it lacks the new value, and a key that was retired since would not open the old.
 */
static bool sealed_replace(void *state, const struct secret_place *place, const struct sealed_value *expected,
                           const struct sealed_value *value, bool *ret_replaced, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	int64_t change;

	if (!writing_begin(state, &w, err) ||
	    !query_start(&query, w.handle,
	                 "UPDATE connections SET sealed = ? WHERE record_key = ? AND sealed = ? AND state = 'live'", err))
		return false;
	query_bind_bytes(&query, value->bytes, value->length);
	query_bind_text(&query, place->record_key);
	query_bind_bytes(&query, expected->bytes, expected->length);
	if (!query_run(&query, err))
		return false;
	*ret_replaced = query_changes(&query) > 0;
	return !*ret_replaced || (writing_change(&w, &change, err) && writing_commit(&w, err));
}

/* One page of rows, copied out, so that nothing is held while they are shown. */
struct sealed_page {
	struct sealed_row {
		struct connection place; /* key, provider, user id, instance and generation; the rest is empty */
		struct sealed_value value;
	} rows[64];
	size_t count;
};

static void sealed_page_release(struct sealed_page *page)
{
	for (size_t i = 0; i < page->count; i++) {
		connection_release(&page->rows[i].place);
		sealed_value_release(&page->rows[i].value);
	}
	page->count = 0;
}

static bool read_sealed_page(void *state, const char *after, struct sealed_page *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle,
	                 "SELECT record_key, provider, user_id, instance_url, generation, sealed FROM connections "
	                 "WHERE record_key > ? AND state = 'live' AND sealed IS NOT NULL ORDER BY record_key LIMIT ?",
	                 err))
		return false;
	query_bind_text(&query, after);
	query_bind_number(&query, ARRAY_SIZE(ret->rows));
	for (;;) {
		struct sealed_row *next;

		if (!query_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		next = &ret->rows[ret->count++];
		*next = (struct sealed_row){0};
		snprintf(next->place.key, sizeof(next->place.key), "%s", query_peek(&query, 0));
		next->place.provider = query_text(&query, 1);
		next->place.user_id = query_text(&query, 2);
		next->place.instance_url = query_text(&query, 3);
		next->place.generation = query_number(&query, 4);
		next->value.bytes = query_bytes(&query, 5, &next->value.length);
	}
}

static bool sealed_each(void *state, secret_visit *visit, void *context, struct error *err)
{
	char after[RECORD_KEY_SIZE] = "";
	bool more = true;

	while (more) {
		CLEANUP(sealed_page_release) struct sealed_page page = {.count = 0};

		if (!read_sealed_page(state, after, &page, err))
			return false;
		for (size_t i = 0; i < page.count; i++) {
			const struct sealed_row *row = &page.rows[i];
			const struct secret_record record = {
			        .place = {.provider = row->place.provider, .record_key = row->place.key},
			        .generation = row->place.generation,
			        .value = &row->value,
			        .user_id = row->place.user_id,
			        .instance_url = row->place.instance_url,
			};

			if (!visit(context, &record, err))
				return false;
		}
		more = page.count == ARRAY_SIZE(page.rows);
		if (more)
			memcpy(after, page.rows[page.count - 1].place.key, sizeof(after));
	}
	return true;
}

const struct secret_store_ops sealed_rows = {
        .in_row = true,
        .get = sealed_get,
        .replace = sealed_replace,
        .remove = sealed_remove,
        .each = sealed_each,
};
