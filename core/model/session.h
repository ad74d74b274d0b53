#pragma once
/*
 * session — an AgenticSession: what it asks for, in the seed's and in the platform's shape, and the words of its outcome.
 *
 * session_spec_parse() reads `ambient-code.io/v1alpha1` (spec.description, outputRepo, repositories[]) and
 * `vteam.ambient-code/v1alpha1` (spec.repos[], initialPrompt) alike and gives one list of repositories. Floor: model.
 */
#include "json.h"
#include "provider.h"

enum session_phase {
	PHASE_PENDING,
	PHASE_OWNER_UNVERIFIED,
	PHASE_PREFLIGHT,
	PHASE_CLONING,
	PHASE_RUNNING,
	PHASE_PUSHING,
	PHASE_COMPLETED,
	PHASE_PARTIALLY_COMPLETED,
	PHASE_FAILED,
	PHASE_STOPPED
};
enum { SESSION_PHASES = PHASE_STOPPED + 1 };
const char *session_phase_name(enum session_phase phase); /* "PartiallyCompleted" */
bool session_phase_parse(const char *name, enum session_phase *ret) MUST_CHECK;
bool session_phase_is_final(enum session_phase phase);

struct session_repository {
	char *name;         /* folder in the workspace and name in /git/…: last path segment, made unique with "-2", "-3" */
	char *url;          /* as given, as session_kept_address keeps it */
	char *provider;     /* as given; NULL: to be detected */
	char *start_branch; /* NULL: the default branch */
	char *push_branch;  /* NULL: this repository is not pushed */
};

struct session_spec {
	char *name;         /* metadata.name, or made from metadata.generateName, or "session-<8 hex>" */
	char *project;      /* metadata.namespace; NULL if absent */
	char *description;  /* spec.description or spec.initialPrompt; "" if absent */
	char *display_name; /* NULL if absent */
	struct session_repository *repositories;
	size_t repository_count; /* may be 0: the project's repositories are meant */
	json_t *merge_request;   /* spec.mergeRequest, merge_request_spec_parse has read it; NULL if absent */
	json_t *environment;     /* spec.environmentVariables, the agent's: names of variables with texts; NULL if absent */
	char **retired_names;    /* of repositories that were removed: their folders remain, so that no other gets the name */
	size_t retired_count;
};
#define SESSION_SPEC_INIT ZERO_INIT

/*
 * ERR_SESSION_INVALID (or the error of a field) says which member is wrong. The same repository and branch named twice counts once;
 * two different repositories may share a last segment. `outputRepo.branch` is where to push, a `branch` elsewhere where to start
 * from; the push then goes to "ambient/<session>". Of repos[] only those with autoPush are pushed. A pasted page of a branch starts
 * from that branch if no `branch` is given: it is kept as pasted, since only the server can tell branch and path apart.
 */
bool session_spec_parse(const json_t *object, struct session_spec *ret, struct error *err) MUST_CHECK;
void session_spec_release(struct session_spec *spec);

/* A repository that joins a session after its creation. Borrowed. */
struct session_addition {
	const char *name; /* NULL: made from the address */
	const char *url;
	const char *start_branch; /* NULL: the default branch */
	const char *provider;     /* NULL: to be detected */
	bool push;                /* to "ambient/<session>" */
};

/*
 * Adds a repository as its last one. ERR_CONFLICT: the session has this repository with this start branch, or has or had one of
 * this name; ERR_FIELD_INVALID: a name that cannot be a folder; ERR_SESSION_INVALID: LIMIT_SESSION_REPOSITORIES are reached, those
 * that were removed among them; and the errors of a field.
 */
bool session_spec_add(struct session_spec *spec, const struct session_addition *addition, struct error *err) MUST_CHECK;
/* Takes a repository out. ERR_NOT_FOUND. */
bool session_spec_remove(struct session_spec *spec, const char *name, struct error *err) MUST_CHECK;
/* The repository of this name, as it is written; NULL: there is none. */
const struct session_repository *session_spec_find(const struct session_spec *spec, const char *name);

/*
 * An address as sessions and projects keep it: without credentials, query and fragment, but for a branch that stands behind "#"
 * ("project.git#dev"), which says where to start from as the page of a branch does. Caller frees.
 */
char *session_kept_address(const char *text) MUST_CHECK;

/* RFC 1123 subdomain, at most LIMIT_SESSION_NAME_MAX. */
bool session_name_is_valid(const char *name);
/* RFC 1123 label. */
bool project_name_is_valid(const char *name);

/* One repository's end, for the notification. */
struct session_outcome {
	const char *name;
	enum provider provider;
	bool pushed; /* branch_url is filled */
	const char *branch_url;
	const char *error; /* NULL: succeeded */
};

/* The completion text, word for word as the contract has it. Appended to `to`, without a final line break. */
void session_notification(enum session_phase phase, const struct session_outcome *outcomes, size_t count, struct strbuf *to);
