/* Bytes that no key of ours sealed never open. */
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
	FUZZ_ASSERT(!seal_open(keyring, &binding, &value, &payload, &err) && err.code == ERR_SEAL_BROKEN);
	FUZZ_ASSERT(!seal_kid(&value, kid) || strlen(kid) == 16);
	return 0;
}
