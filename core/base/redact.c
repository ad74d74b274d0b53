#include "redact.h"

#include <string.h>

#include "encoding.h"
#include "redact_parts.h"

void redact(const struct redactor *r, const char *text, size_t length, struct strbuf *to)
{
	if (!r) {
		redact_patterns(text, length, to);
		return;
	}
	CLEANUP(strbuf_release_secret) struct strbuf masked = STRBUF_INIT(SIZE_MAX);
	redact_values(r, text, length, &masked);
	redact_patterns(masked.data, masked.length, to);
}

void redact_in_place(const struct redactor *r, char *text, size_t capacity)
{
	if (!capacity)
		return;
	CLEANUP(strbuf_release) struct strbuf masked = STRBUF_INIT(SIZE_MAX);
	redact(r, text, strnlen(text, capacity), &masked);
	size_t keep = utf8_cut(masked.data, masked.length, capacity - 1);
	memcpy(text, masked.data, keep);
	memset(text + keep, 0, capacity - keep); /* a shorter text must not leave the end of the old one behind its NUL */
}

/* C0, DEL, C1 and the two Unicode line separators: what could end the line or steer a terminal. */
static bool is_control(const char *character, size_t length)
{
	const unsigned char *byte = (const unsigned char *)character;
	if (length == 1)
		return byte[0] < 0x20 || byte[0] == 0x7f;
	if (length == 2)
		return byte[0] == 0xc2 && byte[1] < 0xa0;
	return length == 3 && byte[0] == 0xe2 && byte[1] == 0x80 && (byte[2] == 0xa8 || byte[2] == 0xa9);
}

/* One line of valid UTF-8: a run of blanks and controls becomes one space, foreign bytes become '?'. */
static void flatten(const char *text, size_t length, struct strbuf *to)
{
	bool gap = false;
	for (size_t i = 0; i < length;) {
		size_t character = utf8_character(text + i, length - i);
		if (character && (text[i] == ' ' || is_control(text + i, character))) {
			gap = to->length > 0;
			i += character;
			continue;
		}
		if (gap)
			strbuf_add_char(to, ' ');
		gap = false;
		strbuf_add(to, character ? text + i : "?", character ? character : 1);
		i += character ? character : 1;
	}
}

void redact_sentence(const struct redactor *r, const char *text, size_t length, size_t max, struct strbuf *to)
{
	/* Masked before the flattening, which could split a value, and after it, which could complete a pattern. */
	CLEANUP(strbuf_release_secret) struct strbuf masked = STRBUF_INIT(SIZE_MAX), line = STRBUF_INIT(SIZE_MAX);
	CLEANUP(strbuf_release) struct strbuf again = STRBUF_INIT(SIZE_MAX);
	redact(r, text, length, &masked);
	flatten(masked.data, masked.length, &line);
	redact(r, line.data, line.length, &again);
	strbuf_add(to, again.data, utf8_cut(again.data, again.length, max));
}
