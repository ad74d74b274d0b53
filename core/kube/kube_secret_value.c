#include "kube_secret_value.h"

#include "alloc.h"
#include "caps.h"
#include "encoding.h"

#include <string.h>

static void take_value(const json_t *secret, const char *key, struct secret *ret)
{
	const char *text = json_string_or(json_object_get(secret, "data"), key, "");
	unsigned char bytes[KUBE_SECRET_VALUE_MAX];
	size_t length = 0;

	if (decode_base64(text, strlen(text), bytes, sizeof(bytes), &length) && length > 0)
		secret_set(ret, bytes, length);
	wipe(bytes, sizeof(bytes));
}

bool kube_secret_value(struct kube_client *client, const char *namespace_, const char *name, const char *key, struct secret *ret,
                       enum kube_value *ret_what, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(LIMIT_URL_MAX);
	struct kube_call call = {.method = "GET", .confidential = true};

	secret_release(ret);
	*ret_what = KUBE_VALUE_NO_KEY;
	strbuf_addf(&path, "/api/v1/namespaces/%s/secrets/%s", namespace_, name);
	call.path = path.data;
	if (!kube_call_run(client, &call, err))
		return false;
	bool known = call.status == 200 || call.status == 403 || call.status == 404;
	if (call.status == 200)
		take_value(call.answer, key, ret);
	*ret_what = ret->length > 0      ? KUBE_VALUE_FOUND
	            : call.status == 403 ? KUBE_VALUE_FORBIDDEN
	            : call.status == 404 ? KUBE_VALUE_NO_SECRET
	                                 : KUBE_VALUE_NO_KEY;
	kube_call_release(&call);
	return known || kube_call_refused(&call, "give a project's Secret", err);
}
