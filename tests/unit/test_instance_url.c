#include "instance_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "caps.h"

static const struct accepted_row {
	const char *sentence;
	const char *text;
	const char *canonical;
	const char *host;
	unsigned port;
	const char *root;
	bool https;
} accepted[] = {
        {"nothing means gitlab.com", NULL, "https://gitlab.com", "gitlab.com", 443, "", true},
        {"an empty text means gitlab.com", "", "https://gitlab.com", "gitlab.com", 443, "", true},
        {"blanks alone mean gitlab.com", " \n", "https://gitlab.com", "gitlab.com", 443, "", true},
        {"a plain address stays as it is", "https://gitlab.company.com", "https://gitlab.company.com", "gitlab.company.com", 443,
         "", true},
        {"one trailing slash is dropped", "https://git.myorg.io/", "https://git.myorg.io", "git.myorg.io", 443, "", true},
        {"blanks around it are dropped", "  https://git.myorg.io\r\n", "https://git.myorg.io", "git.myorg.io", 443, "", true},
        {"scheme and host become lower case", "HTTPS://GitLab.COM", "https://gitlab.com", "gitlab.com", 443, "", true},
        {"the default port of https is dropped", "https://g.example:443", "https://g.example", "g.example", 443, "", true},
        {"another port stays", "https://g.example:8443", "https://g.example:8443", "g.example", 8443, "", true},
        {"the default port of http is dropped", "http://g.example:80", "http://g.example", "g.example", 80, "", false},
        {"443 is not the port of http", "http://g.example:443", "http://g.example:443", "g.example", 443, "", false},
        {"one segment is a relative root", "https://g.example/gitlab", "https://g.example/gitlab", "g.example", 443, "/gitlab",
         true},
        {"a root may have a slash at its end", "https://g.example/gitlab/", "https://g.example/gitlab", "g.example", 443, "/gitlab",
         true},
        {"a root keeps its case", "https://g.example:8443/GitLab", "https://g.example:8443/GitLab", "g.example", 8443, "/GitLab",
         true},
        {"the dot at the end of a full name is dropped", "https://g.example.", "https://g.example", "g.example", 443, "", true},
        {"a name without a domain is a name", "https://gitlab", "https://gitlab", "gitlab", 443, "", true},
        {"punycode is ASCII", "https://xn--gitlb-hra.example", "https://xn--gitlb-hra.example", "xn--gitlb-hra.example", 443, "",
         true},
        {"an underscore occurs in internal names", "https://git_lab.corp", "https://git_lab.corp", "git_lab.corp", 443, "", true},
        {"dotted decimal IPv4 is a host", "https://10.1.2.3:8443", "https://10.1.2.3:8443", "10.1.2.3", 8443, "", true},
        {"IPv6 keeps its brackets in the text only", "https://[FD00:0::1]:8443/gitlab", "https://[fd00::1]:8443/gitlab", "fd00::1",
         8443, "/gitlab", true},
};

static void parse_gives_the_canonical_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		const struct accepted_row *row = &accepted[i];
		CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT;
		struct error err = ERROR_INIT;

		print_message("%s\n", row->sentence);
		if (!instance_url_parse(row->text, &url, &err))
			fail_msg("%s", err.message);
		assert_string_equal(url.text, row->canonical);
		assert_string_equal(url.host, row->host);
		assert_int_equal(url.port, row->port);
		assert_string_equal(url.root, row->root);
		assert_int_equal(url.https, row->https);
	}
}

