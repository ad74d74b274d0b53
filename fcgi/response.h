#pragma once
/*
 * response — one answer: built in memory, sent in one piece. Every answer says no-store and nosniff and carries the request id
 * once; no header value with a line break leaves here, and no answer has a top-level `data` member.
 */
#include "entity_tag.h"
#include "json.h"

enum { RESPONSE_BODY_MAX = 32 * 1024 * 1024 /* session_store's list keeps to half of it */ };

struct response {
	int status;
	const char *content_type;
	struct strbuf body;
	char allow[64];         /* "": no Allow header */
	char etag[ETAG_SIZE];   /* "": no ETag header */
	const char *challenge;  /* of a 401, a literal; NULL: "Bearer" */
	unsigned retry_after_s; /* 0: no Retry-After header */
	enum error_code code;   /* ERR_NONE for a success; for the log */
};
#define RESPONSE_INIT                                                                                                              \
	{                                                                                                                          \
		.status = 200, .content_type = "application/json; charset=utf-8", .body = STRBUF_INIT(RESPONSE_BODY_MAX)           \
	}
void response_release(struct response *response);

/* The value is taken over and released. */
void response_json(struct response *response, int status, json_t *value);
/* A JSON text that was rendered earlier. */
void response_json_text(struct response *response, int status, const char *text, size_t length);

/* {"error", "statusCode", "code", "remediation", "requestId"}. Keeps `allow`. */
void response_error(struct response *response, const struct error *failure, const char *request_id);
/* The same as two sentences of plain text: git prints them to the user. */
void response_error_text(struct response *response, const struct error *failure);

/* A JSON string of any text; bytes that are not UTF-8 become '?'. NULL gives null. */
json_t *response_text(const char *text) MUST_CHECK;

/*
 * Appends header block and body as CGI wants them (without the body for HEAD). ERR_INTERNAL: a header value that must not be sent.
 */
bool response_format(const struct response *response, const char *request_id, bool head, struct strbuf *to,
                     struct error *err) MUST_CHECK;

/* Adds "name: value" to a header block. False, and nothing added, for a control character in the value. */
bool response_header(struct strbuf *to, const char *name, const char *value) MUST_CHECK;
