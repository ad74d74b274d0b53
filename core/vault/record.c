#include "record.h"

#include "alloc.h"
#include "seal_private.h"

#define VERSION 1

/* Where the parts are; the sealed value is what is left behind the owner box. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 4,
	AT_OWNER_LENGTH = 5,
	AT_RESERVED = 7,
	AT_GENERATION = 8,
	AT_OWNER = 16,
	NUMBER_SIZE = AT_OWNER - AT_GENERATION,
	OWNER_LENGTH_MAX = UINT16_MAX,
};

enum owner_field { OWNER_PROVIDER, OWNER_USER_ID, OWNER_INSTANCE_URL, OWNER_FIELDS };

static const unsigned char magic[4] = {'A', 'C', 'P', 'R'};

void record_owner_release(struct record_owner *owner)
{
	freep(&owner->provider);
	freep(&owner->user_id);
	freep(&owner->instance_url);
}

/* ---- The parts ---- */

/* Views into a record. */
struct parts {
	int64_t generation;
	const unsigned char *owner;
	size_t owner_length;
	struct sealed_value sealed;
};

static bool record_parts(const struct sealed_value *record, struct parts *ret)
{
	struct field generation;
	size_t owner_length;

	if (!record->bytes || record->length < AT_OWNER || memcmp(record->bytes, magic, sizeof(magic)) != 0 ||
	    record->bytes[AT_VERSION] != VERSION || record->bytes[AT_RESERVED] != 0)
		return false;
	generation = (struct field){record->bytes + AT_GENERATION, NUMBER_SIZE};
	owner_length = (size_t)record->bytes[AT_OWNER_LENGTH] | (size_t)record->bytes[AT_OWNER_LENGTH + 1] << 8;
	if (!field_to_number(&generation, &ret->generation) || ret->generation <= 0 || record->length - AT_OWNER < owner_length)
		return false;
	ret->owner = record->bytes + AT_OWNER;
	ret->owner_length = owner_length;
	ret->sealed = (struct sealed_value){record->bytes + AT_OWNER + owner_length, record->length - AT_OWNER - owner_length};
	return true;
}

bool record_generation(const struct sealed_value *record, int64_t *ret)
{
	struct parts parts;

	if (!record_parts(record, &parts))
		return false;
	*ret = parts.generation;
	return true;
}

bool record_kid(const struct sealed_value *record, char ret_hex[17])
{
	struct parts parts;

	return record_parts(record, &parts) && seal_kid(&parts.sealed, ret_hex);
}

/* ---- Sealing ---- */

/* Padded, so that its length says little about a user's name. */
static bool seal_owner(const struct keyring *keyring, const struct seal_binding *binding, struct sealed_value *ret)
{
	const struct field fields[OWNER_FIELDS] = {
	        [OWNER_PROVIDER] = field_of_text(binding->provider),
	        [OWNER_USER_ID] = field_of_text(binding->user_id),
	        [OWNER_INSTANCE_URL] = field_of_text(binding->instance_url),
	};
	size_t length = fields_size(fields, OWNER_FIELDS), padded = (length / SEAL_PADDING + 1) * SEAL_PADDING;
	CLEANUP(freep) unsigned char *plain = xmalloc(padded);
	CLEANUP(sealed_value_release)
	struct sealed_value box = {xmalloc(padded + crypto_box_SEALBYTES), padded + crypto_box_SEALBYTES};

	fields_write(plain, fields, OWNER_FIELDS);
	if (box.length > OWNER_LENGTH_MAX || sodium_pad(NULL, plain, length, SEAL_PADDING, padded) != 0 ||
	    crypto_box_seal(box.bytes, plain, padded, keyring_active(keyring)->public_key) != 0)
		return false;
	ret->length = box.length;
	ret->bytes = TAKE(box.bytes);
	return true;
}

bool record_seal(const struct keyring *keyring, const struct seal_binding *binding, const struct seal_payload *payload,
                 struct sealed_value *ret, struct error *err)
{
	CLEANUP(sealed_value_release) struct sealed_value sealed = SEALED_VALUE_INIT, owner = SEALED_VALUE_INIT;
	unsigned char generation[NUMBER_SIZE];
	unsigned char *bytes;

