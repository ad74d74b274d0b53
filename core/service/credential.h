#pragma once
/*
 * credential — which token serves a repository. GitLab: the user's connection to the instance. GitHub: the user's own token, else
 * an installation of the App that the user added and whose account owns the repository, else the project's GIT_TOKEN (of its own
 * Secret in Kubernetes, else ACP_GIT_TOKEN); the last two only on ACP_GITHUB_URL. A token goes to the exact scheme, host and port
 * it was given for and to nothing that merely looks alike. Floor: service.
 */
#include "account_service.h"
#include "github_app.h"
#include "kube_client.h"
#include "project_store.h"
#include "repo_url.h"

#define GIT_TOKEN_KEY "GIT_TOKEN" /* of a project's Secret: the platform's own name for it */

enum credential_source { CREDENTIAL_NONE, CREDENTIAL_CONNECTION, CREDENTIAL_INSTALLATION, CREDENTIAL_PROJECT };

/* What the process has besides connections; empty in pools that make no use of it. */
struct credential_sources {
	struct account_service *accounts;
	struct project_store projects;
	struct github_app *app;            /* NULL: none configured */
	const struct secret *git_token;    /* ACP_GIT_TOKEN, for projects without their own; NULL: none */
	struct kube_client *cluster;       /* where projects are namespaces; NULL: they have no Secrets */
	const char *git_token_secret;      /* with `cluster`: the Secret in a project's namespace */
	const struct instance_url *github; /* ACP_GITHUB_URL */
};

/* For whom a token is looked for. Borrowed. */
struct credential_asker {
	const char *user_id;
	const char *project; /* NULL: none, and no token of one */
};

/* Strings owned; credential_release wipes the tokens. */
struct credential {
	enum credential_source source;
	const struct forge *forge;
	struct connection connection; /* CONNECTION; else empty */
	int64_t installation_id;      /* INSTALLATION; else 0 */
	struct instance_url instance;
	char *path;                  /* of the repository below the instance's root */
	char *project;               /* PROJECT: whose; NULL: of none in particular */
	struct secret kept;          /* private: what of a Secret was there when this was chosen */
	struct instance_route route; /* borrowed from the service; after credential_open */
	struct secret token;         /* after credential_open */
};
#define CREDENTIAL_INIT ZERO_INIT
void credential_release(struct credential *c);

/* "john", "the GitHub App", "the project's GIT_TOKEN": who acts, for sentences. Borrowed from `c`. */
const char *credential_actor(const struct credential *c);
/* "token glpat-*** for user john", "the token of the GitHub App": what is used, for logs; the App and the project have no person,
 * and no kind of token that a person would know. Only with a forge. Caller frees. */
char *credential_shown(const struct credential *c) MUST_CHECK;

/*
 * The credential that may serve this address (of nested relative roots the deepest connection). Nothing is opened, no forge asked.
 * With `provider` not UNKNOWN only credentials of that provider are looked at. ret->source CREDENTIAL_NONE: there is none; then
 * instance and path are what the address itself says, and forge is NULL. False: the store failed, or the cluster did not say
 * whether the project has a token.
 */
bool credential_choose(const struct credential_sources *s, const struct connection_list *connections,
                       const struct credential_asker *asker, const struct repo_url *url, enum provider provider,
                       struct credential *ret, struct error *err) MUST_CHECK;

/* Opens the token: unseals it, or asks for the installation's or the project's. ERR_NOT_CONNECTED, ERR_SEAL_BROKEN,
 * ERR_INSTANCE_INSECURE, the App's errors, those of the store, ERR_KUBERNETES_UNAVAILABLE; of a project's ERR_TOKEN_MALFORMED and
 * ERR_TOKEN_WRONG_KIND. */
bool credential_open(const struct credential_sources *s, struct credential *c, const char *request_id,
                     struct error *err) MUST_CHECK;

/* How a session's binding names it: a record key, "installation:<id>" or "project". Caller frees. */
char *credential_to_binding(const struct credential *c) MUST_CHECK;
/* The credential a binding names, as it is now; not opened. ERR_NOT_CONNECTED: it is gone since. */
bool credential_from_binding(const struct credential_sources *s, const struct credential_asker *asker, const char *provider,
                             const char *binding, const char *instance_url, const char *project_path, struct credential *ret,
                             struct error *err) MUST_CHECK;

/* What to ask the forge with; borrows from `c`. */
struct forge_access credential_access(const struct credential_sources *s, const struct credential *c, const char *request_id);

/* Writes the use of an opened credential down; `use` says what is not the credential's to say. One that was not opened was not
 * used. */
void credential_audit(const struct credential_sources *s, const struct credential *c, struct audit_use use);

/* Keeps what a use showed about the token: a connection's validity; a refused installation token is forgotten. */
void credential_note_use(const struct credential_sources *s, const struct credential *c, const struct error *failure);
