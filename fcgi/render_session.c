#include "render_session.h"

#include <string.h>

static json_t *with_phase(const struct session_row *row, const char *name, json_t *value)
{
	return json_pack("{s:s, s:o}", "phase", session_phase_name(session_shown_phase(row)), name, value);
}

json_t *render_session_repositories(const struct session_row *row)
{
	return with_phase(row, "repositories", session_shown_repositories(row));
}

json_t *render_session_repository(const struct session_row *row, const char *name)
{
	json_t *all = session_shown_repositories(row), *found = NULL;
	size_t i;
	json_t *entry;

	json_array_foreach(all, i, entry)
	{
		if (strcmp(json_string_or(entry, "name", ""), name) == 0)
			found = json_incref(entry);
	}
	json_decref(all);
	return found ? found : json_null();
}

json_t *render_session_results(const struct session_row *row)
{
	static const char *const members[] = {
	        "name",     "url",  "provider", "phase", "commit", "branch", "branchUrl", "mergeRequestUrl", "mergeRequestError",
	        "warnings", "error"};
	json_t *all = session_shown_repositories(row), *results = json_array();
	size_t i;
	json_t *entry;

	json_array_foreach(all, i, entry)
	{
		json_t *result = json_object();

		for (size_t m = 0; m < ARRAY_SIZE(members); m++)
			if (json_object_get(entry, members[m]))
				json_object_set(result, members[m], json_object_get(entry, members[m]));
		json_array_append_new(results, result);
	}
	json_decref(all);
	return with_phase(row, "repositories", results);
}

json_t *render_session_notification(const struct session_row *row)
{
	json_t *status = json_parse_answer(row->status, strlen(row->status));
	json_t *notification = json_object_get(status, "notification");
	json_t *shown = with_phase(row, "notification", notification ? json_incref(notification) : json_null());

	json_decref(status);
	return shown;
}
