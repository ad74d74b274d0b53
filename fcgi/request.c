#include "request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "encoding.h"

void request_release(struct request *request)
{
	free(request->method);
	for (size_t i = 0; i < request->segment_count; i++)
		free(request->segments[i]);
	free(request->query);
	free(request->content_type);
	secret_release(&request->authorization);
	secret_release(&request->forwarded_token);
	free(request->idempotency_key);
	free(request->if_match);
	free(request->remote_address);
	free(request->git_protocol);
	free(request->content_encoding);
	free(request->accept);
	*request = (struct request)REQUEST_INIT;
}

/* An id from nginx is kept when it is harmless in headers and logs; anything else is replaced. */
static void read_id(const char *given, char ret[LIMIT_REQUEST_ID_MAX + 1])
{
	size_t length = given ? strspn(given, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") : 0;

	if (length > 0 && length <= LIMIT_REQUEST_ID_MAX && given[length] == '\0') {
		memcpy(ret, given, length + 1);
		return;
	}
	make_uuid(ret);
}

static bool has_control_character(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return true;
	return false;
}

static bool add_segment(const char *raw, size_t length, struct request *ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf segment = STRBUF_INIT(LIMIT_URL_MAX);

	if (ret->segment_count == REQUEST_SEGMENTS_MAX)
		return error_set(err, ERR_NOT_FOUND, "There is no such address on this service.");
	if (!decode_percent(raw, length, &segment) || !strbuf_ok(&segment) || !is_utf8(segment.data, segment.length) ||
	    has_control_character(segment.data))
		return error_set(err, ERR_BAD_REQUEST, "The path of the request is not well-formed.");
	if (strcmp(segment.data, ".") == 0 || strcmp(segment.data, "..") == 0)
		return error_set(err, ERR_BAD_REQUEST, "The path of the request must not contain '.' or '..'.");
	ret->segments[ret->segment_count++] = strbuf_detach(&segment);
	return true;
}

bool request_split_path(const char *raw, size_t length, struct request *ret, struct error *err)
{
	const char *end = raw + length;

	if (length == 0 || raw[0] != '/')
		return error_set(err, ERR_BAD_REQUEST, "The path of the request must begin with '/'.");
	for (const char *start = raw + 1;;) {
		const char *slash = memchr(start, '/', (size_t)(end - start));
		const char *stop = slash ? slash : end;

		if (!add_segment(start, (size_t)(stop - start), ret, err))
			return false;
		if (!slash)
			return true;
		start = slash + 1;
	}
}

/* REQUEST_URI as the client sent it; a server that sets none gives the decoded path, which is encoded again to be read the same
 * way. */
static bool read_target(const struct request_source *source, struct request *ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf target = STRBUF_INIT((size_t)4 * LIMIT_URL_MAX);
	const char *uri = source->get(source->context, "REQUEST_URI");
	const char *query = source->get(source->context, "QUERY_STRING");

	if (uri && *uri) {
		const char *mark = strchr(uri, '?');

		strbuf_add(&target, uri, mark ? (size_t)(mark - uri) : strlen(uri));
		ret->query = xstrdup(mark ? mark + 1 : "");
	} else {
		const char *path = source->get(source->context, "DOCUMENT_URI");

		strbuf_add_percent_encoded(&target, path ? path : "", "/");
		ret->query = xstrdup(query ? query : "");
	}
	if (!strbuf_ok(&target) || strlen(ret->query) > (size_t)4 * LIMIT_URL_MAX)
		return error_set(err, ERR_BAD_REQUEST, "The address of the request is too long.");
	return request_split_path(target.data, target.length, ret, err);
}

/* CONTENT_LENGTH: absent or empty means that none was announced; then the body, if any, is read to its end. */
static bool read_length(const char *text, int64_t *ret, struct error *err)
{
	int64_t value = 0;

	if (!text || !*text) {
		*ret = -1;
		return true;
	}
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text) || value > (INT64_MAX - 9) / 10)
			return error_set(err, ERR_BAD_REQUEST, "Content-Length is not a number.");
		value = value * 10 + (*text - '0');
	}
	*ret = value;
	return true;
}

static bool read_header(const struct request_source *source, const char *name, size_t max, char **ret, struct error *err)
{
	const char *value = source->get(source->context, name);

	if (!value)
		return true;
	if (strlen(value) > max || has_control_character(value))
		return error_set(err, ERR_BAD_REQUEST, "A header of the request is too long or has control characters.");
	*ret = xstrdup(value);
	return true;
}

bool request_read(const struct request_source *source, struct request *ret, struct error *err)
{
	const char *method = source->get(source->context, "REQUEST_METHOD");
	const char *authorization = source->get(source->context, "HTTP_AUTHORIZATION");

	read_id(source->get(source->context, "HTTP_X_REQUEST_ID"), ret->id);
	ret->method = xstrdup(method && strlen(method) <= 16 ? method : "");
	if (authorization && *authorization) {
		/* Room for "Basic " and for user and password in base64. */
		if (strlen(authorization) > (size_t)2 * LIMIT_BEARER_MAX)
			return error_set(err, ERR_BAD_REQUEST, "The Authorization header is too long.");
		secret_set(&ret->authorization, authorization, strlen(authorization));
	}
	const char *forwarded = source->get(source->context, "HTTP_X_FORWARDED_ACCESS_TOKEN");
	if (forwarded && *forwarded && strlen(forwarded) <= LIMIT_BEARER_MAX)
		secret_set(&ret->forwarded_token, forwarded, strlen(forwarded));
	return read_target(source, ret, err) &&
	       read_length(source->get(source->context, "CONTENT_LENGTH"), &ret->content_length, err) &&
	       read_header(source, "CONTENT_TYPE", 256, &ret->content_type, err) &&
	       read_header(source, "HTTP_IDEMPOTENCY_KEY", 255, &ret->idempotency_key, err) &&
	       read_header(source, "HTTP_IF_MATCH", 1024, &ret->if_match, err) &&
	       read_header(source, "REMOTE_ADDR", 64, &ret->remote_address, err) &&
	       read_header(source, "HTTP_GIT_PROTOCOL", 256, &ret->git_protocol, err) &&
	       read_header(source, "HTTP_CONTENT_ENCODING", 64, &ret->content_encoding, err) &&
	       read_header(source, "HTTP_ACCEPT", 512, &ret->accept, err);
}

