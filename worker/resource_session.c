#include "resource_session.h"

#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "alloc.h"
#include "clock.h"
#include "encoding.h"
#include "secret.h"
#include "session_service.h"
#include "supervisor.h"

enum {
	LOOK_MS = 500,         /* at a session that runs */
	LOOK_KEPT_MS = 5000,   /* at one that has ended and may be pushed again */
	LOOK_AGAIN_MS = 2000,  /* after a refusal that passes */
	WRITE_EVERY_MS = 3000, /* progress; a new phase is written at once */
	GUARD_EVERY_MS = 30 * 1000,
	GUARD_MARGIN_S = 2, /* until every API server has seen a new webhook */
	EVENTS_BURST = 20,
	EVENT_EVERY_MS = 200,
};

/* A resource and what we know of it. */
struct entry {
	char *uid;
	json_t *object;   /* as it was seen last */
	json_t *written;  /* the status that was written last; NULL: another may have written since */
	char *row_status; /* of the row, when the status was made of it */
	enum session_phase row_phase;
	bool row_stopping;
	char *claim;           /* worker.id and leaseUntil of another, as they were seen */
	int64_t claim_seen_ms; /* when they last moved */
	int64_t renew_at_ms;   /* our own claim; 0: we have none */
	int64_t look_at_ms;    /* INT64_MAX: not before it changes */
	int64_t write_at_ms;
};

struct resource_sessions {
	struct resource_sessions_options o;
	char *id; /* of this claimant: a worker's name may come again */
	struct entry *entries;
	size_t count;
	json_t *places; /* uid → place in entries */
	bool guarded;
	int64_t guarded_since; /* unix seconds */
	int64_t guard_at_ms;
	int64_t events_left, event_at_ms;
};

static void release_json(json_t **value)
{
	json_decref(*value);
}

static void entry_release(struct entry *e)
{
	json_decref(e->object);
	json_decref(e->written);
	free(e->uid);
	free(e->row_status);
	free(e->claim);
}

struct resource_sessions *resource_sessions_new(const struct resource_sessions_options *options)
{
	struct resource_sessions *s = xcalloc(1, sizeof(*s));
	CLEANUP(strbuf_release) struct strbuf suffix = STRBUF_INIT(64);
	unsigned char bytes[6];

	random_bytes(bytes, sizeof(bytes));
	encode_hex(&suffix, bytes, sizeof(bytes));
	s->o = *options;
	s->id = xasprintf("%s:%s", options->worker->name, suffix.data);
	s->places = json_object();
	s->events_left = EVENTS_BURST;
	return s;
}

void resource_sessions_freep(struct resource_sessions **slot)
{
	struct resource_sessions *s = *slot;

	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		entry_release(&s->entries[i]);
	free(s->entries);
	free(s->id);
	json_decref(s->places);
	freep(slot);
}

/* ---- What is known of a resource ---- */

static const json_t *metadata_of(const struct entry *e)
{
	return json_object_get(e->object, "metadata");
}

static const json_t *status_of(const struct entry *e)
{
	return json_object_get(e->object, "status");
}

static const char *name_of(const struct entry *e)
{
	return json_string_or(metadata_of(e), "name", "");
}

static const char *namespace_of(const struct entry *e)
{
	return json_string_or(metadata_of(e), "namespace", "");
}

static struct resource_view view_of(const struct resource_sessions *s, const struct entry *e)
{
	return (struct resource_view){.shape = s->o.shape,
	                              .generation = json_int_or(metadata_of(e), "generation", 0),
	                              .seen = status_of(e),
	                              .now = clock_now_s()};
}

/* A log line about a resource, in the words that those about sessions have. */
static void say(const struct resource_sessions *s, const struct entry *e, enum log_level level, const struct error *err,
                const char *message)
{
	const struct session_row row = {
	        .id = e->uid, .name = (char *)(uintptr_t)name_of(e), .project = (char *)(uintptr_t)namespace_of(e)};

	supervisor_log(s->o.worker, level, &row, err, message);
}

static struct entry *find(struct resource_sessions *s, const char *uid)
{
	const json_t *place = json_object_get(s->places, uid);

	return place ? &s->entries[json_integer_value(place)] : NULL;
}

