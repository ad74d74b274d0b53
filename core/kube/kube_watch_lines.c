#include "kube_watch.h"

#include "alloc.h"
#include "caps.h"

#include <string.h>

void kube_lines_init(struct kube_lines *lines, const struct kube_watch *watch, char **version)
{
	struct strbuf line = STRBUF_INIT(KUBE_LINE_MAX);

	*lines = (struct kube_lines){.watch = watch, .version = version, .end = KUBE_WATCH_ENDED};
	lines->line = line;
}

void kube_lines_release(struct kube_lines *lines)
{
	strbuf_release(&lines->line);
}

static bool end_as(struct kube_lines *lines, enum kube_watch_end end)
{
	lines->ended = true;
	lines->end = end;
	return false;
}

static bool give_up(struct kube_lines *lines)
{
	lines->broken = true;
	return false;
}

/* Arrives within an answer of 200. Any error but an expired version may pass: watch on after a pause. */
static bool take_error(struct kube_lines *lines, const json_t *status)
{
	if (json_int_or(status, "code", 0) == 410 || strcmp(json_string_or(status, "reason", ""), "Expired") == 0)
		return end_as(lines, KUBE_WATCH_EXPIRED);
	return give_up(lines);
}

static bool type_of(const char *text, enum kube_event_type *ret)
{
	static const struct {
		const char *text;
		enum kube_event_type type;
	} types[] = {{"ADDED", KUBE_ADDED}, {"MODIFIED", KUBE_MODIFIED}, {"DELETED", KUBE_DELETED}};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].text, text) == 0) {
			*ret = types[i].type;
			return true;
		}
	return false;
}

static bool take_event(struct kube_lines *lines, const json_t *event)
{
	json_t *object = json_object_get(event, "object");
	const char *type = json_string_or(event, "type", "");
	const char *version = json_string_or(json_object_get(object, "metadata"), "resourceVersion", "");
	enum kube_event_type known;
	bool goes_on = true;

	if (strcmp(type, "ERROR") == 0)
		return take_error(lines, object);
	if (!json_is_object(object) || !*version)
		return give_up(lines);
	if (type_of(type, &known))
		goes_on = lines->watch->on_event(lines->watch->context, known, object);
	else if (strcmp(type, "BOOKMARK") != 0)
		return give_up(lines);
	/* Only what was dealt with need not be shown again. */
	if (goes_on)
		set_string(lines->version, version);
	return goes_on || end_as(lines, KUBE_WATCH_STOPPED);
}

static bool take_line(struct kube_lines *lines)
{
	json_t *event;
	bool goes_on, too_many;

	if (!strbuf_ok(&lines->line))
		return give_up(lines);
	if (lines->line.length == 0)
		return true;
	event = json_parse_counted(lines->line.data, lines->line.length, LIMIT_KUBE_VALUES, &too_many);
	strbuf_clear(&lines->line);
	goes_on = json_is_object(event) ? take_event(lines, event) : give_up(lines);
	json_decref(event);
	return goes_on;
}

bool kube_lines_add(struct kube_lines *lines, const char *bytes, size_t length)
{
	while (length > 0 && !lines->ended && !lines->broken) {
		const char *end = memchr(bytes, '\n', length);
		size_t piece = end ? (size_t)(end - bytes) : length;

		strbuf_add(&lines->line, bytes, piece);
		if (!strbuf_ok(&lines->line))
			return give_up(lines);
		if (!end)
			return true;
		if (!take_line(lines))
			return false;
		bytes += piece + 1;
		length -= piece + 1;
	}
	return !lines->ended && !lines->broken;
}
