/* Whose the Secrets are and how many: written on the first of each provider, compared before the first use. */
#include "kube_secret_writes.h"

#include "alloc.h"
#include "caps.h"

#include <string.h>

static bool is_namespace(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length <= LIMIT_PROJECT_NAME_MAX && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length &&
	       text[0] != '-' && text[length - 1] != '-';
}

bool kube_secrets_new(const struct kube_secrets_options *options, struct kube_secrets **ret, struct error *err)
{
	unsigned shards = options->shards;

	if (shards < 1 || shards > KUBE_SHARDS_MAX || (shards & (shards - 1)) != 0)
		return error_set(err, ERR_CONFIG_INVALID, "The number of Secrets must be a power of two of at most %d.",
		                 (int)KUBE_SHARDS_MAX);
	if (!is_namespace(options->namespace_))
		return error_set(err, ERR_CONFIG_INVALID, "'%.63s' is not the name of a namespace.", options->namespace_);
	struct kube_secrets *s = xcalloc(1, sizeof(*s));
	s->client = options->client;
	s->namespace_ = xstrdup(options->namespace_);
	s->installation = xstrdup(options->installation);
	s->shards = shards;
	pthread_mutex_init(&s->lock, NULL);
	kube_turns_init(&s->turns, KUBE_WRITES_MAX);
	*ret = s;
	return true;
}

void kube_secrets_freep(struct kube_secrets **slot)
{
	struct kube_secrets *s = *slot;

	if (!s)
		return;
	for (size_t i = 0; i < KUBE_PROVIDERS; i++)
		kube_write_queues_free(s->queues[i], KUBE_SHARDS_MAX);
	free(s->namespace_);
	free(s->installation);
	kube_turns_destroy(&s->turns);
	pthread_mutex_destroy(&s->lock);
	freep(slot);
}

bool kube_installation_compare(const struct kube_secrets *s, const char *name, const json_t *secret, bool *ret_marked,
                               struct error *err)
{
	const json_t *annotations = json_object_get(json_object_get(secret, "metadata"), "annotations");
	const char *shards = json_string_or(annotations, ANNOTATION_SHARDS, "");
	const char *installation = json_string_or(annotations, ANNOTATION_INSTALLATION, "");
	char ours[16];

	snprintf(ours, sizeof(ours), "%u", s->shards);
	*ret_marked = *shards && *installation;
	if (*shards && strcmp(shards, ours) != 0)
		return error_set(
		        err, ERR_CONFIG_INVALID,
		        "ACP_SECRET_SHARDS is %s, but the Secrets were set up with %.15s; the number is fixed at installation.",
		        ours, shards);
	if (*installation && s->installation && strcmp(installation, s->installation) != 0)
		return error_set(err, ERR_CONFIG_INVALID,
		                 "The Secret %s belongs to another installation (%.40s): these are not its keys.", name,
		                 installation);
	return true;
}

static bool check_one(struct kube_secrets *s, const char *provider, struct error *err)
{
	char name[KUBE_SECRET_NAME_SIZE];
	bool marked = false;

	if (!kube_secret_name(provider, 0, name))
		return error_set(err, ERR_INTERNAL, "There are no Secrets of %s.", provider);
	/* Read once more after it was made: somebody else may have made it at the same time, with other settings. */
	for (int round = 0; round < 2; round++) {
		CLEANUP(json_decrefp) json_t *secret = NULL;

		if (!kube_secret_read(s, name, KUBE_METADATA, &secret, err) ||
		    !kube_installation_compare(s, name, secret, &marked, err))
			return false;
		if (marked || !s->installation)
			return true;
		if (!kube_secret_ensure(s, name, true, err))
			return false;
	}
	return true;
}

bool kube_secrets_check(struct kube_secrets *s, struct error *err)
{
	bool ok;

	pthread_mutex_lock(&s->lock);
	ok = s->checked;
	pthread_mutex_unlock(&s->lock);
	if (ok)
		return true;
	if (!check_one(s, "gitlab", err) || !check_one(s, "github", err))
		return false;
	pthread_mutex_lock(&s->lock);
	s->checked = true;
	pthread_mutex_unlock(&s->lock);
	return true;
}
