#include "pid_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool write_file(const char *path, const char *text)
{
	size_t length = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, length) == (ssize_t)length;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Each id stands for itself, so that what is stored and shown stays true. */
static bool map_own_ids(uid_t user, gid_t group)
{
	char users[64], groups[64];

	snprintf(users, sizeof(users), "%u %u 1", user, user);
	snprintf(groups, sizeof(groups), "%u %u 1", group, group);
	return write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", users) &&
	       write_file("/proc/self/gid_map", groups);
}

bool pid_namespace_prepare(void)
{
	uid_t user = geteuid();
	gid_t group = getegid();

	if (user == 0)
		return unshare(CLONE_NEWPID | CLONE_NEWNS) == 0;
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the maps of a process that is not belong to the superuser */
	bool ok = unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) == 0 && map_own_ids(user, group);
	int code = errno;
	prctl(PR_SET_DUMPABLE, dumpable == 1, 0, 0, 0);
	errno = code;
	return ok;
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capset, &header, none) == 0;
}

bool pid_namespace_begin(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 &&
	       (geteuid() == 0 || drop_capabilities());
}

static NORETURN void try_it(void)
{
	int status = 0;

	if (!pid_namespace_prepare())
		_exit(1);
	pid_t first = fork();
	if (first == 0)
		_exit(pid_namespace_begin() ? 0 : 1);
	_exit(first > 0 && waitpid(first, &status, 0) == first && status == 0 ? 0 : 1);
}

bool pid_namespace_is_available(void)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		try_it();
	if (child < 0)
		return false;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return status == 0;
}
