#include "http_stream.h"

#include "alloc.h"
#include "clock.h"
#include "http_head.h"
#include "http_transport.h"
#include "redact.h"
#include <pthread.h>
#include <strings.h>

enum {
	/* Idle handles of one process; each keeps a connection and a certificate store of about 0.8 MB. */
	POOL_MAX = 16,
	POOL_IDLE_MS = 60 * 1000,
	BUFFER_SIZE = 64 * 1024,
};

/* A libcurl handle with the connection it kept. */
struct pooled {
	CURL *easy;
	char origin[HTTP_ORIGIN_MAX];
	int64_t since_ms;
	struct pooled *next;
};

struct http_streams {
	struct http_transport transport;
	pthread_mutex_t lock; /* guards the pool */
	struct pooled *newest;
};

/* One call under way, on its caller's stack. */
struct transfer {
	struct http_stream_call *call;
	const struct http_limits *limits;
	CURL *easy;
	struct curl_slist *headers;
	struct http_dial dial;
	struct http_head head;
	curl_off_t seen_down, seen_up;
	int64_t quiet_since_ms; /* moved forward by every byte, and by the time our own callbacks take */
	bool head_given, overflowed, stalled;
};

bool http_streams_new(const struct http_client_options *options, struct http_streams **ret, struct error *err)
{
	struct http_transport transport;

	if (!http_transport_init(&transport, options, err))
		return false;
	struct http_streams *streams = xcalloc(1, sizeof(*streams));
	streams->transport = transport;
	pthread_mutex_init(&streams->lock, NULL);
	*ret = streams;
	return true;
}

/* Frees `first` and all behind it. */
static void drop(struct pooled *first)
{
	while (first) {
		struct pooled *next = first->next;
		curl_easy_cleanup(first->easy);
		free(first);
		first = next;
	}
}

void http_streams_freep(struct http_streams **slot)
{
	struct http_streams *streams = *slot;

	if (!streams)
		return;
	drop(streams->newest);
	pthread_mutex_destroy(&streams->lock);
	http_transport_release(&streams->transport);
	freep(slot);
}

void http_streams_set_limits(struct http_streams *streams, const struct http_limits *limits)
{
	streams->transport.limits = *limits;
}

/* The newest handle of this origin, or a new one. */
static CURL *take_handle(struct http_streams *streams, const char *origin)
{
	CURL *easy = NULL;

	pthread_mutex_lock(&streams->lock);
	for (struct pooled **at = &streams->newest; *at; at = &(*at)->next) {
		struct pooled *found = *at;
		if (strcmp(found->origin, origin) != 0)
			continue;
		easy = found->easy;
		*at = found->next;
		free(found);
		break;
	}
	pthread_mutex_unlock(&streams->lock);
	if (!easy)
		easy = curl_easy_init();
	if (!easy)
		abort();
	return easy;
}

/* Cuts off what is too old or too many; the pool is ordered by age. The caller drops it outside the lock. */
static struct pooled *cut_pool(struct http_streams *streams, int64_t now_ms)
{
	struct pooled **at = &streams->newest;
	size_t kept = 0;

	while (*at && kept < POOL_MAX && now_ms - (*at)->since_ms < POOL_IDLE_MS) {
		at = &(*at)->next;
		kept++;
	}
	struct pooled *rest = *at;
	*at = NULL;
	return rest;
}

/* A reset handle keeps its connection and forgets credentials, callbacks and every pointer into this call. */
static void give_back(struct http_streams *streams, CURL *easy, const char *origin)
{
	struct pooled *mine = xcalloc(1, sizeof(*mine));

	curl_easy_reset(easy);
	mine->easy = easy;
	mine->since_ms = clock_monotonic_ms();
	snprintf(mine->origin, sizeof(mine->origin), "%s", origin);
	pthread_mutex_lock(&streams->lock);
	mine->next = streams->newest;
	streams->newest = mine;
	struct pooled *rest = cut_pool(streams, mine->since_ms);
	pthread_mutex_unlock(&streams->lock);
	drop(rest);
}

static size_t give_body(char *buffer, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	size_t length = 0;
	int64_t before_ms = clock_monotonic_ms();
	bool goes_on = t->call->read_body(t->call->context, buffer, size * count, &length);

	t->quiet_since_ms += clock_monotonic_ms() - before_ms;
	if (goes_on)
		return length;
	t->call->aborted = true;
	return CURL_READFUNC_ABORT;
}

static bool give_head(struct transfer *t)
{
	struct http_stream_call *call = t->call;

	if (t->head_given)
		return true;
	t->head_given = true;
	call->status = t->head.status;
	if (!call->on_head)
		return true;
	call->aborted = !call->on_head(call->context, t->head.status, t->head.content_type, t->head.location, t->head.retry_after);
	return !call->aborted;
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
	struct transfer *t = context;

	t->overflowed = !http_head_add(&t->head, line, size * count);
	if (t->overflowed || (t->head.complete && !give_head(t)))
		return 0;
	t->quiet_since_ms = clock_monotonic_ms();
	return size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	struct http_stream_call *call = t->call;

	call->bytes_received += size * count;
	if (call->on_body && !call->on_body(call->context, bytes, size * count)) {
		call->aborted = true;
		return 0;
	}
	t->quiet_since_ms = clock_monotonic_ms();
	return size * count;
}

