#include "resource_settings.h"

#include <string.h>

#include "clock.h"
#include "project_adopt.h"
#include "supervisor.h"

enum { AGAIN_MS = 5000 };

static const char settings_name[] = "projectsettings";

static void release_json(json_t **value)
{
	json_decref(*value);
}

static json_t *condition_of(const struct error *failure, int64_t generation, size_t count)
{
	char now[CLOCK_TEXT_SIZE], message[64];
	bool kept = failure->code == ERR_NONE;

	clock_format(clock_now_s(), now);
	snprintf(message, sizeof(message), "%zu repositories are the project's.", count);
	return json_pack("[{s:s, s:s, s:s, s:s, s:s, s:I}]", "type", "RepositoriesKept", "status", kept ? "True" : "False",
	                 "reason", kept ? "Kept" : "Refused", "message", kept ? message : failure->message, "lastTransitionTime",
	                 now, "observedGeneration", (json_int_t)generation);
}

/* What was kept, entry by entry; a provider that nobody could tell is the reader's to set. */
static json_t *shown_entries(const json_t *entries)
{
	json_t *shown = json_array(), *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		const char *provider = json_string_or(entry, "provider", NULL);
		struct error unknown = ERROR_INIT;
		json_t *one = json_pack("{s:s}", "url", json_string_or(entry, "url", ""));

		if (provider) {
			json_object_set_new(one, "provider", json_string(provider));
		} else {
			error_set(&unknown, ERR_PROVIDER_UNKNOWN, "The address does not tell whether it is GitLab or GitHub.");
			json_object_set_new(one, "code", json_string(error_name(unknown.code)));
			json_object_set_new(one, "message", json_string(unknown.message));
			json_object_set_new(one, "remediation", json_string(error_remediation(&unknown)));
		}
		json_array_append_new(shown, one);
	}
	return shown;
}

static bool write_status(const struct resource_settings *s, const json_t *object, json_t *entries, const struct error *failure)
{
	const json_t *metadata = json_object_get(object, "metadata");
	const int64_t generation = json_int_or(metadata, "generation", 0);
	CLEANUP(release_json)
	json_t *patch = json_pack("{s:{s:s}, s:{s:I, s:o, s:o}}", "metadata", "resourceVersion",
	                          json_string_or(metadata, "resourceVersion", ""), "status", "observedGeneration",
	                          (json_int_t)generation, "repositories", shown_entries(entries), "conditions",
	                          condition_of(failure, generation, json_array_size(entries)));
	CLEANUP(release_json) json_t *answer = NULL;
	struct error err = ERROR_INIT;

	/* Who was faster has changed the resource, and the watch brings it again. */
	if (kube_patch(s->client, s->kind, json_string_or(metadata, "namespace", ""), settings_name, "status", patch, &answer,
	               &err) ||
	    err.code == ERR_CONFLICT)
		return true;
	supervisor_log(s->worker, LOG_WARNING, NULL, &err, "The status of project settings could not be written");
	return false;
}

/* False: again later. */
static bool tend(struct resource_settings *s, const json_t *object)
{
	const json_t *metadata = json_object_get(object, "metadata"), *status = json_object_get(object, "status");
	CLEANUP(release_json) json_t *entries = NULL;
	struct error failure = ERROR_INIT;

	if (strcmp(json_string_or(metadata, "name", ""), settings_name) != 0 || json_object_get(metadata, "deletionTimestamp") ||
	    json_int_or(status, "observedGeneration", -1) == json_int_or(metadata, "generation", 0))
		return true;
	if (!project_adopt(&s->projects, json_string_or(metadata, "namespace", ""), object, &entries, &failure) &&
	    (error_status(failure.code) >= 500 || failure.code == ERR_CONFLICT)) {
		supervisor_log(s->worker, LOG_WARNING, NULL, &failure, "Project settings could not be taken over yet");
		return false;
	}
	return write_status(s, object, entries, &failure);
}

void resource_settings_tend(struct resource_settings *s, const struct resource_news *news)
{
	int64_t now = clock_monotonic_ms();
	const char *uid;
	json_t *object;
	void *next;

	json_object_foreach(news->changed, uid, object) json_object_set(s->waiting, uid, object);
	if (json_object_size(news->changed) == 0 && now < s->again_at_ms)
		return;
	s->again_at_ms = now + AGAIN_MS;
	json_object_foreach_safe(s->waiting, next, uid, object)
	{
		if (!json_is_object(object) || tend(s, object))
			json_object_del(s->waiting, uid);
	}
}
