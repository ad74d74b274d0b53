#include "routes.h"

#include "git_gate.h"
#include "handle_account.h"
#include "handle_gate.h"
#include "handle_health.h"
#include "handle_session.h"

#define ACCOUNT(method, base, verb, access, pools, body, handler)                                                                  \
	{                                                                                                                          \
		method, base "/auth/gitlab/" verb, pools, access, body, LIMIT_BODY_AUTH, false, handler                            \
	}
/* The user's account, with and without a project in front. */
#define ACCOUNTS(base, access)                                                                                                     \
	ACCOUNT("POST", base, "connect", access, POOL_CONNECT, BODY_JSON, handle_connect),                                         \
	        ACCOUNT("GET", base, "status", access, POOL_STATUS, BODY_NONE, handle_status),                                     \
	        ACCOUNT("POST", base, "disconnect", access, POOL_CONNECT, BODY_JSON_OPTIONAL, handle_disconnect),                  \
	        ACCOUNT("DELETE", base, "disconnect", access, POOL_CONNECT, BODY_JSON_OPTIONAL, handle_disconnect),                \
	        ACCOUNT("POST", base, "test", access, POOL_CONNECT, BODY_JSON, handle_test)

#define SESSIONS "/api/projects/{project}/agentic-sessions"
#define GATE     "/git/{session}/{repository}.git"

/* clang-format off */
const struct route routes[] = {
	ACCOUNTS("/api", ACCESS_CALLER),
	ACCOUNTS("/api/projects/{project}", ACCESS_PROJECT),
	{"GET",    "/api/auth/integrations/status", POOL_STATUS, ACCESS_CALLER, BODY_NONE, 0, false, handle_integrations},

	{"POST",   SESSIONS,                        POOL_REPOSITORIES, ACCESS_PROJECT, BODY_JSON, LIMIT_BODY_DEFAULT, false,
	 handle_session_create},
	{"GET",    SESSIONS,                        POOL_REPOSITORIES, ACCESS_PROJECT, BODY_NONE, 0, false, handle_session_list},
	{"GET",    SESSIONS "/{session}",           POOL_REPOSITORIES, ACCESS_PROJECT, BODY_NONE, 0, false, handle_session_show},
	{"DELETE", SESSIONS "/{session}",           POOL_REPOSITORIES, ACCESS_PROJECT, BODY_NONE, 0, false, handle_session_delete},
	{"POST",   SESSIONS "/{session}/git/push",  POOL_REPOSITORIES, ACCESS_PROJECT, BODY_NONE, 0, false, handle_session_push},

	{"POST",   "/git/{session}/preflight",      POOL_GIT, ACCESS_SESSION, BODY_NONE, 0, false, handle_preflight},
	{"GET",    "/git/{session}/outcomes",       POOL_GIT, ACCESS_SESSION, BODY_NONE, 0, false, handle_outcomes},
	{"GET",    GATE "/info/refs",               POOL_GIT, ACCESS_SESSION, BODY_STREAM, 0, true, git_gate_info_refs},
	{"POST",   GATE "/git-upload-pack",         POOL_GIT, ACCESS_SESSION, BODY_STREAM, 0, true, git_gate_upload_pack},
	{"POST",   GATE "/git-receive-pack",        POOL_GIT, ACCESS_SESSION, BODY_STREAM, 0, true, git_gate_receive_pack},

	/* Every pool answers these, so that each can be probed. */
	{"GET",    "/livez",                        POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_live},
	{"GET",    "/healthz",                      POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_live},
	{"GET",    "/health",                       POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_live},
	{"GET",    "/readyz",                       POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_ready},
	{"GET",    "/api/version",                  POOL_ALL, ACCESS_PUBLIC, BODY_NONE, 0, false, handle_version},
};
/* clang-format on */
const size_t route_count = ARRAY_SIZE(routes);
