#include "url_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"

static const struct {
	const char *sentence;
	const char *text;
	const char *quoted;
} quotes[] = {
        {"a plain address", "https://g.example/a/b", "https://g.example/a/b"},
        {"user info goes", "https://u:p@g.example/a", "https://g.example/a"},
        {"also of host:path", "u:p@g.example:a/b", "g.example:a/b"},
        {"a password with a slash goes whole", "https://u:p/q@g.example/a", "https://g.example/a"},
        {"a query goes", "https://g.example/a?private_token=x", "https://g.example/a"},
        {"an unclear rest goes", "https://u:p?q@g.example/a", "https://***"},
        {"a token in the path is masked", "https://g.example/glpat-abcdefghij0123456789", "https://g.example/glpat-***"},
        {"controls are replaced", "https://g.example/\r\na\x7f", "https://g.example/??a?"},
        {"UTF-8 stays", "https://gitläb.example", "https://gitläb.example"},
        {"other bytes are replaced", "https://g\xff.example", "https://g?.example"},
};

static void quotes_hold_no_credentials(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(quotes); i++) {
		CLEANUP(strbuf_release) struct strbuf quoted = STRBUF_INIT(URL_QUOTE_MAX);
		print_message("%s\n", quotes[i].sentence);
		url_add_quoted(&quoted, quotes[i].text);
		assert_string_equal(quoted.data, quotes[i].quoted);
	}
}

static void quotes_are_short(void **state)
{
	CLEANUP(strbuf_release) struct strbuf quoted = STRBUF_INIT(URL_QUOTE_MAX);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(100000);

	(void)state;
	strbuf_add_string(&text, "https://g.example/");
	for (int i = 0; i < 5000; i++)
		strbuf_add_string(&text, "ä");
	url_add_quoted(&quoted, text.data);
	assert_true(strbuf_ok(&quoted));
	assert_in_range(quoted.length, 190, 204);
	assert_string_equal(quoted.data + quoted.length - strlen("ä…"), "ä…");
}

static void split_takes_the_last_at_sign_of_the_authority(void **state)
{
	CLEANUP(url_parts_release) struct url_parts parts = URL_PARTS_INIT;

	(void)state;
	assert_true(url_split("HTTPS://a@b:c@G.example:8443/p@q?x#y", &parts));
	assert_string_equal(parts.scheme, "https");
	assert_string_equal(parts.host, "G.example");
	assert_string_equal(parts.port, "8443");
	assert_string_equal(parts.path, "/p@q");
	assert_true(parts.has_user_info && parts.has_query && parts.has_fragment);
}

/* "-": there is no such part. */
static const struct {
	const char *sentence;
	const char *text;
	const char *scheme, *user_info, *host, *port, *path, *query, *fragment;
} views[] = {
        {"every part", "https://u:p@h:1/a/b?q#f", "https", "u:p", "h", "1", "/a/b", "q", "f"},
        {"no part but the host", "https://h", "https", "-", "h", "-", "", "-", "-"},
        {"empty parts", "https://@h:/?#", "https", "", "h", "", "/", "", ""},
        {"a question mark in the fragment", "https://h/a#f?x", "https", "-", "h", "-", "/a", "-", "f?x"},
        {"a query without a path", "https://h?q@x", "https", "-", "h", "-", "", "q@x", "-"},
        {"IPv6", "ssh://git@[fd00::1]:22/a", "ssh", "git", "[fd00::1]", "22", "/a", "-", "-"},
        {"a bracket that is not closed", "ssh://[fd00/a", "ssh", "-", "[fd00", "-", "/a", "-", "-"},
        {"host:path", "git@h:a/b", "-", "git", "h", "-", "a/b", "-", "-"},
        {"host:path with a query and a fragment", "host:a/b?q#f", "-", "-", "host", "-", "a/b", "q", "f"},
        {"git's brackets", "[git@h:22]:a/b", "-", "git", "h", "22", "a/b", "-", "-"},
        {"git's brackets around IPv6", "[git@[fd00::1]:22]:/a", "-", "git", "[fd00::1]", "22", "/a", "-", "-"},
        {"git's brackets around IPv6 without a user", "[[fd00::1]:22]:/a", "-", "-", "[fd00::1]", "22", "/a", "-", "-"},
        {"brackets of IPv6 alone", "[fd00::1]:a/b", "-", "-", "[fd00::1]", "-", "a/b", "-", "-"},
        {"a colon in the path", "host:22:a", "-", "-", "host", "-", "22:a", "-", "-"},
};

