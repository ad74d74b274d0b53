#include "url_parts.h"

#include <stdlib.h>

#include "alloc.h"
#include "caps.h"
#include "encoding.h"
#include "host_name.h"
#include "redact.h"

enum { QUOTED_BYTES = 200 };

/* Where the first "://" begins, or NULL. Everything before it must be able to be a scheme (RFC 3986 §3.1). */
static const char *scheme_end(struct span text)
{
	const char *end = memmem(text.start, text.length, "://", 3);

	if (!end || !ascii_is_letter(text.start[0]))
		return NULL;
	for (const char *c = text.start; c < end; c++) {
		if (!ascii_is_alnum(*c) && *c != '+' && *c != '-' && *c != '.')
			return NULL;
	}
	return end;
}

/* What comes before the last '@' cannot be the host, whatever it holds. */
static void cut_authority(struct span text, struct url_authority *ret)
{
	const char *at = span_find_last(text, '@');

	*ret = (struct url_authority){0};
	if (at) {
		ret->user_info = span_between(text.start, at);
		text = span_between(at + 1, span_end(text));
	}
	const char *bracket = text.length > 0 && text.start[0] == '[' ? span_find(text, ']') : NULL;
	const char *after = bracket ? bracket + 1 : text.start;
	const char *colon = memchr(after, ':', (size_t)(span_end(text) - after));
	ret->host = span_between(text.start, colon ? colon : span_end(text));
	if (colon)
		ret->port = span_between(colon + 1, span_end(text));
}

/* "/path?query#fragment" */
static void cut_tail(struct span text, struct url_view *ret)
{
	const char *hash = span_find(text, '#');

	if (hash) {
		ret->fragment = span_between(hash + 1, span_end(text));
		text = span_between(text.start, hash);
	}
	const char *mark = span_find(text, '?');
	if (mark) {
		ret->query = span_between(mark + 1, span_end(text));
		text = span_between(text.start, mark);
	}
	/* Blanks at the end of an address are not part of it, also where a query or fragment hid them. */
	while (text.length > 0 && ascii_is_blank(text.start[text.length - 1]))
		text.length--;
	ret->path = text;
}

/* The first of / ? #, or the end. */
static const char *authority_end(const char *start, const char *end)
{
	while (start < end && *start != '/' && *start != '?' && *start != '#')
		start++;
	return start;
}

bool url_view_absolute(struct span text, struct url_view *ret)
{
	const char *end = scheme_end(text);

	if (!end)
		return false;
	const char *authority = end + strlen("://");
	const char *path = authority_end(authority, span_end(text));
	*ret = (struct url_view){.scheme = span_between(text.start, end)};
	cut_authority(span_between(authority, path), &ret->authority);
	cut_tail(span_between(path, span_end(text)), ret);
	return true;
}

/* The colon that ends the host of "[user@]host:path", or NULL. */
static const char *scp_colon(struct span text)
{
	int depth = 0;

	for (const char *c = text.start; c < span_end(text) && (*c != '/' || depth > 0); c++) {
		if (*c == '[')
			depth++;
		else if (*c == ']')
			depth--;
		else if (*c == ':' && depth == 0)
			return c;
	}
	return NULL;
}

/* Whether the brackets hold "user@host:port" rather than an IPv6 address. */
static bool is_bracket_form(struct span text)
{
	if (text.length < 2 || text.start[0] != '[' || text.start[text.length - 1] != ']')
		return false;
	const char *colon = span_find(text, ':');
	return span_find(text, '@') || !colon || colon == span_find_last(text, ':') || text.start[1] == '[';
}

const char *url_view_scp(struct span text, struct url_view *ret)
{
	const char *colon = scp_colon(text);

	if (!colon)
		return "it has neither a scheme nor the form git@host:group/project";
	struct span before = span_between(text.start, colon);
	if (span_find(before, '?') || span_find(before, '#'))
		return "its host has a character that host names do not have";
	*ret = (struct url_view){.scheme = {NULL, 0}};
	if (is_bracket_form(before))
		before = (struct span){before.start + 1, before.length - 2};
	cut_authority(before, &ret->authority);
	cut_tail(span_between(colon + 1, span_end(text)), ret);
	return NULL;
}

