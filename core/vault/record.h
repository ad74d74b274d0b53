#pragma once
/*
 * record — a sealed value that stands alone in a Secret: with its generation, readable by everyone, and its owner, readable with
 * the opening key.
 *
 *   "ACPR" version owner_length (u16) reserved generation (u64) owner_box sealed_value     all numbers little endian
 *   owner_box     crypto_box_seal of the padded fields provider, user id, instance URL to the key that sealed_value is sealed to
 *   sealed_value  "ACP1" (seal.h)
 *
 * The generation is plain so that a store can compare without a key; the owner is there so that the database can be made anew from
 * the Secrets. Neither is signed here: the sealed value is bound to both, and to its record key, so that with a forged one it does
 * not open. Floor: vault.
 */
#include "seal.h"

/* Strings owned. */
struct record_owner {
	char *provider;
	char *user_id;
	char *instance_url;
};
#define RECORD_OWNER_INIT ZERO_INIT
void record_owner_release(struct record_owner *owner);

/* Needs KEYRING_PUBLIC and KEYRING_SIGNING. ERR_INTERNAL only for values over the caps. */
bool record_seal(const struct keyring *keyring, const struct seal_binding *binding, const struct seal_payload *payload,
                 struct sealed_value *ret, struct error *err) MUST_CHECK;

/* Without any key. False: not a record. Nothing in it is proven. */
bool record_generation(const struct sealed_value *record, int64_t *ret) MUST_CHECK;
/* The hex id of the key that owner and value are sealed to; 16 characters and NUL. */
bool record_kid(const struct sealed_value *record, char ret_hex[17]) MUST_CHECK;

/* Needs KEYRING_PRIVATE. A claim until the record was opened with it. ERR_SEAL_KEY_MISSING, ERR_SEAL_BROKEN. */
bool record_open_owner(const struct keyring *keyring, const struct sealed_value *record, struct record_owner *ret,
                       struct error *err) MUST_CHECK;

/*
 * Opens the value under its own generation, which must be the binding's or newer: the index may be behind its Secret, never before
 * it. Needs KEYRING_PUBLIC and KEYRING_PRIVATE. ERR_SEAL_KEY_MISSING, ERR_SEAL_BROKEN.
 */
bool record_open(const struct keyring *keyring, const struct seal_binding *binding, const struct sealed_value *record,
                 struct seal_payload *ret, struct error *err) MUST_CHECK;
