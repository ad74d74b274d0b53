#pragma once
/*
 * json — the rules by which JSON from outside is read; building uses jansson directly.
 *
 * Strict: one object, UTF-8, no duplicate keys, no NUL, at most LIMIT_JSON_DEPTH deep for our own bodies. jansson's error texts
 * quote the input and may hold a token; they never leave json.c. Values borrowed from a json_t live as long as it does.
 * json_library_init() makes jansson wipe all it frees, since bodies carry tokens. Floor: base.
 */
#include "error.h"
#include "strbuf.h"
#include <jansson.h>

/* Once per process, before any other use of jansson. */
void json_library_init(void);

/* Parses a body of ours. ERR_BAD_JSON with a sentence that says what is wrong without quoting it. Caller: json_decref. */
bool json_parse_body(const char *text, size_t length, json_t **ret_object, struct error *err) MUST_CHECK;

/* Parses an answer of another server: an object or array, deeper nesting (64) and duplicate keys allowed. NULL if it is
 * none, or has more than LIMIT_ANSWER_VALUES values. */
json_t *json_parse_answer(const char *text, size_t length) MUST_CHECK;
/* The same with a cap of the caller's on the number of values; *ret_too_many tells that it was reached. */
json_t *json_parse_counted(const char *text, size_t length, size_t max_values, bool *ret_too_many) MUST_CHECK;

/*
 * Field readers for our own bodies. A missing optional field leaves *ret as it was. JSON null counts as missing.
 * A wrong type, a control character or a wrong length is ERR_FIELD_INVALID with the field's name; a missing required
 * field is ERR_FIELD_MISSING. Lengths are bytes.
 */
enum json_presence { JSON_OPTIONAL, JSON_REQUIRED };
bool json_read_string(const json_t *object, const char *name, enum json_presence presence, size_t max, const char **ret,
                      struct error *err) MUST_CHECK;
/* As json_read_string, but line breaks and tabs are allowed (descriptions). */
bool json_read_text(const json_t *object, const char *name, enum json_presence presence, size_t max, const char **ret,
                    struct error *err) MUST_CHECK;
bool json_read_bool(const json_t *object, const char *name, enum json_presence presence, bool *ret, struct error *err) MUST_CHECK;
bool json_read_object(const json_t *object, const char *name, enum json_presence presence, const json_t **ret,
                      struct error *err) MUST_CHECK;
bool json_read_array(const json_t *object, const char *name, enum json_presence presence, size_t max_items, const json_t **ret,
                     struct error *err) MUST_CHECK;
/* Refuses any field that `allowed` (NULL-terminated) does not list. */
bool json_refuse_others(const json_t *object, const char *const *allowed, struct error *err) MUST_CHECK;

/* Lenient look-ups in other servers' answers: NULL / fallback when absent or of another type. */
const char *json_string_or(const json_t *object, const char *name, const char *fallback);
int64_t json_int_or(const json_t *object, const char *name, int64_t fallback);
bool json_bool_or(const json_t *object, const char *name, bool fallback);

/* Compact text of a value appended to `to`. */
void json_write(struct strbuf *to, const json_t *value);
