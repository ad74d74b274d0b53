#pragma once
/*
 * kube_review — whose a token is (TokenReview) and what they may do (SubjectAccessReview), as the API server says it now. Keeps
 * nothing: the cache is the caller's. The token goes into one request body and nowhere else, and the server's words about it are
 * dropped, since they repeat it. Thread-safe. Floor: kube.
 */
#include "kube_client.h"

/* Who a token belongs to. Owned. */
struct kube_user {
	char *name;
	json_t *subject; /* user, uid, groups, extra, as a SubjectAccessReview takes them */
};
#define KUBE_USER_INIT ZERO_INIT
void kube_user_release(struct kube_user *user);

/*
 * `audiences` is a comma-separated list, "" for the API server's own. *ret_valid false: no valid token, or for another audience.
 * False: ERR_KUBERNETES_UNAVAILABLE, the server did not say.
 */
bool kube_review_token(struct kube_client *client, const struct secret *token, const char *audiences, struct kube_user *ret,
                       bool *ret_valid, struct error *err) MUST_CHECK;

/* What somebody wants to do. Borrowed. */
struct kube_access {
	const char *verb; /* "get" */
	const char *group, *resource;
	const char *namespace_;
	const char *name; /* NULL: any */
};
bool kube_review_access(struct kube_client *client, const struct kube_user *user, const struct kube_access *access,
                        bool *ret_allowed, struct error *err) MUST_CHECK;
