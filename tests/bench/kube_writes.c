/*
 * kube_writes — as many records as are wanted, written by the product's own Secret store or by a bare client, for kube.py and the
 * tests of many records.
 *
 * kube_writes store|bare|tested|print KUBECONFIG NAMESPACE SHARDS KEYS FIRST COUNT THREADS INSTANCE: each record is what a connect
 * would store for the users "bench-FIRST" and on, sealed before the clock starts. `store` puts them through core/kube; `bare` sends
 * the same bytes to the same Secrets as merge patches through libcurl alone, with metadata-only answers, on one kept connection a
 * thread; `tested` does so with the JSON patches of the store, which test that there is no such record yet. Prints seconds and
 * failures. `print` writes nothing and prints Secret, key and value of each.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "encoding.h"
#include "kube_secrets.h"
#include "record.h"
#include "record_key.h"

enum { THREADS_MAX = 64, BODY_MAX = 64 * 1024 };

struct one {
	char key[RECORD_KEY_SIZE];
	struct sealed_value record;
};

struct work {
	const struct kube_config *config;
	const char *namespace_;
	unsigned shards;
	struct secret_store store;
	bool bare, tested;
	struct one *all;
	size_t count, next, failures; /* next and failures: guarded by the lock */
	pthread_mutex_t lock;
};

static void must(bool ok, const char *what, const struct error *err)
{
	if (ok)
		return;
	fprintf(stderr, "kube_writes: %s: %s (%s)\n", what, err->message, err->detail);
	exit(1);
}

static void make_record(const struct keyring *keyring, const char *instance, size_t number, struct one *ret)
{
	CLEANUP(freep) char *user = xasprintf("bench-%zu", number);
	CLEANUP(freep) char *token = xasprintf("glpat-%020zu", number);
	CLEANUP(seal_payload_release)
	struct seal_payload payload = {.instance_url = xstrdup(instance),
	                               .gitlab_user_id = xasprintf("%zu", number),
	                               .username = xstrdup(user),
	                               .scopes = xstrdup("api"),
	                               .sealed_at = clock_now_s(),
	                               .generation = 1};
	struct seal_binding binding = {.installation = keyring_installation(keyring),
	                               .record_key = ret->key,
	                               .provider = "gitlab",
	                               .user_id = user,
	                               .instance_url = instance,
	                               .generation = 1};
	struct error err = ERROR_INIT;

	record_key_make("gitlab", user, instance, ret->key);
	secret_set(&payload.token, token, strlen(token));
	must(record_seal(keyring, &binding, &payload, &ret->record, &err), "seal", &err);
}

static bool take(struct work *work, struct one **ret)
{
	bool any;

	pthread_mutex_lock(&work->lock);
	any = work->next < work->count;
	if (any)
		*ret = &work->all[work->next++];
	pthread_mutex_unlock(&work->lock);
	return any;
}

static void count_failure(struct work *work, const char *why)
{
	pthread_mutex_lock(&work->lock);
	if (work->failures++ == 0)
		fprintf(stderr, "kube_writes: %s\n", why);
	pthread_mutex_unlock(&work->lock);
}

static void put(struct work *work, const struct one *one)
{
	const struct secret_place place = {.provider = "gitlab", .record_key = one->key};
	CLEANUP(sealed_value_release) struct sealed_value previous = SEALED_VALUE_INIT;
	struct error err = ERROR_INIT;
	bool sure;

	if (!secret_put(&work->store, &place, &one->record, &previous, &sure, &err))
		count_failure(work, err.detail[0] ? err.detail : err.message);
}

static size_t ignore(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	(void)context;
	return size * count;
}

static void patch(struct work *work, CURL *curl, const struct one *one)
{
	CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT(BODY_MAX);
	CLEANUP(freep) char *url = NULL;
	char name[KUBE_SECRET_NAME_SIZE];
	long status = 0;

	if (!kube_secret_name("gitlab", kube_secret_shard(one->key, work->shards), name))
		abort();
	url = xasprintf("%s/api/v1/namespaces/%s/secrets/%s", work->config->server, work->namespace_, name);
	if (work->tested)
		strbuf_addf(&body,
		            "[{\"op\":\"test\",\"path\":\"/data/%s\",\"value\":null},{\"op\":\"add\",\"path\":\"/data/"
		            "%s\",\"value\":\"",
		            one->key, one->key);
	else
		strbuf_addf(&body, "{\"data\":{\"%s\":\"", one->key);
	encode_base64(&body, one->record.bytes, one->record.length);
	strbuf_add_string(&body, work->tested ? "\"}]" : "\"}}");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.length);
	if (curl_easy_perform(curl) != CURLE_OK)
		count_failure(work, "a bare write was not answered");
	else if (curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status != 200)
		count_failure(work, "a bare write was refused");
}

