#pragma once
/*
 * worker — what every part of this program is given: the settings, the log, its name. Built by main, never global.
 */
#include "log.h"
#include "progress.h"
#include "settings.h"

struct worker {
	const struct settings *settings;
	struct logger logger;
	char *name;             /* "<host>:<pid>", in the store beside what it claimed. Owned */
	const char *hidden[16]; /* paths that neither agent nor git may reach; NULL-terminated, borrowed from the settings and from
	                           `data_folder` */
	char *data_folder;      /* of the database, with its journal. Owned */
	struct progress *progress; /* NULL: nobody watches */
	int64_t lease_s;           /* how long a claim holds without being renewed */
	int64_t attempts;          /* how often a session may kill its process or its worker */
	bool isolates;             /* each session's processes live in a PID namespace of their own */
	bool lets_rest;            /* gives back sessions that only wait; otherwise their process waits with them */
};

enum {
	LEASE_S = 60, /* unless --lease says otherwise */
	LEASE_S_MIN = 4,
	LEASE_S_MAX = 3600,
	SESSIONS_MAX = 64, /* at once, of one worker */
	LOOK_EVERY_MS = 2000,
	POLL_MS = 500,
	DRAIN_MS = 30 * 1000,
	GIT_LIMIT_MS = 30 * 60 * 1000,      /* one clone, commit or push */
	SESSION_MARGIN_MS = 30 * 60 * 1000, /* beyond the agent's time */
	ATTEMPTS = 3,                       /* unless --attempts says otherwise */
	ATTEMPTS_MAX = 1000,
};

/* Takes sessions until SIGTERM, at most `sessions` at a time. Returns the exit code. */
int serve(struct worker *worker, unsigned sessions);

/* One session of `user` from the AgenticSession in `path`. Returns the exit code. */
int run_once(struct worker *worker, const char *user, const char *path);

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_PARTIAL = 3, EXIT_INTERRUPTED = 130 };