static struct entry *add(struct resource_sessions *s, const char *uid)
{
	s->entries = xrealloc(s->entries, (s->count + 1) * sizeof(*s->entries));
	s->entries[s->count] = (struct entry){.uid = xstrdup(uid)};
	json_object_set_new(s->places, uid, json_integer((json_int_t)s->count));
	return &s->entries[s->count++];
}

static void drop(struct resource_sessions *s, struct entry *e)
{
	json_object_del(s->places, e->uid);
	entry_release(e);
	*e = s->entries[--s->count];
	if (e != &s->entries[s->count])
		json_object_set_new(s->places, e->uid, json_integer(e - s->entries));
}

/* Keeps a claim of another as it is seen, with the time since when it is so. */
static void watch_claim(struct resource_sessions *s, struct entry *e)
{
	const json_t *worker = json_object_get(status_of(e), "worker");
	const char *id = json_string_or(worker, "id", "");
	CLEANUP(freep)
	char *claim = id[0] && strcmp(id, s->id) != 0 ? xasprintf("%s %s", id, json_string_or(worker, "leaseUntil", "")) : NULL;

	if (strcmp(id, s->id) != 0)
		e->renew_at_ms = 0;
	if (claim && e->claim && strcmp(claim, e->claim) == 0)
		return;
	free(e->claim);
	e->claim = TAKE(claim);
	e->claim_seen_ms = clock_monotonic_ms();
}

static const char *version_of(const json_t *object)
{
	return json_string_or(json_object_get(object, "metadata"), "resourceVersion", "");
}

static void see(struct resource_sessions *s, struct entry *e, json_t *object)
{
	/* Our own write coming back says nothing new. */
	if (!e->object || strcmp(version_of(e->object), version_of(object)) != 0) {
		json_decref(e->written);
		e->written = NULL;
		freep(&e->row_status);
	}
	json_incref(object);
	json_decref(e->object);
	e->object = object;
	e->look_at_ms = 0;
	watch_claim(s, e);
}

/* ---- A resource that is gone ---- */

static bool remove_session(struct resource_sessions *s, const char *uid)
{
	struct error err = ERROR_INIT;

	if (s->o.sessions.ops->remove(s->o.sessions.state, uid, &err)) {
		const struct session_row row = {.id = (char *)(uintptr_t)uid, .name = (char[]){""}, .project = (char[]){""}};

		supervisor_log(s->o.worker, LOG_INFO, &row, NULL, "Session removed: its resource is gone");
		return true;
	}
	if (err.code != ERR_SESSION_NOT_FOUND)
		supervisor_log(s->o.worker, LOG_WARNING, NULL, &err, "A session whose resource is gone could not be removed");
	return err.code == ERR_SESSION_NOT_FOUND;
}

/* A whole list tells what went while nobody watched: of the resources that are known, and of those that an earlier worker knew. */
static void forget_unlisted(struct resource_sessions *s, const struct resource_news *news)
{
	CLEANUP(session_ids_release) struct session_ids ids = SESSION_IDS_INIT;
	struct error err = ERROR_INIT;

	for (size_t i = s->count; i-- > 0;) {
		const char *uid = s->entries[i].uid;

		if (json_object_get(news->listed, uid) || json_object_get(news->changed, uid))
			continue;
		if (remove_session(s, uid))
			drop(s, &s->entries[i]);
	}
	if (!s->o.sessions.ops->adopted(s->o.sessions.state, news->listed_at, &ids, &err)) {
		supervisor_log(s->o.worker, LOG_WARNING, NULL, &err, "The sessions of resources could not be listed");
		return;
	}
	for (size_t i = 0; i < ids.count; i++)
		if (!json_object_get(news->listed, ids.items[i]) && !json_object_get(news->changed, ids.items[i]))
			(void)remove_session(s, ids.items[i]);
}

void resource_sessions_learn(struct resource_sessions *s, const struct resource_news *news)
{
	const char *uid;
	json_t *object;

	json_object_foreach(news->changed, uid, object)
	{
		struct entry *e = find(s, uid);

		if (json_is_object(object))
			see(s, e ? e : add(s, uid), object);
		else if (remove_session(s, uid) && e)
			drop(s, e);
		else if (e)
			json_object_set_new(json_object_get(e->object, "metadata"), "deletionTimestamp", json_string("now"));
	}
	if (news->listed)
		forget_unlisted(s, news);
}

