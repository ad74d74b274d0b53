#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

enum {
	QUICK_DEATH_MS = 1000,
	PAUSE_FIRST_MS = 100,
	PAUSE_MAX_MS = 5000,
	LOOK_EVERY_MS = 60000,
	DIE_MS = 1000, /* what the kernel has for a SIGKILL before it gets another */
	CHILDREN_MAX = SUPERVISOR_GENERATIONS * SUPERVISOR_PROCESSES_MAX
};

enum child_state {
	CHILD_NONE, /* the place is free */
	CHILD_STARTS,
	CHILD_SERVES,
	CHILD_OUTDATED, /* serves until a fresh one does */
	CHILD_DRAINS
};

struct child {
	enum child_state state;
	pid_t pid;
	int from_fd; /* what it tells; -1: nothing more */
	int64_t started_ms;
	int64_t drains_since_ms, kill_at_ms; /* CHILD_DRAINS */
};

struct supervisor {
	const struct supervisor_options *options;
	sigset_t signals, original;
	int signal_fd;
	struct child children[CHILDREN_MAX];
	int64_t start_again_ms; /* earliest time for the next start */
	int64_t pause_ms;
	bool stopping;
};

bool supervisor_tell(int parent_fd, enum supervisor_news news)
{
	const char byte = (char)news;

	return write(parent_fd, &byte, 1) == 1;
}

static bool block_signals(struct supervisor *s)
{
	sigemptyset(&s->signals);
	sigaddset(&s->signals, SIGCHLD);
	sigaddset(&s->signals, SIGTERM);
	sigaddset(&s->signals, SIGINT);
	sigaddset(&s->signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &s->signals, &s->original);
	s->signal_fd = signalfd(-1, &s->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd >= 0;
}

static unsigned count_in(const struct supervisor *s, enum child_state state)
{
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		count += s->children[i].state == state;
	return count;
}

static unsigned count_living(const struct supervisor *s)
{
	return (unsigned)ARRAY_SIZE(s->children) - count_in(s, CHILD_NONE);
}

static unsigned count_fresh(const struct supervisor *s)
{
	return count_in(s, CHILD_STARTS) + count_in(s, CHILD_SERVES);
}

/* ---- Starting ---- */

/*
 * Blocked signals stay blocked in the child: SIGTERM and SIGINT are taken with sigwait, and SIGHUP is the parent's affair. What its
 * siblings say is, too.
 */
NORETURN static void run_child(const struct supervisor *s, pid_t parent, int parent_fd)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	close(s->signal_fd);
	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		if (s->children[i].state != CHILD_NONE && s->children[i].from_fd >= 0)
			close(s->children[i].from_fd);
	_exit(s->options->run(s->options->context, parent_fd));
}

static struct child *free_place(struct supervisor *s)
{
	for (size_t i = 0; i < (size_t)SUPERVISOR_GENERATIONS * s->options->processes; i++)
		if (s->children[i].state == CHILD_NONE)
			return &s->children[i];
	return NULL;
}

static struct child *start_child(struct supervisor *s)
{
	struct child *place = free_place(s);
	pid_t parent = getpid(), pid;
	int ends[2];

	if (!place || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return NULL;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run_child(s, parent, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return NULL;
	}
	*place = (struct child){.state = CHILD_STARTS, .pid = pid, .from_fd = ends[0], .started_ms = clock_monotonic_ms()};
	return place;
}

static void hear(struct child *child)
{
	char news;
	ssize_t got;

	while ((got = read(child->from_fd, &news, 1)) == 1)
		if (news == WORKER_SERVES && child->state == CHILD_STARTS)
			child->state = CHILD_SERVES;
		else if (news == WORKER_IS_OUTDATED && child->state != CHILD_DRAINS)
			child->state = CHILD_OUTDATED;
	if (got == 0) {
		close(child->from_fd);
		child->from_fd = -1;
	}
}

/* Starts one and waits until it serves. False: it ended first. */
static bool start_first(struct supervisor *s)
{
	struct child *child = start_child(s);

	if (!child)
		return false;
	struct pollfd said = {.fd = child->from_fd, .events = POLLIN};
	while (poll(&said, 1, -1) < 0 && errno == EINTR)
		;
	hear(child);
	return child->state != CHILD_STARTS;
}

/* ---- Ending ---- */

static void drain(struct child *child, int64_t limit_ms)
{
	kill(child->pid, SIGTERM);
	child->state = CHILD_DRAINS;
	child->drains_since_ms = clock_monotonic_ms();
	child->kill_at_ms = child->drains_since_ms + limit_ms;
}

static void hurry(struct child *child, int64_t kill_at_ms)
{
	if (child->kill_at_ms > kill_at_ms)
		child->kill_at_ms = kill_at_ms;
}

static void end_all(struct supervisor *s)
{
	s->stopping = true;
	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		if (s->children[i].state == CHILD_DRAINS)
			hurry(&s->children[i], clock_monotonic_ms() + s->options->end_ms);
		else if (s->children[i].state != CHILD_NONE)
			drain(&s->children[i], s->options->end_ms);
}

static void kill_overdue(struct supervisor *s)
{
	const int64_t now_ms = clock_monotonic_ms();

	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		if (s->children[i].state == CHILD_DRAINS && now_ms >= s->children[i].kill_at_ms) {
			kill(s->children[i].pid, SIGKILL);
			s->children[i].kill_at_ms = now_ms + DIE_MS;
		}
}

/* Whether a worker ended by a fault of its own, rather than orderly or by somebody's kill. */
static bool is_fault(int status)
{
	return (WIFEXITED(status) && WEXITSTATUS(status) != 0) || (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL);
}

static bool could_not_start(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == SUPERVISOR_CHILD_CANNOT_START;
}

static void note_death(struct supervisor *s, struct child *child, int status)
{
	const int64_t now_ms = clock_monotonic_ms();
	const bool quick = child->state != CHILD_DRAINS && is_fault(status) &&
	                   (now_ms - child->started_ms < QUICK_DEATH_MS || could_not_start(status));

	if (child->from_fd >= 0)
		close(child->from_fd);
	*child = (struct child){.state = CHILD_NONE};
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
			if (s->children[i].state != CHILD_NONE && s->children[i].pid == pid)
				note_death(s, &s->children[i], status);
}

/* ---- Replacing ---- */

/* One that only starts serves nobody: it is not waited for. */
static void outdate_all(struct supervisor *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		if (s->children[i].state == CHILD_STARTS)
			drain(&s->children[i], s->options->drain_ms);
		else if (s->children[i].state == CHILD_SERVES)
			s->children[i].state = CHILD_OUTDATED;
}

static struct child *oldest(struct supervisor *s, enum child_state state)
{
	struct child *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++) {
		struct child *child = &s->children[i];

