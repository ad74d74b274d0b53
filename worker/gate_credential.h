#pragma once
/*
 * gate_credential — what lets one session talk to the git gate: 256 random bits, made at the claim, worth nothing after the
 * session's end. Only its hash is stored. The same hash as the gate's: BLAKE2b-256 of the credential's text, in lower-case hex.
 */
#include "secret.h"
#include "session_store.h"

/* 43 characters of base64url. */
void gate_credential_make(struct secret *ret);

void gate_credential_digest(const struct secret *credential, char ret_hex[GATE_HASH_SIZE]);
