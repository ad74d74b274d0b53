#include "index_service.h"

#include "alloc.h"
#include "clock.h"
#include "record_key.h"
#include "stored_value.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 64 /* rows written in one transaction */

/* ---- Is there one? ---- */

/* What has no key of ours is not ours: the Go implementation's plain tokens lie in a Secret of the same name. */
static bool is_ours(const struct secret_record *record)
{
	return record_key_is_valid(record->place.record_key);
}

static bool note_value(void *context, const struct secret_record *record, struct error *err)
{
	if (!is_ours(record))
		return true;
	*(bool *)context = true;
	return error_set(err, ERR_CONFLICT, "enough"); /* ends the walk; nobody sees it */
}

bool index_is_missing(const struct account_service *s, bool *ret, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list rows = CONNECTION_LIST_INIT;
	CLEANUP(intent_list_release) struct intent_list intents = INTENT_LIST_INIT;
	const struct connection_store *store = &s->connections;
	struct error failure = ERROR_INIT;
	bool any = false;

	*ret = false;
	if (s->secrets.ops->in_row)
		return true;
	if (!store->ops->list_unchecked(store->state, INT64_MAX, NULL, 1, &rows, err) ||
	    !store->ops->intents_due(store->state, INT64_MAX, &intents, err))
		return false;
	/* An intent tells of a value that was put before its row. */
	if (rows.count > 0 || intents.count > 0)
		return true;
	if (!s->secrets.ops->each(s->secrets.state, note_value, &any, &failure) && !any) {
		*err = failure;
		return false;
	}
	*ret = any;
	return true;
}

/* ---- Making it anew ---- */

struct key {
	char text[RECORD_KEY_SIZE];
};

struct rebuilding {
	const struct account_service *service;
	bool write; /* false: the first walk, which only looks */
	bool of_ours;
	struct connection_list page; /* not yet written */
	struct key *seen;            /* keys of the records that open, sorted before use */
	size_t seen_count;
	struct index_rebuild *result;
};

static void rebuilding_release(struct rebuilding *r)
{
	connection_list_release(&r->page);
	freep(&r->seen);
}

void index_rebuild_release(struct index_rebuild *rebuild)
{
	for (size_t i = 0; i < rebuild->problem_count; i++) {
		freep(&rebuild->problems[i].user_id);
		freep(&rebuild->problems[i].instance_url);
		freep(&rebuild->problems[i].record_key);
		freep(&rebuild->problems[i].reason);
	}
	freep(&rebuild->problems);
	*rebuild = (struct index_rebuild)INDEX_REBUILD_INIT;
}

/* As xrealloc doubles each time the count is a power of two, no capacity has to be kept. */
static void *grown(void *items, size_t count, size_t size)
{
	return (count & (count - 1)) == 0 ? xrealloc(items, (count ? 2 * count : 1) * size) : items;
}

static void add_problem(struct index_rebuild *to, const char *user_id, const char *instance_url, const char *record_key,
                        const char *reason)
{
	to->problems = grown(to->problems, to->problem_count, sizeof(*to->problems));
	to->problems[to->problem_count++] = (struct index_problem){
	        .user_id = xstrdup(user_id),
	        .instance_url = xstrdup(instance_url),
	        .record_key = xstrdup(record_key),
	        .reason = xstrdup(reason),
	};
}

/* ---- Records to rows ---- */

static bool write_page(struct rebuilding *r, struct error *err)
{
	const struct connection_store *store = &r->service->connections;
	enum connection_restored results[PAGE];

	if (r->page.count == 0)
		return true;
	if (!store->ops->restore(store->state, &r->page, !r->of_ours, results, err))
		return false;
	for (size_t i = 0; i < r->page.count; i++) {
		const struct connection *c = &r->page.items[i];

		r->result->restored += results[i] == CONNECTION_RESTORED;
		if (results[i] == CONNECTION_NEWER)
			add_problem(r->result, c->user_id, c->instance_url, c->key,
			            "the row is of a newer connect than the record");
	}
	connection_list_release(&r->page);
	return true;
}

/*
 * The number of a record that does not open is anybody's word who may write to the Secret. Numbers go on behind the greatest, and
 * one near the end of them would leave none: those of a clock (connect numbers by its microseconds) that is a day ahead are passed
 * over.
 */
static bool is_believable(int64_t generation)
{
	const int64_t day_us = INT64_C(24) * 3600 * 1000 * 1000;

	return generation <= clock_now_us() + day_us;
}

