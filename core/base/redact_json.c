#include "redact_json.h"

#include <string.h>

#include "redact.h"

static void mask_text(json_t *string)
{
	/* A mask is at most a few bytes longer than what it covers. */
	CLEANUP(strbuf_release) struct strbuf masked = STRBUF_INIT(2 * json_string_length(string) + 64);

	redact(NULL, json_string_value(string), json_string_length(string), &masked);
	if (strcmp(masked.data, json_string_value(string)) != 0)
		json_string_setn(string, masked.data, masked.length);
}

/* The new name stands behind all others: the caller's loop may come to it, and leaves it as it is. */
static void mask_name(json_t *object, const char *name, json_t *member)
{
	CLEANUP(strbuf_release) struct strbuf masked = STRBUF_INIT(2 * strlen(name) + 64);

	redact(NULL, name, strlen(name), &masked);
	if (strcmp(masked.data, name) == 0)
		return;
	json_object_set(object, masked.data, member);
	json_object_del(object, name);
}

/* As deep as the body may be nested, which is not deep. */
void redact_json(json_t *value)
{
	const char *name;
	json_t *member;
	void *next;
	size_t i;

	if (json_is_string(value))
		mask_text(value);
	json_array_foreach(value, i, member) redact_json(member);
	json_object_foreach_safe(value, next, name, member)
	{
		redact_json(member);
		mask_name(value, name, member);
	}
}
