#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "http_limits.h"
#include "http_peer.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct http_limits patient = {
        .connect_ms = 5000, .headers_ms = 10000, .total_ms = 15000, .stall_ms = 15000, .rest_ms = 0};
static const struct http_limits hasty = {.connect_ms = 300, .headers_ms = 400, .total_ms = 500, .stall_ms = 500, .rest_ms = 0};

/* A proxy, a server that only TLS reaches, and a client whose policy knows the proxy alone. */
struct fixture {
	struct http_peer *proxy, *server;
	struct address_policy *policy;
	struct http_client *client;
	struct http_streams *streams;
	char proxy_text[64], url[64];
	const char *refusal; /* what the proxy answers to CONNECT; NULL: a tunnel */
	bool silent;
	pthread_mutex_t lock;
	char asked[2048], head[16384]; /* what the proxy saw last */
};

struct tunnel {
	struct peer_exchange *exchange;
	int fd;
};

static void *carry_back(void *context)
{
	struct tunnel *t = context;
	char bytes[4096];
	long got;

	while ((got = recv(t->fd, bytes, sizeof(bytes), 0)) > 0 && peer_write(t->exchange, bytes, (size_t)got))
		;
	return NULL;
}

static int dial_server(const struct fixture *f)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)http_peer_port(f->server)),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	require(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	return fd;
}

static void make_tunnel(struct fixture *f, struct peer_exchange *x)
{
	static const char established[] = "HTTP/1.1 200 Connection established\r\nContent-Type: of/the-proxy\r\n\r\n";
	struct tunnel t = {x, dial_server(f)};
	pthread_t back;
	char bytes[4096];
	long got;

	peer_write(x, established, strlen(established));
	require(pthread_create(&back, NULL, carry_back, &t) == 0);
	while ((got = peer_read(x, bytes, sizeof(bytes))) > 0 && send(t.fd, bytes, (size_t)got, MSG_NOSIGNAL) == got)
		;
	shutdown(t.fd, SHUT_RDWR);
	pthread_join(back, NULL);
	close(t.fd);
	x->close = true;
}

static void answer_as_proxy(struct peer_exchange *x, void *context)
{
	struct fixture *f = context;

	pthread_mutex_lock(&f->lock);
	snprintf(f->asked, sizeof(f->asked), "%s %s", x->method, x->target);
	snprintf(f->head, sizeof(f->head), "%s", x->head);
	pthread_mutex_unlock(&f->lock);
	if (f->silent)
		peer_wait_closed(x);
	else if (f->refusal && !*f->refusal)
		x->close = true;
	else if (f->refusal)
		peer_answer(x, f->refusal, "Content-Type: text/html\r\nX-Of: proxy\r\n", "<h1>blocked</h1>");
	else
		make_tunnel(f, x);
}

static void answer_as_server(struct peer_exchange *x, void *context UNUSED)
{
	peer_answer(x, "200 OK", "Content-Type: text/plain\r\n", x->head);
}

static void start_clients(struct fixture *f, const char *ca_file, const struct http_limits *limits)
{
	struct http_client_options options = {.policy = f->policy, .ca_file = ca_file, .user_agent = "test/1"};

	assert_true(http_client_new(&options, &f->client, NULL));
	assert_true(http_streams_new(&options, &f->streams, NULL));
	http_client_set_limits(f->client, limits);
	http_streams_set_limits(f->streams, limits);
}

static struct fixture *start(enum peer_certificate proxy, const struct http_limits *limits)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	pthread_mutex_init(&f->lock, NULL);
	f->server = http_peer_start(PEER_TLS_GOOD, answer_as_server, f);
	f->proxy = http_peer_start(proxy, answer_as_proxy, f);
	snprintf(f->proxy_text, sizeof(f->proxy_text), "%s://127.0.0.1:%u", proxy == PEER_PLAIN ? "http" : "https",
	         http_peer_port(f->proxy));
	snprintf(f->url, sizeof(f->url), "https://127.0.0.1:%u/x", http_peer_port(f->server));
	f->policy = address_policy_new();
	address_policy_add_proxy(f->policy, f->proxy_text, "127.0.0.1", http_peer_port(f->proxy));
	start_clients(f, proxy == PEER_PLAIN ? "" : http_peer_ca_file(f->proxy), limits);
	return f;
}

