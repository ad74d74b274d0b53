#include "kube_secret_writes.h"

#include "alloc.h"
#include "encoding.h"
#include "record.h"
#include "record_key.h"

#include <string.h>

/* So often others may be in between; each time one of them has got on. */
enum { ROUNDS_MAX = 8 };

/* ---- Which Secret ---- */

/* The Secret of one record. */
struct home {
	char name[KUBE_SECRET_NAME_SIZE];
	bool first; /* of its provider: the one with the annotations */
	struct kube_write_queue **queue;
};

static bool find_home(struct kube_secrets *s, const struct secret_place *place, struct home *ret, struct error *err)
{
	unsigned shard = record_key_is_valid(place->record_key) ? kube_secret_shard(place->record_key, s->shards) : KUBE_SHARDS_MAX;

	for (size_t i = 0; i < KUBE_PROVIDERS; i++) {
		if (strcmp(kube_provider(i), place->provider) != 0 || shard == KUBE_SHARDS_MAX)
			continue;
		*ret = (struct home){.first = shard == 0, .queue = &s->queues[i][shard]};
		if (kube_secret_name(place->provider, shard, ret->name))
			return true;
	}
	return error_set(err, ERR_INTERNAL, "A record has no place in the Secrets.");
}

/* ---- Values ---- */

/* Empty: there is none. What is no base64 cannot come from an API server. */
static bool value_of(const json_t *secret, const char *key, struct sealed_value *ret)
{
	const json_t *text = json_object_get(json_object_get(secret, "data"), key);
	size_t length = json_string_length(text), decoded = 0;

	if (!text)
		return true;
	CLEANUP(sealed_value_release) struct sealed_value value = {.bytes = xmalloc(length + 1)};
	if (!json_is_string(text) || !decode_base64(json_string_value(text), length, value.bytes, length, &decoded))
		return false;
	value.length = decoded;
	sealed_value_release(ret);
	*ret = value;
	value = (struct sealed_value)SEALED_VALUE_INIT;
	return true;
}

