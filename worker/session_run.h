#pragma once
/*
 * session_run — one claimed session from its pre-flight to its end, in a process of its own. The steps are in step_*.c; each
 * returns false only when the session as a whole cannot go on, and records what happens to a single repository in the repository.
 *
 * ERR_SESSION_LOST ends it without a word in the store: another worker has it, or it is to be stopped.
 */
#include "gate_client.h"
#include "git_job.h"
#include "session_status.h"
#include "session_store.h"
#include "worker.h"
#include "workspace.h"

struct session_run {
	const struct worker *worker;
	struct session_store store;
	const struct session_row *row;
	const struct secret *credential;
	int interrupt_fd;

	struct session_spec spec;
	struct gate_client gate;
	struct workspace workspace;
	struct repositories repositories;
	struct session_status status;
	json_t *record; /* of an earlier worker (session_record.h); NULL: start from the beginning. Owned */
	bool resumes;   /* it has waited, and its users see it waiting: nothing of that changes until there is something new */
	bool rests;     /* there is nothing to do for it now: it is given back until `wait_until_s` */
	int64_t wait_until_s;      /* of a session that waits for git/push: its limit, unix seconds */
	char *changes_seen;        /* of the session's repositories, in the store's text; NULL: none. Owned */
	int64_t follow_at_ms;      /* when they are looked for again */
	struct agent_watch *agent; /* that works while its session's repositories change; NULL: none. Borrowed */
	int64_t last_save_ms;
	bool lost; /* a write told that the lease is gone */
};

/* True: it has ended or rests, whatever its phase, and the store knows. False: interrupted or lost. */
bool session_run(const struct worker *worker, struct session_store store, const struct session_row *row,
                 const struct secret *credential, int interrupt_fd) MUST_CHECK;

/* The steps, in their order. The last one is left out for a session that rests. */
bool step_preflight(struct session_run *run, struct error *err) MUST_CHECK;
bool step_clone(struct session_run *run, struct error *err) MUST_CHECK;
bool step_agent(struct session_run *run, struct error *err) MUST_CHECK;
bool step_push(struct session_run *run, struct error *err) MUST_CHECK;

/*
 * For step_push, of a repository in which the workspace has nothing new: what the session's agent or pod pushed by itself, judged
 * at the remote. *ret_pushed: the push branch has it, and the repository says so, with where the branch is. What was sent and is
 * not there is a warning. ERR_SESSION_LOST; what a push says when the remote cannot be asked.
 */
bool session_find_pushed(struct session_run *run, struct repository *r, bool *ret_pushed, struct error *err) MUST_CHECK;
/* The same for a session or repository that has failed, by a question alone. Said in the repository, if the branch is at what was
 * pushed so. */
enum session_pushed { PUSHED_NOTHING, PUSHED_UNKNOWN /* sent, but the branch is not there, or nobody says */, PUSHED_THERE };
enum session_pushed session_tell_pushed(struct session_run *run, struct repository *r);
/* The same where the remote cannot be asked: a warning of what was sent last, by whomever. */
void session_tell_sent(struct session_run *run, struct repository *r);

/* For step_push: the merge request of a repository that was pushed, if the session asks for one; what goes wrong is recorded in the
 * repository. ERR_SESSION_LOST. */
bool session_merge_request(struct session_run *run, struct repository *r, struct error *err) MUST_CHECK;
/* The condition MergeRequestOpened, where merge requests were asked for. */
void session_merge_requests_conclude(struct session_run *run);

/*
 * One repository into the folder `path` in the workspace, which must not be there. `borrow`: it may share the objects of the
 * project's mirror; not for a folder that is added while an agent runs, whose confinement is settled. ERR_SESSION_LOST and what
 * git_clone_branch and the mirror's fetch say.
 */
bool session_clone(struct session_run *run, struct repository *r, const char *path, bool borrow, struct error *err) MUST_CHECK;

/*
 * For the steps that wait: takes over what was changed in the session's repositories, unless it has just looked. May take as long
 * as a clone. `agent_works`: its git reaches through the gate what has joined, from before the status says that it is ready.
 * *ret_changed: the list is another one. What goes wrong with a repository is recorded in it. ERR_SESSION_LOST.
 */
bool session_follow(struct session_run *run, bool agent_works, bool *ret_changed, struct error *err) MUST_CHECK;
/* For step_push, the same for the last time: a store or gate that does not answer is asked again for some seconds, and what has
 * joined and cannot be asked about has failed. ERR_SESSION_LOST. */
bool session_follow_last(struct session_run *run, struct error *err) MUST_CHECK;
/* Of repositories that joined and that the record has as cloned: puts the clones where they belong, if their worker died before it
 * could. Where something else is by now, the repository has failed. */
void session_name_recorded_clones(struct session_run *run);

/* For the steps: a new phase, written at once. ERR_SESSION_LOST. */
bool session_enter(struct session_run *run, enum session_phase phase, const char *message, struct error *err) MUST_CHECK;
/* Writes the status, at most twice a second unless `now`. ERR_SESSION_LOST (err may be NULL: run->lost says it, too); a store that
 * is busy is asked again later. */
bool session_save(struct session_run *run, bool now, struct error *err) MUST_CHECK;
/*
 * For the steps: waits a second before something is tried again, and says so in the log with the reason in `err`. False:
 * interrupted meanwhile, ERR_SESSION_LOST.
 */
bool session_pause(const struct session_run *run, const struct repository *repository, const char *message,
                   struct error *err) MUST_CHECK;
/* Whether a gate that answered so is worth asking again: it restarts, or what it asks does. */
bool session_gate_will_answer(const struct error *err);
/* A log line with the session's and, unless NULL, the repository's name. */
void session_log(const struct session_run *run, enum log_level level, const struct repository *repository,
                 const struct error *error, const char *format, ...) PRINTF_LIKE(5, 6);
/* A git job of one repository. */
struct session_job {
	bool (*work)(const void *, struct git_job_report *, json_t **, struct error *);
	const void *input;
	const char *operation; /* what the gate calls it: "fetch", "push"; anything else where it has no part */
	const char *writable;  /* the folder it may change; NULL: the session's workspace */
	bool runs_git;         /* it starts the git program */
};
/* Runs it with the session's limits, showing its progress; it may read the mirror that the repository borrows from. As git_job_run;
 * ERR_GIT_FAILED is explained by the gate. */
bool session_job_run(struct session_run *run, struct repository *repository, const struct session_job *what, json_t **ret_result,
                     struct error *err) MUST_CHECK;
/* The same for the common case, in the workspace and without the git program. */
bool session_git(struct session_run *run, struct repository *repository,
                 bool (*work)(const void *, struct git_job_report *, json_t **, struct error *), const void *input,
                 const char *operation, json_t **ret_result, struct error *err) MUST_CHECK;
