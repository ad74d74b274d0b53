#include "mirror_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "file.h"
#include "processes.h"
#include "record_key.h"
#include "sandbox.h"

enum { LOCK_LOOK_MS = 20, FOLDER_MODE = 0700, ABI_TRUNCATE = 3 };

bool mirror_can_be_shared(void)
{
	return sandbox_abi() >= ABI_TRUNCATE;
}

bool mirror_failed(const char *what, const char *path, struct error *err)
{
	int code = errno;

	error_set(err, ERR_WORKSPACE_FAILED, "The shared copy of the repository cannot be %s.", what);
	return error_detail(err, "%s: %s", path, strerror(code));
}

int mirror_lock(const char *folder, const char *name, int64_t wait_ms, int interrupt_fd)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
	int64_t deadline = clock_monotonic_ms() + wait_ms;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		bool wait = (errno == EWOULDBLOCK || errno == EINTR) && clock_monotonic_ms() < deadline;
		if (wait && interrupt_sleep(interrupt_fd, LOCK_LOOK_MS))
			continue;
		close(fd);
		return -1;
	}
	return fd;
}

char *mirror_path(const char *folder, int64_t generation, const char *what)
{
	return xasprintf("%s/%lld/%s", folder, (long long)generation, what);
}

int64_t mirror_generation_of(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length < 16 && name[0] != '0' && strspn(name, "0123456789") == length ? strtoll(name, NULL, 10) : 0;
}

void mirror_state_read(const char *folder, struct mirror_state *ret)
{
	CLEANUP(freep) char *path = xasprintf("%s/current", folder);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_LOG_LINE);
	json_t *object = file_read(path, &text, NULL) ? json_parse_answer(text.data, text.length) : NULL;
	const char *tip = json_string_or(object, "tip", "");

	*ret = (struct mirror_state){0};
	if (!json_bool_or(object, "publishing", true) && strlen(tip) == COMMIT_SIZE - 1) {
		ret->generation = json_int_or(object, "generation", 0);
		memcpy(ret->tip, tip, COMMIT_SIZE);
	}
	json_decref(object);
}

bool mirror_state_write(const char *folder, const struct mirror_state *state, bool publishing, struct error *err)
{
	CLEANUP(freep) char *path = xasprintf("%s/current", folder);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_LOG_LINE);

	strbuf_addf(&text, "{\"generation\": %lld, \"tip\": \"%s\", \"publishing\": %s}\n", (long long)state->generation,
	            state->tip, publishing ? "true" : "false");
	if (strbuf_ok(&text) && file_write_atomically(path, text.data, text.length, 0600, err))
		return true;
	return mirror_failed("written", path, err);
}

static bool make_folder(const char *path, struct error *err)
{
	return mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST || mirror_failed("made", path, err);
}

bool mirror_open(const struct mirror_use *use, struct mirror *ret, struct error *err)
{
	char key[RECORD_KEY_SIZE];

	record_key_make(provider_name(use->provider), "", use->instance, key);
	CLEANUP(freep) char *instance = xasprintf("%s/%s", use->root, key);
	CLEANUP(freep) char *folder = xasprintf("%s/%lld", instance, (long long)use->project_id);
	if (!make_folder(use->root, err) || !make_folder(instance, err) || !make_folder(folder, err))
		return false;
	*ret = (struct mirror)MIRROR_INIT;
	ret->folder = TAKE(folder);
	ret->borrower = xasprintf("%s+%s", use->session_id, use->repository);
	ret->workspaces = xstrdup(use->workspaces);
	return true;
}

static void forget(struct mirror *m)
{
	free(m->objects);
	m->objects = NULL;
	m->generation = 0;
	m->tip[0] = '\0';
	m->packs = 0;
}

void mirror_release(struct mirror *m)
{
	forget(m);
	if (m->building >= 0)
		close(m->building);
	free(m->folder);
	free(m->borrower);
	free(m->workspaces);
	*m = (struct mirror)MIRROR_INIT;
}

void mirror_return(struct mirror *m)
{
	if (m->generation) {
		CLEANUP(freep) char *folder = mirror_path(m->folder, m->generation, "borrowers");
		CLEANUP(freep) char *path = xasprintf("%s/%s", folder, m->borrower);
		unlink(path);
	}
	forget(m);
}

/*
 * Counts the packs, and makes all readable for us again: an agent under our own id cannot write here, but no kernel keeps it from
 * chmod(2).
 */
static bool look_into(const char *objects, size_t *ret_packs)
{
	CLEANUP(freep) char *packs = xasprintf("%s/pack", objects);
	bool ok = chmod(objects, FOLDER_MODE) == 0 && chmod(packs, FOLDER_MODE) == 0;
	DIR *folder = ok ? opendir(packs) : NULL;
	size_t count = 0;

	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		const char *end = strrchr(entry->d_name, '.');
		if (entry->d_name[0] == '.' || !end)
			continue;
		ok &= fchmodat(dirfd(folder), entry->d_name, 0444, 0) == 0;
		count += strcmp(end, ".pack") == 0;
	}
	if (folder)
		closedir(folder);
	*ret_packs = count;
	return ok && folder != NULL;
}

bool mirror_take(struct mirror *m, const struct mirror_state *state, struct error *err)
{
	CLEANUP(freep) char *borrowers = mirror_path(m->folder, state->generation, "borrowers");
	CLEANUP(freep) char *entry = xasprintf("%s/%s", borrowers, m->borrower);
	CLEANUP(freep) char *objects = mirror_path(m->folder, state->generation, "objects");
	size_t packs;
	int fd = open(entry, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return mirror_failed("borrowed", entry, err);
	close(fd);
	if (!look_into(objects, &packs))
		return mirror_failed("read", objects, err);
	if (m->generation != state->generation)
		mirror_return(m);
	forget(m);
	m->generation = state->generation;
	m->objects = TAKE(objects);
	m->packs = packs;
	memcpy(m->tip, state->tip, COMMIT_SIZE);
	return true;
}

bool mirror_borrow(struct mirror *m, struct error *err)
{
	struct error unusable = ERROR_INIT; /* one that is named and not there: removed by hand */
	struct mirror_state state;
	int lock = mirror_lock(m->folder, "lock", MIRROR_LOCK_MS, -1);

	if (lock < 0)
		return mirror_failed("locked", m->folder, err);
	futimens(lock, NULL); /* when it was last used */
	mirror_state_read(m->folder, &state);
	if (state.generation == 0 || !mirror_take(m, &state, &unusable))
		mirror_return(m);
	close(lock);
	return true;
}

bool mirror_start_building(struct mirror *m, int64_t wait_ms, int interrupt_fd, bool *ret_ready, struct error *err)
{
	bool waited = m->building < 0;

	if (waited)
		m->building = mirror_lock(m->folder, "building", wait_ms, interrupt_fd);
	if (m->building < 0 && interrupt_pending(interrupt_fd))
		return error_set(err, ERR_SESSION_LOST, "The session was interrupted.");
	/* Whoever had the lock has built it. */
	if (waited && m->building >= 0 && !mirror_borrow(m, err))
		return false;
	if (m->generation != 0 && m->building >= 0) {
		close(m->building);
		m->building = -1;
	}
	*ret_ready = m->building >= 0 || m->generation != 0;
	return true;
}
