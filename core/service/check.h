#pragma once
/*
 * check — the one ordered list of checks and its words: address, provider, connection, reachable, tls, token, scopes, repository,
 * read, push, branch. Used by pre-flight (and by validate, connect and test as they come to use it). Floor: service.
 */
#include "account_service.h"
#include "provider.h"

enum check_name {
	CHECK_ADDRESS,
	CHECK_PROVIDER,
	CHECK_CONNECTION,
	CHECK_REACHABLE,
	CHECK_TLS,
	CHECK_TOKEN,
	CHECK_SCOPES,
	CHECK_REPOSITORY,
	CHECK_READ,
	CHECK_PUSH,
	CHECK_BRANCH,
	CHECK_COUNT
};
const char *check_name_text(enum check_name name);

enum check_state { CHECK_NOT_RUN, CHECK_OK, CHECK_FAILED };

struct check_report {
	enum check_state states[CHECK_COUNT];
	struct error *errors[CHECK_COUNT]; /* of each failed check, NULL for the others. Owned */
	struct error failure;   /* the one to show: the first that blocks cloning, else the first; code ERR_NONE when valid */
	enum check_name failed; /* the check of `failure` */
	enum provider provider;
	struct connection connection; /* the bound one; empty if none */
	struct instance_url instance;
	struct gitlab_project project; /* filled once the repository was found */
	struct gitlab_account account; /* the user's name and e-mail; filled with want_account */
	char *start_branch;            /* what to clone: the asked one or the default; NULL: empty repository */
	bool had_credentials;
	bool can_read, can_push; /* can_push only where a push_branch was asked about */
	bool blocks_clone;       /* private: ask check_blocks_clone() */
};
#define CHECK_REPORT_INIT ZERO_INIT
void check_report_release(struct check_report *report);

/*
 * Whether a session has to end before anything is cloned. A token or role that cannot push does not end it (the session starts, and
 * its push fails with GitLab's reason while the commit stays in the workspace): failed `scopes` and `push` checks that concern
 * pushing alone leave this false. Everything else that failed blocks: address, provider, connection, network, token, repository,
 * read, a missing start branch, a protected or impossible push branch.
 */
bool check_blocks_clone(const struct check_report *report);

struct check_request {
	const char *user_id;
	const char *url;
	const char *provider;     /* explicit; NULL: detect */
	const char *start_branch; /* must exist when given (an empty repository has none, which is fine); NULL: the default */
	const char *push_branch;  /* NULL: read access is enough */
	bool want_account;        /* ask for name and e-mail too (commits) */
	const char *request_id;
};

/* Always fills the report (release it); false only when the store failed before anything could be judged. */
bool check_repository(struct account_service *s, const struct check_request *request, struct check_report *ret,
                      struct error *err) MUST_CHECK;

/* Which check an error of GitLab, network or git belongs to: a TLS error to `tls`, an expired token to `token` … */
enum check_name check_of_error(enum error_code code);

/*
 * The connection that may serve this address: the one whose instance it is on (of nested relative roots the deepest), never one
 * that merely looks alike. NULL: none. `ret_instance` and `ret_path` (the project's path) are filled with a result; caller
 * releases.
 */
const struct connection *check_choose_connection(const struct connection_list *connections, const struct repo_url *url,
                                                 struct instance_url *ret_instance, char **ret_path);
