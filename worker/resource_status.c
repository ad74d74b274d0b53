/* Claims on resources, and writing their status: each write holds only for the version that was seen. */
#include "resource_private.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"

enum { WRITE_EVERY_MS = 3000 /* progress; a new phase is written at once */ };

/* ---- Claims ---- */

bool entry_may_write(const struct resource_sessions *s, const struct entry *e)
{
	int64_t lease_ms = s->o.worker->lease_s * 1000;

	return !e->claim || clock_monotonic_ms() - e->claim_seen_ms > lease_ms + lease_ms / 6;
}

static json_t *claim_json(const struct resource_sessions *s, const struct entry *e)
{
	const json_t *worker = json_object_get(entry_status(e), "worker");
	bool ours = strcmp(json_string_or(worker, "id", ""), s->id) == 0;
	char until[CLOCK_TEXT_SIZE], now[CLOCK_TEXT_SIZE];

	clock_format(clock_now_s(), now);
	clock_format(clock_now_s() + s->o.worker->lease_s, until);
	return json_pack("{s:s, s:s, s:s, s:I}", "id", s->id, "claimedAt", ours ? json_string_or(worker, "claimedAt", now) : now,
	                 "leaseUntil", until, "attempt", (json_int_t)json_int_or(worker, "attempt", 0) + !ours);
}

static int64_t renewal_due(const struct resource_sessions *s)
{
	return clock_monotonic_ms() + s->o.worker->lease_s * 1000 / 3;
}

/*
 * False: another was faster, the server is away, or the resource is gone; the watch will tell. `status_patch` and `worker` are
 * taken over; worker NULL: as it is.
 */
static bool write_patch(struct resource_sessions *s, struct entry *e, json_t *status_patch, json_t *worker)
{
	CLEANUP(json_decrefp) json_t *patch = NULL, *answer = NULL;
	struct error err = ERROR_INIT;

	if (worker)
		json_object_set_new(status_patch, "worker", worker);
	patch = json_pack("{s:{s:s}, s:o}", "metadata", "resourceVersion", entry_version(e), "status", status_patch);
	if (!kube_patch(s->o.client, s->o.kind, entry_namespace(e), entry_name(e), "status", patch, &answer, &err)) {
		entry_log(s, e, err.code == ERR_CONFLICT ? LOG_DEBUG : LOG_WARNING, &err, "The status could not be written");
		e->look_at_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
		return false;
	}
	if (!answer) {
		e->look_at_ms = INT64_MAX; /* gone */
		return false;
	}
	entry_take_written(s, e, TAKE(answer));
	return true;
}

bool entry_claim(struct resource_sessions *s, struct entry *e)
{
	/* The platform's schema has no such phase to wait in; to us the claim alone says that it is taken. */
	json_t *claim = json_pack("{s:s, s:I}", "phase", "Pending", "observedGeneration",
	                          (json_int_t)json_int_or(entry_metadata(e), "generation", 0));

	if (!write_patch(s, e, claim, claim_json(s, e)))
		return false;
	e->renew_at_ms = renewal_due(s);
	return true;
}

void entry_leave(struct resource_sessions *s, struct entry *e)
{
	(void)write_patch(s, e, json_object(), json_null());
}

/* ---- A status ---- */

bool entry_publish(struct resource_sessions *s, struct entry *e, json_t *wanted, bool claims)
{
	int64_t now = clock_monotonic_ms();
	bool has_claim = json_is_object(json_object_get(entry_status(e), "worker"));
	json_t *patch = resource_status_patch(e->written ? e->written : entry_status(e), wanted);
	bool renews = claims && now >= e->renew_at_ms;

	if (patch && entry_shows(e, wanted) && !renews && now < e->write_at_ms) {
		json_decref(patch);
		return false;
	}
	if (!patch && !renews && !(!claims && has_claim))
		return true;
	json_t *claim = claims ? claim_json(s, e) : has_claim ? json_null() : NULL;
	if (!write_patch(s, e, patch ? patch : json_object(), claim))
		return false;
	e->write_at_ms = now + WRITE_EVERY_MS;
	e->renew_at_ms = claims ? renewal_due(s) : 0;
	json_decref(e->written);
	e->written = json_incref(wanted);
	return true;
}
