#include "gitlab_sentence.h"

#include "clock.h"
#include "redact.h"
#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include <time.h>

enum { WAIT_UNKNOWN_S = 60, WAIT_MAX_S = 24 * 60 * 60 };

bool sentence_has(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static const char *first_string(const json_t *value)
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_array(value))
		return json_array_size(value) > 0 ? first_string(json_array_get(value, 0)) : NULL;
	if (!json_is_object(value))
		return NULL;
	const char *key;
	const json_t *member;
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		const char *found = first_string(member);
		if (found)
			return found;
	}
	return NULL;
}

const char *sentence_of_json(const json_t *answer)
{
	static const char *const names[] = {"error_description", "message", "error"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *found = first_string(json_object_get(answer, names[i]));
		if (found && found[0])
			return found;
	}
	return "";
}

/* The length of "403 Forbidden - ", which Grape puts before its sentences; 0 if there is none. */
static size_t status_prefix(const char *text, size_t length)
{
	if (length < 4 || !isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]) || !isdigit((unsigned char)text[2]))
		return 0;
	const char *dash = memmem(text, length < 40 ? length : 40, " - ", 3);
	return dash ? (size_t)(dash + 3 - text) : 0;
}

void sentence_relay(const char *text, size_t length, struct strbuf *to)
{
	size_t skip = status_prefix(text, length);

	while (length > skip && isspace((unsigned char)text[length - 1]))
		length--;
	redact_sentence(NULL, text + skip, length - skip, LIMIT_GITLAB_SENTENCE, to);
}

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

static bool whole_number(const char *text, int64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno || *end)
		return false;
	*ret = value;
	return true;
}

/* "Wed, 21 Oct 2026 07:28:00 GMT" (RFC 9110 §5.6.7, the only form that may be sent). */
static bool http_date(const char *text, int64_t *ret_unix_s)
{
	struct tm when = {0};
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &when);

	if (!end || *end)
		return false;
	*ret_unix_s = timegm(&when);
	return true;
}

bool sentence_wait(const char *retry_after, const char *reset, int64_t now_s, unsigned *ret_s)
{
	int64_t wait;

	if (retry_after && whole_number(retry_after, &wait))
		;
	else if ((retry_after && http_date(retry_after, &wait)) || (reset && whole_number(reset, &wait)))
		wait -= now_s;
	else
		return false;
	*ret_s = (unsigned)(wait < 1 ? 1 : wait > WAIT_MAX_S ? WAIT_MAX_S : wait);
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
	return error_set(err, ERR_REPO_NO_PUSH, "The connected account may not push to %s; pushing needs Developer or higher.",
	                 project_path);
}

bool sentence_archived(const char *project_path, struct error *err)
{
	return error_set(err, ERR_REPO_ARCHIVED, "%s is archived and read-only.", project_path);
}
