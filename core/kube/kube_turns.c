#include "kube_turns.h"

#include "clock.h"

#include <time.h>

struct turn_waiting {
	bool has_it;
	struct turn_waiting *next;
};

void kube_turns_init(struct kube_turns *turns, unsigned count)
{
	pthread_mutex_init(&turns->lock, NULL);
	pthread_cond_init(&turns->given, NULL);
	turns->left = count;
	turns->first = NULL;
	turns->last = &turns->first;
}

void kube_turns_destroy(struct kube_turns *turns)
{
	pthread_cond_destroy(&turns->given);
	pthread_mutex_destroy(&turns->lock);
}

static void remove_locked(struct kube_turns *turns, const struct turn_waiting *who)
{
	struct turn_waiting **slot = &turns->first;

	while (*slot != who)
		slot = &(*slot)->next;
	*slot = who->next;
	if (!who->next)
		turns->last = slot;
}

bool kube_turns_take(struct kube_turns *turns, int64_t deadline_ms)
{
	const struct timespec until = {.tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000};
	struct turn_waiting own = {.has_it = false};

	pthread_mutex_lock(&turns->lock);
	if (turns->left > 0) {
		turns->left--;
		own.has_it = true;
	} else {
		*turns->last = &own;
		turns->last = &own.next; // cppcheck-suppress autoVariables ; it is taken out before this function ends
		while (!own.has_it && clock_monotonic_ms() < deadline_ms)
			(void)pthread_cond_clockwait(&turns->given, &turns->lock, CLOCK_MONOTONIC, &until);
		if (!own.has_it)
			remove_locked(turns, &own);
	}
	pthread_mutex_unlock(&turns->lock);
	return own.has_it;
}

/* It goes to the first who waits, so that there is never one left while somebody does. */
void kube_turns_give(struct kube_turns *turns)
{
	pthread_mutex_lock(&turns->lock);
	if (turns->first) {
		struct turn_waiting *next = turns->first;

		remove_locked(turns, next);
		next->has_it = true;
		pthread_cond_broadcast(&turns->given);
	} else {
		turns->left++;
	}
	pthread_mutex_unlock(&turns->lock);
}
