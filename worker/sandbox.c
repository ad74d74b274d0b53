#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alloc.h"
#include "strbuf.h"

/* The kernel's interface, as of ABI 6; the headers of Debian 12 stop at ABI 2. */
enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_ABI_1 = (1 << 13) - 1,
	FS_REFER = 1 << 13,     /* ABI 2 */
	FS_TRUNCATE = 1 << 14,  /* ABI 3 */
	FS_IOCTL_DEV = 1 << 15, /* ABI 5 */
	FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
	FS_READING = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR,
	FS_PLAIN = FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |
	           FS_REFER | FS_TRUNCATE,
	FS_DEVICE = FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV,

	NET_BIND_TCP = 1 << 0,
	NET_CONNECT_TCP = 1 << 1,
	SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,

	CREATE_RULESET_VERSION = 1,
	RULE_PATH_BENEATH = 1,
	RULE_NET_PORT = 2,
};

struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

struct net_port_attr {
	uint64_t allowed_access, port;
};

struct ruleset {
	int fd;
	uint64_t handled_fs;
	char **hidden; /* canonical */
	size_t hidden_count;
};

int sandbox_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static uint64_t file_rights(int abi)
{
	uint64_t rights = FS_ABI_1;

	if (abi >= 2)
		rights |= FS_REFER;
	if (abi >= 3)
		rights |= FS_TRUNCATE;
	if (abi >= 5)
		rights |= FS_IOCTL_DEV;
	return rights;
}

/* Adds one rule on an inode. A path that is not there needs none. */
static bool allow(const struct ruleset *r, const char *path, uint64_t rights, bool required, struct error *err)
{
	struct stat info;
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0 && !required)
		return true;
	if (fd < 0 || fstat(fd, &info) != 0) {
		int code = errno;
		if (fd >= 0)
			close(fd);
		error_set(err, ERR_WORKSPACE_FAILED, "A folder of the session cannot be opened.");
		return error_detail(err, "%s: %s", path, strerror(code));
	}
	if (!S_ISDIR(info.st_mode))
		rights &= FS_OF_FILES;
	struct path_beneath_attr rule = {.allowed_access = rights & r->handled_fs, .parent_fd = fd};
	bool ok = syscall(SYS_landlock_add_rule, r->fd, RULE_PATH_BENEATH, &rule, 0) == 0;
	int code = errno;
	close(fd);
	if (ok || !required) /* an object the kernel cannot put a rule on stays closed */
		return true;
	error_set(err, ERR_AGENT_UNCONFINED, "The kernel refused a confinement rule.");
	return error_detail(err, "landlock_add_rule %s: %s", path, strerror(code));
}

static bool is_at_or_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	if (length == 1) /* "/" */
		return true;
	return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* Asked of the file: some file systems do not say it with the name. */
static bool is_link(int folder, const char *name)
{
	struct stat info;

	return fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
}

/* Makes `path` readable; where something hidden lies below, only its other children, one by one. */
static bool allow_reading(const struct ruleset *r, const char *path, struct error *err)
{
	bool holds_hidden = false;

	for (size_t i = 0; i < r->hidden_count; i++) {
		if (is_at_or_below(path, r->hidden[i]))
			return true;
		holds_hidden = holds_hidden || is_at_or_below(r->hidden[i], path);
	}
	if (!holds_hidden)
		return allow(r, path, FS_READING, false, err);

	DIR *folder = opendir(path);
	bool ok = true;
	for (struct dirent *entry; ok && folder && (entry = readdir(folder));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || is_link(dirfd(folder), entry->d_name))
			continue; /* the way through a link is closed, its target may have a rule of its own */
		CLEANUP(strbuf_release) struct strbuf child = STRBUF_INIT(PATH_MAX);
		strbuf_addf(&child, "%s/%s", strcmp(path, "/") == 0 ? "" : path, entry->d_name);
		ok = strbuf_ok(&child) && allow_reading(r, child.data, err);
	}
	if (folder)
		closedir(folder);
	return ok;
}

static bool allow_readable(const struct ruleset *r, const char *path, struct error *err)
{
	CLEANUP(freep) char *canonical = realpath(path, NULL);

	return !canonical || allow_reading(r, canonical, err);
}

