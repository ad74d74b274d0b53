/* What is known of each resource: how it looked last, and who else claims it. */
#include "resource_private.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "supervisor.h"

void entry_release(struct entry *e)
{
	json_decref(e->object);
	json_decref(e->written);
	free(e->uid);
	free(e->row_status);
	free(e->claim);
}

const json_t *entry_metadata(const struct entry *e)
{
	return json_object_get(e->object, "metadata");
}

const json_t *entry_status(const struct entry *e)
{
	return json_object_get(e->object, "status");
}

const char *entry_name(const struct entry *e)
{
	return json_string_or(entry_metadata(e), "name", "");
}

const char *entry_namespace(const struct entry *e)
{
	return json_string_or(entry_metadata(e), "namespace", "");
}

struct resource_view entry_view(const struct resource_sessions *s, const struct entry *e)
{
	return (struct resource_view){.shape = s->o.shape,
	                              .generation = json_int_or(entry_metadata(e), "generation", 0),
	                              .seen = entry_status(e),
	                              .now = clock_now_s()};
}

/* A log line about a resource, in the words that those about sessions have. */
void entry_log(const struct resource_sessions *s, const struct entry *e, enum log_level level, const struct error *err,
               const char *message)
{
	const struct session_row row = {
	        .id = e->uid, .name = (char *)(uintptr_t)entry_name(e), .project = (char *)(uintptr_t)entry_namespace(e)};

	supervisor_log(s->o.worker, level, &row, err, message);
}

struct entry *entry_find(struct resource_sessions *s, const char *uid)
{
	const json_t *place = json_object_get(s->places, uid);

	return place ? &s->entries[json_integer_value(place)] : NULL;
}

struct entry *entry_add(struct resource_sessions *s, const char *uid)
{
	s->entries = xrealloc(s->entries, (s->count + 1) * sizeof(*s->entries));
	s->entries[s->count] = (struct entry){.uid = xstrdup(uid)};
	json_object_set_new(s->places, uid, json_integer((json_int_t)s->count));
	return &s->entries[s->count++];
}

void entry_drop(struct resource_sessions *s, struct entry *e)
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
	const json_t *worker = json_object_get(entry_status(e), "worker");
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

bool entry_shows(const struct entry *e, const json_t *status)
{
	return strcmp(json_string_or(entry_status(e), "phase", ""), json_string_or(status, "phase", "")) == 0;
}

const char *entry_version(const struct entry *e)
{
	return json_string_or(entry_metadata(e), "resourceVersion", "");
}

void entry_see(struct resource_sessions *s, struct entry *e, json_t *object)
{
	/* Our own write coming back says nothing new. */
	if (!e->object ||
	    strcmp(entry_version(e), json_string_or(json_object_get(object, "metadata"), "resourceVersion", "")) != 0) {
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

void entry_take_written(struct resource_sessions *s, struct entry *e, json_t *object)
{
	json_object_del(json_object_get(object, "metadata"), "managedFields");
	json_decref(e->object);
	e->object = object;
	watch_claim(s, e);
}
