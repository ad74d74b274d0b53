#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "http_limits.h"
#include "http_peer.h"
#include <pthread.h>

/* Long enough for a busy machine where nothing is waited for, short where a limit is to be reached. */
static const struct http_limits patient = {.connect_ms = 5000, .headers_ms = 10000, .total_ms = 15000, .rest_ms = 30000};
static const struct http_limits hasty = {.connect_ms = 2000, .headers_ms = 150, .total_ms = 400, .rest_ms = 30000};

struct fixture {
	struct http_peer *peer;
	struct address_policy *policy;
	struct http_client *client;
	pthread_barrier_t meeting; /* of two requests */
	char target_elsewhere[256];
};

static void repeat(struct peer_exchange *x, const char *text, unsigned times)
{
	while (times-- > 0 && peer_write(x, text, strlen(text)))
		;
}

static void write_text(struct peer_exchange *x, const char *text)
{
	peer_write(x, text, strlen(text));
}

/* Tells in the body what arrived: method, header lines, body of Content-Length bytes. */
static void echo(struct peer_exchange *x)
{
	char value[32], body[1024] = "";
	long length = peer_header(x, "Content-Length", value, sizeof(value)) ? strtol(value, NULL, 10) : 0;

	for (long got = 0; got < length && got < (long)sizeof(body) - 1;)
		got += peer_read(x, body + got, (size_t)(length - got));
	CLEANUP(freep) char *text = xasprintf("%s %s\n%s\n%s", x->method, x->target, x->head, body);
	peer_answer(x, "200 OK", "Content-Type: text/plain\r\n", text);
}

