#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "file.h"
#include "identity.h"
#include "temporary_folder.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct identity_fixture {
	struct temporary_folder folder;
	char path[PATH_SIZE];
	struct secret bearer;
	char id[17];
};

static void add(struct identity_fixture *f, const char *user, const char *const *projects, size_t count)
{
	struct error err = ERROR_INIT;

	secret_release(&f->bearer);
	assert_true(static_tokens_add(f->path, user, projects, count, &f->bearer, f->id, &err));
}

static void fixture_make(struct identity_fixture *f)
{
	assert_true(secret_library_init());
	*f = (struct identity_fixture){0};
	folder_make(&f->folder);
	folder_file(&f->folder, "tokens", f->path);
}

static void fixture_remove(struct identity_fixture *f)
{
	secret_release(&f->bearer);
	folder_remove(&f->folder);
}

static bool verify(struct static_tokens *tokens, const struct secret *bearer, struct caller *ret, enum error_code *ret_code)
{
	const struct identity identity = static_tokens_identity(tokens);
	struct error err = ERROR_INIT;
	bool known = identity.ops->verify(identity.state, bearer, ret, &err);

	*ret_code = err.code;
	return known;
}

static void bearer_is_shown_once_and_kept_as_a_hash(void **state UNUSED)
{
	struct identity_fixture f;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);
	struct error err = ERROR_INIT;
	struct stat about;

	fixture_make(&f);
	add(&f, "alice", NULL, 0);
	assert_int_equal(f.bearer.length, 47);
	assert_memory_equal(secret_bytes(&f.bearer), "acp_", 4);
	assert_true(file_read(f.path, &text, &err));
	assert_null(strstr(text.data, secret_bytes(&f.bearer) + 4));
	assert_int_equal(stat(f.path, &about), 0);
	assert_int_equal(about.st_mode & 0777, 0600);
	fixture_remove(&f);
}

