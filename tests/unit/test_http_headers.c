#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "http_limits.h"
#include "http_peer.h"

struct fixture {
	struct http_peer *peer;
	struct address_policy *policy;
	struct http_client *client;
	char url[64];
};

/* Some targets are answered with odd headers; all others are told what they sent. */
static void handle(struct peer_exchange *x, void *context)
{
	(void)context;
	if (strcmp(x->target, "/some") == 0) {
		peer_answer(x, "200 OK", "X-OAuth-Scopes: repo, user\r\nX-Empty:\r\n", "{}");
	} else if (strcmp(x->target, "/twice") == 0) {
		peer_answer(x, "200 OK", "x-oauth-scopes: first\r\nX-OAUTH-SCOPES: second\r\n", "{}");
	} else if (strcmp(x->target, "/long") == 0) {
		CLEANUP(freep) char *line = xasprintf("X-OAuth-Scopes: %0*d\r\n", 4000, 7);
		peer_answer(x, "200 OK", line, "{}");
	} else if (strcmp(x->target, "/early") == 0) {
		static const char early[] = "HTTP/1.1 103 Early Hints\r\nX-OAuth-Scopes: early\r\n\r\n";
		peer_write(x, early, strlen(early));
		peer_answer(x, "200 OK", "", "{}");
	} else if (strcmp(x->target, "/cut") == 0) {
		static const char cut[] = "HTTP/1.1 200 OK\r\nX-OAuth-Scopes: repo\r\nContent-Length: 9\r\n\r\nhalf";
		peer_write(x, cut, strlen(cut));
		x->close = true;
	} else if (strcmp(x->target, "/silent") == 0) {
		peer_wait_closed(x);
	} else {
		peer_answer(x, "200 OK", "Content-Type: text/plain\r\n", x->head);
	}
}

static int start(void **state)
{
	static const struct http_limits limits = {.connect_ms = 5000, .headers_ms = 10000, .total_ms = 15000, .rest_ms = 30000};
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct http_client_options options = {.ca_file = "", .user_agent = "acp-gitlab-test/1"};

	f->peer = http_peer_start(PEER_PLAIN, handle, f);
	CLEANUP(freep) char *allowed = xasprintf("127.0.0.1:%u", http_peer_port(f->peer));
	options.policy = f->policy = address_policy_new();
	assert_true(address_policy_add(f->policy, allowed, NULL));
	assert_true(http_client_new(&options, &f->client, NULL));
	http_client_set_limits(f->client, &limits);
	*state = f;
	return 0;
}

static int stop(void **state)
{
	struct fixture *f = *state;

	http_client_freep(&f->client);
	address_policy_freep(&f->policy);
	http_peer_stop(f->peer);
	free(f);
	return 0;
}

static void get(struct fixture *f, const char *target, struct http_call *call)
{
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u%s", http_peer_port(f->peer), target);
	call->method = "GET";
	call->url = f->url;
	http_client_run(f->client, call, 1);
}

static void json_is_asked_for_unless_the_caller_wants_something_else(void **state)
{
	struct http_call usual = {0}, other = {.accept = "application/vnd.github+json"};

	get(*state, "/x", &usual);
	get(*state, "/x", &other);
	assert_non_null(strstr(usual.answer.data, "Accept: application/json\n"));
	assert_non_null(strstr(other.answer.data, "Accept: application/vnd.github+json\n"));
	assert_null(strstr(other.answer.data, "Accept: application/json"));
	http_call_release(&usual);
	http_call_release(&other);
}

static void headers_of_the_caller_are_sent_as_they_are(void **state)
{
	static const char *const headers[] = {"X-GitHub-Api-Version: 2022-11-28", "If-None-Match: \"a:b\"", NULL};
	struct http_call call = {.headers = headers};

	get(*state, "/x", &call);
	assert_int_equal(call.status, 200);
	assert_non_null(strstr(call.answer.data, "X-GitHub-Api-Version: 2022-11-28\n"));
	assert_non_null(strstr(call.answer.data, "If-None-Match: \"a:b\"\n"));
	http_call_release(&call);
}