/* ---- Writing a status ---- */

static bool may_tell(struct resource_sessions *s)
{
	int64_t now = clock_monotonic_ms(), earned = (now - s->event_at_ms) / EVENT_EVERY_MS;

	if (earned > 0) {
		s->events_left = s->events_left + earned > EVENTS_BURST ? EVENTS_BURST : s->events_left + earned;
		s->event_at_ms = now;
	}
	if (s->events_left == 0)
		return false;
	s->events_left--;
	return true;
}

/* For `kubectl describe`. Nothing depends on it. */
static void tell_phase(struct resource_sessions *s, const struct entry *e, const char *phase, const json_t *status)
{
	static const char *const bad[] = {"OwnerUnverified", "PartiallyCompleted", "Failed"};
	const char *message = json_string_or(status, "notification", json_string_or(status, "message", phase));
	struct error err = ERROR_INIT;
	bool warning = false;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		warning = warning || strcmp(phase, bad[i]) == 0;
	if (may_tell(s) && !kube_event(s->o.client, e->object, warning, phase, message, &err))
		say(s, e, LOG_DEBUG, &err, "An event could not be written");
}

static json_t *claim_json(const struct resource_sessions *s, const struct entry *e)
{
	const json_t *worker = json_object_get(status_of(e), "worker");
	bool ours = strcmp(json_string_or(worker, "id", ""), s->id) == 0;
	char until[CLOCK_TEXT_SIZE], now[CLOCK_TEXT_SIZE];

	clock_format(clock_now_s(), now);
	clock_format(clock_now_s() + s->o.worker->lease_s, until);
	return json_pack("{s:s, s:s, s:s, s:I}", "id", s->id, "claimedAt", ours ? json_string_or(worker, "claimedAt", now) : now,
	                 "leaseUntil", until, "attempt", (json_int_t)json_int_or(worker, "attempt", 0) + !ours);
}

/*
 * Writes a status patch for the version that was seen. False: another was faster, the server is away, or the resource is gone; the
 * watch will tell. `worker` is taken over; NULL: as it is.
 */
static bool write_patch(struct resource_sessions *s, struct entry *e, json_t *status_patch, json_t *worker)
{
	CLEANUP(release_json) json_t *patch = NULL, *answer = NULL;
	struct error err = ERROR_INIT;

	if (worker)
		json_object_set_new(status_patch, "worker", worker);
	patch = json_pack("{s:{s:s}, s:o}", "metadata", "resourceVersion", version_of(e->object), "status", status_patch);
	if (!kube_patch(s->o.client, s->o.kind, namespace_of(e), name_of(e), "status", patch, &answer, &err)) {
		say(s, e, err.code == ERR_CONFLICT ? LOG_DEBUG : LOG_WARNING, &err, "The status could not be written");
		e->look_at_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
		return false;
	}
	if (!answer) {
		e->look_at_ms = INT64_MAX; /* gone */
		return false;
	}
	json_object_del(json_object_get(answer, "metadata"), "managedFields");
	json_decref(e->object);
	e->object = TAKE(answer);
	watch_claim(s, e);
	return true;
}

/* Whether the resource is ours to write: it was, or nobody has it. */
static bool may_write(const struct resource_sessions *s, const struct entry *e)
{
	int64_t lease_ms = s->o.worker->lease_s * 1000;

	return !e->claim || clock_monotonic_ms() - e->claim_seen_ms > lease_ms + lease_ms / 6;
}

static bool is_final_phase(const char *phase)
{
	enum session_phase read;

	return session_phase_parse(phase, &read) && session_phase_is_final(read);
}

/* Brings the resource's status to `wanted` if it differs. `claims`: the resource stays ours; without a running session it is
 * nobody's. */
