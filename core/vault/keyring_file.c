/*
 * The text form of key files. They are read straight into protected memory and decoded in constant time, because two of the three
 * hold secrets.
 */
#include "keyring_private.h"

#include "caps.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX 4

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void free_protected(char **text)
{
	sodium_free(*text);
	*text = NULL;
}

static bool decode_key(const char *text, unsigned char *to, size_t size)
{
	size_t length = 0;
	const char *end = NULL;

	return sodium_base642bin(to, size, text, strlen(text), NULL, &length, &end, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       length == size && *end == '\0';
}

static bool id_matches(const char *text, const unsigned char id[KEY_ID_SIZE])
{
	char hex[KEY_ID_HEX];

	sodium_bin2hex(hex, sizeof(hex), id, KEY_ID_SIZE);
	return strcmp(text, hex) == 0;
}

static bool is_uuid(const char *text)
{
	if (strlen(text) != INSTALLATION_SIZE - 1)
		return false;
	for (size_t i = 0; i < INSTALLATION_SIZE - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
			return false;
	}
	return true;
}

/* Each takes one line's words and returns what is wrong with them, or NULL. */

static const char *take_installation(struct keyring *keyring, char *const words[])
{
	if (!is_uuid(words[1]))
		return "the installation is not a UUID in lower case";
	if (keyring->installation[0] && strcmp(keyring->installation, words[1]) != 0)
		return "the file belongs to another installation";
	memcpy(keyring->installation, words[1], INSTALLATION_SIZE);
	return NULL;
}

/* The entry for the key with this public half; a new one if there is none. NULL: the keyring is full. */
static struct seal_key *seal_key_for(struct keyring *keyring, const unsigned char *public_key)
{
	struct seal_key *key;

	for (size_t i = 0; i < keyring->seal_key_count; i++)
		if (memcmp(keyring->seal_keys[i].public_key, public_key, crypto_box_PUBLICKEYBYTES) == 0)
			return &keyring->seal_keys[i];
	if (keyring->seal_key_count == KEYRING_KEYS_MAX)
		return NULL;
	key = &keyring->seal_keys[keyring->seal_key_count++];
	memcpy(key->public_key, public_key, crypto_box_PUBLICKEYBYTES);
	key_id_of(public_key, crypto_box_PUBLICKEYBYTES, key->id);
	sodium_bin2hex(key->id_hex, sizeof(key->id_hex), key->id, KEY_ID_SIZE);
	return key;
}

static const char *take_seal(struct keyring *keyring, char *const words[])
{
	unsigned char public_key[crypto_box_PUBLICKEYBYTES];
	bool active = strcmp(words[3], "active") == 0;
	size_t before = keyring->seal_key_count;
	struct seal_key *key;

	if (!active && strcmp(words[3], "open-only") != 0)
		return "the state of a sealing key is 'active' or 'open-only'";
	if (!decode_key(words[2], public_key, sizeof(public_key)))
		return "the key is not 32 bytes of base64";
	key = seal_key_for(keyring, public_key);
	if (!key)
		return "there are too many keys";
	if (keyring->seal_key_count == before)
		return "the key is listed twice";
	key->listed = true;
	if (!id_matches(words[1], key->id))
		return "the id does not fit the key";
	key->active = active;
	return NULL;
}

static const char *take_signer(struct keyring *keyring, char *const words[])
{
	struct signer *signer = &keyring->signers[keyring->signer_count];

	if (keyring->signer_count == KEYRING_KEYS_MAX)
		return "there are too many keys";
	if (!decode_key(words[2], signer->public_key, sizeof(signer->public_key)))
		return "the key is not 32 bytes of base64";
	key_id_of(signer->public_key, sizeof(signer->public_key), signer->id);
	if (!id_matches(words[1], signer->id))
		return "the id does not fit the key";
	keyring->signer_count++;
	return NULL;
}

static const char *take_sign(struct keyring *keyring, char *const words[])
{
	struct signer *own = &keyring->own_signer;
	unsigned char again[crypto_sign_SECRETKEYBYTES];
	bool fits;

	if (keyring->has_signing_key)
		return "there is more than one signing key";
	if (!decode_key(words[2], keyring->signing_key, sizeof(keyring->signing_key)))
		return "the key is not 64 bytes of base64";
	/* libsodium's secret key is seed and public key; signing with a foreign public half would give the seed away. */
	crypto_sign_seed_keypair(own->public_key, again, keyring->signing_key);
	fits = sodium_memcmp(again, keyring->signing_key, sizeof(again)) == 0;
	sodium_memzero(again, sizeof(again));
	key_id_of(own->public_key, sizeof(own->public_key), own->id);
	if (!fits || !id_matches(words[1], own->id))
		return "the secret key does not fit its public key";
	keyring->has_signing_key = true;
	return NULL;
}

static const char *take_fingerprint(struct keyring *keyring, char *const words[])
{
	if (keyring->has_fingerprint_key)
		return "there is more than one fingerprint key";
	if (!decode_key(words[1], keyring->fingerprint_key, sizeof(keyring->fingerprint_key)))
		return "the key is not 32 bytes of base64";
	keyring->has_fingerprint_key = true;
	return NULL;
}

/*
 * A key that the public file does not list is accepted: a rotation writes the private file first, and the id proves that the key
 * fits.
 */
static const char *take_open(struct keyring *keyring, char *const words[])
{
	unsigned char secret_key[crypto_box_SECRETKEYBYTES], public_key[crypto_box_PUBLICKEYBYTES];
	struct seal_key *key;

	if (!decode_key(words[2], secret_key, sizeof(secret_key)) || crypto_scalarmult_base(public_key, secret_key) != 0) {
		sodium_memzero(secret_key, sizeof(secret_key));
		return "the key is not 32 bytes of base64";
	}
	key = seal_key_for(keyring, public_key);
	if (key && !key->can_open && id_matches(words[1], key->id)) {
		memcpy(key->secret_key, secret_key, sizeof(secret_key));
		key->can_open = true;
	} else {
		key = NULL;
	}
	sodium_memzero(secret_key, sizeof(secret_key));
	return key ? NULL : "the secret key does not fit its public key, is listed twice, or is one too many";
}

static const struct line_kind {
	const char *keyword;
	unsigned parts; /* the files it may stand in */
	size_t words;
	const char *(*take)(struct keyring *keyring, char *const words[]);
} line_kinds[] = {
        {"installation", KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE, 2, take_installation},
        {"seal", KEYRING_PUBLIC, 4, take_seal},
        {"signer", KEYRING_PUBLIC, 3, take_signer},
        {"sign", KEYRING_SIGNING, 3, take_sign},
        {"fingerprint", KEYRING_SIGNING, 2, take_fingerprint},
        {"open", KEYRING_PRIVATE, 3, take_open},
};

static const char *take_line(struct keyring *keyring, enum keyring_parts part, char *line)
{
	char *words[WORDS_MAX] = {0};
	size_t count = 0;

	for (char *word; (word = strsep(&line, " \t"));) {
		if (!*word)
			continue;
		if (count == WORDS_MAX)
			return "the line has too many words";
		words[count++] = word;
	}
	if (count == 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(line_kinds); i++)
		if (strcmp(line_kinds[i].keyword, words[0]) == 0 && line_kinds[i].parts & part)
			return count == line_kinds[i].words ? line_kinds[i].take(keyring, words)
			                                    : "the line has the wrong number of words";
	return "the line has no place in this file";
}

static bool read_all(int fd, char *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = read(fd, to + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static bool is_closed(const struct stat *about)
{
	mode_t others = about->st_mode & (S_IRWXG | S_IRWXO);

	return others == 0 || (others == S_IRGRP && about->st_uid == 0 && geteuid() != 0);
}

/* Judges the descriptor that is read, not the name, so that nothing can change in between. */
static bool read_protected(const char *path, bool is_private, char **ret, struct error *err)
{
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	CLEANUP(free_protected) char *text = NULL;
	struct stat about;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s is missing; run 'acp-gitlab keys generate'.", path);
	if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s cannot be read.", path);
	if (is_private && !is_closed(&about))
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s is open to others; run 'chmod 600' on it.", path);
	if (about.st_size > LIMIT_FILE_CONFIG)
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s is too large.", path);
	text = sodium_malloc((size_t)about.st_size + 1);
	if (!text || !read_all(fd, text, (size_t)about.st_size) || memchr(text, '\0', (size_t)about.st_size))
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s cannot be read.", path);
	text[about.st_size] = '\0';
	*ret = TAKE(text);
	return true;
}

bool keyring_read_file(struct keyring *keyring, const char *path, enum keyring_parts part, struct error *err)
{
	CLEANUP(free_protected) char *text = NULL;
	unsigned number = 0;
	bool named = false;
	char *rest;

	if (!read_protected(path, part != KEYRING_PUBLIC, &text, err))
		return false;
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		const char *problem;

		number++;
		if (*line == '#')
			continue;
		named = named || strncmp(line, "installation ", strlen("installation ")) == 0;
		problem = take_line(keyring, part, line);
		if (problem)
			return error_set(err, ERR_CONFIG_INVALID, "Key file %s, line %u: %s.", path, number, problem);
	}
	if (!named)
		return error_set(err, ERR_CONFIG_INVALID, "The key file %s does not say which installation it belongs to.", path);
	return true;
}
