#pragma once
/*
 * supervisor — the parent of the worker processes: starts them, replaces the dead at once and the outdated without losing a
 * request, and drains them at the end. Knows nothing of FastCGI; it runs a function in children.
 *
 * Outdated is a worker that says so (its keys have changed), and every worker on SIGHUP (new settings). It goes on serving until a
 * fresh one serves in its place; one that cannot start takes nobody's place. Then it is asked to end (SIGTERM): it takes no further
 * request, and has `drain_ms` for those at hand, beside the fresh one. Changes that follow each other may leave several that drain;
 * where more than SUPERVISOR_GENERATIONS for each process would live, the one that drains the longest has no more than `end_ms`.
 *
 * At the end of the whole (SIGTERM, SIGINT) all of them have `end_ms`. Workers get SIGTERM when the parent dies.
 *
 * A worker that fails within its first second, or says that it cannot start, is replaced after a growing pause; one that was killed
 * is replaced at once. If the very first worker cannot start, neither does the program.
 */
#include "macros.h"

enum {
	SUPERVISOR_PROCESSES_MAX = 64,
	SUPERVISOR_GENERATIONS = 4, /* a fresh one, and three that drain: of the two steps of a rotation and of a retired key */
	SUPERVISOR_END_MS = 20000,  /* the program's `end_ms` */
	SUPERVISOR_CHILD_CANNOT_START = 78 /* EX_CONFIG: the child has said why */
};

/* What a worker tells its parent, through a descriptor: its signals would not get out of its sandbox (Landlock from Linux 6.12 on).
 */
enum supervisor_news { WORKER_SERVES = 's', WORKER_IS_OUTDATED = 'o' };

/* In a worker. False: the parent is gone. */
bool supervisor_tell(int parent_fd, enum supervisor_news news) MUST_CHECK;

struct supervisor_options {
	unsigned processes;
	int64_t drain_ms; /* from SIGTERM to SIGKILL for one that was replaced: the longest request fits */
	int64_t end_ms;   /* the same at the end of the whole */
	/* Runs in the child; the return value is its exit status. It tells parent_fd when it serves. */
	int (*run)(void *context, int parent_fd);
	void *context;
};

/* Returns the program's exit status: 0 after an orderly end, 1 when the first worker could not start. */
int supervisor_run(const struct supervisor_options *options);