static void handle(struct peer_exchange *x, void *context)
{
	struct fixture *f = context;
	const char *target = x->target;

	if (strcmp(target, "/fields") == 0) {
		peer_answer(
		        x, "429 Too Many Requests",
		        "Content-Type: Application/JSON; charset=utf-8\r\nRetry-After: 17\r\nRateLimit-Reset: 1790000000\r\n"
		        "RateLimit-Name: throttle_api\r\nServer: nginx\r\nX-Request-Id: 01ABC\r\nX-Gitlab-Meta: {}\r\nCF-Ray: 1\r\n"
		        "X-Next-Page: 2\r\nLocation: https://elsewhere.example/\r\n",
		        "{}");
	} else if (strcmp(target, "/redirect") == 0) {
		CLEANUP(freep) char *location = xasprintf("Location: %s\r\n", f->target_elsewhere);
		peer_answer(x, "302 Found", location, "");
	} else if (strcmp(target, "/large") == 0) {
		CLEANUP(freep) char *body = xmalloc(5001);
		memset(body, 'x', 5000);
		body[5000] = '\0';
		peer_answer(x, "200 OK", "", body);
	} else if (strcmp(target, "/large-chunked") == 0) {
		write_text(x, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		repeat(x, "10\r\n0123456789abcdef\r\n", 100000);
		x->close = true;
	} else if (strcmp(target, "/header-flood") == 0) {
		write_text(x, "HTTP/1.1 200 OK\r\n");
		repeat(x, "X-More: 0123456789012345678901234567890123456789\r\n", 100000);
		x->close = true;
	} else if (strcmp(target, "/continue-flood") == 0) {
		repeat(x, "HTTP/1.1 103 Early Hints\r\n\r\n", 100000);
		x->close = true;
	} else if (strcmp(target, "/silent") == 0) {
		peer_wait_closed(x);
	} else if (strcmp(target, "/half-head") == 0) {
		write_text(x, "HTTP/1.1 200 OK\r\nContent-Le");
		peer_wait_closed(x);
	} else if (strcmp(target, "/half-body") == 0) {
		write_text(x, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
		peer_wait_closed(x);
	} else if (strcmp(target, "/cut") == 0) {
		write_text(x, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
		x->close = true;
	} else if (strcmp(target, "/no-answer") == 0) {
		x->close = true;
	} else if (strcmp(target, "/garbage") == 0) {
		write_text(x, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
		x->close = true;
	} else if (strcmp(target, "/500") == 0) {
		peer_answer(x, "500 Internal Server Error", "", "");
	} else if (strcmp(target, "/500-of-gitlab") == 0) {
		peer_answer(x, "500 Internal Server Error", "X-Gitlab-Meta: {}\r\n", "");
	} else if (strcmp(target, "/meet") == 0) {
		pthread_barrier_wait(&f->meeting);
		peer_answer(x, "200 OK", "", "met");
	} else {
		echo(x);
	}
}

static void start_client(struct fixture *f, const char *allowed, const char *ca_file, const struct http_limits *limits)
{
	struct http_client_options options = {.ca_file = ca_file, .user_agent = "acp-gitlab-test/1"};
	struct error err = ERROR_INIT;

	f->policy = address_policy_new();
	if (allowed)
		assert_true(address_policy_add(f->policy, allowed, &err));
	options.policy = f->policy;
	assert_true(http_client_new(&options, &f->client, &err));
	http_client_set_limits(f->client, limits);
}

static struct fixture *start(enum peer_certificate certificate, const struct http_limits *limits)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	pthread_barrier_init(&f->meeting, NULL, 2);
	f->peer = http_peer_start(certificate, handle, f);
	CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(f->peer));
	start_client(f, allowed, certificate == PEER_PLAIN ? "" : http_peer_ca_file(f->peer), limits);
	return f;
}

static void stop(struct fixture *f)
{
	http_client_freep(&f->client);
	address_policy_freep(&f->policy);
	http_peer_stop(f->peer);
	pthread_barrier_destroy(&f->meeting);
	free(f);
}

static const char *url_of(const struct fixture *f, const char *scheme, const char *host, const char *target, char to[256])
{
	snprintf(to, 256, "%s://%s:%u%s", scheme, host, http_peer_port(f->peer), target);
	return to;
}

static void get(struct fixture *f, const char *target, struct http_call *call)
{
	char url[256];

	call->method = call->method ? call->method : "GET";
	call->url = url_of(f, "http", "127.0.0.1", target, url);
	http_client_run(f->client, call, 1);
	call->url = NULL;
}

static void request_carries_what_was_given_and_nothing_else(void **state)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	struct secret token = SECRET_INIT;
	(void)state;

	secret_set(&token, "glpat-one", 9);
	struct http_call call = {.bearer = &token, .request_id = "rid-1"};
	get(f, "/x%2Fy/../z", &call);
	assert_int_equal(call.status, 200);
	assert_non_null(strstr(call.answer.data, "GET /x%2Fy/../z\n"));
	assert_non_null(strstr(call.answer.data, "Authorization: Bearer glpat-one\n"));
	assert_non_null(strstr(call.answer.data, "X-Request-Id: rid-1\n"));
	assert_non_null(strstr(call.answer.data, "User-Agent: acp-gitlab-test/1\n"));
	assert_null(strstr(call.answer.data, "Accept-Encoding"));
	assert_null(strstr(call.answer.data, "Cookie"));
	http_call_release(&call);

	struct http_call basic = {.basic_user = "oauth2", .basic_password = &token};
	get(f, "/basic", &basic);
	assert_non_null(strstr(basic.answer.data, "Authorization: Basic b2F1dGgyOmdscGF0LW9uZQ==\n"));
	http_call_release(&basic);

	struct http_call post = {.method = "POST", .body = "{\"a\":1}", .body_length = 7, .content_type = "application/json"};
	get(f, "/post", &post);
	assert_non_null(strstr(post.answer.data, "POST /post\n"));
	assert_non_null(strstr(post.answer.data, "Content-Type: application/json\n"));
	assert_non_null(strstr(post.answer.data, "\n{\"a\":1}"));
	assert_null(strstr(post.answer.data, "Expect"));
	assert_null(strstr(post.answer.data, "Authorization"));
	http_call_release(&post);
	secret_release(&token);
	stop(f);
}

static void kept_connection_never_keeps_a_credential(void **state)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	struct secret token = SECRET_INIT;
	(void)state;

	secret_set(&token, "glpat-one", 9);
	struct http_call with = {.bearer = &token}, without = {0};
	get(f, "/a", &with);
	get(f, "/b", &without);
	assert_non_null(strstr(with.answer.data, "Authorization"));
	assert_null(strstr(without.answer.data, "Authorization"));
	assert_int_equal(http_peer_connections(f->peer), 1);
	assert_int_equal(http_peer_requests(f->peer), 2);
	http_call_release(&with);
	http_call_release(&without);
	secret_release(&token);
	stop(f);
}

static void credential_with_line_break_is_not_sent(void **state)
{
	static const char *const values[] = {"glpat\r\nX-Evil: 1", "glpat\nx", ""};
	struct fixture *f = start(PEER_PLAIN, &patient);
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct secret token = SECRET_INIT;
		secret_set(&token, values[i], strlen(values[i]));
		struct http_call call = {.bearer = &token};
		get(f, "/x", &call);
		assert_int_equal(call.failure, HTTP_BROKEN);
		http_call_release(&call);
		secret_release(&token);
	}
	assert_int_equal(http_peer_connections(f->peer), 0);
	stop(f);
}

