#pragma once
/*
 * supervisor — the parent of the worker processes: starts them, replaces the dead at once, replaces all of them on SIGHUP (new
 * keys, new settings) without losing a request, and drains them at the end. Knows nothing of FastCGI; it runs a function in
 * children.
 *
 * A worker that fails within its first second is replaced after a growing pause; one that was killed is replaced at once. If the
 * very first worker cannot start, neither does the program. Workers get SIGTERM when the parent dies.
 */
#include "macros.h"

enum {
	SUPERVISOR_PROCESSES_MAX = 64,
	SUPERVISOR_DRAIN_MS = 20000,       /* from SIGTERM to SIGKILL */
	SUPERVISOR_CHILD_CANNOT_START = 78 /* EX_CONFIG: the child has said why */
};

struct supervisor_options {
	unsigned processes;
	/* Runs in the child; the return value is its exit status. It writes a byte to ready_fd when it serves. */
	int (*run)(void *context, int ready_fd);
	void *context;
};

/* Returns the program's exit status: 0 after an orderly end, 1 when the first worker could not start. */
int supervisor_run(const struct supervisor_options *options);
