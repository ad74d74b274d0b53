#pragma once
/*
 * listener — the unix sockets that nginx connects to, opened once by the parent and shared by all its workers: a worker that dies
 * leaves the queue of waiting connections to the others. libfcgi's own opener is not used (it exits on errors and leaves the mode
 * to chance).
 */
#include "error.h"

enum { LISTENERS_MAX = 8, LISTENER_BACKLOG = 511 };

struct listeners {
	int fds[LISTENERS_MAX];
	char *paths[LISTENERS_MAX]; /* NULL: inherited, and not ours to remove. Owned */
	size_t count;
};
#define LISTENERS_INIT                                                                                                             \
	{                                                                                                                          \
		.count = 0                                                                                                         \
	}

/*
 * Adds a socket at `path`: mode 0660, non-blocking, close-on-exec; `group` NULL keeps the process's. A file left by a dead process
 * is replaced; ERR_CONFIG_INVALID for one that answers, that is no socket, or that cannot be made.
 */
bool listeners_add(struct listeners *listeners, const char *path, const char *group, struct error *err) MUST_CHECK;

/* Adds what was inherited: systemd's LISTEN_FDS, or a listening standard input (spawn-fcgi). None is no error. */
bool listeners_inherit(struct listeners *listeners, struct error *err) MUST_CHECK;

/* Closes all, and removes the files this process made. Children forget instead: the files are the parent's. */
void listeners_release(struct listeners *listeners);
