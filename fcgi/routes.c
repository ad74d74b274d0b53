#include "routes.h"

#include "git_gate.h"
#include "handle_account.h"
#include "handle_admission.h"
#include "handle_browse.h"
#include "handle_gate.h"
#include "handle_health.h"
#include "handle_installation.h"
#include "handle_metrics.h"
#include "handle_project.h"
#include "handle_session.h"
#include "handle_status.h"

#define ACCOUNT(method, base, verb, access, pools, body, handler)                                                                  \
	{                                                                                                                          \
		method, base "/auth/gitlab/" verb, pools, access, body, LIMIT_BODY_AUTH, false, handler                            \
	}
/* The user's GitLab accounts, with and without a project in front. */
#define ACCOUNTS(base, access)                                                                                                     \
	ACCOUNT("POST", base, "connect", access, POOL_CONNECT, BODY_JSON, handle_gitlab_connect),                                  \
	        ACCOUNT("GET", base, "status", access, POOL_STATUS, BODY_NONE, handle_gitlab_status),                              \
	        ACCOUNT("POST", base, "disconnect", access, POOL_CONNECT, BODY_JSON_OPTIONAL, handle_gitlab_disconnect),           \
	        ACCOUNT("DELETE", base, "disconnect", access, POOL_CONNECT, BODY_JSON_OPTIONAL, handle_gitlab_disconnect),         \
	        ACCOUNT("POST", base, "test", access, POOL_CONNECT, BODY_JSON, handle_gitlab_test), /* Opens the stored token. */  \
	        ACCOUNT("POST", base, "check", access, POOL_REPOSITORIES, BODY_JSON_OPTIONAL, handle_gitlab_check)

#define GITHUB(method, verb, pools, body, handler)                                                                                 \
	{                                                                                                                          \
		method, "/api/auth/github/" verb, pools, ACCESS_CALLER, body, LIMIT_BODY_AUTH, false, handler                      \
	}

#define PROJECT  "/api/projects/{project}"
#define SESSIONS PROJECT "/agentic-sessions"
#define GATE     "/git/{session}/{repository}.git"

