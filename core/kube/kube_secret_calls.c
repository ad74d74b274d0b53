#include "kube_secret_calls.h"

#include "alloc.h"
#include "caps.h"
#include "encoding.h"

#include <string.h>

/* Writes are those of one manager, the making of a Secret of another: what the first owns, the second never takes away. */
#define WRITER "?fieldManager=acp-gitlab"
#define MAKER  "?fieldManager=acp-gitlab-ensure&force=true"

json_t *kube_secret_base64(const struct sealed_value *value)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT((size_t)2 * KUBE_VALUE_MAX);

	encode_base64(&text, value->bytes, value->length);
	return json_stringn(text.data, text.length);
}

/* The user hears of the store; who looks into it reads the detail. */
static bool unavailable(const struct error *why, struct error *err)
{
	error_set(err, ERR_SECRET_STORE_UNAVAILABLE, "The Kubernetes Secrets that hold the tokens cannot be used now.");
	if (err)
		err->retry_after_s = why->retry_after_s;
	return error_detail(err, "%s", why->detail[0] ? why->detail : why->message);
}

static bool run(struct kube_secrets *s, struct kube_call *call, const char *name, const char *query, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(LIMIT_URL_MAX);
	struct error why = ERROR_INIT;

	strbuf_addf(&path, "/api/v1/namespaces/%s/secrets/%s%s", s->namespace_, name, query);
	call->path = path.data;
	call->confidential = true;
	bool answered = kube_call_run(s->client, call, &why);
	if (answered && call->status == 403) {
		answered = kube_call_refused(call, "use its Secrets", &why);
		kube_call_release(call);
	}
	call->path = ""; /* was borrowed from here */
	return answered || unavailable(&why, err);
}

/* A status that nobody expected. */
static bool unexpected(struct kube_call *call, const char *name, struct error *err)
{
	kube_call_release(call);
	error_set(err, ERR_SECRET_STORE_UNAVAILABLE, "The Kubernetes Secrets that hold the tokens cannot be used now.");
	return error_detail(err, "%s %s: %d %s", call->method, name, call->status, call->reason);
}

bool kube_secret_read(struct kube_secrets *s, const char *name, enum kube_form form, json_t **ret, struct error *err)
{
	struct kube_call call = {.method = "GET", .form = form};

	if (!run(s, &call, name, "", err))
		return false;
	if (call.status != 200 && call.status != 404)
		return unexpected(&call, name, err);
	*ret = call.status == 200 ? TAKE(call.answer) : NULL;
	kube_call_release(&call);
	return true;
}

/* Sends `body`; the answer's status remains in the call. */
static bool write_json(struct kube_secrets *s, struct kube_call *call, const char *name, const char *query, const json_t *body,
                       struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(KUBE_ANSWER_MAX);

	json_write(&text, body);
	call->method = "PATCH";
	call->form = KUBE_METADATA;
	call->body = text.data;
	call->body_length = text.length;
	bool answered = run(s, call, name, query, err);
	call->body = NULL; /* was borrowed from here */
	if (answered)
		kube_call_release(call);
	return answered;
}

bool kube_secret_patch(struct kube_secrets *s, const char *name, const json_t *patch, enum kube_written *ret, struct error *err)
{
	bool tested = json_is_array(patch);
	struct kube_call call = {.content_type = tested ? "application/json-patch+json" : "application/merge-patch+json",
	                         .repeatable = tested}; /* the second time its tests fail, and the caller looks */

	if (!write_json(s, &call, name, WRITER, patch, err))
		return false;
	switch (call.status) {
	case 200:
		*ret = KUBE_WRITTEN;
		return true;
	case 404:
		*ret = KUBE_ABSENT;
		return true;
	/* Only a merge patch names a version, and only a JSON patch has tests. */
	case 409:
		*ret = tested ? KUBE_CONFLICT : KUBE_CHANGED;
		return true;
	case 422:
		*ret = tested ? KUBE_CHANGED : KUBE_FULL;
		return true;
	case 413:
		*ret = KUBE_FULL;
		return true;
	default:
		return unexpected(&call, name, err);
	}
}

bool kube_secret_ensure(struct kube_secrets *s, const char *name, bool first, struct error *err)
{
	CLEANUP(json_decrefp)
	json_t *secret = json_pack("{s:s, s:s, s:s, s:{s:s, s:{s:s, s:s, s:s}}}", "apiVersion", "v1", "kind", "Secret", "type",
	                           "Opaque", "metadata", "name", name, "labels", "app.kubernetes.io/name", "acp-gitlab",
	                           "app.kubernetes.io/component", "tokens", "app.kubernetes.io/managed-by", "acp-gitlab");
	struct kube_call call = {.content_type = "application/apply-patch+yaml"};

	if (first)
		json_object_set_new(json_object_get(secret, "metadata"), "annotations",
		                    json_pack("{s:o, s:s}", ANNOTATION_SHARDS, json_sprintf("%u", s->shards),
		                              ANNOTATION_INSTALLATION, s->installation ? s->installation : ""));
	if (!write_json(s, &call, name, MAKER, secret, err))
		return false;
	return call.status == 200 || call.status == 201 || unexpected(&call, name, err);
}
