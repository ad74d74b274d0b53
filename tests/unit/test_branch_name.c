#include "branch_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "caps.h"

static const char *const good[] = {
        "main",
        "feature/add-x",
        "ambient/session-1",
        "a.b",
        "v1.2.3",
        "fix#12",
        "x@y",
        "größe",
        "a-",
        "release/2.0_rc",
        "head",
        "refs",
        "80948e8cc8f0e851e89a10bc7c2ee234d1a5fbe", /* 39 digits are no id */
};

static const struct {
	const char *sentence;
	const char *name;
} bad[] = {
        {"empty", ""},
        {"a blank", "my branch"},
        {"a line break", "a\nb"},
        {"a tab", "a\tb"},
        {"delete", "a\x7f"},
        {"a leading hyphen reads as an option", "-f"},
        {"a leading slash", "/a"},
        {"a slash at the end", "a/"},
        {"two slashes", "a//b"},
        {"a dot at the start", ".a"},
        {"a dot at the start of a part", "a/.b"},
        {"a dot at the end", "a."},
        {"two dots are a range", "a..b"},
        {".lock is git's own", "a.lock"},
        {".lock in the middle", "a.lock/b"},
        {"the log of a ref", "a@{1}"},
        {"at alone is HEAD", "@"},
        {"HEAD", "HEAD"},
        {"a tilde", "a~1"},
        {"a caret", "a^"},
        {"a colon", "a:b"},
        {"a question mark", "a?"},
        {"an asterisk", "a*"},
        {"a bracket", "a[b"},
        {"a backslash", "a\\b"},
        {"the id of a commit", "80948e8cc8f0e851e89a10bc7c2ee234d1a5fbe7"},
        {"bytes that are not UTF-8", "a\xff"},
};

static void check_accepts_what_git_accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct error err = ERROR_INIT;
		if (!branch_name_check(good[i], &err))
			fail_msg("%s: %s", good[i], err.message);
	}
}

static void check_refuses_what_git_or_gitlab_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = ERROR_INIT;
		print_message("%s\n", bad[i].sentence);
		assert_false(branch_name_check(bad[i].name, &err));
		assert_int_equal(err.code, ERR_BRANCH_INVALID);
		assert_true(strlen(err.message) > 0);
	}
}

static void check_has_a_length_limit(void **state)
{
	char name[LIMIT_BRANCH_MAX + 2] = {0};

	(void)state;
	memset(name, 'a', LIMIT_BRANCH_MAX);
	name[0] = 'z'; /* not the id of a commit */
	assert_true(branch_name_check(name, NULL));
	name[LIMIT_BRANCH_MAX] = 'a';
	assert_false(branch_name_check(name, NULL));
}

static void web_url_encodes_all_but_slashes(void **state)
{
	static const struct {
		const char *project;
		bool github;
		const char *name;
		const char *expected;
	} rows[] = {
	        {"https://gitlab.com/myteam/backend", false, "feature/add-feature-x",
	         "https://gitlab.com/myteam/backend/-/tree/feature/add-feature-x"},
	        {"https://g.example/gitlab/a/b", false, "fix#1&2", "https://g.example/gitlab/a/b/-/tree/fix%231%262"},
	        {"https://g.example/a/b", false, "ä", "https://g.example/a/b/-/tree/%C3%A4"},
	        {"https://github.com/o/r", true, "main", "https://github.com/o/r/tree/main"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *url = branch_web_url(rows[i].project, rows[i].github, rows[i].name);
		assert_string_equal(url, rows[i].expected);
		free(url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(check_accepts_what_git_accepts),
	        cmocka_unit_test(check_refuses_what_git_or_gitlab_refuses),
	        cmocka_unit_test(check_has_a_length_limit),
	        cmocka_unit_test(web_url_encodes_all_but_slashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
