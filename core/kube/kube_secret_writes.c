#include "kube_secret_writes.h"

#include "alloc.h"
#include "clock.h"
#include "kube_private.h"

#include <string.h>

enum {
	BATCH_MAX = 128,              /* changes in one patch: two operations each, of the 10,000 that the server takes */
	BATCH_BYTES_MAX = 768 * 1024, /* of values, before base64: the server takes bodies of 3 MiB */
	WAIT_MS = 2 * KUBE_TOTAL_MS,  /* for the patches before one's own */
	CONFLICTS_MAX = 8,            /* in a row; each stands for several tries of the server */
	CONFLICT_MS = 20,             /* the pause after the first; it doubles, and is anything up to that */
};

/* A caller that waits: its changes stand in the queue as one. Lies on its stack. */
struct waiting {
	struct kube_change *changes;
	size_t count, sent, done; /* the first `sent` have been taken into a patch, `done` have their answer */
	int64_t deadline_ms;
	bool failed;
	struct error failure;
	struct waiting *next;
};

struct kube_write_queue {
	pthread_mutex_t lock; /* guards all that is here */
	pthread_cond_t moved; /* a patch has been answered */
	bool busy;            /* one is under way */
	struct waiting *first, **last;
};

/* What one patch is made of. */
struct batch {
	struct kube_change *changes[BATCH_MAX];
	struct waiting *owners[BATCH_MAX];
	size_t count, bytes;
};

/* ---- Queues ---- */

static struct kube_write_queue *queue_of(struct kube_secrets *s, struct kube_write_queue **slot)
{
	struct kube_write_queue *queue;

	pthread_mutex_lock(&s->lock);
	if (!*slot) {
		*slot = xcalloc(1, sizeof(**slot));
		(*slot)->last = &(*slot)->first;
		pthread_mutex_init(&(*slot)->lock, NULL);
		pthread_cond_init(&(*slot)->moved, NULL);
	}
	queue = *slot;
	pthread_mutex_unlock(&s->lock);
	return queue;
}

void kube_write_queues_free(struct kube_write_queue **queues, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!queues[i])
			continue;
		pthread_cond_destroy(&queues[i]->moved);
		pthread_mutex_destroy(&queues[i]->lock);
		freep(&queues[i]);
	}
}

static void push_locked(struct kube_write_queue *queue, struct waiting *w)
{
	*queue->last = w;
	queue->last = &w->next;
}

static void pop_locked(struct kube_write_queue *queue)
{
	queue->first = queue->first->next;
	if (!queue->first)
		queue->last = &queue->first;
}

/* ---- What goes into one patch ---- */

static size_t size_of(const struct kube_change *change)
{
	return change->expected->length + (change->value ? change->value->length : 0);
}

/* Two changes of one record: the second's test is about what the first has done. */
static bool has_key(const struct batch *batch, const char *key)
{
	for (size_t i = 0; i < batch->count; i++)
		if (strcmp(batch->changes[i]->key, key) == 0)
			return true;
	return false;
}

static bool fits(const struct batch *batch, const struct kube_change *change)
{
	return batch->count == 0 ||
	       (batch->count < BATCH_MAX && batch->bytes + size_of(change) <= BATCH_BYTES_MAX && !has_key(batch, change->key));
}

static void fail_waiting(struct waiting *w, const struct error *why)
{
	if (!w->failed)
		w->failure = *why;
	w->failed = true;
}

static bool too_late(struct waiting *w, const char *name)
{
	struct error why = ERROR_INIT;

	if (clock_monotonic_ms() < w->deadline_ms)
		return false;
	error_set(&why, ERR_SECRET_STORE_UNAVAILABLE,
	          "The Kubernetes Secrets that hold the tokens are written by too many at once.");
	error_detail(&why, "%s: %d ms were not enough for the writes before this one", name, (int)WAIT_MS);
	fail_waiting(w, &why);
	w->done += w->count - w->sent;
	w->sent = w->count;
	return true;
}

/* In the order in which they came, as many as fit. */
static void take_locked(struct kube_write_queue *queue, const char *name, struct batch *batch)
{
	for (struct waiting *w; (w = queue->first); pop_locked(queue)) {
		if (too_late(w, name))
			continue;
		for (; w->sent < w->count; w->sent++) {
			struct kube_change *change = &w->changes[w->sent];

			if (!fits(batch, change))
				return;
			batch->changes[batch->count] = change;
			batch->owners[batch->count++] = w;
			batch->bytes += size_of(change);
		}
	}
}

/* ---- Sending it ---- */

static void add_step(json_t *patch, const char *operation, const char *key, json_t *value)
{
	json_array_append_new(
	        patch, json_pack("{s:s, s:o, s:o*}", "op", operation, "path", json_sprintf("/data/%s", key), "value", value));
}

/* A test for null is a test for absence: so the server's JSON patch has always had it. Where one does not, the other way is taken.
 */
