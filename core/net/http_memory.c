#include "http_memory.h"

#include <curl/curl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void wipe_and_free(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* realloc(3) would leave the old place as it was. */
static void *move(void *old, size_t size)
{
	size_t had = old ? malloc_usable_size(old) : 0;
	void *new = malloc(size);

	if (!new)
		return NULL;
	if (had)
		memcpy(new, old, had < size ? had : size);
	wipe_and_free(old);
	return new;
}

void http_memory_start(void)
{
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_and_free, move, strdup, calloc) != CURLE_OK)
		abort();
}
