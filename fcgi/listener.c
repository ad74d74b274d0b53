#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "alloc.h"

enum { SYSTEMD_FIRST_FD = 3 };

void listeners_release(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		close(listeners->fds[i]);
		if (listeners->paths[i])
			unlink(listeners->paths[i]);
		free(listeners->paths[i]);
	}
	*listeners = (struct listeners)LISTENERS_INIT;
}

static bool fill_address(const char *path, struct sockaddr_un *ret, struct error *err)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret->sun_path))
		return error_set(err, ERR_CONFIG_INVALID, "The socket path %s is longer than %zu bytes.", path,
		                 sizeof(ret->sun_path) - 1);
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return true;
}

/* Removes a socket that nobody serves any more. */
static bool clear_way(const struct sockaddr_un *address, struct error *err)
{
	struct stat st;
	int probe, result, problem;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ||
		       error_set(err, ERR_CONFIG_INVALID, "The socket %s cannot be made (error %d).", address->sun_path, errno);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERR_CONFIG_INVALID, "%s exists and is not a socket.", address->sun_path);
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	result = connect(probe, (const struct sockaddr *)address, sizeof(*address));
	problem = errno;
	close(probe);
	if (result == 0 || problem != ECONNREFUSED)
		return error_set(err, ERR_CONFIG_INVALID, "Another process serves the socket %s.", address->sun_path);
	return unlink(address->sun_path) == 0 ||
	       error_set(err, ERR_CONFIG_INVALID, "The old socket %s cannot be removed.", address->sun_path);
}

static bool give_to_group(const char *path, const char *group, struct error *err)
{
	const struct group *entry = group ? getgrnam(group) : NULL;

	if (group && !entry)
		return error_set(err, ERR_CONFIG_INVALID, "There is no group named %s.", group);
	if (entry && chown(path, (uid_t)-1, entry->gr_gid) != 0)
		return error_set(err, ERR_CONFIG_INVALID, "The socket %s cannot be given to the group %s.", path, group);
	return true;
}

bool listeners_add(struct listeners *listeners, const char *path, const char *group, struct error *err)
{
	struct sockaddr_un address;
	mode_t mask;
	int fd, bound;

	if (listeners->count == LISTENERS_MAX)
		return error_set(err, ERR_CONFIG_INVALID, "There are more than %d sockets.", LISTENERS_MAX);
	if (!fill_address(path, &address, err) || !clear_way(&address, err))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode has to be right from the first instant: nobody else may connect in between. */
	mask = umask(0117);
	bound = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (bound != 0) {
		error_set(err, ERR_CONFIG_INVALID, "The socket %s cannot be made (error %d).", path, errno);
		if (fd >= 0)
			close(fd);
		return false;
	}
	listeners->fds[listeners->count] = fd;
	listeners->paths[listeners->count++] = xstrdup(path);
	if (!give_to_group(path, group, err))
		return false;
	return listen(fd, LISTENER_BACKLOG) == 0 || error_set(err, ERR_CONFIG_INVALID, "The socket %s cannot listen.", path);
}

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t size = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

static bool adopt(struct listeners *listeners, int fd, struct error *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (listeners->count == LISTENERS_MAX || !is_listening(fd) || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return error_set(err, ERR_CONFIG_INVALID, "The inherited descriptor %d is not a usable listening socket.", fd);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	listeners->paths[listeners->count] = NULL;
	listeners->fds[listeners->count++] = fd;
	return true;
}

bool listeners_inherit(struct listeners *listeners, struct error *err)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");

	if (pid && count && strtol(pid, NULL, 10) == getpid()) {
		long last = SYSTEMD_FIRST_FD + strtol(count, NULL, 10);

		for (long fd = SYSTEMD_FIRST_FD; fd < last; fd++)
			if (!adopt(listeners, (int)fd, err))
				return false;
	}
	return !is_listening(STDIN_FILENO) || adopt(listeners, STDIN_FILENO, err);
}
