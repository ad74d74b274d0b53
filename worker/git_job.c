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
#include "git_library.h"
#include "processes.h"
#include "sandbox.h"

enum { PROGRESS_EVERY_MS = 100, CPU_SECONDS = 3600, EXIT_AFTER_RESULT_MS = 5000 };
static const rlim_t job_file_size = (rlim_t)4 << 30;

/* Name resolution and character sets; the libraries themselves are loaded already. */
static const char *const needs[] = {
        "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",  "/etc/host.conf", "/etc/gai.conf", "/etc/services",
        "/etc/ssl/certs",   "/usr/lib",   "/usr/share/zoneinfo", "/lib",           "/lib64",        NULL};
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
	for (size_t done = 0; done < text.length;) {
		ssize_t wrote = write(fd, text.data + done, text.length - done);
		if (wrote < 0 && errno != EINTR)
			return false;
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	return strbuf_ok(&text);
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

static void limit_resources(void)
{
	const struct rlimit no_core = {0, 0}, file_size = {job_file_size, job_file_size}, cpu = {CPU_SECONDS, CPU_SECONDS};

	setrlimit(RLIMIT_CORE, &no_core);
	setrlimit(RLIMIT_FSIZE, &file_size);
	setrlimit(RLIMIT_CPU, &cpu);
	(void)signal(SIGXFSZ, SIG_IGN); /* a full limit is a failed write */
	(void)signal(SIGPIPE, SIG_IGN); /* the gate may hang up */
}

static NORETURN void run_child(const struct git_job *job, pid_t parent, int fd, int ruleset)
{
	struct git_job_report report = {.fd = fd};
	struct error err = ERROR_INIT;
	json_t *result = NULL;
	const int keep[] = {fd < ruleset ? fd : ruleset, fd < ruleset ? ruleset : fd};

	setpgid(0, 0);
	process_begin_child(parent, keep, 2);
	limit_resources();
	bool ok = sandbox_enter(ruleset);
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

enum end { ENDED, TIMED_OUT, INTERRUPTED };

static enum end read_until_end(const struct git_job *job, int fd, struct reading *reading)
{
	int64_t deadline = clock_monotonic_ms() + job->limit_ms;
	char bytes[8192];

	for (;;) {
		struct pollfd wait[] = {{.fd = fd, .events = POLLIN}, {.fd = job->interrupt_fd, .events = POLLIN}};
		int64_t left = deadline - clock_monotonic_ms();
		int ready = poll(wait, 2, left < 0 ? 0 : (int)(left < 60000 ? left : 60000));
		if (ready > 0 && wait[1].revents)
			return INTERRUPTED;
		if (ready > 0 && wait[0].revents) {
			ssize_t got = read(fd, bytes, sizeof(bytes));
			if (got == 0 || (got < 0 && errno != EINTR))
				return ENDED;
			strbuf_add(&reading->text, bytes, got > 0 ? (size_t)got : 0);
			handle_text(job, reading);
		}
		if (left <= 0)
			return TIMED_OUT;
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
	error_set(err, ERR_GIT_FAILED, "The git operation ended without a result.");
	return error_detail(err, "git job: wait status 0x%x", (unsigned)status);
}

static bool prepare(const struct git_job *job, int *ret_ruleset, struct error *err)
{
	const char *const writable[] = {job->writable, NULL};
	const struct sandbox rules = {
	        .writable = writable, .readable = needs, .devices = devices, .hidden = job->hidden, .tcp_port = job->gate_port};

	if (sandbox_abi() == 0 && job->unconfined_allowed) {
		*ret_ruleset = -1;
		return true;
	}
	return sandbox_prepare(&rules, ret_ruleset, err);
}

bool git_job_run(const struct git_job *job, json_t **ret_result, struct error *err)
{
	struct reading reading = {.text = STRBUF_INIT(LIMIT_ANSWER)};
	int ruleset = -1, ends[2];
	pid_t parent = getpid();

	if (!prepare(job, &ruleset, err))
		return false;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		if (ruleset >= 0)
			close(ruleset);
		return error_set(err, ERR_GIT_FAILED, "The git operation cannot be started.");
	}
	pid_t pid = fork();
	if (pid == 0)
		run_child(job, parent, ends[1], ruleset);
	close(ends[1]);
	if (ruleset >= 0)
		close(ruleset);

	enum end end = pid < 0 ? ENDED : read_until_end(job, ends[0], &reading);
	close(ends[0]);
	int status = pid < 0 ? -1 : process_wait_or_kill(pid, clock_monotonic_ms() + (end == ENDED ? EXIT_AFTER_RESULT_MS : 0));
	bool ok = conclude(&reading, end, status, ret_result, err);
	json_decref(reading.last);
	strbuf_release(&reading.text);
	return ok;
}
