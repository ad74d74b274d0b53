#pragma once
/* json_row — JSON in the rows of a test's tables, which have ' for ". Include after cmocka.h. */
#include "alloc.h"
#include "json.h"

/* `text` with its quotation marks, added to `to`. */
static inline void json_row_text(struct strbuf *to, const char *text)
{
	for (; *text; text++)
		strbuf_add_char(to, *text == '\'' ? '"' : *text);
}

/* What `text` says; a row that says nothing fails the test. Caller: json_decref. */
static inline json_t *json_row(const char *text)
{
	CLEANUP(strbuf_release) struct strbuf json = STRBUF_INIT(1 << 20);
	json_error_t where;

	json_row_text(&json, text);
	json_t *value = json_loads(json.data, JSON_DECODE_ANY, &where);
	if (!value)
		fail_msg("%s: %s", where.text, json.data);
	return value;
}
