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

struct project_store_ops {
	bool (*get)(void *state, const char *project, struct project_list *ret, struct error *err);
	/*
	 * Writes list->document and list->identities if the stored version is `expected` (0: none was written yet;
	 * PROJECT_VERSION_ANY: whatever it is), in one transaction; fills list->version. ERR_PRECONDITION_FAILED.
	 */
	bool (*put)(void *state, const char *project, int64_t expected, struct project_list *list, struct error *err);

	bool (*installations)(void *state, const char *user_id, struct installation_list *ret, struct error *err);
	/* Adds it, or brings account and updated_at of the same user's same installation up to date. */
	bool (*installation_put)(void *state, const struct installation *installation, struct error *err);
	/* All of the user's; none is no error. */
	bool (*installations_remove)(void *state, const char *user_id, struct error *err);
};

struct project_store {
	const struct project_store_ops *ops;
	void *state;
};
