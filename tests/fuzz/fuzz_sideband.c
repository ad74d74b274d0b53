/* The remote's words: the same lines however the chunks break, and an address only below the instance. First byte: length of a
 * chunk. */
#include "fuzz.h"
#include "sideband.h"

static const char web_url[] = "https://gitlab.example.com/group/project";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sideband whole, parts;
	char *url;
	size_t chunk;

	if (size < 1)
		return 0;
	chunk = (size_t)data[0] % 64 + 1;
	data++;
	size--;
	sideband_init(&whole);
	sideband_init(&parts);
	sideband_add(&whole, (const char *)data, size);
	for (size_t at = 0; at < size; at += chunk)
		sideband_add(&parts, (const char *)data + at, size - at < chunk ? size - at : chunk);
	sideband_finish(&whole);
	sideband_finish(&parts);

	FUZZ_ASSERT(whole.text.length == parts.text.length && whole.text.length <= whole.text.limit);
	FUZZ_ASSERT(whole.text.length == 0 || memcmp(whole.text.data, parts.text.data, whole.text.length) == 0);
	FUZZ_ASSERT(whole.text.length == 0 || whole.text.data[whole.text.length - 1] == '\n');
	FUZZ_ASSERT(memchr(whole.text.data, '\0', whole.text.length) == NULL &&
	            memchr(whole.text.data, '\r', whole.text.length) == NULL);
	url = sideband_merge_request_url(&whole, web_url);
	FUZZ_ASSERT(url == NULL || (strncmp(url, web_url, sizeof(web_url) - 1) == 0 && strpbrk(url, " \t\r\n") == NULL));
	free(url);
	sideband_release(&whole);
	sideband_release(&parts);
	return 0;
}
