#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

static void starts_as_a_valid_empty_string(void **state)
{
	(void)state;
	CLEANUP(strbuf_release) struct strbuf b = STRBUF_INIT(10);
	assert_string_equal(b.data, "");
	assert_true(strbuf_ok(&b));
	char *text = strbuf_detach(&b);
	assert_string_equal(text, "");
	free(text);
}

static void cap_is_reached_exactly_and_not_passed(void **state)
{
	(void)state;
	CLEANUP(strbuf_release) struct strbuf b = STRBUF_INIT(5);
	strbuf_add_string(&b, "12345");
	assert_true(strbuf_ok(&b));
	assert_string_equal(b.data, "12345");
	strbuf_add_char(&b, '6');
	assert_false(strbuf_ok(&b));
	assert_string_equal(b.data, "12345");
}

static void failure_drops_the_addition_whole_and_all_later_ones(void **state)
{
	(void)state;
	CLEANUP(strbuf_release) struct strbuf b = STRBUF_INIT(5);
	strbuf_add_string(&b, "123");
	strbuf_addf(&b, "%d", 456);
	strbuf_add_string(&b, "x");
	assert_false(strbuf_ok(&b));
	assert_string_equal(b.data, "123");
	strbuf_clear(&b);
	assert_true(strbuf_ok(&b));
	strbuf_add_string(&b, "again");
	assert_string_equal(b.data, "again");
}

static void grows_through_many_additions(void **state)
{
	(void)state;
	CLEANUP(strbuf_release_secret) struct strbuf b = STRBUF_INIT(1000000);
	for (int i = 0; i < 100000; i++)
		strbuf_addf(&b, "%05d", i);
	assert_true(strbuf_ok(&b));
	assert_int_equal(b.length, 500000);
	assert_memory_equal(b.data + 5 * 77777, "77777", 5);
	assert_int_equal(strlen(b.data), 500000);
}

static void keeps_nul_bytes(void **state)
{
	(void)state;
	CLEANUP(strbuf_release) struct strbuf b = STRBUF_INIT(10);
	strbuf_add(&b, "a\0b", 3);
	assert_int_equal(b.length, 3);
	assert_memory_equal(b.data, "a\0b", 4);
}

static void percent_encodes_all_but_unreserved_and_kept(void **state)
{
	static const struct {
		const char *says, *text, *keep, *expected;
	} rows[] = {
	        {"unreserved characters stay", "AZaz09-_.~", NULL, "AZaz09-_.~"},
	        {"a path as one segment", "group/sub group", NULL, "group%2Fsub%20group"},
	        {"a path whose slashes are kept", "group/ü", "/", "group/%C3%BC"},
	        {"a percent sign is encoded again", "%2F", NULL, "%252F"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf b = STRBUF_INIT(100);
		strbuf_add_percent_encoded(&b, rows[i].text, rows[i].keep);
		if (strcmp(b.data, rows[i].expected) != 0)
			fail_msg("%s: %s", rows[i].says, b.data);
	}
}

static void detached_text_outlives_the_buffer(void **state)
{
	(void)state;
	struct strbuf b = STRBUF_INIT(10);
	strbuf_add_string(&b, "kept");
	char *text = strbuf_detach(&b);
	strbuf_release(&b);
	assert_string_equal(text, "kept");
	assert_string_equal(b.data, "");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(starts_as_a_valid_empty_string),
	        cmocka_unit_test(cap_is_reached_exactly_and_not_passed),
	        cmocka_unit_test(failure_drops_the_addition_whole_and_all_later_ones),
	        cmocka_unit_test(grows_through_many_additions),
	        cmocka_unit_test(keeps_nul_bytes),
	        cmocka_unit_test(percent_encodes_all_but_unreserved_and_kept),
	        cmocka_unit_test(detached_text_outlives_the_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
