#pragma once
/*
 * session_store — agentic sessions: what was asked, who owns them, who runs them, how they ended.
 *
 * A session is claimed for a lease; the claim gives a fencing number (`attempt`), and every later write of that worker carries it:
 * a worker that lost its lease changes nothing (ERR_SESSION_LOST). The gate finds a session by the hash of its credential. A
 * session that waits for what is done elsewhere rests: no worker holds it and it has no credential until there is something to do.
 * A struct of functions like connection_store; thread-safe; ERR_STORE_UNAVAILABLE and ERR_STORE_NOT_READY from any. Floor: store.
 */
#include "json.h"
#include "notice_store.h"
#include "session.h"

struct session_row {
	char *id; /* UUID: metadata.uid, folder of the workspace, name in /git/…. Owned, as all strings */
	char *project;
	char *name;
	char *owner;                /* the verified caller */
	char *object;               /* the AgenticSession as it was accepted, JSON */
	char *status;               /* its status, JSON */
	char *project_repositories; /* of a session that names none: the project's at its creation, a JSON array; NULL: it names
	                               some */
	char *pod_uid;              /* of the pod that works for it elsewhere; NULL: none */
	char *repository_changes;   /* added and removed since its creation, as session_changes.h has it; NULL: none */
	enum session_phase phase;
	int64_t created_at; /* unix seconds */
	int64_t attempt;    /* 0: never claimed */
	int64_t tries;      /* of these, since it last went well: given back by its worker, or asked for anew by its owner */
	bool has_rested;    /* what it needs lies in a workspace: without it, it cannot go on */
	bool stop_requested;
	bool push_requested;
	int64_t work_kept_until; /* unix seconds; of an ended session: its work waits to be pushed again; 0: nothing was kept */
};
#define SESSION_ROW_INIT ZERO_INIT
void session_row_release(struct session_row *row);
struct session_list {
	struct session_row *items;
	size_t count;
	bool more; /* there are others, which would have come after these */
};
#define SESSION_LIST_INIT ZERO_INIT
void session_list_release(struct session_list *list);

/* That a session entered a phase, and what it had to say then. */
struct session_phase_entered {
	int64_t number; /* counts up within the session */
	enum session_phase phase;
	char *message; /* its notification, else its message. Owned */
	int64_t at;    /* unix seconds */
};
struct session_phases {
	struct session_phase_entered *items;
	size_t count;
};
#define SESSION_PHASES_INIT ZERO_INIT
void session_phases_release(struct session_phases *list);

/* Ids of sessions, or of commits (40 or 64 hex digits). Owned. */
struct id_list {
	char **items;
	size_t count;
};
#define ID_LIST_INIT ZERO_INIT
void id_list_release(struct id_list *ids);

/* A repository bound to one connection and one project, by the pre-flight. */
struct session_binding {
	char *repository; /* session_repository.name. Owned, as all */
	char *provider;   /* "gitlab", "github" */
	char *credential; /* credential_to_binding(): a record key, "installation:<id>" or "project" */
	char *instance_url;
	char *project_path; /* canonical */
	int64_t project_id;
	char *push_branch;    /* NULL: fetching only */
	int64_t confirmed_at; /* unix seconds: when the API last showed the project at project_path; 0: not since it was bound */
	int64_t push_confirmed_at; /* the same, when it was asked for a push */
};
#define SESSION_BINDING_INIT ZERO_INIT
void session_binding_release(struct session_binding *binding);

/* What the gate learned from a refused or failed git request. */
struct gate_outcome {
	char *repository;
	char *operation;
	char *code;
	char *message;
	char *remediation;
	int64_t at;
};
struct gate_outcome_list {
	struct gate_outcome *items;
	size_t count;
};
#define GATE_OUTCOME_LIST_INIT ZERO_INIT
void gate_outcome_list_release(struct gate_outcome_list *list);

/* What waits for workers and what they do. */
struct session_queue {
	size_t waiting;        /* not claimed yet, or its worker lost it, or it has rested */
	int64_t waiting_since; /* unix seconds, of the one that waits longest; 0: none waits */
	size_t running;        /* under a lease */
	size_t resting;        /* under none, until there is something to do */
};

