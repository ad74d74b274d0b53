#pragma once
/* sealed — what the harnesses of sealed values share: keys, a token to seal, and a sealed value that the input changes. */
#include "fuzz.h"
#include "seal.h"

#include <unistd.h>

/* Fresh keys, that may do everything; they live as long as the process. */
static inline struct keyring *sealed_keyring(void)
{
	static char folder[] = "/tmp/acp-fuzz.XXXXXX";
	static char paths[3][64];
	static const char *const names[] = {"public.keys", "signing.key", "private.keys"};
	struct keyring *keyring = NULL;
	struct error err = ERROR_INIT;

	FUZZ_ASSERT(secret_library_init() && mkdtemp(folder) != NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
	const struct keyring_paths where = {paths[0], paths[1], paths[2]};
	FUZZ_ASSERT(keyring_generate(&where, &err));
	FUZZ_ASSERT(keyring_load(&where, KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE, &keyring, &err));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(paths[i]);
	rmdir(folder);
	return keyring;
}

/* A token as GitLab gave it to the user of this binding. Caller: seal_payload_release. */
static inline void sealed_token(const struct seal_binding *binding, struct seal_payload *ret)
{
	secret_set(&ret->token, "glpat-0123456789abcdefghij", 26);
	ret->instance_url = xstrdup(binding->instance_url);
	ret->gitlab_user_id = xstrdup("1");
	ret->username = xstrdup("alice");
	ret->generation = binding->generation;
}

/*
 * A copy of `whole` changed by the input: pairs of a position and what is added to the byte there, then a byte for its length,
 * one more than the whole at most. True: it is the same all the same. Caller: sealed_value_release.
 */
static inline bool sealed_change(const struct sealed_value *whole, const uint8_t *data, size_t size, struct sealed_value *ret)
{
	ret->bytes = xcalloc(1, whole->length + 1);
	ret->length = size % 2 == 0 ? whole->length : (size_t)data[size - 1] * (whole->length + 1) / 255;
	memcpy(ret->bytes, whole->bytes, whole->length);
	for (size_t i = 0; i + 1 < size; i += 2) {
		unsigned char *byte = &ret->bytes[data[i] * whole->length / 256];

		*byte = (unsigned char)(*byte + data[i + 1]);
	}
	return ret->length == whole->length && memcmp(ret->bytes, whole->bytes, ret->length) == 0;
}
