/* What repo_url refuses, the limits, and what it says then. */
#include "repo_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "caps.h"
#include "strbuf.h"

static const struct {
	const char *sentence;
	const char *text;
} refused[] = {
        {"nothing", ""},
        {"a word", "repo"},
        {"owner and repository say no server", "owner/repo"},
        {"no scheme", "g.example/a/b"},
        {"a relative path", "../a/b"},
        {"an absolute path", "/srv/git/a/b.git"},
        {"a path of Windows", "C:/git/a/b"},
        {"a file", "file:///srv/git/a/b.git"},
        {"another protocol", "ftp://g.example/a/b"},
        {"a remote helper that runs programs", "ext::sh -c touch% /tmp/x"},
        {"an option of git", "--upload-pack=touch /tmp/x"},
        {"a host that looks like an option", "ssh://-oProxyCommand=x/a/b"},
        {"a host that looks like an option, without a scheme", "git@-oProxyCommand:a/b"},
        {"no host", "https:///a/b"},
        {"a host that is a number", "https://2130706433/a/b"},
        {"a port that is none", "https://g.example:0/a/b"},
        {"the front page", "https://gitlab.com/"},
        {"a user or group", "https://gitlab.com/owner/"},
        {"a group page", "https://gitlab.com/groups/a/b"},
        {"the sign-in page", "https://gitlab.com/users/sign_in"},
        {"the API", "https://gitlab.com/api/v4/projects/1"},
        {"a page of a group", "https://gitlab.com/group/-/boards"},
        {"an empty part", "https://gitlab.com/a//b"},
        {"dots for a part", "https://gitlab.com/a/../b"},
        {"an escape in the path", "https://gitlab.com/a/%2e%2e"},
        {"a home folder", "git@g.example:~me/a/b"},
        {"a part that begins with a hyphen", "git@g.example:a/-b"},
        {"a group that ends with a dot", "https://gitlab.com/a./b"},
        {"two suffixes", "https://gitlab.com/a/b.git.git"},
        {"a feed", "https://gitlab.com/a/b.atom"},
        {"a control character", "https://gitlab.com/a/b\nc"},
        {"a backslash", "https://gitlab.com\\a/b"},
        {"letters that are not ASCII in the path", "https://gitlab.com/a/bücher"},
        {"letters that are not ASCII in the host", "https://gitlab.bücher.example/a/b"},
        {"a look-alike letter in the host", "https://gitl\u0430b.com/a/b"},
        {"a look-alike host of host:path", "git@g\u0456tlab.com:a/b"},
        {"a wide dot in the host", "https://gitlab\u3002com/a/b"},
        {"a look-alike slash", "https://gitlab.com\u2044a/b"},
        {"a blank that is not ASCII", "https://gitlab.com/a/b\u00a0"},
        {"an invisible character", "https://gitlab.com/a/b\u200b"},
        {"bytes that are no UTF-8", "https://gitlab.com/a/\xff"},
        {"an escape in the host", "https://gitlab%2ecom/a/b"},
        {"an escaped slash in the path", "https://gitlab.com/a%2Fb"},
        {"an escape of what needs none", "https://gitlab.com/%61/b"},
        {"dots for the group", "https://gitlab.com/../b/c"},
        {"three dots", "https://gitlab.com/.../b"},
        {"a tab inside", "https://gitlab.com/a/\tb"},
        {"a DEL", "https://gitlab.com/a/b\x7f"},
        {"a blank inside", "https://gitlab.com/a/b c"},
        {"a second address", "https://gitlab.com/a/b https://gitlab.com/c/d"},
        {"a port without a number", "https://g.example:git/a/b"},
        {"a port that is too large", "https://g.example:65536/a/b"},
        {"IPv6 with a zone", "https://[fe80::1%25eth0]/a/b"},
        {"IPv6 without brackets", "https://fd00::1/a/b"},
        {"a bracket that is not closed", "https://[fd00::1/a/b"},
        {"something behind the bracket", "https://[fd00::1]x/a/b"},
        {"a script", "javascript://gitlab.com/%0aalert(1)/b"},
        {"a shell in host:path", "git@g.example:a/$(touch x)"},
        {"a query before the host", "?git@g.example:a/b"},
        {"two schemes", "ssh://https://gitlab.com/a/b"},
        {"a colon in the path of host:path", "git@g.example:22:a/b"},
        {"26 levels", "https://g.example/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26"},
};

