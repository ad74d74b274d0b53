#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "session_store_fixture.h"

/* How a session that was claimed is laid down. */
static void rest(struct store_fixture *f, int64_t attempt, int64_t for_s, const char *changes_seen)
{
	struct error err = ERROR_INIT;

	must(CALL(f, rest, "id-one-john", attempt, PHASE_RUNNING, "{\"message\":\"waiting\"}", clock_now_s() + for_s, changes_seen,
	          &err),
	     &err);
}

static size_t rested_count(struct store_fixture *f)
{
	CLEANUP(id_list_release) struct id_list ids = ID_LIST_INIT;
	struct error err = ERROR_INIT;

	must(CALL(f, rested, &ids, &err), &err);
	for (size_t i = 0; i < ids.count; i++)
		assert_string_equal(ids.items[i], "id-one-john");
	return ids.count;
}

static void a_session_that_rests_is_nobodys_until_there_is_something_to_do(void **state UNUSED)
{
	static const struct {
		const char *why;
		int64_t for_s;
		const char *seen; /* of its changes, which are "2" */
		bool push_before, remove_before, push_after, change_after, up;
	} rows[] = {
	        {"nothing is to be done", 60, "2", false, false, false, false, false},
	        {"its time is over", 0, "2", false, false, false, false, true},
	        {"a push is asked for", 60, "2", false, false, true, false, true},
	        {"a push was asked for while its worker laid it down", 60, "2", true, false, false, false, true},
	        {"its removal was asked for while its worker laid it down", 60, "2", false, true, false, false, true},
	        {"its repositories are changed", 60, "2", false, false, false, true, true},
	        {"its repositories were changed since its worker looked: soon", 60, "1", false, false, false, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(fixture_remove) struct store_fixture f;
		CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
		struct error err = ERROR_INIT;
		struct session_queue queue;
		static const char id[] = "id-one-john";
		char name[64];

		fixture_make(&f);
		make_session(&f, "one");
		assert_int_equal(claim(&f, NULL, 60, name), 1);
		must(CALL(&f, change_repositories, id, NULL, "2", NULL, &err), &err);
		if (rows[i].push_before)
			must(CALL(&f, request_push, id, &err), &err);
		if (rows[i].remove_before)
			must(CALL(&f, remove, id, &err), &err);
		rest(&f, 1, rows[i].for_s, rows[i].seen);
		if (rows[i].push_after)
			must(CALL(&f, request_push, id, &err), &err);
		if (rows[i].change_after)
			must(CALL(&f, change_repositories, id, "2", "3", NULL, &err), &err);
		must(CALL(&f, queue, &queue, &err), &err);
		if (rested_count(&f) != rows[i].up || queue.waiting != rows[i].up || queue.running != 0 ||
		    queue.resting == rows[i].up)
			fail_msg("%s: %zu wait, %zu rest", rows[i].why, queue.waiting, queue.resting);
		/* Who cannot reach its workspace leaves it alone. */
		assert_int_equal(claim(&f, NULL, 60, name), 0);
		assert_int_equal(claim(&f, id, 60, name) != 0, rows[i].up);
		must(CALL(&f, find_by_id, id, &row, &err), &err);
		assert_true(row.has_rested);
		assert_int_equal(row.tries, rows[i].up);
		assert_string_equal(row.status, "{\"message\":\"waiting\"}");
		assert_int_equal(rested_count(&f), 0);
	}
}

static void changes_that_could_not_be_followed_are_looked_at_again_soon(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	char name[64];
	int64_t deadline = clock_monotonic_ms() + 10000;

	fixture_make(&f);
	make_session(&f, "one");
	assert_int_equal(claim(&f, NULL, 60, name), 1);
	must(CALL(&f, change_repositories, "id-one-john", NULL, "1", NULL, &err), &err);
	rest(&f, 1, 3600, NULL);
	assert_int_equal(rested_count(&f), 0);
	while (rested_count(&f) == 0 && clock_monotonic_ms() < deadline)
		usleep(50000);
	assert_int_equal(rested_count(&f), 1);
}

static void who_laid_a_session_down_has_no_say_in_it_any_more(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john";
	char name[64];
	bool stop, push;

	fixture_make(&f);
	make_session(&f, "one");
	claim(&f, NULL, 60, name);
	must(CALL(&f, find_by_gate, id, hash_a, &row, &err), &err);
	rest(&f, 1, 60, NULL);
	expect(CALL(&f, renew, id, 1, 60, &stop, &push, &err), &err, ERR_SESSION_LOST);
	expect(CALL(&f, save_status, id, 1, PHASE_FAILED, "{}", NULL, &err), &err, ERR_SESSION_LOST);
	expect(CALL(&f, rest, id, 1, PHASE_FAILED, "{}", 1, NULL, &err), &err, ERR_SESSION_LOST);
	expect(CALL(&f, find_by_gate, id, hash_a, &row, &err), &err, ERR_GIT_CREDENTIAL);
	/* Its removal needs nobody. */
	must(CALL(&f, remove, id, &err), &err);
	expect(CALL(&f, find_by_id, id, &row, &err), &err, ERR_SESSION_NOT_FOUND);
}

static void one_whose_workspace_nobody_reaches_is_anybodys_in_the_end(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	char name[64];

	fixture_make(&f);
	make_session(&f, "one");
	claim(&f, NULL, 60, name);
	rest(&f, 1, 5 - SESSION_ELSEWHERE_S, NULL);
	assert_int_equal(claim(&f, NULL, 60, name), 0);
	claim(&f, "id-one-john", 60, name);
	rest(&f, 3, -SESSION_ELSEWHERE_S, NULL);
	assert_int_equal(claim(&f, NULL, 0, name), 5);
	/* Taken up, and lost again: those who can reach it come first again. */
	assert_int_equal(claim(&f, NULL, 60, name), 0);
	assert_int_equal(rested_count(&f), 1);
}

/* What the store counts for the worker that has the session now. */
static int64_t tries_of(struct store_fixture *f)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;

	must(CALL(f, find_by_id, "id-one-john", &row, &err), &err);
	return row.tries;
}

