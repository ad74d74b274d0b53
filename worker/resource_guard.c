#include "resource_guard.h"

#include "admission.h"
#include "clock.h"
#include "kube_resources.h"
#include "supervisor.h"

bool resource_guard_look(struct resource_guard *guard, int64_t *ret_since)
{
	static const struct kube_kind kind = {"admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations"};
	CLEANUP(json_decrefp) json_t *configuration = NULL;
	int64_t now = clock_monotonic_ms();
	struct error err = ERROR_INIT;

	if (now >= guard->look_at_ms) {
		if (!kube_get(guard->client, &kind, NULL, ADMISSION_CONFIGURATION, &configuration, &err)) {
			supervisor_log(guard->worker, LOG_WARNING, NULL, &err,
			               "The configuration of the admission webhook could not be read");
			return false;
		}
		guard->guarded = admission_guards(configuration, guard->group, guard->resource, &guard->since);
		guard->look_at_ms = now + RESOURCE_GUARD_MS;
	}
	*ret_since = guard->guarded ? guard->since + RESOURCE_GUARD_MARGIN_S : INT64_MAX;
	return true;
}
