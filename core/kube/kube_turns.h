#pragma once
/*
 * kube_turns — so many at a time, and the others in the order in which they came: whoever comes late passes nobody who waits.
 * Thread-safe. Private to kube. Floor: kube.
 */
#include "macros.h"

#include <pthread.h>
#include <stdint.h>

struct kube_turns {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t given;
	unsigned left;
	struct turn_waiting *first, **last; /* who waits; on their stacks */
};

void kube_turns_init(struct kube_turns *turns, unsigned count);
void kube_turns_destroy(struct kube_turns *turns);

/* False: none came until then (clock_monotonic_ms). */
bool kube_turns_take(struct kube_turns *turns, int64_t deadline_ms) MUST_CHECK;
void kube_turns_give(struct kube_turns *turns);
