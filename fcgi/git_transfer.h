#pragma once
/*
 * git_transfer — one git request on its way through the gate: bytes from the client to the instance, and the instance's answer
 * back, flushed as it comes. Holds at most the commands of a push, the first bytes of a refusal, and a copy of a push's answer.
 */
#include "call.h"

enum {
	/* A client may take long to pack before it sends anything; nginx's own limit between two reads is 60 s. */
	GIT_CLIENT_PATIENCE_S = 120,
	GIT_TRANSFER_MAX_MS = 2 * 3600 * 1000, /* one clone or push of the largest repository that is still sensible */
	GIT_REFUSAL_MAX = 4096                 /* of an error body: GitLab's sentences are far shorter */
};

struct git_transfer {
	enum git_service service;
	const char *method;
	struct strbuf url, request_type, answer_type;
	struct strbuf prefix; /* of the request body, already read from the client */
	bool listens;         /* keeps the beginning of the answer, too */

	/* result */
	bool client_failed; /* the client broke off or stalled: nothing that the instance did */
	bool ended;         /* with its session: likewise */
	uint64_t bytes_sent, bytes_received;
	struct strbuf heard; /* what came with `listens`, LIMIT_PUSH_REPORT at most */

	struct call *call_; /* private, as all below */
	size_t prefix_sent_;
	int64_t look_at_ms_;
	struct error end_;
	struct strbuf refusal_;
	char content_type_[128], retry_after_[64];
};
#define GIT_TRANSFER_INIT                                                                                                          \
	{                                                                                                                          \
		.url = STRBUF_INIT((size_t)2 * LIMIT_URL_MAX), .request_type = STRBUF_INIT(128), .answer_type = STRBUF_INIT(128),  \
		.prefix = STRBUF_INIT(LIMIT_RECEIVE_COMMANDS + 8192), .heard = STRBUF_INIT(LIMIT_PUSH_REPORT),                     \
		.refusal_ = STRBUF_INIT(GIT_REFUSAL_MAX)                                                                           \
	}
void git_transfer_release(struct git_transfer *transfer);

/* Ends with the session (ERR_GIT_CREDENTIAL), within seconds, whatever flows: gate_goes_on.
 * Fails before the client got anything (the caller answers), or in the middle (call->streamed and call->broken are set). An origin
 * that is left alone is not asked (ERR_INSTANCE_RESTING); one that says it bans this server is left alone from then on. */
bool git_transfer_run(struct git_transfer *transfer, struct call *call, const struct gate_route *route,
                      struct error *err) MUST_CHECK;
