#include "encoding.h"

#include <string.h>

#include "secret.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base32_digits[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* All four forms are one: the bits in groups of 4, 5 or 6, each group a digit; the last group is filled with zero bits. */
static void encode(struct strbuf *to, const void *bytes, size_t length, const char *digits, unsigned bits_per_digit)
{
	const unsigned char *byte = bytes;
	unsigned mask = (1u << bits_per_digit) - 1, pending = 0, pending_bits = 0;
	for (size_t i = 0; i < length; i++) {
		pending = (pending << 8 | byte[i]) & 0xffff;
		pending_bits += 8;
		while (pending_bits >= bits_per_digit) {
			pending_bits -= bits_per_digit;
			strbuf_add_char(to, digits[pending >> pending_bits & mask]);
		}
	}
	if (pending_bits)
		strbuf_add_char(to, digits[pending << (bits_per_digit - pending_bits) & mask]);
}

void encode_hex(struct strbuf *to, const void *bytes, size_t length)
{
	encode(to, bytes, length, hex_digits, 4);
}

void encode_base64(struct strbuf *to, const void *bytes, size_t length)
{
	encode(to, bytes, length, base64_digits, 6);
	strbuf_add(to, "==", (3 - length % 3) % 3);
}

void encode_base64url(struct strbuf *to, const void *bytes, size_t length)
{
	encode(to, bytes, length, base64url_digits, 6);
}

void encode_base32_lower(struct strbuf *to, const void *bytes, size_t length)
{
	encode(to, bytes, length, base32_digits, 5);
}

int decode_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int hex_pair(const char *text)
{
	int high = decode_hex_digit(text[0]);
	int low = high < 0 ? -1 : decode_hex_digit(text[1]);
	return low < 0 ? -1 : high * 16 + low;
}

bool decode_hex(const char *text, void *to, size_t capacity, size_t *ret_length)
{
	size_t length = strlen(text);
	if (length % 2 || length / 2 > capacity)
		return false;
	unsigned char *out = to;
	for (size_t i = 0; i < length / 2; i++) {
		int byte = hex_pair(text + 2 * i);
		if (byte < 0)
			return false;
		out[i] = (unsigned char)byte;
	}
	*ret_length = length / 2;
	return true;
}

static int base64_value(char c)
{
	const char *digit = c ? strchr(base64_digits, c) : NULL;
	return digit ? (int)(digit - base64_digits) : -1;
}

bool decode_base64(const char *text, size_t text_length, void *to, size_t capacity, size_t *ret_length)
{
	if (text_length % 4)
		return false;
	size_t padding = 0;
	while (padding < 2 && padding < text_length && text[text_length - 1 - padding] == '=')
		padding++;
	size_t length = text_length / 4 * 3 - padding;
	if (length > capacity)
		return false;
	unsigned char *out = to;
	unsigned pending = 0, pending_bits = 0;
	for (size_t i = 0; i < text_length - padding; i++) {
		int value = base64_value(text[i]);
		if (value < 0)
			return false;
		pending = (pending << 6 | (unsigned)value) & 0xffff;
		pending_bits += 6;
		if (pending_bits >= 8) {
			pending_bits -= 8;
			*out++ = (unsigned char)(pending >> pending_bits);
		}
	}
	/* One value has one text: the bits that only fill the last digit are zero. */
	if (pending & ((1u << pending_bits) - 1))
		return false;
	*ret_length = length;
	return true;
}

bool decode_percent(const char *text, size_t length, struct strbuf *to)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] != '%') {
			strbuf_add_char(to, text[i]);
			continue;
		}
		int byte = length - i < 3 ? -1 : hex_pair(text + i + 1);
		if (byte <= 0)
			return false;
		strbuf_add_char(to, (char)byte);
		i += 2;
	}
	return true;
}

void make_uuid(char ret_text[37])
{
	unsigned char bytes[16];
	random_bytes(bytes, sizeof(bytes));
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* version 4 */
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
	char *to = ret_text;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = hex_digits[bytes[i] >> 4];
		*to++ = hex_digits[bytes[i] & 15];
	}
	*to = '\0';
}

/* RFC 3629 §4: the second byte's range excludes overlong forms, surrogates and what is beyond U+10FFFF. */
size_t utf8_character(const char *text, size_t length)
{
	static const struct {
		unsigned char first_from, first_to, second_from, second_to, length;
	} forms[] = {
	        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
	        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	const unsigned char *byte = (const unsigned char *)text;
	for (size_t f = 0; length && f < ARRAY_SIZE(forms); f++) {
		if (byte[0] < forms[f].first_from || byte[0] > forms[f].first_to)
			continue;
		if (forms[f].length > length)
			return 0;
		if (forms[f].length > 1 && (byte[1] < forms[f].second_from || byte[1] > forms[f].second_to))
			return 0;
		for (size_t i = 2; i < forms[f].length; i++)
			if ((byte[i] & 0xc0) != 0x80)
				return 0;
		return forms[f].length;
	}
	return 0;
}

bool is_utf8(const char *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t character = text[i] ? utf8_character(text + i, length - i) : 0;
		if (!character)
			return false;
		i += character;
	}
	return true;
}

size_t utf8_cut(const char *text, size_t length, size_t max)
{
	size_t keep = length < max ? length : max;
	size_t back = 0; /* continuation bytes at the end of what is kept */
	while (back < 3 && back < keep && ((unsigned char)text[keep - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back < keep && (unsigned char)text[keep - 1 - back] >= 0xc0 && !utf8_character(text + keep - 1 - back, back + 1))
		return keep - 1 - back;
	return keep;
}
