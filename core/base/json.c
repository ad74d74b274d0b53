#include "json.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "caps.h"
#include "encoding.h"

enum { ANSWER_DEPTH = 64 };

static void *allocate(size_t size)
{
	return xmalloc(size);
}

/* jansson keeps every string it parsed; bodies carry tokens, so what it frees must not stay in the heap. */
static void wipe_and_free(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void json_library_init(void)
{
	json_set_alloc_funcs(allocate, wipe_and_free);
	json_object_seed(0); /* from the kernel: hash collisions cannot be prepared */
}

/*
 * Counts brackets and commas outside strings in one pass, so that deep input costs no recursion and many small values no memory.
 * Malformed text is left to the parser.
 */
static bool has_more_than(const char *text, size_t length, size_t max_depth, size_t max_values)
{
	size_t depth = 0, values = 0;
	bool in_string = false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > max_depth || ++values > max_values)
				return true;
		} else if (c == ',') {
			if (++values > max_values)
				return true;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return false;
}

static bool is_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return false;
	return true;
}

static const char *sentence_for(const json_error_t *failure)
{
	switch (json_error_code(failure)) {
	case json_error_duplicate_key:
		return "The body has the same key twice in one object.";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "The body contains a NUL character.";
	case json_error_invalid_utf8:
		return "The body is not UTF-8.";
	case json_error_stack_overflow:
		return "The body is nested too deeply.";
	case json_error_numeric_overflow:
		return "The body contains a number that is too large.";
	default:
		return "The body is not JSON.";
	}
}

/* What can be said before parsing; NULL: nothing. */
static const char *objection_to(const char *text, size_t length)
{
	if (is_blank(text, length))
		return "The body is empty.";
	if (memchr(text, '\0', length))
		return "The body contains a NUL character.";
	if (!is_utf8(text, length))
		return "The body is not UTF-8.";
	if (has_more_than(text, length, LIMIT_JSON_DEPTH, SIZE_MAX))
		return "The body is nested too deeply.";
	return NULL;
}

bool json_parse_body(const char *text, size_t length, json_t **ret_object, struct error *err)
{
	const char *objection = objection_to(text, length);
	if (objection)
		return error_set(err, ERR_BAD_JSON, "%s", objection);
	json_error_t failure;
	json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &failure);
	if (!value) {
		error_set(err, ERR_BAD_JSON, "%s", sentence_for(&failure));
		explicit_bzero(&failure, sizeof(failure)); /* its text quotes the input */
		return false;
	}
	if (!json_is_object(value)) {
		json_decref(value);
		return error_set(err, ERR_BAD_JSON, "The body is not a JSON object.");
	}
	*ret_object = value;
	return true;
}

json_t *json_parse_answer(const char *text, size_t length)
{
	bool too_many;

	return json_parse_counted(text, length, LIMIT_ANSWER_VALUES, &too_many);
}

json_t *json_parse_counted(const char *text, size_t length, size_t max_values, bool *ret_too_many)
{
	*ret_too_many = has_more_than(text, length, SIZE_MAX, max_values);
	if (!length || *ret_too_many || has_more_than(text, length, ANSWER_DEPTH, SIZE_MAX))
		return NULL;
	return json_loadb(text, length, 0, NULL);
}