static void publish(struct resource_sessions *s, struct entry *e, json_t *wanted, bool claims)
{
	CLEANUP(freep) char *before = xstrdup(json_string_or(status_of(e), "phase", ""));
	const char *phase = json_string_or(wanted, "phase", "");
	int64_t now = clock_monotonic_ms();
	bool has_claim = json_is_object(json_object_get(status_of(e), "worker"));
	json_t *patch = resource_status_patch(e->written ? e->written : status_of(e), wanted);
	bool new_phase = strcmp(before, phase) != 0;
	bool renews = claims && now >= e->renew_at_ms;

	if (patch && !new_phase && !renews && now < e->write_at_ms) {
		json_decref(patch);
		freep(&e->row_status); /* to be written later */
		return;
	}
	if (!patch && !renews && !(!claims && has_claim))
		return;
	json_t *claim = claims ? claim_json(s, e) : has_claim ? json_null() : NULL;
	if (!write_patch(s, e, patch ? patch : json_object(), claim)) {
		freep(&e->row_status);
		return;
	}
	e->write_at_ms = now + WRITE_EVERY_MS;
	e->renew_at_ms = !claims ? 0 : now + s->o.worker->lease_s * 1000 / 3;
	json_decref(e->written);
	e->written = json_incref(wanted);
	if (new_phase)
		tell_phase(s, e, phase, wanted);
}

static void publish_without(struct resource_sessions *s, struct entry *e, enum session_phase phase, const char *reason,
                            const struct error *why)
{
	const struct resource_view view = view_of(s, e);
	CLEANUP(release_json) json_t *wanted = resource_status_without(&view, phase, reason, why);

	e->look_at_ms = phase == PHASE_OWNER_UNVERIFIED ? clock_monotonic_ms() + GUARD_EVERY_MS : INT64_MAX;
	publish(s, e, wanted, false);
}

/* ---- A resource without a session ---- */

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

/* The verified owner, a copy: the resource changes under it. NULL: there is none, and the resource says so by now. *ret_asked
 * false: it cannot be known now. */
static char *verified_owner(struct resource_sessions *s, struct entry *e, bool *ret_asked)
{
	const char *owner = admission_annotation(e->object, ADMISSION_OWNER);
	struct error why = ERROR_INIT;
	int64_t created = 0;

	*ret_asked = true;
	if (!owner) {
		error_set(&why, ERR_FORBIDDEN, "Nobody has verified who created this session.");
		error_remedy(&why, "Ask an operator for the admission webhook (deploy/kubernetes/webhook.yaml), then create the "
		                   "session again.");
		publish_without(s, e, PHASE_OWNER_UNVERIFIED, "NotStamped", &why);
		return NULL;
	}
	*ret_asked = look_at_guard(s);
	if (!*ret_asked)
		return NULL;
	if (s->guarded && clock_parse(json_string_or(metadata_of(e), "creationTimestamp", ""), &created) &&
	    created >= s->guarded_since + GUARD_MARGIN_S)
		return xstrdup(owner);
	error_set(&why, ERR_FORBIDDEN,
	          "Who created this session is not proven: the admission webhook was not in force for every session.");
	error_remedy(&why, "Ask an operator to apply deploy/kubernetes/webhook.yaml as it is, then create the session again.");
	publish_without(s, e, PHASE_OWNER_UNVERIFIED, "NotGuarded", &why);
	return NULL;
}

/* A session of the same name whose own resource is gone makes room. */
static bool make_room(struct resource_sessions *s, const struct entry *e)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(release_json) json_t *object = NULL;
	struct error err = ERROR_INIT;

	if (!s->o.sessions.ops->find(s->o.sessions.state, namespace_of(e), name_of(e), &row, &err))
		return true;
	if (row.stop_requested)
		return true;
	object = json_parse_answer(row.object, strlen(row.object));
	if (strcmp(json_string_or(json_object_get(object, "metadata"), "uid", ""), row.id) != 0 || find(s, row.id))
		return false;
	return remove_session(s, row.id);
}

static bool passes_by(const struct error *err)
{
	return error_status(err->code) >= 500;
}

static void create(struct resource_sessions *s, struct entry *e, const char *owner)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	/* The platform's schema has no such phase to wait in; to us the claim alone says that it is taken. */
	json_t *claim = json_pack("{s:s, s:I}", "phase", "Pending", "observedGeneration",
	                          (json_int_t)json_int_or(metadata_of(e), "generation", 0));

	if (!write_patch(s, e, claim, claim_json(s, e)))
		return;
	e->renew_at_ms = clock_monotonic_ms() + s->o.worker->lease_s * 1000 / 3;
	e->look_at_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
	if (session_adopt(&s->o.sessions, &s->o.projects, owner, e->object, &row, &err)) {
		say(s, e, LOG_INFO, NULL, "Session created from its resource");
		e->look_at_ms = 0;
		return;
	}
	if (passes_by(&err) || (err.code == ERR_CONFLICT && make_room(s, e))) {
		say(s, e, LOG_WARNING, &err, "A session could not be created from its resource yet");
		return;
	}
	say(s, e, LOG_INFO, &err, "A resource cannot become a session");
	publish_without(s, e, PHASE_FAILED, "NotAccepted", &err);
}

