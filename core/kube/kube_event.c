#include "kube_event.h"

#include "alloc.h"
#include "clock.h"
#include "redact.h"

#include <string.h>

enum { EVENT_OBJECT_MAX = 150 /* of an object's name, in that of an Event */ };

/* "<object>.<uid>.<mark>": the server takes a name once. Cut where a label may end. Caller frees. */
static char *event_name(const json_t *metadata, const char *mark)
{
	const char *object = json_string_or(metadata, "name", "");
	int length = (int)strnlen(object, EVENT_OBJECT_MAX);

	while (length > 0 && (object[length - 1] == '.' || object[length - 1] == '-'))
		length--;
	char *name = xasprintf("%.*s.%s.%s", length, object, json_string_or(metadata, "uid", ""), mark);
	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return name;
}

bool kube_event_create(struct kube_client *client, const struct kube_event *event, struct error *err)
{
	static const struct kube_kind events = {.group = "", .version = "v1", .plural = "events"};
	const json_t *metadata = json_object_get(event->about, "metadata");
	const char *namespace_ = json_string_or(metadata, "namespace", "default");
	CLEANUP(freep) char *name = event_name(metadata, event->mark);
	CLEANUP(strbuf_release) struct strbuf shown = STRBUF_INIT(1024);
	CLEANUP(json_decrefp) json_t *object = NULL;
	struct error failure = ERROR_INIT;
	char at[CLOCK_TEXT_SIZE];

	clock_format(event->at, at);
	redact_sentence(NULL, event->message, strlen(event->message), 1000, &shown);
	object = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:s, s:s, s:s, s:{s:s}, s:s, s:s, s:i}",
	                   "apiVersion", "v1", "kind", "Event", "metadata", "name", name, "namespace", namespace_, "involvedObject",
	                   "apiVersion", json_string_or(event->about, "apiVersion", ""), "kind",
	                   json_string_or(event->about, "kind", ""), "namespace", namespace_, "name",
	                   json_string_or(metadata, "name", ""), "uid", json_string_or(metadata, "uid", ""), "resourceVersion",
	                   json_string_or(metadata, "resourceVersion", ""), "reason", event->reason, "message", shown.data, "type",
	                   event->warning ? "Warning" : "Normal", "source", "component", "acp-gitlab", "firstTimestamp", at,
	                   "lastTimestamp", at, "count", 1);
	if (!object)
		return error_set(err, ERR_INTERNAL, "An event could not be built.");
	if (kube_create(client, &events, namespace_, object, NULL, &failure) || failure.code == ERR_CONFLICT)
		return true;
	if (err)
		*err = failure;
	return false;
}
