#pragma once
/*
 * agent — runs the agent's command in a session's workspace: confined, with an environment of its own, for a limited time, and
 * leaving no process behind. The agent's exit status is a result, not an error.
 */
#include "secret.h"
#include "usage.h"
#include "workspace.h"

struct agent_watch; /* one that is running */

struct agent {
	const char *command; /* for /bin/sh -c */
	const struct workspace *workspace;
	const char *const *environment;  /* NULL-terminated "NAME=value"; all that the agent sees */
	const char *const *objects;      /* folders of objects that the workspace borrows (mirror.h): to be read; NULL: none */
	const char *const *hidden;       /* paths it must not reach even where its tools lie beside them */
	const struct secret *credential; /* masked in the output */
	bool unconfined_allowed;         /* run even where the kernel cannot confine */
	int64_t timeout_ms;
	int64_t workspace_max_mib, memory_max_mib; /* 0: not watched */
	int interrupt_fd;                          /* processes.h; -1: none */
	/* Called a few times a second while it runs. It may take its time if it asks agent_goes_on() a few times a second. NULL:
	 * nobody is. */
	void (*beat)(void *context, struct agent_watch *watch);
	void *context;
};

struct agent_result {
	int exit_code; /* 128 + number for a signal */
	bool timed_out;
	bool interrupted;
	enum usage_verdict usage; /* not USAGE_FINE: it was ended because of it */
	char *output;             /* the last LIMIT_AGENT_OUTPUT bytes of what it wrote, masked, UTF-8. Owned */
};
#define AGENT_RESULT_INIT ZERO_INIT
void agent_result_release(struct agent_result *result);

/* Whether an agent could be started at all: ERR_AGENT_UNCONFINED where the kernel cannot confine and that was not allowed. */
bool agent_check(bool unconfined_allowed, struct error *err) MUST_CHECK;

/* Runs it to its end; all its descendants are dead afterwards. False when it could not be started: ERR_AGENT_UNCONFINED,
 * ERR_WORKSPACE_FAILED. */
bool agent_run(const struct agent *agent, struct agent_result *ret, struct error *err) MUST_CHECK;

/* For a beat that takes its time: looks at the agent's output, its time and what it takes. False: it is to be ended, which waits
 * for the beat to return. */
bool agent_goes_on(struct agent_watch *watch) MUST_CHECK;
