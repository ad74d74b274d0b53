#pragma once
/*
 * project_store — the repositories of the platform's projects, and users' installations of the GitHub App. A struct of functions
 * like connection_store; thread-safe; ERR_STORE_UNAVAILABLE and ERR_STORE_NOT_READY from any. Floor: store.
 */
#include "error.h"

/* A project's list as it was sent, unknown members included. Strings owned. */
struct project_list {
	char *document;   /* JSON object with "repositories"; NULL: never written */
	char *identities; /* JSON object: "<host>/<path>" in lower case → id of the project that was found there. NULL as document
	                   */
	int64_t version;  /* 0: never written; grows with every write */
};
#define PROJECT_LIST_INIT ZERO_INIT
void project_list_release(struct project_list *list);

enum { PROJECT_VERSION_ANY = -1 };

/* One installation of the App that a user may use. Strings owned. */
struct installation {
	char *user_id;
	char *instance_url; /* canonical, "https://github.com" */
	int64_t installation_id;
	char *account;                    /* login of the user or organization it was installed for */
	int64_t installed_at, updated_at; /* unix seconds */
};
#define INSTALLATION_INIT ZERO_INIT
void installation_release(struct installation *installation);
struct installation_list {
	struct installation *items; /* newest updated_at first */
	size_t count;
};
#define INSTALLATION_LIST_INIT ZERO_INIT
void installation_list_release(struct installation_list *list);

/* A list of repositories that is to be looked at with the account of who wrote it, and what was found. Strings owned. */
struct project_access {
	char *project;
	int64_t generation; /* of the resource that the list is from */
	int64_t seen_at;    /* unix seconds: when the list was taken over */
	char *checked_by;   /* whose account; "": it is not proven who wrote the list, and nothing is asked */
	char *repositories; /* JSON array of {url, provider?, branch?} */
	char *findings;     /* JSON object {checkedAt, repositories[]} (project_access.h); NULL: not looked at yet */
};
#define PROJECT_ACCESS_INIT ZERO_INIT
void project_access_release(struct project_access *access);

struct id_list; /* session_store.h */

struct project_store_ops {
	bool (*get)(void *state, const char *project, struct project_list *ret, struct error *err);
	/*
	 * Writes list->document and list->identities if the stored version is `expected` (0: none was written yet;
	 * PROJECT_VERSION_ANY: whatever it is), in one transaction; fills list->version. ERR_PRECONDITION_FAILED.
	 */
	bool (*put)(void *state, const char *project, int64_t expected, struct project_list *list, struct error *err);

	/* Of projects that have a list or a session, in their order, `limit` at most. */
	bool (*names)(void *state, size_t limit, struct id_list *ret, struct error *err);

	bool (*installations)(void *state, const char *user_id, struct installation_list *ret, struct error *err);
	/* Adds it, or brings account and updated_at of the same user's same installation up to date. */
	bool (*installation_put)(void *state, const struct installation *installation, struct error *err);
	/* All of the user's; none is no error. */
	bool (*installations_remove)(void *state, const char *user_id, struct error *err);

	bool (*access_get)(void *state, const char *project, struct project_access *ret, bool *ret_found, struct error *err);
	/* Replaces what was known; it is due at once. */
	bool (*access_ask)(void *state, const struct project_access *access, struct error *err);
	/* The one that is due for longest, which is then due again at until_s: of several who ask one gets it. */
	bool (*access_take)(void *state, int64_t until_s, struct project_access *ret, bool *ret_found, struct error *err);
	/* Keeps access->findings, unless the list is another by now. */
	bool (*access_found)(void *state, const struct project_access *access, int64_t due_at, struct error *err);
};

struct project_store {
	const struct project_store_ops *ops;
	void *state;
};
