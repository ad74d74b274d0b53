#include "session_changes.h"

#include "alloc.h"
#include "caps.h"

#include <string.h>

/* An array in any case. Caller decrefs. */
static json_t *steps_of(const char *changes)
{
	json_t *steps = changes ? json_parse_answer(changes, strlen(changes)) : NULL;

	if (json_is_array(steps))
		return steps;
	json_decref(steps);
	return json_array();
}

static bool apply_step(const json_t *step, struct session_spec *spec, struct error *err)
{
	const json_t *added = json_object_get(step, "add");
	const char *removed = json_string_or(step, "remove", NULL);
	const struct session_addition addition = {
	        .name = json_string_or(added, "name", NULL),
	        .url = json_string_or(added, "url", ""),
	        .start_branch = json_string_or(added, "branch", NULL),
	        .provider = json_string_or(added, "provider", NULL),
	        .push = json_bool_or(added, "autoPush", false),
	};

	if (added)
		return session_spec_add(spec, &addition, err);
	return removed ? session_spec_remove(spec, removed, err) : error_set(err, ERR_INTERNAL, "It is no step.");
}

bool session_changes_apply(const char *changes, struct session_spec *spec, struct error *err)
{
	CLEANUP(json_decrefp) json_t *steps = steps_of(changes);
	struct error cause = ERROR_INIT;
	size_t i;
	const json_t *step;

	json_array_foreach(steps, i, step)
	{
		if (!apply_step(step, spec, &cause)) {
			error_set(err, ERR_INTERNAL, "The stored changes of the session %s cannot be read.", spec->name);
			return error_detail(err, "step %zu: %s", i, cause.message);
		}
	}
	return true;
}

static char *with_step(const char *before, json_t *step)
{
	CLEANUP(json_decrefp) json_t *steps = steps_of(before);
	struct strbuf text = STRBUF_INIT(SIZE_MAX); /* LIMIT_SESSION_REPOSITORIES additions at most */

	json_array_append_new(steps, step);
	json_write(&text, steps);
	return strbuf_detach(&text);
}

char *session_changes_add(const char *before, const struct session_repository *added, const char *request_id)
{
	json_t *repository = json_pack("{s:s, s:s, s:b, s:s}", "name", added->name, "url", added->url, "autoPush",
	                               added->push_branch != NULL, "requestId", request_id);

	if (added->start_branch)
		json_object_set_new(repository, "branch", json_string(added->start_branch));
	if (added->provider)
		json_object_set_new(repository, "provider", json_string(added->provider));
	return with_step(before, json_pack("{s:o}", "add", repository));
}

char *session_changes_remove(const char *before, const char *name)
{
	return with_step(before, json_pack("{s:s}", "remove", name));
}

bool session_changes_removed(const char *changes, const char *name)
{
	CLEANUP(json_decrefp) json_t *steps = steps_of(changes);
	size_t i;
	const json_t *step;

	json_array_foreach(steps, i, step)
	{
		if (strcmp(json_string_or(step, "remove", ""), name) == 0)
			return true;
	}
	return false;
}

char *session_changes_of_request(const char *changes, const char *request_id)
{
	CLEANUP(json_decrefp) json_t *steps = steps_of(changes);
	size_t i;
	const json_t *step;

	json_array_foreach(steps, i, step)
	{
		const json_t *added = json_object_get(step, "add");
		if (added && strcmp(json_string_or(added, "requestId", ""), request_id) == 0)
			return xstrdup(json_string_or(added, "name", NULL));
	}
	return NULL;
}
