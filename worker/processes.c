#include "processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

void processes_adopt_orphans(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void process_begin_parent(sigset_t *ret_signals)
{
	sigemptyset(ret_signals);
	sigaddset(ret_signals, SIGCHLD);
	sigaddset(ret_signals, SIGTERM);
	sigaddset(ret_signals, SIGINT);
	sigprocmask(SIG_BLOCK, ret_signals, NULL);
	processes_adopt_orphans();
}

/* The parent's id from /proc/<pid>/stat. The command's name may hold anything, so the fields are counted from its last ')'. */
static pid_t parent_of(int proc, const char *pid)
{
	char path[32], text[512];

	if (snprintf(path, sizeof(path), "%s/stat", pid) >= (int)sizeof(path))
		return -1;
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length <= 0)
		return -1;
	text[length] = '\0';
	const char *rest = strrchr(text, ')');
	/* ") S 1234 …" */
	return rest && strlen(rest) > 4 ? (pid_t)strtol(rest + 4, NULL, 10) : -1;
}

static bool is_kept(pid_t pid, const pid_t *keep, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (keep[i] == pid)
			return true;
	return false;
}

/* One look at /proc; returns how many children were found. */
static size_t end_children_once(const pid_t *keep, size_t keep_count)
{
	DIR *proc = opendir("/proc");
	pid_t self = getpid();
	size_t found = 0;

	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || parent_of(dirfd(proc), entry->d_name) != self)
			continue;
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (is_kept(pid, keep, keep_count))
			continue;
		found++;
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (proc)
		closedir(proc);
	return found;
}

void processes_end_children(const pid_t *keep, size_t keep_count)
{
	while (end_children_once(keep, keep_count) > 0)
		;
}

int interrupt_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool interrupt_sleep(int interrupt_fd, int64_t duration_ms)
{
	int64_t deadline = clock_monotonic_ms() + duration_ms;
	struct pollfd wait = {.fd = interrupt_fd, .events = POLLIN};

	for (int64_t left = duration_ms; left >= 0; left = deadline - clock_monotonic_ms()) {
		if (poll(&wait, 1, (int)left) > 0)
			return false;
		if (left == 0)
			break;
	}
	return true;
}

bool interrupt_pending(int interrupt_fd)
{
	return interrupt_fd >= 0 && !interrupt_sleep(interrupt_fd, 0);
}

void process_begin_child(pid_t parent, const int *keep, size_t keep_count)
{
	sigset_t none;
	unsigned from = 3;

	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent) /* it died before it could be watched */
		_exit(127);
	for (size_t i = 0; i < keep_count; i++) {
		if (keep[i] < (int)from)
			continue;
		if ((unsigned)keep[i] > from)
			close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	close_range(from, ~0U, 0);
}

int process_wait_or_kill(pid_t pid, int64_t deadline_ms)
{
	int status = 0;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);
		if (got == pid || (got < 0 && errno != EINTR))
			return status;
		if (clock_monotonic_ms() >= deadline_ms) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
			return status;
		}
		poll(NULL, 0, 5);
	}
}
