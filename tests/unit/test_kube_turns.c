#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "clock.h"
#include "kube_turns.h"

enum { CROWD = 16, LONG_MS = 20000 };

struct crowd {
	struct kube_turns turns;
	atomic_int served;
	int order[CROWD];
};

struct one {
	struct crowd *crowd;
	int number;
};

static void pause_ms(long ms)
{
	const struct timespec time = {.tv_nsec = ms * 1000000};

	nanosleep(&time, NULL);
}

/* It moves when somebody begins to wait. */
static const void *end_of_queue(struct kube_turns *turns)
{
	pthread_mutex_lock(&turns->lock);
	const void *end = turns->last;
	pthread_mutex_unlock(&turns->lock);
	return end;
}

static void *come(void *context)
{
	struct one *one = context;
	struct crowd *crowd = one->crowd;

	if (!kube_turns_take(&crowd->turns, clock_monotonic_ms() + LONG_MS))
		return NULL;
	crowd->order[atomic_fetch_add(&crowd->served, 1)] = one->number;
	kube_turns_give(&crowd->turns);
	return NULL;
}

static void those_who_wait_are_served_in_the_order_in_which_they_came(void **state UNUSED)
{
	struct crowd crowd = {0};
	struct one all[CROWD];
	pthread_t ids[CROWD];

	kube_turns_init(&crowd.turns, 1);
	assert_true(kube_turns_take(&crowd.turns, clock_monotonic_ms() + LONG_MS));
	for (int i = 0; i < CROWD; i++) {
		const void *before = end_of_queue(&crowd.turns);
		const int64_t deadline = clock_monotonic_ms() + LONG_MS;

		all[i] = (struct one){&crowd, i};
		assert_int_equal(pthread_create(&ids[i], NULL, come, &all[i]), 0);
		while (end_of_queue(&crowd.turns) == before) {
			assert_true(clock_monotonic_ms() < deadline);
			pause_ms(1);
		}
	}
	kube_turns_give(&crowd.turns);
	for (int i = 0; i < CROWD; i++)
		pthread_join(ids[i], NULL);
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(crowd.order[i], i);
	kube_turns_destroy(&crowd.turns);
}

static void who_gives_up_is_no_longer_served(void **state UNUSED)
{
	struct kube_turns turns;

	kube_turns_init(&turns, 2);
	assert_true(kube_turns_take(&turns, clock_monotonic_ms() + LONG_MS));
	assert_true(kube_turns_take(&turns, clock_monotonic_ms() + LONG_MS));
	assert_false(kube_turns_take(&turns, clock_monotonic_ms() + 30));
	assert_false(kube_turns_take(&turns, clock_monotonic_ms() - 1));
	kube_turns_give(&turns);
	assert_true(kube_turns_take(&turns, clock_monotonic_ms() - 1)); /* nothing to wait for */
	kube_turns_give(&turns);
	kube_turns_give(&turns);
	kube_turns_destroy(&turns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(those_who_wait_are_served_in_the_order_in_which_they_came),
	        cmocka_unit_test(who_gives_up_is_no_longer_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
