#pragma once
/*
 * git_progress — reads the progress lines of `git fetch`. Strict: what is not exactly such a line is none, whatever a server wrote
 * into it (a server's own lines come with "remote: " before them).
 */
#include "macros.h"

struct git_progress {
	const char *stage; /* "receiving" or "resolving"; static */
	int64_t done, total;
	int64_t bytes; /* received; 0 where the line does not say */
};

/* "Receiving objects:  45% (450/1000), 1.20 MiB | 2.00 MiB/s" and "Resolving deltas: 100% (20/20), done.". */
bool git_progress_parse(const char *line, struct git_progress *ret) MUST_CHECK;
