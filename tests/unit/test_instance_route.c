#include "instance_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *sentence, *text;
	const char *canonical, *host; /* NULL: refused, and then `problem` is in the message */
	unsigned port;
	const char *problem;
} rows[] = {
        {"the usual one", "http://proxy.corp:3128", "http://proxy.corp:3128", "proxy.corp", 3128, NULL},
        {"with TLS", "https://proxy.corp:8443", "https://proxy.corp:8443", "proxy.corp", 8443, NULL},
        {"scheme and host become lower case", "HTTP://Proxy.Corp:3128/", "http://proxy.corp:3128", "proxy.corp", 3128, NULL},
        {"the port stays also where it is the scheme's", "http://proxy.corp:80", "http://proxy.corp:80", "proxy.corp", 80, NULL},
        {"an address", "http://127.0.0.1:3128", "http://127.0.0.1:3128", "127.0.0.1", 3128, NULL},
        {"an IPv6 address", "http://[FD00:0::1]:3128", "http://[fd00::1]:3128", "fd00::1", 3128, NULL},
        {"no scheme", "proxy.corp:3128", NULL, NULL, 0, "must look like"},
        {"nothing", "", NULL, NULL, 0, "must look like"},
        {"a line break", "http://proxy.corp:3128\r\nX: y", NULL, NULL, 0, "must look like"},
        {"SOCKS is another protocol", "socks5://proxy.corp:1080", NULL, NULL, 0, "http:// or https://"},
        {"credentials", "http://jane:s3cret@proxy.corp:3128", NULL, NULL, 0, "credentials of proxies are not supported"},
        {"a user alone", "http://s3cret@proxy.corp:3128", NULL, NULL, 0, "credentials of proxies are not supported"},
        {"no port", "http://proxy.corp", NULL, NULL, 0, "port is missing"},
        {"a port that is none", "http://proxy.corp:99999", NULL, NULL, 0, "1 to 65535"},
        {"an empty port", "http://proxy.corp:", NULL, NULL, 0, "1 to 65535"},
        {"a path", "http://proxy.corp:3128/proxy.pac", NULL, NULL, 0, "only a host and a port"},
        {"a query", "http://proxy.corp:3128?x", NULL, NULL, 0, "only a host and a port"},
        {"a fragment", "http://proxy.corp:3128#x", NULL, NULL, 0, "only a host and a port"},
        {"no host", "http://:3128", NULL, NULL, 0, "'proxy'"},
        {"a number for a host", "http://2130706433:3128", NULL, NULL, 0, "'proxy'"},
};

static void proxies_are_a_scheme_a_host_and_a_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(proxy_url_release) struct proxy_url url = PROXY_URL_INIT;
		struct error err = ERROR_INIT;

		print_message("%s\n", rows[i].sentence);
		assert_int_equal(proxy_url_parse(rows[i].text, &url, &err), rows[i].canonical != NULL);
		if (rows[i].canonical) {
			assert_string_equal(url.text, rows[i].canonical);
			assert_string_equal(url.host, rows[i].host);
			assert_int_equal(url.port, rows[i].port);
			continue;
		}
		assert_null(url.text);
		assert_int_equal(err.code, ERR_CONFIG_INVALID);
		if (!strstr(err.message, rows[i].problem))
			fail_msg("%s", err.message);
		assert_null(strstr(err.message, "s3cret"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(proxies_are_a_scheme_a_host_and_a_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
