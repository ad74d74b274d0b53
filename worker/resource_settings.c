#include "resource_settings.h"

#include <string.h>

#include "admission.h"
#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "project_adopt.h"
#include "settings_resource.h"
#include "supervisor.h"

enum {
	LOOK_MS = 2000,         /* whether there is something to do */
	WAITING_MS = 2000,      /* at a list that has not been looked at yet */
	SETTLED_MS = 60 * 1000, /* at one that has */
	AGAIN_MS = 5000,        /* after a refusal that passes */
};

static const char settings_name[] = "projectsettings";

void resource_settings_open(struct resource_settings *s, const struct worker *worker, struct kube_client *client,
                            const struct kube_kind *kind, struct project_store projects)
{
	*s = (struct resource_settings){
	        .worker = worker,
	        .client = client,
	        .kind = kind,
	        .projects = projects,
	        .guard = {.worker = worker, .client = client, .group = kind->group, .resource = kind->plural},
	        .known = json_object(),
	        .due = json_object()};
}

void resource_settings_release(struct resource_settings *s)
{
	json_decref(s->known);
	json_decref(s->due);
}

/* ---- Who wrote the list ---- */

/*
 * The stamp proves it of what was written while the webhook was in force: of a resource that was created then, and of a list that
 * has changed since it was seen then. An older annotation may be anybody's text.
 */
static const char *verified_editor(const json_t *object, int64_t since, const struct project_access *before)
{
	const json_t *metadata = json_object_get(object, "metadata");
	const char *editor = admission_annotation(object, ADMISSION_EDITOR);
	int64_t created;

	if (!editor)
		return "";
	if (clock_parse(json_string_or(metadata, "creationTimestamp", ""), &created) && created >= since)
		return editor;
	return before && before->seen_at >= since && before->generation < json_int_or(metadata, "generation", 0) ? editor : "";
}

/* Leaves the list to be looked at. `access`: what was known before (project NULL: nothing), and what is now. */
static bool ask(struct resource_settings *s, const json_t *object, const json_t *entries, struct project_access *access,
                struct error *err)
{
	const json_t *metadata = json_object_get(object, "metadata");
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4 * (size_t)LIMIT_BODY_DEFAULT);
	int64_t since;

	if (!resource_guard_look(&s->guard, &since))
		return error_set(err, ERR_KUBERNETES_UNAVAILABLE, "Whether the webhook is in force cannot be known now.");
	json_write(&text, entries);
	const char *editor = verified_editor(object, since, access->project ? access : NULL);
	struct project_access now = {.project = xstrdup(json_string_or(metadata, "namespace", "")),
	                             .generation = json_int_or(metadata, "generation", 0),
	                             .seen_at = clock_now_s(),
	                             .checked_by = xstrdup(editor),
	                             .repositories = strbuf_detach(&text)};
	bool asked = s->projects.ops->access_ask(s->projects.state, &now, err);
	project_access_release(access);
	*access = now;
	return asked;
}

/* ---- One resource ---- */

/* What is kept of the list, and what is known about it. False: again later. A list that cannot be kept is told (*refused). */
static bool take_over(struct resource_settings *s, const json_t *object, struct project_access *access, json_t **ret_entries,
                      struct error *refused, struct error *err)
{
	const json_t *metadata = json_object_get(object, "metadata"), *status = json_object_get(object, "status");
	const char *project = json_string_or(metadata, "namespace", "");
	const int64_t generation = json_int_or(metadata, "generation", 0);
	bool known, seen = json_int_or(status, "observedGeneration", -1) == generation;

	if (!s->projects.ops->access_get(s->projects.state, project, access, &known, err))
		return false;
	if (seen && known && access->generation == generation) {
		*ret_entries = json_parse_answer(access->repositories, strlen(access->repositories));
		return true;
	}
	if (seen) { /* by an earlier version, which left nothing to be looked at */
		*ret_entries = json_deep_copy(json_object_get(status, "repositories"));
		return !*ret_entries || ask(s, object, *ret_entries, access, err);
	}
	if (project_adopt(&s->projects, project, object, ret_entries, refused))
		return ask(s, object, *ret_entries, access, err);
	if (error_status(refused->code) < 500 && refused->code != ERR_CONFLICT)
		return true;
	*err = *refused;
	return false;
}

static bool write_status(const struct resource_settings *s, const json_t *object, json_t *status)
{
	const json_t *metadata = json_object_get(object, "metadata");
	CLEANUP(json_decrefp)
	json_t *patch = json_pack("{s:{s:s}, s:O}", "metadata", "resourceVersion", json_string_or(metadata, "resourceVersion", ""),
	                          "status", status);
	CLEANUP(json_decrefp) json_t *answer = NULL;
	struct error err = ERROR_INIT;

	/* Who was faster has changed the resource, and the watch brings it again. */
	if (kube_patch(s->client, s->kind, json_string_or(metadata, "namespace", ""), settings_name, "status", patch, &answer,
	               &err) ||
	    err.code == ERR_CONFLICT)
		return true;
	supervisor_log(s->worker, LOG_WARNING, NULL, &err, "The status of project settings could not be written");
	return false;
}

/* In how many milliseconds it is to be looked at again. */
static int64_t tend(struct resource_settings *s, const json_t *object)
{
	const json_t *metadata = json_object_get(object, "metadata");
	CLEANUP(project_access_release) struct project_access access = PROJECT_ACCESS_INIT;
	CLEANUP(json_decrefp) json_t *entries = NULL, *wanted = NULL;
	struct error refused = ERROR_INIT, failure = ERROR_INIT;

	if (strcmp(json_string_or(metadata, "name", ""), settings_name) != 0 || json_object_get(metadata, "deletionTimestamp"))
		return INT64_MAX / 2;
	if (!take_over(s, object, &access, &entries, &refused, &failure)) {
		supervisor_log(s->worker, LOG_WARNING, NULL, &failure, "Project settings could not be taken over yet");
		return AGAIN_MS;
	}
	const struct settings_view view = {.object = object,
	                                   .entries = entries,
	                                   .refused = &refused,
	                                   .access = access.project && refused.code == ERR_NONE ? &access : NULL,
	                                   .now = clock_now_s()};
	wanted = settings_status(&view);
	if (!settings_status_is(object, wanted) && !write_status(s, object, wanted))
		return AGAIN_MS;
	return view.access && access.checked_by[0] && !access.findings ? WAITING_MS : SETTLED_MS;
}

void resource_settings_tend(struct resource_settings *s, const struct resource_news *news)
{
	int64_t now = clock_monotonic_ms();
	const char *uid;
	json_t *object;
	void *next;

	json_object_foreach(news->changed, uid, object)
	{
		json_object_set(s->known, uid, object);
		json_object_set_new(s->due, uid, json_integer(0));
	}
	if (json_object_size(news->changed) == 0 && now < s->look_at_ms)
		return;
	s->look_at_ms = now + LOOK_MS;
	json_object_foreach_safe(s->known, next, uid, object)
	{
		if (now < json_int_or(s->due, uid, 0))
			continue;
		if (json_is_object(object)) {
			json_object_set_new(s->due, uid, json_integer(now + tend(s, object)));
			continue;
		}
		json_object_del(s->due, uid);
		json_object_del(s->known, uid);
	}
}
