#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "clock.h"
#include "http_limits.h"
#include "http_peer.h"
#include <unistd.h>

static const struct http_limits patient = {.connect_ms = 5000, .headers_ms = 10000, .total_ms = 15000, .stall_ms = 15000};
static const struct http_limits hasty = {.connect_ms = 2000, .headers_ms = 10000, .total_ms = 15000, .stall_ms = 600};
enum { TOTAL_MS = 60000 };

struct fixture {
	struct http_peer *peer;
	struct address_policy *policy;
	struct http_streams *streams;
	size_t taken; /* body bytes the peer took */
	bool taken_is_right;
	bool lost; /* the peer has broken off once */
};

/* The n-th byte of every upload. */
static char pattern(size_t n)
{
	return (char)('a' + n % 23);
}

static void take_bytes(struct peer_exchange *x, struct fixture *f, size_t length)
{
	char bytes[8192];

	while (length > 0) {
		long got = peer_read(x, bytes, length < sizeof(bytes) ? length : sizeof(bytes));
		if (got <= 0)
			return;
		for (long i = 0; i < got; i++)
			f->taken_is_right &= bytes[i] == pattern(f->taken + (size_t)i);
		f->taken += (size_t)got;
		length -= (size_t)got;
	}
}

static void take_upload(struct peer_exchange *x, struct fixture *f)
{
	char value[64], line[64];

	f->taken = 0;
	f->taken_is_right = true;
	if (peer_header(x, "Content-Length", value, sizeof(value))) {
		take_bytes(x, f, strtoul(value, NULL, 10));
		return;
	}
	if (!peer_header(x, "Transfer-Encoding", value, sizeof(value)) || strcmp(value, "chunked") != 0)
		return;
	while (peer_read_line(x, line, sizeof(line))) {
		size_t length = strtoul(line, NULL, 16);
		take_bytes(x, f, length);
		if (!peer_read_line(x, line, sizeof(line)) || length == 0)
			return;
	}
}

static void write_text(struct peer_exchange *x, const char *text)
{
	peer_write(x, text, strlen(text));
}

static void handle(struct peer_exchange *x, void *context)
{
	struct fixture *f = context;

	if (strcmp(x->target, "/lost-once") == 0 && !f->lost) {
		char begun[16];
		f->lost = true;
		if (x->method[0] == 'P')
			(void)peer_read(x, begun, sizeof(begun));
		peer_reset(x);
	} else if (strcmp(x->target, "/upload") == 0 || (strcmp(x->target, "/lost-once") == 0 && x->method[0] == 'P')) {
		take_upload(x, f);
		peer_answer(x, "200 OK", "Content-Type: application/x-git-receive-pack-result; charset=x\r\n", "unpack ok");
	} else if (strcmp(x->target, "/refuse-early") == 0) {
		peer_answer(x, "403 Forbidden", "Content-Type: text/plain\r\n", "You are not allowed to upload code.");
		peer_wait_closed(x);
	} else if (strcmp(x->target, "/gzip") == 0) {
		peer_answer(x, "200 OK", "Content-Encoding: gzip\r\nContent-Type: application/x-git-upload-pack-result\r\n",
		            "not really gzip");
	} else if (strcmp(x->target, "/redirect") == 0) {
		peer_answer(x, "301 Moved Permanently", "Location: https://elsewhere.example/x\r\nRetry-After: 9\r\n", "");
	} else if (strcmp(x->target, "/silent") == 0) {
		peer_wait_closed(x);
	} else if (strcmp(x->target, "/half") == 0) {
		write_text(x, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
		peer_wait_closed(x);
	} else if (strcmp(x->target, "/cut") == 0) {
		write_text(x, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
		x->close = true;
	} else if (strcmp(x->target, "/interim") == 0) {
		write_text(x, "HTTP/1.1 100 Continue\r\n\r\n");
		peer_answer(x, "200 OK", "", "done");
	} else {
		peer_answer(x, "200 OK", "Content-Type: text/plain\r\n", x->head);
	}
}

static struct fixture *start(const struct http_limits *limits)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct http_client_options options = {.ca_file = "", .user_agent = "git/acp-gitlab-test"};
	struct error err = ERROR_INIT;

	f->peer = http_peer_start(PEER_PLAIN, handle, f);
	f->policy = address_policy_new();
	CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(f->peer));
	assert_true(address_policy_add(f->policy, allowed, &err));
	options.policy = f->policy;
	assert_true(http_streams_new(&options, &f->streams, &err));
	http_streams_set_limits(f->streams, limits);
	return f;
}

