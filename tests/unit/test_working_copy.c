#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "alloc.h"
#include "working_copy.h"
#include "workspace.h"

static char top[64];

static char *below(const char *name)
{
	return xasprintf("%s/copy/%s", top, name);
}

static void make_file(const char *name)
{
	CLEANUP(freep) char *path = below(name);
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void make_folder(const char *name)
{
	CLEANUP(freep) char *path = below(name);

	assert_int_equal(mkdir(path, 0700), 0);
}

static void make_socket(const char *name)
{
	CLEANUP(freep) char *path = below(name);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) < sizeof(address.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test-copy-XXXXXX");
	assert_non_null(mkdtemp(top));
	make_folder("");
	make_folder(".git");
	make_folder(".git/refs");
	make_folder("src");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_true(remove_tree(top, NULL));
	return 0;
}

static void only_files_folders_and_links_of_content_stay(void **state)
{
	enum kind { A_FILE, A_PIPE, A_SOCKET, A_LINK };
	static const struct {
		const char *why, *name;
		enum kind kind;
		bool stays;
	} rows[] = {
	        {"a file is content", "src/file", A_FILE, true},
	        {"a lock of another tool is content", "yarn.lock", A_FILE, true},
	        {"a link is content", "link", A_LINK, true},
	        {"git would not see a pipe, and libgit2 would wait for its writer", "src/pipe", A_PIPE, false},
	        {"nor a socket", "socket", A_SOCKET, false},
	        {"an ignore file is opened", ".gitignore", A_PIPE, false},
	        {"a file of git's", ".git/config", A_FILE, true},
	        {"a pipe among git's files is opened", ".git/HEAD", A_PIPE, false},
	        {"a link among them leads anywhere", ".git/objects", A_LINK, false},
	        {"below as well", ".git/refs/heads", A_LINK, false},
	        {"whoever held a lock is dead", ".git/index.lock", A_FILE, false},
	        {"no name ends a reference like a lock", ".git/refs/main.lock", A_FILE, false},
	        {"a reference", ".git/refs/.lock", A_FILE, true},
	};
	CLEANUP(freep) char *copy = below("");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *path = below(rows[i].name);
		if (rows[i].kind == A_FILE)
			make_file(rows[i].name);
		else if (rows[i].kind == A_SOCKET)
			make_socket(rows[i].name);
		else
			assert_int_equal(rows[i].kind == A_PIPE ? mkfifo(path, 0600) : symlink("/etc", path), 0);
	}
	assert_true(working_copy_tame(copy, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *path = below(rows[i].name);
		struct stat info;
		if ((lstat(path, &info) == 0) != rows[i].stays)
			fail_msg("%s: %s", rows[i].name, rows[i].why);
	}
}

static void what_is_too_deep_is_an_error_and_not_a_crash(void **state)
{
	CLEANUP(freep) char *copy = below("");
	struct error err = ERROR_INIT;
	int at = open(copy, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (int depth = 0; depth < 3000; depth++) {
		assert_int_equal(mkdirat(at, "d", 0700), 0);
		int next = openat(at, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(at);
	assert_false(working_copy_tame(copy, &err));
	assert_int_equal(err.code, ERR_WORKSPACE_FAILED);
}

static void folder_that_is_a_link_is_not_entered(void **state)
{
	CLEANUP(freep) char *copy = below("");
	CLEANUP(freep) char *link = xasprintf("%s/link", top);
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(symlink(copy, link), 0);
	assert_false(working_copy_tame(link, &err));
	assert_int_equal(err.code, ERR_WORKSPACE_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(only_files_folders_and_links_of_content_stay, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_is_too_deep_is_an_error_and_not_a_crash, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(folder_that_is_a_link_is_not_entered, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
