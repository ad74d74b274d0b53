#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "output_tail.h"
#include "processes.h"
#include "sandbox.h"
#include "seccomp_filter.h"

enum {
	KILL_GRACE_MS = 5000, /* between SIGTERM and SIGKILL */
	AGENT_NICE = 5,
	AGENT_PROCESSES = 4096,
};
static const rlim_t agent_file_size = (rlim_t)8 << 30;

/* What an agent needs of a machine. Everything else, /home, /root, /srv, /tmp, /run and /var, is closed. */
static const char *const tools[] = {"/usr",
                                    "/bin",
                                    "/sbin",
                                    "/lib",
                                    "/lib32",
                                    "/lib64",
                                    "/libx32",
                                    "/etc",
                                    "/opt",
                                    "/proc",
                                    "/sys/devices/system/cpu",
                                    "/sys/fs/cgroup",
                                    NULL};
static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", NULL};
/* Readable for some accounts a worker may run as, and no agent's business. */
static const char *const always_hidden[] = {"/etc/acp-gitlab",  "/etc/shadow",      "/etc/shadow-",   "/etc/gshadow",
                                            "/etc/gshadow-",    "/etc/sudoers",     "/etc/sudoers.d", "/etc/ssh",
                                            "/etc/ssl/private", "/etc/krb5.keytab", "/etc/kubernetes"};

/* Owned paths; `items` is NULL or ended by NULL. */
struct path_list {
	char **items;
	size_t count;
};

static void path_list_add(struct path_list *list, const char *path)
{
	list->items = xrealloc(list->items, (list->count + 2) * sizeof(*list->items));
	list->items[list->count++] = xstrdup(path);
	list->items[list->count] = NULL;
}

static void path_list_release(struct path_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

void agent_result_release(struct agent_result *result)
{
	free(result->output);
	*result = (struct agent_result)AGENT_RESULT_INIT;
}

bool agent_check(bool unconfined_allowed, struct error *err)
{
	if (unconfined_allowed || sandbox_abi() > 0)
		return true;
	return error_set(err, ERR_AGENT_UNCONFINED, "This kernel cannot confine the agent: it has no Landlock.");
}

/* The programs and scripts that the operator's command names by absolute path may lie anywhere; their folders stay closed. */
static void add_named_paths(struct path_list *list, const char *command)
{
	static const char separators[] = " \t\n'\"=;|&()<>";

	for (const char *at = command; *at;) {
		size_t length = strcspn(at, separators);
		CLEANUP(freep) char *word = xstrndup(at, length);
		if (word[0] == '/' && word[1] && access(word, F_OK) == 0)
			path_list_add(list, word);
		at += length + (at[length] != '\0');
	}
}

static bool prepare_sandbox(const struct agent *agent, int *ret_ruleset, struct error *err)
{
	CLEANUP(path_list_release) struct path_list programs = {0};
	CLEANUP(path_list_release) struct path_list hidden = {0};
	const char *const writable[] = {agent->workspace->path, NULL};

	add_named_paths(&programs, agent->command);
	for (size_t i = 0; i < ARRAY_SIZE(always_hidden); i++)
		path_list_add(&hidden, always_hidden[i]);
	for (const char *const *path = agent->hidden; path && *path; path++)
		path_list_add(&hidden, *path);
	path_list_add(&hidden, agent->workspace->root); /* the other sessions' workspaces */
	const struct sandbox rules = {
	        .writable = writable,
	        .readable = tools,
	        .objects = agent->objects,
	        .programs = (const char *const *)programs.items,
	        .devices = devices,
	        .hidden = (const char *const *)hidden.items,
	};
	return sandbox_prepare(&rules, ret_ruleset, err);
}

/* When memory is short, the kernel ends an agent first and the worker last. */
static void offer_to_the_kernel(void)
{
	static const char score[] = "500";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, score, sizeof(score) - 1) < 0)
		errno = 0; /* it is no better off than the worker then */
	if (fd >= 0)
		close(fd);
}

