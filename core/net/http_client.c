#include "http_client.h"

#include "alloc.h"
#include "clock.h"
#include "http_breaker.h"
#include "http_head.h"
#include "http_transport.h"
#include "redact.h"
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

/* One call under way; owned by the batch, touched only by the I/O thread until it is answered. */
struct http_job {
	struct http_call *call;
	struct http_batch *batch;
	struct http_job *next; /* in the queue, then in the active list */
	CURL *easy;
	struct curl_slist *headers;
	struct http_dial dial;
	struct http_head head;
	int64_t started_us;
	bool overflowed, satisfied; /* max_body reached: too much, or all that was wanted */
};

struct http_client {
	struct http_transport transport;
	pthread_t thread;
	bool thread_runs;
	CURLM *multi;
	struct http_breaker *breaker; /* of the I/O thread */
	struct http_job *active;      /* of the I/O thread */
	pthread_mutex_t lock;         /* guards queue, stopping and every batch */
	struct http_job *queue, **queue_end;
	bool stopping;
};

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
	struct http_job *job = context;

	if (http_head_add(&job->head, line, size * count))
		return size * count;
	job->overflowed = true;
	return 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct http_job *job = context;
	struct strbuf *answer = &job->call->answer;
	size_t length = size * count, room = answer->limit - answer->length;

	/* CURLOPT_MAXFILESIZE does not see chunked bodies. */
	if (length > room && !job->call->stop_at_max) {
		job->overflowed = true;
		return 0;
	}
	strbuf_add(answer, bytes, length < room ? length : room);
	job->satisfied = job->call->stop_at_max && length >= room;
	return job->satisfied ? 0 : length;
}

static bool add_headers(struct http_job *job)
{
	const struct http_call *call = job->call;
	const char *content_type = call->body ? call->content_type : NULL;

	/* Neither waiting for "100 Continue" nor libcurl's own guess at a form. */
	return http_transport_header(&job->headers, "Expect", NULL) &&
	       http_transport_header(&job->headers, "Content-Type", content_type) &&
	       (!call->request_id || http_transport_header(&job->headers, "X-Request-Id", call->request_id));
}

