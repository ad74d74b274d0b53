#pragma once
/*
 * resource_session — AgenticSession resources and their sessions in the store: each verified resource gets its session once, each
 * session's progress is written to its resource's status, and a session whose resource is gone is stopped and removed.
 *
 * Several workers may follow the same resources. One of them writes a resource's status: the one that claimed it, by a patch that
 * holds only for the version it saw, for as long as it renews that claim. Whether the others may take over is judged by their own
 * clocks: when a claim has not moved for its whole length. Nothing is lost when two write: a session is created once whoever asks,
 * and every status tells what the store says.
 */
#include "kube_resources.h"
#include "project_store.h"
#include "resource_feed.h"
#include "session_resource.h"
#include "worker.h"

struct resource_sessions;

struct resource_sessions_options {
	const struct worker *worker;
	struct kube_client *client;
	const struct kube_kind *kind;
	enum resource_shape shape;
	struct session_store sessions;
	struct project_store projects;
};
struct resource_sessions *resource_sessions_new(const struct resource_sessions_options *options) MUST_CHECK;
void resource_sessions_freep(struct resource_sessions **slot);

/* Takes over what has changed. */
void resource_sessions_learn(struct resource_sessions *s, const struct resource_news *news);

/* Looks after every resource that is due. Call several times a second. */
void resource_sessions_tend(struct resource_sessions *s);

/* Writes what there is to say once more and gives the claims back, until the (monotonic) deadline. */
void resource_sessions_leave(struct resource_sessions *s, int64_t deadline_ms);
