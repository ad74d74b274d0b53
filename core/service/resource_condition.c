#include "resource_condition.h"

#include <string.h>

#include "clock.h"

json_t *resource_condition(const json_t *status, const char *type)
{
	size_t i;
	json_t *condition;

	json_array_foreach(json_object_get(status, "conditions"), i, condition)
	{
		if (strcmp(json_string_or(condition, "type", ""), type) == 0)
			return condition;
	}
	return NULL;
}

bool resource_condition_is_true(const json_t *status, const char *type)
{
	return strcmp(json_string_or(resource_condition(status, type), "status", ""), "True") == 0;
}

json_t *resource_condition_new(const json_t *seen, const char *type, const char *state, const char *reason, json_t *message,
                               int64_t now)
{
	const json_t *earlier = resource_condition(seen, type);
	const char *since = json_string_or(earlier, "lastTransitionTime", "");
	char now_text[CLOCK_TEXT_SIZE];

	clock_format(now, now_text);
	if (!since[0] || strcmp(json_string_or(earlier, "status", ""), state) != 0)
		since = now_text;
	return json_pack("{s:s, s:s, s:s, s:o, s:s}", "type", type, "status", state, "reason", reason, "message", message,
	                 "lastTransitionTime", since);
}
