#pragma once
/*
 * encoding — text forms of bytes: hex, base64, base64url, base32; and percent-decoding.
 * Floor: base.
 */
#include "error.h"
#include "strbuf.h"

void encode_hex(struct strbuf *to, const void *bytes, size_t length);
void encode_base64(struct strbuf *to, const void *bytes, size_t length);       /* RFC 4648 §4, padded */
void encode_base64url(struct strbuf *to, const void *bytes, size_t length);    /* RFC 4648 §5, no padding */
void encode_base32_lower(struct strbuf *to, const void *bytes, size_t length); /* RFC 4648 §6, lower case, no padding */

/* Strict decoders: false for any foreign character or wrong length. *ret_length bytes are written to `to` (at most capacity). */
bool decode_hex(const char *text, void *to, size_t capacity, size_t *ret_length) MUST_CHECK;
bool decode_base64(const char *text, size_t text_length, void *to, size_t capacity, size_t *ret_length) MUST_CHECK;

/* The value of a hex digit of either case, or -1. */
int decode_hex_digit(char c) MUST_CHECK;

/* Decodes %XX in place of `text` into `to`; false for a bad escape or %00. '+' stays '+'. */
bool decode_percent(const char *text, size_t length, struct strbuf *to) MUST_CHECK;

/* A fresh RFC 9562 version 4 UUID in lower case; 36 characters and NUL. */
void make_uuid(char ret_text[37]);

/* Whether the bytes are well-formed UTF-8 without NUL. */
bool is_utf8(const char *text, size_t length);

/* The length of the well-formed UTF-8 character that text begins with, 1 to 4; 0 if it begins with none. NUL is one of length 1. */
size_t utf8_character(const char *text, size_t length);

/* How many bytes of text to keep so that at most `max` remain and no character is cut in two. */
size_t utf8_cut(const char *text, size_t length, size_t max);
