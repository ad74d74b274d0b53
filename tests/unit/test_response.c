/* The wire form of an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "response.h"

static void format(const struct response *response, bool head, struct strbuf *to)
{
	struct error err = ERROR_INIT;

	assert_true(response_format(response, "req-1", head, to, &err));
}

static void success_has_json_type_and_security_headers(void **state)
{
	CLEANUP(response_release) struct response response = RESPONSE_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);

	(void)state;
	response_json(&response, 201, json_pack("{s:b}", "connected", true));
	format(&response, false, &text);
	assert_string_equal(text.data, "Status: 201 Created\r\n"
	                               "Content-Type: application/json; charset=utf-8\r\n"
	                               "Cache-Control: no-store\r\n"
	                               "X-Content-Type-Options: nosniff\r\n"
	                               "X-Request-ID: req-1\r\n"
	                               "Content-Length: 18\r\n\r\n"
	                               "{\"connected\":true}");
}

static void head_has_the_length_but_no_body(void **state)
{
	CLEANUP(response_release) struct response response = RESPONSE_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);

	(void)state;
	response_json(&response, 200, json_pack("{}"));
	format(&response, true, &text);
	assert_non_null(strstr(text.data, "Content-Length: 2\r\n\r\n"));
	assert_string_equal(text.data + text.length - 4, "\r\n\r\n");
}

static void error_has_the_five_members_and_its_headers(void **state)
{
	CLEANUP(response_release) struct response response = RESPONSE_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);
	struct error failure = ERROR_INIT;
	json_t *body;

	(void)state;
	error_set(&failure, ERR_RATE_LIMITED, "Too fast.");
	failure.retry_after_s = 60;
	response_error(&response, &failure, "req-1");
	format(&response, false, &text);
	assert_non_null(strstr(text.data, "Status: 429 Too Many Requests\r\n"));
	assert_non_null(strstr(text.data, "Retry-After: 60\r\n"));
	body = json_loads(strstr(text.data, "\r\n\r\n") + 4, 0, NULL);
	assert_non_null(body);
	assert_int_equal(json_object_size(body), 5);
	assert_string_equal(json_string_or(body, "error", ""), "Too fast.");
	assert_int_equal(json_int_or(body, "statusCode", 0), 429);
	assert_string_equal(json_string_or(body, "code", ""), "rate_limited");
	assert_string_not_equal(json_string_or(body, "remediation", ""), "");
	assert_string_equal(json_string_or(body, "requestId", ""), "req-1");
	json_decref(body);
}

static void failure_without_a_reason_is_an_internal_error(void **state)
{
	CLEANUP(response_release) struct response response = RESPONSE_INIT;

	(void)state;
	response_error(&response, &(struct error)ERROR_INIT, "req-1");
	assert_int_equal(response.status, 500);
	assert_int_equal(response.code, ERR_INTERNAL);
}

static void text_that_is_not_utf8_still_makes_an_answer(void **state)
{
	CLEANUP(response_release) struct response response = RESPONSE_INIT;
	struct error failure = ERROR_INIT;

	(void)state;
	error_set(&failure, ERR_INSTANCE_ERROR, "cut \xc3");
	response_error(&response, &failure, "req-1");
	assert_non_null(strstr(response.body.data, "\"error\":\"cut ?\""));
}

static void git_gets_two_sentences_of_text(void **state)
{
	CLEANUP(response_release) struct response response = RESPONSE_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);
	struct error failure = ERROR_INIT;

	(void)state;
	error_set(&failure, ERR_GIT_CREDENTIAL, "No session has this credential.");
	response_error_text(&response, &failure);
	format(&response, false, &text);
	assert_non_null(strstr(text.data, "Status: 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"));
	assert_non_null(strstr(text.data, "\r\n\r\nNo session has this credential. Use the credential"));
}

static void header_value_with_control_characters_is_refused(void **state)
{
	static const char *const values[] = {"a\r\nSet-Cookie: x", "a\nb", "a\rb", "a\tb", "a\x7f"};
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);
	CLEANUP(response_release) struct response response = RESPONSE_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		assert_false(response_header(&text, "X-Test", values[i]));
	assert_int_equal(text.length, 0);
	assert_true(response_header(&text, "X-Test", "a b"));
	assert_string_equal(text.data, "X-Test: a b\r\n");
	assert_false(response_format(&response, "id\r\nX: y", false, &text, &err));
	assert_int_equal(err.code, ERR_INTERNAL);
}

static void version_is_an_etag_of_successes_alone(void **state)
{
	CLEANUP(response_release) struct response response = RESPONSE_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096), refused = STRBUF_INIT(4096);
	struct error failure = ERROR_INIT;

	(void)state;
	response_json(&response, 200, json_pack("{}"));
	entity_tag_format(7, response.etag);
	format(&response, false, &text);
	assert_non_null(strstr(text.data, "\r\nETag: \"7\"\r\n"));
	error_set(&failure, ERR_PRECONDITION_FAILED, "It has changed.");
	response_error(&response, &failure, "req-1");
	format(&response, false, &refused);
	assert_non_null(strstr(refused.data, "Status: 412 Precondition Failed\r\n"));
	assert_null(strstr(refused.data, "ETag:"));
}

static void unauthenticated_names_the_scheme(void **state)
{
	CLEANUP(response_release) struct response response = RESPONSE_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);
	struct error failure = ERROR_INIT;

	(void)state;
	error_set(&failure, ERR_UNAUTHENTICATED, "Who are you?");
	response_error(&response, &failure, "req-1");
	format(&response, false, &text);
	assert_non_null(strstr(text.data, "WWW-Authenticate: Bearer\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(success_has_json_type_and_security_headers),
	        cmocka_unit_test(head_has_the_length_but_no_body),
	        cmocka_unit_test(error_has_the_five_members_and_its_headers),
	        cmocka_unit_test(failure_without_a_reason_is_an_internal_error),
	        cmocka_unit_test(text_that_is_not_utf8_still_makes_an_answer),
	        cmocka_unit_test(git_gets_two_sentences_of_text),
	        cmocka_unit_test(header_value_with_control_characters_is_refused),
	        cmocka_unit_test(version_is_an_etag_of_successes_alone),
	        cmocka_unit_test(unauthenticated_names_the_scheme),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
