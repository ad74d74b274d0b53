/*
 * parse — how many repository addresses a second one core reads, over a mix of what people paste.
 *
 *   parse [--json]
 *
 * Three figures, each the median of several rounds: accepted addresses; refused ones whose caller wants no message; refused ones
 * with the message and the remedy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "repo_url.h"

enum { ROUNDS = 9, ADDRESSES_A_ROUND = 400000 };

static const char *const accepted[] = {
        "https://gitlab.com/gitlab-org/gitlab.git",
        "https://gitlab.com/gitlab-org/gitlab",
        "https://gitlab.company.com/platform/backend/services/billing.git",
        "https://gitlab.company.com:8443/platform/backend/services/billing",
        "https://GitLab.Company.COM/Platform/Backend/",
        "https://oauth2:not-a-real-token@gitlab.com/group/project.git",
        "https://git@gitlab.com/group/project.git",
        "http://10.0.0.5:8080/root/project.git",
        "https://[fd00::1]:8443/group/project.git",
        "https://example.com/apps/gitlab/group/project.git",
        "https://gitlab.com/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/project.git",
        "git@gitlab.com:group/project.git",
        "git@gitlab.company.com:platform/backend/services/billing.git",
        "gitlab.company.com:group/project.git/",
        "[git@gitlab.company.com:2222]:group/project.git",
        "git@[fe80::dcad:beff:fe00:1]:group/project.git",
        "ssh://git@gitlab.com/group/project.git",
        "ssh://git@gitlab.company.com:2222/group/sub/project.git",
        "git+ssh://git@gitlab.com/group/project.git",
        "git://gitlab.com/group/project.git",
        "https://gitlab.com/group/sub/project/-/tree/feature/login-page",
        "https://gitlab.com/group/project/-/blob/main/docs/README.md?ref_type=heads#installation",
        "https://gitlab.com/group/project/-/blob/fix%231234/src/main.c#L10-20",
        "https://gitlab.com/group/project/-/merge_requests/1234/diffs?commit_id=80948e8cc8f0",
        "https://gitlab.com/group/project/-/issues/77",
        "https://gitlab.example.com/group/project/tree/master/lib",
        "https://gitlab.com/group/project.git#release-1.2",
        "https://github.com/torvalds/linux",
        "https://github.com/octocat/hello-world/tree/main/src",
        "https://github.com/octocat/hello-world/pull/3/files",
        "git@github.com:octocat/hello-world.git",
        " https://gitlab.com/group/project.git?ref=v1.0\n",
};

static const char *const refused[] = {
        "gitlab.com/group/project",
        "group/project",
        "https://gitlab.com/",
        "https://gitlab.com/users/sign_in",
        "https://gitlab.com/group/../project",
        "https://gitlab.com:0/group/project",
        "ftp://gitlab.com/group/project.git",
        "https://gitläb.example/group/project",
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of this process: what else runs on the machine is not counted. */
static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Reads the list over and over; exits where an address is not judged as its list says. */
static double one_round(const char *const *addresses, size_t count, bool accept, struct error *err)
{
	double started = cpu_seconds();

	for (size_t i = 0; i < ADDRESSES_A_ROUND; i++) {
		struct repo_url url = REPO_URL_INIT;
		const char *address = addresses[i % count];
		if (repo_url_parse(address, &url, err) != accept) {
			fprintf(stderr, "parse: %s is %s\n", address, accept ? "refused" : "accepted");
			exit(1);
		}
		repo_url_release(&url);
	}
	return ADDRESSES_A_ROUND / (cpu_seconds() - started);
}

static double median_rate(const char *const *addresses, size_t count, bool accept, struct error *err)
{
	double rates[ROUNDS];

	one_round(addresses, count, accept, err); /* warm up */
	for (size_t i = 0; i < ROUNDS; i++)
		rates[i] = one_round(addresses, count, accept, err);
	qsort(rates, ROUNDS, sizeof(rates[0]), by_value);
	return rates[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	double good = median_rate(accepted, ARRAY_SIZE(accepted), true, &err);
	double bad = median_rate(refused, ARRAY_SIZE(refused), false, NULL);
	double told = median_rate(refused, ARRAY_SIZE(refused), false, &err);

	if (argc > 1 && strcmp(argv[1], "--json") == 0)
		printf("{\"accepted\": %.0f, \"refused\": %.0f, \"refused_with_message\": %.0f}\n", good, bad, told);
	else
		printf("addresses a second, medians of %d rounds: %.0f accepted, %.0f refused, %.0f refused with a message\n",
		       ROUNDS, good, bad, told);
	return 0;
}
