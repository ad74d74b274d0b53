#include "http_breaker.h"

#include "alloc.h"
#include <string.h>

enum {
	FAILURES_TO_REST = 5,
	/* Users name origins: only failing ones are remembered, and the one that failed longest ago gives way. */
	MAX_ORIGINS = 256,
};

struct entry {
	char *origin; /* NULL: free */
	unsigned failures;
	bool trying; /* the one call after the rest is under way */
	bool asked;  /* the origin asked for its rest: nothing ends it early */
	int64_t rests_until_ms;
	int64_t failed_at_ms;
};

struct http_breaker {
	struct entry entries[MAX_ORIGINS];
};

struct http_breaker *http_breaker_new(void)
{
	return xcalloc(1, sizeof(struct http_breaker));
}

static void forget(struct entry *entry)
{
	free(entry->origin);
	*entry = (struct entry){0};
}

void http_breaker_freep(struct http_breaker **breaker)
{
	if (!*breaker)
		return;
	for (size_t i = 0; i < MAX_ORIGINS; i++)
		forget(&(*breaker)->entries[i]);
	freep(breaker);
}

static struct entry *find(struct http_breaker *breaker, const char *origin)
{
	for (size_t i = 0; i < MAX_ORIGINS; i++)
		if (breaker->entries[i].origin && strcmp(breaker->entries[i].origin, origin) == 0)
			return &breaker->entries[i];
	return NULL;
}

static struct entry *add(struct http_breaker *breaker, const char *origin)
{
	struct entry *oldest = &breaker->entries[0];

	for (size_t i = 0; i < MAX_ORIGINS && oldest->origin; i++)
		if (!breaker->entries[i].origin || breaker->entries[i].failed_at_ms < oldest->failed_at_ms)
			oldest = &breaker->entries[i];
	forget(oldest);
	oldest->origin = xstrdup(origin);
	return oldest;
}

static struct http_rest rest_of(const struct entry *entry, int64_t now_ms)
{
	int64_t left_ms = entry->rests_until_ms - now_ms;

	return (struct http_rest){.left_s = left_ms > 0 ? (unsigned)((left_ms + 999) / 1000) : 1, .asked = entry->asked};
}

bool http_breaker_admits(struct http_breaker *breaker, const char *origin, int64_t now_ms, struct http_rest *ret_rest)
{
	struct entry *entry = find(breaker, origin);

	if (!entry || entry->failures < FAILURES_TO_REST)
		return true;
	if (entry->trying || now_ms < entry->rests_until_ms) {
		*ret_rest = rest_of(entry, now_ms);
		return false;
	}
	entry->trying = true;
	return true;
}

bool http_breaker_rests(struct http_breaker *breaker, const char *origin, int64_t now_ms, struct http_rest *ret_rest)
{
	const struct entry *entry = find(breaker, origin);

	if (!entry || entry->failures < FAILURES_TO_REST || now_ms >= entry->rests_until_ms)
		return false;
	*ret_rest = rest_of(entry, now_ms);
	return true;
}

static bool rests_as_asked(const struct entry *entry, int64_t now_ms)
{
	return entry && entry->asked && now_ms < entry->rests_until_ms;
}

void http_breaker_report(struct http_breaker *breaker, const char *origin, enum http_verdict verdict, int64_t now_ms,
                         int64_t rest_ms)
{
	struct entry *entry = find(breaker, origin);

	/* It began before the rest, and knows nothing of why. */
	if (rests_as_asked(entry, now_ms))
		return;
	if (verdict == HTTP_VERDICT_BAD) {
		if (!entry)
			entry = add(breaker, origin);
		entry->failures++;
		entry->asked = false;
		entry->failed_at_ms = now_ms;
		entry->rests_until_ms = now_ms + rest_ms;
	} else if (verdict == HTTP_VERDICT_GOOD && entry) {
		forget(entry);
		return;
	}
	if (entry)
		entry->trying = false;
}

void http_breaker_rest(struct http_breaker *breaker, const char *origin, int64_t now_ms, int64_t rest_ms)
{
	struct entry *entry = find(breaker, origin);

	if (!entry)
		entry = add(breaker, origin);
	if (rests_as_asked(entry, now_ms) && entry->rests_until_ms >= now_ms + rest_ms)
		return;
	entry->failures = FAILURES_TO_REST;
	entry->trying = false;
	entry->asked = true;
	entry->rests_until_ms = now_ms + rest_ms;
	/* Whoever names failing origins must not push it out before its time. */
	entry->failed_at_ms = entry->rests_until_ms;
}