static const struct corrected_row {
	const char *sentence;
	const char *text;
	const char *corrected; /* NULL: nothing to suggest but the general advice */
} refused[] = {
        {"a missing scheme is https", "gitlab.company.com", "https://gitlab.company.com"},
        {"one slash after the scheme", "https:/gitlab.company.com", "https://gitlab.company.com"},
        {"no slash after the scheme", "http:gitlab.company.com", "http://gitlab.company.com"},
        {"a missing scheme with port and root", "gitlab.company.com:8443/gitlab", "https://gitlab.company.com:8443/gitlab"},
        {"the API path is ours to add", "https://gitlab.company.com/api/v4", "https://gitlab.company.com"},
        {"a slash after the API path changes nothing", "https://gitlab.company.com/api/v4/", "https://gitlab.company.com"},
        {"the API path behind a relative root", "https://g.example/gitlab/api/v4/projects", "https://g.example/gitlab"},
        {"missing scheme and API path at once", "gitlab.company.com/api/v4", "https://gitlab.company.com"},
        {"user info is removed", "https://oauth2:s3cret@gitlab.company.com", "https://gitlab.company.com"},
        {"a user alone is user info, too", "https://jane@gitlab.company.com", "https://gitlab.company.com"},
        {"a query is dropped", "https://gitlab.company.com?private_token=abc", "https://gitlab.company.com"},
        {"a fragment is dropped", "https://gitlab.company.com/#top", "https://gitlab.company.com"},
        {"a pasted repository", "https://gitlab.com/group/project", "https://gitlab.com"},
        {"a pasted clone address", "https://gitlab.company.com/group/project.git", "https://gitlab.company.com"},
        {"a pasted branch page", "https://gitlab.company.com/group/project/-/tree/main", "https://gitlab.company.com"},
        {"a pasted page with an encoded path", "https://g.example/group/project/-/blob/main/a%20b", "https://g.example"},
        {"a pasted ssh address", "git@gitlab.company.com:group/project.git", "https://gitlab.company.com"},
        {"a pasted ssh URL with its own port", "ssh://git@gitlab.company.com:2222/group/project.git", "https://gitlab.company.com"},
        {"the sign-in page", "https://gitlab.company.com/users/sign_in", "https://gitlab.company.com"},
        {"the sign-in page behind a root", "https://g.example/gitlab/users/sign_in", "https://g.example/gitlab"},
        {"the token page", "https://g.example/-/user_settings/personal_access_tokens", "https://g.example"},
        {"the token page behind a root", "https://g.example/gitlab/-/user_settings/personal_access_tokens",
         "https://g.example/gitlab"},
        {"the dashboard is a page, not a root", "https://gitlab.company.com/dashboard", "https://gitlab.company.com"},
        {"gitlab.com has no relative root", "https://gitlab.com/mygroup", "https://gitlab.com"},
        {"a repository of one segment", "https://gitlab.company.com/project.git", "https://gitlab.company.com"},
        {"two slashes at the end", "https://gitlab.company.com//", "https://gitlab.company.com"},
        {"dots are no root", "https://gitlab.company.com/..", "https://gitlab.company.com"},
        {"an escape is no root", "https://gitlab.company.com/git%6cab", "https://gitlab.company.com"},
        {"another scheme", "ftp://gitlab.company.com", "https://gitlab.company.com"},
        {"a port that is none", "https://gitlab.company.com:99999", "https://gitlab.company.com"},
        {"an empty port", "https://gitlab.company.com:/", "https://gitlab.company.com"},
        {"no host", "https://", NULL},
        {"no host but a path", "https:///gitlab", NULL},
        {"a scheme alone", "https:", NULL},
        {"a number for a host", "https://2130706433", NULL},
        {"a hexadecimal number for a host", "https://0x7f.1", NULL},
        {"octal IPv4", "https://0177.0.0.1", NULL},
        {"short IPv4", "https://127.1", NULL},
        {"five parts of numbers", "https://1.2.3.4.5", NULL},
        {"a part above 255", "https://1.2.3.256", NULL},
        {"a name that ends in a hexadecimal number", "https://gitlab.0x1f", NULL},
        {"IPv6 with a zone", "https://[fe80::1%25eth0]", NULL},
        {"IPv6 without the closing bracket", "https://[::1", NULL},
        {"IPv6 without brackets", "https://fd00::1/", "https://fd00"},
        {"an escape in the host", "https://git%6cab.com", NULL},
        {"a backslash that browsers take for a slash", "https://gitlab.com\\@evil.example", NULL},
        {"a line break inside", "https://gitlab.com\r\nHost: evil.example", NULL},
        {"a blank inside the host", "https://git lab.com", NULL},
        {"an empty label", "https://gitlab..com", NULL},
        {"a hyphen at the start of a label", "https://-gitlab.com", NULL},
};

