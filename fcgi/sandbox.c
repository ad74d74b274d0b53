#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/landlock.h>

/* Debian 12's kernel headers describe Landlock ABI 2; what later kernels added is asked for by number. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#define NET_BIND_TCP    (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ALL       ((1ULL << 0) | (1ULL << 1)) /* abstract unix sockets, signals */

/* struct landlock_ruleset_attr as of ABI 6; older kernels are given the shorter size they know. */
struct ruleset {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

#define READ_FILE   ((uint64_t)LANDLOCK_ACCESS_FS_READ_FILE)
#define READ_FOLDER (READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* A database and its journal: files are made, written, shortened and removed, nothing is run or linked elsewhere. */
#define WRITE_FOLDER                                                                                                               \
	(READ_FOLDER | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |              \
	 LANDLOCK_ACCESS_FS_TRUNCATE)

static uint64_t fs_rights(int abi)
{
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* all of ABI 1 */

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return rights;
}

static size_t ruleset_size(int abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset);
	return abi >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, handled_net);
}

static bool allow(int ruleset, const char *path, uint64_t rights, uint64_t handled)
{
	struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
	struct stat st;
	bool worked;

	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == EACCES;
	worked = fstat(rule.parent_fd, &st) == 0;
	rule.allowed_access = rights & handled;
	if (worked && !S_ISDIR(st.st_mode))
		rule.allowed_access &= READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
	worked = worked && syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
	close(rule.parent_fd);
	return worked;
}

static bool allow_port(int ruleset, unsigned port)
{
	/* struct landlock_net_port_attr and LANDLOCK_RULE_NET_PORT of ABI 4 */
	struct {
		uint64_t allowed_access, port;
	} rule = {NET_CONNECT_TCP, port};

	return syscall(SYS_landlock_add_rule, ruleset, 2, &rule, 0) == 0;
}

static bool confine(const struct sandbox_rules *rules, int abi)
{
	struct ruleset attributes = {.handled_fs = fs_rights(abi),
	                             .handled_net = NET_BIND_TCP | (rules->may_dial ? 0 : NET_CONNECT_TCP),
	                             .scoped = SCOPE_ALL};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, ruleset_size(abi), 0);
	bool worked = ruleset >= 0;

	for (size_t i = 0; worked && i < rules->read_only_count; i++)
		worked = allow(ruleset, rules->read_only[i], READ_FOLDER, attributes.handled_fs);
	for (size_t i = 0; worked && i < rules->writable_count; i++)
		worked = allow(ruleset, rules->writable[i], WRITE_FOLDER, attributes.handled_fs);
	if (worked && !rules->may_dial && rules->dial_port && abi >= 4)
		worked = allow_port(ruleset, rules->dial_port);
	worked = worked && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	if (ruleset >= 0)
		close(ruleset);
	return worked;
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	struct __user_cap_data_struct held[2] = {{0}};

	for (unsigned long capability = 0; capability <= CAP_LAST_CAP; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* refused without CAP_SETPCAP: then there is nothing to lose */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) == 0)
		return true;
	/* A service manager's filter may refuse the call, and then to a process that has nothing to drop. */
	return syscall(SYS_capget, &header, held) == 0 && held[0].permitted == 0 && held[1].permitted == 0;
}

void sandbox_enter(const struct sandbox_rules *rules, struct sandbox_report *ret)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1U /* LANDLOCK_CREATE_RULESET_VERSION */);

	ret->landlock_abi = abi > 0 ? (int)abi : 0;
	ret->capabilities_dropped = drop_capabilities();
	ret->confined = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && abi > 0 && confine(rules, (int)abi);
}
