#include "kube_resources.h"

#include "alloc.h"
#include "caps.h"
#include "kube_private.h"

#include <string.h>

enum {
	PAGE = 625,
	PAGE_SHRINKS = 5, /* to 125, 25, 5 and 1 */
	LIST_STARTS = 3,
};

/* "/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUBRESOURCE" and what the caller adds. */
void kube_path_add(struct strbuf *to, const struct kube_kind *kind, const char *namespace_, const char *name)
{
	if (kind->group[0])
		strbuf_addf(to, "/apis/%s/%s", kind->group, kind->version);
	else
		strbuf_addf(to, "/api/%s", kind->version);
	if (namespace_) {
		strbuf_add_string(to, "/namespaces/");
		strbuf_add_percent_encoded(to, namespace_, NULL);
	}
	strbuf_addf(to, "/%s", kind->plural);
	if (name) {
		strbuf_add_char(to, '/');
		strbuf_add_percent_encoded(to, name, NULL);
	}
}

/* The errors that all have in common. */
static bool refused(const struct kube_call *call, const char *what, struct error *err)
{
	switch (call->status) {
	case 404:
		return error_set(err, ERR_NOT_FOUND, "The Kubernetes API server knows no such object or kind.");
	case 409:
		return error_set(err, ERR_CONFLICT,
		                 "The object in Kubernetes has changed meanwhile, or there is one of this name.");
	case 400:
	case 422:
		return error_set(err, ERR_FIELD_INVALID, "The Kubernetes API server refuses the object: %s", call->message);
	default:
		return kube_call_refused(call, what, err);
	}
}

/* Sends `body` and hands the answer over. *ret_gone: 404. */
static bool run(struct kube_client *client, struct kube_call *call, const json_t *body, const char *what, bool *ret_gone,
                json_t **ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(KUBE_ANSWER_MAX);

	if (body) {
		json_write(&text, body);
		if (!strbuf_ok(&text))
			return error_set(err, ERR_FIELD_INVALID, "The object is too large for Kubernetes.");
		call->body = text.data;
		call->body_length = text.length;
	}
	if (!kube_call_run(client, call, err))
		return false;
	if (call->status == 404 && ret_gone) {
		*ret_gone = true;
		kube_call_release(call);
		return true;
	}
	if (call->status / 100 != 2) {
		kube_call_release(call);
		return refused(call, what, err);
	}
	if (ret)
		*ret = TAKE(call->answer);
	kube_call_release(call);
	return true;
}

bool kube_get(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, const char *name, json_t **ret,
              struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(LIMIT_URL_MAX);
	struct kube_call call = {.method = "GET"};
	json_t *object = NULL;
	bool gone = false;

	kube_path_add(&path, kind, namespace_, name);
	call.path = path.data;
	if (!run(client, &call, NULL, "read it", &gone, &object, err))
		return false;
	*ret = object;
	return true;
}

bool kube_create(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, const json_t *object,
                 json_t **ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(LIMIT_URL_MAX);
	struct kube_call call = {.method = "POST"};

	kube_path_add(&path, kind, namespace_, NULL);
	call.path = path.data;
	return run(client, &call, object, "create it", NULL, ret, err);
}

bool kube_patch(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, const char *name,
                const char *subresource, const json_t *patch, json_t **ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(LIMIT_URL_MAX);
	struct kube_call call = {.method = "PATCH", .content_type = "application/merge-patch+json"};
	json_t *object = NULL;
	bool gone = false;

	kube_path_add(&path, kind, namespace_, name);
	if (subresource && *subresource)
		strbuf_addf(&path, "/%s", subresource);
	call.path = path.data;
	if (!run(client, &call, patch, "change it", ret ? &gone : NULL, ret ? &object : NULL, err))
		return false;
	if (ret)
		*ret = object;
	return true;
}

/* ---- Lists ---- */

static bool visit_items(json_t *answer, kube_visit *visit, void *context, struct error *err)
{
	json_t *items = json_object_get(answer, "items"), *item;
	size_t i;

	json_array_foreach(items, i, item) if (!visit(context, item, err)) return false;
	return true;
}

/* One page of at most `limit`. *ret_expired: the list has to begin again; *ret_too_large: smaller pages may do. */
static bool list_page(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, const char *next,
                      unsigned limit, json_t **ret, bool *ret_expired, bool *ret_too_large, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT((size_t)4 * LIMIT_URL_MAX);
	struct kube_call call = {.method = "GET"};

	kube_path_add(&path, kind, namespace_, NULL);
	strbuf_addf(&path, "?limit=%u", limit);
	if (next) {
		strbuf_add_string(&path, "&continue=");
		strbuf_add_percent_encoded(&path, next, NULL);
	}
	call.path = path.data;
	call.max_answer = (size_t)4 * KUBE_ANSWER_MAX;
	if (!strbuf_ok(&path))
		return error_set(err, ERR_KUBERNETES_UNAVAILABLE, "The Kubernetes API server's list cannot be continued.");
	bool answered = kube_call_run(client, &call, err);
	*ret_too_large = call.too_large;
	if (!answered)
		return false;
	*ret_expired = call.status == 410;
	if (call.status == 200)
		*ret = TAKE(call.answer);
	kube_call_release(&call);
	return call.status == 200 || *ret_expired || refused(&call, "list them", err);
}

/*
 * The next page, of fewer objects where those are large: what anybody may fill an object with must not keep all others from being
 * seen. One object always fits.
 */
static bool list_fitting(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, const char *next,
                         unsigned *limit, json_t **ret, bool *ret_expired, struct error *err)
{
	struct error why = ERROR_INIT;
	bool too_large = false;

	while (!list_page(client, kind, namespace_, next, *limit, ret, ret_expired, &too_large, &why)) {
		if (!too_large || *limit == 1) {
			if (err)
				*err = why;
			return false;
		}
		*limit /= PAGE_SHRINKS;
	}
	return true;
}

/* From the first page to the last, or until it expires. */
static bool list_once(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, kube_visit *visit,
                      void *context, char **ret_version, bool *ret_expired, struct error *err)
{
	CLEANUP(freep) char *next = NULL;
	unsigned limit = PAGE;

	for (;;) {
		CLEANUP(json_decrefp) json_t *page = NULL;

		if (!list_fitting(client, kind, namespace_, next, &limit, &page, ret_expired, err))
			return false;
		if (*ret_expired)
			return true;
		if (!visit_items(page, visit, context, err))
			return false;
		const json_t *metadata = json_object_get(page, "metadata");
		set_string(ret_version, json_string_or(metadata, "resourceVersion", ""));
		const char *more = json_string_or(metadata, "continue", "");
		if (!*more)
			return true;
		set_string(&next, more);
	}
}

bool kube_list(struct kube_client *client, const struct kube_kind *kind, const char *namespace_, kube_visit *visit, void *context,
               char **ret_version, struct error *err)
{
	CLEANUP(freep) char *version = NULL;
	bool expired = true;

	for (int start = 0; expired && start < LIST_STARTS; start++)
		if (!list_once(client, kind, namespace_, visit, context, &version, &expired, err))
			return false;
	if (expired)
		return error_set(err, ERR_KUBERNETES_UNAVAILABLE,
		                 "The Kubernetes API server's list expires faster than it can be read.");
	free(*ret_version);
	*ret_version = TAKE(version);
	return true;
}
