#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "alloc.h"
#include "caps.h"
#include "file.h"
#include "http_peer.h"
#include "kube_client.h"
#include "kube_secret_value.h"

#include <string.h>

#define SECRET_OF_OTHERS "everyones-record"
#define SECRETS_OF_TEAM  "/api/v1/namespaces/team/secrets/"

struct fixture {
	char folder[64];
	char token_path[128];
	struct http_peer *peer;
	struct kube_client *client;
	unsigned count; /* requests to this target */
	char accept[128];
};

static void write_token(const struct fixture *f, const char *text)
{
	assert_true(file_write_atomically(f->token_path, text, strlen(text), 0600, NULL));
}

/* A Secret that is called what its answer is. */
static void answer_secret(struct peer_exchange *x, const char *name)
{
	if (strcmp(name, "forbidden") == 0)
		peer_answer(x, "403 Forbidden", "", "{\"kind\":\"Status\",\"reason\":\"Forbidden\"}");
	else if (strcmp(name, "other") == 0)
		peer_answer(x, "200 OK", "", "{\"data\":{\"OTHER\":\"Z2hwXzE=\"}}");
	else if (strcmp(name, "empty") == 0)
		peer_answer(x, "200 OK", "", "{\"data\":{\"GIT_TOKEN\":\"\"}}");
	else if (strcmp(name, "broken") == 0)
		peer_answer(x, "200 OK", "", "{\"data\":{\"GIT_TOKEN\":\"%%%\"}}");
	else if (strcmp(name, "good") == 0)
		peer_answer(x, "200 OK", "", "{\"data\":{\"GIT_TOKEN\":\"Z2hwXzE=\"}}");
	else if (strcmp(name, "failing") == 0)
		peer_answer(x, "500 Internal Server Error", "", "{\"message\":\"" SECRET_OF_OTHERS "\"}");
	else
		peer_answer(x, "404 Not Found", "", "{\"kind\":\"Status\",\"reason\":\"NotFound\"}");
}

static void handle(struct peer_exchange *x, void *context)
{
	struct fixture *f = context;
	char authorization[256] = "", body[4096];

	peer_read_body(x, body, sizeof(body));
	f->count++;
	peer_header(x, "Authorization", authorization, sizeof(authorization));
	peer_header(x, "Accept", f->accept, sizeof(f->accept));
	if (strcmp(x->target, "/token") == 0) {
		bool known = strcmp(authorization, "Bearer second") == 0;
		peer_answer(x, known ? "200 OK" : "401 Unauthorized", "",
		            known ? "{}" : "{\"kind\":\"Status\",\"reason\":\"Unauthorized\"}");
	} else if (strcmp(x->target, "/busy") == 0) {
		peer_answer(x, f->count < 3 ? "429 Too Many Requests" : "200 OK", "Retry-After: 0\r\n", "{}");
	} else if (strcmp(x->target, "/busy-for-long") == 0) {
		peer_answer(x, "429 Too Many Requests", "Retry-After: 3600\r\n", "{}");
	} else if (strcmp(x->target, "/500") == 0) {
		peer_answer(x, "500 Internal Server Error", "", "{}");
	} else if (strcmp(x->target, "/html") == 0) {
		peer_answer(x, "200 OK", "", "<html>");
	} else if (strcmp(x->target, "/cut") == 0) {
		static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":";
		peer_write(x, head, sizeof(head) - 1);
		x->close = true;
	} else if (strcmp(x->target, "/echo") == 0) {
		peer_answer(x, "422 Unprocessable Entity", "",
		            "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"message\":\"Invalid value: " SECRET_OF_OTHERS "\"}");
	} else if (strncmp(x->target, SECRETS_OF_TEAM, strlen(SECRETS_OF_TEAM)) == 0) {
		answer_secret(x, x->target + strlen(SECRETS_OF_TEAM));
	} else {
		peer_answer(x, "404 Not Found", "", "{\"kind\":\"Status\",\"reason\":\"NotFound\"}");
	}
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	CLEANUP(kube_config_release) struct kube_config config = KUBE_CONFIG_INIT;
	struct error err = ERROR_INIT;

	snprintf(f->folder, sizeof(f->folder), "/tmp/test_kube_client.XXXXXX");
	require(mkdtemp(f->folder) != NULL);
	snprintf(f->token_path, sizeof(f->token_path), "%s/token", f->folder);
	write_token(f, "first\n");
	f->peer = http_peer_start(PEER_TLS_GOOD, handle, f);
	config.server = xasprintf("https://127.0.0.1:%u", http_peer_port(f->peer));
	config.host = xstrdup("127.0.0.1");
	config.port = http_peer_port(f->peer);
	config.ca_file = xstrdup(http_peer_ca_file(f->peer));
	config.token_file = xstrdup(f->token_path);
	require(kube_client_new(&config, "acp-gitlab-test/1", &f->client, &err));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	kube_client_freep(&f->client);
	http_peer_stop(f->peer);
	remove(f->token_path);
	remove(f->folder);
	free(f);
	return 0;
}

