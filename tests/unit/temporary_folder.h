#pragma once
/* temporary_folder — a folder of a test's own, removed with all that is in it. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_SIZE 256

struct temporary_folder {
	char path[64];
};

static inline void folder_make(struct temporary_folder *folder)
{
	snprintf(folder->path, sizeof(folder->path), "/tmp/acp-gitlab-test-XXXXXX");
	if (!mkdtemp(folder->path))
		abort();
}

static inline int folder_remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)about;
	(void)kind;
	(void)where;
	return remove(path);
}

static inline void folder_remove(struct temporary_folder *folder)
{
	nftw(folder->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline const char *folder_file(const struct temporary_folder *folder, const char *name, char ret_path[PATH_SIZE])
{
	snprintf(ret_path, PATH_SIZE, "%s/%s", folder->path, name);
	return ret_path;
}
