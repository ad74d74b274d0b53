#include "github_api.h"

#include "alloc.h"
#include "forge_sentence.h"
#include <ctype.h>

static const char *const header_names[HEADER_COUNT] = {
        [HEADER_SCOPES] = "x-oauth-scopes",
        [HEADER_EXPIRATION] = "github-authentication-token-expiration",
        [HEADER_REQUEST_ID] = "x-github-request-id",
        [HEADER_REMAINING] = "x-ratelimit-remaining",
        [HEADER_RESET] = "x-ratelimit-reset",
        [HEADER_SSO] = "x-github-sso",
        [HEADER_LINK] = "link",
        [HEADER_PERMISSIONS] = "x-accepted-github-permissions",
};

void github_call_init(struct github_call *call, const struct forge_access *access, const char *format, ...)
{
	/* The version pins the shape of the answers. */
	static const char *const headers[] = {"X-GitHub-Api-Version: 2022-11-28", NULL};
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(SIZE_MAX);
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&path, format, args);
	va_end(args);
	api_call_init(&call->api, access, "%s", path.data);
	for (size_t i = 0; i < HEADER_COUNT; i++)
		call->wanted[i] = (struct http_header_wanted){.name = header_names[i]};
	call->api.http.accept = "application/vnd.github+json";
	call->api.http.headers = headers;
	call->api.http.wanted = call->wanted;
	call->api.http.wanted_count = HEADER_COUNT;
}

void github_call_run(struct github_call *call, const struct forge_access *access)
{
	api_call_run(&call->api, access);
}

void github_call_run_all(struct github_call *calls, size_t count, const struct forge_access *access)
{
	CLEANUP(freep) struct http_call *https = xcalloc(count, sizeof(*https));

	for (size_t i = 0; i < count; i++)
		https[i] = calls[i].api.http;
	http_client_run(access->client, https, count);
	for (size_t i = 0; i < count; i++)
		calls[i].api.http = https[i];
}

void github_call_release(struct github_call *call)
{
	api_call_release(&call->api);
}

const char *github_header(const struct http_call *call, enum github_header which)
{
	return call->wanted_count == HEADER_COUNT && call->wanted[which].present ? call->wanted[which].value : NULL;
}

/* "repo, workflow" as "repo workflow". */
static char *joined_scopes(const char *header)
{
	struct strbuf joined = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	for (const char *at = header + strspn(header, ", "); *at;) {
		size_t word = strcspn(at, ", ");
		if (joined.length > 0)
			strbuf_add_char(&joined, ' ');
		strbuf_add(&joined, at, word);
		at += word;
		at += strspn(at, ", ");
	}
	return strbuf_detach(&joined);
}

/* Users' tokens of an App send an empty header as well, and what they may do is not in it: there only a classic token means "none".
 */
char *github_scopes_of(const struct http_call *call)
{
	const char *header = github_header(call, HEADER_SCOPES);

	if (!header || (!header[0] && (!call->bearer || strncmp(secret_bytes(call->bearer), "ghp_", 4) != 0)))
		return NULL;
	return joined_scopes(header);
}

char *github_encoded(const char *text, bool is_path)
{
	struct strbuf encoded =
	        STRBUF_INIT(SIZE_MAX); /* cut, it would name something else; api_call_init refuses what is too long */

	strbuf_add_percent_encoded(&encoded, text, is_path ? "/" : NULL);
	return strbuf_detach(&encoded);
}

/* The number after "?page=" or "&page=" in the address between `from` and `end`. */
static unsigned page_in(const char *from, const char *end)
{
	static const char name[] = "page=";
	unsigned page = 0;

	for (const char *at = from; (at = memmem(at, (size_t)(end - at), name, strlen(name))); at++) {
		if (at[-1] != '?' && at[-1] != '&')
			continue;
		for (at += strlen(name); at < end && isdigit((unsigned char)*at) && page < 1000000; at++)
			page = page * 10 + (unsigned)(*at - '0');
		return page;
	}
	return 0;
}

unsigned github_last_page(const char *link)
{
	unsigned last = 0;

	/* <https://api.github.com/repositories/1/branches?per_page=100&page=2>; rel="next", <…>; rel="last" */
	while (link && (link = strchr(link, '<'))) {
		const char *end = strchr(link, '>');
		if (!end)
			break;
		const char *next = strchr(end, '<'), *close = next ? next : end + strlen(end);
		size_t length = (size_t)(close - end);
		bool forward = memmem(end, length, "rel=\"next\"", 10) || memmem(end, length, "rel=\"last\"", 10);
		unsigned page = forward ? page_in(link + 1, end) : 0;
		if (page > last)
			last = page;
		link = next;
	}
	return last;
}
