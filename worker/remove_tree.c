/*
 * remove_tree — without recursion: subfolders are moved up to the top until none is left, so that a tree of any depth needs two
 * descriptors.
 */
#include "workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Unlinks the files of the folder `name` and moves its subfolders up into `top` under fresh names. */
static bool flatten(int top, const char *name, uint64_t *fresh)
{
	fchmodat(top, name, 0700, 0); /* its owner may have closed it; O_NOFOLLOW below refuses a link */
	int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	DIR *folder = fdopendir(fd);
	bool ok = folder != NULL;
	if (!folder)
		close(fd);
	for (struct dirent *entry; ok && (entry = readdir(folder));) {
		if (is_dots(entry->d_name) || unlinkat(fd, entry->d_name, 0) == 0)
			continue;
		if (errno != EISDIR && errno != EPERM)
			ok = false;
		else if (unlinkat(fd, entry->d_name, AT_REMOVEDIR) != 0) {
			char moved[32];
			snprintf(moved, sizeof(moved), "+removed-%llu", (unsigned long long)++*fresh);
			fchmodat(fd, entry->d_name, 0700, 0); /* moving a folder rewrites its ".." */
			ok = renameat2(fd, entry->d_name, top, moved, RENAME_NOREPLACE) == 0 || errno == EEXIST;
		}
	}
	if (folder)
		closedir(folder);
	return ok;
}

/* One pass over the top; *ret_left counts what is still there. */
static bool sweep(int top, uint64_t *fresh, size_t *ret_left)
{
	int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	bool ok = folder != NULL;
	size_t left = 0;

	if (!folder && fd >= 0)
		close(fd);
	for (struct dirent *entry; ok && (entry = readdir(folder));) {
		if (is_dots(entry->d_name) || unlinkat(top, entry->d_name, 0) == 0)
			continue;
		if (unlinkat(top, entry->d_name, AT_REMOVEDIR) == 0)
			continue;
		left++;
		ok = flatten(top, entry->d_name, fresh);
	}
	if (folder)
		closedir(folder);
	*ret_left = left;
	return ok;
}

bool remove_tree(const char *path, struct error *err)
{
	uint64_t fresh = 0;
	size_t left = 1;
	int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (top < 0 && errno == ENOENT)
		return true;
	bool ok = top >= 0;
	while (ok && left > 0)
		ok = sweep(top, &fresh, &left);
	if (ok)
		ok = rmdir(path) == 0;
	int code = errno;
	if (top >= 0)
		close(top);
	if (ok)
		return true;
	error_set(err, ERR_WORKSPACE_FAILED, "The session's workspace cannot be removed.");
	return error_detail(err, "%s: %s", path, strerror(code));
}