/* Finds a field. *ret stays NULL for a missing optional one. */
static bool find(const json_t *object, const char *name, enum json_presence presence, const json_t **ret, struct error *err)
{
	const json_t *value = json_object_get(object, name);
	if (json_is_null(value))
		value = NULL;
	if (!value && presence == JSON_REQUIRED)
		return error_set(err, ERR_FIELD_MISSING, "The field '%s' is missing.", name);
	*ret = value;
	return true;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool read_characters(const json_t *object, const char *name, enum json_presence presence, size_t max,
                            const char *allowed_controls, const char **ret, struct error *err)
{
	const json_t *value = NULL;
	if (!find(object, name, presence, &value, err))
		return false;
	if (!value)
		return true;
	if (!json_is_string(value))
		return error_set(err, ERR_FIELD_INVALID, "The field '%s' is not a string.", name);
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);
	if (!length && presence == JSON_REQUIRED)
		return error_set(err, ERR_FIELD_INVALID, "The field '%s' is empty.", name);
	if (length > max)
		return error_set(err, ERR_FIELD_INVALID, "The field '%s' is longer than %zu bytes.", name, max);
	for (size_t i = 0; i < length; i++)
		if (is_control(text[i]) && (!text[i] || !strchr(allowed_controls, text[i])))
			return error_set(err, ERR_FIELD_INVALID, "The field '%s' contains a control character.", name);
	*ret = text;
	return true;
}

bool json_read_string(const json_t *object, const char *name, enum json_presence presence, size_t max, const char **ret,
                      struct error *err)
{
	return read_characters(object, name, presence, max, "", ret, err);
}

bool json_read_text(const json_t *object, const char *name, enum json_presence presence, size_t max, const char **ret,
                    struct error *err)
{
	return read_characters(object, name, presence, max, "\t\r\n", ret, err);
}

bool json_read_bool(const json_t *object, const char *name, enum json_presence presence, bool *ret, struct error *err)
{
	const json_t *value = NULL;
	if (!find(object, name, presence, &value, err))
		return false;
	if (value && !json_is_boolean(value))
		return error_set(err, ERR_FIELD_INVALID, "The field '%s' is neither true nor false.", name);
	if (value)
		*ret = json_is_true(value);
	return true;
}

bool json_read_object(const json_t *object, const char *name, enum json_presence presence, const json_t **ret, struct error *err)
{
	const json_t *value = NULL;
	if (!find(object, name, presence, &value, err))
		return false;
	if (value && !json_is_object(value))
		return error_set(err, ERR_FIELD_INVALID, "The field '%s' is not an object.", name);
	if (value)
		*ret = value;
	return true;
}

bool json_read_array(const json_t *object, const char *name, enum json_presence presence, size_t max_items, const json_t **ret,
                     struct error *err)
{
	const json_t *value = NULL;
	if (!find(object, name, presence, &value, err))
		return false;
	if (value && !json_is_array(value))
		return error_set(err, ERR_FIELD_INVALID, "The field '%s' is not an array.", name);
	if (json_array_size(value) > max_items)
		return error_set(err, ERR_FIELD_INVALID, "The field '%s' has more than %zu items.", name, max_items);
	if (value)
		*ret = value;
	return true;
}

/* The unknown name is not repeated, it is the caller's text of any length and content; the known ones help more. */
bool json_refuse_others(const json_t *object, const char *const *allowed, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf names = STRBUF_INIT(1024);
	size_t known = 0;
	for (const char *const *name = allowed; *name; name++) {
		known += json_object_get(object, *name) != NULL;
		strbuf_addf(&names, "%s'%s'", name == allowed ? "" : ", ", *name);
	}
	if (known == json_object_size(object))
		return true;
	return error_set(err, ERR_FIELD_INVALID, "The body has an unknown field. Known are: %s.", names.data);
}

const char *json_string_or(const json_t *object, const char *name, const char *fallback)
{
	const json_t *value = json_object_get(object, name);
	return json_is_string(value) ? json_string_value(value) : fallback;
}

int64_t json_int_or(const json_t *object, const char *name, int64_t fallback)
{
	const json_t *value = json_object_get(object, name);
	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_bool_or(const json_t *object, const char *name, bool fallback)
{
	const json_t *value = json_object_get(object, name);
	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

static int add_to_strbuf(const char *bytes, size_t length, void *to)
{
	strbuf_add(to, bytes, length);
	return 0;
}

void json_write(struct strbuf *to, const json_t *value)
{
	json_dump_callback(value, add_to_strbuf, to, JSON_COMPACT | JSON_ENCODE_ANY);
}
