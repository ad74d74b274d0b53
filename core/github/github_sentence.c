#include "github_sentence.h"

#include "alloc.h"
#include "clock.h"
#include "github_api.h"
#include "redact.h"

enum { WAIT_UNKNOWN_S = 60, BAN_S = 3600 };

/* The catalogue's remedies speak of GitLab in these cases. */
static const struct {
	enum error_code code;
	const char *remedy;
} remedies[] = {
        {ERR_TOKEN_INVALID, "Check that the token was copied completely and was created on this GitHub, then reconnect."},
        {ERR_TOKEN_REFUSED, "Use a token of a kind that the organization accepts, or ask one of its owners."},
        {ERR_TOKEN_SCOPE_MISSING,
         "Create a classic token with the scope 'repo', or a fine-grained one with Contents: Read and write."},
        {ERR_TOKEN_PERMISSION_MISSING,
         "Give the token Contents: Read and write and Metadata: Read for this repository; a classic token needs the scope 'repo'."},
        {ERR_ACCOUNT_BLOCKED, "Ask GitHub's support, or the administrator of the GitHub server, to restore the account."},
        {ERR_INSTANCE_BLOCKED, "Try later, or ask the administrator of the GitHub server or organization to allow this server."},
        {ERR_INSTANCE_FORBIDDEN,
         "If this is your GitHub server, an operator can allow its address (ACP_INSTANCES_FILE or ACP_EGRESS_ALLOW)."},
        {ERR_INSTANCE_NOT_API, "Check that the address is that of a GitHub server."},
        {ERR_REPO_NOT_FOUND, "Check the spelling, and that the connected account and its token may see the repository."},
        {ERR_REPO_ARCHIVED, "Ask an administrator of the repository to unarchive it."},
        {ERR_REPO_DISABLED, "Open the repository's page on GitHub; its owner can see the reason there."},
        {ERR_REPO_NO_READ, "Ask an administrator of the repository for the Read role or higher."},
        {ERR_REPO_NO_PUSH, "Ask an administrator of the repository for the Write role, and check what the token allows."},
        {ERR_BRANCH_PROTECTED, "Push to another branch and open a pull request, or ask an administrator of the repository."},
        {ERR_SSO_REQUIRED, "Authorize the token for the organization's single sign-on in a browser, then try again."},
        {ERR_PUSH_FORBIDDEN,
         "Reconnect with a classic token that has the scope 'repo', or a fine-grained one with Contents: Read and write."},
        {ERR_PUSH_REJECTED, "Follow GitHub's sentence; the work is kept in the session's workspace."},
};

bool github_has_scope(const char *scopes, const char *scope)
{
	size_t length = strlen(scope);

	for (const char *at = scopes; *at;) {
		size_t word = strcspn(at, ", ");
		if (word == length && memcmp(at, scope, length) == 0)
			return true;
		at += word + strspn(at + word, ", ");
	}
	return false;
}

bool github_remedy(struct error *err)
{
	for (size_t i = 0; err && !err->remediation[0] && i < ARRAY_SIZE(remedies); i++)
		if (remedies[i].code == err->code)
			error_remedy(err, "%s", remedies[i].remedy);
	return false;
}

bool github_error(struct error *err, enum error_code code, const char *format, ...)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(2 * sizeof(err->message));
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	error_set(err, code, "%s", text.data);
	return github_remedy(err);
}

/* "required; url=https://github.com/orgs/octo/sso?authorization_request=…" without its query, which authorizes whoever has it. */
static bool sso_required(const struct http_call *call, const char *text, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf address = STRBUF_INIT(LIMIT_URL_MAX);
	const char *header = call ? github_header(call, HEADER_SSO) : NULL;
	const char *from = strcasestr(header ? header : text, "https://");

	if (header && from)
		redact_sentence(NULL, from, strcspn(from, "?#; \t\r\n\"'<>"), LIMIT_URL_MAX, &address);
	return github_error(
	        err, ERR_SSO_REQUIRED,
	        "Insufficient permissions. The organization requires single sign-on for this token: authorize the token "
	        "for it%s%s in a browser (Settings > Developer settings > Personal access tokens > Configure SSO), then "
	        "retry.",
	        address.length ? " at " : "", address.data);
}

static bool permission_missing(const struct http_call *call, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf needs = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);
	const char *header = call ? github_header(call, HEADER_PERMISSIONS) : NULL;

	if (header && header[0])
		sentence_relay(header, strlen(header), &needs);
	return github_error(
	        err, ERR_TOKEN_PERMISSION_MISSING,
	        "Insufficient permissions. The token may not do this in this repository%s%s. It needs Contents: Read and "
	        "write, and Metadata: Read.",
	        needs.length ? "; GitHub asks for " : "", needs.data);
}

