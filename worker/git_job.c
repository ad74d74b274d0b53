#include "git_job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "caps.h"
#include "clock.h"
#include "file.h"
#include "git_library.h"
#include "processes.h"
#include "sandbox.h"
#include "seccomp_filter.h"

/* A sanitizer's shadow memory alone is larger than a job's share. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED false
#endif

enum { PROGRESS_EVERY_MS = 100, EXIT_AFTER_RESULT_MS = 5000, ASK_EVERY_MS = 200, WAIT_MS = 60 * 1000 };
enum { JOB_CPU_SECONDS = 3600, JOB_OPEN_FILES = 1024, JOB_PROCESSES = 4096 /* of this user, the agents' included */ };
static const rlim_t job_file_size = (rlim_t)4 << 30;
static const rlim_t job_memory = (rlim_t)2 << 30;         /* of its own; the Linux kernel's ten million objects fit */
static const rlim_t job_address_space = (rlim_t)16 << 30; /* packs are mapped */

/* Name resolution and character sets; the libraries themselves are loaded already. */
static const char *const needs[] = {"/etc/resolv.conf",
                                    "/etc/hosts",
                                    "/etc/nsswitch.conf",
                                    "/etc/host.conf",
                                    "/etc/gai.conf",
                                    "/etc/services",
                                    "/etc/ssl/certs",
                                    "/usr/lib",
                                    "/usr/share/zoneinfo",
                                    "/lib",
                                    "/lib64",
                                    "/etc/ld.so.cache",
                                    NULL};
static const char *const devices[] = {"/dev/null", "/dev/urandom", NULL};

struct git_job_report {
	int fd;
	int64_t last_ms;
};

/* --- in the job: one JSON object a line --- */

static bool write_line(int fd, json_t *line)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_ANSWER);

	json_write(&text, line);
	strbuf_add_char(&text, '\n');
	json_decref(line);
	return strbuf_ok(&text) && file_write_all(fd, text.data, text.length);
}

bool git_job_progress(struct git_job_report *report, const char *stage, int64_t done, int64_t total, int64_t bytes, bool last)
{
	int64_t now = clock_monotonic_ms();

	if (!report || (!last && now - report->last_ms < PROGRESS_EVERY_MS))
		return true;
	report->last_ms = now;
	return write_line(report->fd, json_pack("{s:{s:s, s:I, s:I, s:I}}", "progress", "stage", stage, "done", (json_int_t)done,
	                                        "total", (json_int_t)total, "bytes", (json_int_t)bytes));
}

static void set_text(json_t *object, const char *name, const char *text)
{
	json_t *value = json_string(text);

	json_object_set_new(object, name, value ? value : json_string("(unreadable text)"));
}

static json_t *error_line(const struct error *err)
{
	json_t *error = json_object();

	set_text(error, "code", error_name(err->code));
	set_text(error, "message", err->message);
	set_text(error, "detail", err->detail);
	if (err->remediation[0])
		set_text(error, "remediation", err->remediation);
	return json_pack("{s:o}", "error", error);
}

/* Never above what the service manager gave. */
static bool limit(int resource, rlim_t value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) != 0)
		return false;
	if (now.rlim_max < value)
		value = now.rlim_max;
	return setrlimit(resource, &(struct rlimit){value, value}) == 0;
}

static bool limit_resources(bool starts_programs)
{
	bool ok = limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, job_file_size) && limit(RLIMIT_CPU, JOB_CPU_SECONDS) &&
	          limit(RLIMIT_NOFILE, JOB_OPEN_FILES) && limit(RLIMIT_NPROC, starts_programs ? JOB_PROCESSES : 0);

	if (!SANITIZED)
		ok = ok && limit(RLIMIT_DATA, job_memory) && limit(RLIMIT_AS, job_address_space);
	(void)signal(SIGXFSZ, SIG_IGN); /* a full limit is a failed write */
	(void)signal(SIGPIPE, SIG_IGN); /* the gate may hang up */
	return ok;
}

/* What the child puts on, made while memory may still be allocated and folders opened. */
struct confinement {
	int ruleset; /* -1: no Landlock, and that was allowed */
	struct seccomp_filter filter;
};

static void confinement_release(struct confinement *c)
{
	if (c->ruleset >= 0)
		close(c->ruleset);
	seccomp_filter_release(&c->filter);
}

static bool enter(const struct git_job *job, const struct confinement *c)
{
	return limit_resources(job->programs != NULL) && sandbox_enter(c->ruleset) && seccomp_filter_enter(&c->filter);
}

static NORETURN void run_child(const struct git_job *job, pid_t parent, int fd, const struct confinement *confinement)
{
	int ruleset = confinement->ruleset;
	struct git_job_report report = {.fd = fd};
	struct error err = ERROR_INIT;
	json_t *result = NULL;
	const int keep[] = {fd < ruleset ? fd : ruleset, fd < ruleset ? ruleset : fd};

	setpgid(0, 0);
	process_begin_child(parent, keep, 2);
	bool ok = enter(job, confinement);
	if (!ok)
		error_set(&err, ERR_AGENT_UNCONFINED, "The git operation cannot be confined.");
	ok = ok && git_library_open(&err) && job->work(job->input, &report, &result, &err);
	bool told = write_line(fd, ok ? json_pack("{s:o}", "result", result ? result : json_object()) : error_line(&err));
	_exit(told ? 0 : 1);
}

