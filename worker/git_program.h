#pragma once
/*
 * git_program — runs the `git` program within a git job, for the two things that it does better than libgit2: it receives a pack
 * with all processors, and speaks protocol version 2, in which a server names one branch and not thousands.
 *
 * It is started by its path with an environment of our own: no configuration but what stands here and in the repository it works
 * on, no hooks, no credential helpers, no proxy, no redirects, no transport but http and https. The
 * session's credential is in that environment and nowhere else: arguments are there for everybody to see, and a file could
 * outlive a killed worker. It inherits the job's confinement, limits and process group.
 *
 * The repository is one that the job has made. Where it joins a session whose agent works, that agent can reach its folder while
 * git works on it: whatever its configuration then has git do stays within the job's confinement, which starts no program but git
 * and reaches nothing but the gate and the workspace, and with a credential that the agent has itself.
 */
#include "git_library.h"

struct git_program {
	const char *const *arguments;    /* after "git"; NULL-terminated */
	const char *folder;              /* the repository's folder; also where it runs */
	const struct secret *credential; /* for the gate; NULL: it has no business there */

	/* Every line of its standard error, also those ended by a carriage return alone. False: end it. */
	bool (*on_line)(void *context, const char *line);
	void *context;
};

/*
 * Waits for its end. *ret_exit_code: its own, 128 + number for a signal. False when it could not be started (ERR_GIT_FAILED) or
 * `on_line` ended it (err is as that left it).
 */
bool git_program_run(const struct git_program *program, int *ret_exit_code, struct error *err) MUST_CHECK;