static void stop(struct fixture *f)
{
	http_client_freep(&f->client);
	http_streams_freep(&f->streams);
	address_policy_freep(&f->policy);
	http_peer_stop(f->proxy);
	http_peer_stop(f->server);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static struct instance_route route_of(const struct fixture *f)
{
	return (struct instance_route){.ca_file = http_peer_ca_file(f->server), .proxy = f->proxy_text};
}

static void run(struct fixture *f, struct http_call *call)
{
	call->method = "GET";
	call->url = call->url ? call->url : f->url;
	http_client_run(f->client, call, 1);
}

static const char *const headers[] = {"X-Ours: yes", NULL};

static void only_the_server_sees_the_request(void **state UNUSED)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	CLEANUP(freep) char *asked = xasprintf("CONNECT 127.0.0.1:%u", http_peer_port(f->server));

	secret_set(&token, "glpat-through-a-proxy", 21);
	struct http_call call = {.bearer = &token, .headers = headers, .request_id = "rid-1", .route = route_of(f)};
	run(f, &call);
	if (call.failure != HTTP_OK)
		fail_msg("failure %d, proxy %d (%s)", call.failure, call.proxy_status, call.failure_text);
	assert_int_equal(call.status, 200);
	assert_string_equal(call.content_type_got, "text/plain");
	assert_non_null(strstr(call.answer.data, "Authorization: Bearer glpat-through-a-proxy"));
	assert_non_null(strstr(call.answer.data, "X-Ours: yes"));
	assert_null(strstr(call.answer.data, "Proxy-"));

	assert_string_equal(f->asked, asked);
	assert_null(strstr(f->head, "glpat"));
	assert_null(strstr(f->head, "Authorization"));
	assert_null(strstr(f->head, "X-Ours"));
	assert_null(strstr(f->head, "rid-1"));
	http_call_release(&call);
	stop(f);
}

static bool on_head(void *context, int status UNUSED, const char *content_type, const char *location UNUSED,
                    const char *retry_after UNUSED)
{
	snprintf(context, 64, "%s", content_type);
	return true;
}

static void streams_go_the_same_way(void **state UNUSED)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	char content_type[64] = "";

	secret_set(&token, "glpat-through-a-proxy", 21);
	for (unsigned i = 0; i < 2; i++) {
		struct http_stream_call call = {.method = "GET",
		                                .url = f->url,
		                                .user = "oauth2",
		                                .password = &token,
		                                .route = route_of(f),
		                                .total_ms = 15000,
		                                .on_head = on_head,
		                                .context = content_type};
		if (!http_stream_run(f->streams, &call))
			fail_msg("failure %d, proxy %d (%s)", call.failure, call.proxy_status, call.failure_text);
		assert_int_equal(call.status, 200);
		assert_string_equal(content_type, "text/plain");
		assert_null(strstr(f->head, "Authorization"));
	}
	/* The tunnel was kept. */
	assert_int_equal(http_peer_connections(f->proxy), 1);
	assert_int_equal(http_peer_requests(f->server), 2);

	f->refusal = "403 Forbidden";
	struct http_stream_call refused = {.method = "GET",
	                                   .url = "https://127.0.0.1:1/x",
	                                   .route = route_of(f),
	                                   .total_ms = 15000,
	                                   .on_head = on_head,
	                                   .context = content_type};
	assert_false(http_stream_run(f->streams, &refused));
	assert_int_equal(refused.failure, HTTP_PROXY);
	assert_int_equal(refused.proxy_status, 403);
	assert_int_equal(refused.status, 0);
	stop(f);
}

static void no_proxy_of_the_environment_has_no_say(void **state UNUSED)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	struct http_call call = {.route = route_of(f)};

	setenv("no_proxy", "127.0.0.1,*", 1);
	setenv("NO_PROXY", "*", 1);
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	run(f, &call);
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
	unsetenv("https_proxy");
	assert_int_equal(call.status, 200);
	assert_int_equal(http_peer_connections(f->proxy), 1);
	http_call_release(&call);
	stop(f);
}

