/* Bytes that no key of ours sealed never open, and neither does a sealed value that was changed, cut or lengthened. */
#include "fuzz.h"
#include "seal.h"

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

/* One sealed value, changed by the input: pairs of a position and what is added to the byte there, then a byte for its length. */
static void check_changed(const struct keyring *keyring, const struct seal_binding *binding, const uint8_t *data, size_t size)
{
	static struct sealed_value sealed = SEALED_VALUE_INIT;
	CLEANUP(freep) unsigned char *copy = NULL;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct error err = ERROR_INIT;

	if (sealed.bytes == NULL) {
		CLEANUP(seal_payload_release) struct seal_payload token = SEAL_PAYLOAD_INIT;

		secret_set(&token.token, "glpat-0123456789abcdefghij", 26);
		token.instance_url = xstrdup(binding->instance_url);
		token.gitlab_user_id = xstrdup("1");
		token.username = xstrdup("alice");
		token.generation = binding->generation;
		FUZZ_ASSERT(seal(keyring, binding, &token, &sealed, &err));
	}
	copy = xcalloc(1, sealed.length + 1);
	memcpy(copy, sealed.bytes, sealed.length);
	for (size_t i = 0; i + 1 < size; i += 2) {
		unsigned char *byte = &copy[data[i] * sealed.length / 256];

		*byte = (unsigned char)(*byte + data[i + 1]);
	}
	const size_t length = size % 2 == 0 ? sealed.length : (size_t)data[size - 1] * (sealed.length + 1) / 255;
	const struct sealed_value changed = {copy, length};
	const bool same = length == sealed.length && memcmp(copy, sealed.bytes, length) == 0;

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
		keyring = make_keyring();
	memcpy(copy, data, size);
	const struct sealed_value value = {copy, size};
	FUZZ_ASSERT(!seal_open(keyring, &binding, &value, &payload, &err));
	FUZZ_ASSERT(err.code == ERR_SEAL_BROKEN || err.code == ERR_SEAL_KEY_MISSING);
	FUZZ_ASSERT(!seal_kid(&value, kid) || strlen(kid) == 16);
	check_changed(keyring, &binding, data, size);
	return 0;
}
