/* Bytes that no key of ours sealed never open, and neither does a sealed value that was changed, cut or lengthened. */
#include "sealed.h"

static void check_changed(const struct keyring *keyring, const struct seal_binding *binding, const uint8_t *data, size_t size)
{
	static struct sealed_value whole = SEALED_VALUE_INIT;
	CLEANUP(sealed_value_release) struct sealed_value changed = SEALED_VALUE_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct error err = ERROR_INIT;

	if (whole.bytes == NULL) {
		CLEANUP(seal_payload_release) struct seal_payload token = SEAL_PAYLOAD_INIT;

		sealed_token(binding, &token);
		FUZZ_ASSERT(seal(keyring, binding, &token, &whole, &err));
	}
	const bool same = sealed_change(&whole, data, size, &changed);

	FUZZ_ASSERT(seal_open(keyring, binding, &changed, &payload, &err) == same);
	FUZZ_ASSERT(same || err.code == ERR_SEAL_BROKEN || err.code == ERR_SEAL_KEY_MISSING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct keyring *keyring;
	const struct seal_binding binding = {"installation", "k1-x", "gitlab", "user", "https://gitlab.com", 1};
	CLEANUP(freep) unsigned char *copy = xcalloc(1, size + 1);
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct error err = ERROR_INIT;
	char kid[17];

	if (keyring == NULL)
		keyring = sealed_keyring();
	memcpy(copy, data, size);
	const struct sealed_value value = {copy, size};
	FUZZ_ASSERT(!seal_open(keyring, &binding, &value, &payload, &err));
	FUZZ_ASSERT(err.code == ERR_SEAL_BROKEN || err.code == ERR_SEAL_KEY_MISSING);
	FUZZ_ASSERT(!seal_kid(&value, kid) || strlen(kid) == 16);
	check_changed(keyring, &binding, data, size);
	return 0;
}
