#pragma once
/*
 * review_cache — what the API server said a moment ago: a yes for 10 s, a no for 2 s, a failure never. Entries are found by a hash
 * under a key of this process alone, so that nothing in memory tells a token; their number is fixed. Of several threads that want
 * to know the same at once, one asks. Thread-safe. Private to service. Floor: service.
 */
#include "error.h"

struct review_cache;
struct review_cache *review_cache_new(void);
void review_cache_freep(struct review_cache **slot);

/* Strings owned, NULL allowed. */
struct review {
	bool yes;
	char *name, *subject;
};
#define REVIEW_INIT ZERO_INIT
void review_release(struct review *review);

enum { REVIEW_YES_MS = 10000, REVIEW_NO_MS = 2000 };

/* Asks the server. Runs without a lock. */
typedef bool review_ask(void *context, struct review *ret, struct error *err);

/* `parts` are what is asked about, each with its length; they are hashed, not kept. */
struct review_part {
	const void *bytes;
	size_t length;
};
bool review_cache_get(struct review_cache *cache, const struct review_part *parts, size_t count, review_ask *ask, void *context,
                      struct review *ret, struct error *err) MUST_CHECK;
