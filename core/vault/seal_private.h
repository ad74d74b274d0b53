#pragma once
/* seal_private — the layout of a sealed value and of its payload, for seal*.c alone. Floor: vault, private. */
#include "fields.h"
#include "keyring_private.h"
#include "seal.h"

/* Far above anything real (an instance URL is at most 2 KiB): what is longer is a mistake, not a value. */
#define SEAL_FIELD_MAX 4096
#define SEAL_PADDING   64 /* tokens of 20 to 63 characters look alike */

/* ERR_SEAL_KEY_MISSING for this value. Returns false. */
bool seal_key_missing(const struct sealed_value *value, struct error *err);

/* Protected memory that is wiped when it goes. */
struct protected_bytes {
	unsigned char *bytes;
	size_t length;
};
bool protected_bytes_make(size_t length, struct protected_bytes *ret) MUST_CHECK;
void protected_bytes_release(struct protected_bytes *p);

/* The payload as bytes. False: a field is over its cap. */
bool payload_encode(const struct seal_payload *payload, struct protected_bytes *ret) MUST_CHECK;
/* False: malformed. */
bool payload_decode(const unsigned char *bytes, size_t length, struct seal_payload *ret) MUST_CHECK;