static void parse_refuses_what_is_no_repository(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct repo_url url = REPO_URL_INIT;
		struct error err = ERROR_INIT;

		print_message("%s\n", refused[i].sentence);
		assert_false(repo_url_parse(refused[i].text, &url, &err));
		assert_int_equal(err.code, ERR_REPO_URL_INVALID);
		assert_null(url.host);
	}
}

static bool parse_accepts_segments(size_t count)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_URL_MAX);

	strbuf_add_string(&text, "https://g.example");
	for (size_t i = 0; i < count; i++)
		strbuf_add_string(&text, "/a");
	return repo_url_parse(text.data, &url, NULL);
}

static void parse_counts_segments_exactly(void **state)
{
	(void)state;
	assert_false(parse_accepts_segments(1));
	assert_true(parse_accepts_segments(2));
	assert_true(parse_accepts_segments(LIMIT_PATH_SEGMENTS));
	assert_false(parse_accepts_segments(LIMIT_PATH_SEGMENTS + 1));
}

static void parse_takes_2048_bytes_and_no_more(void **state)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_URL_MAX + 1);
	struct error err = ERROR_INIT;

	(void)state;
	strbuf_add_string(&text, "https://g.example/a/");
	while (text.length < LIMIT_URL_MAX)
		strbuf_add_char(&text, 'b');
	assert_true(repo_url_parse(text.data, &url, &err));
	repo_url_release(&url);
	strbuf_add_char(&text, 'b');
	assert_false(repo_url_parse(text.data, &url, &err));
	assert_non_null(strstr(err.message, "longer than 2048"));
}

static void remedy_adds_a_missing_scheme(void **state)
{
	struct repo_url url = REPO_URL_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	assert_false(repo_url_parse("gitlab.company.com/group/project", &url, &err));
	assert_string_equal(error_remediation(&err), "Use https://gitlab.company.com/group/project.");
}

static void remedy_tells_how_an_idn_host_is_written(void **state)
{
	static const char *const texts[] = {"https://gitlab.bücher.example/a/b", "git@gitlab.bücher.example:a/b.git"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct repo_url url = REPO_URL_INIT;
		struct error err = ERROR_INIT;
		assert_false(repo_url_parse(texts[i], &url, &err));
		assert_non_null(strstr(error_remediation(&err), "xn--"));
	}
}

static void messages_never_quote_credentials(void **state)
{
	static const char *const texts[] = {
	        "https://oauth2:s3cret@g.example/a",
	        "https://s3cret@g.example/",
	        "https://u:s3/s3cret@g.example/a",
	        "ftp://u:s3cret@g.example/a/b",
	        "https://g.example/a?private_token=s3cret",
	        "https://g.example/glpat-s3cretAAAAAAAAAAAAAAAA",
	        "https://g.example/a?t=s3@cret&private_token=s3cret",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct repo_url url = REPO_URL_INIT;
		struct error err = ERROR_INIT;
		assert_false(repo_url_parse(texts[i], &url, &err));
		assert_null(strstr(err.message, "s3cret"));
		assert_null(strstr(err.remediation, "s3cret"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(parse_refuses_what_is_no_repository),     cmocka_unit_test(parse_counts_segments_exactly),
	        cmocka_unit_test(parse_takes_2048_bytes_and_no_more),      cmocka_unit_test(remedy_adds_a_missing_scheme),
	        cmocka_unit_test(remedy_tells_how_an_idn_host_is_written), cmocka_unit_test(messages_never_quote_credentials),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
