#pragma once
/*
 * processes — the few things every process of the worker does with its children: waiting with a way to be interrupted, closing what
 * they must not inherit, and ending all of them, daemons included.
 */
#include "macros.h"
#include <signal.h>
#include <sys/types.h>

/* Orphans of this process's descendants become its children, so that processes_end_children() finds them. */
void processes_adopt_orphans(void);

/* For a process that looks after others: SIGCHLD, SIGTERM and SIGINT wait to be taken from `ret_signals`, and orphans come here. */
void process_begin_parent(sigset_t *ret_signals);

/* Kills and reaps every child of this process but those in `keep`, again and again until none is left (a child may leave orphans).
 */
void processes_end_children(const pid_t *keep, size_t keep_count);

/* Blocks SIGTERM and SIGINT and gives a descriptor that becomes readable when one arrives. */
int interrupt_open(void) MUST_CHECK;
/* Whether one arrived; it stays pending. A descriptor of -1 is never interrupted. */
bool interrupt_pending(int interrupt_fd);
/* Sleeps; false when interrupted. */
bool interrupt_sleep(int interrupt_fd, int64_t duration_ms) MUST_CHECK;

/*
 * For a child right after fork: default signal dispositions, nothing blocked, no descriptor above 2 but the `keep_count` in `keep`
 * (ascending; negative ones are none), and death together with the parent. Async-signal-safe.
 */
void process_begin_child(pid_t parent, const int *keep, size_t keep_count);

/* waitpid that gives up at the (monotonic) deadline, and then kills the process's group and the process. Returns the wait status.
 */
int process_wait_or_kill(pid_t pid, int64_t deadline_ms);
