#pragma once
/*
 * database_private — what is behind a struct database: handles in two pools, the anchor and the last verdict. Floor: store,
 * private.
 */
#include "database.h"
#include "recognition.h"

#include <pthread.h>
#include <stdatomic.h>

#define READERS_MAX 16

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t returned;
	struct handle handles[READERS_MAX];
	struct handle *idle[READERS_MAX];
	unsigned idle_count;
};

struct database {
	char *path;
	char *anchor_path;
	int busy_timeout_ms;
	bool any_state;
	struct pool readers;
	struct pool writers; /* holds one: within a process writers queue here, not in SQLite's busy handler */

	/* The mapping in force, read without a lock. Old ones stay mapped until the end, since a reader may still look at them. */
	_Atomic(struct anchor *) anchor;

	pthread_mutex_t lock; /* guards what follows */
	struct anchor **anchors;
	size_t anchor_count;
	struct file_identity identity; /* of the file that the verdict is about */
	bool judged;
	bool ready;
	struct error reason; /* why not */
	int64_t judged_at_ms;
	uint64_t judged_change; /* the anchor's number at that time */
};

/* transaction.c */
void pool_init(struct pool *pool, unsigned count);
void pool_destroy(struct pool *pool);
