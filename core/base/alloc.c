#include "alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

void *xmalloc(size_t size)
{
	return or_abort(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return or_abort(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
	return or_abort(realloc(old, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return text ? or_abort(strdup(text)) : NULL;
}

char *xstrndup(const char *text, size_t length)
{
	return text ? or_abort(strndup(text, length)) : NULL;
}

char *xasprintf(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		abort();
	return text;
}

void freep(void *pointer_to_pointer)
{
	void **slot = pointer_to_pointer;
	free(*slot);
	*slot = NULL;
}

void set_string(char **slot, const char *text)
{
	char *copy = xstrdup(text); /* first: text may be part of the old value */
	free(*slot);
	*slot = copy;
}
