#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "session_lock.h"
#include "workspace.h"

enum { CLOSED = 0 };

static const char first_id[] = "0f0f0f0f-1111-4222-8333-444444444444";
static const char second_id[] = "1f0f0f0f-1111-4222-8333-444444444444";

struct place {
	char root[64];
	struct workspace workspace;
};

static int set_up(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	snprintf(place->root, sizeof(place->root), "/tmp/test-workspace-XXXXXX");
	assert_non_null(mkdtemp(place->root));
	assert_true(workspace_locate(place->root, first_id, &place->workspace, NULL));
	assert_true(workspace_create(&place->workspace, NULL));
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	assert_true(remove_tree(place->root, NULL));
	workspace_release(&place->workspace);
	free(place);
	return 0;
}

static void write_file(const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
	free(path);
}

static void only_uuids_name_a_workspace(void **state)
{
	static const char *const names[] = {"",
	                                    ".",
	                                    "..",
	                                    "../x",
	                                    "api",
	                                    "0F0F0F0F-1111-4222-8333-444444444444",
	                                    "0f0f0f0f-1111-4222-8333-44444444444/",
	                                    "0f0f0f0f-1111-4222-8333-4444444444444"};
	struct place *place = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct workspace w = WORKSPACE_INIT;
		struct error err = ERROR_INIT;
		assert_false(workspace_locate(place->root, names[i], &w, &err));
		assert_int_equal(err.code, ERR_WORKSPACE_FAILED);
	}
}

static void removal_never_follows_a_link(void **state)
{
	struct place *place = *state;
	char *outside = xasprintf("%s/outside", place->root);
	char *inner = xasprintf("%s/link", place->workspace.path);

	assert_int_equal(mkdir(outside, 0700), 0);
	write_file(outside, "precious");
	assert_int_equal(symlink(outside, inner), 0);
	assert_true(workspace_remove(&place->workspace, NULL));
	char *precious = xasprintf("%s/precious", outside);
	assert_int_equal(access(precious, F_OK), 0);
	free(precious);
	free(inner);
	free(outside);
}

