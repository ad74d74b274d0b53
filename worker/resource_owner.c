/* Whose session a resource asks for: the stamp of our admission webhook, where nothing can have passed by it. */
#include "resource_private.h"

#include "admission.h"
#include "alloc.h"
#include "clock.h"
#include "supervisor.h"

enum { GUARD_MARGIN_S = 2 /* until every API server has seen a new webhook */ };

static void release_json(json_t **value)
{
	json_decref(*value);
}

/* Whether annotations prove an owner now, and since when. False: the server did not say. */
static bool look_at_guard(struct resource_sessions *s)
{
	static const struct kube_kind kind = {"admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations"};
	CLEANUP(release_json) json_t *configuration = NULL;
	int64_t now = clock_monotonic_ms();
	struct error err = ERROR_INIT;

	if (now < s->guard_at_ms)
		return true;
	if (!kube_get(s->o.client, &kind, NULL, ADMISSION_CONFIGURATION, &configuration, &err)) {
		supervisor_log(s->o.worker, LOG_WARNING, NULL, &err,
		               "The configuration of the admission webhook could not be read");
		return false;
	}
	s->guarded = admission_guards(configuration, s->o.kind->group, &s->guarded_since);
	s->guard_at_ms = now + GUARD_EVERY_MS;
	return true;
}

char *entry_owner(struct resource_sessions *s, const struct entry *e, const char **ret_reason, struct error *ret_why)
{
	const char *owner = admission_annotation(e->object, ADMISSION_OWNER);
	int64_t created = 0;

	*ret_why = (struct error)ERROR_INIT;
	if (!owner) {
		*ret_reason = "NotStamped";
		error_set(ret_why, ERR_FORBIDDEN, "Nobody has verified who created this session.");
		error_remedy(ret_why, "Ask an operator for the admission webhook (deploy/kubernetes/webhook.yaml), then create the "
		                      "session again.");
		return NULL;
	}
	if (!look_at_guard(s))
		return NULL;
	if (s->guarded && clock_parse(json_string_or(entry_metadata(e), "creationTimestamp", ""), &created) &&
	    created >= s->guarded_since + GUARD_MARGIN_S)
		return xstrdup(owner); /* a copy: the resource changes under it */
	*ret_reason = "NotGuarded";
	error_set(ret_why, ERR_FORBIDDEN,
	          "Who created this session is not proven: the admission webhook was not in force for every session.");
	error_remedy(ret_why, "Ask an operator to apply deploy/kubernetes/webhook.yaml as it is, then create the session again.");
	return NULL;
}