static void unusable_addresses_are_refused(void **state)
{
	static const struct {
		const char *what, *url;
	} rows[] = {
	        {"another protocol", "file:///etc/passwd"},           {"ftp", "ftp://127.0.0.1/x"},
	        {"user info", "http://user:password@127.0.0.1/x"},    {"no scheme", "127.0.0.1/x"},
	        {"a line break", "http://127.0.0.1/x\r\nHost: evil"},
	};
	struct fixture *f = start(PEER_PLAIN, &patient);
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_call call = {.method = "GET", .url = rows[i].url};
		http_client_run(f->client, &call, 1);
		if (call.failure != HTTP_BROKEN)
			fail_msg("%s: failure %d", rows[i].what, call.failure);
		http_call_release(&call);
	}
	stop(f);
}

static void answer_headers_are_read(void **state)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	struct http_call call = {0};
	(void)state;

	get(f, "/fields", &call);
	assert_int_equal(call.failure, HTTP_OK);
	assert_int_equal(call.status, 429);
	assert_string_equal(call.content_type_got, "application/json");
	assert_string_equal(call.retry_after, "17");
	assert_string_equal(call.ratelimit_reset, "1790000000");
	assert_string_equal(call.ratelimit_name, "throttle_api");
	assert_string_equal(call.server, "nginx");
	assert_string_equal(call.request_id_got, "01ABC");
	assert_string_equal(call.next_page, "2");
	assert_string_equal(call.location, "https://elsewhere.example/");
	assert_true(call.gitlab_meta);
	assert_true(call.cf_ray);
	assert_true(call.elapsed_us > 0);
	http_call_release(&call);
	stop(f);
}

static void limits_are_kept(void **state)
{
	static const struct {
		const char *what, *target;
		size_t max_body;
		bool stop_at_max;
		enum http_failure failure;
		size_t length;
	} rows[] = {
	        {"a body of exactly the cap is taken", "/large", 5000, false, HTTP_OK, 5000},
	        {"one byte more is too large", "/large", 4999, false, HTTP_TOO_LARGE, 0},
	        {"a chunked body is counted too", "/large-chunked", 1000, false, HTTP_TOO_LARGE, 0},
	        {"a probe stops at its cap and succeeds", "/large-chunked", 1024, true, HTTP_OK, 1024},
	        {"a probe takes a shorter body whole", "/large", 6000, true, HTTP_OK, 5000},
	        {"headers are counted", "/header-flood", 0, false, HTTP_TOO_LARGE, 0},
	        {"interim answers are counted", "/continue-flood", 0, false, HTTP_TOO_LARGE, 0},
	        {"a body that ends early is no answer", "/cut", 0, false, HTTP_BROKEN, 0},
	        {"a closed connection is no answer", "/no-answer", 0, false, HTTP_BROKEN, 0},
	        {"another protocol is no answer", "/garbage", 0, false, HTTP_BROKEN, 0},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = start(PEER_PLAIN, &patient);
		struct http_call call = {.max_body = rows[i].max_body, .stop_at_max = rows[i].stop_at_max};
		get(f, rows[i].target, &call);
		if (call.failure != rows[i].failure)
			fail_msg("%s: failure %d (%s)", rows[i].what, call.failure, call.failure_text);
		if (call.failure == HTTP_OK && (call.answer.length != rows[i].length || call.status != 200))
			fail_msg("%s: status %d, %zu bytes", rows[i].what, call.status, call.answer.length);
		if (call.failure != HTTP_OK && call.status != 0)
			fail_msg("%s: a status with a failure", rows[i].what);
		http_call_release(&call);
		stop(f);
	}
}

static void slow_servers_are_left_in_time(void **state)
{
	/* libcurl counts in whole milliseconds: it may be one early. */
	static const struct {
		const char *what, *target;
		int64_t at_least_us;
	} rows[] = {
	        {"no answer: the header limit", "/silent", 149000},
	        {"half a head: the header limit", "/half-head", 149000},
	        {"half a body: the total limit", "/half-body", 399000},
	};
	struct fixture *f = start(PEER_PLAIN, &hasty);
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_call call = {0};
		get(f, rows[i].target, &call);
		if (call.failure != HTTP_TIMEOUT || call.elapsed_us < rows[i].at_least_us)
			fail_msg("%s: failure %d after %lld us", rows[i].what, call.failure, (long long)call.elapsed_us);
		http_call_release(&call);
	}
	stop(f);
}