static bool visit_record(void *context, const struct secret_record *record, struct error *err)
{
	struct rebuilding *r = context;
	const struct account_service *s = r->service;
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct error failure = ERROR_INIT;
	char fingerprint[65];

	if (!is_ours(record))
		return true;
	bool opened = stored_value_open_record(s, record, &c, &payload, &failure);
	if (record->generation > r->result->generation && (opened || is_believable(record->generation)))
		r->result->generation = record->generation;
	if (!opened) {
		if (!r->write)
			add_problem(r->result, record->user_id, record->instance_url, record->place.record_key,
			            failure.detail[0] ? failure.detail : failure.message);
		return true;
	}
	r->result->opened += !r->write;
	if (!r->write || s->secrets.ops->in_row)
		return true;
	r->seen = grown(r->seen, r->seen_count, sizeof(*r->seen));
	memcpy(r->seen[r->seen_count++].text, c.key, sizeof(c.key));
	keyring_fingerprint(s->keyring, &payload.token, fingerprint);
	set_string(&c.fingerprint, fingerprint);
	connection_list_take(&r->page, &c);
	return r->page.count < PAGE || write_page(r, err);
}

/* ---- Rows without records ---- */

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct key *)a)->text, ((const struct key *)b)->text);
}

/* Asked for again: it may have come while the walk went on. */
static bool drop_row(struct rebuilding *r, const struct connection *row, struct error *err)
{
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	const struct secret_place place = {.provider = row->provider, .record_key = row->key};
	const struct connection_store *store = &r->service->connections;

	if (!r->service->secrets.ops->get(r->service->secrets.state, &place, &value, err))
		return false;
	if (value.length > 0) /* one that does not open is among the problems */
		return true;
	r->result->dropped++;
	return store->ops->forget(store->state, row->key, row->generation, err);
}

static bool drop_rows(struct rebuilding *r, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list all = CONNECTION_LIST_INIT;
	const struct connection_store *store = &r->service->connections;

	if (!store->ops->list_unchecked(store->state, INT64_MAX, NULL, INT32_MAX, &all, err))
		return false;
	if (r->seen_count > 0)
		qsort(r->seen, r->seen_count, sizeof(*r->seen), compare_keys);
	for (size_t i = 0; i < all.count; i++) {
		struct key key;

		memcpy(key.text, all.items[i].key, sizeof(key.text));
		if (r->seen_count > 0 && bsearch(&key, r->seen, r->seen_count, sizeof(key), compare_keys))
			continue;
		if (!drop_row(r, &all.items[i], err))
			return false;
	}
	return true;
}

/* ---- The whole ---- */

/* Secrets that are all empty beside a database that is not: rather the wrong namespace than a day on which everybody left. */
static bool nothing_but_rows(const struct rebuilding *r, bool *ret, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list one = CONNECTION_LIST_INIT;
	const struct connection_store *store = &r->service->connections;

	*ret = false;
	if (r->service->secrets.ops->in_row || r->result->generation > 0 || r->result->problem_count > 0)
		return true;
	if (!store->ops->list_unchecked(store->state, INT64_MAX, NULL, 1, &one, err))
		return false;
	*ret = one.count > 0;
	return true;
}

static bool rebuild(struct rebuilding *r, bool keep_going, struct error *err)
{
	const struct secret_store *secrets = &r->service->secrets;
	const struct connection_store *store = &r->service->connections;
	bool suspicious;

	if (!secrets->ops->each(secrets->state, visit_record, r, err) || !nothing_but_rows(r, &suspicious, err))
		return false;
	if (suspicious)
		add_problem(r->result, NULL, NULL, "", "there is not one stored token, but the database knows connections");
	if (r->result->problem_count > 0 && !keep_going)
		return true;
	r->result->changed = true;
	r->write = true;
	if (secrets->ops->in_row)
		return true;
	return (r->of_ours || store->ops->forget_intents(store->state, err)) &&
	       secrets->ops->each(secrets->state, visit_record, r, err) && write_page(r, err) && drop_rows(r, err);
}

bool index_rebuild(const struct account_service *s, bool keep_going, bool of_ours, struct index_rebuild *ret, struct error *err)
{
	CLEANUP(index_rebuild_release) struct index_rebuild result = INDEX_REBUILD_INIT;
	CLEANUP(rebuilding_release) struct rebuilding r = {.service = s, .of_ours = of_ours, .result = &result};

	if (!rebuild(&r, keep_going, err))
		return false;
	index_rebuild_release(ret);
	*ret = result;
	result = (struct index_rebuild)INDEX_REBUILD_INIT;
	return true;
}
