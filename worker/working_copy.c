#include "working_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Ignored files count, and a build leaves many; of a path longer than the kernel takes nothing could be committed. */
enum { ENTRIES_MAX = 4 * 1000 * 1000, DEPTH_MAX = 512 };

struct walk {
	unsigned long entries;
	struct error *err;
};

static bool unreadable(struct walk *w, const char *name)
{
	int code = errno;

	error_set(w->err, ERR_WORKSPACE_FAILED, "The files in the workspace cannot be listed.");
	return error_detail(w->err, "%s: %s", name, strerror(code));
}

/* Of a git that was killed, the agent's or an earlier worker's. No ref can be called so. */
static bool is_lock(const char *name)
{
	static const char suffix[] = ".lock";
	size_t length = strlen(name);

	return length >= sizeof(suffix) && strcmp(name + length - (sizeof(suffix) - 1), suffix) == 0;
}

static bool tame_folder(struct walk *w, int parent, const char *name, unsigned depth, bool inside_git);

static bool tame_entry(struct walk *w, int folder, const char *name, unsigned depth, bool inside_git)
{
	struct stat info;

	if (++w->entries > ENTRIES_MAX)
		return error_set(w->err, ERR_WORKSPACE_FAILED, "The workspace has more files than this service takes.");
	if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
		return unreadable(w, name);
	if (S_ISDIR(info.st_mode))
		return tame_folder(w, folder, name, depth + 1, inside_git || strcmp(name, ".git") == 0);
	if ((S_ISREG(info.st_mode) && !(inside_git && is_lock(name))) || (S_ISLNK(info.st_mode) && !inside_git))
		return true;
	return unlinkat(folder, name, 0) == 0 || unreadable(w, name);
}

/* Recursion is bounded by DEPTH_MAX, and so are its open folders. */
static bool tame_folder(struct walk *w, int parent, const char *name, unsigned depth, bool inside_git)
{
	if (depth > DEPTH_MAX)
		return error_set(w->err, ERR_WORKSPACE_FAILED, "The workspace has deeper folders than this service takes.");
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (!folder) {
		unreadable(w, name);
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool ok = true;
	for (struct dirent *entry; ok && (entry = readdir(folder));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			ok = tame_entry(w, dirfd(folder), entry->d_name, depth, inside_git);
	closedir(folder);
	return ok;
}

bool working_copy_tame(const char *path, struct error *err)
{
	struct walk walk = {.err = err};

	return tame_folder(&walk, AT_FDCWD, path, 0, false);
}
