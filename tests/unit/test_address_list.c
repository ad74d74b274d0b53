#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "address_list.h"

static void a_list_names_addresses_and_networks(void **state)
{
	static const struct {
		const char *list, *address;
		bool is_in;
	} rows[] = {
	        {"127.0.0.1,::1", "127.0.0.1", true},
	        {"127.0.0.1,::1", "::1", true},
	        {"127.0.0.1,::1", "127.0.0.2", false},
	        {"127.0.0.1", "::ffff:127.0.0.1", true},
	        {"10.0.0.0/8", "10.255.0.1", true},
	        {"10.0.0.0/8", "11.0.0.1", false},
	        {" 10.1.0.0/16 , fd00::/8 ", "fd12::1", true},
	        {" 10.1.0.0/16 , fd00::/8 ", "10.1.2.3", true},
	        {"0.0.0.0/0", "203.0.113.9", true},
	        {"0.0.0.0/0", "2001:db8::1", false},
	        {"::/0", "203.0.113.9", true},
	        {"", "127.0.0.1", false},
	        {"127.0.0.1", "", false},
	        {"127.0.0.1", "127.0.0.1:80", false},
	        {"127.0.0.1", "localhost", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (address_list_has(rows[i].list, rows[i].address) != rows[i].is_in)
			fail_msg("'%s' in '%s'", rows[i].address, rows[i].list);
}

static void what_is_no_list_is_refused_with_the_entry(void **state)
{
	static const struct {
		const char *list, *message; /* NULL: accepted */
	} rows[] = {
	        {"", NULL},
	        {"127.0.0.1, 10.0.0.0/8,::1", NULL},
	        {"localhost", "'localhost' is neither an address nor a network."},
	        {"10.0.0.0/33", "'10.0.0.0/33' is neither an address nor a network."},
	        {"fd00::/129", "'fd00::/129' is neither an address nor a network."},
	        {"10.0.0.0/", "'10.0.0.0/' is neither an address nor a network."},
	        {"127.0.0.1,,::1", "'' is neither an address nor a network."},
	        {"127.0.0.1:9090", "'127.0.0.1:9090' is neither an address nor a network."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(address_list_check(rows[i].list, &err), rows[i].message == NULL);
		assert_string_equal(err.message, rows[i].message ? rows[i].message : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_list_names_addresses_and_networks),
	        cmocka_unit_test(what_is_no_list_is_refused_with_the_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
