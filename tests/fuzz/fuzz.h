#pragma once
/* fuzz — what the harnesses share: the entry point and the input as a C string. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of the input with a final NUL, so that reading past its end is seen. Caller frees. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	return xstrndup((const char *)data, strnlen((const char *)data, size));
}

/* A property that must hold for every input. */
#define FUZZ_ASSERT(condition)                                                                                                     \
	do {                                                                                                                       \
		if (!(condition))                                                                                                  \
			abort();                                                                                                   \
	} while (0)