/* --- in the caller --- */

struct reading {
	struct strbuf text;
	json_t *last; /* the line that ends it; owned */
};

static void handle_line(const struct git_job *job, struct reading *reading, const char *line, size_t length)
{
	json_t *object = json_parse_answer(line, length);
	const json_t *progress = json_object_get(object, "progress");

	if (progress && job->on_progress)
		job->on_progress(job->context, progress);
	if (json_object_get(object, "result") || json_object_get(object, "error")) {
		json_decref(reading->last);
		reading->last = json_incref(object);
	}
	json_decref(object);
}

static void handle_text(const struct git_job *job, struct reading *reading)
{
	struct strbuf rest = STRBUF_INIT(LIMIT_ANSWER);
	const char *line = reading->text.data;

	for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
		handle_line(job, reading, line, (size_t)(end - line));
	strbuf_add_string(&rest, line);
	strbuf_release(&reading->text);
	reading->text = rest;
}

/* False at the end. */
static bool read_some(const struct git_job *job, int fd, struct reading *reading)
{
	char bytes[8192];
	ssize_t got = read(fd, bytes, sizeof(bytes));

	if (got == 0 || (got < 0 && errno != EINTR))
		return false;
	strbuf_add(&reading->text, bytes, got > 0 ? (size_t)got : 0);
	handle_text(job, reading);
	return true;
}

enum end { ENDED, TIMED_OUT, INTERRUPTED };

static enum end read_until_end(const struct git_job *job, int fd, struct reading *reading)
{
	int64_t deadline = clock_monotonic_ms() + job->limit_ms, at_most = job->goes_on ? ASK_EVERY_MS : WAIT_MS;

	for (;;) {
		struct pollfd wait[] = {{.fd = fd, .events = POLLIN}, {.fd = job->interrupt_fd, .events = POLLIN}};
		int64_t left = deadline - clock_monotonic_ms();
		int ready = poll(wait, 2, left < 0 ? 0 : (int)(left < at_most ? left : at_most));
		if (ready > 0 && wait[1].revents)
			return INTERRUPTED;
		if (ready > 0 && wait[0].revents && !read_some(job, fd, reading))
			return ENDED;
		if (left <= 0)
			return TIMED_OUT;
		if (job->goes_on && !job->goes_on(job->context))
			return INTERRUPTED;
	}
}

static bool conclude(const struct reading *reading, enum end end, int status, json_t **ret_result, struct error *err)
{
	json_t *result = json_object_get(reading->last, "result");
	const json_t *failure = json_object_get(reading->last, "error");

	if (result) {
		*ret_result = json_incref(result);
		return true;
	}
	if (failure) {
		error_from_json(failure, err);
		return error_detail(err, "%s", json_string_or(failure, "detail", ""));
	}
	if (end == INTERRUPTED)
		return error_set(err, ERR_SESSION_LOST, "The session was interrupted.");
	if (end == TIMED_OUT)
		return error_set(err, ERR_GIT_STALLED, "The git operation took too long and was ended.");
	if (status > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		error_set(err, ERR_GIT_FAILED, "The git operation did what git never does and was ended.");
	else
		error_set(err, ERR_GIT_FAILED, "The git operation ended without a result.");
	return error_detail(err, "git job: wait status 0x%x", (unsigned)status);
}

static bool prepare(const struct git_job *job, struct confinement *ret, struct error *err)
{
	const char *const writable[] = {job->writable, NULL};
	const struct sandbox rules = {.writable = writable,
	                              .readable = needs,
	                              .objects = job->objects,
	                              .programs = job->programs,
	                              .devices = devices,
	                              .hidden = job->hidden,
	                              .tcp_port = job->gate_port,
	                              .plain_files = true};

	if (!seccomp_filter_build(job->programs ? SECCOMP_GIT_PROGRAM : SECCOMP_GIT_LIBRARY, job->gate_has_name, &ret->filter, err))
		return false;
	if (sandbox_abi() == 0 && job->unconfined_allowed)
		return true;
	return sandbox_prepare(&rules, &ret->ruleset, err);
}

bool git_job_run(const struct git_job *job, json_t **ret_result, struct error *err)
{
	CLEANUP(confinement_release) struct confinement confinement = {.ruleset = -1};
	struct reading reading = {.text = STRBUF_INIT(LIMIT_ANSWER)};
	int ends[2];
	pid_t parent = getpid();

	if (!prepare(job, &confinement, err))
		return false;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(err, ERR_GIT_FAILED, "The git operation cannot be started.");
	pid_t pid = fork();
	if (pid == 0)
		run_child(job, parent, ends[1], &confinement);
	close(ends[1]);

	enum end end = pid < 0 ? ENDED : read_until_end(job, ends[0], &reading);
	close(ends[0]);
	int status = pid < 0 ? -1 : process_wait_or_kill(pid, clock_monotonic_ms() + (end == ENDED ? EXIT_AFTER_RESULT_MS : 0));
	bool ok = conclude(&reading, end, status, ret_result, err);
	json_decref(reading.last);
	strbuf_release(&reading.text);
	return ok;
}