static void redirects_are_reported_and_not_followed(void **state)
{
	struct fixture *f = start(PEER_PLAIN, &patient), *other = start(PEER_PLAIN, &patient);
	struct secret token = SECRET_INIT;
	(void)state;

	secret_set(&token, "glpat-one", 9);
	url_of(other, "http", "127.0.0.1", "/stolen", f->target_elsewhere);
	struct http_call call = {.bearer = &token};
	get(f, "/redirect", &call);
	assert_int_equal(call.status, 302);
	assert_string_equal(call.location, f->target_elsewhere);
	assert_int_equal(http_peer_connections(other->peer), 0);
	http_call_release(&call);
	secret_release(&token);
	stop(f);
	stop(other);
}

static void addresses_are_checked_when_dialled(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"};
	struct fixture *f = start(PEER_PLAIN, &patient);
	(void)state;

	http_client_freep(&f->client);
	address_policy_freep(&f->policy);
	start_client(f, NULL, "", &patient);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		char url[256];
		struct http_call call = {.method = "GET", .url = url_of(f, "http", hosts[i], "/x", url)};
		http_client_run(f->client, &call, 1);
		if (call.failure != HTTP_REFUSED_BY_POLICY)
			fail_msg("%s: failure %d (%s)", hosts[i], call.failure, call.failure_text);
		http_call_release(&call);
	}
	assert_int_equal(http_peer_connections(f->peer), 0);
	stop(f);
}

static void proxy_of_the_environment_is_ignored(void **state)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	struct http_call call = {0};
	(void)state;

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	get(f, "/x", &call);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	assert_int_equal(call.status, 200);
	http_call_release(&call);
	stop(f);
}

static void missing_servers_are_told_apart(void **state)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	char url[256];
	(void)state;

	struct http_call unresolvable = {.method = "GET", .url = "http://name.invalid/"};
	http_client_run(f->client, &unresolvable, 1);
	assert_int_equal(unresolvable.failure, HTTP_UNRESOLVABLE);
	http_call_release(&unresolvable);

	url_of(f, "http", "127.0.0.1", "/x", url);
	http_peer_stop(f->peer);
	struct http_call unreachable = {.method = "GET", .url = url};
	http_client_run(f->client, &unreachable, 1);
	assert_int_equal(unreachable.failure, HTTP_UNREACHABLE);
	http_call_release(&unreachable);
	f->peer = http_peer_start(PEER_PLAIN, handle, f);
	stop(f);
}

static void calls_of_a_batch_run_in_parallel(void **state)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	char url[256];
	(void)state;

	url_of(f, "http", "127.0.0.1", "/meet", url);
	struct http_call calls[] = {{.method = "GET", .url = url}, {.method = "GET", .url = url}};
	http_client_run(f->client, calls, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(calls[i].answer.data, "met");
		http_call_release(&calls[i]);
	}
	stop(f);
}

static void *call_many_times(void *context)
{
	struct fixture *f = context;

	for (int i = 0; i < 25; i++) {
		struct http_call call = {0};
		get(f, "/x", &call);
		if (call.status != 200)
			return context;
		http_call_release(&call);
	}
	return NULL;
}

static void threads_share_a_client(void **state)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	pthread_t threads[8];
	void *failed;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_many_times, f), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(http_peer_requests(f->peer), 200);
	assert_true(http_peer_connections(f->peer) <= 16);
	stop(f);
}

static void failing_origin_rests_and_others_do_not(void **state)
{
	struct fixture *f = start(PEER_PLAIN, &patient), *other = start(PEER_PLAIN, &patient);
	(void)state;

	for (int i = 0; i < 5; i++) {
		struct http_call call = {0};
		get(f, "/500", &call);
		assert_int_equal(call.status, 500);
		http_call_release(&call);
	}
	struct http_call resting = {0}, fine = {0};
	get(f, "/x", &resting);
	assert_int_equal(resting.failure, HTTP_RESTING);
	assert_int_equal(http_peer_requests(f->peer), 5);
	get(other, "/x", &fine);
	assert_int_equal(fine.status, 200);
	http_call_release(&resting);
	http_call_release(&fine);
	stop(f);
	stop(other);
}

