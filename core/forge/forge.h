#pragma once
/*
 * forge — what this product needs of a server that hosts repositories, the same for GitLab and GitHub: accounts, projects,
 * branches, the right to push, and looking at files. gitlab.h and github.h each give one `struct forge`; whoever asks through it
 * need not know which.
 *
 * Every function that fails has classified the failure into the catalogue, in the forge's own words where they help (masked, one
 * line), and repeats nothing. Thread-safe. Floor: forge.
 */
#include "http_client.h"
#include "instance_url.h"
#include "json.h"
#include "provider.h"
#include "scope.h"

struct forge;

/* Where and as whom to ask. Borrowed. */
struct forge_access {
	const struct forge *forge;
	struct http_client *client;
	const struct instance_url *instance;
	const struct secret *token;
	struct instance_route route;
	const char *request_id;
	int64_t until_ms; /* clock_monotonic_ms: what is asked shortly before or later gets no more than a second. 0: no end */
};

/* The account behind a token. Strings owned; forge_account_release. */
struct forge_account {
	char *id; /* decimal text */
	char *username;
	char *name;
	char *email;      /* NULL: not shown */
	char *token_name; /* NULL: unknown */
	char *scopes;     /* joined by blanks; NULL: unknown */
	char *expires_at; /* "YYYY-MM-DD" or NULL */
	bool is_bot;
};
#define FORGE_ACCOUNT_INIT ZERO_INIT
void forge_account_release(struct forge_account *account);

/* Whether a server's word for a name, an e-mail address or a date can be kept: 1 to 1020 bytes, 255 characters of any script,
 * without control characters, which would end a line of a commit. NULL cannot. */
bool forge_text_is_short(const char *text);

/* A project (GitHub: repository) as the token sees it. */
struct forge_project {
	int64_t id;
	char *path;           /* with its groups or owner, canonical case. Owned, as all strings but `role` */
	char *web_url;        /* built on our instance, not on what the server believes its address is */
	char *clone_url;      /* "<instance>/<path>.git" */
	char *api_url;        /* of the project, by id */
	char *default_branch; /* NULL: empty repository, or hidden from this user */
	bool empty, archived, deleting, repository_disabled, mirror;
	bool merge_requests_disabled;
	bool importing;   /* its repository is still being filled: neither complete nor to be written to */
	int access_level; /* GitLab's numbers (10 Guest, 20 Reporter, 30 Developer, 40 Maintainer, 50 Owner); 0: none known */
	const char *role; /* the forge's name for it: "Developer", "Write". Static */
	bool moved;       /* the asked path was an old name */
};
#define FORGE_PROJECT_INIT ZERO_INIT
void forge_project_release(struct forge_project *project);

enum forge_branch_state { FORGE_BRANCH_MISSING, FORGE_BRANCH_OPEN, FORGE_BRANCH_PROTECTED, FORGE_BRANCH_UNKNOWN };
struct forge_branch {
	/* PROTECTED: it exists or would be protected, and the user may not push. UNKNOWN: missing, and the rules are not shown. */
	enum forge_branch_state state;
	char commit[65]; /* "": it does not exist */
	bool is_default;
	bool is_protected; /* whoever may push to it */
};

/* One row of a list of branches. Strings owned. */
struct forge_branch_row {
	char *name;
	bool is_protected, is_default;
	/* Of its newest commit; "" where the forge's list does not tell. `message`: its first line; `timestamp`: RFC 3339. */
	char *sha, *message, *author, *timestamp;
};
struct forge_branch_list {
	struct forge_branch_row *items;
	size_t count;
};
#define FORGE_BRANCH_LIST_INIT ZERO_INIT
void forge_branch_list_release(struct forge_branch_list *list);

/* One entry of a folder. Strings owned. */
struct forge_tree_entry {
	char *name, *path;
	char *type; /* "blob", "tree", "commit" (a submodule) */
	char *mode; /* git's: "100644", "100755", "120000", "040000", "160000" */
	char *sha;
	int64_t size; /* -1: the forge does not tell */
};
struct forge_tree {
	struct forge_tree_entry *items;
	size_t count;
};
#define FORGE_TREE_INIT ZERO_INIT
void forge_tree_release(struct forge_tree *tree);

/*
 * What a pasted "main/docs/guide.md" begins with: the longest branch or tag of that name; of two with the same name the branch. A
 * full commit id at the begin is neither, and is not asked about.
 */
struct forge_ref {
	char *name; /* NULL: neither. Owned */
	bool is_tag;
	char *path; /* what follows the name or the commit id, "" for nothing or without either. Owned */
};
#define FORGE_REF_INIT ZERO_INIT
void forge_ref_release(struct forge_ref *ref);

/* A merge request (GitHub: pull request) between two branches of one project, as it is wanted. Borrowed. */
struct forge_merge_wish {
	const char *source_branch, *target_branch;
	const char *title; /* without a word about drafts */
	const char *description;
	const char *const *labels; /* none holds a comma */
	size_t label_count;
	bool draft;
};

