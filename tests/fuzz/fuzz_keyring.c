/*
 * A public key file from anywhere is refused with a sentence that names it and quotes nothing, or gives a keyring that can seal.
 * First byte: even for the public file, odd for the private one.
 */
#include "fuzz.h"
#include "keyring.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_hex(const char *text, size_t length)
{
	return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[32];
	static int fd = -1;
	const struct keyring_paths paths = {path, path, path};
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;
	struct error err = ERROR_INIT;
	unsigned part;

	if (size < 1)
		return 0;
	part = data[0] % 2 ? KEYRING_PRIVATE : KEYRING_PUBLIC;
	if (fd < 0) {
		fd = memfd_create("keys", MFD_CLOEXEC);
		FUZZ_ASSERT(fd >= 0 && fchmod(fd, 0600) == 0 && secret_library_init());
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	FUZZ_ASSERT(ftruncate(fd, 0) == 0 && pwrite(fd, data + 1, size - 1, 0) == (ssize_t)(size - 1));
	if (!keyring_load(&paths, part, &keyring, &err)) {
		FUZZ_ASSERT(err.code == ERR_CONFIG_INVALID && strstr(err.message, path) != NULL && keyring == NULL);
		FUZZ_ASSERT(strpbrk(err.message, "\r\n") == NULL);
		return 0;
	}
	FUZZ_ASSERT(strlen(keyring_installation(keyring)) == 36);
	FUZZ_ASSERT(part != KEYRING_PUBLIC || is_hex(keyring_active_kid(keyring), 16));
	return 0;
}
