#include "keyring.h"

#include "keyring_private.h"

void key_id_of(const unsigned char *public_key, size_t length, unsigned char ret_id[KEY_ID_SIZE])
{
	unsigned char hash[crypto_generichash_BYTES];

	crypto_generichash(hash, sizeof(hash), public_key, length, NULL, 0);
	memcpy(ret_id, hash, KEY_ID_SIZE);
}

const struct seal_key *keyring_active(const struct keyring *keyring)
{
	for (size_t i = 0; i < keyring->seal_key_count; i++)
		if (keyring->seal_keys[i].active)
			return &keyring->seal_keys[i];
	return NULL;
}

const struct seal_key *keyring_find_seal_key(const struct keyring *keyring, const unsigned char id[KEY_ID_SIZE])
{
	for (size_t i = 0; i < keyring->seal_key_count; i++)
		if (memcmp(keyring->seal_keys[i].id, id, KEY_ID_SIZE) == 0)
			return &keyring->seal_keys[i];
	return NULL;
}

const struct signer *keyring_find_signer(const struct keyring *keyring, const unsigned char id[KEY_ID_SIZE])
{
	for (size_t i = 0; i < keyring->signer_count; i++)
		if (memcmp(keyring->signers[i].id, id, KEY_ID_SIZE) == 0)
			return &keyring->signers[i];
	return NULL;
}

static bool check_public(const struct keyring *keyring, const char *path, struct error *err)
{
	size_t active = 0;

	for (size_t i = 0; i < keyring->seal_key_count; i++)
		active += keyring->seal_keys[i].active;
	if (active != 1)
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s has %zu active sealing keys; it needs exactly one.",
		                 path, active);
	if (keyring->signer_count == 0)
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s names no signer.", path);
	return true;
}

static bool check_signing(const struct keyring *keyring, const char *path, struct error *err)
{
	const struct signer *listed;

	if (!keyring->has_signing_key || !keyring->has_fingerprint_key)
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s needs one 'sign' and one 'fingerprint' line.", path);
	if (!(keyring->parts & KEYRING_PUBLIC))
		return true;
	listed = keyring_find_signer(keyring, keyring->own_signer.id);
	if (!listed || memcmp(listed->public_key, keyring->own_signer.public_key, sizeof(listed->public_key)) != 0)
		return error_set(err, ERR_CONFIG_INVALID, "The signing key in %s is not a signer of the public key file.", path);
	return true;
}

static bool check_private(const struct keyring *keyring, const char *path, struct error *err)
{
	const struct seal_key *active = keyring_active(keyring);
	bool any = false;

	for (size_t i = 0; i < keyring->seal_key_count; i++)
		any = any || keyring->seal_keys[i].can_open;
	if (!any)
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s holds no opening key.", path);
	/* Values that are sealed from now on must be readable here. Without the public file no key is known to be active. */
	if (active && !active->can_open)
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s lacks the opening key of the active sealing key %s.",
		                 path, active->id_hex);
	return true;
}

bool keyring_load(const struct keyring_paths *paths, unsigned parts, struct keyring **ret, struct error *err)
{
	const struct {
		enum keyring_parts part;
		const char *path;
		bool (*check)(const struct keyring *keyring, const char *path, struct error *err);
	} files[] = {
	        {KEYRING_PUBLIC, paths->public_keys, check_public},
	        {KEYRING_SIGNING, paths->signing_key, check_signing},
	        {KEYRING_PRIVATE, paths->private_keys, check_private},
	};
	CLEANUP(keyring_freep) struct keyring *keyring = sodium_malloc(sizeof(*keyring));

	if (!keyring)
		return error_set(err, ERR_CONFIG_INVALID, "There is no protected memory for the keys.");
	memset(keyring, 0, sizeof(*keyring));
	keyring->parts = parts;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (parts & files[i].part && !keyring_read_file(keyring, files[i].path, files[i].part, err))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (parts & files[i].part && !files[i].check(keyring, files[i].path, err))
			return false;
	if (sodium_mprotect_readonly(keyring) != 0)
		return error_set(err, ERR_CONFIG_INVALID, "The memory of the keys cannot be protected.");
	*ret = TAKE(keyring);
	return true;
}

void keyring_freep(struct keyring **keyring)
{
	sodium_free(*keyring); /* wipes; NULL is fine */
	*keyring = NULL;
}

const char *keyring_installation(const struct keyring *keyring)
{
	return keyring->installation;
}

const char *keyring_active_kid(const struct keyring *keyring)
{
	const struct seal_key *key = keyring_active(keyring);

	return key ? key->id_hex : "";
}

size_t keyring_keys(const struct keyring *keyring, struct keyring_key ret[KEYRING_KEYS_MAX])
{
	for (size_t i = 0; i < keyring->seal_key_count; i++) {
		const struct seal_key *key = &keyring->seal_keys[i];

		ret[i] = (struct keyring_key){.active = key->active, .can_open = key->can_open, .listed = key->listed};
		memcpy(ret[i].kid, key->id_hex, sizeof(ret[i].kid));
	}
	return keyring->seal_key_count;
}

bool keyring_can_open(const struct keyring *keyring, const char *kid_hex)
{
	for (size_t i = 0; i < keyring->seal_key_count; i++)
		if (keyring->seal_keys[i].can_open && strcmp(keyring->seal_keys[i].id_hex, kid_hex) == 0)
			return true;
	return false;
}

bool keyring_can_fingerprint(const struct keyring *keyring)
{
	return keyring && (keyring->parts & KEYRING_SIGNING);
}

void keyring_fingerprint(const struct keyring *keyring, const struct secret *token, char ret_hex[65])
{
	unsigned char hash[32];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)secret_bytes(token), token->length, keyring->fingerprint_key,
	                   sizeof(keyring->fingerprint_key));
	sodium_bin2hex(ret_hex, 65, hash, sizeof(hash));
}
