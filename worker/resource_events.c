/*
 * Events about sessions, for `kubectl describe`: one for every phase that was entered, also for those that passed between two
 * looks. The store keeps which were told. A crash between telling and keeping that is harmless: an Event's name says which phase of
 * which session it is about, so that the API server has it once.
 */
#include "resource_private.h"

#include "clock.h"
#include "kube_event.h"

enum {
	EVENTS_BURST = 20,
	EVENT_EVERY_MS = 200,
	EVENTS_AGAIN_MS = 5000, /* after one that could not be written */
	EVENTS_QUIET_MS = 2 * 60 * 1000,
};

static bool may_tell(struct resource_sessions *s)
{
	int64_t now = clock_monotonic_ms(), earned = (now - s->event_at_ms) / EVENT_EVERY_MS;

	if (now < s->events_again_at_ms)
		return false;
	if (earned > 0) {
		s->events_left = s->events_left + earned > EVENTS_BURST ? EVENTS_BURST : s->events_left + earned;
		s->event_at_ms = now;
	}
	if (s->events_left == 0)
		return false;
	s->events_left--;
	return true;
}

/* True: it is told, or cannot be told to any server. */
static bool tell(struct resource_sessions *s, const struct entry *e, struct kube_event *event, enum session_phase phase)
{
	struct error err = ERROR_INIT;

	event->about = e->object;
	event->reason = session_phase_name(phase);
	event->warning = phase == PHASE_OWNER_UNVERIFIED || phase == PHASE_PARTIALLY_COMPLETED || phase == PHASE_FAILED;
	if (!event->message[0])
		event->message = event->reason;
	if (!may_tell(s))
		return false;
	if (kube_event_create(s->o.client, event, &err))
		return true;
	if (err.code == ERR_FIELD_INVALID) {
		entry_log(s, e, LOG_WARNING, &err, "An event was refused");
		return true;
	}
	/* Said once, and again when it has worked for a while. */
	int64_t now = clock_monotonic_ms();
	bool new_trouble = s->events_again_at_ms == 0 || now - s->events_again_at_ms > EVENTS_QUIET_MS;
	entry_log(s, e, new_trouble ? LOG_WARNING : LOG_DEBUG, &err, "An event could not be written yet");
	s->events_again_at_ms = now + EVENTS_AGAIN_MS;
	return false;
}

bool entry_tell_passed(struct resource_sessions *s, struct entry *e)
{
	CLEANUP(session_phases_release) struct session_phases phases = SESSION_PHASES_INIT;
	const struct session_store *store = &s->o.sessions;
	struct error err = ERROR_INIT;

	if (!store->ops->phases_untold(store->state, e->uid, &phases, &err)) {
		entry_log(s, e, LOG_WARNING, &err, "What a session went through could not be read");
		return false;
	}
	for (size_t i = 0; i < phases.count; i++) {
		const struct session_phase_entered *one = &phases.items[i];
		char mark[24];
		struct kube_event event = {.mark = mark, .message = one->message, .at = one->at};

		/* In digits that sort as the numbers do: lists of Events are in the order of their names. */
		snprintf(mark, sizeof(mark), "%06lld", (long long)one->number);
		if (!tell(s, e, &event, one->phase))
			return false;
		if (!store->ops->phase_told(store->state, e->uid, one->number, &err)) {
			entry_log(s, e, LOG_WARNING, &err, "That a phase was told could not be kept");
			return false;
		}
	}
	return true;
}

void entry_tell(struct resource_sessions *s, struct entry *e, enum session_phase phase, const json_t *status)
{
	const char *message = json_string_or(status, "notification", json_string_or(status, "message", ""));
	struct kube_event event = {.mark = session_phase_name(phase), .message = message, .at = clock_now_s()};

	e->untold = !tell(s, e, &event, phase);
}
