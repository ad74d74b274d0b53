#pragma once
/*
 * seccomp_filter — which system calls a confined process may make.
 *
 * A git job has an allow-list: what it needs for files in folders it may open, memory, time and one kind of socket. Everything else
 * is answered like an older kernel would (ENOSYS), for which the C library has a way round; and what no parser of packs ever calls,
 * but code that was smuggled into one would (ptrace, mount, bpf …), ends the job. An agent has a deny-list, so that compilers,
 * interpreters, debuggers and git work in it: only what reaches the kernel's rarely used parts or leaves the sandbox is refused.
 *
 * A filter sees numbers, not paths and not addresses: files and ports are Landlock's (sandbox.h).
 */
#include "error.h"

enum seccomp_profile {
	SECCOMP_GIT_LIBRARY,    /* a job in which libgit2 works: it starts no process and no thread */
	SECCOMP_GIT_PROGRAM,    /* a job that runs `git` and its helpers */
	SECCOMP_AGENT,          /* within Landlock, which keeps ptrace to the agent's own processes */
	SECCOMP_AGENT_UNSCOPED, /* where the kernel has no Landlock: no ptrace at all */
};

/* A compiled filter. */
struct seccomp_filter {
	struct sock_filter *instructions; /* owned */
	unsigned short count;
};
#define SECCOMP_FILTER_INIT ZERO_INIT
void seccomp_filter_release(struct seccomp_filter *filter);

/* Compiles it. `asks_names`: a job may also send datagrams, which is how names become addresses. ERR_AGENT_UNCONFINED: this kernel
 * has no such filters. */
bool seccomp_filter_build(enum seccomp_profile profile, bool asks_names, struct seccomp_filter *ret, struct error *err) MUST_CHECK;

/*
 * Puts the calling process and all it will start under the filter, for good. Needs no_new_privs (sandbox_enter). Async-signal-safe,
 * for use between fork and exec. False (errno set): the caller must _exit.
 */
bool seccomp_filter_enter(const struct seccomp_filter *filter) MUST_CHECK;