bool url_has_password(const struct url_authority *authority)
{
	return authority->user_info.start && span_find(authority->user_info, ':');
}

struct span url_user(const struct url_authority *authority)
{
	struct span user = authority->user_info;

	if (!user.start)
		return span_of("");
	const char *colon = span_find(user, ':');
	return span_between(user.start, colon ? colon : span_end(user));
}

static char *copy(struct span s)
{
	return s.start ? xstrndup(s.start, s.length) : NULL;
}

bool url_split(const char *text, struct url_parts *ret)
{
	struct url_view view;

	if (!url_view_absolute(span_of(text), &view))
		return false;
	*ret = (struct url_parts){
	        .scheme = copy(view.scheme),
	        .host = copy(view.authority.host),
	        .port = copy(view.authority.port),
	        .path = copy(view.path),
	        .has_user_info = view.authority.user_info.start != NULL,
	        .has_query = view.query.start != NULL,
	        .has_fragment = view.fragment.start != NULL,
	};
	for (char *c = ret->scheme; *c; c++)
		*c = ascii_lower(*c);
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

bool url_port_read(struct span text, unsigned *ret_port)
{
	unsigned port = 0;

	if (!span_is_digits(text) || text.length > strlen("65535") || text.start[0] == '0')
		return false;
	for (size_t i = 0; i < text.length; i++)
		port = port * 10 + (unsigned)(text.start[i] - '0');
	if (port > 65535)
		return false;
	*ret_port = port;
	return true;
}

bool url_port_parse(const char *text, unsigned *ret_port)
{
	return url_port_read(span_of(text), ret_port);
}

unsigned url_default_port(const char *scheme)
{
	if (strcmp(scheme, "https") == 0)
		return 443;
	return strcmp(scheme, "http") == 0 ? 80 : 0;
}

char *url_trim(const char *text)
{
	struct span trimmed = span_trim(span_of(text ? text : ""));

	return xstrndup(trimmed.start, trimmed.length);
}

bool url_span_has_forbidden_byte(struct span text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (ascii_is_control(text.start[i]) || text.start[i] == '\\')
			return true;
	}
	return false;
}

bool url_has_forbidden_byte(const char *text)
{
	return url_span_has_forbidden_byte(span_of(text));
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

/* What stands for the user in host:path; a password with a colon ends the host where the grammar looks for it. */
static struct span scp_user(struct span text, const struct url_view *view)
{
	const char *at = span_find_last(view->path, '@');

	return at ? span_between(text.start, at) : view->authority.user_info;
}

static void add_clean_scp(struct strbuf *to, struct span text, const struct url_view *view)
{
	struct span user = scp_user(text, view);
	const char *kept = text.start;

	if (user.length > 0 && !span_is(user, "git")) {
		strbuf_add(to, text.start, (size_t)(user.start - text.start));
		strbuf_add_string(to, "git");
		kept = span_end(user);
	}
	strbuf_add(to, kept, (size_t)(span_end(view->path) - kept));
}

char *url_without_credentials(const char *text)
{
	struct span whole = span_trim(span_of(text ? text : ""));
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT(LIMIT_URL_MAX);
	struct url_view view;

	if (url_view_absolute(whole, &view)) {
		strbuf_add(&clean, whole.start, view.scheme.length + strlen("://"));
		strbuf_add(&clean, view.authority.host.start, (size_t)(span_end(view.path) - view.authority.host.start));
	} else if (!url_view_scp(whole, &view)) {
		add_clean_scp(&clean, whole, &view);
	} else {
		cut_tail(whole, &view);
		strbuf_add(&clean, view.path.start, view.path.length);
	}
	return strbuf_detach(&clean);
}
