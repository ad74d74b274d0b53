#include "response.h"

#include <ctype.h>
#include <string.h>

void response_release(struct response *response)
{
	strbuf_release(&response->body);
}

void response_json_text(struct response *response, int status, const char *text, size_t length)
{
	response->status = status;
	strbuf_clear(&response->body);
	strbuf_add(&response->body, text, length);
}

void response_json(struct response *response, int status, json_t *value)
{
	response->status = status;
	strbuf_clear(&response->body);
	json_write(&response->body, value);
	json_decref(value);
}

/* ERR_NONE would be a handler that failed without saying why; the user then gets an honest 500. */
static enum error_code code_of(const struct error *failure)
{
	return failure->code == ERR_NONE ? ERR_INTERNAL : failure->code;
}

static const char *sentence_of(const struct error *failure)
{
	return failure->message[0] ? failure->message : "The service could not answer the request.";
}

static void begin_error(struct response *response, const struct error *failure)
{
	response->code = code_of(failure);
	response->retry_after_s = failure->retry_after_s;
	response->etag[0] = '\0';
}

json_t *response_text(const char *text)
{
	CLEANUP(strbuf_release) struct strbuf plain = STRBUF_INIT(sizeof(((struct error *)0)->message));
	json_t *value;

	if (!text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	/* Cut in the middle of a character, or relayed in another encoding: what is ASCII still helps. */
	for (; *text; text++)
		strbuf_add_char(&plain, (unsigned char)*text < 0x80 ? *text : '?');
	return json_string(plain.data);
}

void response_error(struct response *response, const struct error *failure, const char *request_id)
{
	int status = error_status(code_of(failure));

	begin_error(response, failure);
	response->content_type = "application/json; charset=utf-8";
	response_json(response, status,
	              json_pack("{s:o, s:i, s:s, s:o, s:s}", "error", response_text(sentence_of(failure)), "statusCode", status,
	                        "code", error_name(response->code), "remediation", response_text(error_remediation(failure)),
	                        "requestId", request_id));
}

void response_error_text(struct response *response, const struct error *failure)
{
	begin_error(response, failure);
	response->status = error_status(response->code);
	response->content_type = "text/plain; charset=utf-8";
	strbuf_clear(&response->body);
	strbuf_addf(&response->body, "%s %s\n", sentence_of(failure), error_remediation(failure));
}

bool response_header(struct strbuf *to, const char *name, const char *value)
{
	for (const char *c = value; *c; c++)
		if (iscntrl((unsigned char)*c))
			return false;
	strbuf_addf(to, "%s: %s\r\n", name, value);
	return true;
}

static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
	        {200, "OK"},
	        {201, "Created"},
	        {202, "Accepted"},
	        {400, "Bad Request"},
	        {401, "Unauthorized"},
	        {403, "Forbidden"},
	        {404, "Not Found"},
	        {405, "Method Not Allowed"},
	        {409, "Conflict"},
	        {412, "Precondition Failed"},
	        {413, "Content Too Large"},
	        {415, "Unsupported Media Type"},
	        {422, "Unprocessable Content"},
	        {429, "Too Many Requests"},
	        {500, "Internal Server Error"},
	        {502, "Bad Gateway"},
	        {503, "Service Unavailable"},
	        {504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

bool response_format(const struct response *response, const char *request_id, bool head, struct strbuf *to, struct error *err)
{
	if (!strbuf_ok(&response->body))
		return error_set(err, ERR_INTERNAL, "The answer is larger than this service sends.");
	strbuf_addf(to, "Status: %d %s\r\n", response->status, reason_of(response->status));
	bool safe = response_header(to, "Content-Type", response->content_type) &&
	            response_header(to, "Cache-Control", "no-store") && response_header(to, "X-Content-Type-Options", "nosniff") &&
	            response_header(to, "X-Request-ID", request_id);
	if (response->allow[0])
		safe = safe && response_header(to, "Allow", response->allow);
	if (response->etag[0])
		safe = safe && response_header(to, "ETag", response->etag);
	if (!safe)
		return error_set(err, ERR_INTERNAL, "The answer had a header that must not be sent.");
	if (response->status == 401)
		strbuf_addf(to, "WWW-Authenticate: %s\r\n", response->challenge ? response->challenge : "Bearer");
	if (response->retry_after_s > 0)
		strbuf_addf(to, "Retry-After: %u\r\n", response->retry_after_s);
	strbuf_addf(to, "Content-Length: %zu\r\n\r\n", response->body.length);
	if (!head)
		strbuf_add(to, response->body.data, response->body.length);
	return strbuf_ok(to) || error_set(err, ERR_INTERNAL, "The answer is larger than this service sends.");
}
