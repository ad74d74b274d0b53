#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "clock.h"
#include "git_job.h"
#include "processes.h"
#include "sandbox.h"

static bool answers(const void *input, struct git_job_report *report, json_t **ret, struct error *err)
{
	(void)err;
	git_job_progress(report, "receiving", 1, 2, 3, true);
	*ret = json_pack("{s:s}", "said", (const char *)input);
	return true;
}

static bool fails(const void *input, struct git_job_report *report, json_t **ret, struct error *err)
{
	(void)input, (void)report, (void)ret;
	error_set(err, ERR_BRANCH_NOT_FOUND, "No such branch.");
	return error_remedy(err, "Look again.");
}

static bool crashes(const void *input, struct git_job_report *report, json_t **ret, struct error *err)
{
	(void)input, (void)report, (void)ret, (void)err;
	return raise(SIGKILL) == 0;
}

static bool hangs(const void *input, struct git_job_report *report, json_t **ret, struct error *err)
{
	(void)input, (void)report, (void)ret, (void)err;
	poll(NULL, 0, -1);
	return true;
}

static bool peeks(const void *input, struct git_job_report *report, json_t **ret, struct error *err)
{
	(void)report, (void)err;
	*ret = json_pack("{s:b}", "open", open(input, O_RDONLY) >= 0);
	return true;
}

static bool run(bool (*work)(const void *, struct git_job_report *, json_t **, struct error *), const void *input, int64_t limit_ms,
                void (*on_progress)(void *, const json_t *), void *context, json_t **ret, struct error *err)
{
	const struct git_job job = {.work = work,
	                            .input = input,
	                            .writable = "/tmp",
	                            .unconfined_allowed = true,
	                            .limit_ms = limit_ms,
	                            .interrupt_fd = -1,
	                            .on_progress = on_progress,
	                            .context = context};

	return git_job_run(&job, ret, err);
}

static void count(void *context, const json_t *progress)
{
	assert_int_equal(json_int_or(progress, "total", 0), 2);
	++*(int *)context;
}

static void result_and_progress_come_back(void **state)
{
	struct error err = ERROR_INIT;
	json_t *result = NULL;
	int seen = 0;

	(void)state;
	assert_true(run(answers, "hello", 20000, count, &seen, &result, &err));
	assert_string_equal(json_string_or(result, "said", ""), "hello");
	assert_int_equal(seen, 1);
	json_decref(result);
}

static void failures_are_ordinary_errors(void **state)
{
	static const struct {
		const char *why;
		bool (*work)(const void *, struct git_job_report *, json_t **, struct error *);
		int64_t limit_ms;
		enum error_code code;
	} rows[] = {
	        {"its own error comes back", fails, 20000, ERR_BRANCH_NOT_FOUND},
	        {"a crash is one job's end", crashes, 20000, ERR_GIT_FAILED},
	        {"a hanging job is killed", hangs, 300, ERR_GIT_STALLED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		json_t *result = NULL;
		int64_t begin = clock_monotonic_ms();
		if (run(rows[i].work, NULL, rows[i].limit_ms, NULL, NULL, &result, &err) || err.code != rows[i].code)
			fail_msg("%s: got %s", rows[i].why, error_name(err.code));
		assert_true(clock_monotonic_ms() - begin < 10000);
	}
}

static void remedy_travels_with_the_error(void **state)
{
	struct error err = ERROR_INIT;
	json_t *result = NULL;

	(void)state;
	assert_false(run(fails, NULL, 20000, NULL, NULL, &result, &err));
	assert_string_equal(err.message, "No such branch.");
	assert_string_equal(error_remediation(&err), "Look again.");
}

static void interrupted_job_ends_at_once(void **state)
{
	struct error err = ERROR_INIT;
	json_t *result = NULL;
	int interrupt = interrupt_open();
	const struct git_job job = {
	        .work = hangs, .writable = "/tmp", .unconfined_allowed = true, .limit_ms = 60000, .interrupt_fd = interrupt};

	(void)state;
	assert_true(interrupt >= 0);
	raise(SIGTERM);
	assert_true(interrupt_pending(interrupt));
	assert_false(git_job_run(&job, &result, &err));
	assert_int_equal(err.code, ERR_SESSION_LOST);
	close(interrupt);
}

static bool three_times(void *context)
{
	return ++*(int *)context < 3;
}

static void silent_job_goes_on_while_its_caller_wants_it(void **state)
{
	struct error err = ERROR_INIT;
	json_t *result = NULL;
	int asked = 0;
	int64_t begin = clock_monotonic_ms();
	const struct git_job job = {.work = hangs,
	                            .writable = "/tmp",
	                            .unconfined_allowed = true,
	                            .limit_ms = 60000,
	                            .interrupt_fd = -1,
	                            .goes_on = three_times,
	                            .context = &asked};

	(void)state;
	assert_false(git_job_run(&job, &result, &err));
	assert_int_equal(err.code, ERR_SESSION_LOST);
	assert_int_equal(asked, 3);
	assert_true(clock_monotonic_ms() - begin < 20000);
}

static void job_sees_only_its_folder(void **state)
{
	struct error err = ERROR_INIT;
	json_t *result = NULL;

	(void)state;
	if (sandbox_abi() == 0)
		skip();
	assert_true(run(peeks, "/etc/passwd", 20000, NULL, NULL, &result, &err));
	assert_false(json_bool_or(result, "open", true));
	json_decref(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(result_and_progress_come_back),
	        cmocka_unit_test(failures_are_ordinary_errors),
	        cmocka_unit_test(remedy_travels_with_the_error),
	        cmocka_unit_test(job_sees_only_its_folder),
	        cmocka_unit_test(interrupted_job_ends_at_once),
	        cmocka_unit_test(silent_job_goes_on_while_its_caller_wants_it), /* last: its signal stays pending */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
