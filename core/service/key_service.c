#include "key_service.h"

#include "alloc.h"
#include "clock.h"
#include "stored_value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- Counting ---- */

void key_census_release(struct key_census *census)
{
	for (size_t i = 0; i < census->problem_count; i++) {
		freep(&census->problems[i].provider);
		freep(&census->problems[i].record_key);
		freep(&census->problems[i].user_id);
		freep(&census->problems[i].reason);
	}
	freep(&census->problems);
	freep(&census->keys);
	*census = (struct key_census)KEY_CENSUS_INIT;
}

struct counting {
	const struct account_service *service;
	unsigned flags;
	struct key_census *census;
};

static struct key_use *add_key(struct key_census *census, const struct keyring_key *key)
{
	census->keys = xrealloc(census->keys, (census->key_count + 1) * sizeof(*census->keys));
	census->keys[census->key_count] = (struct key_use){.key = *key};
	return &census->keys[census->key_count++];
}

/* Keys that the keyring lacks are few, or the values are an attack: then they are not told apart. */
static struct key_use *use_of(struct key_census *census, const char *kid)
{
	enum { KEYS_MAX = 2 * KEYRING_KEYS_MAX };
	struct keyring_key unknown = {0};

	for (size_t i = 0; i < census->key_count; i++)
		if (strcmp(census->keys[i].key.kid, kid) == 0)
			return &census->keys[i];
	if (census->key_count >= KEYS_MAX)
		return &census->keys[census->key_count - 1];
	memcpy(unknown.kid, kid, sizeof(unknown.kid));
	return add_key(census, &unknown);
}

static void add_problem(struct key_census *census, const struct secret_record *record, const char *kid, const struct error *failure)
{
	struct key_problem *problem;

	census->broken++;
	if (census->problem_count == KEY_PROBLEMS_MAX)
		return;
	if (census->problem_count == 0)
		census->problems = xcalloc(KEY_PROBLEMS_MAX, sizeof(*census->problems));
	problem = &census->problems[census->problem_count++];
	problem->provider = xstrdup(record->place.provider);
	problem->record_key = xstrdup(record->place.record_key);
	problem->user_id = xstrdup(record->user_id);
	(void)snprintf(problem->kid, sizeof(problem->kid), "%s", kid);
	problem->code = failure->code;
	problem->reason = xstrdup(failure->detail[0] ? failure->detail : failure->message);
}

static bool count_orphan(const struct counting *counting, const struct secret_record *record, struct error *err)
{
	const struct connection_store *store = &counting->service->connections;
	CLEANUP(connection_release) struct connection row = CONNECTION_INIT;
	bool found = false;

	if (counting->service->secrets.ops->in_row || !(counting->flags & KEY_CENSUS_ROWS))
		return true;
	if (!store->ops->find(store->state, record->place.record_key, &row, &found, err))
		return false;
	counting->census->orphans += !found;
	return true;
}

static bool count_value(void *context, const struct secret_record *record, struct error *err)
{
	const struct counting *counting = context;
	const struct account_service *s = counting->service;
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct error failure = ERROR_INIT;
	char kid[17] = "";

	counting->census->values++;
	if (!count_orphan(counting, record, err))
		return false;
	if (stored_value_kid(s, record->value, kid))
		use_of(counting->census, kid)->values++;
	else
		error_detail(&failure, "not a sealed value");
	if (kid[0] && !keyring_can_open(s->keyring, kid)) {
		error_set(&failure, ERR_SEAL_KEY_MISSING, "No key opens it.");
		error_detail(&failure, "sealed to a key that is not there");
	} else if (kid[0] &&
	           (!(counting->flags & KEY_CENSUS_OPEN_EACH) || stored_value_open_record(s, record, &c, &payload, &failure))) {
		return true;
	}
	if (failure.code == ERR_NONE)
		failure.code = ERR_SEAL_BROKEN;
	add_problem(counting->census, record, kid, &failure);
	return true;
}

bool key_census_take(const struct account_service *s, unsigned flags, struct key_census *ret, struct error *err)
{
	CLEANUP(key_census_release) struct key_census census = KEY_CENSUS_INIT;
	struct counting counting = {s, flags, &census};
	struct keyring_key keys[KEYRING_KEYS_MAX];
	size_t count = keyring_keys(s->keyring, keys);

	for (size_t i = 0; i < count; i++)
		(void)add_key(&census, &keys[i]);
	if (!s->secrets.ops->each(s->secrets.state, count_value, &counting, err))
		return false;
	key_census_release(ret);
	*ret = census;
	census = (struct key_census)KEY_CENSUS_INIT;
	return true;
}

