#include "gitlab_sentence.h"

#include "clock.h"
#include "redact.h"

enum { WAIT_UNKNOWN_S = 60 };

/* "https://gitlab.com/groups/G/-/saml/sso?token=…" without its query, which holds a token; "" if the sentence has no address. */
static void sso_address(const char *text, struct strbuf *to)
{
	const char *from = strcasestr(text, "https://");

	if (from)
		redact_sentence(NULL, from, strcspn(from, "?# \t\r\n\"'<>"), LIMIT_URL_MAX, to);
}

static bool sso_required(const char *text, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf address = STRBUF_INIT(LIMIT_URL_MAX);

	sso_address(text, &address);
	return error_set(err, ERR_SSO_REQUIRED,
	                 "The group requires an active single sign-on session: sign in at %s in a browser, then retry. "
	                 "A service or group token is exempt.",
	                 address.length ? address.data : "the group's page");
}

bool sentence_ip_banned(const char *host, struct error *err)
{
	/* GitLab.com bans for 15 minutes; Rack Attack's default elsewhere is an hour. */
	unsigned minutes = strcmp(host, "gitlab.com") == 0 ? 15 : 60;

	error_set(err, ERR_IP_BANNED,
	          "%s temporarily blocks this server after failed logins. Such a block usually ends after %u minutes.", host,
	          minutes);
	if (err)
		err->retry_after_s = minutes * 60;
	return false;
}

/* In this order: "Your password expired" comes with accounts that are otherwise fine, "blocked" is part of other sentences. */
static const struct {
	const char *part;
	enum error_code code;
} account_states[] = {
        {"password expired", ERR_ACCOUNT_PASSWORD_EXPIRED},
        {"Terms of Service", ERR_ACCOUNT_TERMS},
        {"has been deactivated", ERR_ACCOUNT_DEACTIVATED},
        {"is not confirmed", ERR_ACCOUNT_UNCONFIRMED},
        {"account has been blocked", ERR_ACCOUNT_BLOCKED},
        {"hence blocked", ERR_ACCOUNT_BLOCKED},
        {"internal users", ERR_ACCOUNT_BLOCKED},
};

bool sentence_judge(const char *text, const char *host, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(account_states); i++) {
		if (!sentence_has(text, account_states[i].part))
			continue;
		CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);
		sentence_relay(text, strlen(text), &said);
		error_set(err, account_states[i].code, "GitLab says: %s", said.data);
		return true;
	}
	if (sentence_has(text, "valid SSO session")) {
		sso_required(text, err);
	} else if (sentence_has(text, "Too many failed authentication attempts")) {
		sentence_ip_banned(host, err);
	} else if (sentence_has(text, "maintenance mode") || sentence_has(text, "read-only GitLab instance")) {
		error_set(err, ERR_INSTANCE_READ_ONLY, "%s is in maintenance mode: reading works, pushing does not. Try later.",
		          host);
	} else if (sentence_has(text, "temporarily read-only")) {
		error_set(err, ERR_INSTANCE_READ_ONLY, "The repository is read-only on %s for the moment. Try later.", host);
	} else {
		return false;
	}
	return true;
}

bool sentence_rate_limited(const char *host, const char *retry_after, const char *reset, struct error *err)
{
	unsigned wait_s = WAIT_UNKNOWN_S;
	bool asked = sentence_wait(retry_after, reset, clock_now_s(), &wait_s);

	error_set(err, ERR_RATE_LIMITED, "GitLab API rate limit exceeded. Please wait a few minutes before retrying.%s %s %u s.",
	          strcmp(host, "gitlab.com") == 0 ? " GitLab.com allows 300 requests per minute." : "",
	          asked ? "GitLab asks to wait" : "Wait", wait_s);
	if (err)
		err->retry_after_s = wait_s;
	return false;
}

bool sentence_not_found(const char *project_path, const char *host, struct error *err)
{
	return error_set(err, ERR_REPO_NOT_FOUND,
	                 "Repository not found. %s was not found on %s, or the connected account may not see it. "
	                 "Check spelling and membership (private projects, IP restrictions and unaccepted SSO look the same).",
	                 project_path, host);
}

bool sentence_no_read_role(const char *project_path, struct error *err)
{
	return error_set(
	        err, ERR_REPO_NO_READ,
	        "Insufficient permissions. The connected account may not read the code of %s. Reporter or higher is needed.",
	        project_path);
}

/* The documented sentence, word for word. */
#define PUSH_FORBIDDEN_TEXT                                                                                                        \
	"GitLab push failed: Insufficient permissions. Ensure your GitLab token has 'write_repository' scope. "                    \
	"You can update your token by reconnecting your GitLab account with the required permissions."

bool sentence_push_forbidden(struct error *err)
{
	return error_set(err, ERR_PUSH_FORBIDDEN, "%s", PUSH_FORBIDDEN_TEXT);
}

bool sentence_no_push_role(const char *project_path, struct error *err)
{
	return error_set(err, ERR_REPO_NO_PUSH,
	                 "Insufficient permissions. The connected account may not push to %s; pushing needs Developer or higher.",
	                 project_path);
}

bool sentence_archived(const char *project_path, struct error *err)
{
	return error_set(err, ERR_REPO_ARCHIVED, "%s is archived and read-only.", project_path);
}
