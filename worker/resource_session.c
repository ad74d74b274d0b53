#include "resource_private.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "encoding.h"
#include "resource_condition.h"
#include "secret.h"
#include "session_service.h"
#include "supervisor.h"

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
	s->guard = (struct resource_guard){.worker = options->worker,
	                                   .client = options->client,
	                                   .group = options->kind->group,
	                                   .resource = options->kind->plural};
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
	CLEANUP(id_list_release) struct id_list ids = ID_LIST_INIT;
	struct error err = ERROR_INIT;

	for (size_t i = s->count; i-- > 0;) {
		const char *uid = s->entries[i].uid;

		if (json_object_get(news->listed, uid) || json_object_get(news->changed, uid))
			continue;
		if (remove_session(s, uid))
			entry_drop(s, &s->entries[i]);
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
		struct entry *e = entry_find(s, uid);

		if (json_is_object(object))
			entry_see(s, e ? e : entry_add(s, uid), object);
		else if (remove_session(s, uid) && e)
			entry_drop(s, e);
		else if (e)
			json_object_set_new(json_object_get(e->object, "metadata"), "deletionTimestamp", json_string("now"));
	}
	if (news->listed)
		forget_unlisted(s, news);
}

/* ---- A resource without a session ---- */

static void publish_without(struct resource_sessions *s, struct entry *e, enum session_phase phase, const char *reason,
                            const struct error *why)
{
	const struct resource_view view = entry_view(s, e);
	CLEANUP(json_decrefp) json_t *wanted = resource_status_without(&view, phase, reason, why);

	e->look_at_ms = phase == PHASE_OWNER_UNVERIFIED ? clock_monotonic_ms() + RESOURCE_GUARD_MS : INT64_MAX;
	if (e->untold || !entry_shows(e, wanted))
		entry_tell(s, e, phase, wanted);
	if ((!entry_publish(s, e, wanted, false) || e->untold) && e->look_at_ms == INT64_MAX)
		e->look_at_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
}

/* A session of the same name whose own resource is gone makes room. */
static bool make_room(struct resource_sessions *s, const struct entry *e)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(json_decrefp) json_t *object = NULL;
	struct error err = ERROR_INIT;

	if (!s->o.sessions.ops->find(s->o.sessions.state, entry_namespace(e), entry_name(e), &row, &err))
		return true;
	if (row.stop_requested)
		return true;
	object = json_parse_answer(row.object, strlen(row.object));
	if (strcmp(json_string_or(json_object_get(object, "metadata"), "uid", ""), row.id) != 0 || entry_find(s, row.id))
		return false;
	return remove_session(s, row.id);
}

static void create(struct resource_sessions *s, struct entry *e, const char *owner)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;

	if (!entry_claim(s, e))
		return;
	e->look_at_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
	if (session_adopt(&s->o.sessions, &s->o.projects, owner, e->object, &row, &err)) {
		entry_log(s, e, LOG_INFO, NULL, "Session created from its resource");
		e->look_at_ms = 0;
		return;
	}
	if (error_status(err.code) >= 500 || (err.code == ERR_CONFLICT && make_room(s, e))) {
		entry_log(s, e, LOG_WARNING, &err, "A session could not be created from its resource yet");
		return;
	}
	entry_log(s, e, LOG_INFO, &err, "A resource cannot become a session");
	publish_without(s, e, PHASE_FAILED, "NotAccepted", &err);
}

static bool is_final_phase(const char *name, enum session_phase *ret)
{
	return session_phase_parse(name, ret) && session_phase_is_final(*ret);
}

