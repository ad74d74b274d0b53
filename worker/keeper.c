#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "pid_namespace.h"
#include "processes.h"
#include "session_lock.h"

enum { TAKE_OVER_MS = 5000 };

/* The keeper's own state. */
struct keeping {
	const struct keeper_work *work;
	int lease;   /* the worker writes the lease's new end here, 8 bytes each */
	int signals; /* SIGTERM, SIGHUP, SIGCHLD */
	int64_t lease_until_ms;
	pid_t session;
};

/* --- the session's process --- */

/* SIGTERM stays blocked until the session reads it from a descriptor: as the first of a namespace it would never get it otherwise.
 */
static void reset_signals(void)
{
	sigset_t kept;

	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	sigemptyset(&kept);
	sigaddset(&kept, SIGTERM);
	sigaddset(&kept, SIGINT);
	sigprocmask(SIG_SETMASK, &kept, NULL);
}

/* `life` is at its end once the keeper is dead; the parent's id says nothing in a namespace of our own. */
static NORETURN void become_session(const struct keeper_work *work, int life)
{
	struct pollfd wait = {.fd = life, .events = POLLIN};

	setpgid(0, 0);
	prctl(PR_SET_NAME, "acp-session", 0, 0, 0);
	reset_signals();
	if (work->isolated && !pid_namespace_begin())
		_exit(KEEPER_FAILED);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (poll(&wait, 1, 0) != 0)
		_exit(KEEPER_TOLD);
	close_range(3, ~0U, 0);
	_exit(work->run(work->context));
}

static bool start_session(struct keeping *k)
{
	int life[2];

	if ((k->work->isolated && !pid_namespace_prepare()) || pipe2(life, O_CLOEXEC) != 0)
		return false;
	k->session = fork();
	if (k->session == 0) {
		close(life[1]);
		become_session(k->work, life[0]);
	}
	close(life[0]); /* the other end stays open as long as this process lives */
	return k->session > 0;
}

/* --- the keeper --- */

/* Nothing of the session lives afterwards: the kernel has killed its namespace before its first process can be waited for. */
static int end_session(struct keeping *k, int code)
{
	int status;

	kill(k->session, SIGKILL);
	while (waitpid(k->session, &status, 0) < 0 && errno == EINTR)
		;
	processes_end_children(NULL, 0);
	return code;
}

/* The session's process ended by itself; *ret_code how. */
static bool has_ended(struct keeping *k, int *ret_code)
{
	int status;

	if (waitpid(k->session, &status, WNOHANG) != k->session)
		return false;
	processes_end_children(NULL, 0);
	*ret_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return true;
}

/* All that the worker has told so far. False: it is gone. */
static bool read_lease(struct keeping *k)
{
	int64_t until_ms;
	ssize_t got;

	while ((got = read(k->lease, &until_ms, sizeof(until_ms))) == sizeof(until_ms))
		k->lease_until_ms = until_ms;
	return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* True: everything is to end at once. */
static bool read_signals(struct keeping *k)
{
	struct signalfd_siginfo info;
	bool told = false;

	while (read(k->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGTERM)
			kill(k->session, SIGTERM);
		told = told || info.ssi_signo == SIGHUP;
	}
	return told;
}

static int keep(struct keeping *k)
{
	for (int code = 0;;) {
		struct pollfd wait[] = {{.fd = k->lease, .events = POLLIN}, {.fd = k->signals, .events = POLLIN}};
		int64_t left = k->lease_until_ms - clock_boot_ms();
		int ready = poll(wait, 2, left < 0 ? 0 : (int)(left < 60000 ? left + 1 : 60000));
		if (ready > 0 && wait[1].revents && read_signals(k))
			return end_session(k, KEEPER_TOLD);
		if (has_ended(k, &code))
			return code;
		if (ready > 0 && wait[0].revents && !read_lease(k))
			return end_session(k, KEEPER_TOLD);
		if (clock_boot_ms() >= k->lease_until_ms)
			return end_session(k, KEEPER_LAPSED);
	}
}

static int watched_signals(void)
{
	sigset_t set;

	for (int number = 1; number < NSIG; number++)
		(void)signal(number, number == SIGCHLD ? SIG_DFL : SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	for (int i = 0; i < 3; i++)
		(void)signal((const int[]){SIGCHLD, SIGTERM, SIGHUP}[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static NORETURN void become_keeper(const struct keeper_work *work, int lease)
{
	struct keeping k = {.work = work, .lease = lease, .lease_until_ms = work->lease_until_ms};
	struct session_lock lock = SESSION_LOCK_INIT;

	setpgid(0, 0);
	prctl(PR_SET_NAME, "acp-keeper", 0, 0, 0);
	if (lease > 3)
		close_range(3, (unsigned)lease - 1, 0);
	close_range((unsigned)lease + 1, ~0U, 0);
	k.signals = watched_signals();
	processes_adopt_orphans();
	if (k.signals < 0)
		_exit(KEEPER_FAILED);
	/* A worker that was frozen after its claim must not disturb the one that has the session now. */
	if (clock_boot_ms() >= k.lease_until_ms)
		_exit(KEEPER_LAPSED);
	if (!session_lock_take(work->workspace, TAKE_OVER_MS, &lock, NULL))
		_exit(KEEPER_BUSY);
	if (!read_lease(&k))
		_exit(KEEPER_TOLD);
	if (clock_boot_ms() >= k.lease_until_ms)
		_exit(KEEPER_LAPSED);
	_exit(start_session(&k) ? keep(&k) : KEEPER_FAILED);
}

bool keeper_start(const struct keeper_work *work, struct keeper *ret, struct error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		error_set(err, ERR_INTERNAL, "The session's process cannot be started.");
		return error_detail(err, "pipe: %s", strerror(errno));
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[1]);
		become_keeper(work, ends[0]);
	}
	close(ends[0]);
	if (pid < 0) {
		close(ends[1]);
		error_set(err, ERR_INTERNAL, "The session's process cannot be started.");
		return error_detail(err, "fork: %s", strerror(errno));
	}
	*ret = (struct keeper){.pid = pid, .lease = ends[1]};
	return true;
}

void keeper_prolong(const struct keeper *keeper, int64_t lease_until_ms)
{
	/* A keeper that reads nothing is frozen: a full pipe is no loss, for it will find its lease lapsed. */
	if (write(keeper->lease, &lease_until_ms, sizeof(lease_until_ms)) < 0)
		return;
}

void keeper_ask(const struct keeper *keeper)
{
	kill(keeper->pid, SIGTERM);
}

void keeper_end(const struct keeper *keeper)
{
	kill(keeper->pid, SIGHUP);
	kill(keeper->pid, SIGCONT);
}

void keeper_release(struct keeper *keeper)
{
	if (keeper->lease >= 0)
		close(keeper->lease);
	*keeper = (struct keeper){.lease = -1};
}
