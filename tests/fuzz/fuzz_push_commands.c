/* A command list of a push: what passes updates the session's branch and nothing else. */
#include "fuzz.h"
#include "gate_service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	bool complete = false;

	if (gate_check_commands((const char *)data, size, "ambient/x", &complete, &err) && complete)
		FUZZ_ASSERT(memmem(data, size, "refs/heads/main\0", 16) == NULL || memmem(data, size, "refs/heads/ambient/x", 20) != NULL);
	return 0;
}
