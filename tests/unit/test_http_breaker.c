#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_breaker.h"

static void breaker_lets_one_call_try_after_the_rest(void **state)
{
	CLEANUP(http_breaker_freep) struct http_breaker *breaker = http_breaker_new();
	(void)state;

	for (int i = 0; i < 5; i++) {
		assert_true(http_breaker_admits(breaker, "https://a:443", 1000));
		http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_BAD, 1000, 30000);
	}
	assert_false(http_breaker_admits(breaker, "https://a:443", 30999));
	assert_true(http_breaker_admits(breaker, "https://b:443", 30999));
	assert_true(http_breaker_admits(breaker, "https://a:443", 31000));
	assert_false(http_breaker_admits(breaker, "https://a:443", 31000));
	http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_BAD, 32000, 30000);
	assert_false(http_breaker_admits(breaker, "https://a:443", 61999));
	assert_true(http_breaker_admits(breaker, "https://a:443", 62000));
	http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_GOOD, 62000, 30000);
	assert_true(http_breaker_admits(breaker, "https://a:443", 62000));
	assert_true(http_breaker_admits(breaker, "https://a:443", 62000));
}

static void breaker_ignores_refused_addresses_and_forgets_after_success(void **state)
{
	CLEANUP(http_breaker_freep) struct http_breaker *breaker = http_breaker_new();
	(void)state;

	for (int i = 0; i < 20; i++)
		http_breaker_report(breaker, "https://a:443", HTTP_VERDICT_NEUTRAL, 1000, 30000);
	assert_true(http_breaker_admits(breaker, "https://a:443", 1000));
	for (int i = 0; i < 20; i++)
		http_breaker_report(breaker, "https://a:443", i % 4 == 3 ? HTTP_VERDICT_GOOD : HTTP_VERDICT_BAD, 1000, 30000);
	assert_true(http_breaker_admits(breaker, "https://a:443", 1000));
	for (int i = 0; i < 1000; i++) {
		char origin[32];
		snprintf(origin, sizeof(origin), "https://host%d:443", i);
		http_breaker_report(breaker, origin, HTTP_VERDICT_BAD, 2000 + i, 30000);
	}
	assert_true(http_breaker_admits(breaker, "https://host999:443", 3000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(breaker_lets_one_call_try_after_the_rest),
	        cmocka_unit_test(breaker_ignores_refused_addresses_and_forgets_after_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
