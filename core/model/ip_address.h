#pragma once
/*
 * ip_address — one form for every network address, and its class by IANA's special-purpose registries.
 *
 * All addresses are 16 bytes; IPv4 is kept as ::ffff:a.b.c.d. Forms that a router or the kernel turns back into an IPv4 address
 * (v4-mapped, NAT64) are unwrapped, so that a rule about 127.0.0.1 cannot be walked around. Floor: model, private.
 */
#include "address_policy.h"

struct ip_address {
	unsigned char bytes[16];
};

enum { IP_BITS = 128, IP_V4_OFFSET_BITS = 96 };

/* From "10.0.0.1" or "fd00::1" (no brackets, no zone). *ret_is_v4: written as IPv4. */
bool ip_parse(const char *text, struct ip_address *ret, bool *ret_is_v4) MUST_CHECK;
/* False: neither IPv4 nor IPv6. */
bool ip_of_sockaddr(const struct sockaddr *address, struct ip_address *ret, unsigned *ret_port) MUST_CHECK;

bool ip_is_in(const struct ip_address *address, const struct ip_address *network, unsigned prefix_bits);
enum address_class ip_classify(const struct ip_address *address);
