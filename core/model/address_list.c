#include "address_list.h"

#include "ip_address.h"

#include <stdlib.h>
#include <string.h>

struct network {
	struct ip_address address;
	unsigned bits;
};

static bool parse_bits(const char *text, unsigned max, unsigned *ret)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 3 || text[digits])
		return false;
	*ret = (unsigned)strtoul(text, NULL, 10);
	return *ret <= max;
}

/* "10.0.0.0/8" or one address. Bits are counted in the 16-byte form. */
static bool parse_network(const char *entry, size_t length, struct network *ret)
{
	char text[64];
	char *slash;
	bool is_v4;
	unsigned bits = IP_BITS;

	if (length == 0 || length >= sizeof(text))
		return false;
	memcpy(text, entry, length);
	text[length] = '\0';
	slash = strchr(text, '/');
	if (slash)
		*slash = '\0';
	if (!ip_parse(text, &ret->address, &is_v4))
		return false;
	if (slash && !parse_bits(slash + 1, is_v4 ? IP_BITS - IP_V4_OFFSET_BITS : IP_BITS, &bits))
		return false;
	ret->bits = slash && is_v4 ? bits + IP_V4_OFFSET_BITS : bits;
	return true;
}

/* The next entry without blanks around it; false at the end. An empty list has none. */
static bool next_entry(const char **at, const char **ret_entry, size_t *ret_length)
{
	if (!*at || !**at)
		return false;
	*at += strspn(*at, " ");
	*ret_entry = *at;
	*ret_length = strcspn(*at, ",");
	*at += *ret_length;
	if (**at == ',')
		(*at)++;
	while (*ret_length > 0 && (*ret_entry)[*ret_length - 1] == ' ')
		(*ret_length)--;
	return true;
}

bool address_list_check(const char *list, struct error *err)
{
	const char *entry;
	size_t length;

	while (next_entry(&list, &entry, &length)) {
		struct network network;

		if (!parse_network(entry, length, &network))
			return error_set(err, ERR_CONFIG_INVALID, "'%.*s' is neither an address nor a network.",
			                 (int)(length < 80 ? length : 80), entry);
	}
	return true;
}

bool address_list_has(const char *list, const char *address)
{
	struct ip_address asked;
	const char *entry;
	size_t length;
	bool is_v4;

	if (!ip_parse(address, &asked, &is_v4))
		return false;
	while (next_entry(&list, &entry, &length)) {
		struct network network;

		if (parse_network(entry, length, &network) && ip_is_in(&asked, &network.address, network.bits))
			return true;
	}
	return false;
}