/* A script of the operator may lie in the data folder, beside the database. It is not the database itself. */
static bool allow_program(const struct ruleset *r, const char *path, struct error *err)
{
	CLEANUP(freep) char *canonical = realpath(path, NULL);
	struct stat info;

	if (!canonical || stat(canonical, &info) != 0 || !S_ISREG(info.st_mode))
		return true;
	for (size_t i = 0; i < r->hidden_count; i++)
		if (strcmp(canonical, r->hidden[i]) == 0)
			return true;
	return allow(r, canonical, FS_READING, false, err);
}

/* Canonical names of what must stay closed. A file that does not exist yet is known by its folder's canonical name. */
static void remember_hidden(struct ruleset *r, const char *path)
{
	char *canonical = realpath(path, NULL);

	if (!canonical && path[0] == '/') {
		CLEANUP(freep) char *folder = xstrdup(path);
		char *slash = strrchr(folder, '/');
		*slash = '\0';
		CLEANUP(freep) char *real_folder = realpath(slash == folder ? "/" : folder, NULL);
		canonical = xasprintf("%s/%s", real_folder ? real_folder : folder, slash + 1);
	}
	if (!canonical || strcmp(canonical, "/") == 0) {
		free(canonical);
		return;
	}
	r->hidden = xrealloc(r->hidden, (r->hidden_count + 1) * sizeof(*r->hidden));
	r->hidden[r->hidden_count++] = canonical;
}

static bool allow_port(const struct ruleset *r, unsigned tcp_port, int abi, struct error *err)
{
	if (tcp_port == 0 || abi < SANDBOX_ABI_TCP)
		return true;
	struct net_port_attr port = {.allowed_access = NET_CONNECT_TCP, .port = tcp_port};
	if (syscall(SYS_landlock_add_rule, r->fd, RULE_NET_PORT, &port, 0) == 0)
		return true;
	error_set(err, ERR_AGENT_UNCONFINED, "The kernel refused a confinement rule.");
	return error_detail(err, "landlock_add_rule port: %s", strerror(errno));
}

static bool add_rules(struct ruleset *r, const struct sandbox *rules, int abi, struct error *err)
{
	for (const char *const *path = rules->hidden; path && *path; path++)
		remember_hidden(r, *path);
	for (const char *const *path = rules->readable; path && *path; path++)
		if (!allow_readable(r, *path, err))
			return false;
	for (const char *const *path = rules->objects; path && *path; path++)
		if (!allow(r, *path, FS_READ_FILE | FS_READ_DIR, false, err))
			return false;
	for (const char *const *path = rules->programs; path && *path; path++)
		if (!allow_program(r, *path, err))
			return false;
	for (const char *const *path = rules->devices; path && *path; path++)
		if (!allow(r, *path, FS_DEVICE, false, err))
			return false;
	for (const char *const *path = rules->writable; path && *path; path++)
		if (!allow(r, *path, rules->plain_files ? FS_PLAIN : r->handled_fs, true, err))
			return false;
	return allow_port(r, rules->tcp_port, abi, err);
}

bool sandbox_prepare(const struct sandbox *rules, int *ret_ruleset, struct error *err)
{
	int abi = sandbox_abi();
	struct ruleset_attr attr = {.handled_access_fs = file_rights(abi)};
	size_t size = sizeof(attr.handled_access_fs);

	if (abi == 0)
		return error_set(err, ERR_AGENT_UNCONFINED, "This kernel cannot confine the agent: it has no Landlock.");
	if (abi >= SANDBOX_ABI_TCP) {
		attr.handled_access_net = rules->tcp_port ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
		size = 2 * sizeof(uint64_t);
	}
	if (abi >= 6) {
		attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
		size = sizeof(attr);
	}
	struct ruleset r = {.fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0), .handled_fs = attr.handled_access_fs};
	if (r.fd < 0) {
		error_set(err, ERR_AGENT_UNCONFINED, "The kernel refused to confine the agent.");
		return error_detail(err, "landlock_create_ruleset: %s", strerror(errno));
	}
	bool ok = add_rules(&r, rules, abi, err);
	for (size_t i = 0; i < r.hidden_count; i++)
		free(r.hidden[i]);
	free(r.hidden);
	if (!ok) {
		close(r.fd);
		return false;
	}
	*ret_ruleset = r.fd;
	return true;
}

/* The bounding set goes too: else the superuser's id would win capabilities back by exec. */
static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	for (unsigned long capability = 0; capability < 64; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL && errno != EPERM)
			return false;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
		return false;
	return syscall(SYS_capset, &header, none) == 0;
}

bool sandbox_enter(int ruleset)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !drop_capabilities())
		return false;
	return ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}
