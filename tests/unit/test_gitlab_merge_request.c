#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gitlab_fixture.h"

#define POST_AT API "/projects/42/merge_requests"
#define FIND_AT API "/projects/42/merge_requests?state=opened&scope=all&source_branch=f%2Fx%26y&target_branch=main"
#define EXISTS  "409 Conflict", JSON_TYPE, "{\"message\":[\"Another open merge request already exists for this source branch: !3\"]}"

static const char *const labels[] = {"a", "b c"};
static const struct forge_merge_wish wish = {.source_branch = "f/x&y",
                                             .target_branch = "main",
                                             .title = "Add X",
                                             .description = "It \"adds\" X.",
                                             .labels = labels,
                                             .label_count = 2,
                                             .draft = true};

static struct forge_project project_of(struct fixture *f)
{
	return (struct forge_project){
	        .id = 42,
	        .path = xstrdup("g/p"),
	        .web_url = xasprintf("%s/g/p", f->instance.text),
	        .access_level = 30,
	};
}

static void answers_mean_open_found_or_a_reason(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		struct reply replies[3];
		struct forge_project changed; /* archived, access_level, merge_requests_disabled count */
		enum error_code code;
		int64_t number;
		bool existed;
		const char *words;
	} rows[] = {
	        {"it is opened, and its address is ours",
	         {{POST_AT, "201 Created", JSON_TYPE, "{\"iid\":7,\"web_url\":\"https://evil.test/x\"}"}},
	         {0},
	         ERR_NONE,
	         7,
	         false,
	         NULL},
	        {"one is open already",
	         {{POST_AT, EXISTS}, {FIND_AT, OK, "[{\"iid\":3,\"state\":\"opened\",\"source_project_id\":42}]"}},
	         {0},
	         ERR_NONE,
	         3,
	         true,
	         NULL},
	        {"a fork's is not ours",
	         {{POST_AT, EXISTS}, {FIND_AT, OK, "[{\"iid\":9,\"source_project_id\":43},{\"iid\":3,\"source_project_id\":42}]"}},
	         {0},
	         ERR_NONE,
	         3,
	         true,
	         NULL},
	        {"it was closed in between",
	         {{POST_AT, EXISTS}, {FIND_AT, OK, "[]"}},
	         {0},
	         ERR_MERGE_REQUEST_REFUSED,
	         0,
	         false,
	         "already exists for this source branch: !3"},
	        {"switched off, which is not asked",
	         {{NULL}},
	         {.merge_requests_disabled = true},
	         ERR_MERGE_REQUESTS_DISABLED,
	         0,
	         false,
	         "g/p"},
	        {"the target is missing",
	         {{POST_AT, "422 Unprocessable Entity", JSON_TYPE,
	           "{\"message\":[\"Target branch \\\"main\\\" does not exist\"]}"}},
	         {0},
	         ERR_MERGE_REQUEST_REFUSED,
	         0,
	         false,
	         "Target branch \"main\" does not exist"},
	        {"the title is too long",
	         {{POST_AT, "400 Bad Request", JSON_TYPE,
	           "{\"message\":{\"title\":[\"is too long (maximum is 255 characters)\"]}}"}},
	         {0},
	         ERR_MERGE_REQUEST_REFUSED,
	         0,
	         false,
	         "is too long"},
	        {"not with this role",
	         {{POST_AT, "403 Forbidden", JSON_TYPE, "{\"message\":\"403 Forbidden\"}"}},
	         {.access_level = 20},
	         ERR_MERGE_REQUEST_FORBIDDEN,
	         0,
	         false,
	         "Developer"},
	        {"archived meanwhile",
	         {{POST_AT, "403 Forbidden", JSON_TYPE, "{\"message\":\"403 Forbidden\"}"}},
	         {.archived = true},
	         ERR_REPO_ARCHIVED,
	         0,
	         false,
	         "archived"},
	        {"a token that can push and no more",
	         {{POST_AT, "403 Forbidden", JSON_TYPE, "{\"error\":\"insufficient_scope\",\"scope\":\"api\"}"}},
	         {0},
	         ERR_TOKEN_SCOPE_MISSING,
	         0,
	         false,
	         "The branch is pushed"},
	        {"another server answers",
	         {{POST_AT, "201 Created", JSON_TYPE, "{\"id\":1}"}},
	         {0},
	         ERR_INSTANCE_NOT_GITLAB,
	         0,
	         false,
	         NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = start(rows[i].replies);
		CLEANUP(forge_project_release) struct forge_project project = project_of(f);
		CLEANUP(forge_merge_request_release) struct forge_merge_request request = FORGE_MERGE_REQUEST_INIT;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		project.archived = rows[i].changed.archived;
		project.merge_requests_disabled = rows[i].changed.merge_requests_disabled;
		if (rows[i].changed.access_level)
			project.access_level = rows[i].changed.access_level;
		bool ok = gitlab_merge_request_open(&f->access, &project, &wish, &request, &err);
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(ok, rows[i].code == ERR_NONE);
		assert_int_equal(request.number, rows[i].number);
		assert_int_equal(request.existed, rows[i].existed);
		if (ok) {
			CLEANUP(freep)
			char *expected = xasprintf("%s/g/p/-/merge_requests/%lld", f->instance.text, (long long)request.number);
			assert_string_equal(request.web_url, expected);
		} else if (rows[i].words) {
			assert_non_null(strstr(err.message, rows[i].words));
		}
		stop(f);
	}
}

static char sent[2048];

static bool keep_body(struct peer_exchange *x)
{
	if (strcmp(x->target, POST_AT) != 0 || strcmp(x->method, "POST") != 0)
		return false;
	peer_read_body(x, sent, sizeof(sent));
	peer_answer(x, "201 Created", JSON_TYPE, "{\"iid\":1}");
	return true;
}

static void drafts_are_said_in_the_title_once(void **state UNUSED)
{
	static const struct {
		const char *title, *sent_title;
		bool draft;
	} rows[] = {
	        {"Add X", "Draft: Add X", true},        {"Add X", "Add X", false},
	        {"draft: Add X", "draft: Add X", true}, {"[Draft] Add X", "[Draft] Add X", true},
	        {"Drafty X", "Draft: Drafty X", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = start(NULL);
		CLEANUP(forge_project_release) struct forge_project project = project_of(f);
		CLEANUP(forge_merge_request_release) struct forge_merge_request request = FORGE_MERGE_REQUEST_INIT;
		struct forge_merge_wish changed = wish;
		struct error err = ERROR_INIT;

		f->answer = keep_body;
		changed.title = rows[i].title;
		changed.draft = rows[i].draft;
		assert_true(gitlab_merge_request_open(&f->access, &project, &changed, &request, &err));
		json_t *body = json_loads(sent, 0, NULL);
		assert_string_equal(json_string_or(body, "title", ""), rows[i].sent_title);
		assert_string_equal(json_string_or(body, "labels", ""), "a,b c");
		assert_string_equal(json_string_or(body, "source_branch", ""), "f/x&y");
		assert_string_equal(json_string_or(body, "description", ""), "It \"adds\" X.");
		json_decref(body);
		stop(f);
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
	        cmocka_unit_test(drafts_are_said_in_the_title_once),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
