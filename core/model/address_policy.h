#pragma once
/*
 * address_policy — which network addresses may be dialled.
 *
 * Public addresses may. Loopback, link-local, multicast, unspecified, broadcast, metadata, documentation, benchmarking, 6to4 and
 * Teredo only where an entry lists the very address and port; private ranges (RFC 1918, 100.64/10, fc00::/7) only where an entry
 * lists a network or address. A v4-mapped or NAT64 address is judged as the IPv4 address in it. Entries come from ACP_EGRESS_ALLOW
 * and from the operator's instances. Pure; the check is made on the address that is connected to. Floor: model.
 */
#include "error.h"
#include <sys/socket.h>

struct address_policy; /* immutable after building; safe for threads */

struct address_policy *address_policy_new(void);
void address_policy_freep(struct address_policy **p);

/*
 * Adds the comma-separated entries of ACP_EGRESS_ALLOW: "10.0.0.0/8", "192.168.1.5", "127.0.0.1:8443", "[::1]:8443", "fd00::/8",
 * "[fd00::/8]:8443", "10.0.0.0/8:8443", "gitlab.corp", "gitlab.corp:8443". Loopback and the other reserved kinds need an exact
 * address (no network) and a port; ERR_CONFIG_INVALID says so. A host entry allows private addresses for connections to that host
 * name.
 */
bool address_policy_add(struct address_policy *p, const char *entries, struct error *err) MUST_CHECK;

/* The same for connections to one host name only (lower case, IPv6 without brackets): the networks of an instance. */
bool address_policy_add_for_host(struct address_policy *p, const char *host, const char *entries, struct error *err) MUST_CHECK;

/*
 * A proxy that the operator listed. Of a name the private and public addresses may be dialled, of an address that very one, both at
 * this port alone. `proxy` is its whole address ("http://proxy.corp:3128") and what address_policy_allows is asked with: no host
 * looks like that, so whoever names the proxy as an instance gains nothing by its being listed.
 */
void address_policy_add_proxy(struct address_policy *p, const char *proxy, const char *host, unsigned port);

/*
 * A policy for one host alone, whatever else is public: of a name the private and public addresses, of an address that very one,
 * both at this port. `host` in lower case, IPv6 without brackets.
 */
struct address_policy *address_policy_new_for(const char *host, unsigned port);

enum address_class { ADDRESS_PUBLIC, ADDRESS_PRIVATE, ADDRESS_RESERVED };
enum address_class address_classify(const struct sockaddr *address);

/* `host` is the name that was asked for (lower case), or the proxy that is gone through. */
bool address_policy_allows(const struct address_policy *p, const char *host, const struct sockaddr *address);
