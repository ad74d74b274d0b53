#include "address_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct sockaddr_storage address_of(const char *text, unsigned port)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		memcpy(&storage, &v4, sizeof(v4));
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		memcpy(&storage, &v6, sizeof(v6));
	else
		fail_msg("not an address: %s", text);
	return storage;
}

static const struct {
	const char *sentence;
	const char *address;
	enum address_class class;
} classes[] = {
        {"a public server", "172.65.251.78", ADDRESS_PUBLIC},
        {"a public server over IPv6", "2606:4700:90:0:f22e:fbec:5bed:a9b9", ADDRESS_PUBLIC},
        {"just below 10/8", "9.255.255.255", ADDRESS_PUBLIC},
        {"first of 10/8", "10.0.0.0", ADDRESS_PRIVATE},
        {"last of 10/8", "10.255.255.255", ADDRESS_PRIVATE},
        {"just above 10/8", "11.0.0.0", ADDRESS_PUBLIC},
        {"just below 172.16/12", "172.15.255.255", ADDRESS_PUBLIC},
        {"first of 172.16/12", "172.16.0.0", ADDRESS_PRIVATE},
        {"last of 172.16/12", "172.31.255.255", ADDRESS_PRIVATE},
        {"just above 172.16/12", "172.32.0.0", ADDRESS_PUBLIC},
        {"192.168/16", "192.168.1.1", ADDRESS_PRIVATE},
        {"just above 192.168/16", "192.169.0.0", ADDRESS_PUBLIC},
        {"just below 100.64/10", "100.63.255.255", ADDRESS_PUBLIC},
        {"100.64/10", "100.127.255.255", ADDRESS_PRIVATE},
        {"just above 100.64/10", "100.128.0.0", ADDRESS_PUBLIC},
        {"metadata inside 100.64/10", "100.100.100.200", ADDRESS_RESERVED},
        {"the unspecified address", "0.0.0.0", ADDRESS_RESERVED},
        {"this network", "0.1.2.3", ADDRESS_RESERVED},
        {"loopback", "127.0.0.1", ADDRESS_RESERVED},
        {"the end of loopback", "127.255.255.254", ADDRESS_RESERVED},
        {"metadata", "169.254.169.254", ADDRESS_RESERVED},
        {"link-local", "169.254.0.1", ADDRESS_RESERVED},
        {"platform services in public space", "168.63.129.16", ADDRESS_RESERVED},
        {"its neighbour", "168.63.129.17", ADDRESS_PUBLIC},
        {"protocol assignments", "192.0.0.192", ADDRESS_RESERVED},
        {"documentation 1", "192.0.2.1", ADDRESS_RESERVED},
        {"documentation 2", "198.51.100.1", ADDRESS_RESERVED},
        {"documentation 3", "203.0.113.255", ADDRESS_RESERVED},
        {"6to4 relay", "192.88.99.1", ADDRESS_RESERVED},
        {"benchmarking", "198.19.255.255", ADDRESS_RESERVED},
        {"multicast", "224.0.0.1", ADDRESS_RESERVED},
        {"future use", "240.0.0.1", ADDRESS_RESERVED},
        {"broadcast", "255.255.255.255", ADDRESS_RESERVED},
        {"the unspecified address of IPv6", "::", ADDRESS_RESERVED},
        {"loopback of IPv6", "::1", ADDRESS_RESERVED},
        {"IPv4-compatible", "::8.8.8.8", ADDRESS_RESERVED},
        {"mapped loopback", "::ffff:127.0.0.1", ADDRESS_RESERVED},
        {"mapped private", "::ffff:10.0.0.1", ADDRESS_PRIVATE},
        {"mapped public", "::ffff:8.8.8.8", ADDRESS_PUBLIC},
        {"loopback through NAT64", "64:ff9b::127.0.0.1", ADDRESS_RESERVED},
        {"metadata through NAT64", "64:ff9b::a9fe:a9fe", ADDRESS_RESERVED},
        {"private through NAT64", "64:ff9b::10.0.0.1", ADDRESS_PRIVATE},
        {"public through NAT64", "64:ff9b::8.8.8.8", ADDRESS_PUBLIC},
        {"NAT64 of a local kind", "64:ff9b:1::10.0.0.1", ADDRESS_RESERVED},
        {"discard", "100::1", ADDRESS_RESERVED},
        {"Teredo", "2001::1", ADDRESS_RESERVED},
        {"benchmarking of IPv6", "2001:2::1", ADDRESS_RESERVED},
        {"just above the assignments", "2001:200::1", ADDRESS_PUBLIC},
        {"documentation of IPv6", "2001:db8::1", ADDRESS_RESERVED},
        {"6to4", "2002:7f00:1::1", ADDRESS_RESERVED},
        {"newer documentation", "3fff:fff::1", ADDRESS_RESERVED},
        {"segment routing", "5f00::1", ADDRESS_RESERVED},
        {"unique local", "fd12:3456::1", ADDRESS_PRIVATE},
        {"unique local, other half", "fc00::1", ADDRESS_PRIVATE},
        {"metadata of AWS", "fd00:ec2::254", ADDRESS_RESERVED},
        {"metadata of Google", "fd20:ce::254", ADDRESS_RESERVED},
        {"link-local of IPv6", "fe80::1", ADDRESS_RESERVED},
        {"site-local", "fec0::1", ADDRESS_RESERVED},
        {"multicast of IPv6", "ff02::1", ADDRESS_RESERVED},
        {"not given out", "4000::1", ADDRESS_RESERVED},
};

