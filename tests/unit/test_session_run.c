#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session_run.h"
#include "session_store_fixture.h"

/* A run of the claimed session "one", as far as its status is concerned. */
static void begin(struct store_fixture *f, const struct session_row *row, struct session_run *run)
{
	*run = (struct session_run){.store = f->sessions, .row = row, .interrupt_fd = -1};
	run->status.phase = PHASE_RUNNING;
	run->status.repositories = &run->repositories;
}

static void who_has_lost_a_session_is_told_when_it_writes_and_never_writes_again(void **state UNUSED)
{
	static const struct {
		const char *why;
		bool asks_why; /* who only shows progress does not */
	} rows[] = {
	        {"a step", true},
	        {"a git job's progress", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(fixture_remove) struct store_fixture f;
		CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
		struct error err = ERROR_INIT, *asked = rows[i].asks_why ? &err : NULL;
		struct session_run run;
		char name[64];

		print_message("  %s\n", rows[i].why);
		fixture_make(&f);
		make_session(&f, "one");
		assert_int_equal(claim(&f, NULL, 0, name), 1);
		must(CALL(&f, find_by_id, "id-one-john", &row, &err), &err);
		begin(&f, &row, &run);
		assert_true(session_save(&run, true, asked));
		assert_false(run.lost);
		assert_int_equal(claim(&f, NULL, 60, name), 2); /* the first lease ran out at once */
		for (unsigned times = 0; times < 2; times++) {
			assert_false(session_save(&run, true, asked));
			assert_true(run.lost);
			assert_int_equal(err.code, asked ? ERR_SESSION_LOST : ERR_NONE);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_has_lost_a_session_is_told_when_it_writes_and_never_writes_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
