/* The document of the API beside the routes and the error catalogue: what one of them has, the others have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "json.h"
#include "openapi_document.h"
#include "routes.h"

static json_t *document;

static int open_document(void **state UNUSED)
{
	json_error_t failure;

	json_library_init();
	document = json_loadb(openapi_document, openapi_document_length, JSON_REJECT_DUPLICATES, &failure);
	if (!document)
		print_error("docs/openapi.json, line %d: %s\n", failure.line, failure.text);
	return document ? 0 : -1;
}

static int close_document(void **state UNUSED)
{
	json_decref(document);
	return 0;
}

static const json_t *at(const json_t *value, const char *first, const char *second)
{
	value = json_object_get(value, first);
	return second ? json_object_get(value, second) : value;
}

static const json_t *operation_of(const struct route *route)
{
	char method[16] = "";

	for (size_t i = 0; route->method[i] && i < sizeof(method) - 1; i++)
		method[i] = (char)tolower((unsigned char)route->method[i]);
	return json_object_get(at(document, "paths", route->pattern), method);
}

static bool has_status(const json_t *operation, const char *status)
{
	return at(operation, "responses", status) != NULL;
}

static void check(bool holds, const struct route *route, const char *what)
{
	if (!holds)
		fail_msg("docs/openapi.json: %s %s: %s", route->method, route->pattern, what);
}

static void every_route_is_described_and_nothing_else(void **state UNUSED)
{
	size_t described = 0;
	const char *path, *method;
	json_t *operations, *operation;

	for (size_t i = 0; i < route_count; i++)
		check(operation_of(&routes[i]) != NULL, &routes[i], "is not described");
	json_object_foreach((json_t *)(uintptr_t)at(document, "paths", NULL), path, operations)
	{
		json_object_foreach(operations, method, operation)
		{
			print_message("%s %s\n", method, path);
			described++;
		}
	}
	assert_int_equal(described, route_count);
}

/* The name of the only security scheme that an operation asks for; "": none. */
static const char *scheme_of(const json_t *operation)
{
	const json_t *security = at(operation, "security", NULL);
	void *only = json_object_iter(json_array_get(security, 0));

	assert_true(json_is_array(security) && json_array_size(security) <= 1);
	return only ? json_object_iter_key(only) : "";
}

static void access_and_its_refusals_are_the_routers(void **state UNUSED)
{
	static const struct {
		const char *scheme;
		bool unauthenticated, forbidden; /* whether it can answer so by itself */
	} rows[] = {
	        [ACCESS_PUBLIC] = {"", false, false},
	        [ACCESS_CALLER] = {"bearer", true, false},
	        [ACCESS_PROJECT_GET] = {"bearer", true, true},
	        [ACCESS_PROJECT_UPDATE] = {"bearer", true, true},
	        [ACCESS_SESSIONS_GET] = {"bearer", true, true},
	        [ACCESS_SESSIONS_CREATE] = {"bearer", true, true},
	        [ACCESS_SESSIONS_UPDATE] = {"bearer", true, true},
	        [ACCESS_SESSIONS_DELETE] = {"bearer", true, true},
	        [ACCESS_SESSION] = {"session", false, true},
	};

	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = &routes[i];
		const json_t *operation = operation_of(route);

		check(strcmp(scheme_of(operation), rows[route->access].scheme) == 0, route, "'security' is another");
		check(has_status(operation, "401") == rows[route->access].unauthenticated, route,
		      "401 comes where a bearer is wanted");
		check(!rows[route->access].forbidden || has_status(operation, "403"), route, "403 is missing");
	}
}

static void bodies_are_the_routers(void **state UNUSED)
{
	for (size_t i = 0; i < route_count; i++) {
		const struct route *route = &routes[i];
		const json_t *operation = operation_of(route), *body = json_object_get(operation, "requestBody");
		const bool json = route->body == BODY_JSON || route->body == BODY_JSON_OPTIONAL || route->body == BODY_FOREIGN_JSON;
		const bool streamed = route->body == BODY_STREAM && strcmp(route->method, "POST") == 0;

		check((body != NULL) == (json || streamed), route, "whether it has a body");
		check(!json || at(json_object_get(body, "content"), "application/json", NULL) != NULL, route, "its body is JSON");
		check(!body || json_bool_or(body, "required", false) == (route->body != BODY_JSON_OPTIONAL), route,
		      "whether its body is required");
		check(has_status(operation, "415") == (json || route->body == BODY_STREAM), route,
		      "415 comes with bodies that are read");
	}
}

