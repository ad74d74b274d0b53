#pragma once
/*
 * span — a part of a text where it lies: nothing is copied, nothing is owned, and it is good as long as the text is. Floor: model,
 * private.
 */
#include <string.h>

#include "ascii.h"

struct span {
	const char *start; /* NULL: there is no such part, which is not the same as an empty one */
	size_t length;
};

static inline struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

static inline struct span span_between(const char *start, const char *end)
{
	return (struct span){start, (size_t)(end - start)};
}

static inline const char *span_end(struct span s)
{
	return s.start + s.length;
}

/* What is left without the first `count` bytes. */
static inline struct span span_from(struct span s, size_t count)
{
	return (struct span){s.start + count, s.length - count};
}

static inline bool span_is(struct span s, const char *text)
{
	return s.length == strlen(text) && memcmp(s.start, text, s.length) == 0;
}

/* The same without regard to the case of ASCII letters; `text` is in lower case. */
static inline bool span_is_word(struct span s, const char *text)
{
	if (s.length != strlen(text))
		return false;
	for (size_t i = 0; i < s.length; i++) {
		if (ascii_lower(s.start[i]) != text[i])
			return false;
	}
	return true;
}

static inline bool span_ends_with(struct span s, const char *suffix)
{
	size_t length = strlen(suffix);

	return s.length >= length && memcmp(span_end(s) - length, suffix, length) == 0;
}

/* The first such byte, or NULL. */
static inline const char *span_find(struct span s, char c)
{
	return memchr(s.start, c, s.length);
}

/* The last such byte, or NULL. */
static inline const char *span_find_last(struct span s, char c)
{
	return memrchr(s.start, c, s.length);
}

static inline bool span_is_digits(struct span s)
{
	for (size_t i = 0; i < s.length; i++) {
		if (!ascii_is_digit(s.start[i]))
			return false;
	}
	return s.length > 0;
}

/* Without blanks at both ends. */
static inline struct span span_trim(struct span s)
{
	while (s.length > 0 && ascii_is_blank(s.start[0]))
		s = span_from(s, 1);
	while (s.length > 0 && ascii_is_blank(s.start[s.length - 1]))
		s.length--;
	return s;
}
