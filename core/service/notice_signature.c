#include "notice_signature.h"

#include "caps.h"
#include "encoding.h"
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#define KEY_PREFIX "whsec_"
#define KEY_MIN    16
#define KEY_MAX    512

bool notice_key_parse(const char *text, struct secret *ret, struct error *err)
{
	const size_t prefix = sizeof(KEY_PREFIX) - 1;
	unsigned char decoded[KEY_MAX];
	size_t length = strlen(text);

	if (length == 0)
		return error_set(err, ERR_CONFIG_INVALID, "ACP_NOTIFY_SECRET must be set when ACP_NOTIFY_URL is.");
	bool plain = strncmp(text, KEY_PREFIX, prefix) != 0;
	bool ok = plain || decode_base64(text + prefix, length - prefix, decoded, sizeof(decoded), &length);
	if (ok)
		secret_set(ret, plain ? (const void *)text : decoded, length);
	wipe(decoded, sizeof(decoded));
	if (!ok)
		return error_set(err, ERR_CONFIG_INVALID, "ACP_NOTIFY_SECRET: what follows " KEY_PREFIX " must be base64.");
	return length >= KEY_MIN ||
	       error_set(err, ERR_CONFIG_INVALID, "ACP_NOTIFY_SECRET must have at least %d characters.", KEY_MIN);
}

void notice_sign(const struct secret *key, const char *id, int64_t at_s, const char *body, size_t length, struct strbuf *to)
{
	CLEANUP(strbuf_release) struct strbuf head = STRBUF_INIT(256);
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state hmac;

	strbuf_addf(&head, "%s.%" PRId64 ".", id, at_s);
	crypto_auth_hmacsha256_init(&hmac, (const unsigned char *)secret_bytes(key), key->length);
	crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)head.data, head.length);
	crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)body, length);
	crypto_auth_hmacsha256_final(&hmac, mac);
	wipe(&hmac, sizeof(hmac));
	strbuf_add_string(to, "v1,");
	encode_base64(to, mac, sizeof(mac));
}
