#pragma once
/*
 * forge_transport_errors — calls that brought no answer of the forge's: network, TLS, policy, redirects, web pages. Floor: forge.
 */
#include "http_client.h"
#include "instance_url.h"

/* How a kind of forge is called in sentences, and where its API begins below an instance. */
struct forge_words {
	const char *title;    /* "GitLab" */
	const char *api_root; /* "/api/v4" */
};

/* For a call with a failure. Fills err, returns false. */
bool transport_classify(const struct http_call *call, const char *host, struct error *err);

/* For a 3xx answer of the API. Fills err, returns false. */
bool redirect_classify(const struct http_call *call, const struct forge_words *words, const char *host, struct error *err);

/* For an answer with a body that is not JSON, where that matters. True: err is filled. */
bool page_judge(const struct http_call *call, const struct forge_words *words, const char *host, struct error *err);

/* What an answer that is no JSON says, "" for nothing and for a page: its words are those of whoever made it, a proxy for example,
 * not the forge's, and are neither judged nor shown. Borrowed. */
const char *page_free_text(const struct http_call *call);

/* "A web page instead of the API". Returns false. */
bool page_not_api(const struct forge_words *words, const char *host, struct error *err);

/* Whether a redirect's target is another scheme, host or port than the call's; `ret_origin` gets "https://host[:port]" (shown to
 * the user). */
bool redirect_is_elsewhere(const struct http_call *call, const struct forge_words *words, struct strbuf *ret_origin) MUST_CHECK;
