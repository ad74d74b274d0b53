#pragma once
/*
 * project_service — the repositories of a platform project: kept as they were sent, each with its provider, each checked for the
 * caller. Floor: service.
 */
#include "check.h"
#include "session.h"

struct project_service {
	struct check_service *checks;
	struct project_store store;
};

/* A project's list and, where they were wanted, the caller's reports, one per entry. Owned. */
struct project_view {
	json_t *document;             /* {"repositories":[…], …}; never NULL */
	struct check_report *reports; /* NULL: not wanted */
	size_t count;
	int64_t version; /* 0: never written. The ETag is "\"<version>\"" */
};
#define PROJECT_VIEW_INIT ZERO_INIT
void project_view_release(struct project_view *view);

bool project_read(struct project_service *s, const char *project, const char *user_id, bool with_reports, const char *request_id,
                  struct project_view *ret, struct error *err) MUST_CHECK;

/*
 * Replaces the list. Every entry keeps the members it came with; `provider` is filled where it can be told, credentials in an
 * address are dropped and tokens elsewhere masked, an address of a project that has moved becomes the new one (a pasted page whose
 * branch is known becomes address and `branch`). The `reports` of an answer that comes back are not kept. Entries that cannot be
 * reached are kept with their report; one whose address is unusable refuses the whole list (ERR_REPO_URL_INVALID,
 * ERR_FIELD_INVALID, ERR_BRANCH_INVALID name it). A project whose id was learned at one address is compared from then on, as long
 * as the address stays in the list: another project in its place fails `repository` with repo_identity_changed; taking the entry
 * out and adding it again confirms it. Ids are learned by writing only: reading changes nothing, not even the version.
 *
 * `expected`: as project_store; with PROJECT_VERSION_ANY a writer who comes between is written over, but what it learned counts
 * (ERR_CONFLICT: they come without end).
 */
bool project_write(struct project_service *s, const char *project, const char *user_id, const json_t *document, int64_t expected,
                   const char *request_id, struct project_view *ret, struct error *err) MUST_CHECK;

/* The id that is expected at an address; 0: none is known. For validate and pre-flight. */
bool project_expected_id(struct project_service *s, const char *project, const struct repo_url *url, int64_t *ret,
                         struct error *err) MUST_CHECK;
