#include "http_client.h"

#include "alloc.h"
#include "clock.h"
#include "http_breaker.h"
#include "http_job.h"
#include <pthread.h>
#include <signal.h>

enum {
	KEPT_CONNECTIONS = 64, /* of one process, over all origins */
	IDLE_WAIT_MS = 10000,  /* nothing to do: only to notice a clock that moved on */
};

/* The calls of one http_client_run; lives on its caller's stack. */
struct http_batch {
	size_t left;
	pthread_cond_t done;
};

struct http_client {
	struct http_transport transport;
	void (*observe)(void *observer, const struct http_call *call);
	void *observer;
	pthread_t thread;
	bool thread_runs;
	CURLM *multi;
	struct http_job *active; /* of the I/O thread */
	pthread_mutex_t lock;    /* guards what follows and every batch */
	struct http_breaker *breaker;
	struct http_job *queue, **queue_end;
	bool stopping;
};

/* Fills the call and wakes its batch. The job's memory is the caller's again afterwards. */
static void finish(struct http_client *client, struct http_job *job, enum http_failure failure)
{
	struct http_batch *batch = job->batch;

	http_job_answer(job, failure);
	if (client->observe)
		client->observe(client->observer, job->call);
	pthread_mutex_lock(&client->lock);
	if (--batch->left == 0)
		pthread_cond_signal(&batch->done);
	pthread_mutex_unlock(&client->lock);
}

/* A 5xx of GitLab or GitHub itself may be about one token or one project; whoever meets it must not shut the instance for all
 * others. */
static enum http_verdict verdict_of(const struct http_job *job, enum http_failure failure, const struct http_limits *limits)
{
	if (failure == HTTP_REFUSED_BY_POLICY || failure == HTTP_TOO_LARGE)
		return HTTP_VERDICT_NEUTRAL;
	/* Its caller had less patience than the limits, which says little about the origin. */
	if (failure == HTTP_TIMEOUT && job->call->total_ms && job->call->total_ms < limits->total_ms)
		return HTTP_VERDICT_NEUTRAL;
	if (failure != HTTP_OK)
		return HTTP_VERDICT_BAD;
	if (job->head.status < 500)
		return HTTP_VERDICT_GOOD;
	return job->head.gitlab_meta || job->head.github_id ? HTTP_VERDICT_NEUTRAL : HTTP_VERDICT_BAD;
}

/* Ends a job that was never started. */
static void refuse(struct http_client *client, struct http_job *job, enum http_failure failure, const char *why)
{
	snprintf(job->dial.error_text, sizeof(job->dial.error_text), "%s", why);
	finish(client, job, failure);
}

/* Whether the breaker lets the job go; otherwise its call knows for how long not. */
static bool admit(struct http_client *client, struct http_job *job)
{
	struct http_rest rest;

	pthread_mutex_lock(&client->lock);
	bool admitted = http_breaker_admits(client->breaker, job->dial.origin, clock_monotonic_ms(), &rest);
	pthread_mutex_unlock(&client->lock);
	if (admitted)
		return true;
	job->call->rest_s = rest.left_s;
	job->call->rest_asked = rest.asked;
	return false;
}

static void start(struct http_client *client, struct http_job *job)
{
	job->started_us = clock_monotonic_us();
	if (!http_dial_init(&job->dial, &client->transport, job->call->url, &job->call->route)) {
		refuse(client, job, HTTP_BROKEN, "not an absolute http(s) address");
		return;
	}
	if (!http_job_prepare(job, &client->transport)) {
		refuse(client, job, HTTP_BROKEN, "a credential or header that cannot be sent");
		return;
	}
	if (!admit(client, job)) {
		refuse(client, job, HTTP_RESTING,
		       job->call->rest_asked ? "resting as the origin asked" : "resting after several failures in a row");
		return;
	}
	if (curl_multi_add_handle(client->multi, job->easy) != CURLM_OK)
		abort();
	job->next = client->active;
	client->active = job;
}

/* Takes the job out of the transfer and the active list, and answers its caller. */
static void end(struct http_client *client, struct http_job *job, enum http_failure failure)
{
	struct http_job **at = &client->active;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	curl_multi_remove_handle(client->multi, job->easy);
	pthread_mutex_lock(&client->lock);
	http_breaker_report(client->breaker, job->dial.origin, verdict_of(job, failure, &client->transport.limits),
	                    clock_monotonic_ms(), client->transport.limits.rest_ms);
	pthread_mutex_unlock(&client->lock);
	finish(client, job, failure);
}

static void collect(struct http_client *client)
{
	int left;

	for (const CURLMsg *message; (message = curl_multi_info_read(client->multi, &left));) {
		struct http_job *job = NULL;
		CURLcode code = message->data.result;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&job);
		end(client, job, http_job_outcome(job, code));
	}
}

/* libcurl has no limit for the headers alone. Ends those that are late; tells how long to wait for the next, at most IDLE_WAIT_MS.
 */
