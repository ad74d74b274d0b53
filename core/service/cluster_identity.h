#pragma once
/*
 * cluster_identity — callers as the cluster knows them: their bearer by TokenReview, their rights in a project (a namespace) by
 * SubjectAccessReview on its AgenticSessions and ProjectSettings. Fails closed; keeps answers for seconds (review_cache.h). Floor:
 * service.
 */
#include "identity.h"
#include "kube_client.h"

struct cluster_identity;

struct cluster_identity_options {
	struct kube_client *client; /* borrowed; outlives it */
	const char *audiences;      /* comma-separated; "": the API server's own */
	const char *group;          /* of the custom resources: "ambient-code.io" */
};
struct cluster_identity *cluster_identity_new(const struct cluster_identity_options *options);
void cluster_identity_freep(struct cluster_identity **slot);
struct identity cluster_identity(struct cluster_identity *identity);