static void limit_resources(void)
{
	const struct rlimit no_core = {0, 0}, file_size = {agent_file_size, agent_file_size};
	struct rlimit processes;

	setrlimit(RLIMIT_CORE, &no_core);
	setrlimit(RLIMIT_FSIZE, &file_size);
	if (getrlimit(RLIMIT_NPROC, &processes) == 0 &&
	    (processes.rlim_max == RLIM_INFINITY || processes.rlim_max > AGENT_PROCESSES)) {
		processes.rlim_cur = processes.rlim_max = AGENT_PROCESSES;
		setrlimit(RLIMIT_NPROC, &processes);
	}
	if (setpriority(PRIO_PROCESS, 0, AGENT_NICE) != 0)
		return; /* it runs with the worker's own priority then */
}

/* The child between fork and exec: only async-signal-safe calls. */
static NORETURN void become_agent(const struct agent *agent, pid_t parent, int output, int ruleset,
                                  const struct seccomp_filter *filter)
{
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)agent->command, NULL};
	const int keep[] = {ruleset};
	int input = open("/dev/null", O_RDONLY);

	setsid();
	if (input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 || chdir(agent->workspace->path) != 0)
		_exit(126);
	process_begin_child(parent, keep, ruleset >= 0);
	limit_resources();
	offer_to_the_kernel();
	umask(077);
	if (!sandbox_enter(ruleset) || !seccomp_filter_enter(filter))
		_exit(126);
	if (ruleset >= 0)
		close(ruleset);
	execve("/bin/sh", argv, (char *const *)(uintptr_t)agent->environment);
	_exit(127);
}

struct agent_watch {
	pid_t pid;
	int output; /* our end of its pipe, non-blocking; -1 at its end */
	struct output_tail *tail;
	struct usage_watch usage;
	enum usage_verdict verdict;
	int64_t deadline_ms;
	void (*beat)(void *context, struct agent_watch *watch); /* NULL: it is to end */
	void *context;
	bool ended;
	int status;
};

