#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_breaker.h"

static bool admits(struct http_breaker *breaker, const char *origin, int64_t now_ms)
{
	struct http_rest rest;

	return http_breaker_admits(breaker, origin, now_ms, &rest);
}

static void breaker_lets_one_call_try_after_the_rest(void **state)
{
	CLEANUP(http_breaker_freep) struct http_breaker *breaker = http_breaker_new();
	(void)state;

	for (int i = 0; i < 5; i++) {
		assert_true(admits(breaker, "https://a:443", 1000));
		http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_BAD, 1000, 30000);
	}
	assert_false(admits(breaker, "https://a:443", 30999));
	assert_true(admits(breaker, "https://b:443", 30999));
	assert_true(admits(breaker, "https://a:443", 31000));
	assert_false(admits(breaker, "https://a:443", 31000));
	http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_BAD, 32000, 30000);
	assert_false(admits(breaker, "https://a:443", 61999));
	assert_true(admits(breaker, "https://a:443", 62000));
	http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_GOOD, 62000, 30000);
	assert_true(admits(breaker, "https://a:443", 62000));
	assert_true(admits(breaker, "https://a:443", 62000));
}

static void asking_whether_an_origin_rests_takes_nobodys_place(void **state)
{
	CLEANUP(http_breaker_freep) struct http_breaker *breaker = http_breaker_new();
	struct http_rest rest = {0};
	(void)state;

	for (int i = 0; i < 5; i++) {
		assert_false(http_breaker_rests(breaker, "https://a:443", 1000, &rest));
		http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_BAD, 1000, 30000);
	}
	assert_true(http_breaker_rests(breaker, "https://a:443", 1001, &rest));
	assert_int_equal(rest.left_s, 30);
	assert_false(rest.asked);
	assert_false(http_breaker_rests(breaker, "https://b:443", 1001, &rest));
	assert_false(http_breaker_rests(breaker, "https://a:443", 31000, &rest));
	assert_false(http_breaker_rests(breaker, "https://a:443", 31000, &rest));
	assert_true(admits(breaker, "https://a:443", 31000));
	http_breaker_rest(breaker, "https://a:443", 31000, 5000);
	assert_true(http_breaker_rests(breaker, "https://a:443", 31500, &rest));
	assert_int_equal(rest.left_s, 5);
	assert_true(rest.asked);
}

static void breaker_ignores_refused_addresses_and_forgets_after_success(void **state)
{
	CLEANUP(http_breaker_freep) struct http_breaker *breaker = http_breaker_new();
	(void)state;

	for (int i = 0; i < 20; i++)
		http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_NEUTRAL, 1000, 30000);
	assert_true(admits(breaker, "https://a:443", 1000));
	for (int i = 0; i < 20; i++)
		http_breaker_report(breaker, "https://a:443", i % 4 == 3 ? HTTP_VERDICT_GOOD : HTTP_VERDICT_BAD, 1000, 30000);
	assert_true(admits(breaker, "https://a:443", 1000));
	for (int i = 0; i < 1000; i++) {
		char origin[32];
		snprintf(origin, sizeof(origin), "https://host%d:443", i);
		http_breaker_report(breaker, origin, HTTP_VERDICT_BAD, 2000 + i, 30000);
	}
	assert_true(admits(breaker, "https://host999:443", 3000));
}

static void refusal_tells_how_long_the_rest_still_is(void **state)
{
	static const struct {
		const char *what;
		int64_t now_ms;
		unsigned left_s;
	} rows[] = {
	        {"at its begin, all of it", 1000, 30},
	        {"a begun second counts", 1001, 30},
	        {"at its end, a second", 30999, 1},
	};
	CLEANUP(http_breaker_freep) struct http_breaker *breaker = http_breaker_new();
	struct http_rest rest = {0};
	(void)state;

	for (int i = 0; i < 5; i++)
		http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_BAD, 1000, 30000);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (http_breaker_admits(breaker, "https://a:443", rows[i].now_ms, &rest) || rest.left_s != rows[i].left_s ||
		    rest.asked)
			fail_msg("%s: %u s", rows[i].what, rest.left_s);
	/* Others wait for the one that tries, however long that takes. */
	assert_true(http_breaker_admits(breaker, "https://a:443", 31000, &rest));
	assert_false(http_breaker_admits(breaker, "https://a:443", 40000, &rest));
	assert_int_equal(rest.left_s, 1);
}

static void nothing_ends_a_rest_early_that_the_origin_asked_for(void **state)
{
	CLEANUP(http_breaker_freep) struct http_breaker *breaker = http_breaker_new();
	struct http_rest rest = {0};
	(void)state;

	http_breaker_rest(breaker, "https://a:443", 1000, 900000);
	http_breaker_rest(breaker, "https://a:443", 2000, 60000);
	http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_GOOD, 3000, 30000);
	http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_BAD, 3000, 30000);
	assert_false(http_breaker_admits(breaker, "https://a:443", 900999, &rest));
	assert_int_equal(rest.left_s, 1);
	assert_true(rest.asked);
	assert_true(http_breaker_admits(breaker, "https://a:443", 901000, &rest));
	assert_false(http_breaker_admits(breaker, "https://a:443", 901000, &rest));
	http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_GOOD, 901000, 30000);
	assert_true(http_breaker_admits(breaker, "https://a:443", 901000, &rest));
}

static void failing_origins_do_not_push_out_one_that_asked_for_its_rest(void **state)
{
	CLEANUP(http_breaker_freep) struct http_breaker *breaker = http_breaker_new();
	(void)state;

	http_breaker_rest(breaker, "https://a:443", 1000, 900000);
	for (int i = 0; i < 1000; i++) {
		char origin[32];
		snprintf(origin, sizeof(origin), "https://host%d:443", i);
		http_breaker_report(breaker, origin, HTTP_VERDICT_BAD, 2000 + i, 30000);
	}
	assert_false(admits(breaker, "https://a:443", 4000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(breaker_lets_one_call_try_after_the_rest),
	        cmocka_unit_test(asking_whether_an_origin_rests_takes_nobodys_place),
	        cmocka_unit_test(breaker_ignores_refused_addresses_and_forgets_after_success),
	        cmocka_unit_test(refusal_tells_how_long_the_rest_still_is),
	        cmocka_unit_test(nothing_ends_a_rest_early_that_the_origin_asked_for),
	        cmocka_unit_test(failing_origins_do_not_push_out_one_that_asked_for_its_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
