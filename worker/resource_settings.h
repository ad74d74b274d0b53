#pragma once
/*
 * resource_settings — ProjectSettings resources: each new generation of a list becomes its project's, and the status says what was
 * kept of it and whether it can be reached. What is changed through the API afterwards stands until the resource's list changes
 * again.
 *
 * Nothing is asked of GitLab here, where there is no key: the list is left in the store with the name of who wrote it, whoever
 * opens tokens (housekeeping) looks at it with that user's account, and what was found is taken from the store. Who wrote it is the
 * webhook's stamp, where the webhook was in force when it was written; else nobody's account is used.
 */
#include "kube_resources.h"
#include "project_store.h"
#include "resource_feed.h"
#include "resource_guard.h"
#include "worker.h"

struct resource_settings {
	const struct worker *worker;
	struct kube_client *client;
	const struct kube_kind *kind;
	struct project_store projects;
	struct resource_guard guard;
	json_t *known; /* uid → the object */
	json_t *due;   /* uid → when it is looked at next, monotonic milliseconds */
	int64_t look_at_ms;
};

void resource_settings_open(struct resource_settings *s, const struct worker *worker, struct kube_client *client,
                            const struct kube_kind *kind, struct project_store projects);
void resource_settings_release(struct resource_settings *s);

/* Takes over what has changed, and looks at what is due. A resource that is gone leaves its project's list as it is. */
void resource_settings_tend(struct resource_settings *s, const struct resource_news *news);
