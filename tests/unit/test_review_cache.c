#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "review_cache.h"

#include <pthread.h>
#include <string.h>

struct question {
	pthread_barrier_t *gate; /* the asker waits here twice; NULL: answers at once */
	unsigned asked;
	bool fails, yes;
};

static bool answer(void *context, struct review *ret, struct error *err)
{
	struct question *q = context;

	q->asked++;
	if (q->gate) {
		pthread_barrier_wait(q->gate);
		pthread_barrier_wait(q->gate);
	}
	if (q->fails)
		return error_set(err, ERR_KUBERNETES_UNAVAILABLE, "Nobody knows.");
	ret->yes = q->yes;
	ret->name = xstrdup("alice");
	return true;
}

static bool ask(struct review_cache *cache, const char *what, struct question *q, struct review *ret, struct error *err)
{
	const struct review_part part = {what, strlen(what)};

	return review_cache_get(cache, &part, 1, answer, q, ret, err);
}

static void answers_are_kept_and_failures_are_not(void **state)
{
	static const struct {
		bool fails, yes;
		unsigned asked_in_3;
	} rows[] = {{false, true, 1}, {false, false, 1}, {true, false, 3}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(review_cache_freep) struct review_cache *cache = review_cache_new();
		struct question q = {.fails = rows[i].fails, .yes = rows[i].yes};

		for (int k = 0; k < 3; k++) {
			CLEANUP(review_release) struct review review = REVIEW_INIT;
			struct error err = ERROR_INIT;

			assert_int_equal(ask(cache, "token", &q, &review, &err), !rows[i].fails);
			assert_int_equal(review.yes, rows[i].yes);
			assert_int_equal(err.code, rows[i].fails ? ERR_KUBERNETES_UNAVAILABLE : ERR_NONE);
		}
		assert_int_equal(q.asked, rows[i].asked_in_3);
	}
}

static void parts_that_run_together_are_not_the_same_question(void **state)
{
	CLEANUP(review_cache_freep) struct review_cache *cache = review_cache_new();
	struct question q = {.yes = true};
	const struct review_part one[] = {{"ab", 2}, {"c", 1}}, other[] = {{"a", 1}, {"bc", 2}};
	CLEANUP(review_release) struct review review = REVIEW_INIT;

	(void)state;
	assert_true(review_cache_get(cache, one, 2, answer, &q, &review, NULL));
	assert_true(review_cache_get(cache, other, 2, answer, &q, &review, NULL));
	assert_int_equal(q.asked, 2);
}

struct asker {
	struct review_cache *cache;
	struct question *question;
	bool ok;
};

static void *run_asker(void *context)
{
	struct asker *asker = context;
	CLEANUP(review_release) struct review review = REVIEW_INIT;

	asker->ok = ask(asker->cache, "token", asker->question, &review, NULL) && review.yes && strcmp(review.name, "alice") == 0;
	return NULL;
}

/* The first is held in its question until the others have begun; whether they wait or find the answer, they do not ask. */
static void of_many_that_want_to_know_one_asks(void **state)
{
	enum { MANY = 8 };
	CLEANUP(review_cache_freep) struct review_cache *cache = review_cache_new();
	pthread_barrier_t gate;
	struct question first = {.gate = &gate, .yes = true}, others = {.yes = true};
	struct asker askers[MANY];
	pthread_t threads[MANY];

	(void)state;
	pthread_barrier_init(&gate, NULL, 2);
	for (int i = 0; i < MANY; i++) {
		askers[i] = (struct asker){cache, i == 0 ? &first : &others, false};
		assert_int_equal(pthread_create(&threads[i], NULL, run_asker, &askers[i]), 0);
		if (i == 0)
			pthread_barrier_wait(&gate);
	}
	pthread_barrier_wait(&gate);
	for (int i = 0; i < MANY; i++) {
		pthread_join(threads[i], NULL);
		assert_true(askers[i].ok);
	}
	assert_int_equal(first.asked, 1);
	assert_int_equal(others.asked, 0);
	pthread_barrier_destroy(&gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(answers_are_kept_and_failures_are_not),
	        cmocka_unit_test(parts_that_run_together_are_not_the_same_question),
	        cmocka_unit_test(of_many_that_want_to_know_one_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
