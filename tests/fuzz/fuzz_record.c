/* Bytes from a Secret: reading them never fails badly, and none that no key of ours sealed opens. */
#include "record.h"
#include "sealed.h"

static const struct sealed_value *sample(const struct keyring *keyring, const struct seal_binding *binding)
{
	static struct sealed_value record = SEALED_VALUE_INIT;
	CLEANUP(seal_payload_release) struct seal_payload token = SEAL_PAYLOAD_INIT;
	struct error err = ERROR_INIT;

	if (record.bytes)
		return &record;
	sealed_token(binding, &token);
	FUZZ_ASSERT(record_seal(keyring, binding, &token, &record, &err));
	return &record;
}

static void check_changed(const struct keyring *keyring, const struct seal_binding *binding, const uint8_t *data, size_t size)
{
	CLEANUP(sealed_value_release) struct sealed_value changed = SEALED_VALUE_INIT;
	CLEANUP(record_owner_release) struct record_owner owner = RECORD_OWNER_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct seal_binding claimed = *binding;
	struct error err = ERROR_INIT;
	const bool same = sealed_change(sample(keyring, binding), data, size, &changed);

	if (!record_open_owner(keyring, &changed, &owner, &err)) {
		FUZZ_ASSERT(!same && (err.code == ERR_SEAL_BROKEN || err.code == ERR_SEAL_KEY_MISSING));
		return;
	}
	claimed.provider = owner.provider;
	claimed.user_id = owner.user_id;
	claimed.instance_url = owner.instance_url;
	claimed.generation = 0;
	FUZZ_ASSERT(record_open(keyring, &claimed, &changed, &payload, &err) == same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct keyring *keyring;
	const struct seal_binding binding = {"installation", "k1-x", "gitlab", "user", "https://gitlab.com", 1};
	CLEANUP(freep) unsigned char *copy = xcalloc(1, size + 1);
	CLEANUP(record_owner_release) struct record_owner owner = RECORD_OWNER_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct error err = ERROR_INIT;
	int64_t generation;
	char kid[17];

	if (keyring == NULL)
		keyring = sealed_keyring();
	memcpy(copy, data, size);
	const struct sealed_value value = {copy, size};
	FUZZ_ASSERT(!record_open(keyring, &binding, &value, &payload, &err));
	FUZZ_ASSERT(err.code == ERR_SEAL_BROKEN || err.code == ERR_SEAL_KEY_MISSING);
	FUZZ_ASSERT(!record_generation(&value, &generation) || generation > 0);
	FUZZ_ASSERT(!record_kid(&value, kid) || strlen(kid) == 16);
	FUZZ_ASSERT(!record_open_owner(keyring, &value, &owner, &err));
	check_changed(keyring, &binding, data, size);
	return 0;
}