static bool same(const struct sealed_value *a, const struct sealed_value *b)
{
	return a->length == b->length && (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

static json_t *merge_to(const json_t *secret, const char *key, const struct sealed_value *value)
{
	const char *version = json_string_or(json_object_get(secret, "metadata"), "resourceVersion", "");

	return json_pack("{s:{s:s, s:[{}]}, s:{s:o}}", "metadata", "resourceVersion", version, "managedFields", "data", key,
	                 kube_secret_base64(value));
}

/* ---- The store's functions ---- */

static bool full(struct error *err)
{
	return error_set(err, ERR_SECRET_STORE_FULL, "The Kubernetes Secret that this token belongs into is full.");
}

static bool busy(const char *name, struct error *err)
{
	error_set(err, ERR_SECRET_STORE_UNAVAILABLE,
	          "The Kubernetes Secrets that hold the tokens are written by too many at once.");
	return error_detail(err, "%s changed %d times in a row", name, ROUNDS_MAX);
}

static bool read_value(struct kube_secrets *s, const char *name, const char *key, json_t **ret_secret, struct sealed_value *ret,
                       struct error *err)
{
	if (!kube_secret_read(s, name, KUBE_OBJECT, ret_secret, err))
		return false;
	if (value_of(*ret_secret, key, ret))
		return true;
	error_set(err, ERR_SECRET_STORE_UNAVAILABLE, "The Kubernetes Secrets that hold the tokens cannot be read.");
	return error_detail(err, "%s is no base64", name);
}

static bool secrets_get(void *state, const struct secret_place *place, struct sealed_value *ret, struct error *err)
{
	struct kube_secrets *s = state;
	CLEANUP(json_decrefp) json_t *secret = NULL;
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	struct home home = {.queue = NULL};

	if (!kube_secrets_check(s, err) || !find_home(s, place, &home, err) ||
	    !read_value(s, home.name, place->record_key, &secret, &value, err))
		return false;
	sealed_value_release(ret);
	*ret = value;
	value = (struct sealed_value)SEALED_VALUE_INIT;
	return true;
}

/*
 * After a patch that was refused: the record is another (*ret_over, with *ret_replaced), or the Secret has no data yet, is full or
 * was busy. For these it is written under the version that was just read: that one is refused for its size alone.
 */
static bool look_again(struct kube_secrets *s, const char *name, const char *key, const struct sealed_value *expected,
                       const struct sealed_value *value, bool *ret_over, bool *ret_replaced, struct error *err)
{
	CLEANUP(json_decrefp) json_t *secret = NULL, *patch = NULL;
	CLEANUP(sealed_value_release) struct sealed_value present = SEALED_VALUE_INIT;
	enum kube_written written;

	*ret_over = false;
	if (!read_value(s, name, key, &secret, &present, err))
		return false;
	if (!secret)
		return true;
	/* Ours: an answer was lost, and the patch was sent once more. */
	*ret_replaced = same(&present, value);
	*ret_over = *ret_replaced || !same(&present, expected);
	if (*ret_over)
		return true;
	patch = merge_to(secret, key, value);
	if (!kube_secret_patch(s, name, patch, &written, err))
		return false;
	if (written == KUBE_FULL)
		return full(err);
	*ret_over = *ret_replaced = written == KUBE_WRITTEN;
	return true;
}

static bool secrets_replace(void *state, const struct secret_place *place, const struct sealed_value *expected,
                            const struct sealed_value *value, bool *ret_replaced, struct error *err)
{
	struct kube_secrets *s = state;
	struct kube_change change = {.key = place->record_key, .expected = expected, .value = value};
	struct home home = {.queue = NULL};
	bool over;

	if (!kube_secrets_check(s, err) || !find_home(s, place, &home, err))
		return false;
	for (int round = 0; round < ROUNDS_MAX; round++) {
		if (!kube_changes_write(s, home.queue, home.name, &change, 1, err))
			return false;
		if (change.written == KUBE_WRITTEN) {
			*ret_replaced = true;
			return true;
		}
		if (change.written == KUBE_FULL)
			return full(err);
		if (change.written == KUBE_ABSENT) {
			/* With the Secret its records have gone; whoever expected one has to look. */
			if (expected->length > 0) {
				*ret_replaced = false;
				return true;
			}
			if (!kube_secret_ensure(s, home.name, home.first, err))
				return false;
			continue;
		}
		if (!look_again(s, home.name, place->record_key, expected, value, &over, ret_replaced, err))
			return false;
		if (over)
			return true;
	}
	return busy(home.name, err);
}

/* Those from `first` on that lie in the same Secret as it, together; each that did not pass is then looked at by itself. */
static bool replace_neighbours(struct kube_secrets *s, struct secret_change *changes, bool *done, size_t first, size_t count,
                               struct error *err)
{
	CLEANUP(freep) struct kube_change *together = xcalloc(count - first, sizeof(*together));
	CLEANUP(freep) size_t *which = xcalloc(count - first, sizeof(*which));
	struct home home = {.queue = NULL}, other = {.queue = NULL};
	size_t found = 0;

	if (!find_home(s, &changes[first].place, &home, err))
		return false;
	for (size_t i = first; i < count; i++) {
		if (done[i] || !find_home(s, &changes[i].place, &other, NULL) || other.queue != home.queue)
			continue;
		done[i] = true;
		which[found] = i;
		together[found++] = (struct kube_change){
		        .key = changes[i].place.record_key, .expected = changes[i].expected, .value = changes[i].value};
	}
	if (!kube_changes_write(s, home.queue, home.name, together, found, err))
		return false;
	for (size_t i = 0; i < found; i++) {
		struct secret_change *change = &changes[which[i]];

		change->replaced = together[i].written == KUBE_WRITTEN;
		if (!change->replaced &&
		    !secrets_replace(s, &change->place, change->expected, change->value, &change->replaced, err))
			return false;
	}
	return true;
}

static bool secrets_replace_all(void *state, struct secret_change *changes, size_t count, struct error *err)
{
	struct kube_secrets *s = state;
	CLEANUP(freep) bool *done = xcalloc(count, sizeof(*done));

	if (!kube_secrets_check(s, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!done[i] && !replace_neighbours(s, changes, done, i, count, err))
			return false;
	return true;
}

static bool secrets_remove(void *state, const struct secret_place *place, int64_t generation, struct error *err)
{
	struct kube_secrets *s = state;
	struct home home = {.queue = NULL};

	if (!kube_secrets_check(s, err) || !find_home(s, place, &home, err))
		return false;
	for (int round = 0; round < ROUNDS_MAX; round++) {
		CLEANUP(json_decrefp) json_t *secret = NULL;
		CLEANUP(sealed_value_release) struct sealed_value present = SEALED_VALUE_INIT;
		struct kube_change change = {.key = place->record_key, .expected = &present};
		int64_t its_generation;

		if (!read_value(s, home.name, place->record_key, &secret, &present, err))
			return false;
		if (!record_generation(&present, &its_generation) || its_generation > generation)
			return true;
		if (!kube_changes_write(s, home.queue, home.name, &change, 1, err))
			return false;
		if (change.written == KUBE_WRITTEN || change.written == KUBE_ABSENT)
			return true;
	}
	return busy(home.name, err);
}

static bool visit_secret(const json_t *secret, const char *provider, secret_visit *visit, void *context, struct error *err)
{
	json_t *data = json_object_get(secret, "data"), *text;
	const char *key;

	json_object_foreach(data, key, text)
	{
		CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
		struct secret_record record = {.place = {.provider = provider, .record_key = key}, .value = &value};

		if (!value_of(secret, key, &value))
			continue; /* no base64: an API server keeps no such value */
		if (!record_generation(&value, &record.generation))
			record.generation = 0;
		if (!visit(context, &record, err))
			return false;
	}
	return true;
}

static bool secrets_each(void *state, secret_visit *visit, void *context, struct error *err)
{
	struct kube_secrets *s = state;

	if (!kube_secrets_check(s, err))
		return false;
	for (size_t i = 0; i < KUBE_PROVIDERS; i++)
		for (unsigned shard = 0; shard < s->shards; shard++) {
			CLEANUP(json_decrefp) json_t *secret = NULL;
			char name[KUBE_SECRET_NAME_SIZE];

			if (!kube_secret_name(kube_provider(i), shard, name) ||
			    !kube_secret_read(s, name, KUBE_OBJECT, &secret, err) ||
			    !visit_secret(secret, kube_provider(i), visit, context, err))
				return false;
		}
	return true;
}

struct secret_store kube_secrets_store(struct kube_secrets *secrets)
{
	static const struct secret_store_ops ops = {.in_row = false,
	                                            .get = secrets_get,
	                                            .replace = secrets_replace,
	                                            .replace_all = secrets_replace_all,
	                                            .remove = secrets_remove,
	                                            .each = secrets_each};

	return (struct secret_store){.ops = &ops, .state = secrets};
}
