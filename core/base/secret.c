#include "secret.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "secret_pool.h"

bool secret_library_init(void)
{
	return sodium_init() >= 0;
}

/* One byte more than asked for: the NUL. */
static unsigned char *allocate(size_t length)
{
	if (length == SIZE_MAX)
		abort();
	unsigned char *bytes = secret_pool_take(length + 1);
	bytes[length] = '\0';
	return bytes;
}

static void take(struct secret *s, unsigned char *bytes, size_t length)
{
	secret_release(s);
	s->bytes_ = bytes;
	s->length = length;
}

void secret_set(struct secret *s, const void *bytes, size_t length)
{
	if (!length) {
		secret_release(s);
		return;
	}
	unsigned char *copy = allocate(length); /* first: bytes may be the old value's */
	memcpy(copy, bytes, length);
	take(s, copy, length);
}

void secret_copy(struct secret *to, const struct secret *from)
{
	secret_set(to, secret_bytes(from), from->length);
}

void secret_random(struct secret *s, size_t length)
{
	unsigned char *bytes = allocate(length);
	randombytes_buf(bytes, length);
	take(s, bytes, length);
}

void secret_release(struct secret *s)
{
	secret_pool_give(s->bytes_, s->length + 1);
	s->bytes_ = NULL;
	s->length = 0;
}

const char *secret_bytes(const struct secret *s)
{
	return s->bytes_ ? (const char *)s->bytes_ : "";
}

bool secret_equals(const struct secret *a, const struct secret *b)
{
	if (a->length != b->length)
		return false;
	return a->length == 0 || sodium_memcmp(a->bytes_, b->bytes_, a->length) == 0;
}

bool secret_is_one_line(const struct secret *s)
{
	for (size_t i = 0; i < s->length; i++)
		if (s->bytes_[i] < 0x20 || s->bytes_[i] == 0x7f)
			return false;
	return true;
}

void random_bytes(void *ret_bytes, size_t length)
{
	randombytes_buf(ret_bytes, length);
}

void wipe(void *bytes, size_t length)
{
	sodium_memzero(bytes, length);
}
