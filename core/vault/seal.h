#pragma once
/*
 * seal — a token and what belongs to it as one opaque value ("ACP1"): encrypted to the installation's public key, bound to its
 * place, signed.
 *
 *   "ACP1" suite flags kid[8] wrapped_dek[80] nonce[24] ciphertext[n+16] signer_id[8] signature[64]
 *   dek        fresh 32 bytes, crypto_box_seal to the active key
 *   ciphertext XChaCha20-Poly1305 of the payload; additional data = the binding, length-prefixed
 *   payload    length-prefixed: token (padded to 64), instance, GitLab user id, user name, scopes, expiry, sealed_at, generation
 *   signature  Ed25519 over everything before it and the binding
 *
 * A value copied to another user's record, another instance, another installation, or put back from an older generation does not
 * open. Floor: vault.
 */
#include "keyring.h"
#include "strbuf.h"

/* Where the value belongs. Borrowed strings. */
struct seal_binding {
	const char *installation;
	const char *record_key;
	const char *provider;
	const char *user_id;
	const char *instance_url;
	int64_t generation;
};

struct seal_payload {
	struct secret token;
	char *instance_url; /* owned, as all strings */
	char *gitlab_user_id;
	char *username;
	char *scopes;      /* NULL allowed */
	char *expires_at;  /* NULL allowed */
	int64_t sealed_at; /* unix seconds */
	int64_t generation;
};
#define SEAL_PAYLOAD_INIT ZERO_INIT
void seal_payload_release(struct seal_payload *payload);

struct sealed_value {
	unsigned char *bytes;
	size_t length;
};
#define SEALED_VALUE_INIT ZERO_INIT
void sealed_value_release(struct sealed_value *value);

/* Needs KEYRING_PUBLIC and KEYRING_SIGNING. ERR_INTERNAL only for values over the caps. */
bool seal(const struct keyring *keyring, const struct seal_binding *binding, const struct seal_payload *payload,
          struct sealed_value *ret, struct error *err) MUST_CHECK;

/*
 * Needs KEYRING_PUBLIC and KEYRING_PRIVATE. ERR_SEAL_KEY_MISSING: it is sealed to a key that is not here, which says nothing about
 * the value. ERR_SEAL_BROKEN whatever else is wrong (detail says what: signature, binding, generation, truncated); the user's
 * message is one and the same.
 */
bool seal_open(const struct keyring *keyring, const struct seal_binding *binding, const struct sealed_value *value,
               struct seal_payload *ret, struct error *err) MUST_CHECK;

/* The hex id of the key that a value is sealed to, without opening it; 16 characters and NUL. False: not such a value. */
bool seal_kid(const struct sealed_value *value, char ret_hex[17]) MUST_CHECK;