static void stop(struct fixture *f)
{
	http_streams_freep(&f->streams);
	address_policy_freep(&f->policy);
	http_peer_stop(f->peer);
	free(f);
}

/* What the caller of a stream sees and does. */
struct seen {
	size_t to_send, sent;
	unsigned heads, pause_ms;
	int status;
	char content_type[64], location[128], retry_after[16], body[4096];
	size_t length;
	bool abort_read, abort_head, abort_body;
};

static bool read_body(void *context, char *buffer, size_t size, size_t *ret_length)
{
	struct seen *s = context;
	size_t length = s->to_send - s->sent < size ? s->to_send - s->sent : size;

	for (size_t i = 0; i < length; i++)
		buffer[i] = pattern(s->sent + i);
	s->sent += length;
	*ret_length = length;
	usleep(s->pause_ms * 1000);
	return !s->abort_read;
}

static bool on_head(void *context, int status, const char *content_type, const char *location, const char *retry_after)
{
	struct seen *s = context;

	s->heads++;
	s->status = status;
	snprintf(s->content_type, sizeof(s->content_type), "%s", content_type);
	snprintf(s->location, sizeof(s->location), "%s", location);
	snprintf(s->retry_after, sizeof(s->retry_after), "%s", retry_after);
	return !s->abort_head;
}

static bool on_body(void *context, const char *bytes, size_t length)
{
	struct seen *s = context;

	assert_int_equal(s->heads, 1);
	assert_true(s->length + length < sizeof(s->body));
	memcpy(s->body + s->length, bytes, length);
	s->length += length;
	usleep(s->pause_ms * 1000);
	return !s->abort_body;
}

static bool run(struct fixture *f, const char *target, struct http_stream_call *call, struct seen *seen)
{
	CLEANUP(freep) char *url = xasprintf("http://127.0.0.1:%u%s", http_peer_port(f->peer), target);

	call->method = call->method ? call->method : "GET";
	call->url = url;
	call->total_ms = call->total_ms ? call->total_ms : TOTAL_MS;
	call->on_head = on_head;
	call->on_body = on_body;
	call->context = seen;
	bool done = http_stream_run(f->streams, call);
	call->url = NULL;
	return done;
}

static void answers_are_given_as_they_are(void **state)
{
	static const struct {
		const char *what, *target;
		int status;
		const char *content_type, *location, *retry_after, *body;
	} rows[] = {
	        {"a compressed body is not unpacked", "/gzip", 200, "application/x-git-upload-pack-result", "", "",
	         "not really gzip"},
	        {"a redirect is not followed", "/redirect", 301, "", "https://elsewhere.example/x", "9", ""},
	        {"an interim head is not the answer's", "/interim", 200, "", "", "", "done"},
	};
	struct fixture *f = start(&patient);
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_stream_call call = {0};
		struct seen seen = {0};
		if (!run(f, rows[i].target, &call, &seen))
			fail_msg("%s: failure %d (%s)", rows[i].what, call.failure, call.failure_text);
		assert_int_equal(call.status, rows[i].status);
		assert_int_equal(seen.heads, 1);
		assert_int_equal(seen.status, rows[i].status);
		assert_string_equal(seen.content_type, rows[i].content_type);
		assert_string_equal(seen.location, rows[i].location);
		assert_string_equal(seen.retry_after, rows[i].retry_after);
		assert_string_equal(seen.body, rows[i].body);
		assert_int_equal(call.bytes_received, strlen(rows[i].body));
	}
	stop(f);
}

