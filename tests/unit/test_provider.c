#include "provider.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	const char *sentence;
	const char *host;
	enum provider provider;
} hosts[] = {
        {"the server of GitLab", "gitlab.com", PROVIDER_GITLAB},
        {"the server of GitHub", "github.com", PROVIDER_GITHUB},
        {"a company's GitLab", "gitlab.company.com", PROVIDER_GITLAB},
        {"a name that goes on after a hyphen", "gitlab-ce.x.org", PROVIDER_GITLAB},
        {"after an underscore", "gitlab_ce.x.org", PROVIDER_GITLAB},
        {"a numbered one", "gitlab2.x.org", PROVIDER_GITLAB},
        {"a label in the middle", "code.gitlab.corp", PROVIDER_GITLAB},
        {"a host without a domain", "gitlab", PROVIDER_GITLAB},
        {"a name in front", "www.gitlab.com", PROVIDER_GITLAB},
        {"a company's GitHub", "github.company.com", PROVIDER_GITHUB},
        {"a GitHub that goes on after a hyphen", "github-enterprise.x.org", PROVIDER_GITHUB},
        {"the first label that says anything counts", "gitlab.github.corp", PROVIDER_GITLAB},
        {"also where the domain is of the other", "github.gitlab.io", PROVIDER_GITHUB},
        {"somebody else's host may call itself so: a guess decides no more than the words of a report", "gitlab.com.evil.example",
         PROVIDER_GITLAB},
        {"the word inside a label", "notgitlab.evil.com", PROVIDER_UNKNOWN},
        {"the word at the end of a label", "mygitlab.corp", PROVIDER_UNKNOWN},
        {"the word after a hyphen", "my-gitlab.com", PROVIDER_UNKNOWN},
        {"another word that begins like it", "gitlabs.x.org", PROVIDER_UNKNOWN},
        {"another host of GitHub, which serves no git", "raw.githubusercontent.com", PROVIDER_UNKNOWN},
        {"a look-alike in its ASCII form", "xn--gtlab-q4a.com", PROVIDER_UNKNOWN},
        {"a name that says nothing", "git.myorg.io", PROVIDER_UNKNOWN},
        {"another forge", "bitbucket.org", PROVIDER_UNKNOWN},
        {"IPv4", "10.0.0.5", PROVIDER_UNKNOWN},
        {"IPv6", "fd00::1", PROVIDER_UNKNOWN},
        {"nothing", "", PROVIDER_UNKNOWN},
};

static void host_tells_the_provider_by_whole_labels_or_their_start(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		print_message("%s\n", hosts[i].sentence);
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
