#include "gate_credential.h"

#include <sodium.h>

enum { CREDENTIAL_BYTES = 32, HASH_BYTES = 32 };

void gate_credential_make(struct secret *ret)
{
	unsigned char bytes[CREDENTIAL_BYTES];
	char text[sodium_base64_ENCODED_LEN(CREDENTIAL_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

	random_bytes(bytes, sizeof(bytes));
	sodium_bin2base64(text, sizeof(text), bytes, sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	secret_set(ret, text, sizeof(text) - 1);
	wipe(text, sizeof(text));
	wipe(bytes, sizeof(bytes));
}

void gate_credential_digest(const struct secret *credential, char ret_hex[GATE_HASH_SIZE])
{
	unsigned char hash[HASH_BYTES];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)secret_bytes(credential), credential->length, NULL, 0);
	sodium_bin2hex(ret_hex, GATE_HASH_SIZE, hash, sizeof(hash));
}
