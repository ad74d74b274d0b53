/* The exit code of every error: one table, so that scripts can tell the kinds apart whatever verb they run. */
#include "cli.h"

/* What judges a token, an instance or a repository is a check that failed; what concerns the machinery is a plain failure. */
static const unsigned char exits[ERR_COUNT] = {
        /* the command line said something unusable */
        [ERR_FIELD_MISSING] = CLI_USAGE,
        [ERR_FIELD_INVALID] = CLI_USAGE,
        [ERR_INSTANCE_URL_INVALID] = CLI_USAGE,
        [ERR_INSTANCE_INSECURE] = CLI_USAGE,
        [ERR_REPO_URL_INVALID] = CLI_USAGE,
        [ERR_BRANCH_INVALID] = CLI_USAGE,
        [ERR_SESSION_INVALID] = CLI_USAGE,
        [ERR_SESSION_NO_REPOSITORY] = CLI_USAGE,

        /* a check failed */
        [ERR_INSTANCE_NOT_API] = CLI_CHECK_FAILED,
        [ERR_INSTANCE_NOT_GITLAB] = CLI_CHECK_FAILED,
        [ERR_INSTANCE_ERROR] = CLI_CHECK_FAILED,
        [ERR_INSTANCE_READ_ONLY] = CLI_CHECK_FAILED,
        [ERR_NOT_CONNECTED] = CLI_CHECK_FAILED,
        [ERR_PROVIDER_UNKNOWN] = CLI_CHECK_FAILED,
        [ERR_REPO_IDENTITY_CHANGED] = CLI_CHECK_FAILED,
        [ERR_REPO_ARCHIVED] = CLI_CHECK_FAILED,
        [ERR_REPO_DELETING] = CLI_CHECK_FAILED,
        [ERR_REPO_DISABLED] = CLI_CHECK_FAILED,
        [ERR_PROXY_DECODES_PATHS] = CLI_CHECK_FAILED,
        [ERR_BRANCH_PROTECTED] = CLI_CHECK_FAILED,
        [ERR_DEFAULT_BRANCH_MISSING] = CLI_CHECK_FAILED,
        [ERR_INSTALLATION_SUSPENDED] = CLI_CHECK_FAILED,
        [ERR_GIT_HTTP_DISABLED] = CLI_CHECK_FAILED,
        [ERR_MERGE_REQUESTS_DISABLED] = CLI_CHECK_FAILED,
        [ERR_SEAL_BROKEN] = CLI_CHECK_FAILED,
        [ERR_KEYS_NOT_READY] = CLI_CHECK_FAILED,
        [ERR_SEAL_KEY_MISSING] = CLI_CHECK_FAILED,

        /* a token was not accepted: the caller's, or the one for GitLab or GitHub, or the account behind it */
        [ERR_UNAUTHENTICATED] = CLI_TOKEN_REFUSED,
        [ERR_TOKEN_MALFORMED] = CLI_TOKEN_REFUSED,
        [ERR_TOKEN_WRONG_KIND] = CLI_TOKEN_REFUSED,
        [ERR_TOKEN_INVALID] = CLI_TOKEN_REFUSED,
        [ERR_TOKEN_EXPIRED] = CLI_TOKEN_REFUSED,
        [ERR_TOKEN_REVOKED] = CLI_TOKEN_REFUSED,
        [ERR_TOKEN_REFUSED] = CLI_TOKEN_REFUSED,
        [ERR_TOKEN_IN_USE] = CLI_TOKEN_REFUSED,
        [ERR_ACCOUNT_BLOCKED] = CLI_TOKEN_REFUSED,
        [ERR_ACCOUNT_TERMS] = CLI_TOKEN_REFUSED,
        [ERR_ACCOUNT_PASSWORD_EXPIRED] = CLI_TOKEN_REFUSED,
        [ERR_ACCOUNT_UNCONFIRMED] = CLI_TOKEN_REFUSED,
        [ERR_ACCOUNT_DEACTIVATED] = CLI_TOKEN_REFUSED,
        [ERR_GIT_CREDENTIAL] = CLI_TOKEN_REFUSED,

        /* the token is good, but its scope or the user's role is not enough */
        [ERR_FORBIDDEN] = CLI_NO_PERMISSION,
        [ERR_TOKEN_SCOPE_MISSING] = CLI_NO_PERMISSION,
        [ERR_TOKEN_PERMISSION_MISSING] = CLI_NO_PERMISSION,
        [ERR_REPO_NO_READ] = CLI_NO_PERMISSION,
        [ERR_REPO_NO_PUSH] = CLI_NO_PERMISSION,
        [ERR_INSTALLATION_NOT_YOURS] = CLI_NO_PERMISSION,
        [ERR_SSO_REQUIRED] = CLI_NO_PERMISSION,
        [ERR_GIT_REF_FORBIDDEN] = CLI_NO_PERMISSION,
        [ERR_PUSH_FORBIDDEN] = CLI_NO_PERMISSION,
        [ERR_MERGE_REQUEST_FORBIDDEN] = CLI_NO_PERMISSION,

        /* it is not there */
        [ERR_NOT_FOUND] = CLI_NOT_FOUND,
        [ERR_REPO_NOT_FOUND] = CLI_NOT_FOUND,
        [ERR_BRANCH_NOT_FOUND] = CLI_NOT_FOUND,
        [ERR_REF_NOT_FOUND] = CLI_NOT_FOUND,
        [ERR_PATH_NOT_FOUND] = CLI_NOT_FOUND,
        [ERR_INSTALLATION_NOT_FOUND] = CLI_NOT_FOUND,
        [ERR_SESSION_NOT_FOUND] = CLI_NOT_FOUND,

        /* the way to it is not open */
        [ERR_INSTANCE_FORBIDDEN] = CLI_NO_NETWORK,
        [ERR_INSTANCE_REDIRECTED] = CLI_NO_NETWORK,
        [ERR_INSTANCE_UNRESOLVABLE] = CLI_NO_NETWORK,
        [ERR_INSTANCE_UNREACHABLE] = CLI_NO_NETWORK,
        [ERR_INSTANCE_TIMEOUT] = CLI_NO_NETWORK,
        [ERR_INSTANCE_TLS_UNTRUSTED] = CLI_NO_NETWORK,
        [ERR_INSTANCE_BLOCKED] = CLI_NO_NETWORK,
        [ERR_INSTANCE_RESTING] = CLI_NO_NETWORK,
        [ERR_GIT_REDIRECT_REFUSED] = CLI_NO_NETWORK,
        [ERR_GIT_STALLED] = CLI_NO_NETWORK,
        [ERR_PUSH_INTERRUPTED] = CLI_NO_NETWORK,

        /* it wants us to wait */
        [ERR_TOO_MANY_REQUESTS] = CLI_RATE_LIMITED,
        [ERR_RATE_LIMITED] = CLI_RATE_LIMITED,
        [ERR_IP_BANNED] = CLI_RATE_LIMITED,
};

enum cli_exit cli_exit_of(enum error_code code)
{
	return (unsigned)code < ERR_COUNT && exits[code] != CLI_OK ? (enum cli_exit)exits[code] : CLI_FAILED;
}

enum cli_exit cli_exit_of_answer(const char *code, int status)
{
	enum error_code known = error_code_of(code);

	if (known != ERR_NONE)
		return cli_exit_of(known);
	switch (status) {
	case 401:
		return CLI_TOKEN_REFUSED;
	case 403:
		return CLI_NO_PERMISSION;
	case 404:
		return CLI_NOT_FOUND;
	case 429:
		return CLI_RATE_LIMITED;
	default:
		return CLI_FAILED;
	}
}

enum cli_exit cli_exit_of_check(const char *code)
{
	enum cli_exit exit = cli_exit_of(error_code_of(code));

	return exit == CLI_FAILED || exit == CLI_USAGE ? CLI_CHECK_FAILED : exit;
}
