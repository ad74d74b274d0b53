#include "kube_review.h"

#include "alloc.h"
#include "caps.h"
#include "redact.h"

#include <string.h>

void kube_user_release(struct kube_user *user)
{
	free(user->name);
	json_decref(user->subject);
	*user = (struct kube_user)KUBE_USER_INIT;
}

/* "a, b" → ["a", "b"]; NULL: none. */
static json_t *list_of(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t length = strcspn(text, ", ");
		if (length > 0)
			json_array_append_new(list, json_stringn(text, length));
		text += length + (text[length] != '\0');
	}
	if (json_array_size(list) > 0)
		return list;
	json_decref(list);
	return NULL;
}

/* A review is created and answered in one call; nothing is stored. */
static bool review(struct kube_client *client, const char *path, const json_t *body, json_t **ret, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(LIMIT_BODY_DEFAULT);
	struct kube_call call = {.method = "POST", .path = path, .confidential = true};

	json_write(&text, body);
	if (!strbuf_ok(&text))
		return error_set(err, ERR_KUBERNETES_UNAVAILABLE, "The caller is in more groups than can be asked about.");
	call.body = text.data;
	call.body_length = text.length;
	if (!kube_call_run(client, &call, err))
		return false;
	if (call.status != 200 && call.status != 201) {
		kube_call_release(&call);
		return kube_call_refused(&call, "say who is calling", err);
	}
	*ret = TAKE(call.answer);
	return true;
}

/* Whether one of ours is among those that the token is good for. Without any asked for, there is nothing to compare. */
static bool audience_fits(const json_t *asked, const json_t *status)
{
	const json_t *granted = json_object_get(status, "audiences"), *one, *other;
	size_t i, k;

	if (!asked)
		return true;
	json_array_foreach(granted, i, one) json_array_foreach(asked, k, other) if (json_equal(one, other)) return true;
	return false;
}

static bool take_user(const json_t *user, struct kube_user *ret, struct error *err)
{
	const char *name = json_string_or(user, "username", "");
	static const char *const kept[] = {"uid", "groups", "extra"};

	if (!*name || strlen(name) > LIMIT_USER_ID_MAX)
		return error_set(err, ERR_KUBERNETES_UNAVAILABLE, "The Kubernetes API server did not say who is calling.");
	ret->name = xstrdup(name);
	ret->subject = json_pack("{s:s}", "user", name);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		json_t *value = json_object_get(user, kept[i]);
		if (value && !json_is_null(value))
			json_object_set(ret->subject, kept[i], value);
	}
	return true;
}

bool kube_review_token(struct kube_client *client, const struct secret *token, const char *audiences, struct kube_user *ret,
                       bool *ret_valid, struct error *err)
{
	CLEANUP(json_decrefp) json_t *asked = list_of(audiences), *answer = NULL, *body = NULL;
	json_t *text = json_stringn(secret_bytes(token), token->length);

	*ret_valid = false;
	if (!text) /* not UTF-8: no token of anybody */
		return true;
	body = json_pack("{s:s, s:s, s:{s:o, s:O*}}", "apiVersion", "authentication.k8s.io/v1", "kind", "TokenReview", "spec",
	                 "token", text, "audiences", asked);
	if (!review(client, "/apis/authentication.k8s.io/v1/tokenreviews", body, &answer, err))
		return false;
	const json_t *status = json_object_get(answer, "status");
	if (!json_is_object(status))
		return error_set(err, ERR_KUBERNETES_UNAVAILABLE, "The Kubernetes API server did not say who is calling.");
	/* An "error" beside it says why a token is bad, not that nobody knows. */
	if (!json_bool_or(status, "authenticated", false) || !audience_fits(asked, status))
		return true;
	if (!take_user(json_object_get(status, "user"), ret, err))
		return false;
	*ret_valid = true;
	return true;
}

bool kube_review_access(struct kube_client *client, const struct kube_user *user, const struct kube_access *access,
                        bool *ret_allowed, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = NULL, *spec = json_copy(user->subject), *body = NULL;

	json_object_set_new(spec, "resourceAttributes",
	                    json_pack("{s:s, s:s, s:s, s:s, s:s*}", "namespace", access->namespace_, "verb", access->verb, "group",
	                              access->group, "resource", access->resource, "name", access->name));
	body = json_pack("{s:s, s:s, s:O}", "apiVersion", "authorization.k8s.io/v1", "kind", "SubjectAccessReview", "spec", spec);
	if (!review(client, "/apis/authorization.k8s.io/v1/subjectaccessreviews", body, &answer, err))
		return false;
	const json_t *status = json_object_get(answer, "status"), *allowed = json_object_get(status, "allowed");
	if (!json_is_boolean(allowed))
		return error_set(err, ERR_KUBERNETES_UNAVAILABLE, "The Kubernetes API server did not say what the caller may do.");
	*ret_allowed = json_is_true(allowed) && !json_bool_or(status, "denied", false);
	return true;
}
