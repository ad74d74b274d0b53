#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "file.h"

static int make_folder(void **state)
{
	char pattern[] = "/tmp/test_file.XXXXXX";
	*state = mkdtemp(pattern) ? xstrdup(pattern) : NULL;
	return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"/a", "/a.tmp", "/elsewhere"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *path = xasprintf("%s%s", (char *)*state, names[i]);
		unlink(path);
	}
	int result = rmdir(*state);
	free(*state);
	return result;
}

static void what_was_written_is_read(void **state)
{
	CLEANUP(freep) char *path = xasprintf("%s/a", (char *)*state);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(100);
	struct error err = ERROR_INIT;
	struct stat about;
	umask(077);
	assert_true(file_write_atomically(path, "one\0two", 7, 0640, &err));
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0640);
	assert_true(file_read(path, &text, &err));
	assert_int_equal(text.length, 7);
	assert_memory_equal(text.data, "one\0two", 7);
}

static void rewriting_leaves_no_temporary_file_and_follows_no_link(void **state)
{
	CLEANUP(freep) char *path = xasprintf("%s/a", (char *)*state);
	CLEANUP(freep) char *temporary = xasprintf("%s/a.tmp", (char *)*state);
	CLEANUP(freep) char *elsewhere = xasprintf("%s/elsewhere", (char *)*state);
	struct error err = ERROR_INIT;
	assert_int_equal(symlink(elsewhere, temporary), 0);
	assert_true(file_write_atomically(path, "x", 1, 0600, &err));
	assert_true(file_write_atomically(path, "y", 1, 0600, &err));
	assert_int_not_equal(access(temporary, F_OK), 0);
	assert_int_not_equal(access(elsewhere, F_OK), 0);
}

static void size_is_capped_by_the_buffer(void **state)
{
	CLEANUP(freep) char *path = xasprintf("%s/a", (char *)*state);
	struct error err = ERROR_INIT;
	assert_true(file_write_atomically(path, "12345678", 8, 0600, &err));
	CLEANUP(strbuf_release) struct strbuf exact = STRBUF_INIT(8), small = STRBUF_INIT(7);
	assert_true(file_read(path, &exact, &err));
	assert_false(file_read(path, &small, &err));
	assert_int_equal(err.code, ERR_CONFIG_INVALID);
	assert_non_null(strstr(err.message, "larger than 7 bytes"));
}

enum { MUCH = 1024 * 1024 }; /* far beyond what a pipe holds, so that it takes many writes */

static void ring(int number UNUSED)
{
}

struct reader {
	int fd;
	size_t read;
};

/* Reads it all, waking the writer with a signal before each piece. */
static void *read_slowly(void *context)
{
	struct reader *reader = context;
	char block[8192];
	ssize_t got;

	do {
		kill(getpid(), SIGUSR1);
		got = read(reader->fd, block, sizeof(block));
		for (ssize_t i = 0; i < got; i++)
			reader->read += block[i] == 'x';
	} while (got > 0);
	return NULL;
}

static void all_is_written_however_many_writes_it_takes(void **state UNUSED)
{
	const struct sigaction bell = {.sa_handler = ring}; /* without SA_RESTART */
	CLEANUP(freep) char *bytes = xmalloc(MUCH);
	struct reader reader = {0};
	sigset_t only;
	pthread_t thread;
	int pipes[2];

	memset(bytes, 'x', MUCH);
	assert_int_equal(pipe2(pipes, O_CLOEXEC) | sigaction(SIGUSR1, &bell, NULL), 0);
	sigemptyset(&only);
	sigaddset(&only, SIGUSR1);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &only, NULL), 0); /* the reader's stays so: each signal is the writer's */
	reader.fd = pipes[0];
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &only, NULL), 0);
	assert_true(file_write_all(pipes[1], bytes, MUCH));
	close(pipes[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(reader.read, MUCH);
	close(pipes[0]);
	assert_true(file_write_all(-1, bytes, 0));
	assert_false(file_write_all(-1, bytes, 1));
	assert_int_equal(errno, EBADF);
}

static void unusable_paths_are_named_in_the_message(void **state)
{
	CLEANUP(freep) char *missing = xasprintf("%s/missing", (char *)*state);
	CLEANUP(freep) char *in_missing = xasprintf("%s/missing/file", (char *)*state);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(8);
	struct error err = ERROR_INIT;
	assert_false(file_read(missing, &text, &err));
	assert_int_equal(err.code, ERR_CONFIG_INVALID);
	assert_non_null(strstr(err.message, missing));
	assert_non_null(strstr(err.message, "does not exist"));
	assert_false(file_read(*state, &text, &err));
	assert_non_null(strstr(err.message, "not a regular file"));
	assert_false(file_write_atomically(in_missing, "x", 1, 0600, &err));
	assert_non_null(strstr(err.message, in_missing));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(what_was_written_is_read, make_folder, remove_folder),
	        cmocka_unit_test_setup_teardown(rewriting_leaves_no_temporary_file_and_follows_no_link, make_folder, remove_folder),
	        cmocka_unit_test_setup_teardown(size_is_capped_by_the_buffer, make_folder, remove_folder),
	        cmocka_unit_test(all_is_written_however_many_writes_it_takes),
	        cmocka_unit_test_setup_teardown(unusable_paths_are_named_in_the_message, make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
