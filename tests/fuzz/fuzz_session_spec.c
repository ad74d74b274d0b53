/* An AgenticSession from anywhere: repositories have unique, harmless folder names. */
#include "fuzz.h"
#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error err = ERROR_INIT;
	json_t *object = NULL;

	if (!json_parse_body((const char *)data, size, &object, &err))
		return 0;
	if (session_spec_parse(object, &spec, &err)) {
		FUZZ_ASSERT(session_name_is_valid(spec.name));
		for (size_t i = 0; i < spec.repository_count; i++) {
			const char *name = spec.repositories[i].name;

			FUZZ_ASSERT(name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL);
			for (size_t j = 0; j < i; j++)
				FUZZ_ASSERT(strcmp(name, spec.repositories[j].name) != 0);
		}
	}
	json_decref(object);
	return 0;
}
