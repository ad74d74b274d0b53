#pragma once
/*
 * gate_client — what a session asks the git gate besides git itself: the pre-flight of its repositories, its merge requests, and
 * why a transfer was refused. Knows the gate's address and the session's credential, never a token.
 */
#include "json.h"
#include "secret.h"

struct http_call; /* http_client.h */

struct gate_client {
	char *base; /* "http://127.0.0.1:8080", no trailing slash. Owned, as the next two */
	char *host; /* without brackets */
	char *session_id;
	unsigned port;
	bool has_name;                   /* the host is no address, and has to be looked up */
	const struct secret *credential; /* borrowed */
};
#define GATE_CLIENT_INIT ZERO_INIT

/* ERR_CONFIG_INVALID: the address is none. */
bool gate_client_open(const char *gate_url, const char *session_id, const struct secret *credential, struct gate_client *ret,
                      struct error *err) MUST_CHECK;
void gate_client_release(struct gate_client *gate);

/* "<base>/git/<session>/<repository>.git". Caller frees. */
char *gate_repository_url(const struct gate_client *gate, const char *repository) MUST_CHECK;

/* One call of "<base>/git/<session>/<route>" with the session's credential, in `call` what is to be asked. ERR_SERVICE_UNAVAILABLE:
 * it does not answer. Caller releases the call. */
bool gate_client_send(const struct gate_client *gate, const char *route, struct http_call *call, struct error *err) MUST_CHECK;

/* The gate's answer about all repositories of the session. Its errors are passed on; ERR_SERVICE_UNAVAILABLE: it does not answer.
 */
bool gate_client_preflight(const struct gate_client *gate, json_t **ret_answer, struct error *err) MUST_CHECK;

/* The same about one of them, which has joined the session while it runs. */
bool gate_client_preflight_one(const struct gate_client *gate, const char *repository, json_t **ret_answer,
                               struct error *err) MUST_CHECK;

/* Has the session's merge request of this repository opened, or found where it is open. The gate's errors are passed on. */
bool gate_client_merge_request(const struct gate_client *gate, const char *repository, json_t **ret_answer,
                               struct error *err) MUST_CHECK;

/*
 * Replaces err by what the gate noted about this repository's last `operation` ("fetch", "push") since `since_s`. Leaves err as it
 * is when the gate noted nothing.
 */
void gate_client_explain(const struct gate_client *gate, const char *repository, const char *operation, int64_t since_s,
                         struct error *err);
