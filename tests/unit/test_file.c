#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
	        cmocka_unit_test_setup_teardown(unusable_paths_are_named_in_the_message, make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
