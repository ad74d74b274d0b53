#pragma once
/*
 * error_catalog — every error the product can report: code, stable name, HTTP status, what to do about it.
 *
 * Statuses follow the API contract: 400 the input or the given token is unusable; 401 and 403 are about the *caller*,
 * never about a GitLab token; 409 a conflict with what is stored; 422 GitLab refused a push; 429 with Retry-After;
 * 502/503/504 GitLab or the store. 500 is a bug of ours.
 * Floor: base.
 */
/* clang-format off */
#define ERROR_CATALOG(X) \
	/* the request */ \
	X(BAD_JSON,               "bad_json",               400, "Send one JSON object, without duplicate keys.") \
	X(FIELD_MISSING,          "field_missing",          400, "Add the field that the message names.") \
	X(FIELD_INVALID,          "field_invalid",          400, "Correct the field that the message names.") \
	X(BAD_REQUEST,            "bad_request",            400, "Send a well-formed HTTP request.") \
	X(UNAUTHENTICATED,        "unauthenticated",        401, "Send 'Authorization: Bearer <token>' with a token of this platform.") \
	X(FORBIDDEN,              "forbidden",              403, "Ask an administrator of the project for access.") \
	X(NOT_FOUND,              "not_found",              404, "See /api/openapi.json for the routes of this service.") \
	X(METHOD_NOT_ALLOWED,     "method_not_allowed",     405, "Use one of the methods in the Allow header.") \
	X(CONFLICT,               "conflict",               409, "Read the current state and try again.") \
	X(PRECONDITION_FAILED,    "precondition_failed",    412, "Read the current list with its ETag, apply the change to it, and send it again.") \
	X(BODY_TOO_LARGE,         "body_too_large",         413, "Send a smaller body.") \
	X(UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415, "Send 'Content-Type: application/json'.") \
	X(TOO_MANY_REQUESTS,      "too_many_requests",      429, "Wait as long as Retry-After says.") \
	X(INTERNAL,               "internal",               500, "Report this with the request id.") \
	/* the given token: the PAT is unusable, the caller is not */ \
	X(TOKEN_MALFORMED,          "token_malformed",          400, "Copy the whole token again from GitLab, without spaces.") \
	X(TOKEN_WRONG_KIND,         "token_wrong_kind",         400, "Create a personal access token in GitLab under Preferences > Access tokens.") \
	X(TOKEN_INVALID,            "token_invalid",            400, "Check that the token was copied completely and was created on this instance, then reconnect.") \
	X(TOKEN_EXPIRED,            "token_expired",            400, "Create a new token in GitLab and reconnect.") \
	X(TOKEN_REVOKED,            "token_revoked",            400, "Create a new token in GitLab and reconnect.") \
	X(TOKEN_REFUSED,            "token_refused",            400, "Ask the administrator of the GitLab instance why it refuses this token.") \
	X(TOKEN_SCOPE_MISSING,      "token_scope_missing",      400, "Create a token with the scope 'api', or with 'read_api' and 'write_repository'.") \
	X(TOKEN_PERMISSION_MISSING, "token_permission_missing", 400, "Create a new fine-grained token with User: Read, Project: Read, Code: Download and Push.") \
	X(TOKEN_IN_USE,             "token_in_use",             409, "Use a token of your own: each user connects a personal token.") \
	X(ACCOUNT_BLOCKED,          "account_blocked",          400, "Ask the administrator of the GitLab instance to unblock the account.") \
	X(ACCOUNT_TERMS,            "account_terms",            400, "Sign in to GitLab in a browser and accept its terms.") \
	X(ACCOUNT_PASSWORD_EXPIRED, "account_password_expired", 400, "Sign in to GitLab in a browser and set a new password.") \
	X(ACCOUNT_UNCONFIRMED,      "account_unconfirmed",      400, "Confirm the account's primary e-mail address in GitLab.") \
	X(ACCOUNT_DEACTIVATED,      "account_deactivated",      400, "Sign in to GitLab in a browser to reactivate the account.") \
	/* the instance */ \
	X(INSTANCE_URL_INVALID,   "instance_url_invalid",   400, "Use the address you open in the browser, for example https://gitlab.company.com.") \
	X(INSTANCE_INSECURE,      "instance_insecure",      400, "Use https, or ask an operator to list the instance.") \
	X(INSTANCE_FORBIDDEN,     "instance_forbidden",     400, "If this is your GitLab, an operator can allow its address (ACP_INSTANCES_FILE or ACP_EGRESS_ALLOW).") \
	X(INSTANCE_REDIRECTED,    "instance_redirected",    400, "Use the address that the instance redirects to.") \
	X(INSTANCE_UNRESOLVABLE,  "instance_unresolvable",  502, "Check the spelling of the host name.") \
	X(INSTANCE_UNREACHABLE,   "instance_unreachable",   502, "Check firewall and port, and that the instance is running.") \
	X(INSTANCE_TIMEOUT,       "instance_timeout",       504, "Check firewall and load of the instance, then try again.") \
	X(INSTANCE_TLS_UNTRUSTED, "instance_tls_untrusted", 502, "Ask an operator to add the instance's CA (ACP_INSTANCES_FILE or ACP_CA_FILE).") \
	X(INSTANCE_NOT_API,       "instance_not_api",       502, "Check the instance URL: a sub-path may be missing, or a single sign-on proxy is in front of it.") \
	X(INSTANCE_BLOCKED,       "instance_blocked",       503, "Try later, or ask the GitLab administrator to allow this server.") \
	X(INSTANCE_NOT_GITLAB,    "instance_not_gitlab",    502, "Check that the instance URL is the address of a GitLab server.") \
	X(INSTANCE_ERROR,         "instance_error",         502, "Try again in a few minutes.") \
	X(INSTANCE_READ_ONLY,     "instance_read_only",     503, "Try again when the instance has left maintenance.") \
	X(INSTANCE_RESTING,       "instance_resting",       503, "The instance failed several times in a row; try again in half a minute.") \
	X(RATE_LIMITED,           "rate_limited",           429, "Wait as long as the message says, then try again.") \
	X(IP_BANNED,              "ip_banned",              503, "Wait until the ban ends; an administrator of the instance can lift it.") \
	/* repositories */ \
	X(NOT_CONNECTED,          "not_connected",          409, "Connect the instance on the Integrations page.") \
	X(REPO_URL_INVALID,       "repo_url_invalid",       400, "Use an address such as https://gitlab.com/group/project.git.") \
	X(PROVIDER_UNKNOWN,       "provider_unknown",       400, "Set provider to gitlab or github.") \
	X(REPO_NOT_FOUND,         "repo_not_found",         404, "Check the spelling, and that the connected account is a member of the project.") \
	X(REPO_IDENTITY_CHANGED,  "repo_identity_changed",  409, "Confirm that the address still names the project you mean, then add it again.") \
	X(REPO_ARCHIVED,          "repo_archived",          409, "Ask an owner of the project to unarchive it.") \
	X(REPO_DELETING,          "repo_deleting",          409, "Ask an owner of the project to restore it.") \
	X(REPO_DISABLED,          "repo_disabled",          409, "Ask an owner of the project to enable its repository.") \
	X(REPO_NO_READ,           "repo_no_read",           403, "Ask a maintainer of the project for the Reporter role or higher.") \
	X(REPO_NO_PUSH,           "repo_no_push",           403, "Ask a maintainer of the project for the Developer role or higher.") \
	X(PROXY_DECODES_PATHS,    "proxy_decodes_paths",    502, "Ask the administrator of the proxy to pass %2F unchanged.") \
	X(BRANCH_INVALID,         "branch_invalid",         400, "Use a branch name that git accepts (git check-ref-format).") \
	X(BRANCH_NOT_FOUND,       "branch_not_found",       404, "Name an existing branch, or leave it out to start from the default branch.") \
	X(BRANCH_PROTECTED,       "branch_protected",       422, "Push to another branch and open a merge request, or ask a maintainer.") \
	X(REF_NOT_FOUND,          "ref_not_found",          404, "Name a branch, tag or commit of this repository.") \
	X(PATH_NOT_FOUND,         "path_not_found",         404, "Look at the folder above for what is there.") \
	X(FILE_TOO_LARGE,         "file_too_large",         413, "Clone the repository to work with files of this size.") \
	X(LIST_TOO_LONG,          "list_too_long",          413, "Clone the repository to see all of it.") \
	X(DEFAULT_BRANCH_MISSING, "default_branch_missing", 422, "Ask a maintainer of the project to create its default branch.") \
	/* the GitHub App */ \
	X(APP_NOT_CONFIGURED,     "github_app_not_configured", 409, "An operator must set ACP_GITHUB_APP_ID and ACP_GITHUB_APP_KEY_FILE; a personal token works without.") \
	X(INSTALLATION_NOT_FOUND, "installation_not_found", 404, "Install the platform's GitHub App for the account, and send the number of that installation.") \
	X(INSTALLATION_NOT_YOURS, "installation_not_yours", 403, "Connect your own GitHub token first: it shows that the installation's account is yours or that you own it.") \
	X(INSTALLATION_SUSPENDED, "installation_suspended", 409, "An owner of the account must unsuspend the GitHub App's installation.") \
	/* git */ \
	X(GIT_HTTP_DISABLED,      "git_http_disabled",      403, "Ask the administrator of the instance to enable Git over HTTPS.") \
	X(SSO_REQUIRED,           "sso_required",           403, "Sign in to the group's single sign-on in a browser, then try again.") \
	X(GIT_REDIRECT_REFUSED,   "git_redirect_refused",   502, "Connect the instance under the address that it redirects to.") \
	X(GIT_STALLED,            "git_stalled",            504, "Try again; if it happens again, check the instance and the network.") \
	X(GIT_FAILED,             "git_failed",             502, "Try again; if it happens again, report it with the session's name.") \
	X(GIT_CREDENTIAL,         "git_credential",         403, "Use the credential of this session, while the session runs.") \
	X(GIT_REF_FORBIDDEN,      "git_ref_forbidden",      403, "Push only to the session's own branch.") \
	X(PUSH_FORBIDDEN,         "push_forbidden",         422, "Reconnect with a token that has 'write_repository' or 'api'.") \
	X(PUSH_REJECTED,          "push_rejected",          422, "Follow GitLab's sentence; the work is kept in the session's workspace.") \
	X(PUSH_NOT_FAST_FORWARD,  "push_not_fast_forward",  409, "The branch has commits that the session does not know; push to another branch.") \
	X(PUSH_UNCONFIRMED,       "push_unconfirmed",       502, "Look at the branch in the browser, then push again.") \
	X(PUSH_INTERRUPTED,       "push_interrupted",       502, "Push again.") \
	X(MERGE_REQUESTS_DISABLED, "merge_requests_disabled", 409, "The branch is pushed. Ask an owner of the project to enable merge requests, or merge the branch by hand.") \
	X(MERGE_REQUEST_FORBIDDEN, "merge_request_forbidden", 403, "The branch is pushed. Ask a maintainer of the project to open the merge request, or for the role that may.") \
	X(MERGE_REQUEST_REFUSED,  "merge_request_refused",  422, "The branch is pushed. Correct what the sentence names and open the merge request on the branch's page.") \
	/* sessions */ \
	X(SESSION_INVALID,        "session_invalid",        400, "Correct the AgenticSession as the message says.") \
	X(SESSION_NOT_FOUND,      "session_not_found",      404, "List the project's sessions for their names.") \
	X(SESSION_ENDED,          "session_ended",          409, "Create a new session.") \
	X(SESSION_NO_REPOSITORY,  "session_no_repository",  400, "Name a repository in spec.outputRepo, spec.repositories or spec.repos.") \
	X(SESSION_LOST,           "session_lost",           409, "Another worker has taken the session over.") \
	X(AGENT_FAILED,           "agent_failed",           500, "Read the agent's output in the session's status.") \
	X(AGENT_TOO_LARGE,        "agent_too_large",        413, "Ask for less in one session, or raise ACP_WORKSPACE_MAX or ACP_AGENT_MEMORY_MAX.") \
	X(AGENT_TIMEOUT,          "agent_timeout",          504, "Ask for less in one session, or raise ACP_AGENT_TIMEOUT.") \
	X(AGENT_UNCONFINED,       "agent_unconfined",       500, "Run on a kernel with seccomp and Landlock (Linux 5.13 or newer); ACP_AGENT_UNCONFINED=on does without Landlock.") \
	X(WORKSPACE_FAILED,       "workspace_failed",       500, "Check space and permissions of ACP_WORKSPACES.") \
	/* storage and configuration */ \
	X(STORE_UNAVAILABLE,        "store_unavailable",        503, "Try again; an operator can run 'acp-gitlab db status'.") \
	X(STORE_NOT_READY,          "store_not_ready",          503, "An operator must run 'acp-gitlab db migrate' or 'acp-gitlab rebuild-index'.") \
	X(SECRET_STORE_UNAVAILABLE, "secret_store_unavailable", 503, "Try again in a few minutes.") \
	X(KEYS_NOT_READY,           "keys_not_ready",           503, "An operator must put the key files right; 'acp-gitlab keys check' says what is wrong.") \
	X(SEAL_KEY_MISSING,         "seal_key_missing",         503, "An operator must put the key back; 'acp-gitlab keys status' names it.") \
	X(SECRET_STORE_NOT_READY,   "secret_store_not_ready",   503, "An operator must put the rights of this service or its settings right; 'acp-gitlab doctor' says what is wrong.") \
	X(SECRET_STORE_FULL,        "secret_store_full",        503, "An operator must make room: records of users who have left, or more Secrets (ACP_SECRET_SHARDS) in a new installation.") \
	X(KUBERNETES_UNAVAILABLE,   "kubernetes_unavailable",   503, "Try again in a few seconds; an operator can look at the API server and at the rights of this service.") \
	X(SEAL_BROKEN,              "seal_broken",              503, "Reconnect the account; an operator can run 'acp-gitlab keys check'.") \
	X(CONFIG_INVALID,           "config_invalid",           500, "Correct the setting and start again.") \
	X(SERVICE_UNAVAILABLE,      "service_unavailable",      503, "Try again in a few seconds.") \
	X(SERVICE_TIMEOUT,          "service_timeout",          504, "Try again in a few seconds.")
/* clang-format on */
