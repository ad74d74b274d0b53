#pragma once
/* gitlab_fixture — a GitLab on 127.0.0.1 that answers what a test's table says, and the access to it. */
#include "alloc.h"
#include "gitlab_api.h"
#include "http_peer.h"
#include <pthread.h>

#define API         "/gitlab/api/v4"
#define JSON_TYPE   "Content-Type: application/json\r\nX-Gitlab-Meta: {}\r\n"
#define OK          "200 OK", JSON_TYPE
#define ROUTE_404   "{\"error\":\"404 Not Found\"}"
#define PROJECT_404 "{\"message\":\"404 Project Not Found\"}"

/* One answer; a request for a target that no row has is answered by an empty 500. */
struct reply {
	const char *target, *status, *headers, *body;
	bool meets; /* answered only when two such requests are under way: they were asked at once, or the test hangs */
};

struct fixture {
	const struct reply *replies;
	bool (*answer)(struct peer_exchange *exchange); /* asked first where it is set; false: not its target */
	pthread_barrier_t meeting;
	struct http_peer *peer;
	struct address_policy *policy;
	struct instance_url instance;
	struct secret token;
	struct forge_access access;
};

static inline void fixture_handle(struct peer_exchange *x, void *context)
{
	struct fixture *f = context;
	char value[256];

	if (!peer_header(x, "Authorization", value, sizeof(value))) {
		peer_answer(x, "401 Unauthorized", JSON_TYPE, "{\"message\":\"401 Unauthorized\"}");
		return;
	}
	if (f->answer && f->answer(x))
		return;
	peer_read_body(x, NULL, 0);
	for (const struct reply *r = f->replies; r && r->target; r++) {
		if (strcmp(r->target, x->target) != 0)
			continue;
		if (r->meets)
			pthread_barrier_wait(&f->meeting);
		peer_answer(x, r->status, r->headers, r->body);
		return;
	}
	peer_answer(x, "500 Internal Server Error", "X-Request-Id: unexpected-target\r\n", "");
}

static inline struct fixture *start(const struct reply *replies)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct error err = ERROR_INIT;

	f->replies = replies;
	pthread_barrier_init(&f->meeting, NULL, 2);
	f->peer = http_peer_start(PEER_PLAIN, fixture_handle, f);
	f->policy = address_policy_new();
	CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(f->peer));
	CLEANUP(freep) char *url = xasprintf("http://127.0.0.1:%u/gitlab", http_peer_port(f->peer));
	require(address_policy_add(f->policy, allowed, &err));
	require(instance_url_parse(url, &f->instance, &err));
	secret_set(&f->token, "glpat-good", 10);
	struct http_client_options options = {.policy = f->policy, .ca_file = "", .user_agent = "test"};
	require(http_client_new(&options, &f->access.client, &err));
	f->access.forge = &gitlab_forge;
	f->access.instance = &f->instance;
	f->access.token = &f->token;
	return f;
}

static inline void stop(struct fixture *f)
{
	http_client_freep(&f->access.client);
	address_policy_freep(&f->policy);
	instance_url_release(&f->instance);
	secret_release(&f->token);
	http_peer_stop(f->peer);
	pthread_barrier_destroy(&f->meeting);
	free(f);
}
