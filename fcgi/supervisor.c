#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

enum { QUICK_DEATH_MS = 1000, PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 5000 };

struct child {
	pid_t pid; /* 0: the place is free */
	int64_t started_ms;
	int64_t kill_at_ms; /* 0: not asked to end */
};

struct supervisor {
	const struct supervisor_options *options;
	sigset_t signals, original;
	/* Twice: while all are replaced, old and new ones live side by side. */
	struct child children[2 * SUPERVISOR_PROCESSES_MAX];
	int64_t start_again_ms; /* earliest time for the next start */
	int64_t pause_ms;
	bool stopping;
};

static void block_signals(struct supervisor *s)
{
	sigemptyset(&s->signals);
	sigaddset(&s->signals, SIGCHLD);
	sigaddset(&s->signals, SIGTERM);
	sigaddset(&s->signals, SIGINT);
	sigaddset(&s->signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &s->signals, &s->original);
}

/* Blocked signals stay blocked in the child: SIGTERM and SIGINT are taken with sigwait, and SIGHUP is the parent's affair. */
NORETURN static void run_child(const struct supervisor *s, pid_t parent, int ready_fd)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	_exit(s->options->run(s->options->context, ready_fd));
}

static struct child *free_place(struct supervisor *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		if (s->children[i].pid == 0)
			return &s->children[i];
	return NULL;
}

static bool start_child(struct supervisor *s, int ready_fd)
{
	struct child *place = free_place(s);
	pid_t parent = getpid(), pid;

	if (!place)
		return false;
	pid = fork();
	if (pid == 0)
		run_child(s, parent, ready_fd);
	if (pid < 0)
		return false;
	*place = (struct child){.pid = pid, .started_ms = clock_monotonic_ms()};
	return true;
}

/* Starts one and waits until it serves. False: it ended first. */
static bool start_first(struct supervisor *s)
{
	int ends[2];
	char byte;
	ssize_t got;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	bool started = start_child(s, ends[1]);
	close(ends[1]);
	do
		got = started ? read(ends[0], &byte, 1) : 0;
	while (got < 0 && errno == EINTR);
	close(ends[0]);
	return got == 1;
}

static unsigned living(const struct supervisor *s, bool also_ending)
{
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		count += s->children[i].pid > 0 && (also_ending || s->children[i].kill_at_ms == 0);
	return count;
}

/* Brings the number of workers up to what is wanted, unless a pause is on. */
static void fill_up(struct supervisor *s)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC); /* where later workers say that they serve */

	while (!s->stopping && living(s, false) < s->options->processes && clock_monotonic_ms() >= s->start_again_ms)
		if (!start_child(s, nowhere))
			s->start_again_ms = clock_monotonic_ms() + PAUSE_FIRST_MS;
	if (nowhere >= 0)
		close(nowhere);
}

static void end_all(struct supervisor *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		if (s->children[i].pid > 0 && s->children[i].kill_at_ms == 0) {
			kill(s->children[i].pid, SIGTERM);
			s->children[i].kill_at_ms = clock_monotonic_ms() + SUPERVISOR_DRAIN_MS;
		}
}

static void kill_overdue(struct supervisor *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		if (s->children[i].pid > 0 && s->children[i].kill_at_ms > 0 && clock_monotonic_ms() >= s->children[i].kill_at_ms)
			kill(s->children[i].pid, SIGKILL);
}

/* Whether a worker ended by a fault of its own, rather than orderly or by somebody's kill. */
static bool is_fault(int status)
{
	return (WIFEXITED(status) && WEXITSTATUS(status) != 0) || (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL);
}

static void note_death(struct supervisor *s, struct child *child, int status)
{
	const int64_t now_ms = clock_monotonic_ms();
	const bool quick = child->kill_at_ms == 0 && is_fault(status) && now_ms - child->started_ms < QUICK_DEATH_MS;

	*child = (struct child){0};
	if (!quick) {
		s->pause_ms = 0;
		return;
	}
	s->pause_ms = s->pause_ms == 0 ? PAUSE_FIRST_MS : 2 * s->pause_ms;
	if (s->pause_ms > PAUSE_MAX_MS)
		s->pause_ms = PAUSE_MAX_MS;
	s->start_again_ms = now_ms + s->pause_ms;
}

static void reap(struct supervisor *s)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
			if (s->children[i].pid == pid)
				note_death(s, &s->children[i], status);
}

/* The next signal, or 0 when there is something to do by the clock. */
static int next_signal(struct supervisor *s)
{
	bool pending = living(s, true) != living(s, false) || living(s, false) < s->options->processes;
	const struct timespec short_while = {.tv_nsec = 50L * 1000 * 1000}, long_while = {.tv_sec = 60};
	int which = sigtimedwait(&s->signals, NULL, pending ? &short_while : &long_while);

	return which > 0 ? which : 0;
}

static void supervise(struct supervisor *s)
{
	while (!s->stopping || living(s, true) > 0) {
		switch (next_signal(s)) {
		case SIGTERM:
		case SIGINT:
			s->stopping = true;
			end_all(s);
			break;
		case SIGHUP:
			if (!s->stopping && living(s, true) == s->options->processes)
				end_all(s);
			break;
		default:
			break;
		}
		reap(s);
		kill_overdue(s);
		fill_up(s);
	}
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.options = options};
	bool started;

	block_signals(&s);
	started = start_first(&s);
	if (started) {
		fill_up(&s);
		supervise(&s);
	} else {
		waitpid(-1, NULL, 0);
	}
	sigprocmask(SIG_SETMASK, &s.original, NULL);
	return started ? 0 : 1;
}
