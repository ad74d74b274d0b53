#include "git_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"

#define GIT_PATH "/usr/bin/git"
enum { LINE_MAX_BYTES = 4096 };

struct assignment {
	const char *name, *value;
};

static const struct assignment variables[] = {
        {"PATH", "/usr/bin:/bin"},
        {"LC_ALL", "C"}, /* its words are read */
        {"GIT_CONFIG_NOSYSTEM", "1"},
        {"GIT_CONFIG_GLOBAL", "/dev/null"},
        {"GIT_ATTR_NOSYSTEM", "1"},
        {"GIT_TERMINAL_PROMPT", "0"},
        {"GIT_ALLOW_PROTOCOL", "http:https"},
        {"GIT_OPTIONAL_LOCKS", "0"},
};

static const struct assignment settings[] = {
        {"protocol.version", "2"},
        {"http.followRedirects", "false"},
        {"http.proxy", ""},
        {"credential.helper", ""},
        {"core.hooksPath", "/dev/null"},
        {"core.fsmonitor", "false"},
        {"gc.auto", "0"},
        {"maintenance.auto", "false"},
        {"fetch.recurseSubmodules", "false"},
        {"fetch.writeCommitGraph", "false"},
        {"repack.writeBitmaps", "false"},
        {"fetch.unpackLimit", "1"},          /* a pack, however small: it is moved in one piece */
        {"core.deltaBaseCacheLimit", "16m"}, /* memory is shared by all sessions of a worker */
        {"core.packedGitWindowSize", "4m"},
        {"core.packedGitLimit", "32m"},
        {"pack.windowMemory", "32m"},
};

/* Owned texts; `items` ends with NULL. */
struct environment {
	char *items[ARRAY_SIZE(variables) + 2 * (ARRAY_SIZE(settings) + 1) + 3];
	size_t count;
};

static void environment_release(struct environment *e)
{
	for (size_t i = 0; i < e->count; i++) {
		wipe(e->items[i], strlen(e->items[i])); /* one of them holds the credential */
		free(e->items[i]);
	}
}

static void add(struct environment *e, char *item)
{
	e->items[e->count++] = item;
}

static void add_setting(struct environment *e, size_t number, const char *name, char *value_item)
{
	add(e, xasprintf("GIT_CONFIG_KEY_%zu=%s", number, name));
	add(e, value_item);
}

static void make_environment(const struct git_program *program, struct environment *e)
{
	size_t count = ARRAY_SIZE(settings);

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		add(e, xasprintf("%s=%s", variables[i].name, variables[i].value));
	add(e, xasprintf("HOME=%s", program->folder));
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		add_setting(e, i, settings[i].name, xasprintf("GIT_CONFIG_VALUE_%zu=%s", i, settings[i].value));
	if (program->credential) {
		add_setting(e, count, "http.extraHeader",
		            xasprintf("GIT_CONFIG_VALUE_%zu=Authorization: Bearer %s", count, secret_bytes(program->credential)));
		count++;
	}
	add(e, xasprintf("GIT_CONFIG_COUNT=%zu", count));
}

static char **make_arguments(const char *const *arguments)
{
	size_t count = 0;

	while (arguments[count])
		count++;
	char **argv = xcalloc(count + 2, sizeof(*argv));
	argv[0] = (char *)(uintptr_t) "git";
	for (size_t i = 0; i < count; i++)
		argv[i + 1] = (char *)(uintptr_t)arguments[i];
	return argv;
}

/* The child between fork and exec: only async-signal-safe calls. */
static NORETURN void become_git(const struct git_program *program, int errors, char **argv, char **environment)
{
	int nothing = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* the job dies with its caller, git with the job */
	(void)signal(SIGPIPE, SIG_DFL);            /* its helpers end when it does */
	if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(errors, 2) < 0 || chdir(program->folder) != 0)
		_exit(126);
	execve(GIT_PATH, argv, environment);
	_exit(127);
}

/* Cuts what arrives into lines. A line that does not fit is nothing that git itself wrote, and is dropped. */
struct line_reader {
	char line[LINE_MAX_BYTES];
	size_t length;
	bool too_long;
};

static bool take_bytes(struct line_reader *reader, const struct git_program *program, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] != '\r' && bytes[i] != '\n') {
			reader->too_long = reader->too_long || reader->length == sizeof(reader->line) - 1;
			if (!reader->too_long)
				reader->line[reader->length++] = bytes[i];
			continue;
		}
		reader->line[reader->length] = '\0';
		bool go_on = reader->too_long || reader->length == 0 || !program->on_line ||
		             program->on_line(program->context, reader->line);
		reader->length = 0;
		reader->too_long = false;
		if (!go_on)
			return false;
	}
	return true;
}

static bool read_lines(const struct git_program *program, int fd)
{
	struct line_reader reader = {0};
	char bytes[4096];

	for (;;) {
		ssize_t got = read(fd, bytes, sizeof(bytes));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return take_bytes(&reader, program, "\n", 1);
		if (!take_bytes(&reader, program, bytes, (size_t)got))
			return false;
	}
}

bool git_program_run(const struct git_program *program, int *ret_exit_code, struct error *err)
{
	CLEANUP(environment_release) struct environment environment = {0};
	CLEANUP(freep) char **argv = make_arguments(program->arguments);
	int ends[2], status = 0;

	make_environment(program, &environment);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set(err, ERR_GIT_FAILED, "The git program cannot be started.");
	pid_t pid = fork();
	if (pid == 0)
		become_git(program, ends[1], argv, environment.items);
	close(ends[1]);
	bool heard = pid > 0 && read_lines(program, ends[0]);
	close(ends[0]); /* helpers that are still there find nobody to write to */
	if (pid > 0 && !heard)
		kill(pid, SIGKILL);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		return error_set(err, ERR_GIT_FAILED, "The git program cannot be started.");
	*ret_exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return heard;
}