static void assert_part(struct span part, const char *expected)
{
	assert_true(part.start ? span_is(part, expected) : span_is(span_of("-"), expected));
}

static void views_cut_where_the_parts_lie(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		struct span text = span_of(views[i].text);
		struct url_view view;
		print_message("%s\n", views[i].sentence);
		if (strstr(views[i].text, "://"))
			assert_true(url_view_absolute(text, &view));
		else
			assert_null(url_view_scp(text, &view));
		assert_part(view.scheme, views[i].scheme);
		assert_part(view.authority.user_info, views[i].user_info);
		assert_part(view.authority.host, views[i].host);
		assert_part(view.authority.port, views[i].port);
		assert_part(view.path, views[i].path);
		assert_part(view.query, views[i].query);
		assert_part(view.fragment, views[i].fragment);
	}
}

static const struct {
	const char *sentence;
	const char *text;
	const char *clean;
} cleaned[] = {
        {"user info, query and fragment go", "https://u:p@h:1/a/b?q#f", "https://h:1/a/b"},
        {"git goes as the user of ssh://", "ssh://git@h/a/b", "ssh://h/a/b"},
        {"git stays in host:path", "git@h:a/b.git", "git@h:a/b.git"},
        {"another user becomes git: it may be a token", "glpat-abc@h:a/b.git", "git@h:a/b.git"},
        {"git with a password", "git:pw@h:a/b.git", "git@h:a/b.git"},
        {"in brackets", "[u@h:22]:a/b.git", "[git@h:22]:a/b.git"},
        {"in brackets around IPv6", "[u@[fd00::1]:22]:a/b.git", "[git@[fd00::1]:22]:a/b.git"},
        {"git stays in brackets", "[git@h:22]:a/b.git", "[git@h:22]:a/b.git"},
        {"query and fragment of host:path", "git@h:a/b.git?private_token=x#y", "git@h:a/b.git"},
        {"a host that would be the letter of a disk", "u@c:/a/b", "git@c:/a/b"},
        {"a password without a scheme", "u:p@h:a/b", "git@h:a/b"},
        {"a bracket in the user's name", "[u:]v@h:a/b", "git@h:a/b"},
        {"the name of a package is no address", "@scope/package", "@scope/package"},
        {"an @ in the path is no user", "https://h/a/b/-/tree/v@1", "https://h/a/b/-/tree/v@1"},
        {"blanks at both ends", " \thttps://h/a/b\n", "https://h/a/b"},
        {"nothing", "", ""},
        {"no text at all", NULL, ""},
};

static void clean_texts_hold_no_credentials(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cleaned); i++) {
		CLEANUP(freep) char *clean = url_without_credentials(cleaned[i].text);
		print_message("%s\n", cleaned[i].sentence);
		assert_string_equal(clean, cleaned[i].clean);
	}
}

static void ports_are_plain_numbers(void **state)
{
	static const char *const bad[] = {"",   "0",  "00", "0443", "65536", "99999", "123456",
	                                  "-1", "+1", " 1", "1 ",   "0x1",   "４４３"};
	unsigned port = 0;

	(void)state;
	assert_true(url_port_parse("1", &port));
	assert_int_equal(port, 1);
	assert_true(url_port_parse("65535", &port));
	assert_int_equal(port, 65535);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(url_port_parse(bad[i], &port));
	assert_int_equal(port, 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(quotes_hold_no_credentials),
	        cmocka_unit_test(quotes_are_short),
	        cmocka_unit_test(split_takes_the_last_at_sign_of_the_authority),
	        cmocka_unit_test(views_cut_where_the_parts_lie),
	        cmocka_unit_test(clean_texts_hold_no_credentials),
	        cmocka_unit_test(ports_are_plain_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
