/*
 * Real processes: a session's process that starts a daemon, and the daemon beats in memory that is shared with the test. What still
 * beats is alive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "keeper.h"
#include "pid_namespace.h"
#include "processes.h"
#include "session_lock.h"
#include "temporary_folder.h"

static const char session_id[] = "0f0f0f0f-1111-4222-8333-444444444444";

enum { LONG_MS = 60 * 1000, SHORT_MS = 1200, LIMIT_MS = 10 * 1000, EXIT_AFTER_TERM = 3 };

/* Shared with all processes of a test. */
struct board {
	atomic_long sessions, beats;
};

struct place {
	struct temporary_folder folder;
	struct workspace workspace;
	struct board *board;
	bool isolated;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	folder_make(&p->folder);
	assert_true(workspace_locate(p->folder.path, session_id, &p->workspace, NULL));
	p->board = mmap(NULL, sizeof(*p->board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p->board, MAP_FAILED);
	processes_adopt_orphans();
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	processes_end_children(NULL, 0);
	munmap(p->board, sizeof(*p->board));
	workspace_release(&p->workspace);
	folder_remove(&p->folder);
	free(p);
	return 0;
}

static void pause_ms(int64_t ms)
{
	assert_true(interrupt_sleep(-1, ms));
}

static NORETURN void beat_for_ever(struct board *board)
{
	setsid();
	(void)signal(SIGTERM, SIG_IGN);
	for (;;) {
		atomic_fetch_add(&board->beats, 1);
		poll(NULL, 0, 2);
	}
}

/* A session's process: it starts a daemon that leaves it, and works until it is asked to end. */
static int work(void *context)
{
	const struct place *p = context;
	int interrupt = interrupt_open();

	atomic_fetch_add(&p->board->sessions, 1);
	pid_t parent = fork();
	if (parent == 0) {
		if (fork() == 0)
			beat_for_ever(p->board);
		_exit(0);
	}
	waitpid(parent, NULL, 0);
	return interrupt_sleep(interrupt, LONG_MS) ? 0 : EXIT_AFTER_TERM;
}

static int return_seven(void *context)
{
	const struct place *p = context;

	atomic_fetch_add(&p->board->sessions, 1);
	return 7;
}

static int crash(void *context)
{
	(void)context;
	kill(getpid(), SIGKILL); /* the first process of a namespace is spared by its own kind */
	__builtin_trap();
}

static struct keeper start(const struct place *p, int (*run)(void *), int64_t lease_ms)
{
	const struct keeper_work keeper_work = {.run = run,
	                                        .context = (void *)(uintptr_t)p,
	                                        .workspace = &p->workspace,
	                                        .lease_until_ms = clock_boot_ms() + lease_ms,
	                                        .isolated = p->isolated};
	struct keeper keeper;
	struct error err = ERROR_INIT;

