/* What a path and a ref may be before any forge is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "handle_browse.h"

static void path_stays_inside_the_repository(void **state)
{
	static const struct {
		const char *sentence, *given, *path; /* NULL: refused */
	} rows[] = {
	        {"a file", "docs/guide.md", "docs/guide.md"},
	        {"the top", "", ""},
	        {"a slash is the top, too", "/", ""},
	        {"slashes around it are dropped", "//docs/", "docs"},
	        {"names with dots in them", ".github/a..b/...", ".github/a..b/..."},
	        {"anything else is text", "a b/#1?x=%2e%2e&y", "a b/#1?x=%2e%2e&y"},
	        {"the folder above", "..", NULL},
	        {"the folder above, inside", "docs/../secret", NULL},
	        {"the folder above, at the end", "docs/..", NULL},
	        {"the folder itself", "./docs", NULL},
	        {"two slashes in a row", "docs//guide.md", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *path = NULL;
		struct error err = ERROR_INIT;

		if (browse_path(rows[i].given, &path, &err) != (rows[i].path != NULL) ||
		    (rows[i].path ? strcmp(path, rows[i].path) != 0 : err.code != ERR_PATH_NOT_FOUND))
			fail_msg("%s: %s", rows[i].sentence, rows[i].given);
	}
}

static void ref_is_what_git_can_call_one(void **state)
{
	static const struct {
		const char *sentence, *ref;
		bool valid;
	} rows[] = {
	        {"a branch", "feature/x#1", true},
	        {"a tag", "v1.0", true},
	        {"a commit", "1111111111111111111111111111111111111111", true},
	        {"a short commit", "deadbee", true},
	        {"the default branch by git's name", "HEAD", true},
	        {"the folder above", "..", false},
	        {"an ancestor", "main~1", false},
	        {"an option", "-x", false},
	        {"a range", "main..other", false},
	        {"a slash at the begin", "/main", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;

		if (browse_ref_check(rows[i].ref, &err) != rows[i].valid || (!rows[i].valid && err.code != ERR_REF_NOT_FOUND))
			fail_msg("%s: %s", rows[i].sentence, rows[i].ref);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(path_stays_inside_the_repository),
	        cmocka_unit_test(ref_is_what_git_can_call_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