	/* First: it refuses fields over their caps, so that the owner's fit. */
	if (!seal(keyring, binding, payload, &sealed, err))
		return false;
	if (!seal_owner(keyring, binding, &owner)) {
		error_set(err, ERR_INTERNAL, "The token could not be sealed.");
		return error_detail(err, "the owner box");
	}
	bytes = xmalloc(AT_OWNER + owner.length + sealed.length);
	memcpy(bytes + AT_MAGIC, magic, sizeof(magic));
	bytes[AT_VERSION] = VERSION;
	bytes[AT_OWNER_LENGTH] = (unsigned char)(owner.length & 0xff);
	bytes[AT_OWNER_LENGTH + 1] = (unsigned char)(owner.length >> 8);
	bytes[AT_RESERVED] = 0;
	memcpy(bytes + AT_GENERATION, field_of_number(binding->generation, generation).bytes, NUMBER_SIZE);
	memcpy(bytes + AT_OWNER, owner.bytes, owner.length);
	memcpy(bytes + AT_OWNER + owner.length, sealed.bytes, sealed.length);
	sealed_value_release(ret);
	*ret = (struct sealed_value){bytes, AT_OWNER + owner.length + sealed.length};
	return true;
}

/* ---- Opening ---- */

static bool broken(struct error *err, const char *why)
{
	error_set(err, ERR_SEAL_BROKEN, "The stored token cannot be opened.");
	return error_detail(err, "%s", why);
}

/* NULL: it is not here. */
static const struct seal_key *opening_key(const struct keyring *keyring, const char *kid)
{
	for (size_t i = 0; i < keyring->seal_key_count; i++)
		if (keyring->seal_keys[i].can_open && strcmp(keyring->seal_keys[i].id_hex, kid) == 0)
			return &keyring->seal_keys[i];
	return NULL;
}

static bool read_owner(const unsigned char *plain, size_t padded, struct record_owner *ret)
{
	CLEANUP(record_owner_release) struct record_owner owner = RECORD_OWNER_INIT;
	struct field fields[OWNER_FIELDS];
	size_t length;

	if (sodium_unpad(&length, plain, padded, SEAL_PADDING) != 0 || !fields_read(plain, length, fields, OWNER_FIELDS))
		return false;
	for (size_t i = 0; i < OWNER_FIELDS; i++)
		if (!fields[i].bytes || memchr(fields[i].bytes, '\0', fields[i].length))
			return false;
	owner.provider = field_to_text(&fields[OWNER_PROVIDER]);
	owner.user_id = field_to_text(&fields[OWNER_USER_ID]);
	owner.instance_url = field_to_text(&fields[OWNER_INSTANCE_URL]);
	record_owner_release(ret);
	*ret = owner;
	owner = (struct record_owner)RECORD_OWNER_INIT;
	return true;
}

bool record_open_owner(const struct keyring *keyring, const struct sealed_value *record, struct record_owner *ret,
                       struct error *err)
{
	const struct seal_key *key;
	struct parts parts;
	char kid[KEY_ID_HEX];
	size_t padded;

	if (!record_parts(record, &parts) || !seal_kid(&parts.sealed, kid))
		return broken(err, "not a record");
	key = opening_key(keyring, kid);
	if (!key)
		return seal_key_missing(&parts.sealed, err);
	if (parts.owner_length <= crypto_box_SEALBYTES)
		return broken(err, "the owner box is truncated");
	padded = parts.owner_length - crypto_box_SEALBYTES;

	CLEANUP(freep) unsigned char *plain = xmalloc(padded);

	if (crypto_box_seal_open(plain, parts.owner, parts.owner_length, key->public_key, key->secret_key) != 0 ||
	    !read_owner(plain, padded, ret))
		return broken(err, "the owner box does not open");
	return true;
}

bool record_open(const struct keyring *keyring, const struct seal_binding *binding, const struct sealed_value *record,
                 struct seal_payload *ret, struct error *err)
{
	struct seal_binding own = *binding;
	struct parts parts;

	if (!record_parts(record, &parts))
		return broken(err, "not a record");
	if (parts.generation < binding->generation)
		return broken(err, "the record is of an older generation than its connection");
	own.generation = parts.generation;
	return seal_open(keyring, &own, &parts.sealed, ret, err);
}
