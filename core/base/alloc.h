#pragma once
/*
 * alloc — allocation that never fails: out of memory aborts the process (one request or session is lost, the
 * supervisor starts another worker). Sizes that come from outside are capped before they get here (caps.h).
 * Floor: base.
 */
#include "macros.h"

void *xmalloc(size_t size) MUST_CHECK;
void *xcalloc(size_t count, size_t size) MUST_CHECK;
void *xrealloc(void *old, size_t size) MUST_CHECK;
char *xstrdup(const char *text) MUST_CHECK; /* NULL gives NULL */
char *xstrndup(const char *text, size_t length) MUST_CHECK;
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2) MUST_CHECK;

/* For CLEANUP(freep) char *name = NULL; */
void freep(void *pointer_to_pointer);

/* Replaces *slot with a copy of text (NULL clears), freeing the old value. */
void set_string(char **slot, const char *text);