/* The part after "<scheme> ", or NULL. */
static const char *after_scheme(const struct secret *authorization, const char *scheme)
{
	const char *text = authorization->length ? secret_bytes(authorization) : "";
	size_t length = strlen(scheme);

	if (strncasecmp(text, scheme, length) != 0 || text[length] != ' ')
		return NULL;
	return text + length + strspn(text + length, " ");
}

/* RFC 6750's b64token and nothing else: a second header joined by a comma does not pass. */
static bool is_token68(const char *text)
{
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");

	if (length == 0)
		return false;
	length += strspn(text + length, "=");
	return length <= LIMIT_BEARER_MAX && text[length] == '\0';
}

bool request_bearer(const struct request *request, struct secret *ret, struct error *err)
{
	const char *token = after_scheme(&request->authorization, "Bearer");

	if (!token)
		return error_set(err, ERR_UNAUTHENTICATED, "This call needs an 'Authorization: Bearer' header.");
	if (!is_token68(token))
		return error_set(err, ERR_UNAUTHENTICATED, "The bearer token of the request is not well-formed.");
	secret_set(ret, token, strlen(token));
	return true;
}

bool request_forwarded_bearer(const struct request *request, struct secret *ret)
{
	if (request->forwarded_token.length == 0 || !is_token68(secret_bytes(&request->forwarded_token)))
		return false;
	secret_copy(ret, &request->forwarded_token);
	return true;
}

static bool basic_password(const char *encoded, struct secret *ret)
{
	unsigned char decoded[LIMIT_BEARER_MAX];
	size_t length = 0;
	bool found = false;

	if (strlen(encoded) <= LIMIT_BEARER_MAX && decode_base64(encoded, strlen(encoded), decoded, sizeof(decoded), &length)) {
		const unsigned char *colon = memchr(decoded, ':', length);

		if (colon && colon + 1 < decoded + length) {
			secret_set(ret, colon + 1, (size_t)(decoded + length - colon - 1));
			found = secret_is_one_line(ret);
		}
	}
	wipe(decoded, sizeof(decoded));
	return found;
}

bool request_session_credential(const struct request *request, struct secret *ret, struct error *err)
{
	const char *token = after_scheme(&request->authorization, "Bearer");
	const char *basic = after_scheme(&request->authorization, "Basic");

	if (token && is_token68(token)) {
		secret_set(ret, token, strlen(token));
		return true;
	}
	if (basic && basic_password(basic, ret))
		return true;
	return error_set(err, ERR_GIT_CREDENTIAL, "The git gate needs the credential of a running session.");
}

/* A value as forms write it: '+' is a blank, which percent-decoding alone leaves. */
static bool decode_form(const char *raw, size_t length, struct strbuf *to)
{
	while (length > 0) {
		size_t part = strcspn(raw, "+");

		if (part > length)
			part = length;
		if (!decode_percent(raw, part, to))
			return false;
		if (part == length)
			return true;
		strbuf_add_char(to, ' ');
		raw += part + 1;
		length -= part + 1;
	}
	return true;
}

/* The raw value of a parameter; false: the query does not have it. */
static bool find_parameter(const struct request *request, const char *name, const char **ret, size_t *ret_length)
{
	size_t name_length = strlen(name);

	for (const char *part = request->query; part && *part;) {
		size_t length = strcspn(part, "&");
		size_t key_length = strcspn(part, "=&");

		if (key_length == name_length && memcmp(part, name, name_length) == 0) {
			*ret = part + key_length + (key_length < length);
			*ret_length = key_length == length ? 0 : length - key_length - 1;
			return true;
		}
		part += length;
		part += *part == '&';
	}
	return false;
}

bool request_query(const struct request *request, const char *name, struct strbuf *value)
{
	const char *raw = NULL;
	size_t length = 0;

	return find_parameter(request, name, &raw, &length) && (!value || decode_form(raw, length, value));
}

bool request_query_text(const struct request *request, const char *name, struct strbuf *value, bool *ret_present, struct error *err)
{
	const char *raw = NULL;
	size_t length = 0;

	*ret_present = false;
	if (!find_parameter(request, name, &raw, &length))
		return true;
	if (!decode_form(raw, length, value) || !is_utf8(value->data, value->length) || has_control_character(value->data))
		return error_set(err, ERR_FIELD_INVALID, "The query parameter '%s' is not well-formed text.", name);
	if (!strbuf_ok(value))
		return error_set(err, ERR_FIELD_INVALID, "The query parameter '%s' is longer than %zu bytes.", name, value->limit);
	*ret_present = value->length > 0;
	return true;
}

bool request_content_type_is(const struct request *request, const char *wanted)
{
	const char *text = request->content_type;
	size_t length = strlen(wanted);

	if (!text || strncasecmp(text, wanted, length) != 0)
		return false;
	text += length;
	text += strspn(text, " \t");
	if (*text == '\0')
		return true;
	if (*text != ';')
		return false;
	text += 1 + strspn(text + 1, " \t");
	return strcasecmp(text, "charset=utf-8") == 0 || strcasecmp(text, "charset=\"utf-8\"") == 0;
}
