#pragma once
/*
 * usage — what an agent takes of the machine while it runs: the space of its workspace, and the memory of its processes. Measured
 * by a child now and then, since a workspace may hold millions of files; the next measurement waits the longer, the longer the last
 * one took. It is a watch, not a wall: between two looks an agent may overshoot.
 *
 * The agent may run as the same user and reach that child with a signal where the kernel does not keep it from that (Landlock does
 * from ABI 6 on), and take its time of the processors. So a measurement that is killed or stopped, or does not come to its end for
 * long, counts against the agent.
 */
#include "macros.h"
#include <sys/types.h>

struct usage_limits {
	const char *folder;
	int64_t folder_mib, memory_mib; /* 0: not watched */
};

enum usage_verdict { USAGE_FINE, USAGE_FOLDER_TOO_LARGE, USAGE_MEMORY_TOO_LARGE, USAGE_NOT_MEASURED };
enum { USAGE_MEASURED_WITHIN_MS = 10 * 60 * 1000 };

struct usage_watch {
	struct usage_limits limits;
	pid_t child; /* 0: none is measuring */
	int64_t begun_at_ms, next_at_ms;
	int64_t wanted_since_ms; /* a measurement that has not come to its end; 0: none */
};

/* Begins a measurement if one is due, or tells what it found. Waits for its own child alone, and nobody else may. */
enum usage_verdict usage_look(struct usage_watch *watch);
/* Ends a measurement that goes on. */
void usage_stop(struct usage_watch *watch);

/* The measuring itself, for the child. Space as the file system counts it, an empty file as one block; no link is followed, no
 * other file system entered. Changes the working directory. */
int64_t usage_of_folder(const char *path, int64_t stop_above);
/* Memory of all processes in /proc that are not shared with others, but the first and the caller. */
int64_t usage_of_memory(void);