static void uploads_arrive_whole(void **state)
{
	static const struct {
		const char *what;
		size_t length;
		bool chunked;
	} rows[] = {
	        {"a known length", 3 * 1024 * 1024 + 1, false},
	        {"chunks, when the length is unknown", 3 * 1024 * 1024 + 7, true},
	        {"a short body in one chunk", 4, true},
	        {"an empty chunked body", 0, true},
	};
	struct fixture *f = start(&patient);
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_stream_header headers[] = {{"Content-Type", "application/x-git-receive-pack-request"}};
		struct http_stream_call call = {.method = "POST",
		                                .headers = headers,
		                                .header_count = 1,
		                                .body_length = rows[i].chunked ? -1 : (int64_t)rows[i].length,
		                                .read_body = read_body};
		struct seen seen = {.to_send = rows[i].length};
		if (!run(f, "/upload", &call, &seen))
			fail_msg("%s: failure %d (%s)", rows[i].what, call.failure, call.failure_text);
		if (f->taken != rows[i].length || !f->taken_is_right)
			fail_msg("%s: %zu bytes arrived", rows[i].what, f->taken);
		assert_string_equal(seen.content_type, "application/x-git-receive-pack-result");
		assert_string_equal(seen.body, "unpack ok");
		assert_true(call.bytes_sent >= rows[i].length);
	}
	assert_int_equal(http_peer_connections(f->peer), 1);
	stop(f);
}

static void answer_before_the_end_of_the_upload_is_delivered(void **state)
{
	struct fixture *f = start(&patient);
	struct http_stream_call call = {.method = "POST", .body_length = -1, .read_body = read_body};
	struct seen seen = {.to_send = (size_t)1 << 30};
	(void)state;

	assert_true(run(f, "/refuse-early", &call, &seen));
	assert_int_equal(call.status, 403);
	assert_string_equal(seen.body, "You are not allowed to upload code.");
	assert_true(seen.sent < seen.to_send);
	stop(f);
}

static void dead_kept_connection_costs_no_byte_of_a_body(void **state)
{
	static const struct {
		const char *what, *method;
		size_t to_send;
		bool done;
		unsigned requests;
	} rows[] = {
	        {"a request without a body is sent again", "GET", 0, true, 3},
	        {"one whose body has begun is not", "POST", 200000, false, 2},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = start(&patient);
		struct http_stream_call before = {0}, call = {.method = rows[i].method};
		struct seen none = {0}, seen = {.to_send = rows[i].to_send};

		if (seen.to_send > 0) {
			call.body_length = -1;
			call.read_body = read_body;
		}
		assert_true(run(f, "/x", &before, &none));
		bool done = run(f, "/lost-once", &call, &seen);
		if (done != rows[i].done || http_peer_requests(f->peer) != rows[i].requests || f->taken > 0)
			fail_msg("%s: done %d, failure %d (%s), %u requests, %zu bytes taken", rows[i].what, done, call.failure,
			         call.failure_text, http_peer_requests(f->peer), f->taken);
		if (!done)
			assert_int_equal(call.failure, HTTP_BROKEN);
		stop(f);
	}
}

static void kept_connection_forgets_credentials_and_headers(void **state)
{
	struct fixture *f = start(&patient);
	struct secret token = SECRET_INIT;
	struct http_stream_header headers[] = {{"Git-Protocol", "version=2"}, {"Accept", "application/x-git"}};
	struct http_stream_call with = {.user = "oauth2", .password = &token, .headers = headers, .header_count = 2}, without = {0};
	struct seen first = {0}, second = {0};
	(void)state;

	secret_set(&token, "glpat-one", 9);
	assert_true(run(f, "/a", &with, &first));
	assert_true(run(f, "/b", &without, &second));
	assert_non_null(strstr(first.body, "Authorization: Basic b2F1dGgyOmdscGF0LW9uZQ==\n"));
	assert_non_null(strstr(first.body, "Git-Protocol: version=2\n"));
	assert_non_null(strstr(first.body, "Accept: application/x-git\n"));
	assert_null(strstr(first.body, "Accept-Encoding"));
	assert_null(strstr(first.body, "Expect"));
	assert_null(strstr(second.body, "Authorization"));
	assert_null(strstr(second.body, "Git-Protocol"));
	assert_int_equal(http_peer_connections(f->peer), 1);
	secret_release(&token);
	stop(f);
}

