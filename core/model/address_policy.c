#include "address_policy.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ascii.h"
#include "host_name.h"
#include "ip_address.h"
#include "url_parts.h"

struct entry {
	char *for_host; /* only for connections to this name; NULL: to any */
	char *name;     /* a host entry: the name that may have private addresses; NULL: a network */
	struct ip_address network;
	unsigned bits;
	unsigned port; /* 0: any */
};

struct address_policy {
	struct entry *entries;
	size_t count;
	char *only; /* the one host that may be dialled; NULL: any */
};

struct address_policy *address_policy_new(void)
{
	return xcalloc(1, sizeof(struct address_policy));
}

struct address_policy *address_policy_new_for(const char *host, unsigned port)
{
	struct address_policy *p = address_policy_new();

	address_policy_add_proxy(p, host, host, port);
	p->only = xstrdup(host);
	return p;
}

static void entry_release(struct entry *e)
{
	free(e->for_host);
	free(e->name);
}

void address_policy_freep(struct address_policy **p)
{
	if (!*p)
		return;
	for (size_t i = 0; i < (*p)->count; i++)
		entry_release(&(*p)->entries[i]);
	free((*p)->entries);
	free((*p)->only);
	free(*p);
	*p = NULL;
}

/* Cuts ":port" off the end of `text`; colons inside brackets and those of a bare IPv6 address are none. */
static bool cut_port(char *text, unsigned *ret_port)
{
	char *bracket = strrchr(text, ']');
	char *colon = strchr(bracket ? bracket : text, ':');

	if (!colon || (!bracket && strchr(colon + 1, ':')))
		return true;
	*colon = '\0';
	return url_port_parse(colon + 1, ret_port);
}

/* Cuts "/bits" off the end of `text`; false for anything but a decimal number. */
static bool cut_prefix(char *text, bool *ret_given, unsigned *ret_bits)
{
	char *slash = strchr(text, '/');
	unsigned bits = 0;

	*ret_given = slash != NULL;
	if (!slash)
		return true;
	*slash = '\0';
	size_t length = strlen(slash + 1);
	if (length == 0 || length > 3)
		return false;
	for (const char *c = slash + 1; *c; c++) {
		if (!ascii_is_digit(*c))
			return false;
		bits = bits * 10 + (unsigned)(*c - '0');
	}
	*ret_bits = bits;
	return true;
}

static bool has_host_bits(const struct ip_address *address, unsigned bits)
{
	for (unsigned i = bits; i < IP_BITS; i++) {
		if (address->bytes[i / 8] & (0x80 >> (i % 8)))
			return true;
	}
	return false;
}

/* NULL, or what is wrong with a network or address. `*ret_is_address` false: `text` is neither, and may be a host name. */
static const char *read_network(char *text, struct entry *e, bool *ret_is_address)
{
	bool is_v4 = false, given = false;
	unsigned bits = 0;

	if (!cut_prefix(text, &given, &bits))
		return "the number of network bits is wrong";
	*ret_is_address = ip_parse(text, &e->network, &is_v4);
	if (!*ret_is_address)
		return given ? "it is not a network" : NULL;
	if (bits > (is_v4 ? 32u : (unsigned)IP_BITS))
		return "the number of network bits is wrong";
	e->bits = given ? bits + (is_v4 ? IP_V4_OFFSET_BITS : 0u) : (unsigned)IP_BITS;
	if (has_host_bits(&e->network, e->bits))
		return "the address is not the first of the network";
	if (ip_classify(&e->network) == ADDRESS_RESERVED && (e->bits < IP_BITS || e->port == 0))
		return "loopback, link-local, metadata and other reserved addresses need the exact address and a port, as in "
		       "127.0.0.1:8443";
	return NULL;
}

static const char *read_entry(char *text, struct entry *e)
{
	const char *problem = NULL;
	bool is_address = false;
	size_t length;

	if (!cut_port(text, &e->port))
		return "the port is not a number from 1 to 65535";
	length = strlen(text);
	if (text[0] == '[' && length > 1 && text[length - 1] == ']') {
		text[length - 1] = '\0';
		problem = read_network(text + 1, e, &is_address);
		return problem || is_address ? problem : "it is not an IPv6 address";
	}
	problem = read_network(text, e, &is_address);
	if (problem || is_address)
		return problem;
	return host_name_read(text, length, &e->name, &problem) ? NULL : "it is not an address, a network or a host name";
}

static bool add_entry(struct address_policy *p, const char *host, const char *text, size_t length, struct error *err)
{
	CLEANUP(freep) char *whole = xstrndup(text, length);
	CLEANUP(freep) char *entry_text = url_trim(whole);
	CLEANUP(entry_release) struct entry e = {0};

	if (entry_text[0] == '\0')
		return true;
	const char *problem = read_entry(entry_text, &e);
	if (problem)
		return error_set(err, ERR_CONFIG_INVALID, "The entry '%.100s' cannot be allowed: %s.", whole, problem);
	e.for_host = xstrdup(host);
	p->entries = xrealloc(p->entries, (p->count + 1) * sizeof(*p->entries));
	p->entries[p->count++] = e;
	e = (struct entry){0};
	return true;
}

bool address_policy_add_for_host(struct address_policy *p, const char *host, const char *entries, struct error *err)
{
	while (true) {
		size_t length = strcspn(entries, ",");
		if (!add_entry(p, host, entries, length, err))
			return false;
		if (entries[length] == '\0')
			return true;
		entries += length + 1;
	}
}

bool address_policy_add(struct address_policy *p, const char *entries, struct error *err)
{
	return address_policy_add_for_host(p, NULL, entries, err);
}

void address_policy_add_proxy(struct address_policy *p, const char *proxy, const char *host, unsigned port)
{
	struct entry e = {.for_host = xstrdup(proxy), .bits = IP_BITS, .port = port};
	bool is_v4;

	if (!ip_parse(host, &e.network, &is_v4))
		e.name = xstrdup(proxy);
	p->entries = xrealloc(p->entries, (p->count + 1) * sizeof(*p->entries));
	p->entries[p->count++] = e;
}

enum address_class address_classify(const struct sockaddr *address)
{
	struct ip_address ip;
	unsigned port;

	return ip_of_sockaddr(address, &ip, &port) ? ip_classify(&ip) : ADDRESS_RESERVED;
}

static bool entry_allows(const struct entry *e, const char *host, const struct ip_address *ip, unsigned port,
                         enum address_class class)
{
	if (e->for_host && strcmp(e->for_host, host) != 0)
		return false;
	if (e->port != 0 && e->port != port)
		return false;
	if (e->name)
		return class == ADDRESS_PRIVATE && strcmp(e->name, host) == 0;
	/* A wide network may hold reserved addresses; it does not open them. */
	if (class == ADDRESS_RESERVED && (e->bits < IP_BITS || e->port == 0))
		return false;
	return ip_is_in(ip, &e->network, e->bits);
}

bool address_policy_allows(const struct address_policy *p, const char *host, const struct sockaddr *address)
{
	struct ip_address ip;
	unsigned port;

	if (!ip_of_sockaddr(address, &ip, &port))
		return false;
	enum address_class class = ip_classify(&ip);
	if (p->only && (strcmp(p->only, host) != 0 || p->entries[0].port != port))
		return false;
	/* An address that is named stands for itself alone; what a name has changes. */
	if (class == ADDRESS_PUBLIC && (!p->only || p->entries[0].name))
		return true;
	for (size_t i = 0; i < p->count; i++) {
		if (entry_allows(&p->entries[i], host, &ip, port, class))
			return true;
	}
	return false;
}
