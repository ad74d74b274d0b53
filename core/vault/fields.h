#pragma once
/*
 * fields — several byte strings as one, each behind its length (u32, little endian), so that no two lists give the same bytes.
 * An absent field (bytes NULL) is told from an empty one. Floor: vault, private.
 */
#include "macros.h"

struct field {
	const unsigned char *bytes; /* borrowed; NULL: absent */
	size_t length;
};

struct field field_of_text(const char *text); /* NULL: absent */

/* Eight bytes, little endian. `storage` must live as long as the field. */
struct field field_of_number(int64_t number, unsigned char storage[8]);
bool field_to_number(const struct field *field, int64_t *ret) MUST_CHECK;

/* A copy as a string; NULL for an absent field. Caller frees. */
char *field_to_text(const struct field *field) MUST_CHECK;

size_t fields_size(const struct field *fields, size_t count);
/* `to` has room for fields_size() bytes. */
void fields_write(unsigned char *to, const struct field *fields, size_t count);
/* Exactly `count` fields and nothing behind them, or false. The results point into `bytes`. */
bool fields_read(const unsigned char *bytes, size_t length, struct field *ret, size_t count) MUST_CHECK;
