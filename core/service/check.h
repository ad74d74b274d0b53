#pragma once
/*
 * check — one repository address, one honest report: what it is, whether this user can clone and push it, and if not, why. Used by
 * validate, the project's repositories and pre-flight. Floor: service.
 *
 * A whole report takes two round trips where nothing is wrong: the project (and, where it is wanted, the account), then the push
 * probe and the branch at once.
 */
#include "check_list.h"
#include "credential.h"
#include "provider_probe.h"

struct check_service {
	struct credential_sources credentials;
	struct provider_probe *probe; /* NULL: unknown hosts stay unknown */
};

enum check_access { CHECK_ACCESS_READ, CHECK_ACCESS_WRITE };

struct check_request {
	const char *user_id;
	const char *project; /* whose list or session it is of: its GIT_TOKEN may serve; NULL: none */
	const char *url;
	const char *provider; /* explicit; NULL or "": detect */
	enum check_access access;
	const char *start_branch; /* must exist when given (an empty repository has none, which is fine); NULL: the pasted one or
	                             the default */
	const char *push_branch;  /* with WRITE: may be missing, must not be protected; NULL: none in particular */
	int64_t expected_id;      /* of the project, as it was found before; 0: any */
	bool want_account;        /* ask for name and e-mail too (commits) */
	const char *request_id;
	const char *session; /* for the audit log; NULL: none */
	int64_t until_ms; /* clock_monotonic_ms; nothing is asked later. 0: check_until_ms() of a report or of the list it is in */
};

/* When what is asked for now has to be answered. */
int64_t check_until_ms(void);

struct check_report {
	struct check_list checks;
	struct error failure;   /* the one to show: the first that blocks cloning, else the first; code ERR_NONE when valid */
	enum check_name failed; /* the check of `failure` */
	enum provider provider;
	struct repo_url url;                        /* as it was understood */
	char *host;                                 /* with its port where that is not the default; NULL: the address is unusable */
	char *path, *web_url, *clone_url, *api_url; /* canonical once the project was found; NULL: not known */
	struct credential credential;               /* its token is wiped before the report is given back */
	struct forge_project project;               /* filled once the repository was found */
	struct forge_account account;               /* the user's name and e-mail; filled with want_account */
	char *start_branch;      /* what to clone: the asked, the pasted or the default one; NULL: empty repository */
	bool can_read, can_push; /* can_push only with WRITE */
	bool blocks_clone;       /* private: ask check_blocks_clone() */
};
#define CHECK_REPORT_INIT ZERO_INIT
void check_report_release(struct check_report *report);

/* Nothing failed. */
bool check_is_valid(const struct check_report *report);

/*
 * Whether a session has to end before anything is cloned. A token or role that cannot push does not end it (the session starts, and
 * its push fails with the forge's reason while the commit stays in the workspace): failed `scopes` and `push` checks that concern
 * pushing alone leave this false. Everything else that failed blocks: address, provider, connection, network, token, repository,
 * read, a missing start branch, a protected or impossible push branch.
 */
bool check_blocks_clone(const struct check_report *report);

/* Always fills the report (release it); false only when the store failed before anything could be judged. */
bool check_repository(struct check_service *s, const struct check_request *request, struct check_report *ret,
                      struct error *err) MUST_CHECK;

/*
 * Several at once, `width` at a time; all reports are filled (release each), those that their time did not suffice for with a
 * failed `reachable`. False: as above, for any of them.
 */
bool check_repositories(struct check_service *s, const struct check_request *requests, struct check_report *ret_reports,
                        size_t count, struct error *err) MUST_CHECK;

/* Whether sessions may push to this branch, as the forge has just shown it. ERR_BRANCH_PROTECTED, in the forge's own words. */
bool check_push_branch(const struct forge_branch *branch, enum provider provider, const char *name, const char *project_path,
                       struct error *err) MUST_CHECK;

/* The report as the API shows it (contract §2.2). Caller decrefs. */
json_t *check_report_json(const struct check_report *report) MUST_CHECK;
/* The member "checks" of it. Caller decrefs. */
json_t *check_list_json(const struct check_list *list) MUST_CHECK;

/* The credential, opened, and the project behind an address, for looking at its files: the checks up to `repository`. The failure
 * is that of the first check that failed. */
struct check_opened {
	struct credential credential;
	struct forge_project project;
};
#define CHECK_OPENED_INIT ZERO_INIT
void check_opened_release(struct check_opened *opened);
bool check_open(struct check_service *s, const struct check_request *request, struct check_opened *ret,
                struct error *err) MUST_CHECK;