static void add_change(json_t *patch, const struct kube_change *change)
{
	bool absent = change->expected->length == 0;

	add_step(patch, "test", change->key, absent ? json_null() : kube_secret_base64(change->expected));
	if (change->value)
		add_step(patch, absent ? "add" : "replace", change->key, kube_secret_base64(change->value));
	else
		add_step(patch, "remove", change->key, NULL);
}

/* Once more after each conflict: the server has tried several times itself, but others were always quicker. */
static bool patch_gently(struct kube_secrets *s, const char *name, const json_t *patch, enum kube_written *ret, struct error *err)
{
	int64_t deadline_ms = clock_monotonic_ms() + KUBE_TOTAL_MS;
	unsigned round = 0;

	do {
		if (round > 0)
			kube_pause(kube_random_below((int64_t)CONFLICT_MS << round));
		if (!kube_secret_patch(s, name, patch, ret, err))
			return false;
		if (*ret != KUBE_CONFLICT)
			return true;
	} while (++round < CONFLICTS_MAX && clock_monotonic_ms() < deadline_ms);
	error_set(err, ERR_SECRET_STORE_UNAVAILABLE,
	          "The Kubernetes Secrets that hold the tokens are written by too many at once.");
	return error_detail(err, "%s: %u conflicts in a row", name, round);
}

/*
 * Who set which field is not recorded: for a record there is one writer, and to keep that list beside hundreds of records is most
 * of the server's work on a patch. It is emptied, and stays so until somebody applies the Secret again.
 */
static void add_no_managers(json_t *patch)
{
	json_array_append_new(patch, json_pack("{s:s, s:s, s:[{}]}", "op", "add", "path", "/metadata/managedFields", "value"));
}

static bool send_part(struct kube_secrets *s, const char *name, const struct batch *batch, size_t from, size_t to,
                      enum kube_written *ret, struct error *err)
{
	CLEANUP(json_decrefp) json_t *patch = json_array();

	add_no_managers(patch);
	for (size_t i = from; i < to; i++)
		add_change(patch, batch->changes[i]);
	return patch_gently(s, name, patch, ret, err);
}

/*
 * What is refused for more than one change is sent again by halves, so that one in the way keeps none of the others. False: the
 * changes from *ret_end on have no answer.
 */
static bool send_range(struct kube_secrets *s, const char *name, const struct batch *batch, size_t from, size_t to, size_t *ret_end,
                       struct error *err)
{
	size_t middle = from + (to - from) / 2;
	enum kube_written written;

	*ret_end = from;
	if (!send_part(s, name, batch, from, to, &written, err))
		return false;
	if (to - from > 1 && (written == KUBE_CHANGED || written == KUBE_FULL))
		return send_range(s, name, batch, from, middle, ret_end, err) &&
		       send_range(s, name, batch, middle, to, ret_end, err);
	for (size_t i = from; i < to; i++)
		batch->changes[i]->written = written;
	*ret_end = to;
	return true;
}

static void send_batch(struct kube_secrets *s, const char *name, const struct batch *batch)
{
	struct error failure = ERROR_INIT;
	size_t end;

	if (!send_range(s, name, batch, 0, batch->count, &end, &failure))
		for (size_t i = end; i < batch->count; i++)
			fail_waiting(batch->owners[i], &failure);
}

/* ---- One caller ---- */

/*
 * Whoever finds no patch under way sends the next, also for others: all that have come when its turn does. The queue is locked when
 * it begins and when it ends.
 */
static void lead(struct kube_secrets *s, struct kube_write_queue *queue, const char *name)
{
	struct batch batch = {.count = 0};

	queue->busy = true;
	pthread_mutex_unlock(&queue->lock);
	while (!kube_turns_take(&s->turns, clock_monotonic_ms() + WAIT_MS))
		; /* those under way all end */
	pthread_mutex_lock(&queue->lock);
	take_locked(queue, name, &batch);
	pthread_mutex_unlock(&queue->lock);
	if (batch.count > 0)
		send_batch(s, name, &batch);
	kube_turns_give(&s->turns);
	pthread_mutex_lock(&queue->lock);
	queue->busy = false;
	for (size_t i = 0; i < batch.count; i++)
		batch.owners[i]->done++;
	pthread_cond_broadcast(&queue->moved);
}

bool kube_changes_write(struct kube_secrets *s, struct kube_write_queue **slot, const char *name, struct kube_change *changes,
                        size_t count, struct error *err)
{
	struct kube_write_queue *queue = queue_of(s, slot);
	struct waiting own = {.changes = changes, .count = count, .deadline_ms = clock_monotonic_ms() + WAIT_MS};

	pthread_mutex_lock(&queue->lock);
	push_locked(queue, &own);
	while (own.done < own.count) {
		if (queue->busy)
			pthread_cond_wait(&queue->moved, &queue->lock);
		else
			lead(s, queue, name);
	}
	pthread_mutex_unlock(&queue->lock);
	if (own.failed && err)
		*err = own.failure;
	return !own.failed;
}
