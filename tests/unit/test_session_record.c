#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "session_record.h"
#include "temporary_folder.h"

#define START_COMMIT "0123456789012345678901234567890123456789"

static const char session_id[] = "0f0f0f0f-1111-4222-8333-444444444444";

struct place {
	struct temporary_folder folder;
	struct session_run run, next; /* of the worker that writes, and of the one that takes the session up */
};

/* What the gate said about the session's repositories. */
static void describe(struct session_run *run)
{
	static const char *const names[] = {"cloned", "failed", "joins"};
	json_t *list = json_array(), *answer = json_pack("{s:o}", "repositories", list);
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_array_append_new(list, json_pack("{s:s, s:o}", "name", names[i], "cloneUrl",
		                                      json_sprintf("https://gitlab.com/g/%s.git", names[i])));
	if (!repositories_from_preflight(answer, &run->repositories, &err))
		fail_msg("%s", err.message);
	json_decref(answer);
	assert_int_equal(run->repositories.count, 3);
}

static int set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	folder_make(&p->folder);
	assert_true(workspace_locate(p->folder.path, session_id, &p->run.workspace, NULL));
	assert_true(workspace_locate(p->folder.path, session_id, &p->next.workspace, NULL));
	assert_true(workspace_create(&p->run.workspace, NULL));
	*state = p;
	return 0;
}

static void release(struct session_run *run)
{
	workspace_release(&run->workspace);
	repositories_release(&run->repositories);
	session_status_release(&run->status);
	json_decref(run->record);
}

static int tear_down(void **state)
{
	struct place *p = *state;

	release(&p->run);
	release(&p->next);
	folder_remove(&p->folder);
	free(p);
	return 0;
}

/* One repository that was cloned, one that was not, and one that joins. */
static void fill(struct session_run *run)
{
	struct error refused = ERROR_INIT;

	describe(run);
	struct repository *r = run->repositories.items;
	snprintf(r[0].start_commit, sizeof(r[0].start_commit), "%s", START_COMMIT);
	set_string(&r[0].mirror, "/mirrors/objects");
	repository_warn(&r[0], "submodules_not_fetched", "One submodule is empty.");
	r[0].phase = REPOSITORY_READY;
	error_set(&refused, ERR_GIT_FAILED, "The clone failed.");
	error_remedy(&refused, "Try again.");
	repository_fail(&r[1], &refused);
	r[2].phase = REPOSITORY_CLONING;
}

static void who_takes_a_session_up_knows_what_was_there(void **state)
{
	struct place *p = *state;

	fill(&p->run);
	p->run.status.agent_ran = true;
	p->run.status.agent_exit_code = 3;
	set_string(&p->run.status.agent_output, "done");
	assert_true(session_record_write(&p->run, false, NULL));

	p->next.record = workspace_read_record(&p->next.workspace);
	assert_non_null(p->next.record);
	assert_false(session_record_waits(p->next.record));
	assert_false(session_record_has_preflight(p->next.record));
	assert_int_equal(session_record_wait_until(p->next.record, 7), 7);
	assert_true(session_record_has_started(p->next.record, "cloned"));
	assert_false(session_record_has_started(p->next.record, "failed"));
	assert_false(session_record_has_started(p->next.record, "joins"));
	session_record_take_agent(&p->next);
	assert_true(p->next.status.agent_ran);
	assert_int_equal(p->next.status.agent_exit_code, 3);
	assert_string_equal(p->next.status.agent_output, "done");

	describe(&p->next);
	session_record_take_repositories(&p->next);
	const struct repository *r = p->next.repositories.items;
	assert_int_equal(r[0].phase, REPOSITORY_READY);
	assert_string_equal(r[0].start_commit, START_COMMIT);
	assert_string_equal(r[0].mirror, "/mirrors/objects");
	assert_true(json_equal(r[0].warnings, p->run.repositories.items[0].warnings));
	assert_int_equal(r[1].phase, REPOSITORY_FAILED);
	assert_int_equal(r[1].error.code, ERR_GIT_FAILED);
	assert_string_equal(r[1].error.message, "The clone failed.");
	assert_string_equal(error_remediation(&r[1].error), "Try again.");
	assert_int_equal(r[2].phase, REPOSITORY_PENDING); /* for the next look to clone */
}

static void who_waits_need_not_ask_the_gate_again(void **state)
{
	struct place *p = *state;

	fill(&p->run);
	p->run.wait_until_s = 1234;
	assert_true(session_record_write(&p->run, true, NULL));
	p->next.record = workspace_read_record(&p->next.workspace);
	assert_true(session_record_waits(p->next.record));
	assert_true(session_record_has_preflight(p->next.record));
	assert_int_equal(session_record_wait_until(p->next.record, 7), 1234);
	assert_true(session_record_take_preflight(&p->next, NULL));
	assert_int_equal(p->next.repositories.count, 3);
	assert_string_equal(p->next.repositories.items[2].clone_url, "https://gitlab.com/g/joins.git");

	/* All were taken out while it waited. */
	while (p->run.repositories.count > 0)
		repositories_remove(&p->run.repositories, 0);
	assert_true(session_record_update(&p->run, NULL));
	json_decref(p->next.record);
	p->next.record = workspace_read_record(&p->next.workspace);
	assert_true(session_record_waits(p->next.record));
	repositories_release(&p->next.repositories);
	assert_true(session_record_take_preflight(&p->next, NULL));
	assert_int_equal(p->next.repositories.count, 0);
}

static void a_session_without_a_record_gets_none_by_an_update(void **state)
{
	struct place *p = *state;

	fill(&p->run);
	assert_true(session_record_update(&p->run, NULL));
	p->next.record = workspace_read_record(&p->next.workspace);
	assert_null(p->next.record);
	assert_false(session_record_waits(NULL));
	assert_false(session_record_has_preflight(NULL));
	assert_false(session_record_has_started(NULL, "cloned"));
	assert_int_equal(session_record_wait_until(NULL, 7), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(who_takes_a_session_up_knows_what_was_there, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(who_waits_need_not_ask_the_gate_again, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_session_without_a_record_gets_none_by_an_update, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
