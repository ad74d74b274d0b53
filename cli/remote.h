#pragma once
/*
 * remote — the service as a client sees it: ACP_URL, called with the bearer of ACP_BEARER_FILE.
 *
 * Plain http is spoken with loopback alone, https with any other host; ACP_CA_FILE adds to the system's CAs. No redirect is
 * followed, no proxy of the environment used. An answer is data from outside: capped, one JSON object, read strictly.
 */
#include "http_client.h"
#include "instance_url.h"
#include "json.h"
#include "settings.h"

struct remote {
	struct instance_url base;
	struct secret bearer;
	struct address_policy *policy;
	struct http_client *client;
};
#define REMOTE_INIT ZERO_INIT
void remote_release(struct remote *remote);

/* ERR_CONFIG_INVALID names the setting. In place: the client borrows the policy. */
bool remote_open(struct remote *remote, const struct settings *settings, struct error *err) MUST_CHECK;

/* Without a bearer, for what is public; and for what answers differently without one. */
bool remote_open_public(struct remote *remote, const struct settings *settings, struct error *err) MUST_CHECK;

struct remote_request {
	const char *method;
	const char *path;     /* "/api/auth/gitlab/status", encoded where needed */
	const json_t *body;   /* NULL: none. May hold a token */
	const char *if_match; /* an ETag; NULL: none */
};

struct remote_answer {
	int status;
	json_t *json; /* an object, also of a refusal. Owned */
	char etag[512];
};
#define REMOTE_ANSWER_INIT ZERO_INIT
void remote_answer_release(struct remote_answer *answer);

/*
 * One call, never repeated. False: no answer of the service came (ERR_INSTANCE_UNRESOLVABLE, …_UNREACHABLE, …_TIMEOUT,
 * …_TLS_UNTRUSTED, …_REDIRECTED; ERR_SERVICE_UNAVAILABLE for one that is not the service's). Whatever status it has is the
 * caller's to judge.
 */
bool remote_ask(struct remote *remote, const struct remote_request *request, struct remote_answer *ret,
                struct error *err) MUST_CHECK;