static void removal_copes_with_depth_and_closed_folders(void **state)
{
	struct place *place = *state;
	int at = open(place->workspace.path, O_RDONLY | O_DIRECTORY);

	for (int depth = 0; depth < 3000; depth++) { /* a path far beyond PATH_MAX */
		assert_int_equal(mkdirat(at, "deep", 0700), 0);
		assert_int_equal(mkdirat(at, "side", 0), 0);
		int next = openat(at, "deep", O_RDONLY | O_DIRECTORY);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
	assert_true(workspace_remove(&place->workspace, NULL));
	assert_false(workspace_exists(&place->workspace));
}

static mode_t mode_of(const char *path)
{
	struct stat info;

	assert_int_equal(lstat(path, &info), 0);
	return info.st_mode & 07777;
}

/* By an agent under our own user. The superuser, as whom this may run, opens it all the same: so the modes are looked at. */
static void what_an_agent_closed_is_taken_back(void **state)
{
	struct place *place = *state;
	CLEANUP(workspace_release) struct workspace w = WORKSPACE_INIT;
	CLEANUP(session_lock_release) struct session_lock lock = SESSION_LOCK_INIT;
	CLEANUP(freep) char *above = xasprintf("%s/above", place->root);
	CLEANUP(freep) char *root = xasprintf("%s/workspaces", above);
	CLEANUP(freep) char *held = xasprintf("%s/%s.lock", root, first_id);
	struct error err = ERROR_INIT;
	char **ids;
	size_t count;

	assert_int_equal(mkdir(above, 0750), 0);
	assert_true(workspace_locate(root, first_id, &w, NULL) && workspace_create(&w, NULL));
	assert_true(workspace_write_record(&w, json_object(), NULL));
	assert_int_equal(mode_of(root), 0711);
	write_file(root, "0f0f0f0f-1111-4222-8333-444444444444.lock");
	const char *const closed[] = {held, w.record, w.path, root, above};
	for (size_t i = 0; i < ARRAY_SIZE(closed); i++)
		assert_int_equal(chmod(closed[i], CLOSED), 0);
	if (!session_lock_take(&w, 0, &lock, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	json_t *record = workspace_read_record(&w);
	assert_non_null(record);
	json_decref(record);
	assert_int_equal(mode_of(above), S_IXUSR);
	assert_int_equal(mode_of(root), S_IRWXU);
	assert_int_equal(mode_of(w.path), S_IRWXU);
	assert_int_equal(mode_of(held), S_IRUSR | S_IWUSR);
	assert_int_equal(mode_of(w.record), S_IRUSR | S_IWUSR);
	/* A mode of the operator's stays. */
	assert_int_equal(chmod(above, 0750) | chmod(root, 02771 & ~S_IXUSR), 0);
	assert_true(workspace_list_ids(root, &ids, &count, &err));
	assert_int_equal(count, 1);
	workspace_free_ids(ids, count);
	assert_int_equal(mode_of(root), 02771);
	assert_int_equal(mode_of(above), 0750);
}

static void record_survives_and_goes_with_the_workspace(void **state)
{
	struct place *place = *state;

	assert_null(workspace_read_record(&place->workspace));
	assert_true(workspace_write_record(&place->workspace, json_pack("{s:i}", "exitCode", 0), NULL));
	json_t *record = workspace_read_record(&place->workspace);
	assert_int_equal(json_int_or(record, "exitCode", -1), 0);
	json_decref(record);
	assert_true(workspace_create(&place->workspace, NULL));
	assert_null(workspace_read_record(&place->workspace));
}

/* Whoever was ended while it wrote a record left the half of it beside it. */
static void a_half_written_record_is_found_and_goes_with_the_workspace(void **state)
{
	struct place *place = *state;
	CLEANUP(freep) char *unfinished = xasprintf("%s.tmp", place->workspace.record);
	char **found = NULL;
	size_t count = 0;

	assert_true(workspace_remove(&place->workspace, NULL));
	write_file(place->root, "0f0f0f0f-1111-4222-8333-444444444444.json.tmp");
	assert_true(workspace_list_ids(place->root, &found, &count, NULL));
	assert_int_equal(count, 1);
	assert_string_equal(found[0], first_id);
	workspace_free_ids(found, count);
	assert_true(workspace_remove(&place->workspace, NULL));
	assert_int_equal(access(unfinished, F_OK), -1);
}

static void only_what_belongs_to_sessions_is_listed_and_each_once(void **state)
{
	static const char *const strangers[] = {"not-a-session", "1f0f0f0f-1111-4222-8333-444444444444.txt",
	                                        "1F0F0F0F-1111-4222-8333-444444444444", "+mirror"};
	struct place *place = *state;
	char **found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
		write_file(place->root, strangers[i]);
	assert_true(workspace_write_record(&place->workspace, json_object(), NULL));
	write_file(place->root, "0f0f0f0f-1111-4222-8333-444444444444.lock");
	write_file(place->root, "1f0f0f0f-1111-4222-8333-444444444444.lock");
	assert_true(workspace_list_ids(place->root, &found, &count, NULL));
	assert_int_equal(count, 2);
	assert_true(strcmp(found[0], first_id) == 0 || strcmp(found[1], first_id) == 0);
	assert_true(strcmp(found[0], second_id) == 0 || strcmp(found[1], second_id) == 0);
	workspace_free_ids(found, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(only_uuids_name_a_workspace, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(removal_never_follows_a_link, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(removal_copes_with_depth_and_closed_folders, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_an_agent_closed_is_taken_back, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(record_survives_and_goes_with_the_workspace, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_half_written_record_is_found_and_goes_with_the_workspace, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(only_what_belongs_to_sessions_is_listed_and_each_once, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
