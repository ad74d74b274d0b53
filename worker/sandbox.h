#pragma once
/*
 * sandbox — a process that sees its workspace, its tools and nothing else: Landlock, no new privileges, no capabilities.
 *
 * Deny by default: whatever is not listed cannot be opened, listed, executed or changed; Landlock also forbids to trace or inspect
 * processes outside (/proc/<other>/environ, mem, fd). From ABI 3 on truncation is covered, from 4 on TCP, from 6 on signals and
 * abstract sockets. Not covered by Landlock: stat(), chmod() and connecting to sockets in the file system, which is why those
 * folders want a mode of their own, and all protocols but TCP, which is why seccomp_filter.h comes on top.
 */
#include "error.h"

struct sandbox {
	const char *const *writable; /* folders; NULL-terminated, as all. Must exist */
	const char *const *readable; /* files and folders: read and execute. Missing ones are left out */
	const char *const *objects;  /* folders: read alone, even below something hidden. Missing ones are left out */
	const char *const *programs; /* regular files named by the operator: read and execute, even beside something hidden */
	const char *const *devices;  /* read, write, ioctl. Missing ones are left out */
	const char *const *hidden;   /* stay closed even below a readable folder; new files beside them stay closed too */
	unsigned tcp_port;           /* the only port that may be connected to, none may be bound; 0: TCP is not restricted */
	bool plain_files; /* writable folders take plain files and folders alone, and nothing in them is executed: no symbolic
	                     links, devices, sockets or pipes are made */
};

/* Landlock's ABI, 0 when the kernel has none; from SANDBOX_ABI_TCP on it keeps a process to one TCP port. */
enum { SANDBOX_ABI_TCP = 4 /* Linux 6.7 */ };
int sandbox_abi(void);

/* Reads the rules into a descriptor (close-on-exec). ERR_AGENT_UNCONFINED: no Landlock. ERR_WORKSPACE_FAILED: a folder cannot be
 * opened. */
bool sandbox_prepare(const struct sandbox *rules, int *ret_ruleset, struct error *err) MUST_CHECK;

/*
 * Confines the calling process and all it will start, for good. Async-signal-safe, for use between fork and exec. A ruleset of -1
 * only gives up privileges. False (errno set): the caller must _exit.
 */
bool sandbox_enter(int ruleset) MUST_CHECK;
