#include "outcome_pace.h"

#include "alloc.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A session has at most LIMIT_SESSION_REPOSITORIES repositories with two operations each; a process meets few sessions in trouble
 * at a time. The one that was written longest ago gives way. */
enum { MAX_ENTRIES = 1024 };

struct entry {
	char *key;            /* session, repository and operation; NULL: free */
	enum error_code code; /* of the newest row */
	unsigned written;     /* rows since `since_ms` */
	int64_t since_ms, written_ms;
};

struct outcome_pace {
	pthread_mutex_t lock;
	struct entry entries[MAX_ENTRIES];
};

struct outcome_pace *outcome_pace_new(void)
{
	struct outcome_pace *pace = xcalloc(1, sizeof(*pace));

	pthread_mutex_init(&pace->lock, NULL);
	return pace;
}

void outcome_pace_freep(struct outcome_pace **slot)
{
	if (!*slot)
		return;
	for (size_t i = 0; i < MAX_ENTRIES; i++)
		free((*slot)->entries[i].key);
	pthread_mutex_destroy(&(*slot)->lock);
	freep(slot);
}

/* The entry of this key; a new one has no rows yet. Takes the key over. */
static struct entry *entry_of(struct outcome_pace *pace, char *key)
{
	struct entry *oldest = &pace->entries[0];

	for (size_t i = 0; i < MAX_ENTRIES; i++) {
		struct entry *one = &pace->entries[i];
		if (one->key && strcmp(one->key, key) == 0) {
			free(key);
			return one;
		}
		if (oldest->key && (!one->key || one->written_ms < oldest->written_ms))
			oldest = one;
	}
	free(oldest->key);
	*oldest = (struct entry){.key = key};
	return oldest;
}

static bool take(struct entry *entry, enum error_code code, int64_t now_ms)
{
	const int64_t repeat_ms = (int64_t)OUTCOME_REPEAT_S * 1000;

	if (entry->written > 0 && entry->code == code && now_ms - entry->written_ms < repeat_ms)
		return false;
	if (entry->written == 0 || now_ms - entry->since_ms >= repeat_ms) {
		entry->since_ms = now_ms;
		entry->written = 0;
	}
	if (entry->written == OUTCOME_BURST)
		return false;
	entry->written++;
	entry->code = code;
	entry->written_ms = now_ms;
	return true;
}

bool outcome_pace_admits(struct outcome_pace *pace, const char *session_id, const char *repository, const char *operation,
                         enum error_code code, int64_t now_ms)
{
	char *key = xasprintf("%s/%s/%s", session_id, repository, operation);

	pthread_mutex_lock(&pace->lock);
	bool admitted = take(entry_of(pace, key), code, now_ms);
	pthread_mutex_unlock(&pace->lock);
	return admitted;
}
