#pragma once
/*
 * secret — bytes that cannot be printed by accident and are wiped when released.
 *
 * Holds one token or key. The memory is locked where the limit allows, has guard pages and is kept out of core
 * dumps (secret_pool.h). There is no accessor that gives a `char *` under a harmless name: secret_bytes() is what to look for in a
 * review. Floor: base; with secret_pool.c the only base file that uses libsodium.
 */
#include "error.h"

struct secret {
	unsigned char *bytes_; /* private; NUL-terminated for libraries that want a C string */
	size_t length;
};
#define SECRET_INIT ZERO_INIT

/* Must run once before anything else here or in vault; false: libsodium cannot work on this machine. */
bool secret_library_init(void) MUST_CHECK;

/* Copies length bytes. Releases what `s` held before. */
void secret_set(struct secret *s, const void *bytes, size_t length);
void secret_copy(struct secret *to, const struct secret *from);
void secret_random(struct secret *s, size_t length);

/* Wipes and frees; accepts an empty secret. */
void secret_release(struct secret *s);

/* The bytes, followed by a NUL. Borrowed: valid until release. Never log, format or store the result. */
const char *secret_bytes(const struct secret *s);

/* Constant time in the bytes compared. */
bool secret_equals(const struct secret *a, const struct secret *b);

/* Whether it can go into one line of a protocol: no CR, LF, NUL or other control character. */
bool secret_is_one_line(const struct secret *s);

/* Random bytes that need no protection (ids, nonces). */
void random_bytes(void *ret_bytes, size_t length);

/* Wipes memory that held a copy; the compiler cannot remove it. */
void wipe(void *bytes, size_t length);
