#pragma once
/*
 * redact — the last net under every text that leaves the process: secrets masked by value and by pattern.
 *
 * By pattern: tokens of GitLab and GitHub of every known kind and with any admin-chosen prefix before "gl…-" (dots included) become
 * "glpat-***" (the kind is kept), credentials in URLs "https://oauth2:***@host", "Bearer ***", "Basic ***", "PRIVATE-TOKEN: ***",
 * token-like query parameters "private_token=***". By value: every secret that was added, raw, percent-encoded and base64 (also
 * inside "user:secret" at any of the three alignments), becomes "***". Floor: base.
 */
#include "secret.h"
#include "strbuf.h"

struct redactor; /* the values of one request or session; not thread-safe */

struct redactor *redactor_new(void);
void redactor_freep(struct redactor **r); /* wipes the values */
void redactor_add(struct redactor *r, const struct secret *secret);

/* Appends the masked text to `to`. `r` may be NULL (patterns only). */
void redact(const struct redactor *r, const char *text, size_t length, struct strbuf *to);

/* Masks a NUL-terminated buffer in place; the result is never longer than the buffer (it is cut if masking grows it). */
void redact_in_place(const struct redactor *r, char *text, size_t capacity);

/* One line, at most `max` bytes, control characters replaced by spaces, masked: for GitLab's own sentences. */
void redact_sentence(const struct redactor *r, const char *text, size_t length, size_t max, struct strbuf *to);