/* clang-format off */
const struct route routes[] = {
	ACCOUNTS("/api", ACCESS_CALLER),
	ACCOUNTS(PROJECT, ACCESS_PROJECT_GET),
	{"GET",    "/api/auth/integrations/status", POOL_STATUS, ACCESS_CALLER, BODY_NONE, 0, false, handle_integrations},

	GITHUB("POST",   "pat",        POOL_CONNECT, BODY_JSON, handle_github_connect),
	GITHUB("DELETE", "pat",        POOL_CONNECT, BODY_JSON_OPTIONAL, handle_github_disconnect),
	GITHUB("GET",    "pat/status", POOL_STATUS, BODY_NONE, handle_github_pat_status),
	GITHUB("POST",   "test",       POOL_CONNECT, BODY_JSON, handle_github_test),
	GITHUB("POST",   "check",      POOL_REPOSITORIES, BODY_JSON_OPTIONAL, handle_github_check),
	/* Whose installation it is, the user's own token has to show; this pool can open it. */
	GITHUB("POST",   "install",    POOL_REPOSITORIES, BODY_JSON, handle_installation_add),
	GITHUB("GET",    "status",     POOL_STATUS, BODY_NONE, handle_github_status),
	GITHUB("POST",   "disconnect", POOL_CONNECT, BODY_JSON_OPTIONAL, handle_installations_remove),

	{"POST",   PROJECT "/repositories/validate", POOL_REPOSITORIES, ACCESS_PROJECT_GET, BODY_JSON, LIMIT_BODY_DEFAULT, false,
	 handle_validate},
	{"GET",    PROJECT "/repositories",         POOL_REPOSITORIES, ACCESS_PROJECT_GET, BODY_NONE, 0, false, handle_project_read},
	{"PUT",    PROJECT "/repositories",         POOL_REPOSITORIES, ACCESS_PROJECT_UPDATE, BODY_JSON, LIMIT_BODY_DEFAULT, false,
	 handle_project_write},
	{"GET",    PROJECT "/repo/branches",        POOL_REPOSITORIES, ACCESS_PROJECT_GET, BODY_NONE, 0, false, handle_branches},
	{"GET",    PROJECT "/repo/tree",            POOL_REPOSITORIES, ACCESS_PROJECT_GET, BODY_NONE, 0, false, handle_tree},
	{"GET",    PROJECT "/repo/blob",            POOL_REPOSITORIES, ACCESS_PROJECT_GET, BODY_NONE, 0, false, handle_blob},

	{"POST",   SESSIONS,                        POOL_REPOSITORIES, ACCESS_SESSIONS_CREATE, BODY_JSON, LIMIT_BODY_DEFAULT, false,
	 handle_session_create},
	{"GET",    SESSIONS,                        POOL_REPOSITORIES, ACCESS_SESSIONS_GET, BODY_NONE, 0, false, handle_session_list},
	{"GET",    SESSIONS "/{session}",           POOL_REPOSITORIES, ACCESS_SESSIONS_GET, BODY_NONE, 0, false, handle_session_show},
	{"DELETE", SESSIONS "/{session}",           POOL_REPOSITORIES, ACCESS_SESSIONS_DELETE, BODY_NONE, 0, false, handle_session_delete},
	{"POST",   SESSIONS "/{session}/preflight", POOL_REPOSITORIES, ACCESS_SESSIONS_GET, BODY_NONE, 0, false,
	 handle_session_preflight},
	{"POST",   SESSIONS "/{session}/repos",     POOL_REPOSITORIES, ACCESS_SESSIONS_UPDATE, BODY_JSON, LIMIT_BODY_DEFAULT, false,
	 handle_session_repository_add},
	{"GET",    SESSIONS "/{session}/repos/status", POOL_REPOSITORIES, ACCESS_SESSIONS_GET, BODY_NONE, 0, false,
	 handle_session_repositories},
	{"DELETE", SESSIONS "/{session}/repos/{repository}", POOL_REPOSITORIES, ACCESS_SESSIONS_UPDATE, BODY_NONE, 0, false,
	 handle_session_repository_remove},
	{"GET",    SESSIONS "/{session}/git/results", POOL_REPOSITORIES, ACCESS_SESSIONS_GET, BODY_NONE, 0, false,
	 handle_session_results},
	{"GET",    SESSIONS "/{session}/notification", POOL_REPOSITORIES, ACCESS_SESSIONS_GET, BODY_NONE, 0, false,
	 handle_session_notification},
	{"POST",   SESSIONS "/{session}/git/push",  POOL_REPOSITORIES, ACCESS_SESSIONS_UPDATE, BODY_NONE, 0, false, handle_session_push},

	{"POST",   "/git/{session}/preflight",      POOL_GIT, ACCESS_SESSION, BODY_NONE, 0, false, handle_preflight},
	{"GET",    "/git/{session}/outcomes",       POOL_GIT, ACCESS_SESSION, BODY_NONE, 0, false, handle_outcomes},
	{"POST",   "/git/{session}/{repository}/merge-request", POOL_GIT, ACCESS_SESSION, BODY_NONE, 0, false,
	 handle_merge_request},
	{"GET",    GATE "/info/refs",               POOL_GIT, ACCESS_SESSION, BODY_STREAM, 0, true, git_gate_info_refs},
	{"POST",   GATE "/git-upload-pack",         POOL_GIT, ACCESS_SESSION, BODY_STREAM, 0, true, git_gate_upload_pack},
	{"POST",   GATE "/git-receive-pack",        POOL_GIT, ACCESS_SESSION, BODY_STREAM, 0, true, git_gate_receive_pack},

	/* Each pool tells its own. */
	{"GET",    "/metrics",                      POOL_STATUS, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_metrics},
	{"GET",    "/metrics/connect",              POOL_CONNECT, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_metrics},
	{"GET",    "/metrics/repositories",         POOL_REPOSITORIES, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_metrics},
	{"GET",    "/metrics/git",                  POOL_GIT, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_metrics},

	/* Asked by the API server, on a listener of its own (nginx/admission.conf). */
	{"POST",   "/admission/v1",                POOL_STATUS, ACCESS_PUBLIC, BODY_FOREIGN_JSON, LIMIT_BODY_ADMISSION, false,
	 handle_admission},

	/* Every pool answers these, so that each can be probed. */
	{"GET",    "/livez",                        POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_live},
	{"GET",    "/healthz",                      POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_live},
	{"GET",    "/health",                       POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_live},
	{"GET",    "/readyz",                       POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_ready},
	{"GET",    "/api/version",                  POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_version},
	{"GET",    "/api/openapi.json",             POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_openapi},
};
/* clang-format on */
const size_t route_count = ARRAY_SIZE(routes);