#define GATE_HASH_SIZE 65 /* hex of BLAKE2b-256 of the session's credential, with NUL */

enum {
	SESSION_ELSEWHERE_S = 10 * 60, /* those who can reach a workspace may have their hands full for so long */
	SESSION_LOOK_AGAIN_S = 2,      /* at changes that a worker could not follow before it gave the session back */
};

struct session_store_ops {
	/*
	 * Creates once: the same project, name and owner, or the same owner and idempotency key (NULL: none), gives the session
	 * that exists
	 * (*ret_created false). The same name by another owner, or of a session that is being removed: ERR_CONFLICT. The same key
	 * with another object (apiVersion, kind or spec; names, ids and times may be made anew for each request) or project:
	 * ERR_CONFLICT.
	 */
	bool (*create)(void *state, const struct session_row *row, const char *idempotency_key, struct session_row *ret,
	               bool *ret_created, struct error *err);
	/* ERR_SESSION_NOT_FOUND. */
	bool (*find)(void *state, const char *project, const char *name, struct session_row *ret, struct error *err);
	bool (*find_by_id)(void *state, const char *id, struct session_row *ret, struct error *err);
	/* The ids of sessions that were made of resources (their object has its metadata.uid) before this time, unix seconds. */
	bool (*adopted)(void *state, int64_t before, struct id_list *ret, struct error *err);
	/*
	 * Of a session that was made of a resource: the phases that it entered and of which nobody has told yet, oldest first. They
	 * are written in the transaction that changes the phase, so that none is missing, however short; the newest 100 of a
	 * session stay.
	 */
	bool (*phases_untold)(void *state, const char *id, struct session_phases *ret, struct error *err);
	/* This one is told. One that is gone is no error. */
	bool (*phase_told)(void *state, const char *id, int64_t number, struct error *err);
	/* Newest first, without what their agents wrote; at most 500, and no more than one answer can hold. */
	bool (*list)(void *state, const char *project, struct session_list *ret, struct error *err);
	/* The row disappears once no worker holds it (at once if none does, as while it rests); until then stop_requested is set
	 * and it is listed as Stopped. If its worker dies, the next claim gives it out again, with stop_requested, to be cleaned
	 * up. ERR_SESSION_NOT_FOUND. */
	bool (*remove)(void *state, const char *id, struct error *err);
	/* Of a session that has ended, but whose work is kept, it makes one that waits (Pending) for a worker and was not tried
	 * yet. ERR_SESSION_NOT_FOUND, ERR_SESSION_ENDED. */
	bool (*request_push)(void *state, const char *id, struct error *err);

	/*
	 * Writes what was changed in the session's repositories, and with it the binding (NULL: none) that the change needs.
	 * `before` is what was there when the change was made (NULL: nothing). ERR_PRECONDITION_FAILED: something else is there by
	 * now; ERR_CONFLICT: the session is pushing, or a push was asked for; ERR_SESSION_ENDED, ERR_SESSION_NOT_FOUND.
	 */
	bool (*change_repositories)(void *state, const char *id, const char *before, const char *after,
	                            const struct session_binding *binding, struct error *err);

