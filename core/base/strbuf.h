#pragma once
/*
 * strbuf — a growing string with a cap and a memory of its failures.
 *
 * `data` is always a valid C string (never NULL after strbuf_init or STRBUF_INIT), `length` excludes the final NUL. Adding
 * beyond `limit` marks the buffer as failed and drops the addition; later additions are dropped too. Build freely, then
 * ask strbuf_ok() once. Floor: base.
 */
#include "error.h"
#include <stdarg.h>

struct strbuf {
	char *data;
	size_t length;
	size_t limit;      /* bytes without the NUL */
	size_t allocated_; /* private */
	bool failed_;      /* private */
};

extern char strbuf_empty_[1];
/* A buffer with the cap `max`. */
/* clang-format off */
#define STRBUF_INIT(max) {.data = strbuf_empty_, .limit = (max)}
/* clang-format on */

void strbuf_release(struct strbuf *b);        /* frees; the buffer can be used again */
void strbuf_release_secret(struct strbuf *b); /* wipes, then frees */
void strbuf_clear(struct strbuf *b);          /* empties, keeps memory, forgets a failure */

void strbuf_add(struct strbuf *b, const void *bytes, size_t length);
void strbuf_add_string(struct strbuf *b, const char *text);
void strbuf_add_char(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void strbuf_vaddf(struct strbuf *b, const char *format, va_list args) PRINTF_LIKE(2, 0);

/* Percent-encodes everything but A-Za-z0-9-_.~ ; `keep` lists further bytes to leave ("/" for a path). NULL keeps none. */
void strbuf_add_percent_encoded(struct strbuf *b, const char *text, const char *keep);

/* Whether every addition fitted. */
bool strbuf_ok(const struct strbuf *b) MUST_CHECK;

/* The string leaves the buffer; the caller owns it and frees it with free(). Never NULL. */
char *strbuf_detach(struct strbuf *b) MUST_CHECK;
