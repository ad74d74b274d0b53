#pragma once
/*
 * redact_parts — the two passes of redact.c: known values first, then patterns. Private to base.
 */
#include "redact.h"

/* Appends text with every known value, in each of its spellings, replaced by "***". Never longer than text. */
void redact_values(const struct redactor *r, const char *text, size_t length, struct strbuf *to);

/* Appends text with everything that looks like a credential masked. Never reads outside text; takes time proportional to its
 * length. */
void redact_patterns(const char *text, size_t length, struct strbuf *to);
