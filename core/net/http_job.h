#pragma once
/*
 * http_job — one call under way: its request as libcurl wants it, and what came back on its way into the call. Private to net.
 * Floor: net.
 */
#include "http_head.h"
#include "http_transport.h"

/* Owned by the batch that waits for it; touched only by the I/O thread until it is answered. */
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

/* Empties the call's results and makes `job` its job. */
void http_job_init(struct http_job *job, struct http_call *call, struct http_batch *batch);

/* Everything but the start, with a dial that http_dial_init has filled. False: the request cannot be put into HTTP. */
bool http_job_prepare(struct http_job *job, const struct http_transport *transport) MUST_CHECK;

/* How a transfer went that libcurl ended with `code`. */
enum http_failure http_job_outcome(struct http_job *job, CURLcode code);

/* Fills the call and gives back what libcurl lent; the job has ended. */
void http_job_answer(struct http_job *job, enum http_failure failure);
