#include "status_cache.h"

#include <pthread.h>
#include <string.h>

#include "alloc.h"
#include "secret.h"

struct place {
	char *user_id; /* NULL: free */
	char *text;
	size_t length;
	uint64_t version;
	int64_t day;
};

enum { TRUSTED_MS = 1000 };

struct status_cache {
	_Atomic int64_t trusted_until_ms;
	pthread_rwlock_t lock;
	uint64_t seed; /* user ids are chosen outside; which of them collide should not be */
	struct place places[STATUS_CACHE_PLACES];
};

struct status_cache *status_cache_new(void)
{
	struct status_cache *cache = xcalloc(1, sizeof(*cache));

	pthread_rwlock_init(&cache->lock, NULL);
	random_bytes(&cache->seed, sizeof(cache->seed));
	return cache;
}

void status_cache_freep(struct status_cache **cache)
{
	struct status_cache *c = TAKE(*cache);

	if (!c)
		return;
	for (size_t i = 0; i < STATUS_CACHE_PLACES; i++) {
		free(c->places[i].user_id);
		free(c->places[i].text);
	}
	pthread_rwlock_destroy(&c->lock);
	free(c);
}

bool status_cache_is_trusted(struct status_cache *cache, int64_t monotonic_ms)
{
	return monotonic_ms < cache->trusted_until_ms;
}

void status_cache_trust(struct status_cache *cache, int64_t monotonic_ms)
{
	cache->trusted_until_ms = monotonic_ms + TRUSTED_MS;
}

/* FNV-1a from a random start: spreads well enough for a table in which a collision costs one query. */
static struct place *place_of(struct status_cache *cache, const char *user_id)
{
	uint64_t hash = cache->seed;

	for (; *user_id; user_id++)
		hash = (hash ^ (unsigned char)*user_id) * UINT64_C(0x100000001b3);
	return &cache->places[(hash ^ (hash >> 32)) % STATUS_CACHE_PLACES];
}

bool status_cache_get(struct status_cache *cache, const char *user_id, uint64_t version, int64_t day, struct strbuf *to)
{
	bool found;

	pthread_rwlock_rdlock(&cache->lock);
	const struct place *place = place_of(cache, user_id);
	found = place->user_id && place->version == version && place->day == day && strcmp(place->user_id, user_id) == 0;
	if (found)
		strbuf_add(to, place->text, place->length);
	pthread_rwlock_unlock(&cache->lock);
	return found;
}

void status_cache_put(struct status_cache *cache, const char *user_id, uint64_t version, int64_t day, const char *text,
                      size_t length)
{
	if (length > STATUS_CACHE_TEXT_MAX)
		return;
	pthread_rwlock_wrlock(&cache->lock);
	struct place *place = place_of(cache, user_id);
	set_string(&place->user_id, user_id);
	free(place->text);
	*place = (struct place){place->user_id, xstrndup(text, length), length, version, day};
	pthread_rwlock_unlock(&cache->lock);
}
