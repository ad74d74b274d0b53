#pragma once
/*
 * gate_service — what the git gate may let through: which session, which repository, which token, which refs. Decisions only; the
 * streaming is fcgi/git_gate.c. Floor: service.
 */
#include "check.h"
#include "project_service.h"
#include "session_store.h"

struct gate_service {
	struct check_service *checks;
	struct project_service *projects;
	struct session_store sessions;
};

/* Hash under which a session's credential is stored (BLAKE2b-256, hex): the credential has 256 random bits. */
void gate_credential_hash(const struct secret *credential, char ret_hex[GATE_HASH_SIZE]);

/* The session this credential belongs to, while it runs. ERR_GIT_CREDENTIAL. */
bool gate_session(struct gate_service *s, const char *session_id, const struct secret *credential, struct session_row *ret,
                  struct error *err) MUST_CHECK;

/* The reports of all repositories of a session, for its owner; nothing is bound. `ret_reports` as for gate_preflight. */
bool gate_reports(struct gate_service *s, const struct session_row *session, const struct session_spec *spec,
                  const char *request_id, struct check_report **ret_reports, struct error *err) MUST_CHECK;

/* Runs every repository's checks, binds each to its connection and project. `ret_reports` has one per repository of the spec, in
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
};
#define GATE_ROUTE_INIT ZERO_INIT
void gate_route_release(struct gate_route *route);

/*
 * Opens the token for one request of this session. For GIT_RECEIVE_PACK the project is confirmed with the API first, by its id (on
 * a missing path GitLab would create one). ERR_GIT_CREDENTIAL: not a repository of the session; ERR_GIT_REF_FORBIDDEN: not to be
 * pushed.
 */
bool gate_route_open(struct gate_service *s, const struct session_row *session, const char *repository, enum git_service service,
                     const char *request_id, struct gate_route *ret, struct error *err) MUST_CHECK;

/*
 * Judges the command list of a push: `bytes` are the pkt-lines up to and including the flush. Every command must create or update
 * refs/heads/<push_branch>; no deletions, no other refs, no push certificates. *ret_complete false: more bytes are needed.
 * ERR_GIT_REF_FORBIDDEN, ERR_BAD_REQUEST.
 */
bool gate_check_commands(const char *bytes, size_t length, const char *push_branch, bool *ret_complete,
                         struct error *err) MUST_CHECK;

/* Keeps what went wrong for the session's status, and what it says about the connection (a refused token is no longer valid). */
void gate_record(struct gate_service *s, const struct session_row *session, const struct gate_route *route, const char *repository,
                 enum git_service service, const struct error *failure);