static void read_output(struct agent_watch *w)
{
	enum { READS_A_TURN = 64 }; /* an agent that never stops writing must not outlive its time */
	char bytes[16 * 1024];

	for (int turn = 0; turn < READS_A_TURN && w->output >= 0; turn++) {
		ssize_t got = read(w->output, bytes, sizeof(bytes));
		if (got > 0) {
			output_tail_add(w->tail, bytes, (size_t)got);
		} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			close(w->output);
			w->output = -1;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

/* Whether the agent's first process has ended; its descendants may go on. */
static bool has_ended(struct agent_watch *w)
{
	w->ended = w->ended || waitpid(w->pid, &w->status, WNOHANG) == w->pid;
	return w->ended;
}

/* Orphans of the agent's are ours, and would fill the table of processes. */
static void bury_orphans(const struct agent_watch *w)
{
	siginfo_t next = {0};

	while (waitid(P_ALL, 0, &next, WEXITED | WNOHANG | WNOWAIT) == 0 && next.si_pid > 0) {
		if (next.si_pid == w->pid || next.si_pid == w->usage.child)
			return; /* they are waited for by name */
		(void)waitpid(next.si_pid, NULL, WNOHANG);
		next.si_pid = 0;
	}
}

bool agent_goes_on(struct agent_watch *w)
{
	read_output(w);
	if (w->verdict == USAGE_FINE)
		w->verdict = usage_look(&w->usage);
	return w->verdict == USAGE_FINE && (has_ended(w) || clock_monotonic_ms() < w->deadline_ms);
}

/* Waits until the agent ends, its time is over, it takes too much, or a signal asks to stop. True: it ended by itself. */
static bool watch(struct agent_watch *w, int interrupt_fd, bool *ret_interrupted)
{
	enum { BEAT_MS = 200 }; /* a daemon may keep the pipe open, so its end alone does not tell */

	for (;;) {
		struct pollfd wait[] = {{.fd = w->output, .events = POLLIN}, {.fd = interrupt_fd, .events = POLLIN}};
		int64_t left = w->deadline_ms - clock_monotonic_ms();
		if (poll(wait, 2, left < 0 ? 0 : (int)(left < BEAT_MS ? left : BEAT_MS)) > 0 && wait[1].revents) {
			*ret_interrupted = true;
			return false;
		}
		if (!agent_goes_on(w))
			return false;
		if (has_ended(w))
			return true;
		bury_orphans(w);
		if (w->beat)
			w->beat(w->context, w);
	}
}

/* SIGTERM first: an agent may want to save its work. One that takes too much would take more meanwhile. */
static void end(struct agent_watch *w)
{
	bool ignored = false;

	kill(-w->pid, w->verdict == USAGE_FINE ? SIGTERM : SIGKILL);
	usage_stop(&w->usage);
	w->usage.limits = (struct usage_limits){0};
	w->verdict = USAGE_FINE;
	w->beat = NULL;
	w->deadline_ms = clock_monotonic_ms() + KILL_GRACE_MS;
	if (!watch(w, -1, &ignored)) {
		kill(-w->pid, SIGKILL);
		while (waitpid(w->pid, &w->status, 0) < 0 && errno == EINTR)
			;
	}
}

static pid_t start(const struct agent *agent, int ruleset, const struct seccomp_filter *filter, int *ret_output, struct error *err)
{
	int ends[2];
	pid_t parent = getpid();

	if (pipe2(ends, O_CLOEXEC) != 0) {
		error_set(err, ERR_WORKSPACE_FAILED, "The agent cannot be started.");
		error_detail(err, "pipe: %s", strerror(errno));
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0)
		become_agent(agent, parent, ends[1], ruleset, filter);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		error_set(err, ERR_WORKSPACE_FAILED, "The agent cannot be started.");
		error_detail(err, "fork: %s", strerror(errno));
		return -1;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	*ret_output = ends[0];
	return pid;
}

static void describe(const struct agent *agent, const struct output_tail *tail, int status, struct agent_result *ret)
{
	CLEANUP(redactor_freep) struct redactor *redactor = redactor_new();

	if (agent->credential)
		redactor_add(redactor, agent->credential);
	ret->output = output_tail_text(tail, redactor);
	ret->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool agent_run(const struct agent *agent, struct agent_result *ret, struct error *err)
{
	CLEANUP(freep) struct output_tail *tail = xcalloc(1, sizeof(*tail));
	struct agent_result result = AGENT_RESULT_INIT;
	struct agent_watch watched = {.output = -1, .tail = tail, .beat = agent->beat, .context = agent->context};
	CLEANUP(seccomp_filter_release) struct seccomp_filter filter = SECCOMP_FILTER_INIT;
	bool scoped = sandbox_abi() > 0;
	int ruleset = -1;

	if (!agent_check(agent->unconfined_allowed, err) ||
	    !seccomp_filter_build(scoped ? SECCOMP_AGENT : SECCOMP_AGENT_UNSCOPED, false, &filter, err) ||
	    (scoped && !prepare_sandbox(agent, &ruleset, err)))
		return false;
	processes_adopt_orphans();
	watched.pid = start(agent, ruleset, &filter, &watched.output, err);
	if (ruleset >= 0)
		close(ruleset);
	if (watched.pid < 0)
		return false;

	watched.usage.limits = (struct usage_limits){agent->workspace->path, agent->workspace_max_mib, agent->memory_max_mib};
	watched.deadline_ms = clock_monotonic_ms() + agent->timeout_ms;
	if (!watch(&watched, agent->interrupt_fd, &result.interrupted)) {
		result.usage = watched.verdict;
		result.timed_out = !result.interrupted && result.usage == USAGE_FINE;
		end(&watched);
	}
	usage_stop(&watched.usage);
	kill(-watched.pid, SIGKILL);
	processes_end_children(NULL, 0);
	read_output(&watched);
	if (watched.output >= 0)
		close(watched.output);
	describe(agent, tail, watched.status, &result);
	*ret = result;
	return true;
}
