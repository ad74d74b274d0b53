#include "http_job.h"

#include "clock.h"
#include "redact.h"

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
	if (!http_transport_header(&job->headers, "Expect", NULL) ||
	    !http_transport_header(&job->headers, "Content-Type", content_type) ||
	    !http_transport_header(&job->headers, "Accept", call->accept ? call->accept : "application/json") ||
	    (call->request_id && !http_transport_header(&job->headers, "X-Request-Id", call->request_id)))
		return false;
	for (const char *const *line = call->headers; line && *line; line++)
		if (!http_transport_line(&job->headers, *line))
			return false;
	return true;
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

/* A call may be in a greater hurry than the rest, never in a smaller one. */
static long total_ms(const struct http_call *call, const struct http_limits *limits)
{
	return (long)(call->total_ms && call->total_ms < limits->total_ms ? call->total_ms : limits->total_ms);
}

bool http_job_prepare(struct http_job *job, const struct http_transport *transport)
{
	job->easy = curl_easy_init();
	if (!job->easy)
		abort();
	http_transport_prepare(transport, job->easy, job->call->url, &job->call->route, &job->dial);
	curl_easy_setopt(job->easy, CURLOPT_PRIVATE, job);
	curl_easy_setopt(job->easy, CURLOPT_TIMEOUT_MS, total_ms(job->call, &transport->limits));
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

static void copy_failure(struct http_job *job, enum http_failure failure)
{
	struct http_call *call = job->call;
	const struct http_dial *dial = &job->dial;

	call->failure = failure;
	snprintf(call->failure_text, sizeof(call->failure_text), "%s", dial->error_text);
	redact_in_place(NULL, call->failure_text, sizeof(call->failure_text));
	if (failure == HTTP_PROXY)
		call->proxy_status = http_transport_proxy_status(job->easy);
	if (failure != HTTP_TLS)
		return;
	snprintf(call->tls_issuer, sizeof(call->tls_issuer), "%s", dial->tls_issuer);
	snprintf(call->tls_reason, sizeof(call->tls_reason), "%s", dial->tls_reason);
}

static void forget_wanted(struct http_call *call)
{
	for (size_t i = 0; i < call->wanted_count; i++) {
		call->wanted[i].present = false;
		call->wanted[i].value[0] = '\0';
	}
}

void http_job_init(struct http_job *job, struct http_call *call, struct http_batch *batch)
{
	struct strbuf answer = STRBUF_INIT(call->max_body ? call->max_body : LIMIT_ANSWER);

	*job = (struct http_job){
	        .call = call, .batch = batch, .head = {.wanted = call->wanted, .wanted_count = call->wanted_count}};
	call->answer = answer;
	call->failure = HTTP_OK;
	call->failure_text[0] = call->tls_issuer[0] = call->tls_reason[0] = '\0';
	call->proxy_status = 0;
	call->rest_s = 0;
	call->rest_asked = false;
	call->elapsed_us = 0;
	copy_head(call, &job->head);
	forget_wanted(call);
}

enum http_failure http_job_outcome(struct http_job *job, CURLcode code)
{
	if (job->satisfied)
		return HTTP_OK;
	if (job->overflowed)
		return HTTP_TOO_LARGE;
	return http_transport_failure(job->easy, code, &job->dial);
}

void http_job_answer(struct http_job *job, enum http_failure failure)
{
	if (failure == HTTP_OK) {
		copy_head(job->call, &job->head);
	} else {
		copy_failure(job, failure);
		forget_wanted(job->call);
	}
	job->call->elapsed_us = clock_monotonic_us() - job->started_us;
	curl_easy_cleanup(job->easy);
	curl_slist_free_all(job->headers);
}
