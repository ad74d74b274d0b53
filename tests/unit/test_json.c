#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "caps.h"
#include "json.h"

struct body_row {
	const char *says, *text;
	size_t length;       /* 0: strlen */
	const char *message; /* NULL: accepted */
};

static void body_must_be_one_plain_object(void **state)
{
	static const struct body_row rows[] = {
	        {"an object", "{\"a\":1}", 0, NULL},
	        {"with blanks around", " \n{\"a\":[{}]}\r\n", 0, NULL},
	        {"an empty object", "{}", 0, NULL},
	        {"brackets in strings are not depth", "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"}", 0, NULL},
	        {"16 deep is allowed", "{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", 0, NULL},
	        {"17 deep is not", "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", 0, "The body is nested too deeply."},
	        {"nothing", "", 0, "The body is empty."},
	        {"blanks only", " \n\t", 0, "The body is empty."},
	        {"a form", "token=secret-value", 0, "The body is not JSON."},
	        {"cut off", "{\"a\":\"secret-value", 0, "The body is not JSON."},
	        {"trailing garbage", "{\"a\":1} x", 0, "The body is not JSON."},
	        {"two objects", "{}{}", 0, "The body is not JSON."},
	        {"single quotes", "{'a':1}", 0, "The body is not JSON."},
	        {"lone high surrogate", "{\"a\":\"\\ud800\"}", 0, "The body is not JSON."},
	        {"lone low surrogate", "{\"a\":\"\\udc00\"}", 0, "The body is not JSON."},
	        {"an array", "[1]", 0, "The body is not a JSON object."},
	        {"a string", "\"x\"", 0, "The body is not a JSON object."},
	        {"null", "null", 0, "The body is not a JSON object."},
	        {"the same key twice", "{\"a\":1,\"a\":2}", 0, "The body has the same key twice in one object."},
	        {"the same key twice, escaped", "{\"a\":1,\"\\u0061\":2}", 0, "The body has the same key twice in one object."},
	        {"twice inside", "{\"a\":{\"b\":1,\"b\":2}}", 0, "The body has the same key twice in one object."},
	        {"bad UTF-8", "{\"a\":\"\xff\"}", 0, "The body is not UTF-8."},
	        {"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", 0, "The body is not UTF-8."},
	        {"UTF-8 of a surrogate", "{\"a\":\"\xed\xa0\x80\"}", 0, "The body is not UTF-8."},
	        {"a raw NUL", "{\"a\":\"x\0y\"}", 11, "The body contains a NUL character."},
	        {"a NUL behind the object", "{}\0", 3, "The body contains a NUL character."},
	        {"an escaped NUL", "{\"a\":\"x\\u0000\"}", 0, "The body contains a NUL character."},
	        {"an escaped NUL in a key", "{\"x\\u0000\":1}", 0, "The body contains a NUL character."},
	        {"a number beyond double", "{\"a\":1e999}", 0, "The body contains a number that is too large."},
	        {"an integer beyond 64 bits", "{\"a\":99999999999999999999}", 0, "The body contains a number that is too large."},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		json_t *object = NULL;
		size_t length = rows[i].length ? rows[i].length : strlen(rows[i].text);
		bool ok = json_parse_body(rows[i].text, length, &object, &err);
		if (ok != !rows[i].message || (!ok && (strcmp(err.message, rows[i].message) != 0 || err.code != ERR_BAD_JSON)))
			fail_msg("%s: %s", rows[i].says, ok ? "accepted" : err.message);
		assert_true(ok == (object != NULL));
		json_decref(object);
	}
}

static void very_deep_input_is_refused_without_parsing(void **state)
{
	(void)state;
	CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT(1000000);
	strbuf_add_string(&body, "{\"a\":");
	for (int i = 0; i < 100000; i++)
		strbuf_add_char(&body, '[');
	struct error err = ERROR_INIT;
	json_t *object = NULL;
	clock_t before = clock(); /* of the processor: others may be busy */
	assert_false(json_parse_body(body.data, body.length, &object, &err));
	assert_string_equal(err.message, "The body is nested too deeply.");
	assert_null(json_parse_answer(body.data, body.length));
	assert_true(clock() - before < CLOCKS_PER_SEC);
}