static void headers_that_are_none_fail_the_call(void **state)
{
	static const struct {
		const char *what, *accept;
		const char *const headers[3];
	} rows[] = {
	        {"a line break would begin a header of its own", NULL, {"X-A: 1\r\nX-Evil: 2"}},
	        {"a bare line feed too", NULL, {"X-A: 1\nX-Evil: 2"}},
	        {"and one that ends it", NULL, {"X-A: 1\r"}},
	        {"one bad among good ones is enough", NULL, {"X-A: 1", "X-B: \x01"}},
	        {"a line break in Accept", "text/plain\r\nX-Evil: 2", {NULL}},
	        {"no colon", NULL, {"X-A 1"}},
	        {"no value: libcurl would leave the header out", NULL, {"Host:"}},
	        {"no name", NULL, {": 1"}},
	        {"a name with a blank", NULL, {"X A: 1"}},
	        {"libcurl's way to send an empty header", NULL, {"X-A;"}},
	        {"a credential has its own way", NULL, {"authorization: Bearer glpat-x"}},
	        {"GitLab's own header for one", NULL, {"PRIVATE-TOKEN: glpat-x"}},
	        {"a cookie is one too", NULL, {"Cookie: a=b"}},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_call call = {.headers = rows[i].headers, .accept = rows[i].accept};
		get(f, "/x", &call);
		if (call.failure != HTTP_BROKEN)
			fail_msg("%s: failure %d", rows[i].what, call.failure);
		http_call_release(&call);
	}
	assert_int_equal(http_peer_connections(f->peer), 0);
}

static void wanted_headers_of_the_answer_are_given(void **state)
{
	static const struct {
		const char *what, *target;
		bool present;
		const char *value;
	} rows[] = {
	        {"whatever its case", "/some", true, "repo, user"},
	        {"of a repeated header the last", "/twice", true, "second"},
	        {"one that is not there is absent, whatever was there before", "/none", false, ""},
	        {"an interim answer's is not the answer's", "/early", false, ""},
	        {"a call that failed has none", "/cut", false, ""},
	};

	struct http_header_wanted wanted[] = {{.name = "x-oauth-scopes"}, {.name = "x-empty"}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_call call = {.wanted = wanted, .wanted_count = ARRAY_SIZE(wanted)};
		get(*state, rows[i].target, &call);
		if (wanted[0].present != rows[i].present || strcmp(wanted[0].value, rows[i].value) != 0)
			fail_msg("%s: %d '%s'", rows[i].what, wanted[0].present, wanted[0].value);
		assert_int_equal(wanted[1].present, i == 0);
		assert_string_equal(wanted[1].value, "");
		http_call_release(&call);
	}
}

static void wanted_header_is_cut_to_its_place(void **state)
{
	struct http_header_wanted wanted = {.name = "x-oauth-scopes"};
	struct http_call call = {.wanted = &wanted, .wanted_count = 1};

	get(*state, "/long", &call);
	assert_true(wanted.present);
	assert_int_equal(strlen(wanted.value), sizeof(wanted.value) - 1);
	http_call_release(&call);
}

static void call_in_a_hurry_ends_earlier_than_the_rest(void **state)
{
	struct http_call hasty = {.total_ms = 100};

	get(*state, "/silent", &hasty);
	assert_int_equal(hasty.failure, HTTP_TIMEOUT);
	/* libcurl counts in whole milliseconds: it may be one early. */
	assert_true(hasty.elapsed_us >= 99000 && hasty.elapsed_us < 5000000);
	http_call_release(&hasty);
}

static void impatience_of_callers_rests_no_origin(void **state)
{
	for (int i = 0; i < 6; i++) {
		struct http_call hasty = {.total_ms = 10};
		get(*state, "/silent", &hasty);
		assert_int_equal(hasty.failure, HTTP_TIMEOUT);
		http_call_release(&hasty);
	}
}

