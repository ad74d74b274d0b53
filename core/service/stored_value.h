#pragma once
/*
 * stored_value — sealing for, and opening from, whichever secret store the installation has: the one place that knows that a value
 * in a row is bare (seal.h) and one that stands alone is a record (record.h). Floor: service.
 */
#include "account_service.h"

/* Seals for the connection's generation. Needs KEYRING_SIGNING. ERR_INTERNAL. */
bool stored_value_seal(const struct account_service *s, const struct connection *c, const struct seal_payload *payload,
                       struct sealed_value *ret, struct error *err) MUST_CHECK;

/* Needs KEYRING_PRIVATE. ERR_SEAL_BROKEN, ERR_SEAL_KEY_MISSING. */
bool stored_value_open(const struct account_service *s, const struct connection *c, const struct sealed_value *value,
                       struct seal_payload *ret, struct error *err) MUST_CHECK;

/* The hex id of the key it is sealed to; 16 characters and NUL. False: not a value of ours. */
bool stored_value_kid(const struct account_service *s, const struct sealed_value *value, char ret_hex[17]) MUST_CHECK;

/*
 * Opens what a walk over the store shows, and tells the connection it is of: key, provider, user, instance, and all that is sealed
 * with the token. Times are those of the sealing; the fingerprint and what is not sealed stay empty. ERR_SEAL_BROKEN (also when it
 * is not under the key that belongs to its owner), ERR_SEAL_KEY_MISSING.
 */
bool stored_value_open_record(const struct account_service *s, const struct secret_record *record, struct connection *ret,
                              struct seal_payload *ret_payload, struct error *err) MUST_CHECK;

/* Fills a connection with what is sealed beside its token. */
void stored_value_describe(const struct seal_payload *payload, struct connection *c);
