#include "url_parts.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ascii.h"
#include "caps.h"
#include "encoding.h"
#include "host_name.h"
#include "redact.h"

enum { QUOTED_BYTES = 200 };

/* The first "://", or NULL. Everything before it must be able to be a scheme (RFC 3986 §3.1). */
static const char *scheme_end(const char *text)
{
	const char *end = strstr(text, "://");

	if (!end || !ascii_is_letter(text[0]))
		return NULL;
	for (const char *c = text; c < end; c++) {
		if (!ascii_is_alnum(*c) && *c != '+' && *c != '-' && *c != '.')
			return NULL;
	}
	return end;
}

/* The last '@' among the first `length` bytes: what comes before it cannot be the host. */
static const char *user_info_end(const char *authority, size_t length)
{
	return memrchr(authority, '@', length);
}

static void split_user_info(const char *user_info, size_t length, struct url_parts *ret)
{
	const char *colon = memchr(user_info, ':', length);
	size_t user_length = colon ? (size_t)(colon - user_info) : length;

	ret->has_user_info = true;
	ret->has_password = colon != NULL;
	ret->user_is_git = user_length == 3 && memcmp(user_info, "git", 3) == 0;
}

static void split_host(const char *host, size_t length, struct url_parts *ret)
{
	const char *bracket = length > 0 && host[0] == '[' ? memchr(host, ']', length) : NULL;
	const char *after = bracket ? bracket + 1 : host;
	const char *colon = memchr(after, ':', length - (size_t)(after - host));

	ret->host = xstrndup(host, colon ? (size_t)(colon - host) : length);
	if (colon)
		ret->port = xstrndup(colon + 1, length - (size_t)(colon + 1 - host));
}

bool url_split(const char *text, struct url_parts *ret)
{
	const char *end = scheme_end(text);

	if (!end)
		return false;
	ret->scheme = xstrndup(text, (size_t)(end - text));
	for (char *c = ret->scheme; *c; c++)
		*c = ascii_lower(*c);

	const char *authority = end + strlen("://");
	size_t length = strcspn(authority, "/?#");
	const char *path = authority + length;
	const char *at = user_info_end(authority, length);
	if (at) {
		split_user_info(authority, (size_t)(at - authority), ret);
		length -= (size_t)(at + 1 - authority);
		authority = at + 1;
	}
	split_host(authority, length, ret);

	size_t path_length = strcspn(path, "?#");
	ret->path = xstrndup(path, path_length);
	ret->has_query = path[path_length] == '?';
	ret->has_fragment = strchr(path + path_length, '#') != NULL;
	return true;
}

void url_parts_release(struct url_parts *parts)
{
	free(parts->scheme);
	free(parts->host);
	free(parts->port);
	free(parts->path);
	*parts = (struct url_parts)URL_PARTS_INIT;
}

bool url_port_parse(const char *text, unsigned *ret_port)
{
	size_t length = strlen(text);
	unsigned port = 0;

	if (length == 0 || length > strlen("65535") || text[0] == '0')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!ascii_is_digit(text[i]))
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (port > 65535)
		return false;
	*ret_port = port;
	return true;
}

unsigned url_default_port(const char *scheme)
{
	if (strcmp(scheme, "https") == 0)
		return 443;
	return strcmp(scheme, "http") == 0 ? 80 : 0;
}

char *url_trim(const char *text)
{
	if (!text)
		return xstrdup("");
	while (ascii_is_blank(*text))
		text++;
	size_t length = strlen(text);
	while (length > 0 && ascii_is_blank(text[length - 1]))
		length--;
	return xstrndup(text, length);
}

bool url_has_forbidden_byte(const char *text)
{
	for (; *text; text++) {
		if (ascii_is_control(*text) || *text == '\\')
			return true;
	}
	return false;
}

void url_add_authority(struct strbuf *to, const char *scheme, const char *host, unsigned port)
{
	bool brackets = host_name_needs_brackets(host);

	strbuf_addf(to, "%s%s%s", brackets ? "[" : "", host, brackets ? "]" : "");
	if (port != 0 && port != url_default_port(scheme))
		strbuf_addf(to, ":%u", port);
}

/*
 * What is left of an address of unknown form when everything that may be a credential is gone. A password may hold "/", "?" and "#"
 * unescaped, so the last '@' of all decides, not the one that the grammar means.
 */
static void add_harmless_part(struct strbuf *to, const char *text, size_t length)
{
	const char *end = memmem(text, length, "://", 3);
	size_t start = end ? (size_t)(end - text) + 3 : 0;
	size_t query = start + strcspn(text + start, "?#");
	const char *at = memrchr(text + start, '@', length - start);

	strbuf_add(to, text, start);
	if (query > length)
		query = length;
	if (!at)
		strbuf_add(to, text + start, query - start);
	else if ((size_t)(at - text) < query)
		strbuf_add(to, at + 1, query - (size_t)(at + 1 - text));
	else
		strbuf_add_string(to, "***");
}

void url_add_quoted(struct strbuf *to, const char *text)
{
	CLEANUP(strbuf_release) struct strbuf harmless = STRBUF_INIT(LIMIT_URL_MAX + 16);
	CLEANUP(strbuf_release) struct strbuf masked = STRBUF_INIT((size_t)2 * LIMIT_URL_MAX);
	bool utf8;

	add_harmless_part(&harmless, text, strnlen(text, LIMIT_URL_MAX));
	redact(NULL, harmless.data, harmless.length, &masked);
	size_t length = masked.length;
	if (length > QUOTED_BYTES) {
		length = QUOTED_BYTES;
		while (length > 0 && ((unsigned char)masked.data[length] & 0xc0) == 0x80)
			length--;
	}
	utf8 = is_utf8(masked.data, length);
	for (size_t i = 0; i < length; i++) {
		char c = masked.data[i];
		strbuf_add_char(to, ascii_is_control(c) || (!utf8 && (unsigned char)c >= 0x80) ? '?' : c);
	}
	if (length < masked.length || strlen(text) > LIMIT_URL_MAX)
		strbuf_add_string(to, "…");
}

char *url_without_credentials(const char *text)
{
	CLEANUP(freep) char *trimmed = url_trim(text);
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT(LIMIT_URL_MAX);
	const char *end = scheme_end(trimmed);

	if (end) {
		const char *authority = end + strlen("://");
		const char *at = user_info_end(authority, strcspn(authority, "/?#"));
		strbuf_add(&clean, trimmed, (size_t)(authority - trimmed));
		strbuf_add(&clean, at ? at + 1 : authority, strcspn(at ? at + 1 : authority, "?#"));
	} else {
		strbuf_add(&clean, trimmed, strcspn(trimmed, "?#"));
	}
	return strbuf_detach(&clean);
}