static void call_gets_no_more_time_than_the_others(void **state)
{
	struct fixture *f = *state;
	static const struct http_limits limits = {.connect_ms = 100, .headers_ms = 100, .total_ms = 100, .rest_ms = 30000};
	struct http_call patient = {.total_ms = 60000};

	http_client_set_limits(f->client, &limits);
	get(f, "/silent", &patient);
	assert_int_equal(patient.failure, HTTP_TIMEOUT);
	assert_true(patient.elapsed_us < 5000000);
	http_call_release(&patient);
}

static void origin_that_asked_for_it_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct http_call before = {0}, resting = {0}, unusable = {0};

	get(f, "/x", &before);
	assert_int_equal(before.status, 200);
	http_client_rest(f->client, f->url, 900);
	http_client_rest(f->client, f->url, 5);
	http_client_rest(f->client, "not an address", 900);
	get(f, "/y", &resting);
	assert_int_equal(resting.failure, HTTP_RESTING);
	assert_int_equal(resting.status, 0);
	assert_true(resting.rest_asked);
	assert_true(resting.rest_s > 890 && resting.rest_s <= 900);
	assert_int_equal(http_peer_requests(f->peer), 1);
	/* Another origin is another matter. */
	unusable.method = "GET";
	unusable.url = "http://127.0.0.1:1/x";
	http_client_run(f->client, &unusable, 1);
	assert_int_equal(unusable.failure, HTTP_REFUSED_BY_POLICY);
	http_call_release(&before);
	http_call_release(&resting);
	http_call_release(&unusable);
}

static void whoever_goes_another_way_can_ask_whether_an_origin_rests(void **state)
{
	struct fixture *f = *state;
	unsigned seconds = 0;
	bool asked = false;

	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/", http_peer_port(f->peer));
	assert_false(http_client_is_resting(f->client, f->url, &seconds, &asked));
	http_client_rest(f->client, f->url, 900);
	assert_true(http_client_is_resting(f->client, f->url, &seconds, &asked));
	assert_true(seconds > 890 && seconds <= 900);
	assert_true(asked);
	assert_false(http_client_is_resting(f->client, "http://127.0.0.1:1/x", &seconds, &asked));
	assert_false(http_client_is_resting(f->client, "not an address", &seconds, &asked));
	assert_int_equal(http_peer_requests(f->peer), 0);
}

static void origin_is_asked_again_after_its_rest(void **state)
{
	struct fixture *f = *state;
	struct http_call call = {0};

	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/", http_peer_port(f->peer));
	http_client_rest(f->client, f->url, 0);
	get(f, "/x", &call);
	assert_int_equal(call.status, 200);
	http_call_release(&call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(json_is_asked_for_unless_the_caller_wants_something_else, start, stop),
	        cmocka_unit_test_setup_teardown(headers_of_the_caller_are_sent_as_they_are, start, stop),
	        cmocka_unit_test_setup_teardown(headers_that_are_none_fail_the_call, start, stop),
	        cmocka_unit_test_setup_teardown(wanted_headers_of_the_answer_are_given, start, stop),
	        cmocka_unit_test_setup_teardown(wanted_header_is_cut_to_its_place, start, stop),
	        cmocka_unit_test_setup_teardown(call_in_a_hurry_ends_earlier_than_the_rest, start, stop),
	        cmocka_unit_test_setup_teardown(impatience_of_callers_rests_no_origin, start, stop),
	        cmocka_unit_test_setup_teardown(call_gets_no_more_time_than_the_others, start, stop),
	        cmocka_unit_test_setup_teardown(origin_that_asked_for_it_is_left_alone, start, stop),
	        cmocka_unit_test_setup_teardown(whoever_goes_another_way_can_ask_whether_an_origin_rests, start, stop),
	        cmocka_unit_test_setup_teardown(origin_is_asked_again_after_its_rest, start, stop),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
