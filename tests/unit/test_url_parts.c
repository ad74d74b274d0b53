#include "url_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

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
	assert_true(parts.has_user_info && parts.has_password && parts.has_query && parts.has_fragment);
	assert_false(parts.user_is_git);
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
	        cmocka_unit_test(ports_are_plain_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