/* ---- Sealing anew ---- */

enum { BATCH_MAX = 128, BATCHES_A_SECOND = 4 /* at least, so that a rate is a rate and no row of blows */ };

/* A record that waits for the next write, and what takes its place. */
struct resealed {
	char *provider, *record_key;
	struct sealed_value old, fresh;
};

struct resealing {
	const struct account_service *service;
	int64_t pause_us, next_us; /* the rate: when the next values may be written */
	key_reseal_progress *progress;
	void *context;
	struct key_reseal *so_far;
	struct resealed batch[BATCH_MAX];
	size_t batch_count, batch_max;
};

static void clear_batch(struct resealing *r)
{
	for (size_t i = 0; i < r->batch_count; i++) {
		freep(&r->batch[i].provider);
		freep(&r->batch[i].record_key);
		sealed_value_release(&r->batch[i].old);
		sealed_value_release(&r->batch[i].fresh);
	}
	r->batch_count = 0;
}

static void keep_pace(struct resealing *r)
{
	int64_t left_us = r->next_us - clock_monotonic_us();
	struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};

	while (left_us > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
		;
	r->next_us = clock_monotonic_us() + r->pause_us * (int64_t)r->batch_count;
}

static bool write_batch(struct resealing *r, struct error *err)
{
	struct secret_change changes[BATCH_MAX];
	bool ok;

	if (r->batch_count == 0)
		return true;
	for (size_t i = 0; i < r->batch_count; i++)
		changes[i] =
		        (struct secret_change){.place = {.provider = r->batch[i].provider, .record_key = r->batch[i].record_key},
		                               .expected = &r->batch[i].old,
		                               .value = &r->batch[i].fresh};
	keep_pace(r);
	ok = secret_replace_all(&r->service->secrets, changes, r->batch_count, err);
	for (size_t i = 0; i < r->batch_count; i++) {
		r->so_far->sealed += changes[i].replaced;
		r->so_far->overtaken += ok && !changes[i].replaced;
	}
	clear_batch(r);
	return ok;
}

/* All that was sealed is sealed again, at the same generation: the row does not change. */
static bool reseal_value(struct resealing *r, const struct secret_record *record, struct error *err)
{
	const struct account_service *s = r->service;
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct resealed *next = &r->batch[r->batch_count];

	if (!stored_value_open_record(s, record, &c, &payload, NULL)) {
		r->so_far->broken++;
		return true;
	}
	*next = (struct resealed){.old = {.bytes = xmalloc(record->value->length), .length = record->value->length}};
	memcpy(next->old.bytes, record->value->bytes, record->value->length);
	next->provider = xstrdup(record->place.provider);
	next->record_key = xstrdup(record->place.record_key);
	r->batch_count++;
	if (!stored_value_seal(s, &c, &payload, &next->fresh, err))
		return false;
	return r->batch_count < r->batch_max || write_batch(r, err);
}

static bool visit_value(void *context, const struct secret_record *record, struct error *err)
{
	struct resealing *r = context;
	char kid[17];

	r->so_far->seen++;
	if (!(stored_value_kid(r->service, record->value, kid) && strcmp(kid, keyring_active_kid(r->service->keyring)) == 0) &&
	    !reseal_value(r, record, err))
		return false;
	if (r->progress)
		r->progress(r->context, r->so_far);
	return true;
}

static size_t batch_for(unsigned per_second)
{
	if (per_second == 0 || per_second / BATCHES_A_SECOND > BATCH_MAX)
		return BATCH_MAX;
	return per_second < BATCHES_A_SECOND ? 1 : per_second / BATCHES_A_SECOND;
}

bool key_reseal_all(const struct account_service *s, unsigned per_second, key_reseal_progress *progress, void *context,
                    struct key_reseal *ret, struct error *err)
{
	struct resealing r = {.service = s,
	                      .pause_us = per_second ? 1000000 / per_second : 0,
	                      .progress = progress,
	                      .context = context,
	                      .so_far = ret,
	                      .batch_max = batch_for(per_second)};
	bool ok;

	*ret = (struct key_reseal){0};
	ok = s->secrets.ops->each(s->secrets.state, visit_value, &r, err) && write_batch(&r, err);
	clear_batch(&r);
	return ok;
}
