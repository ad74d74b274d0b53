#include "identity.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "encoding.h"
#include "file.h"
#include "session.h"
#include "static_token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- Under a lock, so that two commands at once lose no line ---- */

static void unlock(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* A file beside the real one, because that one is replaced by every change. */
static bool lock(const char *path, int *ret_fd, struct error *err)
{
	CLEANUP(freep) char *lock_path = xasprintf("%s.lock", path);
	int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		error_set(err, ERR_CONFIG_INVALID, "%s cannot be written: %s.", path, strerror(errno));
		return error_remedy(err, "Create the folder, or set ACP_STATIC_TOKENS_FILE.");
	}
	while (flock(fd, LOCK_EX) != 0) {
		if (errno != EINTR) {
			close(fd);
			return error_set(err, ERR_CONFIG_INVALID, "%s cannot be locked.", lock_path);
		}
	}
	*ret_fd = fd;
	return true;
}

/* A file that is not there yet has no lines. */
static bool read_or_empty(const char *path, struct token_entries *ret, struct error *err)
{
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return true;
	return token_entries_read(path, ret, err);
}

static bool write_all(const char *path, const struct token_entries *entries, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_FILE_CONFIG);

	strbuf_add_string(&text,
	                  "# Bearer tokens: id, SHA-256 of the token, created, user, projects. Written by 'acp-gitlab token'.\n");
	for (size_t i = 0; i < entries->count; i++)
		token_entry_write(&text, &entries->items[i]);
	if (!strbuf_ok(&text))
		return error_set(err, ERR_CONFIG_INVALID, "%s would hold too many tokens.", path);
	return file_write_atomically(path, text.data, text.length, file_mode_in_folder(path, 0600, 0640), err);
}

/* ---- Add ---- */

static void make_bearer(struct secret *ret)
{
	enum { BEARER_BYTES = 32 };
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(64);
	unsigned char bytes[BEARER_BYTES];

	random_bytes(bytes, sizeof(bytes));
	strbuf_add_string(&text, "acp_");
	encode_base64url(&text, bytes, sizeof(bytes));
	secret_set(ret, text.data, text.length);
	wipe(bytes, sizeof(bytes));
}

static void make_id(char ret_id[TOKEN_ID_SIZE])
{
	unsigned char bytes[(TOKEN_ID_SIZE - 1) / 2];

	random_bytes(bytes, sizeof(bytes));
	sodium_bin2hex(ret_id, TOKEN_ID_SIZE, bytes, sizeof(bytes));
}

static bool join_projects(const char *const *projects, size_t count, char **ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf joined = STRBUF_INIT(LIMIT_BODY_AUTH);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(projects[i], "*") != 0 && !project_name_is_valid(projects[i]))
			return error_set(err, ERR_FIELD_INVALID,
			                 "'%.100s' is not the name of a project (lower-case letters, digits, '-').", projects[i]);
		strbuf_addf(&joined, "%s%s", i > 0 ? "," : "", projects[i]);
	}
	if (!strbuf_ok(&joined))
		return error_set(err, ERR_FIELD_INVALID, "These are too many projects.");
	*ret = strbuf_detach(&joined);
	return true;
}

static bool user_is_valid(const char *user)
{
	size_t length = strlen(user);

	if (length == 0 || length > LIMIT_USER_ID_MAX || !is_utf8(user, length))
		return false;
	for (const char *c = user; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	return true;
}

bool static_tokens_add(const char *path, const char *user, const char *const *projects, size_t project_count,
                       struct secret *ret_bearer, char ret_id[17], struct error *err)
{
	CLEANUP(token_entries_release) struct token_entries entries = TOKEN_ENTRIES_INIT;
	CLEANUP(secret_release) struct secret bearer = SECRET_INIT;
	CLEANUP(unlock) int lock_fd = -1;
	struct token_entry *entry;
	char created[CLOCK_TEXT_SIZE];
	char *joined = NULL;

	if (!user_is_valid(user))
		return error_set(err, ERR_FIELD_INVALID, "The user must be 1 to %d bytes of text.", LIMIT_USER_ID_MAX);
	if (!lock(path, &lock_fd, err) || !read_or_empty(path, &entries, err) ||
	    !join_projects(projects, project_count, &joined, err))
		return false;
	make_bearer(&bearer);
	entries.items = xrealloc(entries.items, (entries.count + 1) * sizeof(*entries.items));
	entry = &entries.items[entries.count++];
	make_id(entry->id);
	crypto_hash_sha256(entry->hash, (const unsigned char *)secret_bytes(&bearer), bearer.length);
	clock_format(clock_now_s(), created);
	entry->created = xstrdup(created);
	entry->user = xstrdup(user);
	entry->projects = joined;
	if (!write_all(path, &entries, err))
		return false;
	memcpy(ret_id, entry->id, TOKEN_ID_SIZE);
	secret_copy(ret_bearer, &bearer);
	return true;
}

/* ---- Remove and list ---- */

bool static_tokens_remove(const char *path, const char *id, struct error *err)
{
	CLEANUP(token_entries_release) struct token_entries entries = TOKEN_ENTRIES_INIT;
	CLEANUP(unlock) int lock_fd = -1;

	if (!lock(path, &lock_fd, err) || !read_or_empty(path, &entries, err))
		return false;
	for (size_t i = 0; i < entries.count; i++) {
		if (strcmp(entries.items[i].id, id) == 0) {
			struct token_entry removed = entries.items[i];
			bool written;

			memmove(&entries.items[i], &entries.items[i + 1], (entries.count - i - 1) * sizeof(removed));
			entries.items[entries.count - 1] = removed;
			entries.count--;
			written = write_all(path, &entries, err);
			entries.count++; /* released with the others */
			return written;
		}
	}
	error_set(err, ERR_NOT_FOUND, "There is no token with the id %.40s.", id);
	return error_remedy(err, "See 'acp-gitlab token list'.");
}

bool static_tokens_list(const char *path, struct static_token_line **ret, size_t *ret_count, struct error *err)
{
	CLEANUP(token_entries_release) struct token_entries entries = TOKEN_ENTRIES_INIT;
	struct static_token_line *lines;

	if (!read_or_empty(path, &entries, err))
		return false;
	lines = xcalloc(entries.count + 1, sizeof(*lines));
	for (size_t i = 0; i < entries.count; i++) {
		lines[i].id = xstrdup(entries.items[i].id);
		lines[i].user = TAKE(entries.items[i].user);
		lines[i].projects = TAKE(entries.items[i].projects);
		lines[i].created = TAKE(entries.items[i].created);
	}
	*ret = lines;
	*ret_count = entries.count;
	return true;
}

void static_token_lines_free(struct static_token_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(lines[i].id);
		free(lines[i].user);
		free(lines[i].projects);
		free(lines[i].created);
	}
	free(lines);
}
