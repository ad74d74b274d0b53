#pragma once
/*
 * gate_service — what the git gate may let through: which session, which repository, which token, which refs. Decisions only; the
 * streaming is fcgi/git_gate.c. Floor: service.
 */
#include "check.h"
#include "outcome_pace.h"
#include "project_service.h"
#include "session_store.h"

struct gate_pods;

struct gate_service {
	struct check_service *checks;
	struct project_service *projects;
	struct session_store sessions;
	struct outcome_pace *pace; /* of what gate_record writes */
	struct gate_pods *pods;    /* session pods; NULL: none are served */
};

/* The session this credential belongs to, while it runs: its worker's and agent's, or the token of its pod (gate_pod.h).
 * ERR_GIT_CREDENTIAL; for a pod's token ERR_SERVICE_UNAVAILABLE and ERR_TOO_MANY_REQUESTS too. */
bool gate_session(struct gate_service *s, const char *session_id, const struct secret *credential, struct session_row *ret,
                  struct error *err) MUST_CHECK;

/* Whether what this session began may go on. ERR_GIT_CREDENTIAL: it has ended, is to stop, or the repository is no longer its own.
 * A store that cannot say ends nothing. */
bool gate_goes_on(struct gate_service *s, const char *session_id, const char *repository, struct error *err) MUST_CHECK;
enum { GATE_LOOKS_EVERY_MS = 2000 };

/* The reports of all repositories of a session, for its owner; nothing is bound. `ret_reports` as for gate_preflight. */
bool gate_reports(struct gate_service *s, const struct session_row *session, const struct session_spec *spec,
                  const char *request_id, struct check_report **ret_reports, struct error *err) MUST_CHECK;

/* How the gate will reach a repository that passed its checks. Caller releases. */
void gate_binding_make(const struct session_repository *repository, const struct check_report *report, struct session_binding *ret);

/* Runs every repository's checks, binds each to its connection and project; one that is bound already to that project and no other
 * (the report fails with ERR_REPO_IDENTITY_CHANGED, and the binding stays). `ret_reports` has one per repository of the spec, in
 * its order; caller releases each and frees the array. */
bool gate_preflight(struct gate_service *s, const struct session_row *session, const struct session_spec *spec,
                    const char *request_id, struct check_report **ret_reports, struct error *err) MUST_CHECK;

/* Where one git request goes. */
struct gate_route {
	char *url_base;               /* "https://host/group/project.git". Owned, as all */
	struct credential credential; /* opened; names forge, instance, token and CA */
	char *push_branch;            /* NULL: no pushing */
	char *host;
	char *username;
	char *project_path;
	struct forge_project project; /* as the API has just shown it; empty when it was shown a moment ago */
};
#define GATE_ROUTE_INIT ZERO_INIT
void gate_route_release(struct gate_route *route);

/* What a request through the gate is for. */
enum gate_use {
	GATE_FETCH,
	GATE_PUSH_BEGINS,   /* the request for receive-pack's advertisement, which could create a project */
	GATE_PUSH,          /* the push itself */
	GATE_MERGE_REQUEST, /* of what has been pushed */
};

/*
 * Opens the token for one request of this session. The project is confirmed with the API first, by its id: another project may have
 * taken its path, and asked for receive-pack on a missing path GitLab would create one. For a push the push branch is asked about,
 * too: sessions push to no branch that is protected by now, also where their owner may. A confirmation holds for the fetches and
 * pushes that follow it within GATE_CONFIRMED_S (git makes two to four requests for one transfer), one for a fetch not for a push;
 * the other uses are always confirmed now, and `project` is filled. ERR_GIT_CREDENTIAL: not a repository of the session;
 * ERR_GIT_REF_FORBIDDEN: not to be pushed; ERR_BRANCH_PROTECTED; what the forge says of the project.
 */
bool gate_route_open(struct gate_service *s, const struct session_row *session, const char *repository, enum gate_use use,
                     const char *request_id, struct gate_route *ret, struct error *err) MUST_CHECK;
enum { GATE_CONFIRMED_S = 20 };

/*
 * Opens or finds the merge request that the session's specification asks for, from the repository's push branch. All of it is
 * taken from what is stored: whoever has the session's credential, the agent too, can bring about this one merge request and no
 * other. ERR_MERGE_REQUEST_REFUSED when the session asks for none or the branches cannot be merged; the errors of gate_route_open
 * and of the forge's merge_request_open.
 */
bool gate_merge_request(struct gate_service *s, const struct session_row *session, const char *repository, const char *request_id,
                        struct forge_merge_request *ret, struct error *err) MUST_CHECK;

/*
 * Judges the command list of a push: `bytes` are the pkt-lines up to and including the flush. Every command must create or update
 * refs/heads/<push_branch>; no deletions, no other refs, no push certificates. *ret_complete false: more bytes are needed.
 * ERR_GIT_REF_FORBIDDEN, ERR_BAD_REQUEST.
 */
bool gate_check_commands(const char *bytes, size_t length, const char *push_branch, bool *ret_complete,
                         struct error *err) MUST_CHECK;

/*
 * What git is told of a push that is refused: appends the answer of receive-pack in which every command of the list `bytes` has the
 * sentence of `why`. *ret_complete false: more bytes are needed, nothing was appended. False: the client does not understand such
 * an answer.
 */
bool gate_refuse_push(const char *bytes, size_t length, const struct error *why, bool *ret_complete, struct strbuf *to) MUST_CHECK;

/*
 * Writes down the commit that checked commands send to the push branch, before they go on: a session's result must not say that
 * nothing changed when its agent or its pod pushed by itself. What moves nothing is no push. ERR_STORE_UNAVAILABLE: they must not
 * go on.
 */
bool gate_note_push(struct gate_service *s, const struct session_row *session, const char *repository, const char *bytes,
                    size_t length, struct error *err) MUST_CHECK;

/*
 * Reads what the server answered to a push, as it goes on to the client: false when it refused the ref, for the reason that it gave
 * (the errors of the forge's classify_push). What is cut or broken refuses nothing.
 */
bool gate_check_report(const struct gate_route *route, const char *bytes, size_t length, struct error *err) MUST_CHECK;

/* Writes down what the opened route was used for, once that is over. A route that could not be opened was written down then. */
void gate_audit(struct gate_service *s, const struct session_row *session, const struct gate_route *route, enum audit_action action,
                const char *request_id, const struct error *failure);

/*
 * The sentence with which a session ends whose token its server no longer takes: "Authentication failed", then the reason in the
 * words that every other place has for it. Other errors stay as they are.
 */
void gate_tell_session(struct error *failure);

/*
 * Keeps what went wrong for the session's status, as often as the pace allows, and what it says about the connection (a refused
 * token is no longer valid). `route` NULL: none could be opened.
 */
void gate_record(struct gate_service *s, const struct session_row *session, const struct gate_route *route, const char *repository,
                 enum git_service service, const struct error *failure);