static void a_shared_folder_lets_its_group_read_the_hashes(void **state UNUSED)
{
	struct identity_fixture f;
	struct stat about;

	fixture_make(&f);
	assert_int_equal(chmod(f.folder.path, 02750), 0);
	add(&f, "alice", NULL, 0);
	assert_int_equal(stat(f.path, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0640);
	fixture_remove(&f);
}

static void verify_knows_its_bearers_and_no_others(void **state UNUSED)
{
	static const char *const projects[] = {"team-a", "team-b"};
	struct identity_fixture f;
	CLEANUP(static_tokens_freep) struct static_tokens *tokens = NULL;
	CLEANUP(caller_release) struct caller caller = CALLER_INIT, nobody = CALLER_INIT;
	CLEANUP(secret_release) struct secret wrong = SECRET_INIT;
	struct error err = ERROR_INIT;
	enum error_code code;
	char bytes[48];

	fixture_make(&f);
	add(&f, "bob", NULL, 0);
	add(&f, "system:serviceaccount:a b/\xc3\xa4%", projects, 2);
	assert_true(static_tokens_open(f.path, &tokens, &err));
	assert_true(verify(tokens, &f.bearer, &caller, &code));
	assert_string_equal(caller.user_id, "system:serviceaccount:a b/\xc3\xa4%");
	assert_int_equal(caller.project_count, 2);
	assert_string_equal(caller.projects[1], "team-b");
	memcpy(bytes, secret_bytes(&f.bearer), sizeof(bytes));
	bytes[46] = bytes[46] == 'A' ? 'B' : 'A';
	secret_set(&wrong, bytes, 47);
	assert_false(verify(tokens, &wrong, &nobody, &code));
	assert_int_equal(code, ERR_UNAUTHENTICATED);
	secret_set(&wrong, "", 0);
	assert_false(verify(tokens, &wrong, &nobody, &code));
	assert_int_equal(code, ERR_UNAUTHENTICATED);
	fixture_remove(&f);
}

static void projects_are_what_the_line_says(void **state UNUSED)
{
	static const struct {
		const char *sentence, *granted, *asked;
		bool allowed;
	} rows[] = {
	        {"the very project", "team-a", "team-a", true},
	        {"another project", "team-a", "team-b", false},
	        {"a project that begins alike", "team-a", "team-a2", false},
	        {"any project", "*", "team-b", true},
	        {"none was named", NULL, "team-a", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct identity_fixture f;
		CLEANUP(static_tokens_freep) struct static_tokens *tokens = NULL;
		CLEANUP(caller_release) struct caller caller = CALLER_INIT;
		struct identity identity;
		struct error err = ERROR_INIT;
		enum error_code code;

		print_message("  %s\n", rows[i].sentence);
		fixture_make(&f);
		add(&f, "alice", &rows[i].granted, rows[i].granted ? 1 : 0);
		assert_true(static_tokens_open(f.path, &tokens, &err));
		assert_true(verify(tokens, &f.bearer, &caller, &code));
		identity = static_tokens_identity(tokens);
		assert_int_equal(identity.ops->may_use_project(identity.state, &caller, rows[i].asked,
		                                               &(struct project_use){"get", "projectsettings"}, &err),
		                 rows[i].allowed);
		if (!rows[i].allowed)
			assert_int_equal(err.code, ERR_FORBIDDEN);
		fixture_remove(&f);
	}
}

/* The file is looked at once a second; what is waited for is the change, at most five times as long. */
static bool becomes(struct static_tokens *tokens, const struct secret *bearer, enum error_code wanted)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};

	for (int i = 0; i < 100; i++) {
		CLEANUP(caller_release) struct caller caller = CALLER_INIT;
		enum error_code code;

		if (verify(tokens, bearer, &caller, &code) == (wanted == ERR_NONE) && code == wanted)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void changes_are_seen_and_a_broken_file_lets_nobody_in(void **state UNUSED)
{
	struct identity_fixture f;
	CLEANUP(static_tokens_freep) struct static_tokens *tokens = NULL;
	CLEANUP(secret_release) struct secret first = SECRET_INIT;
	struct error err = ERROR_INIT;
	char first_id[17];

	fixture_make(&f);
	add(&f, "alice", NULL, 0);
	secret_copy(&first, &f.bearer);
	memcpy(first_id, f.id, sizeof(first_id));
	assert_true(static_tokens_open(f.path, &tokens, &err));
	add(&f, "bob", NULL, 0);
	assert_true(becomes(tokens, &f.bearer, ERR_NONE));
	assert_true(static_tokens_remove(f.path, first_id, &err));
	assert_true(becomes(tokens, &first, ERR_UNAUTHENTICATED));
	assert_true(becomes(tokens, &f.bearer, ERR_NONE));
	assert_true(file_write_atomically(f.path, "nonsense\n", 9, 0600, &err));
	assert_true(becomes(tokens, &f.bearer, ERR_SERVICE_UNAVAILABLE));
	fixture_remove(&f);
}

static void malformed_lines_are_named(void **state UNUSED)
{
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const struct {
		const char *sentence, *text;
		bool good;
	} rows[] = {
	        {"comments and empty lines", "# nothing\n\n", true},
	        {"a line without projects", "0123456789abcdef " HASH " 2026-11-22T18:00:00Z alice\n", true},
	        {"no final line break", "0123456789abcdef " HASH " 2026-11-22T18:00:00Z alice a,b", true},
	        {"a short id", "0123 " HASH " 2026-11-22T18:00:00Z alice\n", false},
	        {"a short hash", "0123456789abcdef 0123 2026-11-22T18:00:00Z alice\n", false},
	        {"no time", "0123456789abcdef " HASH " yesterday alice\n", false},
	        {"no user", "0123456789abcdef " HASH " 2026-11-22T18:00:00Z\n", false},
	        {"a broken escape", "0123456789abcdef " HASH " 2026-11-22T18:00:00Z al%zz\n", false},
	        {"a project that is no name", "0123456789abcdef " HASH " 2026-11-22T18:00:00Z alice A_B\n", false},
	        {"too many fields", "0123456789abcdef " HASH " 2026-11-22T18:00:00Z alice a b\n", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct identity_fixture f;
		CLEANUP(static_tokens_freep) struct static_tokens *tokens = NULL;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		fixture_make(&f);
		assert_true(file_write_atomically(f.path, rows[i].text, strlen(rows[i].text), 0600, &err));
		assert_int_equal(static_tokens_open(f.path, &tokens, &err), rows[i].good);
		if (!rows[i].good)
			assert_non_null(strstr(err.message, "line 1"));
		fixture_remove(&f);
	}
}

static void file_that_others_may_write_is_refused(void **state UNUSED)
{
	struct identity_fixture f;
	CLEANUP(static_tokens_freep) struct static_tokens *tokens = NULL;
	struct error err = ERROR_INIT;

	fixture_make(&f);
	add(&f, "alice", NULL, 0);
	assert_int_equal(chmod(f.path, 0622), 0);
	assert_false(static_tokens_open(f.path, &tokens, &err));
	assert_int_equal(err.code, ERR_CONFIG_INVALID);
	fixture_remove(&f);
}

static void *add_some(void *context)
{
	const char *path = context;

	for (int i = 0; i < 10; i++) {
		CLEANUP(secret_release) struct secret bearer = SECRET_INIT;
		char id[17];

		if (!static_tokens_add(path, "alice", NULL, 0, &bearer, id, NULL))
			return context;
	}
	return NULL;
}

static void additions_at_the_same_time_lose_no_line(void **state UNUSED)
{
	struct identity_fixture f;
	struct static_token_line *lines = NULL;
	struct error err = ERROR_INIT;
	pthread_t threads[4];
	size_t count = 0;
	void *failed;

	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_some, f.path), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_true(static_tokens_list(f.path, &lines, &count, &err));
	assert_int_equal(count, 40);
	static_token_lines_free(lines, count);
	fixture_remove(&f);
}

static void removing_an_unknown_token_is_not_found(void **state UNUSED)
{
	struct identity_fixture f;
	struct error err = ERROR_INIT;

	fixture_make(&f);
	assert_false(static_tokens_remove(f.path, "0123456789abcdef", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(bearer_is_shown_once_and_kept_as_a_hash),
	        cmocka_unit_test(a_shared_folder_lets_its_group_read_the_hashes),
	        cmocka_unit_test(verify_knows_its_bearers_and_no_others),
	        cmocka_unit_test(projects_are_what_the_line_says),
	        cmocka_unit_test(changes_are_seen_and_a_broken_file_lets_nobody_in),
	        cmocka_unit_test(malformed_lines_are_named),
	        cmocka_unit_test(file_that_others_may_write_is_refused),
	        cmocka_unit_test(additions_at_the_same_time_lose_no_line),
	        cmocka_unit_test(removing_an_unknown_token_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
