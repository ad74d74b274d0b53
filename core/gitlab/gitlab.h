#pragma once
/*
 * gitlab — GitLab's REST API as far as this product needs it, and what its answers mean.
 *
 * Every function classifies failures into the catalogue (failure modes F05–F28, F32–F38 of GitLab as measured; classifier order:
 * transport, redirect, content type, 429, 401/403 by error, error_description and message, 404, 5xx). `message` may be a string or
 * an object; GitLab's sentence is relayed masked. No retries. Floor: gitlab.
 */
#include "http_client.h"
#include "instance_url.h"
#include "json.h"
#include "scope.h"

/* Where and as whom to ask. Borrowed. */
struct gitlab_access {
	struct http_client *client;
	const struct instance_url *instance;
	const struct secret *token;
	const char *ca_file; /* NULL: default */
	const char *request_id;
};

enum gitlab_warning { GITLAB_WARN_IS_BOT = 1, GITLAB_WARN_SCOPES_UNKNOWN = 2, GITLAB_WARN_GRANULAR = 4 };

/* The account behind a token. Strings owned; gitlab_account_release. */
struct gitlab_account {
	char *id; /* decimal text */
	char *username;
	char *name;
	char *email;      /* NULL: not shown */
	char *token_name; /* NULL: unknown */
	char *scopes;     /* joined by blanks; NULL: unknown */
	char *expires_at; /* "YYYY-MM-DD" or NULL */
	bool is_bot;
};
#define GITLAB_ACCOUNT_INIT ZERO_INIT
void gitlab_account_release(struct gitlab_account *account);

/*
 * Asks /user and /personal_access_tokens/self in parallel. Succeeds when the token is accepted and its owner known. A 403 for
 * missing scope on /user is ERR_TOKEN_SCOPE_MISSING naming what /self says it has; an inactive token in /self is refused although
 * /user answers; an OAuth token (400 on /self) is ERR_TOKEN_WRONG_KIND; a /self that does not exist (< 15.5) leaves scopes NULL.
 */
bool gitlab_account_get(const struct gitlab_access *access, struct gitlab_account *ret, struct error *err) MUST_CHECK;

/* A project as the token sees it. */
struct gitlab_project {
	int64_t id;
	char *path;           /* path_with_namespace, canonical case. Owned, as all strings */
	char *web_url;        /* built on our instance, not GitLab's external_url */
	char *clone_url;      /* "<instance>/<path>.git" */
	char *default_branch; /* NULL: empty repository */
	bool empty, archived, deleting, repository_disabled, mirror;
	int access_level; /* the user's: highest of project, group and (asked when both are below 30) members/all; 0: none known */
	bool moved;       /* the asked path was an old name */
};
#define GITLAB_PROJECT_INIT ZERO_INIT
void gitlab_project_release(struct gitlab_project *project);

/* By path (follows a rename by id, on our own origin) or, with path NULL, by id. `user_id` may be NULL (then members/all is not
 * asked). */
bool gitlab_project_get(const struct gitlab_access *access, const char *path, int64_t id, const char *user_id,
                        struct gitlab_project *ret, struct error *err) MUST_CHECK;

enum gitlab_branch_state { GITLAB_BRANCH_MISSING, GITLAB_BRANCH_OPEN, GITLAB_BRANCH_PROTECTED, GITLAB_BRANCH_UNKNOWN };
struct gitlab_branch {
	enum gitlab_branch_state state;
	char commit[65];
	bool is_default;
	bool is_protected; /* whoever may push to it */
};

/*
 * Whether the user may push to this branch. A missing branch is compared with the wildcards of /protected_branches (403: unknown).
 * PROTECTED means: exists or would be protected, and the user may not push.
 */
bool gitlab_branch_get(const struct gitlab_access *access, int64_t project_id, int access_level, const char *user_id,
                       const char *branch, struct gitlab_branch *ret, struct error *err) MUST_CHECK;

/*
 * The last word on pushing: git-receive-pack's advertisement is asked for and its first bytes judged. Only with a project that
 * gitlab_project_get has just confirmed: on a missing path this very request would create a project.
 */
bool gitlab_push_probe(const struct gitlab_access *access, const struct gitlab_project *project, struct error *err) MUST_CHECK;

/* Role name for a level: "Developer". */
const char *gitlab_role_name(int access_level);
