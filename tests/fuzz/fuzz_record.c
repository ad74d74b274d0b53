/* Bytes from a Secret: reading them never fails badly, and none that no key of ours sealed opens. */
#include "fuzz.h"
#include "record.h"

#include <unistd.h>

static struct keyring *make_keyring(void)
{
	static char folder[] = "/tmp/acp-fuzz.XXXXXX";
	static char paths[3][64];
	static const char *const names[] = {"public.keys", "signing.key", "private.keys"};
	struct keyring *keyring = NULL;
	struct error err = ERROR_INIT;

	FUZZ_ASSERT(secret_library_init() && mkdtemp(folder) != NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
	const struct keyring_paths where = {paths[0], paths[1], paths[2]};
	FUZZ_ASSERT(keyring_generate(&where, &err));
	FUZZ_ASSERT(keyring_load(&where, KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE, &keyring, &err));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(paths[i]);
	rmdir(folder);
	return keyring;
}

static const struct sealed_value *sample(const struct keyring *keyring, const struct seal_binding *binding)
{
	static struct sealed_value record = SEALED_VALUE_INIT;
	CLEANUP(seal_payload_release) struct seal_payload token = SEAL_PAYLOAD_INIT;
	struct error err = ERROR_INIT;

	if (record.bytes)
		return &record;
	secret_set(&token.token, "glpat-0123456789abcdefghij", 26);
	token.instance_url = xstrdup(binding->instance_url);
	token.gitlab_user_id = xstrdup("1");
	token.username = xstrdup("alice");
	token.generation = binding->generation;
	FUZZ_ASSERT(record_seal(keyring, binding, &token, &record, &err));
	return &record;
}

/* A whole record, changed by the input: pairs of a position and what is added to the byte there, then a byte for its length. */
static void check_changed(const struct keyring *keyring, const struct seal_binding *binding, const uint8_t *data, size_t size)
{
	const struct sealed_value *record = sample(keyring, binding);
	CLEANUP(freep) unsigned char *copy = xcalloc(1, record->length + 1);
	CLEANUP(record_owner_release) struct record_owner owner = RECORD_OWNER_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct seal_binding claimed = *binding;
	struct error err = ERROR_INIT;

	memcpy(copy, record->bytes, record->length);
	for (size_t i = 0; i + 1 < size; i += 2) {
		unsigned char *byte = &copy[data[i] * record->length / 256];

		*byte = (unsigned char)(*byte + data[i + 1]);
	}
	const size_t length = size % 2 == 0 ? record->length : (size_t)data[size - 1] * (record->length + 1) / 255;
	const struct sealed_value changed = {copy, length};
	const bool same = length == record->length && memcmp(copy, record->bytes, length) == 0;

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
		keyring = make_keyring();
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
