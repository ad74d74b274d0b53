/* The parent of the workers, with real processes: each test runs a supervisor in a child of its own and watches its workers through
 * a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "supervisor.h"

/* Shared with the workers, so that a test can change its mind. */
struct behaviour {
	int report; /* workers write their pid here when they serve */
	bool fail;
	bool stubborn; /* does not end when it is asked to: it has a long request at hand */
};

/* SIGUSR2 makes one find that it is outdated. */
static int work(void *context, int parent_fd)
{
	const struct behaviour *behaviour = context;
	pid_t pid = getpid();
	sigset_t awaited;
	int which = 0;

	if (behaviour->fail)
		return SUPERVISOR_CHILD_CANNOT_START;
	sigemptyset(&awaited);
	sigaddset(&awaited, SIGTERM);
	sigaddset(&awaited, SIGUSR2);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	if (!supervisor_tell(parent_fd, WORKER_SERVES) || write(behaviour->report, &pid, sizeof(pid)) != sizeof(pid))
		return 1;
	while (sigwait(&awaited, &which) == 0 && (which != SIGTERM || behaviour->stubborn))
		if (which == SIGUSR2 && !supervisor_tell(parent_fd, WORKER_IS_OUTDATED))
			return 1;
	return 0;
}

enum { DRAIN_MS = 60000, END_MS = 2000, PROMPT_MS = 2000 };

static struct behaviour *behaviour;

static pid_t start(unsigned processes, bool fail, int *ret_reports)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	*behaviour = (struct behaviour){.report = ends[1], .fail = fail};
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		_exit(supervisor_run(&(struct supervisor_options){
		        .processes = processes, .drain_ms = DRAIN_MS, .end_ms = END_MS, .run = work, .context = behaviour}));
	}
	close(ends[1]);
	*ret_reports = ends[0];
	return pid;
}

/* The pid of the next worker that serves; 0 when none came within five seconds or all are gone. */
static pid_t next_worker(int reports)
{
	struct pollfd wait = {.fd = reports, .events = POLLIN};
	pid_t pid = 0;

	if (poll(&wait, 1, 5000) != 1 || read(reports, &pid, sizeof(pid)) != sizeof(pid))
		return 0;
	return pid;
}

