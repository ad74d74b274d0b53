#include "log.h"

#include <string.h>
#include <unistd.h>

#include "caps.h"
#include "clock.h"
#include "encoding.h"
#include "file.h"

static const char *const level_names[] = {
        [LOG_ERROR] = "error",
        [LOG_WARNING] = "warning",
        [LOG_INFO] = "info",
        [LOG_DEBUG] = "debug",
};

bool log_level_parse(const char *text, enum log_level *ret)
{
	for (unsigned level = 0; level < ARRAY_SIZE(level_names); level++) {
		if (strcmp(text, level_names[level]) == 0) {
			*ret = (enum log_level)level;
			return true;
		}
	}
	return false;
}

/* Masks first and cuts second: half a token is no longer recognised. */
static json_t *masked_string(const char *text, size_t length, const struct redactor *redactor, size_t cap)
{
	CLEANUP(strbuf_release) struct strbuf masked = STRBUF_INIT(SIZE_MAX);
	redact(redactor, text, length, &masked);
	size_t keep = utf8_cut(masked.data, masked.length, cap);
	if (keep < masked.length) {
		masked.length = keep;
		masked.data[keep] = '\0';
		strbuf_add_string(&masked, "…");
	}
	if (is_utf8(masked.data, masked.length))
		return json_stringn_nocheck(masked.data, masked.length);
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT(SIZE_MAX);
	redact_sentence(NULL, masked.data, masked.length, masked.length, &clean);
	return json_stringn_nocheck(clean.data, clean.length);
}

/* A deep copy of value with every string in it masked and cut to `cap` bytes. */
static json_t *masked_value(json_t *value, const struct redactor *redactor, size_t cap)
{
	const char *key;
	json_t *item;
	size_t index;
	json_t *copy;
	switch (json_typeof(value)) {
	case JSON_STRING:
		return masked_string(json_string_value(value), json_string_length(value), redactor, cap);
	case JSON_OBJECT:
		copy = json_object();
		json_object_foreach(value, key, item) json_object_set_new_nocheck(copy, key, masked_value(item, redactor, cap));
		return copy;
	case JSON_ARRAY:
		copy = json_array();
		json_array_foreach(value, index, item) json_array_append_new(copy, masked_value(item, redactor, cap));
		return copy;
	case JSON_INTEGER:
	case JSON_REAL:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return json_incref(value);
}

/* "2026-11-22T17:40:00.123456Z" */
static json_t *timestamp(void)
{
	int64_t now = clock_now_us();
	char seconds[CLOCK_TEXT_SIZE];
	clock_format(now / 1000000, seconds);
	return json_sprintf("%.19s.%06dZ", seconds, (int)(now % 1000000));
}

static json_t *header(const struct logger *logger, enum log_level level)
{
	json_t *event = json_object();
	json_object_set_new(event, "ts", timestamp());
	json_object_set_new(event, "level", json_string(level_names[level]));
	json_object_set_new(event, "program", json_string(logger->program));
	if (logger->pool)
		json_object_set_new(event, "pool", json_string(logger->pool));
	json_object_set_new(event, "pid", json_integer(getpid()));
	return event;
}

/* jansson escapes U+0000 to U+001F; a terminal also acts on DEL and on U+0080 to U+009F. */
static void escape_controls(const struct strbuf *text, struct strbuf *to)
{
	for (size_t i = 0; i < text->length; i++) {
		unsigned char byte = (unsigned char)text->data[i];
		unsigned char next = (unsigned char)text->data[i + 1]; /* at the end: the NUL */
		if (byte == 0x7f)
			strbuf_add_string(to, "\\u007F");
		else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
			strbuf_addf(to, "\\u%04X", next);
			i++;
		} else
			strbuf_add_char(to, (char)byte);
	}
}

/* Writes the event as one line into `line`; false if it is longer than LIMIT_LOG_LINE. */
static bool format_line(json_t *event, struct strbuf *line)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_LOG_LINE);
	strbuf_clear(line);
	json_write(&text, event);
	escape_controls(&text, line);
	strbuf_add_char(line, '\n');
	return strbuf_ok(&text) && strbuf_ok(line);
}

/* A line that is too long is tried again with shorter strings, at last without its fields. */
static void format_event(json_t *head, const struct redactor *redactor, const char *message, json_t *fields, struct strbuf *line)
{
	static const size_t caps[] = {LIMIT_LOG_LINE, 4096, 1024, 256, 64};
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		json_auto_t *event = json_copy(head);
		json_object_set_new(event, "msg", masked_string(message, strlen(message), redactor, caps[i]));
		if (fields) {
			json_auto_t *masked = masked_value(fields, redactor, caps[i]);
			json_object_update_missing(event, masked);
		}
		if (format_line(event, line))
			return;
	}
	json_object_set_new(head, "msg", masked_string(message, strlen(message), redactor, 1024));
	json_object_set_new(head, "fields_dropped", json_true());
	if (!format_line(head, line))
		strbuf_clear(line);
}

bool log_event(const struct logger *logger, enum log_level level, const struct redactor *redactor, const char *message,
               json_t *fields)
{
	bool arrived = true;

	if (level <= logger->level) {
		CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(LIMIT_LOG_LINE);
		json_auto_t *head = header(logger, level);
		format_event(head, redactor, message, fields, &line);
		arrived = file_write_all(logger->fd, line.data, line.length); /* one write, unless it is a short one */
	}
	json_decref(fields);
	return arrived;
}
