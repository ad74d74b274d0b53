#pragma once
/*
 * gitlab_api — requests to one instance's REST API: addresses, the call, the host as it is shown. Private to gitlab. Floor: gitlab.
 */
#include "gitlab_errors.h"

/* A GET of "<instance>/api/v4<path>"; init, run one or several with http_client_run, release. */
struct api_call {
	struct http_call http;
	struct strbuf url;
};

/* `format` makes the path ("/projects/%lld"); text from outside in it is percent-encoded by the caller. */
void api_call_init(struct api_call *call, const struct gitlab_access *access, const char *format, ...) PRINTF_LIKE(3, 4);
void api_call_run(struct api_call *call, const struct gitlab_access *access);
void api_call_release(struct api_call *call);

/* One path segment: everything encoded but A-Za-z0-9-_~ ; a dot too, or a name like "x.json" would select a format. Caller frees.
 */
char *api_segment(const char *text) MUST_CHECK;

/* The host as the user knows it, with its port where that is not the default. Caller frees. */
char *api_host(const struct gitlab_access *access) MUST_CHECK;

/* The account that the answers of /user and /personal_access_tokens/self describe together. */
bool account_judge(const struct http_call *user, const struct http_call *self, const char *host, struct gitlab_account *ret,
                   struct error *err) MUST_CHECK;

/* What the answer to the request for receive-pack's advertisement says about pushing. */
bool probe_judge(const struct http_call *call, const char *host, const char *project_path, struct error *err) MUST_CHECK;

/* For CLEANUP. */
void release_json(json_t **value);
