#include "ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct special_v4 {
	uint32_t network;
	unsigned bits;
	enum address_class class;
	const char *reason; /* for the reader, and a debugger */
};

struct special_v6 {
	struct ip_address network;
	unsigned bits;
	enum address_class class;
	const char *reason;
};

/* The first row that matches decides: single addresses stand before the networks that hold them. */
static const struct special_v4 special_v4[] = {
        {0x646464c8, 32, ADDRESS_RESERVED, "100.100.100.200: metadata of Alibaba Cloud"},
        {0xa83f8110, 32, ADDRESS_RESERVED, "168.63.129.16: platform services of Azure, in public space"},
        {0x00000000, 8, ADDRESS_RESERVED, "0.0.0.0/8: this network, RFC 791; 0.0.0.0 reaches the machine itself"},
        {0x0a000000, 8, ADDRESS_PRIVATE, "10.0.0.0/8: private, RFC 1918"},
        {0x64400000, 10, ADDRESS_PRIVATE, "100.64.0.0/10: shared by carriers and clusters, RFC 6598"},
        {0x7f000000, 8, ADDRESS_RESERVED, "127.0.0.0/8: loopback, RFC 1122"},
        {0xa9fe0000, 16, ADDRESS_RESERVED, "169.254.0.0/16: link-local, RFC 3927; metadata of most clouds"},
        {0xac100000, 12, ADDRESS_PRIVATE, "172.16.0.0/12: private, RFC 1918"},
        {0xc0000000, 24, ADDRESS_RESERVED, "192.0.0.0/24: protocol assignments, RFC 6890; metadata of Oracle Cloud"},
        {0xc0000200, 24, ADDRESS_RESERVED, "192.0.2.0/24: documentation, RFC 5737"},
        {0xc0586300, 24, ADDRESS_RESERVED, "192.88.99.0/24: 6to4 relays, withdrawn by RFC 7526"},
        {0xc0a80000, 16, ADDRESS_PRIVATE, "192.168.0.0/16: private, RFC 1918"},
        {0xc6120000, 15, ADDRESS_RESERVED, "198.18.0.0/15: benchmarking, RFC 2544"},
        {0xc6336400, 24, ADDRESS_RESERVED, "198.51.100.0/24: documentation, RFC 5737"},
        {0xcb007100, 24, ADDRESS_RESERVED, "203.0.113.0/24: documentation, RFC 5737"},
        {0xe0000000, 4, ADDRESS_RESERVED, "224.0.0.0/4: multicast, RFC 5771"},
        {0xf0000000, 4, ADDRESS_RESERVED, "240.0.0.0/4: for future use, RFC 1112; 255.255.255.255: broadcast"},
};

static const struct special_v6 special_v6[] = {
        {{{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54}}, 128, ADDRESS_RESERVED, "fd00:ec2::254: metadata of AWS"},
        {{{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54}}, 128, ADDRESS_RESERVED, "fd20:ce::254: metadata of Google Cloud"},
        {{{0xfd, 0x00, 0x00, 0x42, [15] = 0x42}}, 128, ADDRESS_RESERVED, "fd00:42::42: metadata of Scaleway"},
        {{{0xfc}}, 7, ADDRESS_PRIVATE, "fc00::/7: unique local, RFC 4193"},
        {{{0x20, 0x01, 0x00}},
         23,
         ADDRESS_RESERVED,
         "2001::/23: protocol assignments, RFC 2928; Teredo, benchmarking and ORCHID among them"},
        {{{0x20, 0x01, 0x0d, 0xb8}}, 32, ADDRESS_RESERVED, "2001:db8::/32: documentation, RFC 3849"},
        {{{0x20, 0x02}}, 16, ADDRESS_RESERVED, "2002::/16: 6to4, RFC 3056; carries any IPv4 address"},
        {{{0x3f, 0xff}}, 20, ADDRESS_RESERVED, "3fff::/20: documentation, RFC 9637"},
        {{{0x20}}, 3, ADDRESS_PUBLIC, "2000::/3: the only space that is given out for global use"},
        /* What is left: ::, ::1 and IPv4-compatible (::/96), 64:ff9b:1::/48, 100::/64, 5f00::/16, fe80::/10, fec0::/10, ff00::/8.
         */
        {{{0}}, 0, ADDRESS_RESERVED, "everything else is loopback, link-local, multicast, translated or not given out"},
};

static const struct ip_address mapped_prefix = {{[10] = 0xff, 0xff}};
static const struct ip_address nat64_prefix = {{0x00, 0x64, 0xff, 0x9b}};

bool ip_is_in(const struct ip_address *address, const struct ip_address *network, unsigned prefix_bits)
{
	size_t whole = prefix_bits / 8;
	unsigned rest = prefix_bits % 8;

	if (memcmp(address->bytes, network->bytes, whole) != 0)
		return false;
	return rest == 0 || ((address->bytes[whole] ^ network->bytes[whole]) >> (8 - rest)) == 0;
}

static void set_v4(struct ip_address *ret, const void *four_bytes)
{
	struct ip_address mapped = mapped_prefix;

	memcpy(mapped.bytes + 12, four_bytes, 4); /* which may be bytes of *ret */
	*ret = mapped;
}

static void set_v6(struct ip_address *ret, const void *sixteen_bytes)
{
	memcpy(ret->bytes, sixteen_bytes, sizeof(ret->bytes));
	if (ip_is_in(ret, &nat64_prefix, IP_V4_OFFSET_BITS))
		set_v4(ret, ret->bytes + 12);
}

bool ip_parse(const char *text, struct ip_address *ret, bool *ret_is_v4)
{
	struct in_addr v4;
	struct in6_addr v6;

	*ret_is_v4 = inet_pton(AF_INET, text, &v4) == 1;
	if (*ret_is_v4)
		set_v4(ret, &v4);
	else if (inet_pton(AF_INET6, text, &v6) == 1)
		set_v6(ret, &v6);
	else
		return false;
	return true;
}

bool ip_of_sockaddr(const struct sockaddr *address, struct ip_address *ret, unsigned *ret_port)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		set_v4(ret, &v4.sin_addr);
		*ret_port = ntohs(v4.sin_port);
		return true;
	}
	if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		set_v6(ret, &v6.sin6_addr);
		*ret_port = ntohs(v6.sin6_port);
		return true;
	}
	return false;
}

static enum address_class classify_v4(const struct ip_address *address)
{
	const unsigned char *b = address->bytes + 12;
	uint32_t value = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];

	for (size_t i = 0; i < ARRAY_SIZE(special_v4); i++) {
		uint32_t mask = UINT32_MAX << (32 - special_v4[i].bits);
		if ((value & mask) == special_v4[i].network)
			return special_v4[i].class;
	}
	return ADDRESS_PUBLIC;
}

enum address_class ip_classify(const struct ip_address *address)
{
	if (ip_is_in(address, &mapped_prefix, IP_V4_OFFSET_BITS))
		return classify_v4(address);
	for (size_t i = 0; i < ARRAY_SIZE(special_v6); i++) {
		if (ip_is_in(address, &special_v6[i].network, special_v6[i].bits))
			return special_v6[i].class;
	}
	return ADDRESS_RESERVED;
}
