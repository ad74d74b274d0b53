#include "seal.h"

#include "alloc.h"
#include "seal_private.h"

#define SUITE 1
#define FLAGS 0

/* Where the parts are. Behind the ciphertext come signer id and signature, counted from the end. */
enum {
	AT_MAGIC = 0,
	AT_SUITE = 4,
	AT_FLAGS = 5,
	AT_KID = 6,
	AT_WRAPPED_DEK = AT_KID + KEY_ID_SIZE,
	DEK_SIZE = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	AT_NONCE = AT_WRAPPED_DEK + DEK_SIZE + crypto_box_SEALBYTES,
	AT_CIPHERTEXT = AT_NONCE + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAIL_SIZE = KEY_ID_SIZE + crypto_sign_BYTES,
	VALUE_MIN = AT_CIPHERTEXT + crypto_aead_xchacha20poly1305_ietf_ABYTES + TAIL_SIZE,
	VALUE_MAX = 64 * 1024,
};
_Static_assert(AT_NONCE - AT_WRAPPED_DEK == 80, "the wrapped key is 80 bytes, as the header says");

static const unsigned char magic[4] = {'A', 'C', 'P', '1'};

/* What additional data and signature are computed over; each begins with its own tag, so that one never passes for the other. */
static const char aad_tag[] = "acp/seal/v1";
static const char signature_tag[] = "acp/seal/signature/v1";

struct context {
	unsigned char *bytes;
	size_t length;
};

static void context_release(struct context *c)
{
	freep(&c->bytes);
}

static void context_build(struct context *c, const char *tag, const struct field *head, const struct seal_binding *binding)
{
	unsigned char generation[8];
	const struct field fields[] = {
	        field_of_text(tag),
	        *head,
	        field_of_text(binding->installation),
	        field_of_text(binding->record_key),
	        field_of_text(binding->provider),
	        field_of_text(binding->user_id),
	        field_of_text(binding->instance_url),
	        field_of_number(binding->generation, generation),
	};

	c->length = fields_size(fields, ARRAY_SIZE(fields));
	c->bytes = xmalloc(c->length);
	fields_write(c->bytes, fields, ARRAY_SIZE(fields));
}

/* Bound to the place and to suite, flags and key. */
static void context_of_ciphertext(struct context *c, const unsigned char *value, const struct seal_binding *binding)
{
	context_build(c, aad_tag, &(struct field){value, AT_WRAPPED_DEK}, binding);
}

/* Everything before the signature, and the place again: a verifier needs no key to see that a value was moved. */
static void context_of_signature(struct context *c, const unsigned char *value, size_t length, const struct seal_binding *binding)
{
	context_build(c, signature_tag, &(struct field){value, length - crypto_sign_BYTES}, binding);
}

void sealed_value_release(struct sealed_value *value)
{
	freep(&value->bytes);
	value->length = 0;
}

static bool binding_fits(const struct seal_binding *binding)
{
	const char *const texts[] = {binding->installation, binding->record_key, binding->provider, binding->user_id,
	                             binding->instance_url};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!texts[i] || strlen(texts[i]) > SEAL_FIELD_MAX)
			return false;
	return true;
}

static void write_head(unsigned char *value, const struct seal_key *key)
{
	memcpy(value + AT_MAGIC, magic, sizeof(magic));
	value[AT_SUITE] = SUITE;
	value[AT_FLAGS] = FLAGS;
	memcpy(value + AT_KID, key->id, KEY_ID_SIZE);
}

