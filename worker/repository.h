#pragma once
/*
 * repository — one repository of a running session: what the gate's pre-flight said about it, and how far it got.
 */
#include "json.h"
#include "provider.h"

enum repository_phase {
	REPOSITORY_PENDING,
	REPOSITORY_CLONING,
	REPOSITORY_READY,
	REPOSITORY_PUSHING,
	REPOSITORY_PUSHED,
	REPOSITORY_UNCHANGED,
	REPOSITORY_FAILED
};
const char *repository_phase_name(enum repository_phase phase);

#define COMMIT_SIZE 41 /* 40 hex digits and NUL */

/* How far a transfer is; shown in the status and on a terminal. */
struct repository_progress {
	char stage[24]; /* "receiving", "resolving", "checkout", "sending"; "": none */
	int64_t done, total, bytes;
};

struct repository {
	/* from the pre-flight. Owned; NULL where the gate said nothing */
	char *name, *url, *web_url, *project_path, *clone_url, *default_branch, *start_branch, *push_branch, *branch_url;
	char *username, *commit_name, *commit_email;
	char *api_base, *git_user, *credential; /* for the log; the token itself is with the gate */
	int64_t project_id;                     /* numeric, within the instance that api_base names; 0: not known */
	enum provider provider;
	bool empty;
	bool blocking;     /* the session must not start */
	json_t *preflight; /* all that the gate said. Owned */

	/* how it goes */
	enum repository_phase phase;
	struct error error;             /* ERR_NONE: none */
	char start_commit[COMMIT_SIZE]; /* "": the repository was empty */
	char commit[COMMIT_SIZE];       /* "": none of the session's */
	bool agent_pushed;              /* `commit` is on the branch, by no doing of the worker's; the session failed */
	char *merge_request_url;        /* where it is, or, before it is open, where it can be opened */
	bool merge_request_open;
	struct error merge_request_error; /* the branch is pushed all the same. ERR_NONE: none */
	struct repository_progress progress;
	char *mirror;     /* the folder of objects that the workspace borrows (mirror.h); NULL: none. Owned */
	json_t *warnings; /* [{code, message}], what its user has to know besides; NULL: none. Owned */
};

struct repositories {
	struct repository *items;
	size_t count;
};
#define REPOSITORIES_INIT ZERO_INIT
void repositories_release(struct repositories *r);

/* Reads the gate's answer {"repositories": […]}. ERR_GIT_FAILED: not such an answer, or a name that cannot be a folder. */
bool repositories_from_preflight(const json_t *answer, struct repositories *ret, struct error *err) MUST_CHECK;

/* Moves all of `from` behind those of `to`; `from` is empty afterwards. */
void repositories_append(struct repositories *to, struct repositories *from);
/* Takes the one at `index` out. */
void repositories_remove(struct repositories *r, size_t index);

/* Adds to the warnings; one code once. The message may hold names out of the repository: what is not printable UTF-8 is replaced.
 */
void repository_warn(struct repository *r, const char *code, const char *format, ...) PRINTF_LIKE(3, 4);

/* A push that changes what a pipeline runs is not the same as one that changes code: {"ciPaths"?, "ciCount"?} of a job's result. */
void repository_warn_of_ci(struct repository *r, const json_t *result);

/* Marks the repository as failed, for good. */
void repository_fail(struct repository *r, const struct error *err);

/* Takes back that the pre-flight refused it. */
void repository_readmit(struct repository *r);

/* "GitLab", "GitHub", "Git" for logs. */
const char *repository_provider_title(const struct repository *r);

/* Fills err from {"code","message","remediation"} (or "error" instead of "message"), as the gate writes them. Returns false. */
bool error_from_json(const json_t *object, struct error *err);