static void what_fails_at_the_proxy_is_told_apart(void **state UNUSED)
{
	static const struct {
		const char *sentence, *refusal;
		bool silent;
		const char *proxy; /* NULL: the one that runs */
		enum http_failure failure;
		int proxy_status;
	} rows[] = {
	        {"the proxy forbids it", "403 Forbidden", false, NULL, HTTP_PROXY, 403},
	        {"the proxy wants credentials", "407 Proxy Authentication Required", false, NULL, HTTP_PROXY, 407},
	        {"the proxy does not reach the server", "502 Bad Gateway", false, NULL, HTTP_PROXY, 502},
	        {"a redirect of the proxy leads nowhere", "302 Found", false, NULL, HTTP_PROXY, 302},
	        {"the proxy hangs up", "", false, NULL, HTTP_PROXY, 0},
	        {"the proxy may be waiting for the server", NULL, true, NULL, HTTP_TIMEOUT, 0},
	        {"there is no proxy", NULL, false, "http://127.0.0.1:1", HTTP_PROXY, 0},
	        {"the proxy has no address", NULL, false, "http://proxy.invalid:3128", HTTP_PROXY, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = start(PEER_PLAIN, rows[i].silent ? &hasty : &patient);
		struct http_call call = {.route = route_of(f)};

		print_message("%s\n", rows[i].sentence);
		address_policy_add_proxy(f->policy, "http://127.0.0.1:1", "127.0.0.1", 1);
		f->refusal = rows[i].refusal;
		f->silent = rows[i].silent;
		if (rows[i].proxy)
			call.route.proxy = rows[i].proxy;
		run(f, &call);
		if (call.failure != rows[i].failure || call.proxy_status != rows[i].proxy_status)
			fail_msg("failure %d, proxy %d (%s)", call.failure, call.proxy_status, call.failure_text);
		assert_int_equal(call.status, 0);
		assert_string_equal(call.content_type_got, "");
		assert_int_equal(call.answer.length, 0);
		assert_int_equal(http_peer_connections(f->server), 0);
		http_call_release(&call);
		stop(f);
	}
}

static void certificates_are_judged_each_by_its_own_list(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		enum peer_certificate proxy;
		bool trusts_proxy, trusts_server;
		enum http_failure failure;
	} rows[] = {
	        {"the server's certificate is verified inside the tunnel", PEER_PLAIN, false, false, HTTP_TLS},
	        {"a proxy of a known CA is asked", PEER_TLS_GOOD, true, true, HTTP_PROXY},
	        {"a proxy of an unknown CA is not", PEER_TLS_GOOD, false, true, HTTP_PROXY},
	        {"nor one with another name", PEER_TLS_WRONG_NAME, true, true, HTTP_PROXY},
	        {"nor one that expired", PEER_TLS_EXPIRED, true, true, HTTP_PROXY},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f = start(rows[i].proxy, &patient);
		struct http_call call = {.route = route_of(f)};
		bool asked = rows[i].trusts_proxy && rows[i].proxy == PEER_TLS_GOOD;

		print_message("%s\n", rows[i].sentence);
		if (!rows[i].trusts_proxy) {
			http_client_freep(&f->client);
			http_streams_freep(&f->streams);
			start_clients(f, "", &patient);
		}
		if (!rows[i].trusts_server)
			call.route.ca_file = NULL;
		f->refusal = rows[i].proxy == PEER_PLAIN ? NULL : "403 Forbidden";
		run(f, &call);
		if (call.failure != rows[i].failure)
			fail_msg("failure %d, proxy %d (%s)", call.failure, call.proxy_status, call.failure_text);
		assert_int_equal(call.proxy_status, asked ? 403 : 0);
		assert_int_equal(http_peer_requests(f->proxy), asked || rows[i].proxy == PEER_PLAIN);
		assert_int_equal(http_peer_requests(f->server), 0);
		assert_string_equal(call.tls_reason, rows[i].failure == HTTP_TLS ? "unknown authority" : "");
		http_call_release(&call);
		stop(f);
	}
}

static void connections_of_different_ways_are_not_shared(void **state UNUSED)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(f->server));
	CLEANUP(freep) char *other_ca = xasprintf("/proc/self/root%s", http_peer_ca_file(f->server));
	struct instance_route through = route_of(f), direct = through, other = through;
	const struct {
		const char *sentence;
		const struct instance_route *route;
		unsigned at_proxy, at_server;
	} rows[] = {
	        {"the first makes a tunnel", &through, 1, 1},          {"the second uses it", &through, 1, 1},
	        {"without a proxy there is no tunnel", &direct, 1, 2}, {"and that connection is kept, too", &direct, 1, 2},
	        {"the tunnel is still there", &through, 1, 2},         {"another CA file is another tunnel", &other, 2, 3},
	};

	direct.proxy = NULL;
	other.ca_file = other_ca;
	assert_true(address_policy_add(f->policy, allowed, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_call call = {.route = *rows[i].route};

		print_message("%s\n", rows[i].sentence);
		run(f, &call);
		assert_int_equal(call.status, 200);
		assert_int_equal(http_peer_connections(f->proxy), rows[i].at_proxy);
		assert_int_equal(http_peer_connections(f->server), rows[i].at_server);
		http_call_release(&call);
	}
	stop(f);
}

static void nothing_else_reaches_or_uses_the_proxy(void **state UNUSED)
{
	struct fixture *f = start(PEER_PLAIN, &patient);
	CLEANUP(freep) char *as_instance = xasprintf("%s/api/v4/user", f->proxy_text);
	CLEANUP(freep) char *without_tls = xasprintf("http://127.0.0.1:%u/x", http_peer_port(f->server));
	struct http_call instance = {.url = as_instance}, plain = {.url = without_tls, .route = route_of(f)};
	struct http_call unlisted = {.route = route_of(f)};

	run(f, &instance);
	assert_int_equal(instance.failure, HTTP_REFUSED_BY_POLICY);
	run(f, &plain);
	assert_int_equal(plain.failure, HTTP_BROKEN);
	CLEANUP(freep) char *other = xasprintf("http://localhost:%u", http_peer_port(f->proxy));
	unlisted.route.proxy = other;
	run(f, &unlisted);
	assert_int_equal(unlisted.failure, HTTP_PROXY);
	assert_int_equal(http_peer_connections(f->proxy), 0);
	assert_int_equal(http_peer_connections(f->server), 0);
	http_call_release(&instance);
	http_call_release(&plain);
	http_call_release(&unlisted);
	stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(only_the_server_sees_the_request),
	        cmocka_unit_test(streams_go_the_same_way),
	        cmocka_unit_test(no_proxy_of_the_environment_has_no_say),
	        cmocka_unit_test(what_fails_at_the_proxy_is_told_apart),
	        cmocka_unit_test(certificates_are_judged_each_by_its_own_list),
	        cmocka_unit_test(connections_of_different_ways_are_not_shared),
	        cmocka_unit_test(nothing_else_reaches_or_uses_the_proxy),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
