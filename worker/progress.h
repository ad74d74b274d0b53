#pragma once
/*
 * progress — what a person who runs a session by hand sees: a bar on a terminal, plain lines elsewhere.
 */
#include "repository.h"

struct progress {
	int fd;
	bool terminal; /* draw a bar and overwrite it */
	bool drawn_;   /* private: a bar stands in the last line */
};

/* Every function accepts NULL: nobody watches. */
void progress_line(struct progress *p, const char *format, ...) PRINTF_LIKE(2, 3);
void progress_bar(struct progress *p, const char *repository, const struct repository_progress *state);
