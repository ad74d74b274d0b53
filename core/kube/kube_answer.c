/* What an answer of the API server says besides its object. */
#include "kube_private.h"

#include "caps.h"
#include "redact.h"

#include <string.h>

void kube_status_read(const json_t *answer, bool confidential, char ret_reason[64], char ret_message[512])
{
	const char *kind = json_string_or(answer, "kind", ""), *message = json_string_or(answer, "message", "");
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(512);

	ret_reason[0] = ret_message[0] = '\0';
	if (strcmp(kind, "Status") != 0)
		return;
	snprintf(ret_reason, 64, "%s", json_string_or(answer, "reason", ""));
	if (confidential)
		return;
	redact_sentence(NULL, message, strlen(message), 511, &line);
	snprintf(ret_message, 512, "%s", line.data);
}

bool kube_retry_after(const char *value, int64_t *ret_ms)
{
	size_t digits = strspn(value, "0123456789");

	if (digits == 0 || digits > 6 || value[digits])
		return false;
	*ret_ms = strtoll(value, NULL, 10) * 1000;
	return true;
}

void kube_call_release(struct kube_call *call)
{
	json_decref(call->answer);
	call->answer = NULL;
}

bool kube_call_refused(const struct kube_call *call, const char *what, struct error *err)
{
	error_set(err, ERR_KUBERNETES_UNAVAILABLE,
	          call->status == 403 ? "The Kubernetes API server does not allow this service to %s."
	                              : "The Kubernetes API server did not %s.",
	          what);
	return error_detail(err, "%s %s: %d %s%s%s", call->method, call->path, call->status, call->reason,
	                    call->message[0] ? ": " : "", call->message);
}
