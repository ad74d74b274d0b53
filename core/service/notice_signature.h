#pragma once
/*
 * notice_signature — how a receiver knows that a notice is ours: HMAC-SHA256 over "<id>.<unix seconds>.<body>", the scheme of
 * Standard Webhooks, for which there are libraries. The time is that of the attempt, so that what was overheard cannot be sent
 * again later. Floor: service, private.
 */
#include "secret.h"
#include "strbuf.h"

/* ACP_NOTIFY_SECRET as a key: "whsec_" and base64, else the characters themselves. ERR_CONFIG_INVALID: missing, or too short to
 * keep anybody from guessing it. */
bool notice_key_parse(const char *text, struct secret *ret, struct error *err) MUST_CHECK;

/* Appends "v1,<base64>". */
void notice_sign(const struct secret *key, const char *id, int64_t at_s, const char *body, size_t length, struct strbuf *to);
