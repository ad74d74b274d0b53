#include "entity_tag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t"

void entity_tag_format(int64_t version, char ret[ETAG_SIZE])
{
	snprintf(ret, ETAG_SIZE, "\"%" PRId64 "\"", version);
}

/* The length of the tag that `text` begins with, its quotes included; 0: none. An opaque tag has no escapes, blanks or controls. */
static size_t tag_length(const char *text)
{
	size_t length = 1;

	if (text[0] != '"')
		return 0;
	while ((unsigned char)text[length] > ' ' && text[length] != '"' && text[length] != 0x7f)
		length++;
	return text[length] == '"' ? length + 1 : 0;
}

enum entity_tag_verdict entity_tag_match(const char *if_match, int64_t version)
{
	const char *at = if_match + strspn(if_match, BLANKS);
	enum entity_tag_verdict verdict = ETAG_MALFORMED;
	char current[ETAG_SIZE];

	entity_tag_format(version, current);
	if (*at == '*')
		return at[1 + strspn(at + 1, BLANKS)] != '\0' ? ETAG_MALFORMED : version > 0 ? ETAG_MATCHES : ETAG_DIFFERS;
	/* Empty members of a list are allowed, a list without any tag is not. */
	for (; *at; at += strspn(at, BLANKS)) {
		if (*at == ',') {
			at++;
			continue;
		}
		bool weak = strncmp(at, "W/", 2) == 0;
		size_t length = tag_length(at += weak ? 2 : 0);

		if (length == 0)
			return ETAG_MALFORMED;
		if (!weak && length == strlen(current) && memcmp(at, current, length) == 0)
			verdict = ETAG_MATCHES;
		else if (verdict == ETAG_MALFORMED)
			verdict = ETAG_DIFFERS;
		at += length;
		at += strspn(at, BLANKS);
		if (*at != ',' && *at != '\0')
			return ETAG_MALFORMED;
	}
	return verdict;
}
