#include "anchor.h"

#include "alloc.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file as it is mapped. */
struct anchor_record {
	char magic[8];
	char installation[INSTALLATION_MAX + 1];
	_Atomic uint64_t change;
	char reserved[8];
};
_Static_assert(sizeof(struct anchor_record) == 64, "the anchor file has 64 bytes");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the change number is shared between processes and must not need a lock");

static const char magic[8] = {'A', 'C', 'P', 'A', 'N', 'C', 'H', '1'};

static bool failed(struct error *err, const char *what, int error_number)
{
	error_set(err, ERR_STORE_UNAVAILABLE, "The file beside the database cannot be used at the moment.");
	return error_detail(err, "anchor: %s: errno %d", what, error_number);
}

char *anchor_path(const char *database_path)
{
	return xasprintf("%s.anchor", database_path);
}

static bool map(int fd, struct anchor *anchor, struct error *err)
{
	struct stat about;
	struct anchor_record *record;

	if (fstat(fd, &about) != 0)
		return failed(err, "stat", errno);
	anchor->exists = true;
	anchor->identity = (struct file_identity){about.st_dev, about.st_ino};
	if (!S_ISREG(about.st_mode) || about.st_size != sizeof(*record))
		return true;
	record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (record == MAP_FAILED)
		return failed(err, "mmap", errno);
	if (memcmp(record->magic, magic, sizeof(magic)) != 0 || !memchr(record->installation, '\0', sizeof(record->installation)))
		munmap(record, sizeof(*record));
	else
		anchor->record = record;
	return true;
}

bool anchor_open(const char *path, struct anchor *ret, struct error *err)
{
	struct anchor anchor = ANCHOR_INIT;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool ok;

	if (fd < 0 && errno != ENOENT)
		return failed(err, "open", errno);
	if (fd >= 0) {
		ok = map(fd, &anchor, err);
		close(fd); /* the mapping stays */
		if (!ok)
			return false;
	}
	*ret = anchor;
	return true;
}

void anchor_close(struct anchor *anchor)
{
	if (anchor->record)
		munmap(anchor->record, sizeof(*anchor->record));
	*anchor = (struct anchor)ANCHOR_INIT;
}

uint64_t anchor_change(const struct anchor *anchor)
{
	return anchor && anchor->record ? atomic_load(&anchor->record->change) : 0;
}

const char *anchor_installation(const struct anchor *anchor)
{
	return anchor->record ? anchor->record->installation : "";
}

/*
 * The page belongs to the kernel, so that a crash of the process loses nothing. After a loss of power the anchor may be behind the
 * database, which is harmless and mended at the next open: waiting for the disk would only make every change slower.
 */
void anchor_raise(struct anchor *anchor, uint64_t change)
{
	uint64_t seen = atomic_load(&anchor->record->change);

	/* Commits of several processes come here in any order; the highest stays. */
	while (seen < change)
		if (atomic_compare_exchange_weak(&anchor->record->change, &seen, change))
			break;
}

bool anchor_create(const char *database_path, const char *installation, uint64_t change, bool replace, struct error *err)
{
	CLEANUP(freep) char *path = anchor_path(database_path);
	CLEANUP(freep) char *temporary = xasprintf("%s.XXXXXX", path);
	struct anchor_record record = {0};
	struct stat database;
	int fd = mkostemp(temporary, O_CLOEXEC), reason;
	bool ok;

	if (fd < 0)
		return failed(err, "create", errno);
	memcpy(record.magic, magic, sizeof(magic));
	snprintf(record.installation, sizeof(record.installation), "%s", installation);
	atomic_init(&record.change, change);
	ok = stat(database_path, &database) == 0 && fchmod(fd, database.st_mode & 0666) == 0 &&
	     write(fd, &record, sizeof(record)) == (ssize_t)sizeof(record) && fsync(fd) == 0;
	if (ok && replace)
		ok = rename(temporary, path) == 0;
	else if (ok)
		ok = link(temporary, path) == 0 || errno == EEXIST;
	reason = errno;
	close(fd);
	unlink(temporary);
	if (!ok || !file_sync_folder_of(path))
		return failed(err, "write", reason);
	return true;
}
