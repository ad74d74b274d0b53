#include "git_transfer.h"

#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "forge_transport_errors.h"

void git_transfer_release(struct git_transfer *transfer)
{
	strbuf_release(&transfer->url);
	strbuf_release(&transfer->request_type);
	strbuf_release(&transfer->answer_type);
	strbuf_release(&transfer->prefix);
	strbuf_release(&transfer->heard);
	strbuf_release(&transfer->refusal_);
}

/* A request was let in once; it may take hours. */
static bool goes_on(void *context)
{
	struct git_transfer *t = context;
	const int64_t now_ms = clock_monotonic_ms();

	if (t->ended || now_ms < t->look_at_ms_)
		return !t->ended;
	t->look_at_ms_ = now_ms + GATE_LOOKS_EVERY_MS;
	t->ended = !gate_goes_on(&t->call_->app->gate, t->call_->session.id, t->call_->parameters.repository, &t->end_);
	return !t->ended;
}

static bool read_body(void *context, char *buffer, size_t size, size_t *ret_length)
{
	struct git_transfer *t = context;
	size_t left = t->prefix.length - t->prefix_sent_;

	if (left > 0) {
		*ret_length = left < size ? left : size;
		memcpy(buffer, t->prefix.data + t->prefix_sent_, *ret_length);
		t->prefix_sent_ += *ret_length;
		return true;
	}
	t->client_failed = !exchange_read(t->call_->exchange, buffer, size, ret_length);
	/* The client may have kept it waiting past the session's end, for the last bytes of a push. */
	return !t->client_failed && goes_on(t);
}

static bool to_client(struct git_transfer *t, const void *bytes, size_t length)
{
	t->client_failed = !exchange_write(t->call_->exchange, bytes, length) || !exchange_flush(t->call_->exchange);
	return !t->client_failed;
}

static void keep_text(char *to, size_t size, const char *text)
{
	size_t length = text ? strnlen(text, size - 1) : 0;

	memcpy(to, text ? text : "", length);
	to[length] = '\0';
}

static bool on_head(void *context, int status, const char *content_type, const char *location UNUSED, const char *retry_after)
{
	struct git_transfer *t = context;
	CLEANUP(strbuf_release) struct strbuf head = STRBUF_INIT(1024);

	keep_text(t->content_type_, sizeof(t->content_type_), content_type);
	keep_text(t->retry_after_, sizeof(t->retry_after_), retry_after);
	/* None of the instance's headers goes on: they are built anew. */
	if (status != 200 || strcmp(t->content_type_, t->answer_type.data) != 0)
		return true;
	strbuf_addf(&head,
	            "Status: 200 OK\r\nContent-Type: %s\r\nCache-Control: no-cache, no-store, max-age=0, must-revalidate\r\n"
	            "X-Content-Type-Options: nosniff\r\nX-Request-ID: %s\r\n\r\n",
	            t->answer_type.data, t->call_->request->id);
	t->call_->streamed = true;
	return to_client(t, head.data, head.length);
}

static bool on_body(void *context, const char *bytes, size_t length)
{
	struct git_transfer *t = context;
	size_t room = t->refusal_.limit - t->refusal_.length;

	if (t->call_->streamed) {
		size_t left = t->listens ? t->heard.limit - t->heard.length : 0;
		strbuf_add(&t->heard, bytes, length < left ? length : left);
		return to_client(t, bytes, length);
	}
	strbuf_add(&t->refusal_, bytes, length < room ? length : room);
	return length < room;
}

/* Only what git itself sends goes on, so that a client cannot put anything else on the wire to the instance. */
static bool is_git_protocol(const char *text)
{
	return text && *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789=:.-")] == '\0';
}

static size_t collect_headers(const struct git_transfer *t, const struct request *request, struct http_stream_header *to)
{
	size_t count = 0;

	to[count++] = (struct http_stream_header){"Accept", t->answer_type.data};
	if (t->request_type.length > 0)
		to[count++] = (struct http_stream_header){"Content-Type", t->request_type.data};
	if (t->service == GIT_UPLOAD_PACK && t->request_type.length > 0 && request->content_encoding &&
	    *request->content_encoding && strcmp(request->content_encoding, "identity") != 0)
		to[count++] = (struct http_stream_header){"Content-Encoding", "gzip"};
	if (is_git_protocol(request->git_protocol))
		to[count++] = (struct http_stream_header){"Git-Protocol", request->git_protocol};
	return count;
}

