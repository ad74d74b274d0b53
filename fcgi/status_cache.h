#pragma once
/*
 * status_cache — the text of a user's last status answer, for as long as it is true: until any connection changes (the store's
 * version) or the day does (days to expiry). A page that polls then costs neither SQL nor JSON. Bounded: a fixed number of places,
 * one per hash of the user; a collision replaces. Thread-safe.
 */
#include "strbuf.h"

struct status_cache;

enum { STATUS_CACHE_PLACES = 512, STATUS_CACHE_TEXT_MAX = 16 * 1024 };

struct status_cache *status_cache_new(void);
void status_cache_freep(struct status_cache **cache);

/*
 * Whether the database was found ready less than a second ago. Asking it at every call would cost more than the rest of the answer;
 * a database that was restored or taken away is noticed within that second.
 */
bool status_cache_is_trusted(struct status_cache *cache, int64_t monotonic_ms);
void status_cache_trust(struct status_cache *cache, int64_t monotonic_ms);

/* Whether the user's answer of this version and day is known; it is added to `to`. */
bool status_cache_get(struct status_cache *cache, const char *user_id, uint64_t version, int64_t day, struct strbuf *to);

/* `version` must have been read before the answer was made, so that a change in between makes the entry stale rather than wrong. */
void status_cache_put(struct status_cache *cache, const char *user_id, uint64_t version, int64_t day, const char *text,
                      size_t length);