static bool get(struct fixture *f, const char *path, bool confidential, struct kube_call *ret, struct error *err)
{
	*ret = (struct kube_call){.method = "GET", .path = path, .confidential = confidential};
	f->count = 0;
	return kube_call_run(f->client, ret, err);
}

static void a_refused_token_is_read_again_and_the_call_made_once_more(void **state)
{
	struct fixture *f = *state;
	struct kube_call call;
	struct error err = ERROR_INIT;

	assert_false(get(f, "/token", false, &call, &err));
	assert_int_equal(err.code, ERR_KUBERNETES_UNAVAILABLE);
	assert_int_equal(f->count, 1); /* the file holds what was refused */
	write_token(f, "second");
	err = (struct error)ERROR_INIT;
	assert_true(get(f, "/token", false, &call, &err));
	assert_int_equal(f->count, 2);
	assert_int_equal(call.status, 200);
	assert_int_equal(err.code, ERR_NONE);
	kube_call_release(&call);
}

static void a_server_that_says_when_is_asked_again_three_times_in_all(void **state)
{
	struct fixture *f = *state;
	struct kube_call call;
	struct error err = ERROR_INIT;

	assert_true(get(f, "/busy", false, &call, &err));
	assert_int_equal(f->count, 3);
	assert_int_equal(call.status, 200);
	kube_call_release(&call);
}

static void what_cannot_be_used_fails_after_one_try(void **state)
{
	static const char *const rows[] = {"/500", "/html", "/busy-for-long"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kube_call call;
		struct error err = ERROR_INIT;

		assert_false(get(f, rows[i], false, &call, &err));
		assert_int_equal(err.code, ERR_KUBERNETES_UNAVAILABLE);
		assert_int_equal(f->count, 1);
		assert_null(call.answer);
	}
}

static void what_was_cut_off_is_sent_again_where_that_does_no_harm(void **state)
{
	static const struct {
		const char *method;
		bool repeatable;
		unsigned tries;
	} rows[] = {{"GET", false, 3}, {"PATCH", true, 3}, {"PATCH", false, 1}, {"POST", false, 1}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kube_call call = {.method = rows[i].method, .path = "/cut", .repeatable = rows[i].repeatable};
		struct error err = ERROR_INIT;

		f->count = 0;
		assert_false(kube_call_run(f->client, &call, &err));
		assert_int_equal(err.code, ERR_KUBERNETES_UNAVAILABLE);
		assert_int_equal(call.tries, rows[i].tries);
	}
}

static void words_about_something_confidential_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct kube_call call;
	struct error err = ERROR_INIT;

	assert_true(get(f, "/echo", false, &call, &err));
	assert_non_null(strstr(call.message, SECRET_OF_OTHERS));
	kube_call_release(&call);
	assert_true(get(f, "/echo", true, &call, &err));
	assert_string_equal(call.reason, "Invalid");
	assert_string_equal(call.message, "");
	assert_null(call.answer);
	assert_false(kube_call_refused(&call, "store it", &err));
	assert_null(strstr(err.detail, SECRET_OF_OTHERS));
	kube_call_release(&call);
}

static void metadata_alone_can_be_asked_for(void **state)
{
	struct fixture *f = *state;
	struct kube_call call = {.method = "GET", .path = "/nothing", .form = KUBE_METADATA};
	struct error err = ERROR_INIT;

	assert_true(kube_call_run(f->client, &call, &err));
	assert_int_equal(call.status, 404);
	assert_string_equal(call.reason, "NotFound");
	assert_non_null(strstr(f->accept, "as=PartialObjectMetadata"));
	kube_call_release(&call);
}

static void a_server_that_is_gone_is_unavailable(void **state)
{
	struct fixture *f = *state;
	CLEANUP(kube_config_release) struct kube_config config = KUBE_CONFIG_INIT;
	struct kube_client *client = NULL;
	struct kube_call call = {.method = "GET", .path = "/"};
	struct error err = ERROR_INIT;

	/* Port 1 of loopback: nobody listens there. */
	config.server = xstrdup("https://127.0.0.1:1");
	config.host = xstrdup("127.0.0.1");
	config.port = 1;
	config.ca_file = xstrdup(http_peer_ca_file(f->peer));
	secret_set(&config.token, "t", 1);
	assert_true(kube_client_new(&config, "acp-gitlab-test/1", &client, &err));
	assert_false(kube_call_run(client, &call, &err));
	assert_int_equal(err.code, ERR_KUBERNETES_UNAVAILABLE);
	assert_int_equal(call.tries, 3);
	kube_client_freep(&client);
}

