#pragma once
/*
 * gate_credential — what lets one session talk to the git gate: 256 random bits, made at the claim, worth nothing after the
 * session's end. Only its digest is stored, by which the gate finds its session.
 */
#include "secret.h"
#include "session_store.h"

/* 43 characters of base64url. */
void gate_credential_make(struct secret *ret);

/* BLAKE2b-256 of the credential's text, in lower-case hex: no salt, for nobody can guess 256 random bits. */
void gate_credential_digest(const struct secret *credential, char ret_hex[GATE_HASH_SIZE]);
