#pragma once
/* serve — one worker process: builds the app, runs its threads over the shared sockets, and drains them when asked to end. */
#include "listener.h"
#include "metrics.h"

struct serve_options {
	unsigned pools;
	unsigned threads;
	bool keep_alive;
	struct metrics *metrics; /* shared by the pool's workers */
};

/*
 * Runs until SIGTERM or SIGINT, then finishes the requests at hand, for as long as the parent lets it; without a parent, for
 * SUPERVISOR_END_MS. Tells `parent_fd` (supervisor.h) when requests are taken, and when files have changed that it cannot read
 * again; it goes on with the former ones until it is asked to end. Returns the exit status; a start that failed has said why in one
 * line on standard error. The caller has SIGTERM and SIGINT blocked.
 */
int serve_pool(const struct serve_options *options, const struct listeners *listeners, int parent_fd);

/* Serves the one request that a CGI server started this process for. */
int serve_cgi(void);