/* Called by libcurl after every move and at least once a second. */
static int watch(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct transfer *t = context;
	int64_t now_ms = clock_monotonic_ms();

	(void)down_total;
	(void)up_total;
	if (down != t->seen_down || up != t->seen_up)
		t->quiet_since_ms = now_ms;
	t->seen_down = down;
	t->seen_up = up;
	t->stalled = now_ms - t->quiet_since_ms > t->limits->stall_ms;
	if (t->call->goes_on && !t->call->goes_on(t->call->context))
		t->call->aborted = true;
	return t->stalled || t->call->aborted;
}

static bool has_header(const struct http_stream_call *call, const char *name)
{
	for (size_t i = 0; i < call->header_count; i++)
		if (strcasecmp(call->headers[i].name, name) == 0)
			return true;
	return false;
}

static bool add_headers(struct transfer *t)
{
	const struct http_stream_call *call = t->call;

	for (size_t i = 0; i < call->header_count; i++)
		if (!http_transport_header(&t->headers, call->headers[i].name, call->headers[i].value))
			return false;
	if (!has_header(call, "Content-Type") && !http_transport_header(&t->headers, "Content-Type", NULL))
		return false;
	if (call->body_length < 0 && !http_transport_header(&t->headers, "Transfer-Encoding", "chunked"))
		return false;
	return http_transport_header(&t->headers, "Expect", NULL);
}

static void set_method(struct transfer *t)
{
	const struct http_stream_call *call = t->call;

	if (call->body_length != 0 && call->read_body) {
		curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_length);
		curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
	} else if (strcmp(call->method, "POST") == 0) {
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, "");
	}
	if (strcmp(call->method, "HEAD") == 0)
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static bool prepare(struct http_streams *streams, struct transfer *t)
{
	const struct http_stream_call *call = t->call;

	http_transport_prepare(&streams->transport, t->easy, call->url, &call->route, &t->dial);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)call->total_ms);
	/* Compressed bodies pass as they are: the two ends agreed on it, not we. */
	curl_easy_setopt(t->easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, (long)BUFFER_SIZE);
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER_SIZE);
	curl_easy_setopt(t->easy, CURLOPT_MAXCONNECTS, 1L);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, watch);
	curl_easy_setopt(t->easy, CURLOPT_XFERINFODATA, t);
	set_method(t);
	if ((call->password && !http_transport_credential(&t->headers, call->user, call->password)) || !add_headers(t)) {
		snprintf(t->dial.error_text, sizeof(t->dial.error_text), "a credential or header is not one line");
		return false;
	}
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	return true;
}

static enum http_failure perform(struct transfer *t)
{
	CURLcode code = curl_easy_perform(t->easy);
	curl_off_t sent = 0;

	curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	t->call->bytes_sent = (uint64_t)sent;
	if (t->call->aborted)
		return HTTP_OK;
	if (t->stalled) {
		snprintf(t->dial.error_text, sizeof(t->dial.error_text), "no byte for %lld ms", (long long)t->limits->stall_ms);
		return t->dial.refused && !t->head.bytes ? HTTP_REFUSED_BY_POLICY : HTTP_TIMEOUT;
	}
	return t->overflowed ? HTTP_TOO_LARGE : http_transport_failure(t->easy, code, &t->dial);
}

bool http_stream_run(struct http_streams *streams, struct http_stream_call *call)
{
	struct transfer t = {.call = call, .limits = &streams->transport.limits, .quiet_since_ms = clock_monotonic_ms()};

	call->failure = HTTP_OK;
	call->failure_text[0] = '\0';
	call->status = call->proxy_status = 0;
	call->aborted = false;
	call->bytes_sent = call->bytes_received = 0;
	if (!http_dial_init(&t.dial, &streams->transport, call->url, &call->route)) {
		call->failure = HTTP_BROKEN;
		snprintf(call->failure_text, sizeof(call->failure_text), "not an absolute http(s) address");
		return false;
	}
	t.easy = take_handle(streams, t.dial.origin);
	call->failure = prepare(streams, &t) ? perform(&t) : HTTP_BROKEN;
	if (call->failure != HTTP_OK) {
		snprintf(call->failure_text, sizeof(call->failure_text), "%s", t.dial.error_text);
		redact_in_place(NULL, call->failure_text, sizeof(call->failure_text));
	}
	if (call->failure == HTTP_PROXY)
		call->proxy_status = http_transport_proxy_status(t.easy);
	give_back(streams, t.easy, t.dial.origin);
	curl_slist_free_all(t.headers);
	return call->failure == HTTP_OK;
}