static void copy_file(const char *from, const char *to)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_CA_BUNDLE);

	assert_true(file_read(from, &text, NULL));
	assert_true(file_write_atomically(to, text.data, text.length, 0600, NULL));
}

static bool answers(struct kube_client *client, bool must_answer)
{
	struct kube_call call = {.method = "GET", .path = "/nothing"};
	struct error err = ERROR_INIT;
	bool ok = kube_call_run(client, &call, &err);

	if (ok)
		kube_call_release(&call);
	else if (must_answer)
		fail_msg("%s (%s)", err.message, err.detail);
	return ok;
}

/* Certificates are kept in a file in memory, so a process that may write no files cannot take new ones up. */
static bool answers_without_files(struct kube_client *client)
{
	struct rlimit usual, none;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
	none = (struct rlimit){0, usual.rlim_max};
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	bool ok = answers(client, false);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
	(void)signal(SIGXFSZ, before);
	return ok;
}

static void a_replaced_ca_is_taken_up_even_if_it_could_not_be_at_first(void **state)
{
	enum { CA_LOOK_MS = 5 * 1000, MARGIN_MS = 200 };
	struct fixture *f = *state, other = {0};
	struct http_peer *stranger = http_peer_start(PEER_TLS_GOOD, handle, &other);
	CLEANUP(kube_config_release) struct kube_config config = KUBE_CONFIG_INIT;
	struct kube_client *client = NULL;

	config.server = xasprintf("https://127.0.0.1:%u", http_peer_port(f->peer));
	config.host = xstrdup("127.0.0.1");
	config.port = http_peer_port(f->peer);
	config.ca_file = xasprintf("%s/ca.pem", f->folder);
	secret_set(&config.token, "t", 1);
	copy_file(http_peer_ca_file(stranger), config.ca_file);
	assert_true(kube_client_new(&config, "acp-gitlab-test/1", &client, NULL));
	assert_false(answers(client, false));
	copy_file(http_peer_ca_file(f->peer), config.ca_file);
	poll(NULL, 0, CA_LOOK_MS + MARGIN_MS);
	assert_false(answers_without_files(client));
	assert_true(answers(client, true));
	kube_client_freep(&client);
	http_peer_stop(stranger);
	remove(config.ca_file);
}

static void a_value_of_a_secret_is_there_or_not_or_nobody_knows(void **state)
{
	static const struct {
		const char *name;
		const char *value;
		enum kube_value what;
		enum error_code code;
	} rows[] = {
	        {"good", "ghp_1", KUBE_VALUE_FOUND, ERR_NONE},
	        {"absent", "", KUBE_VALUE_NO_SECRET, ERR_NONE},
	        {"forbidden", "", KUBE_VALUE_FORBIDDEN, ERR_NONE},
	        {"other", "", KUBE_VALUE_NO_KEY, ERR_NONE},
	        {"empty", "", KUBE_VALUE_NO_KEY, ERR_NONE},
	        {"broken", "", KUBE_VALUE_NO_KEY, ERR_NONE},
	        {"failing", "", KUBE_VALUE_NO_KEY, ERR_KUBERNETES_UNAVAILABLE},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(secret_release) struct secret value = SECRET_INIT;
		struct error err = ERROR_INIT;
		enum kube_value what = KUBE_VALUE_FOUND;

		print_message("  %s\n", rows[i].name);
		secret_set(&value, "before", 6);
		assert_int_equal(kube_secret_value(f->client, "team", rows[i].name, "GIT_TOKEN", &value, &what, &err),
		                 rows[i].code == ERR_NONE);
		assert_int_equal(err.code, rows[i].code);
		assert_null(strstr(err.message, SECRET_OF_OTHERS));
		assert_null(strstr(err.detail, SECRET_OF_OTHERS));
		if (rows[i].code == ERR_NONE)
			assert_int_equal(what, rows[i].what);
		assert_string_equal(secret_bytes(&value), rows[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_refused_token_is_read_again_and_the_call_made_once_more, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_server_that_says_when_is_asked_again_three_times_in_all, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_cannot_be_used_fails_after_one_try, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_was_cut_off_is_sent_again_where_that_does_no_harm, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(words_about_something_confidential_are_dropped, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(metadata_alone_can_be_asked_for, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_value_of_a_secret_is_there_or_not_or_nobody_knows, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_server_that_is_gone_is_unavailable, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_replaced_ca_is_taken_up_even_if_it_could_not_be_at_first, set_up, tear_down),
	};

	if (!secret_library_init())
		return 1;
	json_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
