#pragma once
/*
 * github_fixture — a GitHub Enterprise Server on 127.0.0.1 for the tests of the github floor: it answers the targets it was given,
 * and only requests that are made as GitHub wants them.
 */
#include "alloc.h"
#include "github_api.h"
#include "http_peer.h"

#define API       "/api/v3"
#define JSON_TYPE "Content-Type: application/json; charset=utf-8\r\nX-GitHub-Request-Id: AB12:34\r\n"
#define OK        "200 OK", JSON_TYPE
#define NOT_FOUND "404 Not Found", JSON_TYPE
#define TOKEN     "ghp_0123456789abcdefghijklmnopqrstuvwxyz"

/* One answer; a request for any other target, or made wrongly, gets a 500 whose request id says why. */
struct reply {
	const char *target, *status, *headers, *body;
	const char *accept; /* NULL: application/vnd.github+json */
};

struct github_fixture {
	const struct reply *replies;
	struct http_peer *peer;
	struct address_policy *policy;
	struct instance_url instance;
	struct secret token;
	struct forge_access access;
};

static inline bool header_is(const struct peer_exchange *x, const char *name, const char *value)
{
	char got[512];

	return peer_header(x, name, got, sizeof(got)) && strcmp(got, value) == 0;
}

static inline bool is_well_made(const struct peer_exchange *x, const struct reply *reply)
{
	if (strncmp(x->target, API "/", strlen(API) + 1) != 0)
		return true; /* git's own routes */
	return header_is(x, "Authorization", "Bearer " TOKEN) && header_is(x, "X-GitHub-Api-Version", "2022-11-28") &&
	       header_is(x, "User-Agent", "test") &&
	       header_is(x, "Accept", reply->accept ? reply->accept : "application/vnd.github+json");
}

static inline void github_fixture_handle(struct peer_exchange *x, void *context)
{
	struct github_fixture *f = context;

	peer_read_body(x, NULL, 0);
	for (const struct reply *r = f->replies; r->target; r++) {
		if (strcmp(r->target, x->target) != 0)
			continue;
		if (is_well_made(x, r))
			peer_answer(x, r->status, r->headers, r->body);
		else
			peer_answer(x, "500 Internal Server Error", "X-GitHub-Request-Id: badly-made\r\n", "");
		return;
	}
	fprintf(stderr, "nobody expects %s\n", x->target);
	peer_answer(x, "500 Internal Server Error", "X-GitHub-Request-Id: unexpected-target\r\n", "");
}

static inline struct github_fixture *github_fixture_start(const struct reply *replies)
{
	struct github_fixture *f = xcalloc(1, sizeof(*f));

	f->replies = replies;
	f->peer = http_peer_start(PEER_PLAIN, github_fixture_handle, f);
	f->policy = address_policy_new();
	CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(f->peer));
	CLEANUP(freep) char *url = xasprintf("http://127.0.0.1:%u", http_peer_port(f->peer));
	struct http_client_options options = {.policy = f->policy, .ca_file = "", .user_agent = "test"};
	require(address_policy_add(f->policy, allowed, NULL));
	require(instance_url_parse(url, &f->instance, NULL));
	require(http_client_new(&options, &f->access.client, NULL));
	secret_set(&f->token, TOKEN, strlen(TOKEN));
	f->access.forge = &github_forge;
	f->access.instance = &f->instance;
	f->access.token = &f->token;
	return f;
}

static inline void github_fixture_stop(struct github_fixture *f)
{
	http_client_freep(&f->access.client);
	address_policy_freep(&f->policy);
	instance_url_release(&f->instance);
	secret_release(&f->token);
	http_peer_stop(f->peer);
	free(f);
}
