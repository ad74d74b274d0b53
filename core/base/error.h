#pragma once
/*
 * error — why something failed, for the user, for the program and for the log.
 *
 * A fallible function returns bool, is MUST_CHECK and takes `struct error *err` last:
 *
 *     if (!token_is_plausible(text))
 *             return error_set(err, ERR_TOKEN_MALFORMED, "The token is empty or contains spaces.");
 *
 * The code decides HTTP status and remedy (error_catalog.h); no other place knows a status. `message` is one plain
 * sentence for the user, `detail` is for the log only. A struct error owns nothing and needs no release.
 * Floor: base.
 */
#include "error_catalog.h"
#include "macros.h"

enum error_code {
	ERR_NONE = 0,
#define X(code, name, status, remediation) ERR_##code,
	ERROR_CATALOG(X)
#undef X
	        ERR_COUNT
};

struct error {
	enum error_code code;
	unsigned retry_after_s; /* seconds; 0: none. Sent as Retry-After with 429 and 503 */
	char message[2560];     /* the user's sentence; may quote GitLab (LIMIT_GITLAB_SENTENCE), masked */
	char remediation[640];  /* empty: the catalogue's */
	char detail[640];       /* log only */
};
#define ERROR_INIT ZERO_INIT

/* Fills err (NULL is allowed: the caller only wants to know that it failed). Returns false, always. Over-long text is cut. */
bool error_set(struct error *err, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Replaces the catalogue's remedy for this one error. Call after error_set. Returns false. */
bool error_remedy(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Adds text for the log; earlier detail is kept ("new: old"). Returns false. */
bool error_detail(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Catalogue look-ups. The names are stable and part of the API ("token_expired"). Never NULL. */
const char *error_name(enum error_code code);
int error_status(enum error_code code);
const char *error_remediation(const struct error *err);

/* The code that has this name, or ERR_NONE. */
enum error_code error_code_of(const char *name);
