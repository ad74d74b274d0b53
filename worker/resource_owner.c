/* Whose session a resource asks for: the stamp of our admission webhook, where nothing can have passed by it. */
#include "resource_private.h"

#include "admission.h"
#include "alloc.h"
#include "clock.h"

char *entry_owner(struct resource_sessions *s, const struct entry *e, const char **ret_reason, struct error *ret_why)
{
	const char *owner = admission_annotation(e->object, ADMISSION_OWNER);
	int64_t created = 0, since;

	*ret_why = (struct error)ERROR_INIT;
	if (!owner) {
		*ret_reason = "NotStamped";
		error_set(ret_why, ERR_FORBIDDEN, "Nobody has verified who created this session.");
		error_remedy(ret_why, "Ask an operator for the admission webhook (deploy/kubernetes/webhook.yaml), then create the "
		                      "session again.");
		return NULL;
	}
	if (!resource_guard_look(&s->guard, &since))
		return NULL;
	if (clock_parse(json_string_or(entry_metadata(e), "creationTimestamp", ""), &created) && created >= since)
		return xstrdup(owner); /* a copy: the resource changes under it */
	*ret_reason = "NotGuarded";
	error_set(ret_why, ERR_FORBIDDEN,
	          "Who created this session is not proven: the admission webhook was not in force for every session.");
	error_remedy(ret_why, "Ask an operator to apply deploy/kubernetes/webhook.yaml as it is, then create the session again.");
	return NULL;
}
