#pragma once
/*
 * gate_client — what a session asks the git gate besides git itself: the pre-flight of its repositories, and why a transfer was
 * refused. Knows the gate's address and the session's credential, never a token.
 */
#include "json.h"
#include "secret.h"

struct gate_client {
	char *base; /* "http://127.0.0.1:8080", no trailing slash. Owned, as the next two */
	char *host; /* without brackets */
	char *session_id;
	unsigned port;
	const struct secret *credential; /* borrowed */
};
#define GATE_CLIENT_INIT ZERO_INIT

/* ERR_CONFIG_INVALID: the address is none. */
bool gate_client_open(const char *gate_url, const char *session_id, const struct secret *credential, struct gate_client *ret,
                      struct error *err) MUST_CHECK;
void gate_client_release(struct gate_client *gate);

/* "<base>/git/<session>/<repository>.git". Caller frees. */
char *gate_repository_url(const struct gate_client *gate, const char *repository) MUST_CHECK;

/* The gate's answer about all repositories of the session. Its errors are passed on; ERR_SERVICE_UNAVAILABLE: it does not answer.
 */
bool gate_client_preflight(const struct gate_client *gate, json_t **ret_answer, struct error *err) MUST_CHECK;

/*
 * Replaces err by what the gate noted about this repository's last `operation` ("fetch", "push") since `since_s`. Leaves err as it
 * is when the gate noted nothing.
 */
void gate_client_explain(const struct gate_client *gate, const char *repository, const char *operation, int64_t since_s,
                         struct error *err);
