#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "caps.h"
#include "log.h"

/* Logs to one end of a datagram pair, where each write is one message, and returns the line. */
static void logged(const struct redactor *r, enum log_level level, const char *message, json_t *fields, struct strbuf *line)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	const struct logger logger = {.fd = ends[0], .level = LOG_INFO, .program = "test", .pool = "status"};
	log_event(&logger, level, r, message, fields);
	static char text[LIMIT_LOG_LINE * 2];
	ssize_t got = recv(ends[1], text, sizeof(text), MSG_DONTWAIT);
	strbuf_clear(line);
	if (got > 0)
		strbuf_add(line, text, (size_t)got);
	assert_true(recv(ends[1], text, sizeof(text), MSG_DONTWAIT) < 0);
	close(ends[0]);
	close(ends[1]);
}

static json_t *parse_line(const struct strbuf *line)
{
	assert_true(line->length > 0 && line->length <= LIMIT_LOG_LINE);
	assert_int_equal(line->data[line->length - 1], '\n');
	assert_int_equal(strcspn(line->data, "\n"), line->length - 1);
	json_t *event = json_loadb(line->data, line->length, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(event);
	return event;
}

static void event_is_one_write_with_keys_in_order(void **state)
{
	(void)state;
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(LIMIT_LOG_LINE);
	logged(NULL, LOG_INFO, "request", json_pack("{s:s, s:i, s:s}", "requestId", "r1", "status", 200, "level", "forged"), &line);
	json_auto_t *event = parse_line(&line);
	static const char *const order[] = {"ts", "level", "program", "pool", "pid", "msg", "requestId", "status"};
	size_t at = 0;
	const char *key;
	json_t *value;
	json_object_foreach(event, key, value)
	{
		assert_true(at < ARRAY_SIZE(order));
		assert_string_equal(key, order[at++]);
	}
	assert_int_equal(at, ARRAY_SIZE(order));
	const char *ts = json_string_or(event, "ts", "");
	assert_int_equal(strlen(ts), strlen("2026-11-22T17:40:00.123456Z"));
	assert_true(ts[10] == 'T' && ts[19] == '.' && ts[26] == 'Z');
	assert_string_equal(json_string_or(event, "level", ""), "info");
	assert_int_equal(json_int_or(event, "pid", 0), getpid());
}

static void levels_above_the_logger_are_dropped(void **state)
{
	(void)state;
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(LIMIT_LOG_LINE);
	logged(NULL, LOG_DEBUG, "quiet", json_pack("{s:s}", "a", "b"), &line);
	assert_int_equal(line.length, 0);
	logged(NULL, LOG_ERROR, "loud", NULL, &line);
	assert_true(line.length > 0);
}

static void every_string_is_masked_also_nested_ones(void **state)
{
	(void)state;
	CLEANUP(redactor_freep) struct redactor *r = redactor_new();
	CLEANUP(secret_release) struct secret value = SECRET_INIT;
	secret_set(&value, "legacytoken1", 12);
	redactor_add(r, &value);
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(LIMIT_LOG_LINE);
	logged(r, LOG_INFO, "got glpat-abc",
	       json_pack("{s:s, s:[s, {s:s}]}", "a", "legacytoken1", "list", "x legacytoken1", "deep", "https://oauth2:pw@h/"),
	       &line);
	json_auto_t *event = parse_line(&line);
	assert_string_equal(json_string_or(event, "msg", ""), "got glpat-***");
	assert_null(strstr(line.data, "legacytoken1"));
	assert_non_null(strstr(line.data, "\"list\":[\"x ***\",{\"deep\":\"https://oauth2:***@h/\"}]"));
}

static void control_characters_are_escaped(void **state)
{
	(void)state;
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(LIMIT_LOG_LINE);
	logged(NULL, LOG_INFO, "a\n\x1b[2J\x7f\xc2\x9b ü", NULL, &line);
	json_auto_t *event = parse_line(&line);
	assert_string_equal(json_string_or(event, "msg", ""), "a\n\x1b[2J\x7f\xc2\x9b ü");
	assert_non_null(strstr(line.data, "a\\n\\u001B[2J\\u007F\\u009B ü"));
	logged(NULL, LOG_INFO, "foreign \xff byte", NULL, &line);
	json_auto_t *second = parse_line(&line);
	assert_string_equal(json_string_or(second, "msg", ""), "foreign ? byte");
}

static void long_fields_are_cut_and_the_line_stays_json(void **state)
{
	(void)state;
	static char text[100001];
	memset(text, 'x', sizeof(text) - 1);
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(LIMIT_LOG_LINE);
	logged(NULL, LOG_INFO, text, json_pack("{s:s, s:s, s:i}", "a", text, "b", text, "status", 200), &line);
	json_auto_t *event = parse_line(&line);
	assert_int_equal(json_int_or(event, "status", 0), 200);
	assert_true(strlen(json_string_or(event, "a", "")) > 1000);

	json_t *many = json_array();
	for (int i = 0; i < 10000; i++)
		json_array_append_new(many, json_integer(i));
	logged(NULL, LOG_INFO, "too many", json_pack("{s:o}", "many", many), &line);
	json_auto_t *second = parse_line(&line);
	assert_true(json_bool_or(second, "fields_dropped", false));
	assert_string_equal(json_string_or(second, "msg", ""), "too many");
}

static void level_names_are_read(void **state)
{
	(void)state;
	enum log_level level = LOG_ERROR;
	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_DEBUG);
	assert_false(log_level_parse("DEBUG", &level));
	assert_false(log_level_parse("", &level));
}

int main(void)
{
	assert_true(secret_library_init());
	json_library_init();
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(event_is_one_write_with_keys_in_order),
	        cmocka_unit_test(levels_above_the_logger_are_dropped),
	        cmocka_unit_test(every_string_is_masked_also_nested_ones),
	        cmocka_unit_test(control_characters_are_escaped),
	        cmocka_unit_test(long_fields_are_cut_and_the_line_stays_json),
	        cmocka_unit_test(level_names_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
