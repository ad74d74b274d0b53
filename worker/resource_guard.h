#pragma once
/*
 * resource_guard — whether the annotations of a kind of resources prove who wrote them: whether our admission webhook sees every
 * write, and since when. Asked of the API server every half minute.
 */
#include "kube_client.h"
#include "worker.h"

struct resource_guard {
	const struct worker *worker;
	struct kube_client *client;
	const char *group, *resource; /* "ambient-code.io", "agenticsessions" */

	/* its own */
	bool guarded;
	int64_t since; /* unix seconds */
	int64_t look_at_ms;
};
enum { RESOURCE_GUARD_MS = 30 * 1000, RESOURCE_GUARD_MARGIN_S = 2 /* until every API server has seen a new webhook */ };

/* False: the server did not say. *ret_since: what was written from then on (unix seconds) is proven; INT64_MAX: nothing is. */
bool resource_guard_look(struct resource_guard *guard, int64_t *ret_since);
