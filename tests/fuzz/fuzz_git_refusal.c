/* Any text that comes with a refused git request or push is classified and relayed in one line. First byte: the status. */
#include "fuzz.h"
#include "gitlab_errors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {301, 302, 400, 401, 403, 404, 413, 422, 429, 500, 503};
	CLEANUP(freep) char *text = NULL;
	struct error err = ERROR_INIT;

	if (size < 1)
		return 0;
	text = fuzz_text(data + 1, size - 1);
	gitlab_classify_git(data[0] & 16 ? GIT_RECEIVE_PACK : GIT_UPLOAD_PACK, statuses[data[0] % ARRAY_SIZE(statuses)], text,
	                    strlen(text), "", "gitlab.example.com", "group/project", &err);
	FUZZ_ASSERT(err.code != ERR_NONE && strpbrk(err.message, "\r\n") == NULL);
	gitlab_classify_push(text, "pre-receive hook declined", "main", "group/project", &err);
	FUZZ_ASSERT(err.code != ERR_NONE && strpbrk(err.message, "\r\n") == NULL);
	return 0;
}
