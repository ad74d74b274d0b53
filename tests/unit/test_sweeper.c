#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sweeper.h"

static void only_what_nobody_needs_goes(void **state UNUSED)
{
	enum { NOW = 1000 };
	static const struct {
		const char *why;
		enum session_phase phase;
		int64_t kept_until;
		bool removed;
	} rows[] = {
	        {"a session that waits", PHASE_PENDING, 0, false},
	        {"a session that runs", PHASE_RUNNING, 0, false},
	        {"a session that is pushing its kept work again", PHASE_PUSHING, NOW - 1, false},
	        {"a completed session has its work elsewhere", PHASE_COMPLETED, 0, true},
	        {"a failed session without work", PHASE_FAILED, 0, true},
	        {"a failed session whose work is kept", PHASE_FAILED, NOW + 1, false},
	        {"a partly failed session whose work is kept", PHASE_PARTIALLY_COMPLETED, NOW + 1, false},
	        {"kept long enough", PHASE_FAILED, NOW, true},
	        {"a stopped session", PHASE_STOPPED, 0, true},
	};

	assert_true(sweeper_may_remove(NULL, NOW));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct session_row row = {.phase = rows[i].phase, .work_kept_until = rows[i].kept_until};
		if (sweeper_may_remove(&row, NOW) != rows[i].removed)
			fail_msg("%s", rows[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(only_what_nobody_needs_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