static void tend_without(struct resource_sessions *s, struct entry *e)
{
	const json_t *status = status_of(e);
	const char *phase = json_string_or(status, "phase", "");
	struct error why = ERROR_INIT;
	bool asked;

	e->look_at_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
	if (is_final_phase(phase)) {
		e->look_at_ms = INT64_MAX;
		return;
	}
	if (!may_write(s, e))
		return;
	if (resource_was_accepted(status)) {
		error_set(&why, ERR_SESSION_ENDED, "The session was removed.");
		error_remedy(&why, "Delete this resource, or create another one to begin again.");
		publish_without(s, e, PHASE_STOPPED, "Removed", &why);
		return;
	}
	CLEANUP(freep) char *owner = verified_owner(s, e, &asked);
	if (owner)
		create(s, e, owner);
}

/* ---- A resource with its session ---- */

static bool may_change_later(const json_t *status)
{
	size_t i;
	json_t *condition;

	json_array_foreach(json_object_get(status, "conditions"), i, condition)
	{
		if (strcmp(json_string_or(condition, "type", ""), "WorkKept") == 0)
			return strcmp(json_string_or(condition, "status", ""), "True") == 0;
	}
	return false;
}

static void tend_with(struct resource_sessions *s, struct entry *e, const struct session_row *row)
{
	const struct resource_view view = view_of(s, e);
	int64_t now = clock_monotonic_ms();
	bool same = e->row_status && strcmp(e->row_status, row->status) == 0 && e->row_phase == row->phase &&
	            e->row_stopping == row->stop_requested;

	e->look_at_ms = now + LOOK_MS;
	if (!may_write(s, e)) {
		e->look_at_ms = now + LOOK_AGAIN_MS;
		return;
	}
	if (same && now < e->renew_at_ms)
		return;
	CLEANUP(release_json) json_t *wanted = resource_status(&view, row);
	free(e->row_status);
	e->row_status = xstrdup(row->status);
	e->row_phase = row->phase;
	e->row_stopping = row->stop_requested;
	if (session_phase_is_final(session_shown_phase(row)))
		e->look_at_ms = may_change_later(wanted) ? now + LOOK_KEPT_MS : INT64_MAX;
	publish(s, e, wanted, !session_phase_is_final(session_shown_phase(row)));
	if (!e->row_status) /* not written */
		e->look_at_ms = now + LOOK_MS;
}

static void tend(struct resource_sessions *s, struct entry *e)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;

	if (json_object_get(metadata_of(e), "deletionTimestamp")) {
		/* Another's finalizer may hold it for long; its session ends now. */
		e->look_at_ms = remove_session(s, e->uid) ? INT64_MAX : clock_monotonic_ms() + LOOK_AGAIN_MS;
		return;
	}
	if (s->o.sessions.ops->find_by_id(s->o.sessions.state, e->uid, &row, &err)) {
		tend_with(s, e, &row);
	} else if (err.code == ERR_SESSION_NOT_FOUND) {
		tend_without(s, e);
	} else {
		say(s, e, LOG_WARNING, &err, "A session could not be read");
		e->look_at_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
	}
}

void resource_sessions_tend(struct resource_sessions *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (clock_monotonic_ms() >= s->entries[i].look_at_ms)
			tend(s, &s->entries[i]);
}

void resource_sessions_leave(struct resource_sessions *s, int64_t deadline_ms)
{
	for (size_t i = 0; i < s->count && clock_monotonic_ms() < deadline_ms; i++) {
		struct entry *e = &s->entries[i];

		if (e->renew_at_ms == 0)
			continue;
		e->write_at_ms = 0;
		tend(s, e);
		if (e->renew_at_ms != 0)
			(void)write_patch(s, e, json_object(), json_null());
	}
}
