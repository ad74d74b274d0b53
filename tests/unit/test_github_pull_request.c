#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "github_fixture.h"

#define POST_AT     API "/repos/o/r/pulls"
#define FIND_AT     API "/repos/o/r/pulls?state=open&head=o:f%2Fx&base=main"
#define LABELS_AT   API "/repos/o/r/issues/5/labels"
#define OPENED      POST_AT, "201 Created", JSON_TYPE, "{\"number\":5,\"html_url\":\"https://evil.test/pull/5\"}"
#define REFUSED(is) POST_AT, "422 Unprocessable Entity", JSON_TYPE, "{\"message\":\"Validation Failed\",\"errors\":[" is "]}"
#define EXISTS                                                                                                                     \
	REFUSED("{\"resource\":\"PullRequest\",\"code\":\"custom\",\"message\":\"A pull request already exists for o:f/x.\"}")

static const char *const labels[] = {"a"};

static void answers_mean_open_found_or_a_reason(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		struct reply replies[4];
		size_t label_count;
		enum error_code code, unmarked;
		int64_t number;
		bool existed;
		const char *words;
	} rows[] = {
	        {"it is opened, and its address is ours", {{OPENED}}, 0, ERR_NONE, ERR_NONE, 5, false, NULL},
	        {"with labels", {{OPENED}, {LABELS_AT, OK, "[{\"name\":\"a\"}]"}}, 1, ERR_NONE, ERR_NONE, 5, false, NULL},
	        {"open, but without its labels",
	         {{OPENED},
	          {LABELS_AT, "403 Forbidden", JSON_TYPE, "{\"message\":\"Resource not accessible by personal access token\"}"}},
	         1,
	         ERR_NONE,
	         ERR_TOKEN_PERMISSION_MISSING,
	         5,
	         false,
	         NULL},
	        {"one is open already",
	         {{EXISTS}, {FIND_AT, OK, "[{\"number\":5}]"}, {LABELS_AT, OK, "[]"}},
	         1,
	         ERR_NONE,
	         ERR_NONE,
	         5,
	         true,
	         NULL},
	        {"it was closed in between",
	         {{EXISTS}, {FIND_AT, OK, "[]"}},
	         0,
	         ERR_MERGE_REQUEST_REFUSED,
	         ERR_NONE,
	         0,
	         false,
	         "already exists for o:f/x"},
	        {"nothing to merge",
	         {{REFUSED("{\"resource\":\"PullRequest\",\"code\":\"custom\",\"message\":\"No commits between main and f/x\"}")}},
	         0,
	         ERR_MERGE_REQUEST_REFUSED,
	         ERR_NONE,
	         0,
	         false,
	         "No commits between main and f/x"},
	        {"a field is named",
	         {{REFUSED("{\"resource\":\"PullRequest\",\"field\":\"base\",\"code\":\"invalid\"}")}},
	         0,
	         ERR_MERGE_REQUEST_REFUSED,
	         ERR_NONE,
	         0,
	         false,
	         "base: invalid"},
	        {"no drafts in this plan",
	         {{POST_AT, "422 Unprocessable Entity", JSON_TYPE,
	           "{\"message\":\"Draft pull requests are not supported in this repository.\"}"}},
	         0,
	         ERR_MERGE_REQUEST_REFUSED,
	         ERR_NONE,
	         0,
	         false,
	         "Draft pull requests are not supported"},
	        {"a token that may push and no more",
	         {{POST_AT, "403 Forbidden", JSON_TYPE, "{\"message\":\"Resource not accessible by personal access token\"}"}},
	         0,
	         ERR_TOKEN_PERMISSION_MISSING,
	         ERR_NONE,
	         0,
	         false,
	         "Pull requests: Read and write"},
	        {"what a token may not do is hidden",
	         {{POST_AT, NOT_FOUND, "{\"message\":\"Not Found\"}"}},
	         0,
	         ERR_TOKEN_PERMISSION_MISSING,
	         ERR_NONE,
	         0,
	         false,
	         "Pull requests"},
	        {"archived meanwhile",
	         {{POST_AT, "403 Forbidden", JSON_TYPE, "{\"message\":\"Repository was archived so is read-only.\"}"}},
	         0,
	         ERR_REPO_ARCHIVED,
	         ERR_NONE,
	         0,
	         false,
	         "archived"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct github_fixture *f = github_fixture_start(rows[i].replies);
		CLEANUP(forge_project_release)
		struct forge_project project = {.id = 1, .path = xstrdup("o/r"), .web_url = xasprintf("%s/o/r", f->instance.text)};
		CLEANUP(forge_merge_request_release) struct forge_merge_request request = FORGE_MERGE_REQUEST_INIT;
		const struct forge_merge_wish wish = {.source_branch = "f/x",
		                                      .target_branch = "main",
		                                      .title = "Add X",
		                                      .description = "",
		                                      .labels = labels,
		                                      .label_count = rows[i].label_count};
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		bool ok = github_pull_request_open(&f->access, &project, &wish, &request, &err);
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(ok, rows[i].code == ERR_NONE);
		assert_int_equal(request.number, rows[i].number);
		assert_int_equal(request.existed, rows[i].existed);
		assert_int_equal(request.unmarked.code, rows[i].unmarked);
		if (ok) {
			CLEANUP(freep) char *expected = xasprintf("%s/o/r/pull/5", f->instance.text);
			assert_string_equal(request.web_url, expected);
		} else if (rows[i].words) {
			assert_non_null(strstr(err.message, rows[i].words));
			assert_null(strstr(error_remediation(&err), "merge request"));
		}
		github_fixture_stop(f);
	}
}

static int set_up(void **state UNUSED)
{
	json_library_init();
	return secret_library_init() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(answers_mean_open_found_or_a_reason),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
