/* The life of sealing keys: lines are added to, changed in and taken from key files that keep their owner, mode and other lines. */
#include "keyring_private.h"

#include "alloc.h"
#include "caps.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_SIZE 256 /* a keyword, an id, 44 characters of base64 and a state */

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* A whole file in protected memory, and as much room again as one line takes. */
struct text {
	char *bytes;
	size_t length, size;
};

static void text_release(struct text *text)
{
	sodium_free(text->bytes); /* wipes */
}

static bool text_make(size_t size, struct text *ret)
{
	*ret = (struct text){.bytes = sodium_malloc(size + 1), .size = size};
	if (ret->bytes)
		ret->bytes[0] = '\0';
	return ret->bytes != NULL;
}

static void text_add(struct text *text, const char *bytes, size_t length)
{
	if (text->size - text->length < length)
		return;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

/* ---- Files ---- */

static bool cannot(const char *path, struct error *err)
{
	int reason = errno;

	error_set(err, ERR_CONFIG_INVALID, "The key file %s cannot be changed.", path);
	error_remedy(err, "Run this as the owner of the key files, where they are made; mounted copies follow.");
	return error_detail(err, "errno %d", reason);
}

/* A link is somebody's arrangement (a mounted Secret): to put a file in its place would part the two. */
static bool read_file(const char *path, struct text *ret, struct stat *ret_about, struct error *err)
{
	CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	size_t size;

	if (fd < 0 || fstat(fd, ret_about) != 0 || !S_ISREG(ret_about->st_mode) || ret_about->st_size > LIMIT_FILE_CONFIG)
		return cannot(path, err);
	size = (size_t)ret_about->st_size;
	if (!text_make(size, ret))
		return cannot(path, err);
	while (ret->length < size) {
		ssize_t got = read(fd, ret->bytes + ret->length, size - ret->length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return cannot(path, err);
		ret->length += (size_t)got;
	}
	ret->bytes[size] = '\0';
	return true;
}

/* The old file or the new one, whatever happens; of the same owner, group and mode. */
static bool replace_file(const char *path, const struct text *text, const struct stat *about, struct error *err)
{
	CLEANUP(freep) char *temporary = xasprintf("%s.XXXXXX", path);
	CLEANUP(close_fd) int fd = mkostemp(temporary, O_CLOEXEC);
	struct stat made;
	bool ok;

	if (fd < 0)
		return cannot(path, err);
	ok = fstat(fd, &made) == 0 &&
	     ((made.st_uid == about->st_uid && made.st_gid == about->st_gid) || fchown(fd, about->st_uid, about->st_gid) == 0) &&
	     fchmod(fd, about->st_mode & 0777) == 0 && file_write_all(fd, text->bytes, text->length) && fsync(fd) == 0 &&
	     rename(temporary, path) == 0;
	if (!ok)
		(void)cannot(path, err);
	if (!ok)
		unlink(temporary);
	return ok && (file_sync_folder_of(path) || cannot(path, err));
}

/* One at a time: the lock is on the folder, since the file is another one after each change. */
static bool lock_folder_of(const char *path, int *ret_fd, struct error *err)
{
	CLEANUP(freep) char *copy = xstrdup(path);
	CLEANUP(close_fd) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cannot(path, err);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return error_set(err, ERR_CONFLICT, "The key files are being changed at the moment.");
	*ret_fd = fd;
	fd = -1;
	return true;
}

/* ---- Lines ---- */

struct word {
	const char *at;
	size_t length;
};

/* The first three of a line. */
struct words {
	struct word keyword, kid, key;
};

static void read_words(const char *line, size_t length, struct words *ret)
{
	struct word *const words[] = {&ret->keyword, &ret->kid, &ret->key};
	const char *at = line, *end = line + length;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		at += strspn(at, " \t");
		words[i]->at = at;
		at += strcspn(at, " \t\n");
		words[i]->length = at <= end ? (size_t)(at - words[i]->at) : 0;
	}
}

static bool is_word(const struct word *word, const char *text)
{
	return word->length == strlen(text) && memcmp(word->at, text, word->length) == 0;
}

enum edit { EDIT_APPEND, EDIT_ACTIVATE, EDIT_DROP };

struct change {
	enum edit edit;
	const char *keyword; /* "seal" or "open" */
	const char *kid;
	const char *line; /* APPEND; with its line break */
};

/* "seal <kid> <key> <state>" with another state. */
static void add_seal_line(struct text *to, const char *line, const struct words *words, bool active)
{
	const char *state = active ? " active\n" : " open-only\n";

	text_add(to, line, (size_t)(words->key.at + words->key.length - line));
	text_add(to, state, strlen(state));
}

static void edit_lines(const struct text *from, const struct change *change, struct text *to)
{
	for (const char *line = from->bytes, *next; line && *line; line = next) {
		const char *end = strchr(line, '\n');
		size_t length = end ? (size_t)(end + 1 - line) : strlen(line);
		struct words words = {0};

		next = line + length;
		read_words(line, length, &words);
		const bool concerned = change->edit != EDIT_APPEND && is_word(&words.keyword, change->keyword);
		const bool named = concerned && is_word(&words.kid, change->kid);

		if (concerned && change->edit == EDIT_ACTIVATE)
			add_seal_line(to, line, &words, named);
		else if (!named)
			text_add(to, line, length);
	}
	if (change->edit != EDIT_APPEND)
		return;
	if (to->length > 0 && to->bytes[to->length - 1] != '\n')
		text_add(to, "\n", 1);
	text_add(to, change->line, strlen(change->line));
}

static bool edit_file(const char *path, const struct change *change, struct error *err)
{
	CLEANUP(text_release) struct text from = {0}, to = {0};
	struct stat about = {0};

	if (!read_file(path, &from, &about, err))
		return false;
	/* A state that becomes "open-only" is longer by three, on at most KEYRING_KEYS_MAX lines. */
	if (!text_make(from.length + LINE_MAX_SIZE + (size_t)KEYRING_KEYS_MAX * 4, &to))
		return cannot(path, err);
	edit_lines(&from, change, &to);
	return replace_file(path, &to, &about, err);
}

/* ---- The life of a key ---- */

struct new_key {
	unsigned char public_key[crypto_box_PUBLICKEYBYTES], secret_key[crypto_box_SECRETKEYBYTES];
	char kid[KEY_ID_HEX];
	char base64[64];
	char line[LINE_MAX_SIZE];
};

static void free_key(struct new_key **key)
{
	sodium_free(*key);
}

static void make_key(struct new_key *key)
{
	unsigned char id[KEY_ID_SIZE];

	crypto_box_keypair(key->public_key, key->secret_key);
	key_id_of(key->public_key, sizeof(key->public_key), id);
	sodium_bin2hex(key->kid, sizeof(key->kid), id, sizeof(id));
}

static const char *line_of(struct new_key *key, const char *keyword, const unsigned char bytes[32], const char *state)
{
	sodium_bin2base64(key->base64, sizeof(key->base64), bytes, 32, sodium_base64_VARIANT_ORIGINAL);
	snprintf(key->line, sizeof(key->line), "%s %s %s%s\n", keyword, key->kid, key->base64, state);
	return key->line;
}

bool keyring_add_key(const struct keyring_paths *paths, char ret_kid[17], struct error *err)
{
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;
	CLEANUP(free_key) struct new_key *key = sodium_malloc(sizeof(*key));
	CLEANUP(close_fd) int lock = -1;
	struct change change = {.edit = EDIT_APPEND};

	if (!key)
		return error_set(err, ERR_CONFIG_INVALID, "There is no protected memory for the keys.");
	if (!lock_folder_of(paths->public_keys, &lock, err) ||
	    !keyring_load(paths, KEYRING_PUBLIC | KEYRING_PRIVATE, &keyring, err))
		return false;
	if (keyring->seal_key_count == KEYRING_KEYS_MAX) {
		error_set(err, ERR_CONFLICT, "There are %d keys, and no place for another.", KEYRING_KEYS_MAX);
		return error_remedy(err, "Retire those that no stored token needs: 'acp-gitlab keys status'.");
	}
	make_key(key);
	/* The opening key first: where the public one is, what is sealed to it can be opened. */
	change.line = line_of(key, "open", key->secret_key, "");
	if (!edit_file(paths->private_keys, &change, err))
		return false;
	change.line = line_of(key, "seal", key->public_key, " open-only");
	if (!edit_file(paths->public_keys, &change, err))
		return false;
	memcpy(ret_kid, key->kid, KEY_ID_HEX);
	return true;
}

static bool unknown_key(const char *kid, struct error *err)
{
	error_set(err, ERR_NOT_FOUND, "There is no key %.20s.", kid);
	return error_remedy(err, "'acp-gitlab keys status' lists the keys.");
}

static const struct seal_key *find_key(const struct keyring *keyring, const char *kid)
{
	for (size_t i = 0; i < keyring->seal_key_count; i++)
		if (strcmp(keyring->seal_keys[i].id_hex, kid) == 0)
			return &keyring->seal_keys[i];
	return NULL;
}

bool keyring_activate(const struct keyring_paths *paths, const char *kid, struct error *err)
{
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;
	CLEANUP(close_fd) int lock = -1;
	const struct change change = {.edit = EDIT_ACTIVATE, .keyword = "seal", .kid = kid};
	const struct seal_key *key;

	if (!lock_folder_of(paths->public_keys, &lock, err) ||
	    !keyring_load(paths, KEYRING_PUBLIC | KEYRING_PRIVATE, &keyring, err))
		return false;
	key = find_key(keyring, kid);
	if (!key || !key->listed)
		return unknown_key(kid, err);
	if (!key->can_open)
		return error_set(err, ERR_CONFIG_INVALID, "The private keys lack the key %s: what is sealed to it would not open.",
		                 kid);
	return key->active || edit_file(paths->public_keys, &change, err);
}

bool keyring_retire(const struct keyring_paths *paths, const char *kid, struct error *err)
{
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;
	CLEANUP(close_fd) int lock = -1;
	const struct change listed = {.edit = EDIT_DROP, .keyword = "seal", .kid = kid};
	const struct change secret = {.edit = EDIT_DROP, .keyword = "open", .kid = kid};
	const struct seal_key *key;

	if (!lock_folder_of(paths->public_keys, &lock, err) ||
	    !keyring_load(paths, KEYRING_PUBLIC | KEYRING_PRIVATE, &keyring, err))
		return false;
	key = find_key(keyring, kid);
	if (!key)
		return unknown_key(kid, err);
	if (key->active) {
		error_set(err, ERR_CONFLICT, "The key %s is the active one.", kid);
		return error_remedy(err, "Run 'acp-gitlab keys rotate' first.");
	}
	return (!key->listed || edit_file(paths->public_keys, &listed, err)) &&
	       (!key->can_open || edit_file(paths->private_keys, &secret, err));
}
