#include "identity.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "static_token_file.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LOOK_EVERY_MS = 1000 };

/* What tells one version of the file from another; a replaced file has another inode even within one tick of the clock. */
struct file_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct static_tokens {
	char *path;
	pthread_rwlock_t lock;        /* guards everything below; many requests look, a changed file is rare */
	struct token_entries entries; /* sorted by hash */
	struct file_stamp stamp;
	int64_t looked_at_ms;
	bool usable; /* false: the newest version could not be read, and nobody is let in on an old one */
};

static int compare_hashes(const void *a, const void *b)
{
	const struct token_entry *x = a, *y = b;

	return memcmp(x->hash, y->hash, sizeof(x->hash));
}

static bool stamp_of(const char *path, struct file_stamp *ret)
{
	struct stat about;

	if (stat(path, &about) != 0)
		return false;
	memset(ret, 0, sizeof(*ret)); /* padding too: stamps are compared as bytes */
	ret->device = about.st_dev;
	ret->inode = about.st_ino;
	ret->size = about.st_size;
	ret->modified = about.st_mtim;
	ret->changed = about.st_ctim;
	return true;
}

static bool load(struct static_tokens *tokens, const struct file_stamp *stamp, struct error *err)
{
	struct token_entries fresh = TOKEN_ENTRIES_INIT;

	tokens->usable = false;
	if (!token_entries_read(tokens->path, &fresh, err))
		return false;
	if (fresh.count > 0)
		qsort(fresh.items, fresh.count, sizeof(*fresh.items), compare_hashes);
	token_entries_release(&tokens->entries);
	tokens->entries = fresh;
	tokens->stamp = *stamp;
	tokens->usable = true;
	return true;
}

/* Under the lock. */
static bool is_fresh(const struct static_tokens *tokens)
{
	return tokens->usable && clock_monotonic_ms() - tokens->looked_at_ms < LOOK_EVERY_MS;
}

/* Under the lock, for writing. The stamp is taken before reading: a change in between is seen at the next look. */
static bool refresh(struct static_tokens *tokens, struct error *err)
{
	struct file_stamp stamp;

	tokens->looked_at_ms = clock_monotonic_ms();
	if (!stamp_of(tokens->path, &stamp)) {
		tokens->usable = false;
		return error_set(err, ERR_CONFIG_INVALID, "%s is missing.", tokens->path);
	}
	if (tokens->usable && memcmp(&stamp, &tokens->stamp, sizeof(stamp)) == 0)
		return true;
	return load(tokens, &stamp, err);
}

/* Under the lock. The search compares hashes of 256 random bits, which tell a guesser nothing; the last word is in constant time.
 */
static const struct token_entry *find_hash(const struct static_tokens *tokens, const struct token_entry *wanted)
{
	const struct token_entry *found;

	if (tokens->entries.count == 0)
		return NULL;
	found = bsearch(wanted, tokens->entries.items, tokens->entries.count, sizeof(*wanted), compare_hashes);
	return found && sodium_memcmp(found->hash, wanted->hash, sizeof(wanted->hash)) == 0 ? found : NULL;
}

static void fill_caller(const struct token_entry *entry, struct caller *ret)
{
	CLEANUP(freep) char *copy = xstrdup(entry->projects);
	char *rest = copy, *project;

	ret->user_id = xstrdup(entry->user);
	if (copy[0] == '\0')
		return;
	while ((project = strsep(&rest, ",")) != NULL) {
		ret->projects = xrealloc(ret->projects, (ret->project_count + 1) * sizeof(*ret->projects));
		ret->projects[ret->project_count++] = xstrdup(project);
	}
}

static bool static_verify(void *state, const struct secret *bearer, struct caller *ret, struct error *err)
{
	struct static_tokens *tokens = state;
	const struct token_entry *entry = NULL;
	struct token_entry wanted;
	struct error reason = ERROR_INIT;
	bool usable;

	if (bearer->length == 0 || bearer->length > LIMIT_BEARER_MAX)
		return error_set(err, ERR_UNAUTHENTICATED, "The bearer token is missing or unknown.");
	crypto_hash_sha256(wanted.hash, (const unsigned char *)secret_bytes(bearer), bearer->length);
	pthread_rwlock_rdlock(&tokens->lock);
	usable = is_fresh(tokens);
	if (usable)
		entry = find_hash(tokens, &wanted);
	if (!entry) {
		/* Time to look at the file again, or a bearer that may have been added since the last look. */
		pthread_rwlock_unlock(&tokens->lock);
		pthread_rwlock_wrlock(&tokens->lock);
		usable = refresh(tokens, &reason);
		entry = usable ? find_hash(tokens, &wanted) : NULL;
	}
	if (entry)
		fill_caller(entry, ret);
	pthread_rwlock_unlock(&tokens->lock);
	if (!usable) {
		error_set(err, ERR_SERVICE_UNAVAILABLE, "Bearer tokens cannot be checked now.");
		return error_detail(err, "%s", reason.message);
	}
	return entry || error_set(err, ERR_UNAUTHENTICATED, "The bearer token is missing or unknown.");
}

static bool static_may_use_project(void *state UNUSED, const struct caller *caller, const char *project,
                                   const struct project_use *use UNUSED, struct error *err)
{
	for (size_t i = 0; i < caller->project_count; i++)
		if (strcmp(caller->projects[i], "*") == 0 || strcmp(caller->projects[i], project) == 0)
			return true;
	return error_set(err, ERR_FORBIDDEN, "You have no access to the project %.63s.", project);
}

bool static_tokens_open(const char *path, struct static_tokens **ret, struct error *err)
{
	CLEANUP(static_tokens_freep) struct static_tokens *tokens = xcalloc(1, sizeof(*tokens));

	pthread_rwlock_init(&tokens->lock, NULL);
	tokens->path = xstrdup(path);
	if (!refresh(tokens, err))
		return error_remedy(err, "Run 'acp-gitlab token add USER', or set ACP_STATIC_TOKENS_FILE.");
	*ret = TAKE(tokens);
	return true;
}

void static_tokens_freep(struct static_tokens **tokens)
{
	if (!*tokens)
		return;
	token_entries_release(&(*tokens)->entries);
	pthread_rwlock_destroy(&(*tokens)->lock);
	free((*tokens)->path);
	free(*tokens);
	*tokens = NULL;
}

struct identity static_tokens_identity(struct static_tokens *tokens)
{
	static const struct identity_ops ops = {.verify = static_verify, .may_use_project = static_may_use_project};

	return (struct identity){.ops = &ops, .state = tokens};
}
