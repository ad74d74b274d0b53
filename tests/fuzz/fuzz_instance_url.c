/* A parsed instance URL parses to itself again, and never keeps credentials, a query or a trailing slash. */
#include "fuzz.h"
#include "instance_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = fuzz_text(data, size);
	CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT, again = INSTANCE_URL_INIT;
	struct error err = ERROR_INIT;

	if (!instance_url_parse(text, &url, &err)) {
		FUZZ_ASSERT(err.code != ERR_NONE && err.message[0] != '\0');
		return 0;
	}
	FUZZ_ASSERT(strpbrk(url.text, "?#@\\% \t\r\n") == NULL);
	FUZZ_ASSERT(url.text[strlen(url.text) - 1] != '/');
	FUZZ_ASSERT(url.port >= 1 && url.port <= 65535);
	FUZZ_ASSERT(instance_url_parse(url.text, &again, &err) && strcmp(again.text, url.text) == 0);
	return 0;
}