static int end_late(struct http_client *client)
{
	int64_t now_us = clock_monotonic_us(), wait_us = (int64_t)IDLE_WAIT_MS * 1000;

	for (struct http_job *job = client->active, *next; job; job = next) {
		next = job->next;
		int64_t left_us = job->started_us + client->transport.limits.headers_ms * 1000 - now_us;
		if (job->head.complete)
			continue;
		if (left_us <= 0) {
			snprintf(job->dial.error_text, sizeof(job->dial.error_text), "no complete headers in time");
			end(client, job, http_transport_failure(job->easy, CURLE_OPERATION_TIMEDOUT, &job->dial));
		} else if (left_us < wait_us) {
			wait_us = left_us;
		}
	}
	return (int)(wait_us / 1000) + 1;
}

/* Starts what was queued; false when the client is being freed and nothing is left. */
static bool start_queued(struct http_client *client)
{
	pthread_mutex_lock(&client->lock);
	struct http_job *job = client->queue;
	bool stopping = client->stopping;
	client->queue = NULL;
	client->queue_end = &client->queue;
	pthread_mutex_unlock(&client->lock);

	while (job) {
		struct http_job *next = job->next;
		start(client, job);
		job = next;
	}
	return !stopping || client->active;
}

static void *io_thread(void *context)
{
	struct http_client *client = context;
	int running;

	while (start_queued(client)) {
		if (curl_multi_perform(client->multi, &running) != CURLM_OK)
			abort();
		collect(client);
		curl_multi_poll(client->multi, NULL, 0, end_late(client), NULL);
	}
	return NULL;
}

/* The program's signals are for its own threads. */
static bool start_thread(struct http_client *client)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	client->thread_runs = pthread_create(&client->thread, NULL, io_thread, client) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return client->thread_runs;
}

bool http_client_new(const struct http_client_options *options, struct http_client **ret, struct error *err)
{
	struct http_transport transport;

	if (!http_transport_init(&transport, options, err))
		return false;
	CLEANUP(http_client_freep) struct http_client *client = xcalloc(1, sizeof(*client));
	client->transport = transport;
	client->observe = options->observe;
	client->observer = options->observer;
	client->queue_end = &client->queue;
	client->breaker = http_breaker_new();
	pthread_mutex_init(&client->lock, NULL);
	client->multi = curl_multi_init();
	if (!client->multi)
		abort();
	curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
	if (!start_thread(client))
		return error_set(err, ERR_INTERNAL, "A thread for outgoing calls could not be started.");
	*ret = TAKE(client);
	return true;
}

void http_client_freep(struct http_client **slot)
{
	struct http_client *client = *slot;

	if (!client)
		return;
	if (client->thread_runs) {
		pthread_mutex_lock(&client->lock);
		client->stopping = true;
		pthread_mutex_unlock(&client->lock);
		curl_multi_wakeup(client->multi);
		pthread_join(client->thread, NULL);
	}
	curl_multi_cleanup(client->multi);
	http_breaker_freep(&client->breaker);
	pthread_mutex_destroy(&client->lock);
	http_transport_release(&client->transport);
	freep(slot);
}

void http_client_set_limits(struct http_client *client, const struct http_limits *limits)
{
	client->transport.limits = *limits;
}

void http_client_run(struct http_client *client, struct http_call *calls, size_t count)
{
	struct http_batch batch = {.left = count, .done = PTHREAD_COND_INITIALIZER};
	CLEANUP(freep) struct http_job *jobs = xcalloc(count, sizeof(*jobs));

	pthread_mutex_lock(&client->lock);
	for (size_t i = 0; i < count; i++) {
		http_job_init(&jobs[i], &calls[i], &batch);
		*client->queue_end = &jobs[i];
		client->queue_end = &jobs[i].next;
	}
	curl_multi_wakeup(client->multi);
	while (batch.left > 0)
		pthread_cond_wait(&batch.done, &client->lock);
	pthread_mutex_unlock(&client->lock);
	pthread_cond_destroy(&batch.done);
}

void http_call_release(struct http_call *call)
{
	if (call->answer.data)
		strbuf_release(&call->answer);
}

/* Only the origin of it, which is the same on every route. */
static bool origin_of(const struct http_client *client, const char *url, struct http_dial *ret)
{
	const struct instance_route route = INSTANCE_ROUTE_INIT;

	return http_dial_init(ret, &client->transport, url, &route);
}

void http_client_rest(struct http_client *client, const char *url, unsigned seconds)
{
	struct http_dial dial;

	if (!origin_of(client, url, &dial))
		return;
	pthread_mutex_lock(&client->lock);
	http_breaker_rest(client->breaker, dial.origin, clock_monotonic_ms(), (int64_t)seconds * 1000);
	pthread_mutex_unlock(&client->lock);
}

bool http_client_is_resting(struct http_client *client, const char *url, unsigned *ret_seconds, bool *ret_asked)
{
	struct http_dial dial;
	struct http_rest rest;

	if (!origin_of(client, url, &dial))
		return false;
	pthread_mutex_lock(&client->lock);
	bool rests = http_breaker_rests(client->breaker, dial.origin, clock_monotonic_ms(), &rest);
	pthread_mutex_unlock(&client->lock);
	if (!rests)
		return false;
	*ret_seconds = rest.left_s;
	*ret_asked = rest.asked;
	return true;
}
