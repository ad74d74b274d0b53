#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outcome_pace.h"

static void what_is_met_again_is_written_once_in_a_while(void **state)
{
	static const struct {
		const char *sentence;
		int64_t at_ms;
		const char *session, *repository, *operation;
		enum error_code code;
		bool written;
	} rows[] = {
	        {"the first time", 1000, "s", "api", "push", ERR_GIT_REF_FORBIDDEN, true},
	        {"the same at once", 1000, "s", "api", "push", ERR_GIT_REF_FORBIDDEN, false},
	        {"the same a little later", 10999, "s", "api", "push", ERR_GIT_REF_FORBIDDEN, false},
	        {"another reason", 5000, "s", "api", "push", ERR_REPO_NO_PUSH, true},
	        {"the first reason again, so that the newest row tells it", 5001, "s", "api", "push", ERR_GIT_REF_FORBIDDEN, true},
	        {"another operation", 5001, "s", "api", "fetch", ERR_GIT_REF_FORBIDDEN, true},
	        {"another repository", 5001, "s", "web", "push", ERR_GIT_REF_FORBIDDEN, true},
	        {"another session", 5001, "t", "api", "push", ERR_GIT_REF_FORBIDDEN, true},
	        {"a while after the newest row", 15001, "s", "api", "push", ERR_GIT_REF_FORBIDDEN, true},
	};
	CLEANUP(outcome_pace_freep) struct outcome_pace *pace = outcome_pace_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (outcome_pace_admits(pace, rows[i].session, rows[i].repository, rows[i].operation, rows[i].code,
		                        rows[i].at_ms) != rows[i].written)
			fail_msg("%s", rows[i].sentence);
}

/* Rows that one repository and operation gets when two reasons alternate every 10 ms for so long. */
static unsigned rows_of_alternating(struct outcome_pace *pace, int64_t from_ms, int64_t for_ms)
{
	unsigned written = 0;

	for (int64_t at_ms = from_ms; at_ms < from_ms + for_ms; at_ms += 10)
		written +=
		        outcome_pace_admits(pace, "s", "api", "push", at_ms % 20 ? ERR_GIT_REF_FORBIDDEN : ERR_REPO_NO_PUSH, at_ms);
	return written;
}

static void changing_reasons_are_bounded_too(void **state)
{
	CLEANUP(outcome_pace_freep) struct outcome_pace *pace = outcome_pace_new();

	(void)state;
	assert_int_equal(rows_of_alternating(pace, 0, 10000), OUTCOME_BURST);
	assert_int_equal(rows_of_alternating(pace, 10000, 60000), 6 * OUTCOME_BURST);
}

static void many_sessions_take_no_more_memory(void **state)
{
	CLEANUP(outcome_pace_freep) struct outcome_pace *pace = outcome_pace_new();

	(void)state;
	for (int i = 0; i < 3000; i++) {
		char session[32];
		snprintf(session, sizeof(session), "session-%d", i);
		assert_true(outcome_pace_admits(pace, session, "api", "push", ERR_GIT_REF_FORBIDDEN, i));
		assert_false(outcome_pace_admits(pace, session, "api", "push", ERR_GIT_REF_FORBIDDEN, i));
	}
	/* The newest are remembered, the oldest made room. */
	assert_false(outcome_pace_admits(pace, "session-2999", "api", "push", ERR_GIT_REF_FORBIDDEN, 3000));
	assert_true(outcome_pace_admits(pace, "session-0", "api", "push", ERR_GIT_REF_FORBIDDEN, 3000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_met_again_is_written_once_in_a_while),
	        cmocka_unit_test(changing_reasons_are_bounded_too),
	        cmocka_unit_test(many_sessions_take_no_more_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
