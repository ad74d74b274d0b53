#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "routes.h"

static void expect(const struct metrics *metrics, const char *line, bool there)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4 * 1024 * 1024);

	metrics_write(metrics, "status", &text);
	assert_true(strbuf_ok(&text));
	if ((strstr(text.data, line) != NULL) != there)
		fail_msg("%s: %s\n%s", there ? "missing" : "there", line, text.data);
}

static void requests_are_counted_by_route_and_status(void **state)
{
	CLEANUP(metrics_freep) struct metrics *metrics = metrics_new();

	(void)state;
	assert_string_equal(routes[0].pattern, "/api/auth/gitlab/connect");
	metrics_request(metrics, 0, 200, 1500);
	metrics_request(metrics, 0, 200, 2000000);
	metrics_request(metrics, 0, 418, 10);
	metrics_request(metrics, -1, 404, 10);
	expect(metrics, "http_requests_total{pool=\"status\",method=\"POST\",route=\"/api/auth/gitlab/connect\",code=\"200\"} 2\n",
	       true);
	expect(metrics, "route=\"/api/auth/gitlab/connect\",code=\"other\"} 1\n", true);
	expect(metrics, "http_requests_total{pool=\"status\",method=\"\",route=\"\",code=\"404\"} 1\n", true);
	expect(metrics, "route=\"/api/auth/gitlab/connect\",le=\"0.001\"} 1\n", true);
	expect(metrics, "route=\"/api/auth/gitlab/connect\",le=\"0.0025\"} 2\n", true);
	expect(metrics, "route=\"/api/auth/gitlab/connect\",le=\"2.5\"} 3\n", true);
	expect(metrics, "route=\"/api/auth/gitlab/connect\",le=\"+Inf\"} 3\n", true);
	expect(metrics,
	       "http_request_duration_seconds_sum{pool=\"status\",method=\"POST\",route=\"/api/auth/gitlab/connect\"} 2.001510\n",
	       true);
	expect(metrics, "/api/auth/gitlab/status", false);
}

static void a_worker_that_dies_leaves_its_counts(void **state)
{
	CLEANUP(metrics_freep) struct metrics *metrics = metrics_new();

	(void)state;
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			struct http_call call = {.url = "https://gitlab.com/api/v4/user", .status = 200, .elapsed_us = 1000};

			for (int n = 0; n < 1000; n++) {
				metrics_request(metrics, 0, 200, 10);
				metrics_upstream(metrics, NULL, &call);
			}
			_exit(0);
		}
		assert_true(pid > 0);
	}
	for (int i = 0; i < 4; i++)
		assert_true(wait(NULL) > 0);
	expect(metrics, "route=\"/api/auth/gitlab/connect\",code=\"200\"} 4000\n", true);
	expect(metrics, "upstream_requests_total{pool=\"status\",instance=\"gitlab.com\",outcome=\"ok\"} 4000\n", true);
}

static void hosts_that_nobody_listed_are_one_series(void **state)
{
	CLEANUP(metrics_freep) struct metrics *metrics = metrics_new();
	struct instance_entry entry = {.url = {.host = (char[]){"git.corp"}}};
	const struct instances instances = {.items = &entry, .count = 1};
	char url[80];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct http_call call = {.url = url, .failure = HTTP_UNRESOLVABLE};

		(void)snprintf(url, sizeof(url), "https://evil-%d.example/api/v4/user", i);
		metrics_upstream(metrics, &instances, &call);
	}
	metrics_upstream(metrics, &instances, &(struct http_call){.url = "https://git.corp:8443/api/v4/user", .status = 429});
	metrics_upstream(metrics, &instances, &(struct http_call){.url = "https://git.corp/api/v4/user", .status = 503});
	metrics_upstream(metrics, &instances, &(struct http_call){.url = "https://git.corp/api/v4/user", .status = 401});
	expect(metrics, "instance=\"other\",outcome=\"unreachable\"} 1000\n", true);
	expect(metrics, "evil-", false);
	expect(metrics, "instance=\"git.corp\",outcome=\"rate_limited\"} 1\n", true);
	expect(metrics, "instance=\"git.corp\",outcome=\"error\"} 1\n", true);
	expect(metrics, "instance=\"git.corp\",outcome=\"refused\"} 1\n", true);
}

static void git_transfers_are_counted_with_their_bytes(void **state)
{
	CLEANUP(metrics_freep) struct metrics *metrics = metrics_new();

	(void)state;
	metrics_git(metrics, METRICS_FETCH, true, 100, 5000);
	metrics_git(metrics, METRICS_PUSH, false, 7, 8);
	expect(metrics, "git_transfers_total{pool=\"status\",kind=\"fetch\",outcome=\"whole\"} 1\n", true);
	expect(metrics, "git_transfers_total{pool=\"status\",kind=\"push\",outcome=\"broken\"} 1\n", true);
	expect(metrics, "git_bytes_total{pool=\"status\",kind=\"fetch\",direction=\"from_instance\"} 5000\n", true);
}

static void without_metrics_nothing_is_counted(void **state)
{
	(void)state;
	metrics_request(NULL, 0, 200, 1);
	metrics_upstream(NULL, NULL, &(struct http_call){.url = "x"});
	metrics_git(NULL, METRICS_FETCH, true, 1, 1);
	expect(NULL, "acp_gitlab_build_info{pool=\"status\",version=\"", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(requests_are_counted_by_route_and_status),
	        cmocka_unit_test(a_worker_that_dies_leaves_its_counts),
	        cmocka_unit_test(hosts_that_nobody_listed_are_one_series),
	        cmocka_unit_test(git_transfers_are_counted_with_their_bytes),
	        cmocka_unit_test(without_metrics_nothing_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
