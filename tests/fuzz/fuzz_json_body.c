/* A body of ours, and every kind of field read from it. */
#include "fuzz.h"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	json_t *object = NULL;
	const char *text = NULL;
	const json_t *inner = NULL;
	bool flag = false;

	if (!json_parse_body((const char *)data, size, &object, &err)) {
		FUZZ_ASSERT(err.code == ERR_BAD_JSON);
		return 0;
	}
	if (json_read_string(object, "a", JSON_REQUIRED, 16, &text, &err))
		FUZZ_ASSERT(strlen(text) <= 16);
	if (!json_read_bool(object, "b", JSON_OPTIONAL, &flag, &err) ||
	    !json_read_object(object, "c", JSON_OPTIONAL, &inner, &err) ||
	    !json_read_array(object, "d", JSON_OPTIONAL, 3, &inner, &err))
		FUZZ_ASSERT(err.code == ERR_FIELD_INVALID);
	json_decref(object);
	return 0;
}