static void stalled_transfers_are_ended(void **state)
{
	static const char *const targets[] = {"/silent", "/half"};
	struct fixture *f = start(&hasty);
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct http_stream_call call = {0};
		struct seen seen = {0};
		int64_t before_ms = clock_monotonic_ms();
		assert_false(run(f, targets[i], &call, &seen));
		assert_int_equal(call.failure, HTTP_TIMEOUT);
		assert_true(clock_monotonic_ms() - before_ms >= hasty.stall_ms);
	}
	stop(f);
}

static void time_in_callbacks_is_not_a_stall(void **state)
{
	struct fixture *f = start(&hasty);
	struct http_stream_call call = {.method = "POST", .body_length = -1, .read_body = read_body};
	struct seen seen = {.to_send = 10, .pause_ms = 900};
	(void)state;

	if (!run(f, "/upload", &call, &seen))
		fail_msg("failure %d (%s)", call.failure, call.failure_text);
	assert_int_equal(f->taken, 10);
	stop(f);
}

static void total_time_is_limited(void **state)
{
	struct fixture *f = start(&patient);
	struct http_stream_call call = {.total_ms = 150};
	struct seen seen = {0};
	(void)state;

	assert_false(run(f, "/half", &call, &seen));
	assert_int_equal(call.failure, HTTP_TIMEOUT);
	assert_string_equal(seen.body, "half");
	stop(f);
}

static void callbacks_can_stop_the_transfer(void **state)
{
	static const struct {
		const char *what;
		struct seen seen;
		const char *method;
	} rows[] = {
	        {"while reading the upload", {.to_send = 1000000, .abort_read = true}, "POST"},
	        {"at the head", {.abort_head = true}, "GET"},
	        {"in the body", {.abort_body = true}, "GET"},
	};
	struct fixture *f = start(&patient);
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct seen seen = rows[i].seen;
		struct http_stream_call call = {
		        .method = rows[i].method, .body_length = seen.to_send ? -1 : 0, .read_body = read_body};
		if (!run(f, seen.to_send ? "/upload" : "/x", &call, &seen) || !call.aborted)
			fail_msg("%s: failure %d, aborted %d", rows[i].what, call.failure, call.aborted);
	}
	struct http_stream_call call = {0};
	struct seen seen = {0};
	assert_true(run(f, "/x", &call, &seen));
	assert_false(call.aborted);
	stop(f);
}

static void failures_are_told_apart(void **state)
{
	struct fixture *f = start(&patient);
	struct http_stream_call cut = {0}, control = {0};
	struct http_stream_header bad[] = {{"Git-Protocol", "version=2\r\nX-Evil: 1"}};
	struct seen seen = {0}, none = {0};
	(void)state;

	assert_false(run(f, "/cut", &cut, &seen));
	assert_int_equal(cut.failure, HTTP_BROKEN);
	assert_int_equal(cut.status, 200);

	control.headers = bad;
	control.header_count = 1;
	assert_false(run(f, "/x", &control, &none));
	assert_int_equal(control.failure, HTTP_BROKEN);
	assert_int_equal(none.heads, 0);

	struct http_stream_call refused = {.method = "GET", .url = "http://127.0.0.1:1/x", .total_ms = TOTAL_MS};
	assert_false(http_stream_run(f->streams, &refused));
	assert_int_equal(refused.failure, HTTP_REFUSED_BY_POLICY);
	stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(answers_are_given_as_they_are),
	        cmocka_unit_test(uploads_arrive_whole),
	        cmocka_unit_test(answer_before_the_end_of_the_upload_is_delivered),
	        cmocka_unit_test(dead_kept_connection_costs_no_byte_of_a_body),
	        cmocka_unit_test(kept_connection_forgets_credentials_and_headers),
	        cmocka_unit_test(stalled_transfers_are_ended),
	        cmocka_unit_test(time_in_callbacks_is_not_a_stall),
	        cmocka_unit_test(total_time_is_limited),
	        cmocka_unit_test(callbacks_can_stop_the_transfer),
	        cmocka_unit_test(failures_are_told_apart),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