/* A fresh key for this value alone; only its wrapped form leaves the function. */
static bool encrypt_payload(unsigned char *value, const struct seal_key *key, const struct seal_binding *binding,
                            const struct protected_bytes *plain)
{
	CLEANUP(protected_bytes_release) struct protected_bytes dek = {0};
	CLEANUP(context_release) struct context aad = {0};

	if (!protected_bytes_make(DEK_SIZE, &dek))
		return false;
	randombytes_buf(dek.bytes, dek.length);
	randombytes_buf(value + AT_NONCE, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
	if (crypto_box_seal(value + AT_WRAPPED_DEK, dek.bytes, dek.length, key->public_key) != 0)
		return false;
	context_of_ciphertext(&aad, value, binding);
	return crypto_aead_xchacha20poly1305_ietf_encrypt(value + AT_CIPHERTEXT, NULL, plain->bytes, plain->length, aad.bytes,
	                                                  aad.length, NULL, value + AT_NONCE, dek.bytes) == 0;
}

static void sign(unsigned char *value, size_t length, const struct keyring *keyring, const struct seal_binding *binding)
{
	CLEANUP(context_release) struct context context = {0};

	memcpy(value + length - TAIL_SIZE, keyring->own_signer.id, KEY_ID_SIZE);
	context_of_signature(&context, value, length, binding);
	crypto_sign_detached(value + length - crypto_sign_BYTES, NULL, context.bytes, context.length, keyring->signing_key);
}

bool seal(const struct keyring *keyring, const struct seal_binding *binding, const struct seal_payload *payload,
          struct sealed_value *ret, struct error *err)
{
	CLEANUP(protected_bytes_release) struct protected_bytes plain = {0};
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;

	if (!binding_fits(binding) || !payload_encode(payload, &plain)) {
		error_set(err, ERR_INTERNAL, "The token could not be sealed.");
		return error_detail(err, "a field is over its cap");
	}
	value.length = VALUE_MIN + plain.length;
	value.bytes = xmalloc(value.length);
	write_head(value.bytes, keyring_active(keyring));
	if (!encrypt_payload(value.bytes, keyring_active(keyring), binding, &plain)) {
		error_set(err, ERR_INTERNAL, "The token could not be sealed.");
		return error_detail(err, "no protected memory");
	}
	sign(value.bytes, value.length, keyring, binding);
	sealed_value_release(ret);
	ret->length = value.length;
	ret->bytes = TAKE(value.bytes);
	return true;
}

static bool broken(struct error *err, const char *why)
{
	error_set(err, ERR_SEAL_BROKEN, "The stored token cannot be opened.");
	return error_detail(err, "%s", why);
}

bool seal_key_missing(const struct sealed_value *value, struct error *err)
{
	char kid[KEY_ID_HEX] = "";

	error_set(err, ERR_SEAL_KEY_MISSING, "The key of the stored token is missing.");
	return error_detail(err, "sealed to the key %s, which is not here", seal_kid(value, kid) ? kid : "?");
}

static bool has_form(const struct sealed_value *value)
{
	return value->bytes && value->length >= VALUE_MIN && value->length <= VALUE_MAX &&
	       memcmp(value->bytes, magic, sizeof(magic)) == 0 && value->bytes[AT_SUITE] == SUITE &&
	       value->bytes[AT_FLAGS] == FLAGS;
}

/* Before anything is decrypted: it was sealed by a signer of this installation, for this place. */
static bool signature_is_good(const struct keyring *keyring, const struct seal_binding *binding, const struct sealed_value *value)
{
	CLEANUP(context_release) struct context context = {0};
	const struct signer *signer = keyring_find_signer(keyring, value->bytes + value->length - TAIL_SIZE);

	if (!signer)
		return false;
	context_of_signature(&context, value->bytes, value->length, binding);
	return crypto_sign_verify_detached(value->bytes + value->length - crypto_sign_BYTES, context.bytes, context.length,
	                                   signer->public_key) == 0;
}

static bool decrypt(const struct seal_key *key, const struct seal_binding *binding, const struct sealed_value *value,
                    struct protected_bytes *ret)
{
	CLEANUP(protected_bytes_release) struct protected_bytes dek = {0};
	CLEANUP(context_release) struct context aad = {0};
	const unsigned char *bytes = value->bytes;
	size_t ciphertext_length = value->length - AT_CIPHERTEXT - TAIL_SIZE;

	if (!protected_bytes_make(DEK_SIZE, &dek) ||
	    !protected_bytes_make(ciphertext_length - crypto_aead_xchacha20poly1305_ietf_ABYTES, ret))
		return false;
	if (crypto_box_seal_open(dek.bytes, bytes + AT_WRAPPED_DEK, AT_NONCE - AT_WRAPPED_DEK, key->public_key, key->secret_key) !=
	    0)
		return false;
	context_of_ciphertext(&aad, bytes, binding);
	return crypto_aead_xchacha20poly1305_ietf_decrypt(ret->bytes, NULL, NULL, bytes + AT_CIPHERTEXT, ciphertext_length,
	                                                  aad.bytes, aad.length, bytes + AT_NONCE, dek.bytes) == 0;
}

bool seal_open(const struct keyring *keyring, const struct seal_binding *binding, const struct sealed_value *value,
               struct seal_payload *ret, struct error *err)
{
	CLEANUP(protected_bytes_release) struct protected_bytes plain = {0};
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	const struct seal_key *key;

	if (!has_form(value) || !binding_fits(binding))
		return broken(err, "not a sealed value, or truncated");
	key = keyring_find_seal_key(keyring, value->bytes + AT_KID);
	if (!key || !key->can_open)
		return seal_key_missing(value, err);
	if (!signature_is_good(keyring, binding, value))
		return broken(
		        err, "signer or signature does not fit the value and its place (user, instance, installation, generation)");
	if (!decrypt(key, binding, value, &plain) || !payload_decode(plain.bytes, plain.length, &payload))
		return broken(err, "signed but not decryptable");
	if (!payload.instance_url || strcmp(payload.instance_url, binding->instance_url) != 0)
		return broken(err, "the payload names another instance");
	if (payload.generation != binding->generation)
		return broken(err, "the payload is of another generation");
	seal_payload_release(ret);
	*ret = payload;
	payload = (struct seal_payload)SEAL_PAYLOAD_INIT; /* ownership moved */
	return true;
}

bool seal_kid(const struct sealed_value *value, char ret_hex[17])
{
	if (!has_form(value))
		return false;
	sodium_bin2hex(ret_hex, KEY_ID_HEX, value->bytes + AT_KID, KEY_ID_SIZE);
	return true;
}