		if (child->state == state && (!found || child->started_ms < found->started_ms))
			found = child;
	}
	return found;
}

/* For each fresh worker that serves, an outdated one may go. */
static void relieve(struct supervisor *s)
{
	struct child *child;

	while (count_in(s, CHILD_SERVES) + count_in(s, CHILD_OUTDATED) > s->options->processes &&
	       (child = oldest(s, CHILD_OUTDATED)))
		drain(child, s->options->drain_ms);
}

/* Brings the number of fresh workers up to what is wanted, unless a pause is on. */
static void fill_up(struct supervisor *s)
{
	while (!s->stopping && count_fresh(s) < s->options->processes && clock_monotonic_ms() >= s->start_again_ms) {
		struct child *drains = free_place(s) ? NULL : oldest(s, CHILD_DRAINS);

		if (drains)
			hurry(drains, drains->drains_since_ms + s->options->end_ms);
		if (!start_child(s))
			s->start_again_ms = clock_monotonic_ms() + PAUSE_FIRST_MS;
	}
}

/* ---- The loop ---- */

/* Milliseconds until there is something to do by the clock. */
static int idle_ms(const struct supervisor *s)
{
	const int64_t now_ms = clock_monotonic_ms();
	int64_t next_ms = now_ms + LOOK_EVERY_MS;

	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		if (s->children[i].state == CHILD_DRAINS && s->children[i].kill_at_ms < next_ms)
			next_ms = s->children[i].kill_at_ms;
	if (!s->stopping && count_fresh(s) < s->options->processes && s->start_again_ms < next_ms)
		next_ms = s->start_again_ms;
	return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

static void obey(struct supervisor *s)
{
	struct signalfd_siginfo signal;

	while (read(s->signal_fd, &signal, sizeof(signal)) == sizeof(signal))
		if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT)
			end_all(s);
		else if (signal.ssi_signo == SIGHUP && !s->stopping)
			outdate_all(s);
}

/* Until a signal, a word of a worker, or the clock. */
static void await(struct supervisor *s)
{
	struct pollfd fds[1 + CHILDREN_MAX] = {{.fd = s->signal_fd, .events = POLLIN}};
	struct child *children[1 + CHILDREN_MAX];
	nfds_t count = 1;

	for (size_t i = 0; i < ARRAY_SIZE(s->children); i++)
		if (s->children[i].state != CHILD_NONE && s->children[i].from_fd >= 0) {
			children[count] = &s->children[i];
			fds[count++] = (struct pollfd){.fd = s->children[i].from_fd, .events = POLLIN};
		}
	if (poll(fds, count, idle_ms(s)) <= 0)
		return;
	for (nfds_t i = 1; i < count; i++)
		if (fds[i].revents)
			hear(children[i]);
	obey(s);
}

static void supervise(struct supervisor *s)
{
	while (!s->stopping || count_living(s) > 0) {
		fill_up(s);
		await(s);
		reap(s);
		relieve(s);
		kill_overdue(s);
	}
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.options = options};
	bool started = block_signals(&s) && start_first(&s);

	if (started)
		supervise(&s);
	else
		waitpid(-1, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(s.children); i++)
		if (s.children[i].state != CHILD_NONE && s.children[i].from_fd >= 0)
			close(s.children[i].from_fd);
	if (s.signal_fd >= 0)
		close(s.signal_fd);
	sigprocmask(SIG_SETMASK, &s.original, NULL);
	return started ? 0 : 1;
}