static void errors_of_gitlab_itself_rest_no_origin(void **state)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	(void)state;

	for (int i = 0; i < 20; i++) {
		struct http_call call = {0};
		get(f, "/500-of-gitlab", &call);
		assert_int_equal(call.status, 500);
		http_call_release(&call);
	}
	stop(f);
}

static void tls_is_verified(void **state)
{
	static const struct {
		const char *what;
		enum peer_certificate certificate;
		bool with_ca;
		enum http_failure failure;
		const char *reason;
	} rows[] = {
	        {"a certificate of the given CA is accepted", PEER_TLS_GOOD, true, HTTP_OK, ""},
	        {"an unknown CA is refused", PEER_TLS_GOOD, false, HTTP_TLS, "unknown authority"},
	        {"another name is refused", PEER_TLS_WRONG_NAME, true, HTTP_TLS, "made for another name"},
	        {"an expired certificate is refused", PEER_TLS_EXPIRED, true, HTTP_TLS, "expired"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = start(rows[i].certificate, &patient);
		CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(f->peer));
		char url[256];
		if (!rows[i].with_ca) {
			http_client_freep(&f->client);
			address_policy_freep(&f->policy);
			start_client(f, allowed, "", &patient);
		}
		struct http_call call = {.method = "GET", .url = url_of(f, "https", "127.0.0.1", "/x", url)};
		http_client_run(f->client, &call, 1);
		if (call.failure != rows[i].failure || strcmp(call.tls_reason, rows[i].reason) != 0)
			fail_msg("%s: failure %d, reason '%s' (%s)", rows[i].what, call.failure, call.tls_reason,
			         call.failure_text);
		if (call.failure == HTTP_TLS)
			assert_string_equal(call.tls_issuer, PEER_CA_NAME);
		assert_int_equal(http_peer_requests(f->peer), call.failure == HTTP_OK ? 1 : 0);
		http_call_release(&call);
		stop(f);
	}
}

static void call_may_bring_its_own_ca(void **state)
{
	struct fixture *f = start(PEER_TLS_GOOD, &patient);
	CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(f->peer));
	char url[256];
	(void)state;

	http_client_freep(&f->client);
	address_policy_freep(&f->policy);
	start_client(f, allowed, "", &patient);
	url_of(f, "https", "127.0.0.1", "/x", url);
	struct http_call with = {.method = "GET", .url = url, .route = {.ca_file = http_peer_ca_file(f->peer)}};
	struct http_call without = {.method = "GET", .url = url};
	http_client_run(f->client, &with, 1);
	assert_int_equal(with.status, 200);
	/* The connection that the first call kept was verified by another list. */
	http_client_run(f->client, &without, 1);
	assert_int_equal(without.failure, HTTP_TLS);
	http_call_release(&with);
	http_call_release(&without);
	stop(f);
}

static void ca_file_without_certificate_is_a_configuration_error(void **state)
{
	static const char *const paths[] = {"/nonexistent/ca.pem", "/dev/null", "/etc/hostname"};
	struct address_policy *policy = address_policy_new();
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct http_client_options options = {.policy = policy, .ca_file = paths[i], .user_agent = "x"};
		struct http_client *client = NULL;
		struct error err = ERROR_INIT;
		assert_false(http_client_new(&options, &client, &err));
		assert_int_equal(err.code, ERR_CONFIG_INVALID);
		assert_null(client);
	}
	address_policy_freep(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(request_carries_what_was_given_and_nothing_else),
	        cmocka_unit_test(kept_connection_never_keeps_a_credential),
	        cmocka_unit_test(credential_with_line_break_is_not_sent),
	        cmocka_unit_test(unusable_addresses_are_refused),
	        cmocka_unit_test(answer_headers_are_read),
	        cmocka_unit_test(limits_are_kept),
	        cmocka_unit_test(slow_servers_are_left_in_time),
	        cmocka_unit_test(redirects_are_reported_and_not_followed),
	        cmocka_unit_test(addresses_are_checked_when_dialled),
	        cmocka_unit_test(proxy_of_the_environment_is_ignored),
	        cmocka_unit_test(missing_servers_are_told_apart),
	        cmocka_unit_test(calls_of_a_batch_run_in_parallel),
	        cmocka_unit_test(threads_share_a_client),
	        cmocka_unit_test(failing_origin_rests_and_others_do_not),
	        cmocka_unit_test(errors_of_gitlab_itself_rest_no_origin),
	        cmocka_unit_test(tls_is_verified),
	        cmocka_unit_test(call_may_bring_its_own_ca),
	        cmocka_unit_test(ca_file_without_certificate_is_a_configuration_error),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
