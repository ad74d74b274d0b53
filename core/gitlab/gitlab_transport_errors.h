#pragma once
/*
 * gitlab_transport_errors — calls that brought no answer of GitLab's: network, TLS, policy, redirects, web pages. Private to
 * gitlab. Floor: gitlab.
 */
#include "gitlab_errors.h"

/* For a call with a failure. Fills err, returns false. */
bool transport_classify(const struct http_call *call, const char *host, struct error *err);

/* For a 3xx answer of the API. Fills err, returns false. */
bool redirect_classify(const struct http_call *call, const char *host, struct error *err);

/* For an answer with a body that is not JSON, where that matters. True: err is filled. */
bool page_judge(const struct http_call *call, const char *host, struct error *err);

/* "A web page instead of the API". Returns false. */
bool page_not_api(const char *host, struct error *err);

/* Whether a redirect's target is another scheme, host or port than the call's; `ret_origin` gets "https://host[:port]" (shown to
 * the user). */
bool redirect_is_elsewhere(const struct http_call *call, struct strbuf *ret_origin) MUST_CHECK;