static void set_method(struct http_job *job)
{
	const struct http_call *call = job->call;

	if (strcmp(call->method, "HEAD") == 0) {
		curl_easy_setopt(job->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (call->body || strcmp(call->method, "POST") == 0) {
		curl_easy_setopt(job->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(call->body ? call->body_length : 0));
		curl_easy_setopt(job->easy, CURLOPT_POSTFIELDS, call->body ? call->body : "");
	}
	curl_easy_setopt(job->easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static bool add_credential(struct http_job *job)
{
	const struct http_call *call = job->call;

	if (call->bearer)
		return http_transport_credential(&job->headers, NULL, call->bearer);
	if (call->basic_password)
		return http_transport_credential(&job->headers, call->basic_user, call->basic_password);
	return true;
}

/* Everything but the start. False: the request cannot be put into HTTP. */
static bool prepare(struct http_client *client, struct http_job *job)
{
	job->easy = curl_easy_init();
	if (!job->easy)
		abort();
	http_transport_prepare(&client->transport, job->easy, job->call->url, job->call->ca_file, &job->dial);
	curl_easy_setopt(job->easy, CURLOPT_PRIVATE, job);
	curl_easy_setopt(job->easy, CURLOPT_TIMEOUT_MS, (long)client->transport.limits.total_ms);
	curl_easy_setopt(job->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(job->easy, CURLOPT_HEADERDATA, job);
	curl_easy_setopt(job->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(job->easy, CURLOPT_WRITEDATA, job);
	set_method(job);
	if (!add_credential(job) || !add_headers(job))
		return false;
	curl_easy_setopt(job->easy, CURLOPT_HTTPHEADER, job->headers);
	return true;
}

static void copy_head(struct http_call *call, const struct http_head *head)
{
	call->status = head->status;
	call->gitlab_meta = head->gitlab_meta;
	call->cf_ray = head->cf_ray;
#define COPY(to, from) snprintf(call->to, sizeof(call->to), "%s", head->from)
	COPY(content_type_got, content_type);
	COPY(location, location);
	COPY(retry_after, retry_after);
	COPY(ratelimit_reset, ratelimit_reset);
	COPY(ratelimit_name, ratelimit_name);
	COPY(server, server);
	COPY(request_id_got, request_id);
	COPY(next_page, next_page);
#undef COPY
}

static void copy_failure(struct http_call *call, enum http_failure failure, const struct http_dial *dial)
{
	call->failure = failure;
	snprintf(call->failure_text, sizeof(call->failure_text), "%s", dial->error_text);
	redact_in_place(NULL, call->failure_text, sizeof(call->failure_text));
	if (failure != HTTP_TLS)
		return;
	snprintf(call->tls_issuer, sizeof(call->tls_issuer), "%s", dial->tls_issuer);
	snprintf(call->tls_reason, sizeof(call->tls_reason), "%s", dial->tls_reason);
}

/* Fills the call and wakes its batch. The job's memory is the caller's again afterwards. */
static void finish(struct http_client *client, struct http_job *job, enum http_failure failure)
{
	struct http_batch *batch = job->batch;

	if (failure == HTTP_OK)
		copy_head(job->call, &job->head);
	else
		copy_failure(job->call, failure, &job->dial);
	job->call->elapsed_us = clock_monotonic_us() - job->started_us;
	curl_easy_cleanup(job->easy);
	curl_slist_free_all(job->headers);

	pthread_mutex_lock(&client->lock);
	if (--batch->left == 0)
		pthread_cond_signal(&batch->done);
	pthread_mutex_unlock(&client->lock);
}

/* A 5xx of GitLab itself may be about one token or one project; whoever meets it must not shut the instance for all others. */
static enum http_verdict verdict_of(const struct http_job *job, enum http_failure failure)
{
	if (failure == HTTP_REFUSED_BY_POLICY || failure == HTTP_TOO_LARGE)
		return HTTP_VERDICT_NEUTRAL;
	if (failure != HTTP_OK)
		return HTTP_VERDICT_BAD;
	if (job->head.status < 500)
		return HTTP_VERDICT_GOOD;
	return job->head.gitlab_meta ? HTTP_VERDICT_NEUTRAL : HTTP_VERDICT_BAD;
}

static void start(struct http_client *client, struct http_job *job)
{
	job->started_us = clock_monotonic_us();
	if (!http_dial_init(&job->dial, &client->transport, job->call->url)) {
		snprintf(job->dial.error_text, sizeof(job->dial.error_text), "not an absolute http(s) address");
		finish(client, job, HTTP_BROKEN);
		return;
	}
	if (!prepare(client, job)) {
		snprintf(job->dial.error_text, sizeof(job->dial.error_text), "a credential or header is not one line");
		finish(client, job, HTTP_BROKEN);
		return;
	}
	if (!http_breaker_admits(client->breaker, job->dial.origin, clock_monotonic_ms())) {
		snprintf(job->dial.error_text, sizeof(job->dial.error_text), "resting after several failures in a row");
		finish(client, job, HTTP_RESTING);
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
	http_breaker_report(client->breaker, job->dial.origin, verdict_of(job, failure), clock_monotonic_ms(),
	                    client->transport.limits.rest_ms);
	finish(client, job, failure);
}

static enum http_failure outcome(struct http_job *job, CURLcode code)
{
	if (job->satisfied)
		return HTTP_OK;
	if (job->overflowed)
		return HTTP_TOO_LARGE;
	return http_transport_failure(job->easy, code, &job->dial);
}

static void collect(struct http_client *client)
{
	int left;

	for (const CURLMsg *message; (message = curl_multi_info_read(client->multi, &left));) {
		struct http_job *job = NULL;
		CURLcode code = message->data.result;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&job);
		end(client, job, outcome(job, code));
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

static void reset_results(struct http_call *call)
{
	struct strbuf answer = STRBUF_INIT(call->max_body ? call->max_body : LIMIT_ANSWER);

	call->answer = answer;
	call->failure = HTTP_OK;
	call->failure_text[0] = call->tls_issuer[0] = call->tls_reason[0] = '\0';
	copy_head(call, &(const struct http_head){0});
	call->elapsed_us = 0;
}

void http_client_run(struct http_client *client, struct http_call *calls, size_t count)
{
	struct http_batch batch = {.left = count, .done = PTHREAD_COND_INITIALIZER};
	CLEANUP(freep) struct http_job *jobs = xcalloc(count, sizeof(*jobs));

	pthread_mutex_lock(&client->lock);
	for (size_t i = 0; i < count; i++) {
		reset_results(&calls[i]);
		jobs[i].call = &calls[i];
		jobs[i].batch = &batch;
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
