#pragma once
/*
 * account_service — connect, status, disconnect, test and recheck of a user's accounts at GitLab and GitHub. Decisions only: no
 * HTTP, no SQL, no wire JSON.
 *
 * Invariants: an old connection works until the new token was found valid and stored; an acknowledged connect is durable; after an
 * acknowledged disconnect the token is gone; every step is idempotent and a crash between two steps is put right by
 * account_reconcile(). Floor: service.
 */
#include "audit.h"
#include "check_list.h"
#include "connection_store.h"
#include "forges.h"
#include "instances.h"
#include "keyring.h"

struct account_service {
	struct http_client *client; /* NULL in pools that make no calls */
	const struct instances *instances;
	const struct keyring *keyring; /* parts as the pool has them; NULL: none */
	struct connection_store connections;
	struct secret_store secrets;
	const struct instance_url *github; /* ACP_GITHUB_URL: the instance of a GitHub token for which none is named */
	const struct audit *audit;         /* where uses of tokens are written down; NULL: nowhere */
};

/* What a user sent to connect or test a token. Borrowed. */
struct account_request {
	enum provider provider;
	const char *user_id;
	const char *instance_url; /* NULL or "": https://gitlab.com, or ACP_GITHUB_URL */
	const struct secret *token;
	const char *request_id;
};

enum account_warning_code {
	WARN_TOKEN_CANNOT_PUSH,
	WARN_TOKEN_EXPIRING,
	WARN_TOKEN_NEVER_EXPIRES,
	WARN_TOKEN_TOO_POWERFUL,
	WARN_TOKEN_IS_BOT,
	WARN_SCOPES_UNKNOWN,
	WARN_TOKEN_FINE_GRAINED,
	WARN_ACCOUNT_CHANGED,
	WARN_COUNT
};
struct account_warning {
	enum account_warning_code code;
	char message[512];
};
const char *account_warning_name(enum account_warning_code code); /* "token_cannot_push" */

struct account_verdict {
	struct connection connection; /* all but generation and times when nothing was stored */
	struct account_warning warnings[WARN_COUNT];
	size_t warning_count;
	struct check_list checks; /* address to scopes; filled by a failure, too */
};
#define ACCOUNT_VERDICT_INIT ZERO_INIT
void account_verdict_release(struct account_verdict *verdict);

/* Validates and stores. Any error of the catalogue's token, instance and storage groups. */
bool account_connect(struct account_service *s, const struct account_request *request, struct account_verdict *ret,
                     struct error *err) MUST_CHECK;

/* Validates and stores nothing. */
bool account_test(struct account_service *s, const struct account_request *request, struct account_verdict *ret,
                  struct error *err) MUST_CHECK;

/*
 * Asks the instance now about the stored token of a connection (instance_url NULL: the newest one), gives the verdict that a test
 * of this token would, and records it as account_recheck does. Needs a keyring with KEYRING_PRIVATE. ERR_NOT_CONNECTED: there is
 * no such connection; ERR_SEAL_BROKEN, ERR_SEAL_KEY_MISSING; those of account_test.
 */
bool account_check(struct account_service *s, enum provider provider, const char *user_id, const char *instance_url,
                   const char *request_id, struct account_verdict *ret, struct error *err) MUST_CHECK;

/* The warnings a stored connection deserves now (expiry moves on). Returns their number, at most WARN_COUNT. */
size_t account_warnings(const struct connection *c, int64_t now_s, struct account_warning ret[WARN_COUNT]);

/* instance_url NULL: all of that provider. Succeeds when there was nothing. */
bool account_disconnect(struct account_service *s, enum provider provider, const char *user_id, const char *instance_url,
                        struct error *err) MUST_CHECK;

/* The user's connections to this provider, newest first. */
bool account_list(struct account_service *s, enum provider provider, const char *user_id, struct connection_list *ret,
                  struct error *err) MUST_CHECK;

/* Opens the sealed token of a connection; needs a keyring with KEYRING_PRIVATE. A connection that was replaced since *c was read
 * gives the newer token. ERR_NOT_CONNECTED: disconnected since; ERR_SEAL_BROKEN,
 * ERR_SEAL_KEY_MISSING. */
bool account_open(struct account_service *s, const struct connection *c, struct seal_payload *ret, struct error *err) MUST_CHECK;

/* Takes note that the token that was opened is of another generation than *c was read with: it has another fingerprint, too. */
void account_follow(struct account_service *s, struct connection *c, int64_t generation);

/* Where a stored connection's instance is and how it is reached; `ret_route` is borrowed from the service.
 * ERR_INSTANCE_URL_INVALID; ERR_INSTANCE_INSECURE for http that no operator listed. */
bool account_instance(const struct account_service *s, const char *instance_url, struct instance_url *ret,
                      struct instance_route *ret_route, struct error *err) MUST_CHECK;

/* Whether an error says that the token itself no longer works (unknown, expired, revoked, account blocked …), and not network,
 * limits or rights: ERR_TOKEN_REFUSED, which a single forbidden request gives too, does not. */
bool account_error_condemns_token(enum error_code code);

/* Keeps what a real use showed: `failure` NULL is success; an error that does not condemn the token changes nothing. The same
 * finding is written at most every ten minutes. Best effort: the store's failures do not spoil the use. */
void account_note_use(struct account_service *s, const struct connection *c, const struct error *failure);

/* Housekeeping: carries out intents older than 60 s. Tells how many. */
bool account_reconcile(struct account_service *s, size_t *ret_count, struct error *err) MUST_CHECK;

/* Housekeeping: asks about connections that were not checked for a day until `limit` of them were answered for, and records the
 * result. An instance that cannot be asked now condemns nobody and keeps nobody waiting: its connections keep their state and
 * their turn comes again. */
bool account_recheck(struct account_service *s, size_t limit, size_t *ret_checked, size_t *ret_invalid,
                     struct error *err) MUST_CHECK;