static char *bearer_of(const struct kube_config *config)
{
	char token[16 * 1024] = "";
	FILE *file = fopen(config->token_file, "re");

	if (!file || !fgets(token, sizeof(token), file))
		exit(1);
	fclose(file);
	token[strcspn(token, "\n")] = '\0';
	return xasprintf("Authorization: Bearer %s", token);
}

static void *run_thread(void *context)
{
	struct work *work = context;
	struct one *one;

	if (!work->bare) {
		while (take(work, &one))
			put(work, one);
		return NULL;
	}
	CLEANUP(freep) char *bearer = bearer_of(work->config);
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, bearer);
	headers = curl_slist_append(headers, work->tested ? "Content-Type: application/json-patch+json"
	                                                  : "Content-Type: application/merge-patch+json");
	headers = curl_slist_append(headers, "Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PATCH");
	curl_easy_setopt(curl, CURLOPT_CAINFO, work->config->ca_file);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
	while (take(work, &one))
		patch(work, curl, one);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return NULL;
}

static void run_all(struct work *work, unsigned threads)
{
	pthread_t ids[THREADS_MAX];
	int64_t started = clock_monotonic_ms();

	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, run_thread, work) != 0)
			abort();
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("%.3f %zu\n", (double)(clock_monotonic_ms() - started) / 1000, work->failures);
}

static void print_all(const struct work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		CLEANUP(strbuf_release) struct strbuf value = STRBUF_INIT(BODY_MAX);

		encode_base64(&value, work->all[i].record.bytes, work->all[i].record.length);
		printf("%u %s %s\n", kube_secret_shard(work->all[i].key, work->shards), work->all[i].key, value.data);
	}
}

int main(int argc, char **argv)
{
	if (argc != 10)
		return 2;
	CLEANUP(freep) char *public_keys = xasprintf("%s/public.keys", argv[5]);
	CLEANUP(freep) char *signing_key = xasprintf("%s/signing.key", argv[5]);
	const struct keyring_paths paths = {.public_keys = public_keys, .signing_key = signing_key};
	const struct kube_sources sources = {.kubeconfig = argv[2]};
	CLEANUP(kube_config_release) struct kube_config config = KUBE_CONFIG_INIT;
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;
	CLEANUP(kube_client_freep) struct kube_client *client = NULL;
	CLEANUP(kube_secrets_freep) struct kube_secrets *secrets = NULL;
	size_t first = strtoul(argv[6], NULL, 10), count = strtoul(argv[7], NULL, 10);
	unsigned threads = (unsigned)strtoul(argv[8], NULL, 10);
	struct error err = ERROR_INIT;
	struct work work = {
	        .config = &config, .namespace_ = argv[3], .shards = (unsigned)strtoul(argv[4], NULL, 10), .count = count};

	if (threads < 1 || threads > THREADS_MAX || !secret_library_init() || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 2;
	json_library_init();
	must(keyring_load(&paths, KEYRING_PUBLIC | KEYRING_SIGNING, &keyring, &err), "keys", &err);
	must(kube_config_load(&sources, &config, &err), "kubeconfig", &err);
	must(kube_client_new(&config, "acp-gitlab-bench", &client, &err), "client", &err);
	const struct kube_secrets_options options = {
	        .client = client, .namespace_ = argv[3], .shards = work.shards, .installation = keyring_installation(keyring)};
	must(kube_secrets_new(&options, &secrets, &err), "store", &err);
	must(kube_secrets_check(secrets, &err), "Secrets", &err);
	work.store = kube_secrets_store(secrets);
	work.tested = strcmp(argv[1], "tested") == 0;
	work.bare = work.tested || strcmp(argv[1], "bare") == 0;
	work.all = xcalloc(count, sizeof(*work.all));
	pthread_mutex_init(&work.lock, NULL);
	for (size_t i = 0; i < count; i++)
		make_record(keyring, argv[9], first + i, &work.all[i]);
	if (strcmp(argv[1], "print") == 0)
		print_all(&work);
	else
		run_all(&work, threads);
	for (size_t i = 0; i < count; i++)
		sealed_value_release(&work.all[i].record);
	free(work.all);
	return work.failures ? 1 : 0;
}
