#include "review_cache.h"

#include "alloc.h"
#include "clock.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

enum { SLOTS = 1024, KEY_SIZE = crypto_generichash_BYTES };

struct slot {
	unsigned char key[KEY_SIZE];
	int64_t until_ms; /* 0: empty */
	struct review review;
};

/* A question that is being asked; on the stack of who asks. It stays until the last that waits has read the answer. */
struct flight {
	unsigned char key[KEY_SIZE];
	unsigned waiting;
	bool done, ok;
	struct review review;
	struct error err;
	struct flight *next;
};

struct review_cache {
	unsigned char secret[crypto_generichash_KEYBYTES];
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t landed;
	struct slot slots[SLOTS];
	struct flight *flights;
};

void review_release(struct review *review)
{
	free(review->name);
	free(review->subject);
	*review = (struct review)REVIEW_INIT;
}

static void copy(const struct review *from, struct review *to)
{
	review_release(to);
	*to = (struct review){.yes = from->yes, .name = xstrdup(from->name), .subject = xstrdup(from->subject)};
}

struct review_cache *review_cache_new(void)
{
	struct review_cache *cache = xcalloc(1, sizeof(*cache));

	randombytes_buf(cache->secret, sizeof(cache->secret));
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->landed, NULL);
	return cache;
}

void review_cache_freep(struct review_cache **slot)
{
	struct review_cache *cache = *slot;

	if (!cache)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		review_release(&cache->slots[i].review);
	pthread_cond_destroy(&cache->landed);
	pthread_mutex_destroy(&cache->lock);
	sodium_memzero(cache->secret, sizeof(cache->secret));
	freep(slot);
}

/* The length goes before each part: no two lists of parts give the same bytes. */
static void make_key(const struct review_cache *cache, const struct review_part *parts, size_t count, unsigned char ret[KEY_SIZE])
{
	crypto_generichash_state hash;

	crypto_generichash_init(&hash, cache->secret, sizeof(cache->secret), KEY_SIZE);
	for (size_t i = 0; i < count; i++) {
		uint64_t length = parts[i].length;

		crypto_generichash_update(&hash, (const unsigned char *)&length, sizeof(length));
		crypto_generichash_update(&hash, parts[i].bytes, parts[i].length);
	}
	crypto_generichash_final(&hash, ret, KEY_SIZE);
	sodium_memzero(&hash, sizeof(hash));
}

static struct slot *slot_of(struct review_cache *cache, const unsigned char key[KEY_SIZE])
{
	return &cache->slots[((unsigned)key[0] << 8 | key[1]) % SLOTS];
}

static struct flight *find_flight(struct review_cache *cache, const unsigned char key[KEY_SIZE])
{
	struct flight *flight = cache->flights;

	while (flight && memcmp(flight->key, key, KEY_SIZE) != 0)
		flight = flight->next;
	return flight;
}

/* Somebody else's answer. The lock is held. */
static bool wait_for(struct review_cache *cache, struct flight *flight, struct review *ret, struct error *err)
{
	flight->waiting++;
	while (!flight->done)
		pthread_cond_wait(&cache->landed, &cache->lock);
	bool ok = flight->ok;
	if (ok)
		copy(&flight->review, ret);
	else if (err)
		*err = flight->err;
	if (--flight->waiting == 0)
		pthread_cond_broadcast(&cache->landed);
	return ok;
}

/* Makes the answer known and leaves once nobody reads it any more. The lock is held. */
static void land(struct review_cache *cache, struct flight *flight)
{
	struct flight **at = &cache->flights;

	while (*at != flight)
		at = &(*at)->next;
	*at = flight->next;
	flight->done = true;
	pthread_cond_broadcast(&cache->landed);
	while (flight->waiting > 0)
		pthread_cond_wait(&cache->landed, &cache->lock);
}

static bool ask_and_keep(struct review_cache *cache, const unsigned char key[KEY_SIZE], review_ask *ask, void *context,
                         struct review *ret, struct error *err)
{
	struct flight flight = {.next = cache->flights};
	int64_t asked_ms = clock_monotonic_ms();

	memcpy(flight.key, key, KEY_SIZE);
	cache->flights = &flight; // cppcheck-suppress autoVariables ; land() takes it out before this function ends
	pthread_mutex_unlock(&cache->lock);
	flight.ok = ask(context, &flight.review, &flight.err);
	pthread_mutex_lock(&cache->lock);
	if (flight.ok) {
		struct slot *slot = slot_of(cache, key);

		memcpy(slot->key, key, KEY_SIZE);
		slot->until_ms = asked_ms + (flight.review.yes ? REVIEW_YES_MS : REVIEW_NO_MS);
		copy(&flight.review, &slot->review);
		copy(&flight.review, ret);
	} else if (err) {
		*err = flight.err;
	}
	land(cache, &flight);
	review_release(&flight.review);
	return flight.ok;
}

bool review_cache_get(struct review_cache *cache, const struct review_part *parts, size_t count, review_ask *ask, void *context,
                      struct review *ret, struct error *err)
{
	unsigned char key[KEY_SIZE];
	struct flight *flight;
	bool ok = true;

	make_key(cache, parts, count, key);
	pthread_mutex_lock(&cache->lock);
	struct slot *slot = slot_of(cache, key);
	if (slot->until_ms > clock_monotonic_ms() && memcmp(slot->key, key, KEY_SIZE) == 0)
		copy(&slot->review, ret);
	else if ((flight = find_flight(cache, key)))
		ok = wait_for(cache, flight, ret, err);
	else
		ok = ask_and_keep(cache, key, ask, context, ret, err);
	pthread_mutex_unlock(&cache->lock);
	return ok;
}
