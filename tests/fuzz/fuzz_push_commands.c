/*
 * A command list of a push: what passes and is complete updates refs/heads/<branch> and nothing else, for a second reader that
 * reads as git-receive-pack does (its read_head_info(): a final LF is dropped, the name ends at the first NUL).
 */
#include "fuzz.h"
#include "gate_service.h"

static const char branch_ref[] = "refs/heads/ambient/x";

/* Length of one pkt-line, its header included; 0 for a flush. */
static size_t pkt_size(const uint8_t *data, size_t left)
{
	char digits[5] = "";
	char *end = NULL;
	size_t size;

	FUZZ_ASSERT(left >= 4);
	memcpy(digits, data, 4);
	size = strtoul(digits, &end, 16);
	FUZZ_ASSERT(end == digits + 4 && (size == 0 || (size > 4 && size <= left)));
	return size;
}

static void check_command(const char *line)
{
	size_t old_id = strspn(line, "0123456789abcdefABCDEF"), new_id;

	FUZZ_ASSERT((old_id == 40 || old_id == 64) && line[old_id] == ' ');
	line += old_id + 1;
	new_id = strspn(line, "0123456789abcdefABCDEF");
	FUZZ_ASSERT(new_id == old_id && line[new_id] == ' ');
	FUZZ_ASSERT(strspn(line, "0") < new_id);
	FUZZ_ASSERT(strcmp(line + new_id + 1, branch_ref) == 0);
}

static void check_list(const uint8_t *data, size_t size)
{
	size_t commands = 0;

	for (size_t at = 0, length; (length = pkt_size(data + at, size - at)) != 0; at += length) {
		CLEANUP(freep) char *line = xcalloc(1, length);

		memcpy(line, data + at + 4, length - 4);
		if (line[length - 5] == '\n')
			line[length - 5] = '\0';
		if (strncmp(line, "shallow ", 8) == 0)
			continue;
		FUZZ_ASSERT(strncmp(line, "push-cert", 9) != 0);
		check_command(line);
		commands++;
	}
	FUZZ_ASSERT(commands == 1 || size == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	bool complete = false, complete_early = false;

	if (!gate_check_commands((const char *)data, size, "ambient/x", &complete, &err)) {
		FUZZ_ASSERT(err.code == ERR_GIT_REF_FORBIDDEN || err.code == ERR_BAD_REQUEST);
		FUZZ_ASSERT(strpbrk(err.message, "\r\n") == NULL);
		return 0;
	}
	if (complete)
		check_list(data, size);
	/* What is allowed as a whole was not refused when only half of it had arrived. */
	FUZZ_ASSERT(gate_check_commands((const char *)data, size / 2, "ambient/x", &complete_early, &err));
	FUZZ_ASSERT(complete || !complete_early);
	return 0;
}