static void parse_refuses_with_the_corrected_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const struct corrected_row *row = &refused[i];
		struct instance_url url = INSTANCE_URL_INIT;
		struct error err = ERROR_INIT;
		char expected[256];

		print_message("%s\n", row->sentence);
		assert_false(instance_url_parse(row->text, &url, &err));
		assert_int_equal(err.code, ERR_INSTANCE_URL_INVALID);
		assert_null(url.text);
		snprintf(expected, sizeof(expected), "Use %s as the instance URL.", row->corrected);
		if (row->corrected)
			assert_string_equal(error_remediation(&err), expected);
		else
			assert_string_equal(err.remediation, "");
	}
}

/* An installation that somebody knows. */
static bool is_apps_gitlab(const void *context, const char *canonical_url)
{
	return strcmp(canonical_url, context) == 0;
}

static const struct {
	const char *sentence;
	const char *text;
	const char *canonical; /* NULL: refused */
	const char *corrected;
} deep[] = {
        {"a root that is known", "https://h.corp/apps/gitlab", "https://h.corp/apps/gitlab", NULL},
        {"with a slash at its end", "https://H.corp:443/apps/gitlab/", "https://h.corp/apps/gitlab", NULL},
        {"a root is known in its own case", "https://h.corp/Apps/gitlab", NULL, "https://h.corp"},
        {"another root of that host", "https://h.corp/apps/git", NULL, "https://h.corp"},
        {"another port", "https://h.corp:8443/apps/gitlab", NULL, "https://h.corp:8443"},
        {"one segment needs nobody to know it", "https://h.corp/apps", "https://h.corp/apps", NULL},
        {"a repository of it", "https://h.corp/apps/gitlab/group/project", NULL, "https://h.corp/apps/gitlab"},
        {"a clone address of it", "https://h.corp/apps/gitlab/group/project.git", NULL, "https://h.corp/apps/gitlab"},
        {"its API", "https://h.corp/apps/gitlab/api/v4", NULL, "https://h.corp/apps/gitlab"},
        {"its sign-in page", "https://h.corp/apps/gitlab/users/sign_in", NULL, "https://h.corp/apps/gitlab"},
        {"its token page", "https://h.corp/apps/gitlab/-/profile/x", NULL, "https://h.corp/apps/gitlab"},
        {"without a scheme", "h.corp/apps/gitlab", NULL, "https://h.corp/apps/gitlab"},
        {"with a password", "https://u:s3cret@h.corp/apps/gitlab", NULL, "https://h.corp/apps/gitlab"},
};

static void deep_roots_have_to_be_known(void **state)
{
	const struct instance_roots roots = {is_apps_gitlab, "https://h.corp/apps/gitlab"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(deep); i++) {
		CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT, again = INSTANCE_URL_INIT;
		struct error err = ERROR_INIT;
		char expected[256];

		print_message("%s\n", deep[i].sentence);
		assert_int_equal(instance_url_parse_among(&roots, deep[i].text, &url, &err), deep[i].canonical != NULL);
		if (deep[i].canonical) {
			assert_string_equal(url.text, deep[i].canonical);
			assert_string_equal(url.root, strstr(url.text, "/apps"));
			assert_true(instance_url_parse_stored(url.text, &again, NULL));
			assert_string_equal(again.text, url.text);
			continue;
		}
		assert_int_equal(err.code, ERR_INSTANCE_URL_INVALID);
		snprintf(expected, sizeof(expected), "Use %s as the instance URL.", deep[i].corrected);
		assert_string_equal(error_remediation(&err), expected);
		assert_null(strstr(err.message, "s3cret"));
	}
}

