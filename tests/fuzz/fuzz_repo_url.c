/* A parsed repository address has a legal path of at least two segments, whatever was pasted. */
#include "fuzz.h"
#include "repo_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = fuzz_text(data, size);
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	struct error err = ERROR_INIT;

	if (!repo_url_parse(text, &url, &err)) {
		FUZZ_ASSERT(err.code == ERR_REPO_URL_INVALID);
		return 0;
	}
	FUZZ_ASSERT(strchr(url.path, '/') != NULL && url.path[0] != '/');
	FUZZ_ASSERT(strpbrk(url.path, "@?#%\\: \t\r\n") == NULL && strstr(url.path, "//") == NULL);
	FUZZ_ASSERT(url.host[0] != '\0' && strpbrk(url.host, "/@ \t\r\n") == NULL);
	return 0;
}
