#include "strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

enum { FIRST_ALLOCATION = 64 };

char strbuf_empty_[1];

static void reset(struct strbuf *b)
{
	b->data = strbuf_empty_;
	b->length = 0;
	b->allocated_ = 0;
	b->failed_ = false;
}

void strbuf_release(struct strbuf *b)
{
	if (b->allocated_)
		free(b->data);
	reset(b);
}

void strbuf_release_secret(struct strbuf *b)
{
	if (b->allocated_)
		explicit_bzero(b->data, b->allocated_);
	strbuf_release(b);
}

void strbuf_clear(struct strbuf *b)
{
	b->length = 0;
	b->failed_ = false;
	if (b->allocated_)
		b->data[0] = '\0';
}

/* The old block is wiped rather than left to realloc: bodies and headers carry tokens. */
static void grow(struct strbuf *b, size_t needed)
{
	size_t size = b->allocated_ ? b->allocated_ : FIRST_ALLOCATION;
	while (size < needed)
		size = size > SIZE_MAX / 2 ? needed : size * 2;
	if (b->limit < SIZE_MAX && size > b->limit + 1)
		size = b->limit + 1;
	char *bigger = xmalloc(size);
	if (b->length)
		memcpy(bigger, b->data, b->length);
	if (b->allocated_) {
		explicit_bzero(b->data, b->allocated_);
		free(b->data);
	}
	b->data = bigger;
	b->allocated_ = size;
}

/* Makes room for `length` more bytes and the NUL. False: the addition is to be dropped. */
static bool reserve(struct strbuf *b, size_t length)
{
	if (b->failed_)
		return false;
	if (length > b->limit || b->length > b->limit - length) {
		b->failed_ = true;
		return false;
	}
	size_t needed = b->length + length + 1;
	if (needed > b->allocated_)
		grow(b, needed);
	return true;
}

void strbuf_add(struct strbuf *b, const void *bytes, size_t length)
{
	if (!length || !reserve(b, length))
		return;
	memcpy(b->data + b->length, bytes, length);
	b->length += length;
	b->data[b->length] = '\0';
}

void strbuf_add_string(struct strbuf *b, const char *text)
{
	strbuf_add(b, text, strlen(text));
}

void strbuf_add_char(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

void strbuf_addf(struct strbuf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	strbuf_vaddf(b, format, args);
	va_end(args);
}

void strbuf_vaddf(struct strbuf *b, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	if (length < 0)
		b->failed_ = true;
	else if (reserve(b, (size_t)length)) {
		vsnprintf(b->data + b->length, (size_t)length + 1, format, again);
		b->length += (size_t)length;
	}
	va_end(again);
}

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
	       c == '~';
}

void strbuf_add_percent_encoded(struct strbuf *b, const char *text, const char *keep)
{
	static const char digits[] = "0123456789ABCDEF";
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (is_unreserved(*text) || (keep && strchr(keep, *text)))
			strbuf_add_char(b, *text);
		else
			strbuf_add(b, (const char[]){'%', digits[byte >> 4], digits[byte & 15]}, 3);
	}
}

bool strbuf_ok(const struct strbuf *b)
{
	return !b->failed_;
}

char *strbuf_detach(struct strbuf *b)
{
	char *text = b->allocated_ ? b->data : xstrdup("");
	reset(b);
	return text;
}