static void classify_follows_the_registries(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		struct sockaddr_storage address = address_of(classes[i].address, 443);
		print_message("%s\n", classes[i].sentence);
		assert_int_equal(address_classify((const struct sockaddr *)&address), classes[i].class);
	}
}

static const struct {
	const char *sentence;
	const char *entries;
	const char *host;
	const char *address;
	unsigned port;
	bool allowed;
} cases[] = {
        {"public needs no entry", "", "gitlab.com", "172.65.251.78", 443, true},
        {"private needs one", "", "g.corp", "10.1.2.3", 443, false},
        {"a network opens its addresses", "10.0.0.0/8", "g.corp", "10.1.2.3", 443, true},
        {"not those of another", "10.0.0.0/8", "g.corp", "192.168.1.1", 443, false},
        {"a network with a port", "10.0.0.0/8:8443", "g.corp", "10.1.2.3", 443, false},
        {"a network with the right port", "10.0.0.0/8:8443", "g.corp", "10.1.2.3", 8443, true},
        {"one address", "192.168.1.5", "g.corp", "192.168.1.5", 8443, true},
        {"its neighbour", "192.168.1.5", "g.corp", "192.168.1.6", 8443, false},
        {"an odd prefix, inside", "10.64.0.0/10", "g.corp", "10.127.255.255", 443, true},
        {"an odd prefix, outside", "10.64.0.0/10", "g.corp", "10.128.0.0", 443, false},
        {"IPv6 network", "fd00::/8", "g.corp", "fd12::1", 443, true},
        {"IPv6 network with a port", "[fd00::/8]:8443", "g.corp", "fd12::1", 443, false},
        {"loopback by address and port", "127.0.0.1:8443", "localhost", "127.0.0.1", 8443, true},
        {"loopback on another port", "127.0.0.1:8443", "localhost", "127.0.0.1", 8444, false},
        {"another loopback address", "127.0.0.1:8443", "localhost", "127.0.0.2", 8443, false},
        {"the mapped form of a listed address", "127.0.0.1:8443", "localhost", "::ffff:127.0.0.1", 8443, true},
        {"loopback of IPv6", "[::1]:8443", "localhost", "::1", 8443, true},
        {"loopback of IPv6 is not that of IPv4", "[::1]:8443", "localhost", "127.0.0.1", 8443, false},
        {"a wide network does not open what is reserved in it", "100.64.0.0/10", "g.corp", "100.100.100.200", 80, false},
        {"nor does one of IPv6", "fd00::/8", "g.corp", "fd00:ec2::254", 80, false},
        {"a host may be private", "g.corp", "g.corp", "10.1.2.3", 443, true},
        {"not another host", "g.corp", "h.corp", "10.1.2.3", 443, false},
        {"not a host below it", "g.corp", "x.g.corp", "10.1.2.3", 443, false},
        {"a host does not open loopback", "g.corp", "g.corp", "127.0.0.1", 443, false},
        {"a host does not open metadata", "g.corp", "g.corp", "169.254.169.254", 80, false},
        {"a host with a port", "g.corp:8443", "g.corp", "10.1.2.3", 8443, true},
        {"a host with another port", "g.corp:8443", "g.corp", "10.1.2.3", 443, false},
        {"a host in capitals", "G.Corp", "g.corp", "10.1.2.3", 443, true},
        {"several entries with blanks", " 10.0.0.0/8 , 192.168.1.5,, ", "g.corp", "192.168.1.5", 443, true},
};

static void allows_only_what_is_listed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
		struct sockaddr_storage address = address_of(cases[i].address, cases[i].port);
		struct error err = ERROR_INIT;

		print_message("%s\n", cases[i].sentence);
		if (!address_policy_add(policy, cases[i].entries, &err))
			fail_msg("%s", err.message);
		assert_int_equal(address_policy_allows(policy, cases[i].host, (const struct sockaddr *)&address), cases[i].allowed);
	}
}