static bool transport_failure(const struct http_stream_call *stream, const char *host, struct error *err)
{
	struct http_call as_call = {.failure = stream->failure, .answer = STRBUF_INIT(0)};

	if (stream->failure == HTTP_TIMEOUT) {
		error_set(err, ERR_GIT_STALLED, "The transfer with %s stalled.", host);
		return error_detail(err, "%s", stream->failure_text);
	}
	as_call.proxy_status = stream->proxy_status;
	keep_text(as_call.failure_text, sizeof(as_call.failure_text), stream->failure_text);
	return transport_classify(&as_call, host, err);
}

/* An origin that bans this server, or fails for everybody, is left alone by git as it is by the API. */
static bool is_resting(struct http_client *client, const char *url, const char *host, struct error *err)
{
	struct http_call as_call = {.failure = HTTP_RESTING, .answer = STRBUF_INIT(0)};

	if (!http_client_is_resting(client, url, &as_call.rest_s, &as_call.rest_asked))
		return false;
	transport_classify(&as_call, host, err);
	return true;
}

/* Every further request would prolong a ban, for all users of the instance. */
static void heed_ban(const struct git_transfer *t, int status, const struct gate_route *route)
{
	const struct forge *forge = route->credential.forge;
	unsigned seconds;

	if (forge->git_ban && forge->git_ban(status, t->refusal_.data, t->refusal_.length, t->retry_after_, route->host, &seconds))
		http_client_rest(t->call_->app->client, t->url.data, seconds);
}

/* What came back, when it was not a whole answer in git's language. */
static bool judge(struct git_transfer *t, const struct http_stream_call *stream, bool completed, const struct gate_route *route,
                  struct error *err)
{
	if (t->ended) {
		if (err)
			*err = t->end_;
		return false;
	}
	if (t->client_failed)
		return error_set(err, ERR_BAD_REQUEST, "The git client broke the transfer off.");
	if (t->call_->streamed || stream->status == 0) {
		if (completed || stream->failure == HTTP_OK)
			return error_set(err, ERR_GIT_FAILED, "The transfer with %s ended before it was complete.", route->host);
		return transport_failure(stream, route->host, err);
	}
	if (stream->status == 200) {
		error_set(err, ERR_INSTANCE_NOT_API, "%s answered git with something that is not git's.", route->host);
		return error_detail(err, "content type %s", t->content_type_);
	}
	heed_ban(t, stream->status, route);
	/* The page that comes with a redirect says nothing. */
	const size_t length = stream->status / 100 == 3 ? 0 : t->refusal_.length;
	return route->credential.forge->classify_git(t->service, stream->status, t->refusal_.data, length,
	                                             t->retry_after_[0] ? t->retry_after_ : NULL, route->host, route->project_path,
	                                             err);
}

bool git_transfer_run(struct git_transfer *t, struct call *call, const struct gate_route *route, struct error *err)
{
	const bool post = t->request_type.length > 0;
	struct http_stream_header headers[4];
	struct http_stream_call stream = {.method = t->method,
	                                  .url = t->url.data,
	                                  .user = route->credential.forge->git_user,
	                                  .password = &route->credential.token,
	                                  .headers = headers,
	                                  .header_count = collect_headers(t, call->request, headers),
	                                  .route = route->credential.route,
	                                  .body_length = post ? call->request->content_length : 0,
	                                  .total_ms = GIT_TRANSFER_MAX_MS,
	                                  .read_body = post ? read_body : NULL,
	                                  .on_head = on_head,
	                                  .on_body = on_body,
	                                  .goes_on = goes_on,
	                                  .context = t};
	bool completed;

	if (!strbuf_ok(&t->url))
		return error_set(err, ERR_REPO_URL_INVALID, "The address of the repository is too long.");
	t->call_ = call;
	if (is_resting(call->app->client, t->url.data, route->host, err))
		return false;
	exchange_set_patience(call->exchange, GIT_CLIENT_PATIENCE_S);
	completed = http_stream_run(call->app->streams, &stream);
	t->bytes_sent = stream.bytes_sent;
	t->bytes_received = stream.bytes_received;
	if (completed && !stream.aborted && call->streamed)
		return true;
	call->broken = call->streamed;
	return judge(t, &stream, completed, route, err);
}
