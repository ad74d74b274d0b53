/* The JSON of a project's list, and of what lies in a repository. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "render_fixture.h"
#include "render_project.h"
#include "response.h"

static void list_keeps_its_members_and_gets_reports(void **state)
{
	struct check_report report = CHECK_REPORT_INIT;
	struct project_view view = {.document = json_pack("{s:[{s:s}], s:s, s:s}", "repositories", "url", "https://gitlab.com/g/p",
	                                                  "note", "ours", "data", "unwrapped"),
	                            .version = 3};
	json_t *answer = render_project(&view);

	(void)state;
	assert_null(json_object_get(answer, "reports"));
	assert_string_equal(json_string_or(answer, "note", ""), "ours");
	/* A client that looks for a member `data` would take it for the whole answer. */
	assert_null(json_object_get(answer, "data"));
	json_decref(answer);
	view.reports = &report;
	view.count = 1;
	answer = render_project(&view);
	assert_int_equal(json_array_size(json_object_get(answer, "reports")), 1);
	assert_null(json_object_get(view.document, "reports"));
	json_decref(answer);
	json_decref(view.document);
	check_report_release(&report);
}

static void branches_have_their_newest_commit(void **state)
{
	char name[] = "feature/x", sha[] = "11", message[] = "Add x", author[] = "Ann", time[] = "2026-11-22T17:00:00Z";
	struct forge_branch_row row = {
	        .name = name, .is_default = true, .sha = sha, .message = message, .author = author, .timestamp = time};
	const struct forge_branch_list list = {&row, 1}, none = FORGE_BRANCH_LIST_INIT;

	(void)state;
	assert_json(render_branches(&list),
	            "{\"branches\":[{\"name\":\"feature/x\",\"protected\":false,\"default\":true,\"commit\":{\"sha\":\"11\","
	            "\"message\":\"Add x\",\"author\":\"Ann\",\"timestamp\":\"2026-11-22T17:00:00Z\"}}]}");
	assert_json(render_branches(&none), "{\"branches\":[]}");
}

static void size_is_shown_where_it_is_known(void **state)
{
	char file[] = "a.txt", folder[] = "docs", blob[] = "blob", tree_type[] = "tree", mode[] = "100644", tree_mode[] = "040000",
	     sha[] = "11";
	struct forge_tree_entry entries[] = {
	        {.name = folder, .path = folder, .type = tree_type, .mode = tree_mode, .sha = sha, .size = -1},
	        {.name = file, .path = file, .type = blob, .mode = mode, .sha = sha, .size = 0},
	};
	const struct forge_tree tree = {entries, 2};

	(void)state;
	assert_json(render_tree("", "main", &tree),
	            "{\"path\":\"\",\"ref\":\"main\",\"entries\":["
	            "{\"name\":\"docs\",\"path\":\"docs\",\"type\":\"tree\",\"mode\":\"040000\",\"sha\":\"11\"},"
	            "{\"name\":\"a.txt\",\"path\":\"a.txt\",\"type\":\"blob\",\"mode\":\"100644\",\"sha\":\"11\",\"size\":0}]}");
}

static void content_is_text_or_base64(void **state)
{
	static const struct {
		const char *sentence, *bytes;
		size_t length;
		const char *answer;
	} rows[] = {
	        {"text", "h\xc3\xa4llo\n", 7, "{\"content\":\"h\xc3\xa4llo\\n\",\"encoding\":\"utf-8\",\"size\":7}"},
	        {"an empty file", "", 0, "{\"content\":\"\",\"encoding\":\"utf-8\",\"size\":0}"},
	        {"another encoding", "h\xe4llo", 5, "{\"content\":\"aORsbG8=\",\"encoding\":\"base64\",\"size\":5}"},
	        {"a word in color", "0123456789abcdef\33[1m", 20,
	         "{\"content\":\"0123456789abcdef\\u001b[1m\",\"encoding\":\"utf-8\",\"size\":20}"},
	        {"more controls than text has", "a\1b\2", 4, "{\"content\":\"YQFiAg==\",\"encoding\":\"base64\",\"size\":4}"},
	        {"a NUL in it", "a\0b", 3, "{\"content\":\"YQBi\",\"encoding\":\"base64\",\"size\":3}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(64);

		print_message("  %s\n", rows[i].sentence);
		strbuf_add(&bytes, rows[i].bytes, rows[i].length);
		assert_json(render_blob(&bytes), rows[i].answer);
	}
}

/* The largest file fits into an answer and into nginx's buffers for it, however much of it has to be escaped. */
static void worst_file_fits_into_an_answer(void **state)
{
	static const struct {
		const char *sentence, *piece; /* of 16 bytes */
	} rows[] = {
	        {"all controls", "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"},
	        {"all quotes", "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""},
	        {"quotes, and as many controls as a text may have", "\"\"\"\"\"\"\"\1\"\"\"\"\"\"\"\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(LIMIT_BLOB);
		CLEANUP(response_release) struct response response = RESPONSE_INIT;

		print_message("  %s\n", rows[i].sentence);
		for (size_t length = 0; length < LIMIT_BLOB; length += 16)
			strbuf_add(&bytes, rows[i].piece, 16);
		response_json(&response, 200, render_blob(&bytes));
		assert_true(strbuf_ok(&response.body));
		assert_in_range(response.body.length, LIMIT_BLOB, 192 * 64 * 1024);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(list_keeps_its_members_and_gets_reports), cmocka_unit_test(branches_have_their_newest_commit),
	        cmocka_unit_test(size_is_shown_where_it_is_known),         cmocka_unit_test(content_is_text_or_base64),
	        cmocka_unit_test(worst_file_fits_into_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
