#pragma once
/*
 * keyring_private — what a keyring is made of; for keyring*.c and seal*.c alone.
 *
 * The whole struct lives in one sodium_malloc() page that is made read-only once it is complete. Floor: vault, private.
 */
#include "keyring.h"

#include <sodium.h>

#define KEY_ID_SIZE       8
#define KEY_ID_HEX        (2 * KEY_ID_SIZE + 1)
#define INSTALLATION_SIZE 37 /* a UUID and NUL */

struct seal_key {
	unsigned char id[KEY_ID_SIZE];
	unsigned char public_key[crypto_box_PUBLICKEYBYTES];
	unsigned char secret_key[crypto_box_SECRETKEYBYTES];
	char id_hex[KEY_ID_HEX];
	bool active;
	bool listed;   /* in the public file */
	bool can_open; /* secret_key is filled */
};

struct signer {
	unsigned char id[KEY_ID_SIZE];
	unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
};

struct keyring {
	unsigned parts;
	char installation[INSTALLATION_SIZE];
	struct seal_key seal_keys[KEYRING_KEYS_MAX];
	size_t seal_key_count;
	struct signer signers[KEYRING_KEYS_MAX];
	size_t signer_count;
	struct signer own_signer; /* the public half of signing_key */
	unsigned char signing_key[crypto_sign_SECRETKEYBYTES];
	unsigned char fingerprint_key[crypto_generichash_KEYBYTES];
	bool has_signing_key;
	bool has_fingerprint_key;
};

/* The first bytes of BLAKE2b-256 of a public key. */
void key_id_of(const unsigned char *public_key, size_t length, unsigned char ret_id[KEY_ID_SIZE]);

/* NULL when there is none. */
const struct seal_key *keyring_active(const struct keyring *keyring);
const struct seal_key *keyring_find_seal_key(const struct keyring *keyring, const unsigned char id[KEY_ID_SIZE]);
const struct signer *keyring_find_signer(const struct keyring *keyring, const unsigned char id[KEY_ID_SIZE]);

/* Reads one key file into the keyring that is being built (keyring_file.c). `part` says which file it is. ERR_CONFIG_INVALID. */
bool keyring_read_file(struct keyring *keyring, const char *path, enum keyring_parts part, struct error *err) MUST_CHECK;
