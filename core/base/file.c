#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

static void close_file(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static bool read_failed(const char *path, struct error *err)
{
	int why = errno;
	error_set(err, ERR_CONFIG_INVALID, "The file %s cannot be read%s.", path,
	          why == ENOENT   ? ": it does not exist"
	          : why == EACCES ? ": this user has no permission"
	                          : "");
	errno = why;
	return error_detail(err, "%m");
}

bool file_read_all(int fd, struct strbuf *to)
{
	char block[4096];
	bool ok = false;
	for (;;) {
		ssize_t got = read(fd, block, sizeof(block));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		if (got == 0) {
			ok = true;
			break;
		}
		strbuf_add(to, block, (size_t)got);
		if (!strbuf_ok(to)) {
			errno = 0;
			break;
		}
	}
	int why = errno;
	wipe(block, sizeof(block)); /* key and token files pass through here */
	errno = why;
	return ok;
}

bool file_read(const char *path, struct strbuf *to, struct error *err)
{
	/* O_NONBLOCK: opening a pipe by mistake must not hang the start. */
	CLEANUP(close_file) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat about;
	if (fd < 0 || fstat(fd, &about) != 0)
		return read_failed(path, err);
	if (!S_ISREG(about.st_mode))
		return error_set(err, ERR_CONFIG_INVALID, "%s is not a regular file.", path);
	if (file_read_all(fd, to))
		return true;
	if (errno)
		return read_failed(path, err);
	return error_set(err, ERR_CONFIG_INVALID, "The file %s is larger than %zu bytes.", path, to->limit);
}

bool file_write_all(int fd, const void *bytes, size_t length)
{
	const char *next = bytes;

	while (length > 0) {
		ssize_t written = write(fd, next, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		next += written;
		length -= (size_t)written;
	}
	return true;
}

/* O_EXCL after unlink: the file has our mode from its first instant and is not behind somebody's link. */
static bool write_new(const char *path, const void *bytes, size_t length, unsigned mode)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return false;
	CLEANUP(close_file) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
	return fd >= 0 && fchmod(fd, (mode_t)mode) == 0 && file_write_all(fd, bytes, length) && fdatasync(fd) == 0;
}

unsigned file_mode_in_folder(const char *path, unsigned own, unsigned shared)
{
	CLEANUP(freep) char *copy = xstrdup(path);
	struct stat about;

	return stat(dirname(copy), &about) == 0 && about.st_mode & S_ISGID ? shared : own;
}

bool file_sync_folder_of(const char *path)
{
	CLEANUP(freep) char *copy = xstrdup(path);
	CLEANUP(close_file) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fsync(fd) == 0;
}

bool file_write_atomically(const char *path, const void *bytes, size_t length, unsigned mode, struct error *err)
{
	CLEANUP(freep) char *temporary = xasprintf("%s.tmp", path);
	if (write_new(temporary, bytes, length, mode) && rename(temporary, path) == 0 && file_sync_folder_of(path))
		return true;
	int why = errno;
	unlink(temporary);
	error_set(err, ERR_CONFIG_INVALID, "The file %s cannot be written.", path);
	errno = why;
	return error_detail(err, "%m");
}