static int end_of(pid_t supervisor)
{
	int status;

	assert_int_equal(waitpid(supervisor, &status, 0), supervisor);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void dead_worker_is_replaced_at_once(void **state)
{
	int reports;
	pid_t supervisor = start(2, false, &reports), first = next_worker(reports), second = next_worker(reports);
	int64_t killed_ms;

	(void)state;
	assert_true(first > 0 && second > 0 && first != second);
	killed_ms = clock_monotonic_ms();
	kill(first, SIGKILL);
	assert_true(next_worker(reports) > 0);
	assert_in_range(clock_monotonic_ms() - killed_ms, 0, 1000);
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
	close(reports);
}

static void quick_failures_are_answered_with_pauses(void **state)
{
	int reports;
	pid_t supervisor = start(1, false, &reports);
	const int64_t started_ms = clock_monotonic_ms();

	(void)state;
	for (int i = 0; i < 4; i++) {
		pid_t worker = next_worker(reports);

		assert_true(worker > 0);
		kill(worker, SIGUSR1); /* ends a process that does not handle it, as a fault would */
	}
	/* 100, 200 and 400 ms lie between the four. */
	assert_true(clock_monotonic_ms() - started_ms >= 700);
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
	close(reports);
}

static void hangup_replaces_every_worker(void **state)
{
	int reports;
	pid_t supervisor = start(2, false, &reports), first = next_worker(reports), second = next_worker(reports), third, fourth;

	(void)state;
	kill(supervisor, SIGHUP);
	third = next_worker(reports);
	fourth = next_worker(reports);
	assert_true(third > 0 && fourth > 0);
	assert_true(third != first && third != second && fourth != first && fourth != second);
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
	close(reports);
}

/* Whether it is gone within the time, its parent having noticed. */
static bool ends_within(pid_t worker, int64_t limit_ms)
{
	const int64_t until_ms = clock_monotonic_ms() + limit_ms;

	while (kill(worker, 0) == 0)
		if (clock_monotonic_ms() > until_ms || usleep(10000) != 0)
			return false;
	return true;
}

static void outdated_worker_ends_once_a_fresh_one_serves(void **state)
{
	int reports;
	pid_t supervisor = start(2, false, &reports), first = next_worker(reports), second = next_worker(reports), third;

	(void)state;
	kill(first, SIGUSR2);
	third = next_worker(reports);
	assert_true(third > 0 && third != first && third != second);
	assert_true(ends_within(first, PROMPT_MS));
	/* Its sibling read the new files already, and stays. */
	assert_false(ends_within(second, 300));
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
	close(reports);
}

static void fresh_worker_that_cannot_start_replaces_nobody(void **state)
{
	int reports;
	pid_t supervisor = start(1, false, &reports), first = next_worker(reports), second;

	(void)state;
	behaviour->fail = true;
	kill(first, SIGUSR2);
	kill(supervisor, SIGHUP);
	assert_false(ends_within(first, 1000));
	behaviour->fail = false;
	second = next_worker(reports);
	assert_true(second > 0 && second != first);
	assert_true(ends_within(first, PROMPT_MS));
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
	close(reports);
}

static void long_request_holds_up_no_fresh_worker(void **state)
{
	int reports;
	pid_t supervisor = start(1, false, &reports), workers[SUPERVISOR_GENERATIONS + 1] = {next_worker(reports)};
	int64_t asked_ms = 0;

	(void)state;
	behaviour->stubborn = true;
	for (int i = 1; i < SUPERVISOR_GENERATIONS; i++) {
		asked_ms = clock_monotonic_ms();
		kill(workers[i - 1], SIGUSR2);
		workers[i] = next_worker(reports);
		assert_true(workers[i] > 0);
		assert_in_range(clock_monotonic_ms() - asked_ms, 0, PROMPT_MS);
	}
	/* All drain, the last but one serves. */
	for (int i = 0; i < SUPERVISOR_GENERATIONS; i++)
		assert_int_equal(kill(workers[i], 0), 0);
	/* There is no place for one more: the first has its time no longer. */
	kill(workers[SUPERVISOR_GENERATIONS - 1], SIGUSR2);
	workers[SUPERVISOR_GENERATIONS] = next_worker(reports);
	assert_true(workers[SUPERVISOR_GENERATIONS] > 0);
	assert_int_not_equal(kill(workers[0], 0), 0);
	assert_int_equal(kill(workers[1], 0), 0);
	asked_ms = clock_monotonic_ms();
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
	assert_in_range(clock_monotonic_ms() - asked_ms, END_MS - 100, END_MS + PROMPT_MS);
	close(reports);
}

static void program_ends_when_the_first_worker_cannot_start(void **state)
{
	int reports;
	pid_t supervisor = start(2, true, &reports);

	(void)state;
	assert_int_equal(end_of(supervisor), 1);
	close(reports);
}

static void workers_end_with_their_parent(void **state)
{
	int reports;
	pid_t supervisor = start(2, false, &reports);

	(void)state;
	assert_true(next_worker(reports) > 0);
	assert_true(next_worker(reports) > 0);
	kill(supervisor, SIGKILL);
	waitpid(supervisor, NULL, 0);
	/* The pipe ends when the last worker does. */
	assert_int_equal(next_worker(reports), 0);
	close(reports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(dead_worker_is_replaced_at_once),
	        cmocka_unit_test(quick_failures_are_answered_with_pauses),
	        cmocka_unit_test(hangup_replaces_every_worker),
	        cmocka_unit_test(outdated_worker_ends_once_a_fresh_one_serves),
	        cmocka_unit_test(fresh_worker_that_cannot_start_replaces_nobody),
	        cmocka_unit_test(long_request_holds_up_no_fresh_worker),
	        cmocka_unit_test(program_ends_when_the_first_worker_cannot_start),
	        cmocka_unit_test(workers_end_with_their_parent),
	};

	behaviour = mmap(NULL, sizeof(*behaviour), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return behaviour == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
