#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "encoding.h"
#include "merge_request_spec.h"

static bool parse(const char *text, struct merge_request_spec *ret, struct error *err)
{
	json_t *object = json_loads(text, 0, NULL);

	assert_non_null(object);
	bool ok = merge_request_spec_parse(object, ret, err);
	json_decref(object);
	return ok;
}

static void wishes_are_read(void **state UNUSED)
{
	CLEANUP(merge_request_spec_release) struct merge_request_spec spec = MERGE_REQUEST_SPEC_INIT;
	struct error err = ERROR_INIT;

	assert_true(parse("{\"title\":\"Add X\",\"description\":\"It\\nadds.\",\"targetBranch\":\"release/1\",\"draft\":true,"
	                  "\"labels\":[\"a b\",\"c::d\"]}",
	                  &spec, &err));
	assert_string_equal(spec.title, "Add X");
	assert_string_equal(spec.description, "It\nadds.");
	assert_string_equal(spec.target_branch, "release/1");
	assert_true(spec.draft);
	assert_int_equal(spec.label_count, 2);
	assert_string_equal(spec.labels[1], "c::d");
}

static void what_is_left_out_or_empty_is_to_be_made(void **state UNUSED)
{
	static const char *const rows[] = {"{}", "{\"title\":\"\",\"description\":\"\",\"targetBranch\":\"\",\"labels\":[]}",
	                                   "{\"title\":null,\"labels\":null,\"draft\":null}"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(merge_request_spec_release) struct merge_request_spec spec = MERGE_REQUEST_SPEC_INIT;
		struct error err = ERROR_INIT;

		assert_true(parse(rows[i], &spec, &err));
		assert_null(spec.title);
		assert_null(spec.description);
		assert_null(spec.target_branch);
		assert_false(spec.draft);
		assert_int_equal(spec.label_count, 0);
	}
}

static void unusable_wishes_are_refused(void **state UNUSED)
{
	static const struct {
		const char *sentence, *text;
		enum error_code code;
	} rows[] = {
	        {"a title with a line break", "{\"title\":\"a\\nb\"}", ERR_FIELD_INVALID},
	        {"a title that is a number", "{\"title\":1}", ERR_FIELD_INVALID},
	        {"draft as a word", "{\"draft\":\"yes\"}", ERR_FIELD_INVALID},
	        {"a target that git does not take", "{\"targetBranch\":\"a..b\"}", ERR_BRANCH_INVALID},
	        {"labels as a text", "{\"labels\":\"a,b\"}", ERR_FIELD_INVALID},
	        {"a label with a comma", "{\"labels\":[\"a,b\"]}", ERR_FIELD_INVALID},
	        {"an empty label", "{\"labels\":[\"\"]}", ERR_FIELD_INVALID},
	        {"a label of blanks", "{\"labels\":[\"  \"]}", ERR_FIELD_INVALID},
	        {"a label with a control character", "{\"labels\":[\"a\\u0007\"]}", ERR_FIELD_INVALID},
	        {"a label that is none", "{\"labels\":[1]}", ERR_FIELD_INVALID},
	        {"too many labels",
	         "{\"labels\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\","
	         "\"16\",\"17\",\"18\",\"19\",\"20\",\"21\"]}",
	         ERR_FIELD_INVALID},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(merge_request_spec_release) struct merge_request_spec spec = MERGE_REQUEST_SPEC_INIT;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		assert_false(parse(rows[i].text, &spec, &err));
		assert_int_equal(err.code, rows[i].code);
	}
}

static void title_is_one_short_line(void **state UNUSED)
{
	static const struct {
		const char *sentence, *display_name, *description, *title;
	} rows[] = {
	        {"the display name first", "Feature X", "Add it", "Feature X"},
	        {"else the first line", NULL, "Add it\nand more", "Add it"},
	        {"an empty display name is none", "", "Add it  \r\nmore", "Add it"},
	        {"a heading is a title", NULL, "\n# Add it", "Add it"},
	        {"else the session's name", NULL, " \n", "Changes of the session s1"},
	};
	CLEANUP(strbuf_release) struct strbuf wide = STRBUF_INIT(4096);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *title = merge_request_title(rows[i].display_name, rows[i].description, "s1");

		print_message("  %s\n", rows[i].sentence);
		assert_string_equal(title, rows[i].title);
	}
	strbuf_add_char(&wide, 'x');
	while (wide.length < 2 * MERGE_REQUEST_TITLE_MAX)
		strbuf_add_string(&wide, "\xc3\xa9");
	CLEANUP(freep) char *cut = merge_request_title(NULL, wide.data, "s1");
	assert_int_equal(strlen(cut), MERGE_REQUEST_TITLE_MAX - 1); /* no half character */
	assert_true(is_utf8(cut, strlen(cut)));
}

static void description_orders_nothing(void **state UNUSED)
{
	static const struct {
		const char *sentence, *description, *expected;
	} rows[] = {
	        {"an ordinary text", "Add it", "Add it\n\nAgenticSession: s1"},
	        {"none", "", "AgenticSession: s1"},
	        {"a quick action", "/merge\nAdd\n  /approve", "\\/merge\nAdd\n\\  /approve\n\nAgenticSession: s1"},
	        {"a path within a line", "Read /etc/hosts", "Read /etc/hosts\n\nAgenticSession: s1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *text = merge_request_description(rows[i].description, "s1");

		print_message("  %s\n", rows[i].sentence);
		assert_string_equal(text, rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(wishes_are_read),
	        cmocka_unit_test(what_is_left_out_or_empty_is_to_be_made),
	        cmocka_unit_test(unusable_wishes_are_refused),
	        cmocka_unit_test(title_is_one_short_line),
	        cmocka_unit_test(description_orders_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
