#include "seccomp_filter.h"

#include "seccomp_private.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alloc.h"

void seccomp_filter_release(struct seccomp_filter *filter)
{
	free(filter->instructions);
	*filter = (struct seccomp_filter)SECCOMP_FILTER_INIT;
}

/* A call that this processor does not have (open on arm64) needs no rule. */
static bool add(scmp_filter_ctx filter, uint32_t action, const struct seccomp_rule *rule)
{
	int code = seccomp_rule_add_array(filter, action, rule->call, rule->count, rule->when);

	return code == 0 || code == -EDOM;
}

static bool allow(scmp_filter_ctx filter, const struct seccomp_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (!add(filter, SCMP_ACT_ALLOW, &table->rules[i]))
			return false;
	return true;
}

static bool kill_job(scmp_filter_ctx filter, const struct seccomp_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (!add(filter, SCMP_ACT_KILL_PROCESS, &table->rules[i]))
			return false;
	return true;
}

static bool refuse(scmp_filter_ctx filter, const struct seccomp_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct seccomp_rule *rule = &table->rules[i];
		if (!add(filter, SCMP_ACT_ERRNO((uint32_t)(rule->error ? rule->error : EPERM)), rule))
			return false;
	}
	return true;
}

static bool refuse_younger(scmp_filter_ctx filter)
{
	for (int call = SECCOMP_YOUNGER_FIRST; call <= SECCOMP_YOUNGER_LAST; call++)
		if (!add(filter, SCMP_ACT_ERRNO(ENOSYS), &(struct seccomp_rule){.call = call}))
			return false;
	return true;
}

/* The rules of a profile. Calls by another numbering than the machine's own (32-bit, x32) are bad in all of them. */
static scmp_filter_ctx compose(enum seccomp_profile profile, bool asks_names)
{
	bool job = profile == SECCOMP_GIT_LIBRARY || profile == SECCOMP_GIT_PROGRAM;
	scmp_filter_ctx filter = seccomp_init(job ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW);
	bool ok = filter != NULL;

	ok = ok && seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) == 0;      /* sandbox_enter did it */
	ok = ok && seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0; /* a search tree: git calls a lot */
	ok = ok && seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, job ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS)) == 0;
	if (job) {
		ok = ok && allow(filter, &seccomp_git_library) && kill_job(filter, &seccomp_attacks) &&
		     kill_job(filter, &seccomp_tracing);
		ok = ok && (profile == SECCOMP_GIT_LIBRARY || allow(filter, &seccomp_git_program));
		ok = ok && (!asks_names || allow(filter, &seccomp_git_names));
	} else {
		ok = ok && refuse(filter, &seccomp_attacks) && refuse(filter, &seccomp_agent) && refuse_younger(filter);
		ok = ok && (profile == SECCOMP_AGENT || refuse(filter, &seccomp_tracing));
	}
	if (ok)
		return filter;
	seccomp_release(filter);
	return NULL;
}

/* The kernel's form of it. libseccomp writes that into a file only, so into one in memory. */
static bool compile(scmp_filter_ctx filter, struct seccomp_filter *ret)
{
	struct stat info = {0};
	int fd = memfd_create("seccomp", MFD_CLOEXEC);
	bool ok = fd >= 0 && seccomp_export_bpf(filter, fd) == 0 && fstat(fd, &info) == 0 &&
	          info.st_size / (off_t)sizeof(struct sock_filter) <= BPF_MAXINSNS;

	if (ok) {
		ret->instructions = xmalloc((size_t)info.st_size);
		ret->count = (unsigned short)((size_t)info.st_size / sizeof(struct sock_filter));
		ok = pread(fd, ret->instructions, (size_t)info.st_size, 0) == info.st_size;
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

bool seccomp_filter_build(enum seccomp_profile profile, bool asks_names, struct seccomp_filter *ret, struct error *err)
{
	static const uint32_t action = SECCOMP_RET_KILL_PROCESS;
	struct seccomp_filter compiled = SECCOMP_FILTER_INIT;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0)
		return error_set(err, ERR_AGENT_UNCONFINED,
		                 "This kernel cannot confine git and agents: it has no seccomp filters.");
	scmp_filter_ctx filter = compose(profile, asks_names);
	bool ok = filter && compile(filter, &compiled);
	seccomp_release(filter);
	if (!ok) {
		seccomp_filter_release(&compiled);
		return error_set(err, ERR_AGENT_UNCONFINED, "The filter of system calls could not be made.");
	}
	*ret = compiled;
	return true;
}

bool seccomp_filter_enter(const struct seccomp_filter *filter)
{
	const struct sock_fprog program = {.len = filter->count, .filter = filter->instructions};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}
