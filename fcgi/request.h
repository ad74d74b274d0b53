#pragma once
/*
 * request — what a client asked for, read from the CGI variables and checked before anything looks at it. Knows nothing of libfcgi,
 * so that it can be tested with a table of strings.
 *
 * The path is taken from REQUEST_URI as it came over the wire, split at its slashes and only then decoded: an encoded slash stays
 * part of its segment. Forwarded identity headers are never read.
 */
#include "caps.h"
#include "error.h"
#include "secret.h"
#include "strbuf.h"

enum { REQUEST_SEGMENTS_MAX = 16 /* our longest route has 8 */ };

struct request {
	char id[LIMIT_REQUEST_ID_MAX + 1]; /* nginx's $request_id, or made here */
	char *method;                      /* owned, as all strings; "" where the client sent none */
	char *segments[REQUEST_SEGMENTS_MAX];
	size_t segment_count;
	char *query; /* raw, without '?' */
	char *content_type;
	int64_t content_length; /* -1: not announced (chunked) */
	struct secret authorization;
	struct secret forwarded_token; /* X-Forwarded-Access-Token; worth something from a trusted proxy alone */
	char *idempotency_key;
	char *if_match; /* NULL: not sent */
	char *git_protocol;
	char *content_encoding;
	char *accept;
	char *remote_address; /* who is connected to nginx */
};
#define REQUEST_INIT ZERO_INIT

/* Where the CGI variables come from; NULL for an unset one. */
struct request_source {
	const char *(*get)(void *context, const char *name);
	void *context;
};

/* ERR_BAD_REQUEST. ret->id is filled even then; release in both cases. */
bool request_read(const struct request_source *source, struct request *ret, struct error *err) MUST_CHECK;
void request_release(struct request *request);

/* Splits and decodes "/a/b%20c". Refused: no leading slash, "." and "..", control characters, NUL, broken escapes, broken UTF-8. */
bool request_split_path(const char *raw, size_t length, struct request *ret, struct error *err) MUST_CHECK;

/* The caller's bearer: exactly one "Bearer <token68>". ERR_UNAUTHENTICATED. */
bool request_bearer(const struct request *request, struct secret *ret, struct error *err) MUST_CHECK;
/* The forwarded token as the bearer: for requests of a proxy that an operator trusts. False: it sent none that can be one. */
bool request_forwarded_bearer(const struct request *request, struct secret *ret) MUST_CHECK;

/* A session's credential: Bearer, or the password of Basic credentials as git sends them. ERR_GIT_CREDENTIAL. */
bool request_session_credential(const struct request *request, struct secret *ret, struct error *err) MUST_CHECK;

/* Whether the query has this parameter; its decoded value ('+' is a blank, as forms write it) is added to `value` (NULL: not
 * wanted).
 */
bool request_query(const struct request *request, const char *name, struct strbuf *value);

/*
 * A parameter that is read as text: its decoded value is added to `value`, and *ret_present tells whether it was there and not
 * empty. ERR_FIELD_INVALID: broken escapes, bytes that are not UTF-8, control characters, or more than the buffer takes.
 */
bool request_query_text(const struct request *request, const char *name, struct strbuf *value, bool *ret_present,
                        struct error *err) MUST_CHECK;

/* Whether the content type is `wanted`, without parameters or (for JSON) with charset=utf-8. */
bool request_content_type_is(const struct request *request, const char *wanted);
