#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "audit.h"
#include "file.h"
#include "temporary_folder.h"

static json_t *line_of(const char *path, size_t index)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(65536);
	const char *line;

	assert_true(file_read(path, &text, NULL));
	line = text.data;
	for (size_t i = 0; i < index; i++)
		line = strchr(line, '\n') + 1;
	json_t *object = json_parse_answer(line, strcspn(line, "\n"));
	assert_non_null(object);
	return object;
}

static void assert_member(const json_t *object, const char *name, const char *value)
{
	const char *got = json_string_or(object, name, "(none)");

	if (strcmp(got, value) != 0)
		fail_msg("%s is %s", name, got);
}

static void a_use_is_one_line_with_what_is_known_of_it(void **state UNUSED)
{
	static const char hash[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	CLEANUP(folder_remove) struct temporary_folder folder = {0};
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
	CLEANUP(audit_release) struct audit audit = AUDIT_INIT;
	char path[PATH_SIZE];
	struct stat st;
	struct error err = ERROR_INIT, failure = ERROR_INIT, broken = ERROR_INIT;

	folder_make(&folder);
	(void)umask(0007);
	assert_true(audit_open(folder_file(&folder, "audit.log", path), "acp-test", "git", &audit, &err));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	c.user_id = xstrdup("alice");
	c.provider = xstrdup("gitlab");
	c.instance_url = xstrdup("https://gitlab.company.com:8443/apps/gitlab");
	c.fingerprint = xstrdup(hash);
	c.generation = 7;
	audit_connection(&audit, &c,
	                 (struct audit_use){.action = AUDIT_PUSH, .repository = "team/api", .session = "s-1", .request_id = "r-1"});
	error_set(&failure, ERR_PUSH_FORBIDDEN, "GitLab's words about glpat-secret-secret-1 are not repeated.");
	audit.actor = "operator:root";
	audit_write(&audit,
	            &(struct audit_use){.action = AUDIT_DISCONNECT, .user = "bob", .credential = "project", .failure = &failure});
	audit_write(&audit, &(struct audit_use){.action = AUDIT_FETCH, .failure = &broken});

	json_t *line = line_of(path, 0);
	static const char *const members[][2] = {{"stream", "audit"},
	                                         {"action", "git.push"},
	                                         {"actor", "alice"},
	                                         {"user", "alice"},
	                                         {"provider", "gitlab"},
	                                         {"repository", "team/api"},
	                                         {"tokenHash", hash},
	                                         {"session", "s-1"},
	                                         {"request_id", "r-1"},
	                                         {"outcome", "ok"},
	                                         {"pool", "git"},
	                                         {"program", "acp-test"},
	                                         {"credential", "connection"},
	                                         {"host", "gitlab.company.com:8443/apps/gitlab"}};
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		assert_member(line, members[i][0], members[i][1]);
	assert_int_equal(json_int_or(line, "generation", 0), 7);
	json_decref(line);
	line = line_of(path, 1);
	assert_member(line, "actor", "operator:root");
	assert_member(line, "user", "bob");
	assert_member(line, "credential", "project");
	assert_member(line, "outcome", "push_forbidden");
	assert_member(line, "tokenHash", "(none)");
	json_decref(line);
	line = line_of(path, 2);
	assert_member(line, "outcome", "broken_off");
	json_decref(line);
	CLEANUP(strbuf_release) struct strbuf all = STRBUF_INIT(65536);
	assert_true(file_read(path, &all, NULL));
	assert_null(strstr(all.data, "glpat"));
}

static void every_action_has_a_name_of_its_own(void **state UNUSED)
{
	for (int i = AUDIT_CONNECT; i <= AUDIT_MERGE_REQUEST; i++) {
		assert_non_null(audit_action_name((enum audit_action)i));
		for (int j = AUDIT_CONNECT; j < i; j++)
			assert_string_not_equal(audit_action_name((enum audit_action)i), audit_action_name((enum audit_action)j));
	}
}

static void what_is_there_stays(void **state UNUSED)
{
	CLEANUP(folder_remove) struct temporary_folder folder = {0};
	char path[PATH_SIZE];
	struct error err = ERROR_INIT;

	folder_make(&folder);
	folder_file(&folder, "audit.log", path);
	for (int i = 0; i < 3; i++) {
		CLEANUP(audit_release) struct audit audit = AUDIT_INIT;

		assert_true(audit_open(path, "acp-test", NULL, &audit, &err));
		audit_write(&audit, &(struct audit_use){.action = AUDIT_TEST});
	}
	json_decref(line_of(path, 2));
}

static void without_a_stream_nothing_happens(void **state UNUSED)
{
	CLEANUP(audit_release) struct audit audit = AUDIT_INIT;
	struct error err = ERROR_INIT;

	audit_write(NULL, &(struct audit_use){.action = AUDIT_TEST});
	audit_write(&audit, &(struct audit_use){.action = AUDIT_TEST});
	assert_false(audit_open("/no/such/folder/audit.log", "acp-test", NULL, &audit, &err));
	assert_int_equal(err.code, ERR_CONFIG_INVALID);
	assert_non_null(strstr(err.message, "ACP_AUDIT_LOG"));
}

/* Standard error in its place, read back from a pipe. */
static void a_line_that_the_file_does_not_take_is_not_lost(void **state UNUSED)
{
	CLEANUP(audit_release) struct audit audit = AUDIT_INIT;
	struct error err = ERROR_INIT;
	char text[4096];
	int ends[2], kept = dup(STDERR_FILENO);

	assert_true(audit_open("/dev/full", "acp-test", "git", &audit, &err));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	audit_write(&audit, &(struct audit_use){.action = AUDIT_PUSH, .user = "alice"});
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	close(ends[1]);
	ssize_t length = read(ends[0], text, sizeof(text));
	close(ends[0]);
	close(kept);
	assert_true(length > 0);
	json_t *line = json_parse_answer(text, (size_t)length);
	assert_member(line, "action", "git.push");
	assert_member(line, "user", "alice");
	assert_member(line, "level", "error");
	json_decref(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_use_is_one_line_with_what_is_known_of_it),
	        cmocka_unit_test(every_action_has_a_name_of_its_own),
	        cmocka_unit_test(what_is_there_stays),
	        cmocka_unit_test(without_a_stream_nothing_happens),
	        cmocka_unit_test(a_line_that_the_file_does_not_take_is_not_lost),
	};

	return secret_library_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
