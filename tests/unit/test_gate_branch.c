#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gate_branch.h"

#define A "1111111111111111111111111111111111111111"
#define B "2222222222222222222222222222222222222222"

static void request_is_what_git_sends(void **state)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(1000);

	(void)state;
	ls_refs_request("refs/heads/main", &text);
	assert_string_equal(text.data, "0014command=ls-refs\n0001001fref-prefix refs/heads/main\n0000");
}

static void answer_is_read_strictly(void **state)
{
	static const struct {
		const char *why, *bytes, *commit;
	} rows[] = {
	        {"the branch alone", "003d" A " refs/heads/main\n0000", A},
	        {"after one that begins alike", "003e" B " refs/heads/main2\n003d" A " refs/heads/main\n0000", A},
	        {"only one that begins alike", "003e" B " refs/heads/main2\n0000", NULL},
	        {"no branch", "0000", NULL},
	        {"nothing", "", NULL},
	        {"no end", "003d" A " refs/heads/main\n", NULL},
	        {"more after the end", "003d" A " refs/heads/main\n00000000", NULL},
	        {"an error instead", "0012ERR not today\n0000", NULL},
	        {"an error after the branch", "003d" A " refs/heads/main\n0012ERR", NULL},
	        {"a length that is too long", "ffff" A " refs/heads/main\n0000", NULL},
	        {"a length that is none", "00zz" A " refs/heads/main\n0000", NULL},
	        {"a length shorter than itself", "0002" A " refs/heads/main\n0000", NULL},
	        {"capital digits are not git's",
	         "003d"
	         "ABCDEFABCDEFABCDEFABCDEFABCDEFABCDEFABCD"
	         " refs/heads/main\n0000",
	         NULL},
	        {"attributes that were not asked for", "0046" A " refs/heads/main peeled:\n0000", NULL},
	        {"an answer in the old protocol", "001e# service=git-upload-pack\n0000", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char commit[COMMIT_SIZE] = "";
		bool ok = ls_refs_answer(rows[i].bytes, strlen(rows[i].bytes), "refs/heads/main", commit);
		if (ok != (rows[i].commit != NULL) || (ok && strcmp(commit, rows[i].commit) != 0))
			fail_msg("%s: %d %s", rows[i].why, ok, commit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(request_is_what_git_sends), cmocka_unit_test(answer_is_read_strictly)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
