#include "github_api.h"

#include "alloc.h"
#include "clock.h"
#include "github_sentence.h"
#include <time.h>

/* An installation's token belongs to no user: GitHub names none, and git takes any name with it. */
static void fill_installation(struct forge_account *ret)
{
	*ret = (struct forge_account){
	        .id = xstrdup("0"),
	        .username = xstrdup(github_forge.git_user),
	        .name = xstrdup("GitHub App"),
	        .is_bot = true,
	};
}

static bool is_installation(const struct http_call *call)
{
	CLEANUP(json_decrefp) json_t *answer = call->status == 403 ? forge_json(call) : NULL;

	return answer && sentence_has(sentence_of_json(answer), "not accessible by integration");
}

char *github_expiry_date(const char *header)
{
	struct tm when = {0};
	char text[CLOCK_TEXT_SIZE];

	if (!header)
		return NULL;
	const char *end = strptime(header, "%Y-%m-%d %H:%M:%S UTC", &when);
	if (!end)
		end = strptime(header, "%Y-%m-%d %H:%M:%S %z", &when);
	if (!end || *end)
		return NULL;
	int64_t offset_s = when.tm_gmtoff; /* timegm overwrites it */
	clock_format(timegm(&when) - offset_s, text);
	return xstrndup(text, strlen("YYYY-MM-DD"));
}

static void fill_account(const struct http_call *call, const json_t *user, struct forge_account *ret)
{
	const char *login = json_string_or(user, "login", ""), *name = json_string_or(user, "name", ""),
	           *email = json_string_or(user, "email", "");

	*ret = (struct forge_account){
	        .id = xasprintf("%lld", (long long)json_int_or(user, "id", 0)),
	        .username = xstrdup(login),
	        .name = xstrdup(forge_text_is_short(name) ? name : login),
	        .email = forge_text_is_short(email) ? xstrdup(email) : NULL,
	        .scopes = github_scopes_of(call),
	        .expires_at = github_expiry_date(github_header(call, HEADER_EXPIRATION)),
	        .is_bot = strcmp(json_string_or(user, "type", ""), "Bot") == 0,
	};
}

bool github_account_get(const struct forge_access *access, struct forge_account *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(github_call_release) struct github_call call;
	CLEANUP(json_decrefp) json_t *user = NULL;

	github_call_init(&call, access, "/user");
	github_call_run(&call, access);
	if (is_installation(&call.api.http)) {
		fill_installation(ret);
		return true;
	}
	if (!github_answer(&call.api.http, host, &user, err))
		return false;
	if (json_int_or(user, "id", 0) <= 0 || !forge_text_is_short(json_string_or(user, "login", "")))
		return github_error(err, ERR_INSTANCE_NOT_API, "%s does not look like a GitHub server.", host);
	fill_account(&call.api.http, user, ret);
	return true;
}

bool github_is_owner(const struct forge_access *access, const char *organization, bool *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access), *encoded = github_encoded(organization, false);
	CLEANUP(github_call_release) struct github_call call;
	CLEANUP(json_decrefp) json_t *membership = NULL;

	github_call_init(&call, access, "/user/memberships/orgs/%s", encoded);
	github_call_run(&call, access);
	if (github_declined(&call.api.http)) {
		*ret = false;
		return true;
	}
	if (!github_answer(&call.api.http, host, &membership, err))
		return false;
	*ret = strcmp(json_string_or(membership, "state", ""), "active") == 0 &&
	       strcmp(json_string_or(membership, "role", ""), "admin") == 0;
	return true;
}
