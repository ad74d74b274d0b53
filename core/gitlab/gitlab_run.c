#include "gitlab_api.h"

#include "alloc.h"
#include "clock.h"
#include "gitlab_sentence.h"
#include <strings.h>

enum { REST_MAX_S = 60 * 60 }; /* Rack Attack's default; a ban that was believed wrongly ends too */

/* The answer's own words, without "403 Forbidden - ". */
static void said_by(const struct http_call *call, struct strbuf *to)
{
	CLEANUP(json_decrefp) json_t *answer = forge_json(call);
	const char *said = answer ? sentence_of_json(answer) : call->answer.data ? call->answer.data : "";

	sentence_relay(said, strlen(said), to);
}

bool gitlab_says_banned(const struct http_call *call)
{
	static const char ban[] = "Too many failed authentication attempts from this IP";
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	if (call->failure != HTTP_OK || call->status != 403)
		return false;
	said_by(call, &said);
	return strncasecmp(said.data, ban, sizeof(ban) - 1) == 0 &&
	       strspn(said.data + sizeof(ban) - 1, ". ") == said.length - (sizeof(ban) - 1);
}

/* As long as the answer says, else as such a ban usually lasts. */
static unsigned ban_seconds(const struct http_call *call, const char *host)
{
	struct error ban = ERROR_INIT;
	unsigned wait_s;

	sentence_ip_banned(host, &ban);
	if (!sentence_wait(call->retry_after, NULL, clock_now_s(), &wait_s))
		wait_s = ban.retry_after_s;
	return wait_s < REST_MAX_S ? wait_s : REST_MAX_S;
}

void gitlab_heed_ban(const struct http_call *call, const struct forge_access *access)
{
	if (!gitlab_says_banned(call))
		return;
	CLEANUP(freep) char *host = api_host(access);
	http_client_rest(access->client, call->url, ban_seconds(call, host));
}

bool gitlab_git_ban(int status, const char *body, size_t body_length, const char *retry_after, const char *host,
                    unsigned *ret_seconds)
{
	CLEANUP(http_call_release) struct http_call call = {.status = status, .answer = STRBUF_INIT(LIMIT_GITLAB_SENTENCE)};

	strbuf_add(&call.answer, body, body_length);
	snprintf(call.retry_after, sizeof(call.retry_after), "%s", retry_after ? retry_after : "");
	if (!strbuf_ok(&call.answer) || !gitlab_says_banned(&call))
		return false;
	*ret_seconds = ban_seconds(&call, host);
	return true;
}

void gitlab_run(struct api_call *calls, size_t count, const struct forge_access *access)
{
	api_calls_run(calls, count, access);
	for (size_t i = 0; i < count; i++)
		gitlab_heed_ban(&calls[i].http, access);
}
