#pragma once
/*
 * resource_feed — what resources of one kind there are and how each looks now, kept up by a thread of its own: list, watch, list
 * again when the watch has lost its place and every ten minutes in any case. It tells states, not events: a resource that changed
 * five times since it was last asked for is given once, as it is.
 */
#include "kube_resources.h"
#include "worker.h"

struct resource_feed;

/* Starts the thread; signals are to be blocked by now. */
struct resource_feed *resource_feed_start(const struct worker *worker, struct kube_client *client,
                                          const struct kube_kind *kind) MUST_CHECK;
/* Asks the thread to end and waits for it: a second, or for as long as a call takes. */
void resource_feed_stop(struct resource_feed **slot);

/* What is new since the last time. Released with resource_news_release. */
struct resource_news {
	json_t *changed;   /* metadata.uid → the object without managedFields; null: it is gone. Never NULL */
	json_t *listed;    /* a whole list came in between: uid → true. What is known and in neither is gone. NULL: none came */
	int64_t listed_at; /* unix seconds, when that list was begun */
};
#define RESOURCE_NEWS_INIT ZERO_INIT
void resource_news_release(struct resource_news *news);

/* Waits up to `wait_ms` for something new. */
void resource_feed_take(struct resource_feed *feed, int64_t wait_ms, struct resource_news *ret);
