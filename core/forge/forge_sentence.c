#include "forge_sentence.h"

#include "alloc.h"
#include "caps.h"
#include "redact.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { WAIT_MAX_S = 24 * 60 * 60, BODY_MAX = 4096 };

bool sentence_has(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

bool sentence_has_any(const char *text, const char *const *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sentence_has(text, parts[i]))
			return true;
	return false;
}

char *sentence_of_body(const char *body, size_t length)
{
	char *text;

	while (length > 0 && isspace((unsigned char)body[0])) {
		body++;
		length--;
	}
	text = xstrndup(body, length < BODY_MAX ? length : BODY_MAX);
	for (size_t end = strlen(text); end > 0 && isspace((unsigned char)text[end - 1]); end--)
		text[end - 1] = '\0';
	return text;
}

static const char *first_string(const json_t *value)
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_array(value))
		return json_array_size(value) > 0 ? first_string(json_array_get(value, 0)) : NULL;
	if (!json_is_object(value))
		return NULL;
	const char *key;
	const json_t *member;
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		const char *found = first_string(member);
		if (found)
			return found;
	}
	return NULL;
}

const char *sentence_of_json(const json_t *answer)
{
	static const char *const names[] = {"error_description", "message", "error"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *found = first_string(json_object_get(answer, names[i]));
		if (found && found[0])
			return found;
	}
	return "";
}

/* The length of "403 Forbidden - ", which Grape puts before its sentences; 0 if there is none. */
static size_t status_prefix(const char *text, size_t length)
{
	if (length < 4 || !isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]) || !isdigit((unsigned char)text[2]))
		return 0;
	const char *dash = memmem(text, length < 40 ? length : 40, " - ", 3);
	return dash ? (size_t)(dash + 3 - text) : 0;
}

void sentence_relay(const char *text, size_t length, struct strbuf *to)
{
	size_t skip = status_prefix(text, length);

	while (length > skip && isspace((unsigned char)text[length - 1]))
		length--;
	redact_sentence(NULL, text + skip, length - skip, LIMIT_GITLAB_SENTENCE, to);
}

static bool whole_number(const char *text, int64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno || *end)
		return false;
	*ret = value;
	return true;
}

/* "Wed, 21 Oct 2026 07:28:00 GMT" (RFC 9110 §5.6.7, the only form that may be sent). */
static bool http_date(const char *text, int64_t *ret_unix_s)
{
	struct tm when = {0};
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &when);

	if (!end || *end)
		return false;
	*ret_unix_s = timegm(&when);
	return true;
}

bool sentence_wait(const char *retry_after, const char *reset, int64_t now_s, unsigned *ret_s)
{
	int64_t wait;

	if (retry_after && whole_number(retry_after, &wait))
		;
	else if ((retry_after && http_date(retry_after, &wait)) || (reset && whole_number(reset, &wait)))
		wait -= now_s;
	else
		return false;
	*ret_s = (unsigned)(wait < 1 ? 1 : wait > WAIT_MAX_S ? WAIT_MAX_S : wait);
	return true;
}
