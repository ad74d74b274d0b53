/* The parent of the workers, with real processes: each test runs a supervisor in a child of its own and watches its workers through
 * a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "supervisor.h"

struct watched {
	int report; /* workers write their pid here when they serve */
	bool fail;
};

static int work(void *context, int ready_fd)
{
	const struct watched *watched = context;
	pid_t pid = getpid();
	sigset_t end;
	int which;

	if (watched->fail)
		return SUPERVISOR_CHILD_CANNOT_START;
	if (write(ready_fd, "", 1) != 1 || write(watched->report, &pid, sizeof(pid)) != sizeof(pid))
		return 1;
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigwait(&end, &which);
	return 0;
}

static pid_t start(unsigned processes, bool fail, int *ret_reports)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		struct watched watched = {ends[1], fail};

		close(ends[0]);
		_exit(supervisor_run(&(struct supervisor_options){.processes = processes, .run = work, .context = &watched}));
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
	        cmocka_unit_test(program_ends_when_the_first_worker_cannot_start),
	        cmocka_unit_test(workers_end_with_their_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
