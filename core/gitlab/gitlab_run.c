#include "gitlab_api.h"

#include "alloc.h"
#include "clock.h"
#include "gitlab_sentence.h"
#include <strings.h>

enum { REST_MAX_S = 60 * 60 }; /* Rack Attack's default; a ban that was believed wrongly ends too */

/* The answer's own words, without "403 Forbidden - ". */
static void said_by(const struct http_call *call, struct strbuf *to)
{
	CLEANUP(release_json) json_t *answer = forge_json(call);
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

void gitlab_heed_ban(const struct http_call *call, const struct forge_access *access)
{
	CLEANUP(freep) char *host = NULL;
	struct error ban = ERROR_INIT;
	unsigned wait_s;

	if (!gitlab_says_banned(call))
		return;
	host = api_host(access);
	sentence_ip_banned(host, &ban);
	if (!sentence_wait(call->retry_after, NULL, clock_now_s(), &wait_s))
		wait_s = ban.retry_after_s;
	http_client_rest(access->client, call->url, wait_s < REST_MAX_S ? wait_s : REST_MAX_S);
}

void gitlab_run(struct api_call *calls, size_t count, const struct forge_access *access)
{
	api_calls_run(calls, count, access);
	for (size_t i = 0; i < count; i++)
		gitlab_heed_ban(&calls[i].http, access);
}
