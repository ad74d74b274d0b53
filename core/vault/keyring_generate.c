/* The birth of an installation: its id and its first keys, as three files that never replace existing ones. */
#include "keyring_private.h"

#include "alloc.h"
#include "encoding.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_TEXT_MAX 512
#define BASE64_MAX    128

/* All that is made, in one protected block. */
struct new_keys {
	char installation[INSTALLATION_SIZE];
	char seal_id[KEY_ID_HEX], sign_id[KEY_ID_HEX];
	unsigned char seal_public[crypto_box_PUBLICKEYBYTES], seal_secret[crypto_box_SECRETKEYBYTES];
	unsigned char sign_public[crypto_sign_PUBLICKEYBYTES], sign_secret[crypto_sign_SECRETKEYBYTES];
	unsigned char fingerprint[crypto_generichash_KEYBYTES];
	char base64[BASE64_MAX], base64_second[BASE64_MAX];
	char text[FILE_TEXT_MAX];
};

static void free_keys(struct new_keys **keys)
{
	sodium_free(*keys);
	*keys = NULL;
}

static void make_keys(struct new_keys *keys)
{
	unsigned char id[KEY_ID_SIZE];

	make_uuid(keys->installation);
	crypto_box_keypair(keys->seal_public, keys->seal_secret);
	key_id_of(keys->seal_public, sizeof(keys->seal_public), id);
	sodium_bin2hex(keys->seal_id, sizeof(keys->seal_id), id, sizeof(id));
	crypto_sign_keypair(keys->sign_public, keys->sign_secret);
	key_id_of(keys->sign_public, sizeof(keys->sign_public), id);
	sodium_bin2hex(keys->sign_id, sizeof(keys->sign_id), id, sizeof(id));
	randombytes_buf(keys->fingerprint, sizeof(keys->fingerprint));
}

static const char *base64_of(char to[BASE64_MAX], const unsigned char *bytes, size_t length)
{
	return sodium_bin2base64(to, BASE64_MAX, bytes, length, sodium_base64_VARIANT_ORIGINAL);
}

/* Complete and durable under its name, or not there: link(2), unlike rename(2), does not replace. */
static bool write_new(const char *path, mode_t mode, const char *text, struct error *err)
{
	CLEANUP(freep) char *temporary = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(temporary, O_CLOEXEC);
	bool written, linked;
	int reason;

	if (fd < 0)
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s cannot be written.", path);
	written = fchmod(fd, mode) == 0 && file_write_all(fd, text, strlen(text)) && fsync(fd) == 0;
	close(fd);
	linked = written && link(temporary, path) == 0;
	reason = errno;
	unlink(temporary);
	if (written && !linked && reason == EEXIST)
		return error_set(err, ERR_CONFLICT, "The key file %s exists already.", path);
	if (!linked || !file_sync_folder_of(path)) {
		error_set(err, ERR_CONFIG_INVALID, "The key file %s cannot be written.", path);
		return error_detail(err, "errno %d", reason);
	}
	return true;
}

static bool write_private(struct new_keys *keys, const char *path, struct error *err)
{
	snprintf(keys->text, sizeof(keys->text),
	         "# Opens sealed tokens. Only for the pools repositories and git, and housekeeping.\n"
	         "installation %s\nopen %s %s\n",
	         keys->installation, keys->seal_id, base64_of(keys->base64, keys->seal_secret, sizeof(keys->seal_secret)));
	return write_new(path, 0600, keys->text, err);
}

static bool write_signing(struct new_keys *keys, const char *path, struct error *err)
{
	snprintf(keys->text, sizeof(keys->text),
	         "# Signs sealed tokens. Only for the pool connect.\n"
	         "installation %s\nsign %s %s\nfingerprint %s\n",
	         keys->installation, keys->sign_id, base64_of(keys->base64, keys->sign_secret, sizeof(keys->sign_secret)),
	         base64_of(keys->base64_second, keys->fingerprint, sizeof(keys->fingerprint)));
	return write_new(path, 0600, keys->text, err);
}

static bool write_public(struct new_keys *keys, const char *path, struct error *err)
{
	snprintf(keys->text, sizeof(keys->text),
	         "# Public: seals tokens and checks who sealed them.\n"
	         "installation %s\nseal %s %s active\nsigner %s %s\n",
	         keys->installation, keys->seal_id, base64_of(keys->base64, keys->seal_public, sizeof(keys->seal_public)),
	         keys->sign_id, base64_of(keys->base64_second, keys->sign_public, sizeof(keys->sign_public)));
	return write_new(path, 0644, keys->text, err);
}

bool keyring_generate(const struct keyring_paths *paths, struct error *err)
{
	const char *const all[] = {paths->public_keys, paths->signing_key, paths->private_keys};
	CLEANUP(free_keys) struct new_keys *keys = sodium_malloc(sizeof(*keys));

	if (!keys)
		return error_set(err, ERR_CONFIG_INVALID, "There is no protected memory for the keys.");
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (access(all[i], F_OK) == 0)
			return error_set(err, ERR_CONFLICT, "The key file %s exists already.", all[i]);
	make_keys(keys);
	/* The public file comes last: where it is, the others are. What is left of a failure is removed: a half is of no use. */
	if (!write_private(keys, paths->private_keys, err))
		return false;
	if (!write_signing(keys, paths->signing_key, err))
		goto remove_private;
	if (!write_public(keys, paths->public_keys, err))
		goto remove_signing;
	return true;

remove_signing:
	unlink(paths->signing_key);
remove_private:
	unlink(paths->private_keys);
	return false;
}
