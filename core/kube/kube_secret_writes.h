#pragma once
/*
 * kube_secret_writes — changes of records, gathered: one patch of a Secret is under way at a time in a process, and what comes for
 * it meanwhile goes together in the next.
 *
 * The API server reads, patches and writes a Secret as a whole: a patch of a hundred records costs it hardly more than one of a
 * single record, and of two patches that cross one is begun again. Each change brings its own test, and stands for itself: when a
 * patch is refused for one of them, its halves are sent. Private to kube. Floor: kube.
 */
#include "kube_secret_calls.h"

struct kube_change {
	/* borrowed */
	const char *key;
	const struct sealed_value *expected; /* empty: no record */
	const struct sealed_value *value;    /* NULL: the record is removed */
	enum kube_written written;           /* what came of it */
};

/* What is under way and what waits for one Secret; private to the file. */
struct kube_write_queue;
void kube_write_queues_free(struct kube_write_queue **queues, size_t count);

/*
 * Makes changes in the Secret `name`, which *queue belongs to (made with the first). Each change's `written` tells what came of it;
 * KUBE_CHANGED also where the Secret has no data yet. ERR_SECRET_STORE_UNAVAILABLE, also when the server or others are too busy;
 * then any of them may have been made.
 */
bool kube_changes_write(struct kube_secrets *s, struct kube_write_queue **queue, const char *name, struct kube_change *changes,
                        size_t count, struct error *err) MUST_CHECK;
