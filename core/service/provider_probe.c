#include "provider_probe.h"

#include "alloc.h"
#include "clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACES = 256,
	KEPT_MS = 10 * 60 * 1000,
	LIMIT_MS = 2000,
};

struct place {
	char *origin; /* NULL: free */
	enum provider provider;
	int64_t until_ms;
};

struct provider_probe {
	struct http_client *client;
	pthread_mutex_t lock;
	struct place places[PLACES];
	size_t next; /* the place that is used next: the oldest answer */
};

struct provider_probe *provider_probe_new(struct http_client *client)
{
	struct provider_probe *probe = xcalloc(1, sizeof(*probe));

	probe->client = client;
	pthread_mutex_init(&probe->lock, NULL);
	return probe;
}

void provider_probe_freep(struct provider_probe **probe)
{
	if (!*probe)
		return;
	for (size_t i = 0; i < PLACES; i++)
		free((*probe)->places[i].origin);
	pthread_mutex_destroy(&(*probe)->lock);
	free(*probe);
	*probe = NULL;
}

static bool recall(struct provider_probe *probe, const char *origin, enum provider *ret)
{
	int64_t now = clock_monotonic_ms();
	bool known = false;

	pthread_mutex_lock(&probe->lock);
	for (size_t i = 0; i < PLACES && !known; i++) {
		const struct place *place = &probe->places[i];

		known = place->origin && place->until_ms > now && strcmp(place->origin, origin) == 0;
		if (known)
			*ret = place->provider;
	}
	pthread_mutex_unlock(&probe->lock);
	return known;
}

static void remember(struct provider_probe *probe, const char *origin, enum provider provider)
{
	struct place *place;

	pthread_mutex_lock(&probe->lock);
	place = &probe->places[probe->next++ % PLACES];
	set_string(&place->origin, origin);
	place->provider = provider;
	place->until_ms = clock_monotonic_ms() + KEPT_MS;
	pthread_mutex_unlock(&probe->lock);
}

enum provider provider_probe_ask(struct provider_probe *probe, const char *origin, struct instance_route route,
                                 const char *request_id)
{
	enum provider provider = PROVIDER_UNKNOWN;
	struct http_header_wanted github = {.name = "x-github-request-id"};

	if (recall(probe, origin, &provider))
		return provider;
	CLEANUP(freep) char *url = xasprintf("%s/api/v4/version", origin);
	CLEANUP(http_call_release)
	struct http_call call = {
	        .method = "HEAD",
	        .url = url,
	        .route = route,
	        .request_id = request_id,
	        .total_ms = LIMIT_MS,
	        .wanted = &github,
	        .wanted_count = 1,
	};
	http_client_run(probe->client, &call, 1);
	if (call.failure == HTTP_OK && call.gitlab_meta)
		provider = PROVIDER_GITLAB;
	else if (call.failure == HTTP_OK && github.present)
		provider = PROVIDER_GITHUB;
	remember(probe, origin, provider);
	return provider;
}
