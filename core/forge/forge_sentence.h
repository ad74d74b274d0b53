#pragma once
/*
 * forge_sentence — a forge's own words: found in an answer, and made fit to be shown. Floor: forge.
 */
#include "error.h"
#include "json.h"
#include "strbuf.h"

/* Whether `text` contains `part`, whatever the case (ASCII). */
bool sentence_has(const char *text, const char *part);
/* … or one of these parts. */
bool sentence_has_any(const char *text, const char *const *parts, size_t count);

/* The begin of a text body, at most 4 KiB, without the blanks around it. Caller frees. */
char *sentence_of_body(const char *body, size_t length) MUST_CHECK;

/*
 * What a JSON error says: "error_description", else "message" (a string, or the first string inside an object or array), else
 * "error".
 * "" when there is nothing. Borrowed from `answer`.
 */
const char *sentence_of_json(const json_t *answer);

/* One masked line of at most LIMIT_GITLAB_SENTENCE bytes, without "403 Forbidden - " and the like at its begin. */
void sentence_relay(const char *text, size_t length, struct strbuf *to);

/* Seconds to wait: Retry-After (seconds or HTTP date), else RateLimit-Reset (unix time); at most a day. False: neither is usable.
 */
bool sentence_wait(const char *retry_after, const char *reset, int64_t now_s, unsigned *ret_s) MUST_CHECK;