	/*
	 * Takes the oldest session that waits or whose lease ran out (`only_id` NULL) or that one, for lease_s seconds, with the
	 * hash of a fresh gate credential. *ret_found false: nothing to do. One that has rested is left to those who can reach its
	 * workspace, and find it with `rested`; after SESSION_ELSEWHERE_S it is anybody's, who can at least tell its end.
	 */
	bool (*claim)(void *state, const char *worker, const char *only_id, int64_t lease_s, const char gate_hash[GATE_HASH_SIZE],
	              struct session_row *ret, bool *ret_found, struct error *err);
	/*
	 * Writes phase and status, and gives the session back until `until_s` (unix seconds): it rests. It is up earlier when a
	 * push is asked for, or when its repositories are changed; what was changed since `changes_seen` (NULL: nothing ever)
	 * counts, and is looked at again soon. One whose removal is asked for is up at once. ERR_SESSION_LOST: nothing was written.
	 */
	bool (*rest)(void *state, const char *id, int64_t attempt, enum session_phase phase, const char *status_json,
	             int64_t until_s, const char *changes_seen, struct error *err);
	/* Those that have rested and have something to do now, who waits longest first; at most 100. */
	bool (*rested)(void *state, struct id_list *ret, struct error *err);
	/* How the queue is, for operators. */
	bool (*queue)(void *state, struct session_queue *ret, struct error *err);
	/* Gives the session back: it can be claimed when `after_s` seconds have passed. `settled`: its worker did not come to harm
	 * by it, and its tries count anew. Tells whether a stop was asked for, which is then the caller's to carry out.
	 * ERR_SESSION_LOST. */
	bool (*give_back)(void *state, const char *id, int64_t attempt, int64_t after_s, bool settled, bool *ret_stop,
	                  struct error *err);
	/* Prolongs the lease; tells whether a stop or a push was asked for. ERR_SESSION_LOST. */
	bool (*renew)(void *state, const char *id, int64_t attempt, int64_t lease_s, bool *ret_stop, bool *ret_push,
	              struct error *err);
	/* Writes phase and status, and the notice that tells of them (NULL: none); a final phase ends the lease and the gate
	 * credential, and takes the row away if its removal was asked for. A session whose push was asked for since it was cleared
	 * does not end as Completed or PartiallyCompleted: ERR_PRECONDITION_FAILED. ERR_SESSION_LOST. Nothing was written then. */
	bool (*save_status)(void *state, const char *id, int64_t attempt, enum session_phase phase, const char *status_json,
	                    const struct notice *notice, struct error *err);
	/* Before a final phase: the work stays until `until_s` (unix seconds), and a push can be asked for until then. Without it
	 * nothing is kept. ERR_SESSION_LOST. */
	bool (*keep_work)(void *state, const char *id, int64_t attempt, int64_t until_s, struct error *err);
	/* Clears a push request. Before carrying it out: what is asked for during the push is then not forgotten. ERR_SESSION_LOST.
	 */
	bool (*clear_push)(void *state, const char *id, int64_t attempt, struct error *err);
	/* After a worker has cleaned up a session whose removal was asked for: the row goes; gone already is success.
	 * ERR_SESSION_LOST. */
	bool (*forget)(void *state, const char *id, int64_t attempt, struct error *err);

	/* Keeps which pod works for the session elsewhere (NULL: none). ERR_SESSION_NOT_FOUND. */
	bool (*set_pod)(void *state, const char *id, const char *pod_uid, struct error *err);
	/* The gate: the running session with this credential. ERR_GIT_CREDENTIAL: none, ended or lease lost. */
	bool (*find_by_gate)(void *state, const char *id, const char gate_hash[GATE_HASH_SIZE], struct session_row *ret,
	                     struct error *err);
	/* Adds bindings or replaces those of the same repository. ERR_SESSION_NOT_FOUND. */
	bool (*bind)(void *state, const char *id, const struct session_binding *bindings, size_t count, struct error *err);
	/* Keeps that the API showed the project just now, at this path. A binding that is gone is no error. */
	bool (*confirm)(void *state, const char *id, const char *repository, const char *project_path, bool for_push, int64_t at,
	                struct error *err);
	bool (*binding)(void *state, const char *id, const char *repository, struct session_binding *ret, bool *ret_found,
	                struct error *err);
	/* Keeps the newest 100 of a session. ERR_SESSION_NOT_FOUND. */
	bool (*add_outcome)(void *state, const char *id, const struct gate_outcome *outcome, struct error *err);
	bool (*outcomes)(void *state, const char *id, struct gate_outcome_list *ret, struct error *err);
	/* Before the gate lets a commit on its way to the push branch of a repository. Keeps the newest 100 of each.
	 * ERR_SESSION_NOT_FOUND. */
	bool (*add_push)(void *state, const char *id, const char *repository, const char *commit, struct error *err);
	/* The newest first. They were sent; whether they arrived, the remote knows. */
	bool (*pushes)(void *state, const char *id, const char *repository, struct id_list *ret, struct error *err);
};

struct session_store {
	const struct session_store_ops *ops;
	void *state;
};
