#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "gitlab_fixture.h"

static void push_probe_reads_only_the_beginning(void **state)
{
	static char advertisement[100000];
	static const struct reply replies[] = {
	        {"/gitlab/g/p.git/info/refs?service=git-receive-pack", "200 OK",
	         "Content-Type: application/x-git-receive-pack-advertisement\r\n", advertisement},
	        {"/gitlab/g/no.git/info/refs?service=git-receive-pack", "403 Forbidden", "Content-Type: text/plain\r\n",
	         "You are not allowed to push code to this project."},
	        {NULL},
	};
	struct error err = ERROR_INIT;
	(void)state;

	memset(advertisement, 'x', sizeof(advertisement) - 1);
	struct fixture *f = start(replies);
	CLEANUP(freep) char *yes = xasprintf("%s/g/p.git", f->instance.text), *no = xasprintf("%s/g/no.git", f->instance.text);
	char path[] = "g/no";
	struct forge_project open = {.clone_url = yes, .path = path}, closed = {.clone_url = no, .path = path};
	if (!gitlab_git_probe(&f->access, &open, GIT_RECEIVE_PACK, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_false(gitlab_git_probe(&f->access, &closed, GIT_RECEIVE_PACK, &err));
	assert_int_equal(err.code, ERR_REPO_NO_PUSH);
	stop(f);
}

static void account_is_asked_for_with_two_requests(void **state)
{
	static const struct reply replies[] = {
	        {API "/user", OK, "{\"id\":7,\"username\":\"john\",\"name\":\"John\"}"},
	        {API "/personal_access_tokens/self", OK, "{\"active\":true,\"name\":\"t\",\"scopes\":[\"api\"]}"},
	        {NULL},
	};
	struct fixture *f = start(replies);
	struct forge_account account = FORGE_ACCOUNT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	if (!gitlab_account_get(&f->access, &account, &err))
		fail_msg("%s (%s)", err.message, err.detail);
	assert_string_equal(account.id, "7");
	assert_string_equal(account.scopes, "api");
	assert_int_equal(http_peer_requests(f->peer), 2);
	forge_account_release(&account);
	stop(f);
}

static bool answer_never(struct peer_exchange *exchange)
{
	peer_wait_closed(exchange);
	return true;
}

static void what_is_asked_late_gets_a_second(void **state)
{
	struct fixture *f = start(NULL);
	struct forge_account account = FORGE_ACCOUNT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	assert_int_equal(api_time_left_ms(&f->access), 0);
	f->access.until_ms = clock_monotonic_ms() + 3600 * 1000;
	assert_int_equal(api_time_left_ms(&f->access), 0);
	f->access.until_ms = clock_monotonic_ms() + 5000;
	assert_in_range(api_time_left_ms(&f->access), 1000, 5000);
	f->access.until_ms = 1;
	assert_int_equal(api_time_left_ms(&f->access), 1000);
	f->answer = answer_never;
	assert_false(gitlab_account_get(&f->access, &account, &err));
	assert_int_equal(err.code, ERR_INSTANCE_TIMEOUT);
	stop(f);
}

/* What a request meets while its origin rests; 0: it does not rest. */
static unsigned rest_of(struct fixture *f, const char *path)
{
	CLEANUP(freep) char *url = xasprintf("%s%s", f->instance.text, path);
	CLEANUP(http_call_release) struct http_call call = {.method = "GET", .url = url, .bearer = &f->token};

	http_client_run(f->access.client, &call, 1);
	assert_int_equal(call.failure == HTTP_RESTING, call.rest_s > 0);
	return call.rest_s;
}

static void ban_is_believed_only_in_its_own_words(void **state)
{
	static const struct {
		const char *what, *status, *headers, *body;
		unsigned at_least_s, at_most_s;
	} rows[] = {
	        {"GitLab's words", "403 Forbidden", "Content-Type: text/plain\r\n",
	         "Too many failed authentication attempts from this IP\n", 3590, 3600},
	        {"as JSON", "403 Forbidden", JSON_TYPE,
	         "{\"message\":\"403 Forbidden - Too many failed authentication attempts from this IP.\"}", 3590, 3600},
	        {"with a time", "403 Forbidden", "Content-Type: text/plain\r\nRetry-After: 120\r\n",
	         "Too many failed authentication attempts from this IP", 110, 120},
	        {"with a time that is too long to be meant", "403 Forbidden", "Content-Type: text/plain\r\nRetry-After: 999999\r\n",
	         "Too many failed authentication attempts from this IP", 3590, 3600},
	        {"an empty 403 may be about one account", "403 Forbidden", "Content-Type: text/plain\r\nRetry-After: 120\r\n", "",
	         0, 0},
	        {"so may a bare word", "403 Forbidden", "Content-Type: text/plain\r\n", "Forbidden\n", 0, 0},
	        {"the words inside another sentence", "403 Forbidden", JSON_TYPE,
	         "{\"message\":\"Group 'Too many failed authentication attempts from this IP' needs SSO\"}", 0, 0},
	        {"the words with more behind them", "403 Forbidden", "Content-Type: text/plain\r\n",
	         "Too many failed authentication attempts from this IPv6 group", 0, 0},
	        {"the words with another status", "404 Not Found", "Content-Type: text/plain\r\n",
	         "Too many failed authentication attempts from this IP", 0, 0},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct reply replies[] = {
		        {API "/projects/81", rows[i].status, rows[i].headers, rows[i].body},
		        {API "/other", OK, "{}"},
		        {NULL},
		};
		struct fixture *f = start(replies);
		struct forge_project project = FORGE_PROJECT_INIT;
		struct error err = ERROR_INIT;
		assert_false(gitlab_project_get(&f->access, NULL, 81, NULL, &project, &err));
		if (rows[i].at_least_s)
			assert_int_equal(err.code, ERR_IP_BANNED);
		unsigned left = rest_of(f, "/api/v4/other");
		if (left < rows[i].at_least_s || left > rows[i].at_most_s)
			fail_msg("%s: rests %u s", rows[i].what, left);
		assert_int_equal(http_peer_requests(f->peer), left ? 1 : 2);
		stop(f);
	}
}

static void ban_of_a_git_answer_is_told_with_its_time(void **state)
{
	static const char ban[] = "Too many failed authentication attempts from this IP";
	static const struct {
		const char *what;
		int status;
		const char *body, *retry_after, *host;
		unsigned seconds; /* 0: no ban */
	} rows[] = {
	        {"GitLab.com's own", 403, ban, NULL, "gitlab.com", 900},
	        {"another GitLab's", 403, ban, "", "gitlab.corp", 3600},
	        {"with a time", 403, ban, "120", "gitlab.corp", 120},
	        {"with a time that is too long to be meant", 403, ban, "999999", "gitlab.corp", 3600},
	        {"an empty 403 may be about one account", 403, "", "120", "gitlab.corp", 0},
	        {"so may a bare word", 403, "Forbidden\n", NULL, "gitlab.corp", 0},
	        {"another status", 401, ban, NULL, "gitlab.corp", 0},
	        {"more than the sentence", 403, "Too many failed authentication attempts from this IPv6 group", NULL, "gitlab.corp",
	         0},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned seconds = 0;
		bool banned = gitlab_git_ban(rows[i].status, rows[i].body, strlen(rows[i].body), rows[i].retry_after, rows[i].host,
		                             &seconds);
		if (banned != (rows[i].seconds > 0) || seconds != rows[i].seconds)
			fail_msg("%s: %u s", rows[i].what, seconds);
	}
}

static void ban_of_git_stops_the_api_too(void **state)
{
	static const struct reply replies[] = {
	        {"/gitlab/g/p.git/info/refs?service=git-receive-pack", "403 Forbidden", "Content-Type: text/plain\r\n",
	         "Too many failed authentication attempts from this IP"},
	        {NULL},
	};
	struct fixture *f = start(replies);
	CLEANUP(freep) char *clone_url = xasprintf("%s/g/p.git", f->instance.text);
	char path[] = "g/p";
	const struct forge_project project = {.id = 81, .clone_url = clone_url, .path = path};
	struct forge_account account = FORGE_ACCOUNT_INIT;
	struct error err = ERROR_INIT;
	(void)state;

	assert_false(gitlab_git_probe(&f->access, &project, GIT_RECEIVE_PACK, &err));
	assert_int_equal(err.code, ERR_IP_BANNED);
	assert_false(gitlab_account_get(&f->access, &account, &err));
	assert_int_equal(err.code, ERR_INSTANCE_RESTING);
	assert_true(err.retry_after_s > 3590);
	assert_non_null(strstr(err.message, "blocks this server for a while; it is not asked again for 60 minutes."));
	assert_int_equal(http_peer_requests(f->peer), 1);
	stop(f);
}

static void address_that_is_too_long_is_never_sent_shorter(void **state)
{
	struct fixture *f = start(NULL);
	CLEANUP(freep) char *endless = xmalloc(20001);
	struct api_call call;
	struct error err = ERROR_INIT;
	(void)state;

	memset(endless, '/', 20000);
	endless[20000] = '\0';
	CLEANUP(freep) char *segment = api_segment(endless);
	assert_int_equal(strlen(segment), 60000);
	api_call_init(&call, &f->access, "/projects/%s", segment);
	gitlab_run(&call, 1, &f->access);
	assert_int_equal(call.http.failure, HTTP_BROKEN);
	assert_false(gitlab_classify(&call.http, "gitlab.corp", &err));
	assert_int_equal(http_peer_requests(f->peer), 0);
	api_call_release(&call);
	stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(push_probe_reads_only_the_beginning),
	        cmocka_unit_test(account_is_asked_for_with_two_requests),
	        cmocka_unit_test(what_is_asked_late_gets_a_second),
	        cmocka_unit_test(ban_is_believed_only_in_its_own_words),
	        cmocka_unit_test(ban_of_a_git_answer_is_told_with_its_time),
	        cmocka_unit_test(ban_of_git_stops_the_api_too),
	        cmocka_unit_test(address_that_is_too_long_is_never_sent_shorter),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