static bool ip_not_allowed(const char *said, struct error *err)
{
	github_error(err, ERR_INSTANCE_BLOCKED,
	             "Insufficient permissions. The organization allows only listed IP addresses, and this server's is not among "
	             "them. GitHub says: %s",
	             said);
	return error_remedy(err, "Ask an owner of the organization to add this server's address to its IP allow list.");
}

static bool banned(const char *host, struct error *err)
{
	error_set(err, ERR_IP_BANNED, "%s temporarily blocks this account or server after failed logins. Try again later.", host);
	if (err)
		err->retry_after_s = BAN_S;
	return false;
}

/* What is found in GitHub's sentence, in this order. */
enum state { SSO, ALLOW_LIST, PERMISSION, REFUSED_KIND, SUSPENDED, BANNED, BLOCKED, MAINTENANCE };
static const struct {
	const char *part;
	enum state state;
} states[] = {
        {"SAML", SSO},
        {"single sign-on", SSO},
        {"IP allow list", ALLOW_LIST},
        {"Resource not accessible by", PERMISSION},
        {"forbids access via a", REFUSED_KIND},
        {"account was suspended", SUSPENDED},
        {"account is suspended", SUSPENDED},
        {"login attempts exceeded", BANNED},
        {"access blocked", BLOCKED},
        {"disabled by GitHub", BLOCKED},
        {"is disabled", BLOCKED},
        {"unavailable due to DMCA", BLOCKED},
        {"maintenance", MAINTENANCE},
        {"read-only mode", MAINTENANCE},
};

static void judge_state(enum state state, const struct http_call *call, const char *text, const char *host, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sentence_relay(text, strlen(text), &said);
	switch (state) {
	case SSO:
		sso_required(call, text, err);
		break;
	case ALLOW_LIST:
		ip_not_allowed(said.data, err);
		break;
	case PERMISSION:
		permission_missing(call, err);
		break;
	case REFUSED_KIND:
		github_error(err, ERR_TOKEN_REFUSED, "Insufficient permissions. GitHub refuses this token: %s", said.data);
		break;
	case SUSPENDED:
		github_error(err, ERR_ACCOUNT_BLOCKED, "GitHub says: %s", said.data);
		break;
	case BANNED:
		banned(host, err);
		break;
	case BLOCKED:
		github_error(err, ERR_REPO_DISABLED, "GitHub has blocked this repository: %s", said.data);
		break;
	case MAINTENANCE:
		error_set(err, ERR_INSTANCE_READ_ONLY, "%s is in maintenance mode. Try later.", host);
		break;
	}
}

bool github_sentence_judge(const struct http_call *call, const char *text, const char *host, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (!sentence_has(text, states[i].part))
			continue;
		judge_state(states[i].state, call, text, host, err);
		return true;
	}
	return false;
}

bool github_rate_limited(const char *host, const char *retry_after, const char *reset, struct error *err)
{
	unsigned wait_s = WAIT_UNKNOWN_S;
	bool asked = sentence_wait(retry_after, reset, clock_now_s(), &wait_s);

	error_set(err, ERR_RATE_LIMITED, "GitHub API rate limit exceeded. Please wait a few minutes before retrying.%s %s %u s.",
	          strcmp(host, "github.com") == 0 ? " GitHub.com allows 5000 requests per hour." : "",
	          asked ? "GitHub asks to wait" : "Wait", wait_s);
	if (err)
		err->retry_after_s = wait_s;
	return false;
}

bool github_not_found(const char *project_path, const char *host, const struct http_call *call, struct error *err)
{
	CLEANUP(freep) char *scopes = call ? github_scopes_of(call) : NULL;
	/* GitHub hides private repositories from a classic token without this scope. */
	bool blind = scopes && !github_has_scope(scopes, "repo");

	return github_error(err, ERR_REPO_NOT_FOUND,
	                    "Repository not found. %s was not found on %s, or the connected account may not see it. Check spelling "
	                    "and access (private repositories outside a token's selection and single sign-on look the same).%s",
	                    project_path, host,
	                    blind ? " The token lacks the scope 'repo', without which private repositories are hidden." : "");
}

bool github_archived(const char *project_path, struct error *err)
{
	return github_error(err, ERR_REPO_ARCHIVED, "%s is archived and read-only.", project_path);
}

bool github_no_push_role(const char *project_path, const char *said, struct error *err)
{
	return github_error(err, ERR_REPO_NO_PUSH,
	                    "GitHub push failed: Insufficient permissions. The connected account or its token may not push to %s; "
	                    "pushing needs the Write role, and a token with the scope 'repo' or with Contents: Read and write. "
	                    "GitHub says: %s",
	                    project_path, said);
}

bool github_push_forbidden(const char *said, struct error *err)
{
	return github_error(err, ERR_PUSH_FORBIDDEN,
	                    "GitHub push failed: Insufficient permissions. Ensure your GitHub token has the scope 'repo', or "
	                    "Contents: Read and write for this repository. You can update your token by reconnecting your GitHub "
	                    "account with the required permissions. GitHub says: %s",
	                    said);
}
