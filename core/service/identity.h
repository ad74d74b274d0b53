#pragma once
/*
 * identity — who is calling. A bearer is verified; forwarded identity headers play no part. A struct of functions, so that
 * Kubernetes' TokenReview can stand beside the file of static tokens. Floor: service.
 */
#include "secret.h"

struct caller {
	char *user_id;   /* as the platform knows it, never sanitised. Owned, as all */
	char **projects; /* static tokens: the projects; "*" is any */
	size_t project_count;
	char *subject; /* TokenReview: who it is, as a SubjectAccessReview takes it (JSON). Else NULL */
};
#define CALLER_INIT ZERO_INIT
void caller_release(struct caller *caller);

/* What a caller wants to do in a project, in the words of Kubernetes. Static tokens make no difference. */
struct project_use {
	const char *verb;     /* "get", "create", "update", "delete" */
	const char *resource; /* "projectsettings", "agenticsessions" */
};

struct identity_ops {
	/* ERR_UNAUTHENTICATED: unknown. ERR_SERVICE_UNAVAILABLE: cannot be checked now (fail closed). */
	bool (*verify)(void *state, const struct secret *bearer, struct caller *ret, struct error *err);
	/* ERR_FORBIDDEN. ERR_SERVICE_UNAVAILABLE: cannot be checked now. */
	bool (*may_use_project)(void *state, const struct caller *caller, const char *project, const struct project_use *use,
	                        struct error *err);
};
struct identity {
	const struct identity_ops *ops;
	void *state;
};

/*
 * static_tokens — the file of hashed bearer tokens (ACP_STATIC_TOKENS_FILE). One line a token:
 *   <id> <hex of SHA-256 of the token> <created, RFC 3339> <percent-encoded user> [<project>,<project>…]
 * A bearer is "acp_" and 43 characters of base64url (256 random bits), so a plain hash is enough at rest. The file is read again
 * when it changed (looked at once a second, and at once for a bearer that is not known).
 */
struct static_tokens;
bool static_tokens_open(const char *path, struct static_tokens **ret, struct error *err) MUST_CHECK;
void static_tokens_freep(struct static_tokens **tokens);
struct identity static_tokens_identity(struct static_tokens *tokens);

/* For the command line; the file is created when missing (0600). The bearer is shown once and kept nowhere. */
bool static_tokens_add(const char *path, const char *user, const char *const *projects, size_t project_count,
                       struct secret *ret_bearer, char ret_id[17], struct error *err) MUST_CHECK;
bool static_tokens_remove(const char *path, const char *id, struct error *err) MUST_CHECK;
struct static_token_line {
	char *id;
	char *user;
	char *projects;
	char *created;
};
bool static_tokens_list(const char *path, struct static_token_line **ret, size_t *ret_count, struct error *err) MUST_CHECK;
void static_token_lines_free(struct static_token_line *lines, size_t count);
