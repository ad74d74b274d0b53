/* A review from anywhere: a session that is let through at its creation is its creator's, whatever else the object says. */
#include "admission.h"
#include "encoding.h"
#include "fuzz.h"

/* Whether the patch writes this owner in one of the two places where it can. */
static bool writes_owner(const json_t *patch, const char *user)
{
	size_t i;
	json_t *operation;

	json_array_foreach(patch, i, operation)
	{
		const char *path = json_string_or(operation, "path", "");
		const json_t *value = json_object_get(operation, "value");

		if (strcmp(path, "/metadata/annotations") == 0)
			return strcmp(json_string_or(value, ADMISSION_OWNER, ""), user) == 0;
		if (strcmp(path, "/metadata/annotations/ambient-code.io~1owner") == 0)
			return strcmp(json_string_value(value), user) == 0;
	}
	return false;
}

static void check_creation(const json_t *request, const json_t *response)
{
	const json_t *resource = json_object_get(request, "resource");
	const char *user = json_string_or(json_object_get(request, "userInfo"), "username", "");
	const char *text = json_string_or(response, "patch", ""), *given;
	static unsigned char bytes[4 * 1024 * 1024];
	size_t length = 0;

	if (strcmp(json_string_or(resource, "group", ""), "ambient-code.io") != 0 ||
	    strcmp(json_string_or(resource, "resource", ""), "agenticsessions") != 0 ||
	    json_string_or(request, "subResource", "")[0] || strcmp(json_string_or(request, "operation", ""), "CREATE") != 0 ||
	    !json_is_true(json_object_get(response, "allowed")))
		return;
	given = admission_annotation(json_object_get(request, "object"), ADMISSION_OWNER);
	FUZZ_ASSERT(user[0] != '\0');
	FUZZ_ASSERT(decode_base64(text, strlen(text), bytes, sizeof(bytes), &length));
	json_t *patch = length ? json_parse_answer((const char *)bytes, length) : NULL;
	FUZZ_ASSERT((given && strcmp(given, user) == 0) || writes_owner(patch, user));
	json_decref(patch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *review = json_parse_answer((const char *)data, size), *answer = NULL;
	struct error err = ERROR_INIT;
	int64_t since;

	if (review && admission_answer(review, &answer, &err))
		check_creation(json_object_get(review, "request"), json_object_get(answer, "response"));
	(void)admission_guards(review, "ambient-code.io", "agenticsessions", &since);
	json_decref(answer);
	json_decref(review);
	return 0;
}