/* What there is in the end; forge_merge_request_release. */
struct forge_merge_request {
	int64_t number;
	char *web_url;         /* built on our instance */
	bool existed;          /* one between these branches was open already; it is left as it is */
	struct error unmarked; /* it is open, but the labels could not be put on it. ERR_NONE: they could, or none were wanted */
};
#define FORGE_MERGE_REQUEST_INIT ZERO_INIT
void forge_merge_request_release(struct forge_merge_request *request);

enum git_service { GIT_UPLOAD_PACK, GIT_RECEIVE_PACK };

struct forge {
	enum provider provider;
	const char *title;       /* "GitLab", as sentences name it */
	const char *git_user;    /* Basic user for git over HTTP, the token is the password */
	const char *token_shown; /* a user's token in logs: "glpat-***" */

	/* Appends where the API of the instance begins: "https://host/api/v4". */
	void (*api_base)(const struct instance_url *instance, struct strbuf *to);
	/* Appends where the API shows a project, by its path. */
	void (*api_project)(const struct instance_url *instance, const char *path, struct strbuf *to);
	struct scope_verdict (*judge_scopes)(const char *scopes);

	/* Whom the token belongs to, whether it works, and what it may do. */
	bool (*account_get)(const struct forge_access *access, struct forge_account *ret, struct error *err);

	/* By path (follows a rename by id, on our own origin) or, with path NULL, by id. `user_id` NULL: rights that need another
	 * question are not asked for. */
	bool (*project_get)(const struct forge_access *access, const char *path, int64_t id, const char *user_id,
	                    struct forge_project *ret, struct error *err);

	/* Whether the user may push to this branch; one round trip, also for a branch that does not exist. */
	bool (*branch_get)(const struct forge_access *access, const struct forge_project *project, const char *user_id,
	                   const char *branch, struct forge_branch *ret, struct error *err);

	/*
	 * The last word on fetching and pushing: git's own advertisement is asked for and its first bytes judged. Only with a
	 * project that project_get has just confirmed: asked for receive-pack on a missing path, GitLab would create a project.
	 */
	bool (*git_probe)(const struct forge_access *access, const struct forge_project *project, enum git_service service,
	                  struct error *err);

	bool (*find_ref)(const struct forge_access *access, const struct forge_project *project, const char *pasted,
	                 struct forge_ref *ret, struct error *err);

	/* All pages, in the forge's order; more than LIMIT_BRANCHES: ERR_LIST_TOO_LONG. An empty repository has none. */
	bool (*branches)(const struct forge_access *access, const struct forge_project *project, struct forge_branch_list *ret,
	                 struct error *err);
	/* One folder; path "" is the top, ref NULL the default branch. ERR_REF_NOT_FOUND, ERR_PATH_NOT_FOUND, ERR_LIST_TOO_LONG. */
	bool (*tree)(const struct forge_access *access, const struct forge_project *project, const char *ref, const char *path,
	             struct forge_tree *ret, struct error *err);
	/* A file's bytes, at most LIMIT_BLOB (ERR_FILE_TOO_LARGE). A folder is ERR_PATH_NOT_FOUND. */
	bool (*blob)(const struct forge_access *access, const struct forge_project *project, const char *ref, const char *path,
	             struct strbuf *ret, struct error *err);

	/*
	 * Opens the merge request, or finds the one that is open between these branches: asked again, after a crash too, it gives
	 * the same. ERR_MERGE_REQUESTS_DISABLED, ERR_MERGE_REQUEST_FORBIDDEN, ERR_MERGE_REQUEST_REFUSED (the forge's own sentence
	 * says why), ERR_TOKEN_SCOPE_MISSING, ERR_TOKEN_PERMISSION_MISSING.
	 */
	bool (*merge_request_open)(const struct forge_access *access, const struct forge_project *project,
	                           const struct forge_merge_wish *wish, struct forge_merge_request *ret, struct error *err);

	/*
	 * What an HTTP answer of the git routes means: status and up to the first 4 KiB of a text body. Always fills err, returns
	 * false. `retry_after` is the header's value, NULL or "" without one.
	 */
	bool (*classify_git)(enum git_service service, int status, const char *body, size_t body_length, const char *retry_after,
	                     const char *host, const char *project_path, struct error *err);
	/*
	 * Whether such an answer bans this server from the whole instance, and for how long. Only the forge's own words for it as
	 * the whole text are believed: one user must not stop an instance for all others. NULL: the forge has no such words.
	 */
	bool (*git_ban)(int status, const char *body, size_t body_length, const char *retry_after, const char *host,
	                unsigned *ret_seconds);
	/*
	 * What the remote's words about a refused ref mean. `sideband` is everything that came on band 2 (may be ""), `reason` the
	 * ref's status ("pre-receive hook declined"). Always fills err, returns false.
	 */
	bool (*classify_push)(const char *sideband, const char *reason, const char *branch, const char *project_path,
	                      struct error *err);
};
