#pragma once
/*
 * mirror_tidy — keeps the mirrors within their size: removes what dead sessions left, generations that nobody uses any more, and,
 * beyond the limit, the least recently used mirrors that no workspace borrows from. A borrower is one as long as there is something
 * in the workspaces' folder whose name begins with its session's id, so that no order of removals and crashes can be wrong.
 *
 * Runs in any worker at any time; a project that another process is changing is left alone. Never removes a borrowed generation.
 */
#include "error.h"

struct mirror_limits {
	const char *root;       /* ACP_MIRRORS */
	const char *workspaces; /* ACP_WORKSPACES */
	uint64_t max_bytes;     /* of all mirrors together */
};

/* Returns how many bytes were freed. `make_room`: the disk is full, so everything that is not borrowed goes. */
uint64_t mirror_tidy(const struct mirror_limits *limits, bool make_room);