	if (!keeper_start(&keeper_work, &keeper, &err))
		fail_msg("%s", err.message);
	return keeper;
}

/* The keeper's exit code. */
static int wait_for(pid_t pid)
{
	int64_t deadline = clock_monotonic_ms() + LIMIT_MS;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (clock_monotonic_ms() > deadline)
			fail_msg("the keeper does not end");
		pause_ms(2);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void wait_for_beats(const struct place *p)
{
	long before = atomic_load(&p->board->beats);

	for (int64_t deadline = clock_monotonic_ms() + LIMIT_MS; atomic_load(&p->board->beats) < before + 5;) {
		if (clock_monotonic_ms() > deadline)
			fail_msg("the session does not begin");
		pause_ms(2);
	}
}

static void expect_silence(const struct place *p, const char *when)
{
	long before = atomic_load(&p->board->beats);

	pause_ms(60); /* a daemon that lived would have beaten thirty times */
	if (atomic_load(&p->board->beats) != before)
		fail_msg("a daemon lives after %s", when);
}

/* Each test with and without a namespace. */
static void in_both_ways(struct place *p, void (*test)(struct place *))
{
	p->isolated = false;
	test(p);
	p->isolated = pid_namespace_is_available();
	if (p->isolated)
		test(p);
	else
		print_message("no PID namespace can be had here\n");
}

static void check_exit_code(struct place *p)
{
	struct keeper keeper = start(p, return_seven, LONG_MS);

	assert_int_equal(wait_for(keeper.pid), 7);
	keeper_release(&keeper);
	keeper = start(p, crash, LONG_MS);
	assert_in_range(wait_for(keeper.pid), 128 + 1, 128 + NSIG);
	keeper_release(&keeper);
}

static void the_sessions_end_is_passed_on(void **state)
{
	in_both_ways(*state, check_exit_code);
}

static void check_lapse(struct place *p)
{
	struct keeper keeper = start(p, work, SHORT_MS);

	wait_for_beats(p);
	assert_int_equal(wait_for(keeper.pid), KEEPER_LAPSED);
	expect_silence(p, "a lapsed lease");
	keeper_release(&keeper);
}

static void a_lease_that_is_not_renewed_ends_everything(void **state)
{
	in_both_ways(*state, check_lapse);
}

static void check_renewal(struct place *p)
{
	struct keeper keeper = start(p, work, SHORT_MS);

	wait_for_beats(p);
	keeper_prolong(&keeper, clock_boot_ms() + LONG_MS);
	pause_ms(SHORT_MS * 3 / 2);
	wait_for_beats(p);
	keeper_ask(&keeper);
	assert_int_equal(wait_for(keeper.pid), EXIT_AFTER_TERM);
	expect_silence(p, "a polite end");
	keeper_release(&keeper);
}

static void a_renewed_lease_lets_it_go_on_until_it_is_asked_to_end(void **state)
{
	in_both_ways(*state, check_renewal);
}

static void check_end(struct place *p)
{
	for (int frozen = 0; frozen < 2; frozen++) {
		struct keeper keeper = start(p, work, LONG_MS);
		wait_for_beats(p);
		if (frozen)
			kill(keeper.pid, SIGSTOP);
		keeper_end(&keeper);
		assert_int_equal(wait_for(keeper.pid), KEEPER_TOLD);
		expect_silence(p, "keeper_end");
		keeper_release(&keeper);
	}
}

static void a_keeper_that_is_told_to_ends_everything_even_when_it_was_frozen(void **state)
{
	in_both_ways(*state, check_end);
}

static void check_death_of_worker(struct place *p)
{
	int ends[2];
	pid_t keeper_pid = 0;

	assert_int_equal(pipe(ends), 0);
	pid_t worker = fork();
	if (worker == 0) {
		struct keeper keeper = start(p, work, LONG_MS);
		if (write(ends[1], &keeper.pid, sizeof(keeper.pid)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ends[0], &keeper_pid, sizeof(keeper_pid)), sizeof(keeper_pid));
	close(ends[0]);
	close(ends[1]);
	wait_for_beats(p);
	kill(worker, SIGKILL);
	waitpid(worker, NULL, 0);
	assert_int_equal(wait_for(keeper_pid), KEEPER_TOLD); /* its orphan is ours now */
	expect_silence(p, "the worker's death");
}

static void a_worker_that_is_killed_leaves_no_process(void **state)
{
	in_both_ways(*state, check_death_of_worker);
}

static void check_take_over(struct place *p)
{
	for (int frozen = 0; frozen < 2; frozen++) {
		struct keeper first = start(p, work, LONG_MS);
		wait_for_beats(p);
		if (frozen)
			kill(first.pid, SIGSTOP);
		struct keeper second = start(p, return_seven, LONG_MS);
		assert_int_equal(wait_for(second.pid), 7);
		assert_int_equal(wait_for(first.pid), KEEPER_TOLD);
		expect_silence(p, "a take-over");
		keeper_release(&first);
		keeper_release(&second);
	}
}

static void the_session_is_taken_over_from_a_keeper_that_still_holds_it(void **state)
{
	in_both_ways(*state, check_take_over);
}

static void a_claim_that_has_lapsed_disturbs_nobody(void **state)
{
	struct place *p = *state;
	struct keeper holder = start(p, work, LONG_MS);

	wait_for_beats(p);
	struct keeper late = start(p, return_seven, -1);
	assert_int_equal(wait_for(late.pid), KEEPER_LAPSED);
	assert_int_equal(atomic_load(&p->board->sessions), 1);
	wait_for_beats(p);
	keeper_end(&holder);
	assert_int_equal(wait_for(holder.pid), KEEPER_TOLD);
	keeper_release(&late);
	keeper_release(&holder);
}

static void a_keeper_that_is_killed_takes_its_session_along(void **state)
{
	struct place *p = *state;

	if (!pid_namespace_is_available()) {
		print_message("no PID namespace can be had here\n");
		skip();
	}
	p->isolated = true;
	struct keeper keeper = start(p, work, LONG_MS);
	wait_for_beats(p);
	kill(keeper.pid, SIGKILL);
	assert_int_equal(wait_for(keeper.pid), -SIGKILL);
	processes_end_children(NULL, 0); /* waits for the first of the namespace, that is for all of it */
	expect_silence(p, "the keeper's death");
	keeper_release(&keeper);
}

static void the_lock_excludes_until_it_is_given_back(void **state)
{
	struct place *p = *state;
	struct session_lock lock = SESSION_LOCK_INIT;
	struct error err = ERROR_INIT;
	struct keeper holder = start(p, work, LONG_MS);

	wait_for_beats(p);
	assert_false(session_lock_take(&p->workspace, 0, &lock, &err));
	assert_int_equal(err.code, ERR_SESSION_LOST);
	keeper_end(&holder);
	assert_int_equal(wait_for(holder.pid), KEEPER_TOLD);
	assert_true(session_lock_take(&p->workspace, 0, &lock, &err));
	session_lock_remove(&lock);
	char **ids = NULL;
	size_t count = 1;
	assert_true(workspace_list_ids(p->folder.path, &ids, &count, &err));
	assert_int_equal(count, 0);
	workspace_free_ids(ids, count);
	keeper_release(&holder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(the_sessions_end_is_passed_on, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_lease_that_is_not_renewed_ends_everything, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_renewed_lease_lets_it_go_on_until_it_is_asked_to_end, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_keeper_that_is_told_to_ends_everything_even_when_it_was_frozen, set_up,
	                                        tear_down),
	        cmocka_unit_test_setup_teardown(a_worker_that_is_killed_leaves_no_process, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(the_session_is_taken_over_from_a_keeper_that_still_holds_it, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_claim_that_has_lapsed_disturbs_nobody, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_keeper_that_is_killed_takes_its_session_along, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(the_lock_excludes_until_it_is_given_back, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
