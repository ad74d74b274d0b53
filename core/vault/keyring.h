#pragma once
/*
 * keyring — the keys of an installation, in three text files so that each process reads only what it needs:
 *   public.keys   "installation <uuid>", "seal <kid> <base64 X25519 public> active|open-only",
 *                 "signer <id> <base64 Ed25519 public>"
 *   signing.key   "installation <uuid>", "sign <id> <base64 Ed25519 secret>", "fingerprint <base64 32 bytes>"; seals: pool connect
 *   private.keys  "installation <uuid>", "open <kid> <base64 X25519 secret>"; opens: pools repositories and git
 * One key per line, '#' comments. kid and signer id are the first 8 bytes of BLAKE2b-256 of the public key, in hex.
 * Exactly one seal key is active. Files that hold secrets must be closed to group and others; one that belongs to the superuser may
 * be readable by a group of ours, which cannot change it: so come the Secrets of Kubernetes and the credentials of systemd.
 * Floor: vault.
 */
#include "secret.h"

struct keyring; /* immutable; safe for threads */

enum keyring_parts { KEYRING_PUBLIC = 1, KEYRING_SIGNING = 2, KEYRING_PRIVATE = 4 };

struct keyring_paths {
	const char *public_keys;
	const char *signing_key;
	const char *private_keys;
};

/*
 * Loads the wanted parts. ERR_CONFIG_INVALID: a file is missing (the message says "run 'acp-gitlab keys generate'"), malformed,
 * readable by others, of another installation, or a secret key does not fit its public key.
 */
bool keyring_load(const struct keyring_paths *paths, unsigned parts, struct keyring **ret, struct error *err) MUST_CHECK;
void keyring_freep(struct keyring **keyring);

/* Creates all three files (0644, 0600, 0600) in folders that exist. ERR_CONFLICT if one exists already. */
bool keyring_generate(const struct keyring_paths *paths, struct error *err) MUST_CHECK;

#define KEYRING_KEYS_MAX 32 /* keys that were rotated out stay until no value needs them */

struct keyring_key {
	char kid[17];
	bool active;
	bool can_open; /* its opening key is among the private keys that were loaded */
	bool listed;   /* in the public file; the others are left over from a change that was interrupted */
};
/* The sealing keys in the order of the files, which is that of their making. Gives their number. */
size_t keyring_keys(const struct keyring *keyring, struct keyring_key ret[KEYRING_KEYS_MAX]);

/*
 * The life of a sealing key: added as open-only, so that all who open know it before anything is sealed to it; activated, which
 * makes the active one open-only; retired, once no stored value is sealed to it (the caller's to know). Each needs the public and
 * the private file, keeps owner, mode and all other lines, and changes one file at a time, so that a crash leaves a state that
 * loads. ERR_CONFIG_INVALID; ERR_CONFLICT: the files are being changed, there are too many keys, or the key to retire is active;
 * ERR_NOT_FOUND.
 */
bool keyring_add_key(const struct keyring_paths *paths, char ret_kid[17], struct error *err) MUST_CHECK;
bool keyring_activate(const struct keyring_paths *paths, const char *kid, struct error *err) MUST_CHECK;
bool keyring_retire(const struct keyring_paths *paths, const char *kid, struct error *err) MUST_CHECK;

const char *keyring_installation(const struct keyring *keyring);
/* Hex id of the active sealing key. */
const char *keyring_active_kid(const struct keyring *keyring);
bool keyring_can_open(const struct keyring *keyring, const char *kid_hex);

/* Whether this part of the keyring is there: KEYRING_SIGNING. */
bool keyring_can_fingerprint(const struct keyring *keyring);
/* Keyed BLAKE2b-256 of a token in hex, for token_in_use and the audit log; needs KEYRING_SIGNING. 64 characters and NUL. */
void keyring_fingerprint(const struct keyring *keyring, const struct secret *token, char ret_hex[65]);
