#pragma once
/*
 * resource_settings — ProjectSettings resources: each new generation of a list becomes its project's, and the status says what was
 * kept of it. What is changed through the API afterwards stands until the resource's list changes again.
 */
#include "kube_resources.h"
#include "project_store.h"
#include "resource_feed.h"
#include "worker.h"

struct resource_settings {
	const struct worker *worker;
	struct kube_client *client;
	const struct kube_kind *kind;
	struct project_store projects;
	json_t *waiting; /* uid → the object, of those that could not be dealt with yet */
	int64_t again_at_ms;
};

/* Takes over what has changed, and what waited. A resource that is gone leaves its project's list as it is. */
void resource_settings_tend(struct resource_settings *s, const struct resource_news *news);