static void tend_without(struct resource_sessions *s, struct entry *e)
{
	const json_t *status = entry_status(e);
	const char *phase = json_string_or(status, "phase", "");
	struct error why = ERROR_INIT;
	enum session_phase final;
	const char *reason;

	e->look_at_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
	if (is_final_phase(phase, &final)) {
		if (e->untold)
			entry_tell(s, e, final, status);
		if (!e->untold)
			e->look_at_ms = INT64_MAX;
		return;
	}
	if (!entry_may_write(s, e))
		return;
	if (resource_was_accepted(status)) {
		error_set(&why, ERR_SESSION_ENDED, "The session was removed.");
		error_remedy(&why, "Delete this resource, or create another one to begin again.");
		publish_without(s, e, PHASE_STOPPED, "Removed", &why);
		return;
	}
	CLEANUP(freep) char *owner = entry_owner(s, e, &reason, &why);
	if (owner)
		create(s, e, owner);
	else if (why.code != ERR_NONE)
		publish_without(s, e, PHASE_OWNER_UNVERIFIED, reason, &why);
}

/* ---- A resource with its session ---- */

enum { POD_UID_MAX = 128 };

/*
 * Which pod works for the session elsewhere. The status says so, which is not the project's members' to write. Any controller may
 * take it over: it claims nothing. False: to be done again.
 */
static bool follow_pod(struct resource_sessions *s, const struct entry *e, const struct session_row *row)
{
	const char *uid = json_string_or(json_object_get(entry_status(e), "pod"), "uid", ""),
	           *known = row->pod_uid ? row->pod_uid : "";
	struct error err = ERROR_INIT;

	if (strlen(uid) > POD_UID_MAX)
		uid = "";
	if (strcmp(uid, known) == 0)
		return true;
	if (!s->o.sessions.ops->set_pod(s->o.sessions.state, e->uid, uid[0] ? uid : NULL, &err)) {
		entry_log(s, e, LOG_WARNING, &err, "The session's pod could not be taken over");
		return false;
	}
	entry_log(s, e, LOG_INFO, NULL, uid[0] ? "A pod works for the session" : "No pod works for the session any more");
	return true;
}

static void tend_with(struct resource_sessions *s, struct entry *e, const struct session_row *row)
{
	const struct resource_view view = entry_view(s, e);
	enum session_phase phase = session_shown_phase(row);
	int64_t now = clock_monotonic_ms();
	bool same = e->row_status && strcmp(e->row_status, row->status) == 0 && e->row_phase == row->phase &&
	            e->row_stopping == row->stop_requested;

	e->look_at_ms = now + LOOK_MS;
	if (!follow_pod(s, e, row) || !entry_may_write(s, e)) {
		e->look_at_ms = now + LOOK_AGAIN_MS;
		return;
	}
	if (same && now < e->renew_at_ms)
		return;
	CLEANUP(json_decrefp) json_t *wanted = resource_status(&view, row);
	if (session_phase_is_final(phase))
		e->look_at_ms = resource_condition_is_true(wanted, "WorkKept") ? now + LOOK_KEPT_MS : INT64_MAX;
	freep(&e->row_status);
	/* One that is being removed goes without having entered a last phase. */
	if (row->stop_requested && (e->untold || !entry_shows(e, wanted)))
		entry_tell(s, e, phase, wanted);
	bool told = entry_tell_passed(s, e) && !e->untold, written = entry_publish(s, e, wanted, !session_phase_is_final(phase));
	if (!told || !written) {
		e->look_at_ms = now + LOOK_MS;
		return;
	}
	e->row_status = xstrdup(row->status);
	e->row_phase = row->phase;
	e->row_stopping = row->stop_requested;
}

static void tend(struct resource_sessions *s, struct entry *e)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;

	if (json_object_get(entry_metadata(e), "deletionTimestamp")) {
		/* Another's finalizer may hold it for long; its session ends now. */
		e->look_at_ms = remove_session(s, e->uid) ? INT64_MAX : clock_monotonic_ms() + LOOK_AGAIN_MS;
		return;
	}
	if (s->o.sessions.ops->find_by_id(s->o.sessions.state, e->uid, &row, &err)) {
		tend_with(s, e, &row);
	} else if (err.code == ERR_SESSION_NOT_FOUND) {
		tend_without(s, e);
	} else {
		entry_log(s, e, LOG_WARNING, &err, "A session could not be read");
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
			entry_leave(s, e);
	}
}
