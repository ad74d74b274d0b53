#include "usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "processes.h"

enum { EVERY_MS = 1000, REST_FACTOR = 5, BLOCK = 512, ENTRY_MIN = 4096, MIB_SHIFT = 20 };

/* A file with several names is counted in parts, so that it counts once. */
static int64_t size_of(const struct stat *info)
{
	int64_t bytes = (int64_t)info->st_blocks * BLOCK;

	if (bytes < ENTRY_MIN)
		bytes = ENTRY_MIN;
	return S_ISDIR(info->st_mode) || info->st_nlink < 2 ? bytes : bytes / (int64_t)info->st_nlink;
}

/* A folder that was closed to its owner would hide what lies in it. Once: who closes it again is counted without it. */
static bool open_closed(FTS *tree, FTSENT *entry)
{
	return entry->fts_number++ == 0 && fchmodat(AT_FDCWD, entry->fts_accpath, 0700, 0) == 0 &&
	       fts_set(tree, entry, FTS_AGAIN) == 0;
}

int64_t usage_of_folder(const char *path, int64_t stop_above)
{
	char *const paths[] = {(char *)(uintptr_t)path, NULL};
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_XDEV, NULL); /* goes down by chdir: no path is too long for it */
	int64_t sum = 0;

	for (FTSENT *entry; tree && sum <= stop_above && (entry = fts_read(tree));) {
		if (entry->fts_info == FTS_DNR && open_closed(tree, entry))
			continue;
		if (entry->fts_info != FTS_DP && entry->fts_info != FTS_NS && entry->fts_info != FTS_ERR)
			sum += size_of(entry->fts_statp);
	}
	if (tree)
		fts_close(tree);
	return sum;
}

/* "size resident shared …" in pages. */
static int64_t pages_of(int proc, const char *pid)
{
	char path[32], text[256], *resident, *shared, *end;

	if (snprintf(path, sizeof(path), "%.20s/statm", pid) >= (int)sizeof(path))
		return 0;
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	(void)strtoll(text, &resident, 10);
	long long resident_pages = strtoll(resident, &shared, 10), shared_pages = strtoll(shared, &end, 10);
	return end != shared ? resident_pages - shared_pages : 0;
}

int64_t usage_of_memory(void)
{
	DIR *proc = opendir("/proc");
	int64_t pages = 0;

	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		long pid = strtol(entry->d_name, NULL, 10);
		if (pid > 1 && pid != getpid())
			pages += pages_of(dirfd(proc), entry->d_name);
	}
	if (proc)
		closedir(proc);
	return pages * sysconf(_SC_PAGESIZE);
}

static NORETURN void measure(const struct usage_limits *limits, pid_t parent)
{
	int64_t folder_max = limits->folder_mib << MIB_SHIFT, memory_max = limits->memory_mib << MIB_SHIFT;

	process_begin_child(parent, NULL, 0); /* with the session's own priority: behind the agent it could be starved */
	/* Only in a namespace of its own does /proc show this session and no other. */
	if (parent == 1 && memory_max > 0 && usage_of_memory() > memory_max)
		_exit(USAGE_MEMORY_TOO_LARGE);
	if (folder_max > 0 && usage_of_folder(limits->folder, folder_max) > folder_max)
		_exit(USAGE_FOLDER_TOO_LARGE);
	_exit(USAGE_FINE);
}

static void begin(struct usage_watch *watch, int64_t now)
{
	pid_t parent = getpid();

	watch->begun_at_ms = now;
	watch->next_at_ms = now + EVERY_MS;
	if (watch->wanted_since_ms == 0)
		watch->wanted_since_ms = now;
	pid_t child = fork();
	if (child == 0)
		measure(&watch->limits, parent);
	watch->child = child > 0 ? child : 0;
}

static enum usage_verdict conclude(struct usage_watch *watch, int status, int64_t now)
{
	int64_t took = now - watch->begun_at_ms;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : USAGE_NOT_MEASURED;

	watch->child = 0;
	watch->wanted_since_ms = 0;
	watch->next_at_ms = now + (took * REST_FACTOR > EVERY_MS ? took * REST_FACTOR : EVERY_MS);
	return code >= USAGE_FOLDER_TOO_LARGE && code <= USAGE_NOT_MEASURED ? (enum usage_verdict)code : USAGE_FINE;
}

enum usage_verdict usage_look(struct usage_watch *watch)
{
	int64_t now = clock_monotonic_ms();
	int status;

	if (watch->child && waitpid(watch->child, &status, WNOHANG | WUNTRACED) == watch->child)
		return WIFSTOPPED(status) ? USAGE_NOT_MEASURED : conclude(watch, status, now);
	if (!watch->child && now >= watch->next_at_ms && (watch->limits.folder_mib || watch->limits.memory_mib))
		begin(watch, now);
	return watch->wanted_since_ms != 0 && now - watch->wanted_since_ms > USAGE_MEASURED_WITHIN_MS ? USAGE_NOT_MEASURED
	                                                                                              : USAGE_FINE;
}

void usage_stop(struct usage_watch *watch)
{
	if (watch->child) {
		kill(watch->child, SIGKILL);
		while (waitpid(watch->child, NULL, 0) < 0 && errno == EINTR)
			;
		watch->child = 0;
	}
	watch->wanted_since_ms = 0;
}
