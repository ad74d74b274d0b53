#include "resource_feed.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "alloc.h"
#include "clock.h"
#include "secret.h"
#include "supervisor.h"

enum {
	LIST_EVERY_MS = 10 * 60 * 1000,
	PAUSE_MIN_MS = 800,
	PAUSE_MAX_MS = 30 * 1000,
	HEALTHY_MS = 2 * 60 * 1000, /* after that long without trouble the pauses begin small again */
};

struct resource_feed {
	const struct worker *worker;
	struct kube_client *client;
	struct kube_kind kind;
	pthread_t thread;

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	bool stopping;
	struct resource_news news;

	/* the thread's own */
	char *version; /* NULL: list first */
	json_t *listing;
	int64_t list_at_ms; /* the next list is due */
	int64_t pause_ms, trouble_at_ms;
};

void resource_news_release(struct resource_news *news)
{
	json_decref(news->changed);
	json_decref(news->listed);
	*news = (struct resource_news)RESOURCE_NEWS_INIT;
}

static bool is_stopping(struct resource_feed *f)
{
	pthread_mutex_lock(&f->lock);
	bool stopping = f->stopping;
	pthread_mutex_unlock(&f->lock);
	return stopping;
}

static struct timespec after(int64_t wait_ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += wait_ms / 1000;
	at.tv_nsec += wait_ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/* ---- The thread ---- */

static const char *uid_of(const json_t *object)
{
	return json_string_or(json_object_get(object, "metadata"), "uid", "");
}

/* What nobody here reads, and what takes the most room. */
static json_t *slim(json_t *object)
{
	json_object_del(json_object_get(object, "metadata"), "managedFields");
	return json_incref(object);
}

static void tell(struct resource_feed *f, const char *uid, json_t *object)
{
	pthread_mutex_lock(&f->lock);
	if (uid[0])
		json_object_set_new(f->news.changed, uid, object);
	else
		json_decref(object);
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static bool take_listed(void *context, json_t *object, struct error *err)
{
	struct resource_feed *f = context;
	const char *uid = uid_of(object);

	if (is_stopping(f))
		return error_set(err, ERR_SERVICE_UNAVAILABLE, "The list was given up.");
	if (uid[0])
		json_object_set_new(f->listing, uid, json_true());
	tell(f, uid, slim(object));
	return true;
}

static bool take_event(void *context, enum kube_event_type type, json_t *object)
{
	struct resource_feed *f = context;

	tell(f, uid_of(object), type == KUBE_DELETED ? json_null() : slim(object));
	return !is_stopping(f);
}

static bool goes_on(void *context)
{
	struct resource_feed *f = context;

	return !is_stopping(f) && clock_monotonic_ms() < f->list_at_ms;
}

static bool list_all(struct resource_feed *f, struct error *err)
{
	int64_t begun = clock_now_s();

	json_decref(f->listing);
	f->listing = json_object();
	freep(&f->version);
	if (!kube_list(f->client, &f->kind, NULL, take_listed, f, &f->version, err))
		return false;
	f->list_at_ms = clock_monotonic_ms() + LIST_EVERY_MS;
	pthread_mutex_lock(&f->lock);
	json_decref(f->news.listed);
	f->news.listed = f->listing;
	f->news.listed_at = begun;
	f->listing = NULL;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return true;
}

static bool follow(struct resource_feed *f, struct error *err)
{
	const struct kube_watch watch = {.kind = &f->kind, .on_event = take_event, .goes_on = goes_on, .context = f};
	enum kube_watch_end end = KUBE_WATCH_ENDED;

	if (!kube_watch_run(f->client, &watch, &f->version, &end, err))
		return false;
	if (end == KUBE_WATCH_EXPIRED)
		freep(&f->version);
	return true;
}

/* The server is not asked again at once, nor by all workers in step; what is said of it in the log is said once a while. */
static void pause_after(struct resource_feed *f, const struct error *err)
{
	int64_t now = clock_monotonic_ms();
	uint32_t chance;

	random_bytes(&chance, sizeof(chance));
	if (now - f->trouble_at_ms > HEALTHY_MS)
		f->pause_ms = PAUSE_MIN_MS;
	f->trouble_at_ms = now;
	supervisor_log(f->worker, f->pause_ms == PAUSE_MIN_MS ? LOG_WARNING : LOG_DEBUG, NULL, err,
	               "Resources cannot be followed at the moment");
	struct timespec until = after(f->pause_ms / 2 + (int64_t)(chance % (uint32_t)f->pause_ms));
	f->pause_ms = f->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : f->pause_ms * 2;
	pthread_mutex_lock(&f->lock);
	while (!f->stopping && pthread_cond_timedwait(&f->changed, &f->lock, &until) == 0)
		;
	pthread_mutex_unlock(&f->lock);
}

static void *run(void *context)
{
	struct resource_feed *f = context;

	while (!is_stopping(f)) {
		struct error err = ERROR_INIT;
		bool due = !f->version || clock_monotonic_ms() >= f->list_at_ms;

		if (!(due ? list_all(f, &err) : follow(f, &err)) && !is_stopping(f))
			pause_after(f, &err);
	}
	return NULL;
}

/* ---- Its owner ---- */

struct resource_feed *resource_feed_start(const struct worker *worker, struct kube_client *client, const struct kube_kind *kind)
{
	struct resource_feed *f = xcalloc(1, sizeof(*f));
	pthread_condattr_t attributes;

	f->worker = worker;
	f->client = client;
	f->kind = *kind;
	f->news.changed = json_object();
	f->pause_ms = PAUSE_MIN_MS;
	f->trouble_at_ms = -HEALTHY_MS;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&f->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (pthread_create(&f->thread, NULL, run, f) != 0)
		abort();
	return f;
}

void resource_feed_stop(struct resource_feed **slot)
{
	struct resource_feed *f = *slot;

	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	resource_news_release(&f->news);
	json_decref(f->listing);
	free(f->version);
	freep(slot);
}

void resource_feed_take(struct resource_feed *f, int64_t wait_ms, struct resource_news *ret)
{
	struct timespec until = after(wait_ms);

	pthread_mutex_lock(&f->lock);
	while (json_object_size(f->news.changed) == 0 && !f->news.listed &&
	       pthread_cond_timedwait(&f->changed, &f->lock, &until) == 0)
		;
	*ret = f->news;
	f->news = (struct resource_news){.changed = json_object()};
	pthread_mutex_unlock(&f->lock);
}