static const struct {
	const char *sentence;
	const char *text;
	const char *root; /* NULL: refused */
} stored[] = {
        {"no root", "https://h.corp", ""},
        {"one segment", "https://h.corp/gitlab", "/gitlab"},
        {"three", "https://h.corp/a/b/c", "/a/b/c"},
        {"a clone address is no root", "https://h.corp/group/project.git", NULL},
        {"a page is no root", "https://h.corp/a/b/-/tree/main", NULL},
        {"nor are dots", "https://h.corp/a/../b", NULL},
        {"nor an empty segment", "https://h.corp/a//b", NULL},
        {"nor an escape", "https://h.corp/a/%62", NULL},
        {"nor what GitLab calls its pages", "https://h.corp/dashboard/projects", NULL},
        {"credentials stay out", "https://u@h.corp/a/b", NULL},
};

static void what_was_accepted_once_has_any_depth(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stored); i++) {
		CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT;
		struct error err = ERROR_INIT;

		print_message("%s\n", stored[i].sentence);
		assert_int_equal(instance_url_parse_stored(stored[i].text, &url, &err), stored[i].root != NULL);
		if (stored[i].root)
			assert_string_equal(url.root, stored[i].root);
		else
			assert_int_equal(err.code, ERR_INSTANCE_URL_INVALID);
	}
}

static void parse_tells_how_to_write_international_names(void **state)
{
	struct instance_url url = INSTANCE_URL_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_false(instance_url_parse("https://gitläb.example", &url, &err));
	assert_non_null(strstr(error_remediation(&err), "xn--"));
}

static void messages_never_quote_credentials(void **state)
{
	static const char *const texts[] = {
	        "https://oauth2:s3cret@gitlab.company.com",
	        "https://s3cret@gitlab.company.com/a/b",
	        "https://u:s3cret/x@gitlab.company.com",
	        "https://gitlab.company.com?private_token=s3cret",
	        "u:s3cret@gitlab.company.com",
	        "https://u:s3cret#@gitlab.company.com/",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct instance_url url = INSTANCE_URL_INIT;
		struct error err = ERROR_INIT;
		assert_false(instance_url_parse(texts[i], &url, &err));
		assert_null(strstr(err.message, "s3cret"));
		assert_null(strstr(err.remediation, "s3cret"));
	}
}

static void parse_refuses_more_than_the_cap(void **state)
{
	struct instance_url url = INSTANCE_URL_INIT;
	struct error err = ERROR_INIT;
	char text[LIMIT_URL_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "https://", 8);
	text[sizeof(text) - 1] = '\0';
	assert_false(instance_url_parse(text, &url, &err));
	assert_in_range(strlen(err.message), 1, 400);
}

static void authority_names_the_port_unless_default(void **state)
{
	static const struct {
		const char *text, *authority;
	} rows[] = {
	        {"https://g.example/gitlab", "g.example"},
	        {"https://g.example:8443", "g.example:8443"},
	        {"http://g.example:80", "g.example"},
	        {"https://[fd00::1]:8443", "[fd00::1]:8443"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT;
		assert_true(instance_url_parse(rows[i].text, &url, NULL));
		char *authority = instance_url_authority(&url);
		assert_string_equal(authority, rows[i].authority);
		free(authority);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(parse_gives_the_canonical_address),
	        cmocka_unit_test(parse_refuses_with_the_corrected_address),
	        cmocka_unit_test(deep_roots_have_to_be_known),
	        cmocka_unit_test(what_was_accepted_once_has_any_depth),
	        cmocka_unit_test(parse_tells_how_to_write_international_names),
	        cmocka_unit_test(messages_never_quote_credentials),
	        cmocka_unit_test(parse_refuses_more_than_the_cap),
	        cmocka_unit_test(authority_names_the_port_unless_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
