#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "file.h"
#include "sandbox.h"
#include "workspace.h"

static char root[64];

static char *below(const char *name)
{
	return xasprintf("%s/%s", root, name);
}

static int set_up(void **state)
{
	static const char *const folders[] = {"tools", "tools/data", "tools/bin", "work"};
	static const char *const files[] = {"tools/plain", "tools/data/key", "tools/data/agent.sh", "tools/bin/program",
	                                    "elsewhere"};

	(void)state;
	snprintf(root, sizeof(root), "/tmp/test-sandbox-XXXXXX");
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CLEANUP(freep) char *path = below(folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(freep) char *path = below(files[i]);
		assert_true(file_write_atomically(path, "x", 1, 0600, NULL));
	}
	CLEANUP(freep) char *link = below("tools/link");
	assert_int_equal(symlink("data", link), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_true(remove_tree(root, NULL));
	return 0;
}

/* Runs `probe` confined; its result is the child's exit status. */
static int confined(const struct sandbox *rules, int (*probe)(const void *), const void *what)
{
	struct error err = ERROR_INIT;
	int ruleset = -1, status = 0;

	if (!sandbox_prepare(rules, &ruleset, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	pid_t pid = fork();
	if (pid == 0)
		_exit(sandbox_enter(ruleset) ? probe(what) : 99);
	close(ruleset);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int can_read(const void *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return errno == EACCES ? 1 : 2;
	close(fd);
	return 0;
}

static int can_connect(const void *port)
{
	struct sockaddr_in address = {
	        .sin_family = AF_INET, .sin_port = htons(*(const unsigned short *)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	return errno == EACCES ? 1 : 0; /* refused by nobody listening is not refused by the sandbox */
}

static void hidden_paths_stay_closed_below_readable_folders(void **state)
{
	static const struct {
		const char *why, *path;
		bool open;
	} rows[] = {
	        {"a plain file of a tool", "tools/plain", true},
	        {"a folder beside the hidden one", "tools/bin/program", true},
	        {"the hidden folder's content", "tools/data/key", false},
	        {"the same through a link beside it", "tools/link/key", false},
	        {"a program that the operator named lies in it", "tools/data/agent.sh", true},
	        {"what was never listed", "elsewhere", false},
	};
	CLEANUP(freep) char *tools = below("tools");
	CLEANUP(freep) char *hidden = below("tools/data");
	CLEANUP(freep) char *missing = below("tools/data/not-yet");
	CLEANUP(freep) char *script = below("tools/data/agent.sh");
	CLEANUP(freep) char *work = below("work");
	const struct sandbox rules = {
	        .readable = (const char *const[]){tools, NULL},
	        .hidden = (const char *const[]){hidden, missing, NULL},
	        .programs = (const char *const[]){script, NULL},
	        .writable = (const char *const[]){work, NULL},
	};

	(void)state;
	if (sandbox_abi() == 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *path = below(rows[i].path);
		if ((confined(&rules, can_read, path) == 0) != rows[i].open)
			fail_msg("%s", rows[i].why);
	}
}

static void named_secret_is_no_program(void **state)
{
	CLEANUP(freep) char *key = below("tools/data/key");
	const struct sandbox rules = {.programs = (const char *const[]){key, NULL}, .hidden = (const char *const[]){key, NULL}};

	(void)state;
	if (sandbox_abi() == 0)
		skip();
	assert_int_equal(confined(&rules, can_read, key), 1);
}

static void only_the_gates_port_can_be_reached(void **state)
{
	static const unsigned short gate = 8099, other = 8098;
	const struct sandbox rules = {.tcp_port = 8099};

	(void)state;
	if (sandbox_abi() < 4)
		skip();
	assert_int_equal(confined(&rules, can_connect, &gate), 0);
	assert_int_equal(confined(&rules, can_connect, &other), 1);
}

static void missing_workspace_is_an_error(void **state)
{
	const struct sandbox rules = {.writable = (const char *const[]){"/nonexistent/workspace", NULL}};
	struct error err = ERROR_INIT;
	int ruleset = -1;

	(void)state;
	if (sandbox_abi() == 0)
		skip();
	assert_false(sandbox_prepare(&rules, &ruleset, &err));
	assert_int_equal(err.code, ERR_WORKSPACE_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(hidden_paths_stay_closed_below_readable_folders, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(named_secret_is_no_program, set_up, tear_down),
	        cmocka_unit_test(only_the_gates_port_can_be_reached),
	        cmocka_unit_test(missing_workspace_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
