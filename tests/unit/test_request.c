/* The CGI variables of a request, and what is refused before any handler sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "request.h"

struct variable {
	const char *name, *value;
};

/* A NULL-terminated table as the source. */
static const char *get(void *context, const char *name)
{
	for (const struct variable *v = context; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v->value;
	return NULL;
}

static bool read_with(struct variable *variables, struct request *ret, struct error *err)
{
	return request_read(&(struct request_source){get, variables}, ret, err);
}

static void path_is_split_before_it_is_decoded(void **state)
{
	static const struct {
		const char *sentence, *uri;
		size_t count;
		const char *last;
	} rows[] = {
	        {"a plain path", "/api/version", 2, "version"},
	        {"the query is no part of it", "/readyz?verbose", 1, "readyz"},
	        {"an encoded slash stays in its segment", "/api/projects/a%2Fb", 3, "a/b"},
	        {"an encoded question mark is no query", "/a%3Fb", 1, "a?b"},
	        {"plus is plus", "/a+b", 1, "a+b"},
	        {"a trailing slash is an empty segment", "/livez/", 2, ""},
	        {"the root is one empty segment", "/", 1, ""},
	        {"UTF-8 is kept", "/%C3%A4", 1, "\xc3\xa4"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(request_release) struct request request = REQUEST_INIT;
		struct error err = ERROR_INIT;
		struct variable variables[] = {{"REQUEST_METHOD", "GET"}, {"REQUEST_URI", rows[i].uri}, {NULL, NULL}};

		if (!read_with(variables, &request, &err) || request.segment_count != rows[i].count ||
		    strcmp(request.segments[rows[i].count - 1], rows[i].last) != 0)
			fail_msg("%s: %s (%s)", rows[i].sentence, rows[i].uri, err.message);
	}
}

static void unsafe_path_is_refused(void **state)
{
	static const struct {
		const char *sentence, *uri;
		enum error_code code;
	} rows[] = {
	        {"no leading slash", "api", ERR_BAD_REQUEST},
	        {"dot dot", "/api/../x", ERR_BAD_REQUEST},
	        {"encoded dot dot", "/api/%2e%2E/x", ERR_BAD_REQUEST},
	        {"a single dot", "/api/./x", ERR_BAD_REQUEST},
	        {"encoded NUL", "/api/%00", ERR_BAD_REQUEST},
	        {"encoded line break", "/api/%0d%0a", ERR_BAD_REQUEST},
	        {"a broken escape", "/api/%zz", ERR_BAD_REQUEST},
	        {"an escape that is cut off", "/api/%2", ERR_BAD_REQUEST},
	        {"bytes that are not UTF-8", "/api/%ff", ERR_BAD_REQUEST},
	        {"more segments than any route has", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", ERR_NOT_FOUND},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(request_release) struct request request = REQUEST_INIT;
		struct error err = ERROR_INIT;
		struct variable variables[] = {{"REQUEST_METHOD", "GET"}, {"REQUEST_URI", rows[i].uri}, {NULL, NULL}};

		if (read_with(variables, &request, &err) || err.code != rows[i].code)
			fail_msg("%s: %s", rows[i].sentence, rows[i].uri);
	}
}

static void decoded_path_of_a_cgi_server_is_taken_literally(void **state)
{
	CLEANUP(request_release) struct request request = REQUEST_INIT;
	struct variable variables[] = {
	        {"REQUEST_METHOD", "GET"}, {"DOCUMENT_URI", "/a%2Fb/c"}, {"QUERY_STRING", "x=1"}, {NULL, NULL}};

	(void)state;
	assert_true(read_with(variables, &request, NULL));
	assert_int_equal(request.segment_count, 2);
	assert_string_equal(request.segments[0], "a%2Fb");
	assert_true(request_query(&request, "x", NULL));
}

static void request_id_is_kept_when_harmless_and_replaced_otherwise(void **state)
{
	static const struct {
		const char *sentence, *given;
		bool kept;
	} rows[] = {
	        {"nginx's own", "0123456789abcdef0123456789abcdef", true},
	        {"none", NULL, false},
	        {"empty", "", false},
	        {"a line break", "a\nb", false},
	        {"a blank", "a b", false},
	        {"65 characters", "0123456789012345678901234567890123456789012345678901234567890123a", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(request_release) struct request request = REQUEST_INIT;
		struct variable variables[] = {
		        {"REQUEST_METHOD", "GET"}, {"REQUEST_URI", "/"}, {"HTTP_X_REQUEST_ID", rows[i].given}, {NULL, NULL}};

		assert_true(read_with(variables, &request, NULL));
		if (rows[i].kept != (rows[i].given && strcmp(request.id, rows[i].given) == 0) || strlen(request.id) < 16)
			fail_msg("%s: %s", rows[i].sentence, request.id);
	}
}

static void content_length_is_a_number_or_unknown(void **state)
{
	static const struct {
		const char *given;
		bool valid;
		int64_t value;
	} rows[] = {
	        {NULL, true, -1}, {"", true, -1},   {"0", true, 0},   {"17", true, 17},
	        {"-1", false, 0}, {"1x", false, 0}, {"+1", false, 0}, {"99999999999999999999", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(request_release) struct request request = REQUEST_INIT;
		struct variable variables[] = {
		        {"REQUEST_METHOD", "GET"}, {"REQUEST_URI", "/"}, {"CONTENT_LENGTH", rows[i].given}, {NULL, NULL}};

		assert_int_equal(read_with(variables, &request, NULL), rows[i].valid);
		if (rows[i].valid)
			assert_int_equal(request.content_length, rows[i].value);
	}
}

static void exactly_one_bearer_is_a_caller(void **state)
{
	static const struct {
		const char *sentence, *header, *token;
	} rows[] = {
	        {"the usual form", "Bearer acp_abc-DEF_1.2~3+4/5=", "acp_abc-DEF_1.2~3+4/5="},
	        {"any case of the scheme", "bearer abc", "abc"},
	        {"no header", NULL, NULL},
	        {"no token", "Bearer ", NULL},
	        {"another scheme", "Basic YTpi", NULL},
	        {"two headers joined into one", "Bearer abc, Bearer def", NULL},
	        {"a blank inside", "Bearer abc def", NULL},
	        {"padding in the middle", "Bearer ab=c", NULL},
	        {"the scheme alone", "Bearerabc", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(request_release) struct request request = REQUEST_INIT;
		CLEANUP(secret_release) struct secret bearer = SECRET_INIT;
		struct error err = ERROR_INIT;
		struct variable variables[] = {
		        {"REQUEST_METHOD", "GET"}, {"REQUEST_URI", "/"}, {"HTTP_AUTHORIZATION", rows[i].header}, {NULL, NULL}};
		bool found;

		assert_true(read_with(variables, &request, NULL));
		found = request_bearer(&request, &bearer, &err);
		if (found != (rows[i].token != NULL) || (found && strcmp(secret_bytes(&bearer), rows[i].token) != 0) ||
		    (!found && err.code != ERR_UNAUTHENTICATED))
			fail_msg("%s", rows[i].sentence);
	}
}

static void session_credential_comes_as_bearer_or_as_basic_password(void **state)
{
	static const struct {
		const char *sentence, *header, *credential;
	} rows[] = {
	        {"a bearer", "Bearer abc", "abc"},
	        {"git's Basic credentials", "Basic c2Vzc2lvbjphYmM=", "abc"}, /* session:abc */
	        {"a password with a colon", "Basic eDphOmI=", "a:b"},         /* x:a:b */
	        {"an empty password", "Basic eDo=", NULL},                    /* x: */
	        {"no colon", "Basic YWJj", NULL},
	        {"broken base64", "Basic ###", NULL},
	        {"a line break in the password", "Basic eDphCmI=", NULL}, /* x:a\nb */
	        {"nothing", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(request_release) struct request request = REQUEST_INIT;
		CLEANUP(secret_release) struct secret credential = SECRET_INIT;
		struct error err = ERROR_INIT;
		struct variable variables[] = {
		        {"REQUEST_METHOD", "GET"}, {"REQUEST_URI", "/"}, {"HTTP_AUTHORIZATION", rows[i].header}, {NULL, NULL}};
		bool found;

		assert_true(read_with(variables, &request, NULL));
		found = request_session_credential(&request, &credential, &err);
		if (found != (rows[i].credential != NULL) ||
		    (found && strcmp(secret_bytes(&credential), rows[i].credential) != 0) ||
		    (!found && err.code != ERR_GIT_CREDENTIAL))
			fail_msg("%s", rows[i].sentence);
	}
}

static void query_parameter_is_found_whole_and_decoded(void **state)
{
	static const struct {
		const char *uri, *name, *value;
	} rows[] = {
	        {"/x?service=git-upload-pack", "service", "git-upload-pack"},
	        {"/x?a=1&b=%20c", "b", " c"},
	        {"/x?path=my+notes%2B.md", "path", "my notes+.md"},
	        {"/x?path=+", "path", " "},
	        {"/x?path=a+&ref=b", "path", "a "},
	        {"/x?verbose", "verbose", ""},
	        {"/x?verbose=", "verbose", ""},
	        {"/x?averbose", "verbose", NULL},
	        {"/x?verboses", "verbose", NULL},
	        {"/x", "verbose", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(request_release) struct request request = REQUEST_INIT;
		CLEANUP(strbuf_release) struct strbuf value = STRBUF_INIT(64);
		struct variable variables[] = {{"REQUEST_METHOD", "GET"}, {"REQUEST_URI", rows[i].uri}, {NULL, NULL}};

		assert_true(read_with(variables, &request, NULL));
		assert_int_equal(request_query(&request, rows[i].name, &value), rows[i].value != NULL);
		if (rows[i].value)
			assert_string_equal(value.data, rows[i].value);
	}
}

static void query_text_is_whole_or_refused(void **state)
{
	static const struct {
		const char *sentence, *uri;
		bool valid, present;
		const char *value;
	} rows[] = {
	        {"an address as browsers encode it", "/x?repo=https%3A%2F%2Fgitlab.com%2Fg%2Fp", true, true,
	         "https://gitlab.com/g/p"},
	        {"not there", "/x?path=a", true, false, ""},
	        {"empty is as good as not there", "/x?repo=&path=a", true, false, ""},
	        {"UTF-8", "/x?repo=%C3%A4", true, true, "\xc3\xa4"},
	        {"a broken escape is not taken for a missing parameter", "/x?repo=%zz", false, false, NULL},
	        {"NUL", "/x?repo=a%00b", false, false, NULL},
	        {"a line break", "/x?repo=a%0Ab", false, false, NULL},
	        {"bytes that are not UTF-8", "/x?repo=%ff", false, false, NULL},
	        {"more than is taken", "/x?repo=0123456789012345678901234567890123456789", false, false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(request_release) struct request request = REQUEST_INIT;
		CLEANUP(strbuf_release) struct strbuf value = STRBUF_INIT(32);
		struct variable variables[] = {{"REQUEST_METHOD", "GET"}, {"REQUEST_URI", rows[i].uri}, {NULL, NULL}};
		struct error err = ERROR_INIT;
		bool present = false;

		assert_true(read_with(variables, &request, NULL));
		if (request_query_text(&request, "repo", &value, &present, &err) != rows[i].valid || present != rows[i].present ||
		    (rows[i].valid ? strcmp(value.data, rows[i].value) != 0 : err.code != ERR_FIELD_INVALID))
			fail_msg("%s: '%s' %s", rows[i].sentence, value.data, err.message);
	}
}

static void if_match_is_kept_as_it_came(void **state)
{
	CLEANUP(request_release) struct request request = REQUEST_INIT, without = REQUEST_INIT;
	struct variable variables[] = {
	        {"REQUEST_METHOD", "PUT"}, {"REQUEST_URI", "/"}, {"HTTP_IF_MATCH", "\"1\", \"2\""}, {NULL, NULL}};
	struct variable none[] = {{"REQUEST_METHOD", "PUT"}, {"REQUEST_URI", "/"}, {NULL, NULL}};

	(void)state;
	assert_true(read_with(variables, &request, NULL));
	assert_string_equal(request.if_match, "\"1\", \"2\"");
	assert_true(read_with(none, &without, NULL));
	assert_null(without.if_match);
}

static void only_json_in_utf8_is_json(void **state)
{
	static const struct {
		const char *type;
		bool json;
	} rows[] = {
	        {"application/json", true},
	        {"Application/JSON", true},
	        {"application/json; charset=utf-8", true},
	        {"application/json;charset=\"UTF-8\"", true},
	        {"application/json; charset=latin1", false},
	        {"application/jsonp", false},
	        {"text/plain", false},
	        {NULL, false},
	        {"application/json; charset=utf-8; x=y", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(request_release) struct request request = REQUEST_INIT;
		struct variable variables[] = {
		        {"REQUEST_METHOD", "POST"}, {"REQUEST_URI", "/"}, {"CONTENT_TYPE", rows[i].type}, {NULL, NULL}};

		assert_true(read_with(variables, &request, NULL));
		if (request_content_type_is(&request, "application/json") != rows[i].json)
			fail_msg("%s", rows[i].type ? rows[i].type : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(path_is_split_before_it_is_decoded),
	        cmocka_unit_test(unsafe_path_is_refused),
	        cmocka_unit_test(decoded_path_of_a_cgi_server_is_taken_literally),
	        cmocka_unit_test(request_id_is_kept_when_harmless_and_replaced_otherwise),
	        cmocka_unit_test(content_length_is_a_number_or_unknown),
	        cmocka_unit_test(exactly_one_bearer_is_a_caller),
	        cmocka_unit_test(session_credential_comes_as_bearer_or_as_basic_password),
	        cmocka_unit_test(query_parameter_is_found_whole_and_decoded),
	        cmocka_unit_test(query_text_is_whole_or_refused),
	        cmocka_unit_test(if_match_is_kept_as_it_came),
	        cmocka_unit_test(only_json_in_utf8_is_json),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