static void every_answer_that_comes_before_the_handler_is_described(void **state UNUSED)
{
	static const char *const everywhere[] = {"400", "408", "413", "414", "494", "500", "503", "504"};

	for (size_t i = 0; i < route_count; i++)
		for (size_t s = 0; s < ARRAY_SIZE(everywhere); s++)
			check(has_status(operation_of(&routes[i]), everywhere[s]), &routes[i], everywhere[s]);
}

/* ---- errors ---- */

static const json_t *codes_of(int status)
{
	char name[32];

	snprintf(name, sizeof(name), "Codes%d", status);
	return json_object_get(at(at(document, "components", "schemas"), name, NULL), "oneOf");
}

static const json_t *find_code(const json_t *codes, const char *name)
{
	size_t i;
	const json_t *code;

	json_array_foreach(codes, i, code)
	{
		if (strcmp(json_string_or(code, "const", ""), name) == 0)
			return code;
	}
	return NULL;
}

static void every_error_is_described_under_its_status_with_its_remedy(void **state UNUSED)
{
	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		const struct error err = {.code = (enum error_code)code};
		const int status = error_status(err.code);
		const json_t *row = find_code(codes_of(status), error_name(err.code));

		if (!row)
			fail_msg("docs/openapi.json: components.schemas.Codes%d lacks '%s'", status, error_name(err.code));
		assert_string_equal(json_string_or(row, "description", ""), error_remediation(&err));
	}
}

static void no_other_error_is_described(void **state UNUSED)
{
	const json_t *schemas = at(document, "components", "schemas"), *lists = at(at(schemas, "ErrorCode", NULL), "anyOf", NULL);
	size_t count = 0, listed = 0;
	const char *name;
	json_t *schema;

	json_object_foreach((json_t *)(uintptr_t)schemas, name, schema)
	{
		if (strncmp(name, "Codes", strlen("Codes")) == 0) {
			count += json_array_size(json_object_get(schema, "oneOf"));
			listed++;
		}
	}
	assert_int_equal(count, ERR_COUNT - 1);
	assert_int_equal(json_array_size(lists), listed);
}

/* Its schema says which code comes with the status; that of the rest is the first of the two. */
static void each_error_answer_names_its_status_and_its_codes(void **state UNUSED)
{
	const char *name;
	json_t *response;

	json_object_foreach((json_t *)(uintptr_t)at(document, "components", "responses"), name, response)
	{
		if (name[0] != 'E')
			continue;
		const json_t *schema = at(json_object_get(response, "content"), "application/json", "schema");
		const json_t *members = json_object_get(json_array_get(json_object_get(schema, "allOf"), 1), "properties");
		const int status = (int)strtol(name + 1, NULL, 10);
		CLEANUP(freep) char *wanted = xasprintf("#/components/schemas/Codes%d", status);
		const json_t *code = json_object_get(members, "code");

		print_message("%s\n", name);
		assert_int_equal(json_int_or(json_object_get(members, "statusCode"), "const", 0), status);
		if (codes_of(status))
			assert_string_equal(json_string_or(code, "$ref", ""), wanted);
		else /* of nginx alone, which has a code of ours for it */
			assert_int_equal(error_code_of(json_string_or(code, "const", "")), ERR_BAD_REQUEST);
	}
}

static void the_version_is_the_products(void **state UNUSED)
{
	assert_string_equal(json_string_or(at(document, "info", NULL), "version", ""), ACP_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_route_is_described_and_nothing_else),
	        cmocka_unit_test(access_and_its_refusals_are_the_routers),
	        cmocka_unit_test(bodies_are_the_routers),
	        cmocka_unit_test(every_answer_that_comes_before_the_handler_is_described),
	        cmocka_unit_test(every_error_is_described_under_its_status_with_its_remedy),
	        cmocka_unit_test(no_other_error_is_described),
	        cmocka_unit_test(each_error_answer_names_its_status_and_its_codes),
	        cmocka_unit_test(the_version_is_the_products),
	};

	return cmocka_run_group_tests(tests, open_document, close_document);
}
