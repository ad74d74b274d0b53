#include "session_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"

enum { LOOK_EVERY_MS = 20, TELL_EVERY_MS = 500 };

static struct flock whole_file(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

static bool failed(const char *path, struct error *err)
{
	int code = errno;

	error_set(err, ERR_WORKSPACE_FAILED, "The session's workspace cannot be locked.");
	return error_detail(err, "%s: %s", path, strerror(code));
}

/* A file that was removed while we waited for it excludes nobody. */
static bool is_still_there(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && lstat(path, &named) == 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

/* *ret_fd -1: another process holds it, or removed the file meanwhile. */
static bool try_once(const char *path, int *ret_fd, struct error *err)
{
	struct flock lock = whole_file();
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return failed(path, err);
	bool locked = fcntl(fd, F_SETLK, &lock) == 0;
	if (!locked && errno != EAGAIN && errno != EACCES) {
		failed(path, err);
		close(fd);
		return false;
	}
	if (locked && is_still_there(fd, path)) {
		*ret_fd = fd;
		return true;
	}
	close(fd);
	*ret_fd = -1;
	return true;
}

/* The holder's id as this process sees it; 0: none, or one of another PID namespace. */
static pid_t holder_of(const char *path)
{
	struct flock lock = whole_file();
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	bool held = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

	if (fd >= 0)
		close(fd);
	return held && lock.l_pid > 0 ? lock.l_pid : 0;
}

/* Asked twice, so that no other process is meant that was given the number in between. SIGHUP waits until SIGCONT woke it. */
static void tell_holder(const char *path)
{
	pid_t holder = holder_of(path);
	int process = holder ? (int)syscall(SYS_pidfd_open, holder, 0) : -1;

	if (process >= 0 && holder_of(path) == holder) {
		syscall(SYS_pidfd_send_signal, process, SIGHUP, NULL, 0);
		syscall(SYS_pidfd_send_signal, process, SIGCONT, NULL, 0);
	}
	if (process >= 0)
		close(process);
}

bool session_lock_take(const struct workspace *workspace, int64_t wait_ms, struct session_lock *ret, struct error *err)
{
	CLEANUP(freep) char *path = xasprintf("%s.lock", workspace->path);
	int64_t deadline = clock_monotonic_ms() + wait_ms, tell_at = 0;

	if (!workspace_open_root(workspace->root, err))
		return false;
	workspace_take_back(path, S_IRUSR | S_IWUSR);
	for (;;) {
		int64_t now = clock_monotonic_ms();
		int fd = -1;
		if (!try_once(path, &fd, err))
			return false;
		if (fd >= 0) {
			*ret = (struct session_lock){.fd = fd, .path = TAKE(path)};
			return true;
		}
		if (now >= deadline)
			return error_set(err, ERR_SESSION_LOST, "Another process on this machine still holds the session.");
		if (now >= tell_at) {
			tell_holder(path);
			tell_at = now + TELL_EVERY_MS;
		}
		poll(NULL, 0, LOOK_EVERY_MS);
	}
}

void session_lock_release(struct session_lock *lock)
{
	if (lock->fd >= 0)
		close(lock->fd);
	free(lock->path);
	*lock = (struct session_lock)SESSION_LOCK_INIT;
}

void session_lock_remove(struct session_lock *lock)
{
	if (lock->fd >= 0)
		unlink(lock->path); /* while it is held: who waits for it sees that it is gone, and makes another */
	session_lock_release(lock);
}
