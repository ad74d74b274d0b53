#include "legacy.h"

#include "alloc.h"
#include "encoding.h"
#include "record_key.h"

#include <stdlib.h>

enum { VALUE_MAX = 64 * 1024, NAME_MAX_BYTES = 253 };

static void entry_release(struct legacy_entry *entry)
{
	freep(&entry->name);
	freep(&entry->user_id);
	freep(&entry->instance_url);
	freep(&entry->username);
	freep(&entry->gitlab_user_id);
	freep(&entry->secret);
	secret_release(&entry->token);
}

void legacy_list_release(struct legacy_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		entry_release(&list->items[i]);
	freep(&list->items);
	*list = (struct legacy_list)LEGACY_LIST_INIT;
}

static struct legacy_entry *add_entry(struct legacy_list *list, const char *name, const char *secret)
{
	list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
	list->items[list->count] = (struct legacy_entry){.name = xstrdup(name), .secret = xstrdup(secret)};
	return &list->items[list->count++];
}

/* ---- Names ---- */

static bool is_kept(const char *at, size_t length)
{
	return length == 1 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", *at) != NULL;
}

char *legacy_name_of(const char *user_id)
{
	CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT(NAME_MAX_BYTES);
	size_t length = strlen(user_id), left = length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES;

	for (const char *at = user_id; left > 0;) {
		size_t step = utf8_character(at, left);
		bool kept = is_kept(at, step);
		bool dash = !kept || *at == '-';

		/* Leading dashes are trimmed, several become one. */
		if (!dash)
			strbuf_add_char(&name, *at);
		else if (name.length > 0 && name.data[name.length - 1] != '-')
			strbuf_add_char(&name, '-');
		step = step ? step : 1;
		at += step;
		left -= step;
	}
	if (name.length > 0 && name.data[name.length - 1] == '-')
		return xstrndup(name.data, name.length - 1);
	return strbuf_detach(&name);
}

/* An id that is the name again may be that of anybody whose name it is. */
static char *proven_id(const char *claimed, const char *name)
{
	CLEANUP(freep) char *made = claimed ? legacy_name_of(claimed) : NULL;

	return made && strcmp(made, name) == 0 && strcmp(claimed, name) != 0 ? xstrdup(claimed) : NULL;
}

/* ---- Values ---- */

static char *text_or_number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (json_is_integer(value))
		return xasprintf("%lld", (long long)json_integer_value(value));
	return json_is_string(value) && json_string_length(value) > 0 ? xstrdup(json_string_value(value)) : NULL;
}

static void describe(struct legacy_entry *entry, const json_t *about)
{
	const char *instance_url = json_string_or(about, "instanceUrl", "");

	if (!entry->instance_url && instance_url[0] != '\0')
		entry->instance_url = xstrdup(instance_url);
	if (!entry->username)
		entry->username = text_or_number(about, "username");
	if (!entry->gitlab_user_id)
		entry->gitlab_user_id = text_or_number(about, "gitlabUserId");
	if (!entry->user_id)
		entry->user_id = proven_id(json_string_or(about, "userId", NULL), entry->name);
}

static bool take_value(struct legacy_list *list, const char *where, const char *key, const char *value, size_t length,
                       struct error *err)
{
	struct legacy_entry *entry;
	json_t *about = NULL;
	const char *token;

	if (length > 0 && value[0] == '{') {
		about = json_parse_answer(value, length);
		token = json_string_or(about, "token", NULL);
		if (!token) {
			json_decref(about);
			return error_set(err, ERR_FIELD_INVALID, "The entry %.253s of %.253s has no token in it.", key, where);
		}
		entry = add_entry(list, key, where);
		secret_set(&entry->token, token, strlen(token));
		entry->whole = true;
		describe(entry, about);
		json_decref(about);
		return true;
	}
	entry = add_entry(list, key, where);
	secret_set(&entry->token, value, length);
	return true;
}

/* base64 of a text; false for anything else. */
static bool decode_value(const json_t *value, struct secret *ret)
{
	char *bytes = xmalloc(VALUE_MAX);
	size_t length = 0;
	bool ok = json_is_string(value) &&
	          decode_base64(json_string_value(value), json_string_length(value), bytes, VALUE_MAX, &length) && length > 0 &&
	          !memchr(bytes, '\0', length);

	if (ok)
		secret_set(ret, bytes, length);
	wipe(bytes, VALUE_MAX);
	free(bytes);
	return ok;
}

static bool read_secret(const json_t *object, const char *where, struct legacy_list *to, struct error *err)
{
	json_t *data = json_object_get(object, "data"), *value;
	const char *key;

	json_object_foreach(data, key, value)
	{
		CLEANUP(secret_release) struct secret bytes = SECRET_INIT;

		if (record_key_is_valid(key))
			to->ours++;
		else if (!decode_value(value, &bytes))
			return error_set(err, ERR_FIELD_INVALID, "The entry %.253s of %.253s is not base64 of a text.", key, where);
		else if (!take_value(to, where, key, secret_bytes(&bytes), bytes.length, err))
			return false;
	}
	return true;
}

/* What a ConfigMap tells of a user whose token is not yet read: an entry without a token, which legacy_arrange() takes in. */
static bool read_connections(const json_t *object, const char *where, struct legacy_list *to)
{
	json_t *data = json_object_get(object, "data"), *value;
	const char *key;

	json_object_foreach(data, key, value)
	{
		json_t *about =
		        json_is_string(value) ? json_parse_answer(json_string_value(value), json_string_length(value)) : NULL;

		if (about)
			describe(add_entry(to, key, where), about);
		json_decref(about);
	}
	return true;
}

bool legacy_read(const json_t *object, struct legacy_list *to, struct error *err)
{
	const char *kind = json_string_or(object, "kind", ""),
	           *name = json_string_or(json_object_get(object, "metadata"), "name", "");
	const json_t *item;
	size_t i;

	if (strcmp(kind, "Secret") == 0)
		return read_secret(object, name, to, err);
	if (strcmp(kind, "ConfigMap") == 0)
		return read_connections(object, name, to);
	if (strcmp(kind, "List") != 0)
		return error_set(err, ERR_BAD_JSON, "This is no Secret, ConfigMap or List of them.");
	json_array_foreach(json_object_get(object, "items"), i, item)
	{
		if (!legacy_read(item, to, err))
			return false;
	}
	return true;
}

/* ---- The whole ---- */

static void take_over(struct legacy_entry *entry, const struct legacy_entry *about)
{
	if (!entry->instance_url)
		entry->instance_url = xstrdup(about->instance_url);
	if (!entry->username)
		entry->username = xstrdup(about->username);
	if (!entry->gitlab_user_id)
		entry->gitlab_user_id = xstrdup(about->gitlab_user_id);
	if (!entry->user_id)
		entry->user_id = xstrdup(about->user_id);
}

static int compare_entries(const void *a, const void *b)
{
	const struct legacy_entry *one = a, *other = b;

	return one->whole != other->whole ? other->whole - one->whole : strcmp(one->name, other->name);
}

void legacy_arrange(struct legacy_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; list->items[i].token.length == 0 && k < list->count; k++)
			if (list->items[k].token.length > 0 && strcmp(list->items[k].name, list->items[i].name) == 0)
				take_over(&list->items[k], &list->items[i]);
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].token.length > 0)
			list->items[kept++] = list->items[i];
		else
			entry_release(&list->items[i]);
	}
	list->count = kept;
	if (kept > 0)
		qsort(list->items, kept, sizeof(*list->items), compare_entries);
}
