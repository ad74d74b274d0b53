#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "clock.h"

static void format_and_parse_agree(void **state)
{
	static const struct {
		int64_t unix_s;
		const char *text;
	} rows[] = {
	        {0, "1970-01-01T00:00:00Z"},          {951782400, "2000-02-29T00:00:00Z"}, {4107542399, "2100-02-28T23:59:59Z"},
	        {1795369200, "2026-11-22T17:40:00Z"}, {-1, "1969-12-31T23:59:59Z"},        {253402300799, "9999-12-31T23:59:59Z"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[CLOCK_TEXT_SIZE];
		int64_t back;
		clock_format(rows[i].unix_s, text);
		assert_string_equal(text, rows[i].text);
		assert_true(clock_parse(text, &back));
		assert_true(back == rows[i].unix_s);
	}
	char text[CLOCK_TEXT_SIZE];
	clock_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void parse_accepts_gitlab_forms_and_nothing_else(void **state)
{
	static const struct {
		const char *says, *text;
		bool ok;
	} rows[] = {
	        {"a date", "2026-11-22", true},
	        {"milliseconds", "2026-11-22T17:40:00.123Z", true},
	        {"leap day", "2024-02-29", true},
	        {"no leap day in 2023", "2023-02-29", false},
	        {"nor in 2100", "2100-02-29", false},
	        {"month 13", "2026-13-01", false},
	        {"day 0", "2026-01-00", false},
	        {"hour 24", "2026-11-22T24:00:00Z", false},
	        {"no zone", "2026-11-22T17:40:00", false},
	        {"an offset", "2026-11-22T17:40:00+01:00", false},
	        {"a dot without digits", "2026-11-22T17:40:00.Z", false},
	        {"something behind", "2026-11-22T17:40:00Zx", false},
	        {"one-digit month", "2026-1-22", false},
	        {"a sign", "+026-11-22", false},
	        {"empty", "", false},
	        {"nothing", NULL, false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t when = 42;
		if (clock_parse(rows[i].text, &when) != rows[i].ok)
			fail_msg("%s", rows[i].says);
		if (!rows[i].ok)
			assert_true(when == 42);
	}
}

static void days_until_counts_calendar_days_in_utc(void **state)
{
	static const struct {
		const char *says, *date, *now;
		int64_t days;
	} rows[] = {
	        {"dies at the coming midnight", "2026-11-23", "2026-11-22T17:40:00Z", 1},
	        {"a week and a day, whatever the hour", "2026-11-30", "2026-11-22T17:40:00Z", 8},
	        {"exactly three days", "2026-11-25", "2026-11-22T00:00:00Z", 3},
	        {"died this midnight", "2026-11-22", "2026-11-22T00:00:01Z", 0},
	        {"before 1970", "1970-01-01", "1969-12-31T23:00:00Z", 1},
	        {"died a year ago", "2025-11-22", "2026-11-22T00:00:00Z", -365},
	        {"over a leap day", "2024-03-01", "2024-02-28T00:00:00Z", 2},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t now, days;
		assert_true(clock_parse(rows[i].now, &now));
		assert_true(clock_days_until(rows[i].date, now, &days));
		if (days != rows[i].days)
			fail_msg("%s: %lld", rows[i].says, (long long)days);
	}
	int64_t days;
	assert_false(clock_days_until("2026-11-22T00:00:00Z", 0, &days));
	assert_false(clock_days_until(NULL, 0, &days));
}

static void monotonic_time_does_not_go_back(void **state)
{
	(void)state;
	int64_t before = clock_monotonic_us();
	assert_true(clock_monotonic_us() >= before);
	assert_true(clock_monotonic_ms() >= before / 1000);
	assert_true(clock_boot_ms() >= before / 1000); /* it counts what a machine slept, too */
	assert_true(clock_now_us() / 1000000 - clock_now_s() <= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(format_and_parse_agree),
	        cmocka_unit_test(parse_accepts_gitlab_forms_and_nothing_else),
	        cmocka_unit_test(days_until_counts_calendar_days_in_utc),
	        cmocka_unit_test(monotonic_time_does_not_go_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