static void only_what_went_wrong_counts_as_a_try(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john";
	char name[64];
	bool stop = true;

	fixture_make(&f);
	make_session(&f, "one");
	assert_int_equal(claim(&f, NULL, 0, name), 1); /* its worker dies */
	assert_int_equal(claim(&f, NULL, 60, name), 2);
	assert_int_equal(tries_of(&f), 2);
	must(CALL(&f, give_back, id, 2, 0, false, &stop, &err), &err); /* its process died */
	assert_false(stop);
	assert_int_equal(claim(&f, NULL, 60, name), 3);
	assert_int_equal(tries_of(&f), 3);
	must(CALL(&f, give_back, id, 3, 0, true, &stop, &err), &err); /* its worker is replaced */
	expect(CALL(&f, give_back, id, 2, 0, true, &stop, &err), &err, ERR_SESSION_LOST);
	assert_int_equal(claim(&f, NULL, 0, name), 4);
	assert_int_equal(tries_of(&f), 1);

	/* What its owner asks for anew is a new beginning. */
	assert_int_equal(claim(&f, NULL, 60, name), 5);
	assert_int_equal(tries_of(&f), 2);
	must(CALL(&f, keep_work, id, 5, clock_now_s() + 60, &err), &err);
	must(CALL(&f, save_status, id, 5, PHASE_FAILED, "{}", NULL, &err), &err);
	must(CALL(&f, request_push, id, &err), &err);
	assert_int_equal(claim(&f, id, 60, name), 6);
	assert_int_equal(tries_of(&f), 1);

	/* Who gives it back learns that it is to go. */
	must(CALL(&f, remove, id, &err), &err);
	must(CALL(&f, give_back, id, 6, 1, true, &stop, &err), &err);
	assert_true(stop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_session_that_rests_is_nobodys_until_there_is_something_to_do),
	        cmocka_unit_test(changes_that_could_not_be_followed_are_looked_at_again_soon),
	        cmocka_unit_test(who_laid_a_session_down_has_no_say_in_it_any_more),
	        cmocka_unit_test(one_whose_workspace_nobody_reaches_is_anybodys_in_the_end),
	        cmocka_unit_test(only_what_went_wrong_counts_as_a_try),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
