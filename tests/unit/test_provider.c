#include "provider.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	const char *host;
	enum provider provider;
} hosts[] = {
        {"gitlab.com", PROVIDER_GITLAB},
        {"github.com", PROVIDER_GITHUB},
        {"gitlab.company.com", PROVIDER_GITLAB},
        {"gitlab-ce.x.org", PROVIDER_GITLAB},
        {"gitlab2.x.org", PROVIDER_GITLAB},
        {"code.gitlab.corp", PROVIDER_GITLAB},
        {"gitlab", PROVIDER_GITLAB},
        {"www.gitlab.com", PROVIDER_GITLAB},
        {"github.company.com", PROVIDER_GITHUB},
        {"github-enterprise.x.org", PROVIDER_GITHUB},
        {"gitlab.github.corp", PROVIDER_GITLAB}, /* the first label that says anything */
        {"notgitlab.evil.com", PROVIDER_UNKNOWN},
        {"mygitlab.com", PROVIDER_UNKNOWN},
        {"my-gitlab.com", PROVIDER_UNKNOWN},
        {"gitlabs.com", PROVIDER_UNKNOWN},
        {"githubusercontent.com", PROVIDER_UNKNOWN},
        {"git.myorg.io", PROVIDER_UNKNOWN},
        {"bitbucket.org", PROVIDER_UNKNOWN},
        {"10.0.0.5", PROVIDER_UNKNOWN},
        {"fd00::1", PROVIDER_UNKNOWN},
        {"", PROVIDER_UNKNOWN},
};

static void host_tells_the_provider_by_whole_labels_or_their_start(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		print_message("%s\n", hosts[i].host);
		assert_int_equal(provider_of_host(hosts[i].host), hosts[i].provider);
	}
}

static void names_are_read_as_they_are_written(void **state)
{
	enum provider provider = PROVIDER_UNKNOWN;

	(void)state;
	assert_true(provider_parse("gitlab", &provider));
	assert_int_equal(provider, PROVIDER_GITLAB);
	assert_string_equal(provider_name(provider), "gitlab");
	assert_true(provider_parse("github", &provider));
	assert_string_equal(provider_name(provider), "github");
	assert_string_equal(provider_name(PROVIDER_UNKNOWN), "unknown");
	assert_false(provider_parse("unknown", &provider));
	assert_false(provider_parse("GitLab", &provider));
	assert_false(provider_parse("", &provider));
	assert_false(provider_parse(NULL, &provider));
	assert_int_equal(provider, PROVIDER_GITHUB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(host_tells_the_provider_by_whole_labels_or_their_start),
	        cmocka_unit_test(names_are_read_as_they_are_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
