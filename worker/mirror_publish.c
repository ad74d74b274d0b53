/*
 * mirror_publish — how received objects get into a mirror: in a folder of their own first, then, under the lock, by renames.
 */
#include "mirror_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "encoding.h"
#include "file.h"
#include "workspace.h"

bool mirror_incoming_open(const struct mirror *m, struct mirror_incoming *ret, struct error *err)
{
	char id[37];

	make_uuid(id);
	CLEANUP(freep) char *path = xasprintf("%s/incoming-%s", m->folder, id);
	/* Under the lock, for else it could be taken for a dead session's before it is locked itself. */
	int lock = mirror_lock(m->folder, "lock", MIRROR_LOCK_MS, -1);
	if (lock < 0)
		return mirror_failed("locked", m->folder, err);
	bool ok = mkdir(path, 0700) == 0 || mirror_failed("received", path, err);
	if (ok) {
		*ret = (struct mirror_incoming){.path = xstrdup(path), .lock = mirror_lock(path, "owner", 0, -1)};
		ok = ret->lock >= 0 || mirror_failed("received", path, err);
	}
	close(lock);
	return ok;
}

void mirror_incoming_release(struct mirror_incoming *in)
{
	if (in->path && !remove_tree(in->path, NULL))
		in->path[0] = '\0'; /* left for mirror_tidy */
	if (in->lock >= 0)
		close(in->lock);
	free(in->path);
	*in = (struct mirror_incoming)MIRROR_INCOMING_INIT;
}

/* "pack-<40 hex digits>.<extension>" */
static bool is_pack_file(const char *name, const char *extension)
{
	enum { STEM = 5 + 40 };

	return strncmp(name, "pack-", 5) == 0 && strspn(name + 5, "0123456789abcdef") == 40 && strcmp(name + STEM, extension) == 0;
}

static bool move_kind(const char *from, const char *to, const char *extension, struct error *err)
{
	DIR *folder = opendir(from);
	int target = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = folder && target >= 0;

	for (struct dirent *entry; ok && (entry = readdir(folder));)
		if (is_pack_file(entry->d_name, extension))
			/* The same name is the same pack. */
			ok = renameat2(dirfd(folder), entry->d_name, target, entry->d_name, RENAME_NOREPLACE) == 0 ||
			     errno == EEXIST;
	if (!ok)
		mirror_failed("written", to, err);
	if (folder)
		closedir(folder);
	if (target >= 0)
		close(target);
	return ok;
}

/* An index last: git finds a pack by it. */
static bool move_packs(const struct mirror *m, const struct mirror_incoming *in, struct error *err)
{
	CLEANUP(freep) char *from = xasprintf("%s/" MIRROR_INCOMING_GIT "/objects/pack", in->path);
	CLEANUP(freep) char *to = xasprintf("%s/pack", m->objects);
	CLEANUP(freep) char *entry = xasprintf("%s/any", to);

	return move_kind(from, to, ".pack", err) && move_kind(from, to, ".rev", err) && move_kind(from, to, ".idx", err) &&
	       (file_sync_folder_of(entry) || mirror_failed("written", to, err));
}

static int64_t newest_generation(const char *path)
{
	DIR *folder = opendir(path);
	int64_t newest = 0;

	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		int64_t one = mirror_generation_of(entry->d_name);
		newest = one > newest ? one : newest;
	}
	if (folder)
		closedir(folder);
	return newest;
}

static bool add_generation(struct mirror *m, const struct mirror_incoming *in, const char *tip, struct error *err)
{
	struct mirror_state state = {.generation = newest_generation(m->folder) + 1};
	CLEANUP(freep) char *folder = xasprintf("%s/%lld", m->folder, (long long)state.generation);
	CLEANUP(freep) char *borrowers = xasprintf("%s/borrowers", folder);
	CLEANUP(freep) char *objects = xasprintf("%s/objects", folder);
	CLEANUP(freep) char *received = xasprintf("%s/" MIRROR_INCOMING_GIT "/objects", in->path);

	snprintf(state.tip, sizeof(state.tip), "%s", tip);
	if (mkdir(folder, 0700) != 0 || mkdir(borrowers, 0700) != 0 || rename(received, objects) != 0 ||
	    !file_sync_folder_of(objects) || !file_sync_folder_of(folder))
		return mirror_failed("written", folder, err);
	return mirror_state_write(m->folder, &state, false, err) && mirror_take(m, &state, err);
}

static bool add_packs(struct mirror *m, const struct mirror_incoming *in, const char *tip, struct error *err)
{
	struct mirror_state state = {.generation = m->generation};

	snprintf(state.tip, sizeof(state.tip), "%s", tip);
	return mirror_state_write(m->folder, &state, true, err) && move_packs(m, in, err) &&
	       mirror_state_write(m->folder, &state, false, err) && mirror_take(m, &state, err);
}

bool mirror_publish(struct mirror *m, const struct mirror_incoming *in, const char *tip, bool fresh, bool *ret_overtaken,
                    struct error *err)
{
	struct mirror_state state;
	bool overtaken = false, ok = true;
	int lock = mirror_lock(m->folder, "lock", MIRROR_LOCK_MS, -1);

	if (lock < 0)
		return mirror_failed("locked", m->folder, err);
	mirror_state_read(m->folder, &state);
	bool unchanged = state.generation == m->generation && strcmp(state.tip, m->tip) == 0;
	if (state.generation != 0 && strcmp(state.tip, tip) == 0 && (!fresh || !unchanged))
		ok = mirror_take(m, &state, err); /* it has all that came; perhaps another session brought the same */
	else if (!unchanged)
		overtaken = true;
	else if (fresh)
		ok = add_generation(m, in, tip, err);
	else
		ok = add_packs(m, in, tip, err);
	close(lock);
	if (ok)
		*ret_overtaken = overtaken;
	return ok;
}