static void answers_may_be_lax_but_not_endless(void **state)
{
	static const struct {
		const char *says, *text;
		bool ok;
	} rows[] = {
	        {"an object with the same key twice", "{\"a\":1,\"a\":2}", true},
	        {"an array", "[1]", true},
	        {"20 deep", "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", true},
	        {"a bare string", "\"x\"", false},
	        {"HTML", "<html>", false},
	        {"nothing", "", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_auto_t *answer = json_parse_answer(rows[i].text, strlen(rows[i].text));
		if ((answer != NULL) != rows[i].ok)
			fail_msg("%s", rows[i].says);
	}
}

/* "{}" takes a hundred times its length when it is parsed. */
static void answer_of_many_small_values_is_refused_without_parsing(void **state)
{
	(void)state;
	CLEANUP(strbuf_release) struct strbuf answer = STRBUF_INIT(SIZE_MAX);
	strbuf_add_string(&answer, "[\"[[[,,,\"");
	for (int i = 0; i < LIMIT_ANSWER_VALUES / 2 - 1; i++)
		strbuf_add_string(&answer, ",{}");
	CLEANUP(strbuf_release) struct strbuf longer = STRBUF_INIT(SIZE_MAX);
	strbuf_addf(&longer, "%s,0,0]", answer.data);
	strbuf_add_char(&answer, ']');
	json_auto_t *most = json_parse_answer(answer.data, answer.length);
	assert_int_equal(json_array_size(most), LIMIT_ANSWER_VALUES / 2);
	assert_null(json_parse_answer(longer.data, longer.length));
}

static json_t *parse(const char *text)
{
	json_t *object = NULL;
	assert_true(json_parse_body(text, strlen(text), &object, NULL));
	return object;
}

static void strings_are_checked_for_type_length_and_control_characters(void **state)
{
	static const struct {
		const char *says, *text;
		enum json_presence presence;
		enum error_code code; /* ERR_NONE: ok */
		const char *value;    /* "before": untouched */
	} rows[] = {
	        {"given", "{\"f\":\"abc\"}", JSON_REQUIRED, ERR_NONE, "abc"},
	        {"umlauts", "{\"f\":\"ü\"}", JSON_REQUIRED, ERR_NONE, "ü"},
	        {"missing but optional", "{}", JSON_OPTIONAL, ERR_NONE, "before"},
	        {"null but optional", "{\"f\":null}", JSON_OPTIONAL, ERR_NONE, "before"},
	        {"empty but optional", "{\"f\":\"\"}", JSON_OPTIONAL, ERR_NONE, ""},
	        {"missing", "{}", JSON_REQUIRED, ERR_FIELD_MISSING, "before"},
	        {"null", "{\"f\":null}", JSON_REQUIRED, ERR_FIELD_MISSING, "before"},
	        {"empty", "{\"f\":\"\"}", JSON_REQUIRED, ERR_FIELD_INVALID, "before"},
	        {"a number", "{\"f\":5}", JSON_OPTIONAL, ERR_FIELD_INVALID, "before"},
	        {"as long as allowed", "{\"f\":\"12345\"}", JSON_REQUIRED, ERR_NONE, "12345"},
	        {"longer", "{\"f\":\"123456\"}", JSON_REQUIRED, ERR_FIELD_INVALID, "before"},
	        {"a line break", "{\"f\":\"a\\n\"}", JSON_REQUIRED, ERR_FIELD_INVALID, "before"},
	        {"CR", "{\"f\":\"a\\r\"}", JSON_REQUIRED, ERR_FIELD_INVALID, "before"},
	        {"a tab", "{\"f\":\"a\\t\"}", JSON_REQUIRED, ERR_FIELD_INVALID, "before"},
	        {"DEL", "{\"f\":\"a\\u007f\"}", JSON_REQUIRED, ERR_FIELD_INVALID, "before"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_auto_t *object = parse(rows[i].text);
		struct error err = ERROR_INIT;
		const char *value = "before";
		bool ok = json_read_string(object, "f", rows[i].presence, 5, &value, &err);
		if (ok != !rows[i].code || err.code != rows[i].code || strcmp(value, rows[i].value) != 0)
			fail_msg("%s: %s '%s'", rows[i].says, err.message, value);
		if (!ok)
			assert_non_null(strstr(err.message, "'f'"));
	}
}

static void texts_may_hold_lines_but_no_other_controls(void **state)
{
	(void)state;
	json_auto_t *object = parse("{\"lines\":\"a\\r\\n\\tb\",\"escape\":\"a\\u001b[2J\"}");
	const char *value = NULL;
	struct error err = ERROR_INIT;
	assert_true(json_read_text(object, "lines", JSON_REQUIRED, 100, &value, &err));
	assert_string_equal(value, "a\r\n\tb");
	assert_false(json_read_text(object, "escape", JSON_REQUIRED, 100, &value, &err));
	assert_int_equal(err.code, ERR_FIELD_INVALID);
}

static void other_readers_insist_on_their_type(void **state)
{
	(void)state;
	json_auto_t *object = parse("{\"yes\":true,\"no\":false,\"object\":{},\"array\":[1,2,3]}");
	struct error err = ERROR_INIT;
	bool flag = false;
	const json_t *value = NULL;
	assert_true(json_read_bool(object, "yes", JSON_REQUIRED, &flag, &err));
	assert_true(flag);
	assert_true(json_read_bool(object, "absent", JSON_OPTIONAL, &flag, &err));
	assert_true(flag);
	assert_true(json_read_bool(object, "no", JSON_REQUIRED, &flag, &err));
	assert_false(flag);
	assert_false(json_read_bool(object, "array", JSON_OPTIONAL, &flag, &err));
	assert_true(json_read_object(object, "object", JSON_REQUIRED, &value, &err));
	assert_true(json_is_object(value));
	assert_false(json_read_object(object, "array", JSON_REQUIRED, &value, &err));
	assert_true(json_read_array(object, "array", JSON_REQUIRED, 3, &value, &err));
	assert_int_equal(json_array_size(value), 3);
	assert_false(json_read_array(object, "array", JSON_REQUIRED, 2, &value, &err));
	assert_false(json_read_array(object, "absent", JSON_REQUIRED, 2, &value, &err));
	assert_int_equal(err.code, ERR_FIELD_MISSING);
}

static void unknown_fields_are_refused_without_repeating_them(void **state)
{
	static const char *const allowed[] = {"url", "branch", NULL};
	(void)state;
	struct error err = ERROR_INIT;
	json_auto_t *good = parse("{\"branch\":\"x\"}"), *bad = parse("{\"url\":\"x\",\"glpat-secret\":1}");
	assert_true(json_refuse_others(good, allowed, &err));
	assert_false(json_refuse_others(bad, allowed, &err));
	assert_string_equal(err.message, "The body has an unknown field. Known are: 'url', 'branch'.");
}

static void lenient_look_ups_fall_back(void **state)
{
	(void)state;
	json_auto_t *object = parse("{\"s\":\"x\",\"i\":-7,\"b\":true,\"r\":1.5}");
	assert_string_equal(json_string_or(object, "s", "?"), "x");
	assert_string_equal(json_string_or(object, "i", "?"), "?");
	assert_null(json_string_or(object, "none", NULL));
	assert_int_equal(json_int_or(object, "i", 0), -7);
	assert_int_equal(json_int_or(object, "r", 3), 3);
	assert_true(json_bool_or(object, "b", false));
	assert_true(json_bool_or(object, "s", true));
	assert_int_equal(json_int_or(NULL, "i", 4), 4);
}

static void writing_is_compact_and_appends(void **state)
{
	(void)state;
	json_auto_t *object = parse("{ \"b\" : [ 1 , \"ü\\n\" ] }");
	CLEANUP(strbuf_release) struct strbuf to = STRBUF_INIT(100);
	strbuf_add_string(&to, "> ");
	json_write(&to, object);
	assert_string_equal(to.data, "> {\"b\":[1,\"ü\\n\"]}");
}

int main(void)
{
	json_library_init();
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(body_must_be_one_plain_object),
	        cmocka_unit_test(very_deep_input_is_refused_without_parsing),
	        cmocka_unit_test(answer_of_many_small_values_is_refused_without_parsing),
	        cmocka_unit_test(answers_may_be_lax_but_not_endless),
	        cmocka_unit_test(strings_are_checked_for_type_length_and_control_characters),
	        cmocka_unit_test(texts_may_hold_lines_but_no_other_controls),
	        cmocka_unit_test(other_readers_insist_on_their_type),
	        cmocka_unit_test(unknown_fields_are_refused_without_repeating_them),
	        cmocka_unit_test(lenient_look_ups_fall_back),
	        cmocka_unit_test(writing_is_compact_and_appends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