static void entries_of_a_host_hold_for_that_host_only(void **state)
{
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	struct sockaddr_storage address = address_of("10.1.2.3", 443);

	(void)state;
	assert_true(address_policy_add_for_host(policy, "g.corp", "10.0.0.0/8", NULL));
	assert_true(address_policy_allows(policy, "g.corp", (const struct sockaddr *)&address));
	assert_false(address_policy_allows(policy, "evil.example", (const struct sockaddr *)&address));
}

static const struct {
	const char *sentence;
	const char *proxy, *host; /* as listed, with port 3128 */
	const char *dialled, *address;
	unsigned port;
	bool allowed;
} proxies[] = {
        {"a named proxy on a private network", "http://p.corp:3128", "p.corp", "http://p.corp:3128", "10.1.2.3", 3128, true},
        {"a named proxy on the internet", "http://p.corp:3128", "p.corp", "http://p.corp:3128", "8.8.8.8", 3128, true},
        {"another port of it", "http://p.corp:3128", "p.corp", "http://p.corp:3128", "10.1.2.3", 443, false},
        {"its name as an instance", "http://p.corp:3128", "p.corp", "p.corp", "10.1.2.3", 3128, false},
        {"another proxy", "http://p.corp:3128", "p.corp", "http://q.corp:3128", "10.1.2.3", 3128, false},
        {"a name does not open loopback", "http://p.corp:3128", "p.corp", "http://p.corp:3128", "127.0.0.1", 3128, false},
        {"the address itself does", "http://127.0.0.1:3128", "127.0.0.1", "http://127.0.0.1:3128", "127.0.0.1", 3128, true},
        {"and not its neighbour", "http://127.0.0.1:3128", "127.0.0.1", "http://127.0.0.1:3128", "127.0.0.2", 3128, false},
        {"nor as an instance", "http://127.0.0.1:3128", "127.0.0.1", "127.0.0.1", "127.0.0.1", 3128, false},
        {"IPv6", "http://[::1]:3128", "::1", "http://[::1]:3128", "::1", 3128, true},
};

static void proxies_are_dialled_as_proxies_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++) {
		CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
		struct sockaddr_storage address = address_of(proxies[i].address, proxies[i].port);

		print_message("%s\n", proxies[i].sentence);
		address_policy_add_proxy(policy, proxies[i].proxy, proxies[i].host, 3128);
		assert_int_equal(address_policy_allows(policy, proxies[i].dialled, (const struct sockaddr *)&address),
		                 proxies[i].allowed);
	}
}

static void families_other_than_ip_are_refused(void **state)
{
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	struct sockaddr address = {.sa_family = AF_UNIX};

	(void)state;
	assert_false(address_policy_allows(policy, "g.corp", &address));
	assert_int_equal(address_classify(&address), ADDRESS_RESERVED);
}

static const struct {
	const char *sentence;
	const char *entry;
} refused[] = {
        {"loopback without a port", "127.0.0.1"},
        {"a network of loopback", "127.0.0.0/8:8443"},
        {"loopback of IPv6 without a port", "::1"},
        {"mapped loopback without a port", "::ffff:127.0.0.1"},
        {"everything", "0.0.0.0/0"},
        {"everything of IPv6", "::/0"},
        {"metadata without a port", "169.254.169.254"},
        {"too many bits", "10.0.0.0/33"},
        {"too many bits of IPv6", "fd00::/129"},
        {"no bits", "10.0.0.0/"},
        {"bits that are no number", "10.0.0.0/x"},
        {"an address inside the network", "10.0.0.1/8"},
        {"a host with bits", "g.corp/8"},
        {"a port that is none", "10.0.0.5:99999"},
        {"an empty port", "g.corp:"},
        {"a short address", "127.1:8443"},
        {"brackets around a name", "[g.corp]:443"},
        {"an address of the web", "https://g.corp"},
        {"a wildcard", "*.corp"},
};

static void add_refuses_what_it_cannot_mean(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
		struct error err = ERROR_INIT;

		print_message("%s\n", refused[i].sentence);
		assert_false(address_policy_add(policy, refused[i].entry, &err));
		assert_int_equal(err.code, ERR_CONFIG_INVALID);
		assert_non_null(strstr(err.message, refused[i].entry));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(classify_follows_the_registries),           cmocka_unit_test(allows_only_what_is_listed),
	        cmocka_unit_test(entries_of_a_host_hold_for_that_host_only), cmocka_unit_test(families_other_than_ip_are_refused),
	        cmocka_unit_test(add_refuses_what_it_cannot_mean),           cmocka_unit_test(proxies_are_dialled_as_proxies_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
