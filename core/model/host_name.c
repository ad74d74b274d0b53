#include "host_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "alloc.h"
#include "ascii.h"
#include "caps.h"

enum { LABEL_MAX = 63 }; /* RFC 1035 */

static bool fail(const char **ret_problem, const char *problem)
{
	*ret_problem = problem;
	return false;
}

static bool read_ipv6(const char *text, size_t length, char **ret_host, const char **ret_problem)
{
	char shortest[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (text[length - 1] != ']')
		return fail(ret_problem, "the bracket of its IPv6 address is not closed");
	CLEANUP(freep) char *inner = xstrndup(text + 1, length - 2);
	if (inet_pton(AF_INET6, inner, &address) != 1 || !inet_ntop(AF_INET6, &address, shortest, sizeof(shortest)))
		return fail(ret_problem, "its host is not an IPv6 address");
	*ret_host = xstrdup(shortest);
	return true;
}

/* Whether a resolver may read a name with this last label as a number (the rule of the WHATWG URL standard). */
static bool is_numeric_label(const char *label, size_t length)
{
	size_t i = 0;
	bool hex = length >= 2 && label[0] == '0' && ascii_lower(label[1]) == 'x';

	for (i = hex ? 2 : 0; i < length; i++) {
		if (hex ? !ascii_is_hex(label[i]) : !ascii_is_digit(label[i]))
			return false;
	}
	return true;
}

static const char *label_problem(const char *label, size_t length)
{
	if (length == 0)
		return "its host has an empty part";
	if (length > LABEL_MAX)
		return "a part of its host is longer than 63 characters";
	if (label[0] == '-' || label[length - 1] == '-')
		return "a part of its host begins or ends with a hyphen";
	for (size_t i = 0; i < length; i++) {
		if (!ascii_is_alnum(label[i]) && label[i] != '-' && label[i] != '_')
			return "its host has a character that host names do not have";
	}
	return NULL;
}

static const char *name_problem(const char *name, size_t length)
{
	size_t start = 0;

	for (size_t i = 0; i <= length; i++) {
		if (i < length && name[i] != '.')
			continue;
		const char *problem = label_problem(name + start, i - start);
		if (problem)
			return problem;
		if (i == length && is_numeric_label(name + start, i - start))
			return "its host is a number; an IPv4 address has four decimal parts without leading zeros";
		start = i + 1;
	}
	return NULL;
}

bool host_name_read(const char *text, size_t length, char **ret_host, const char **ret_problem)
{
	struct in_addr address;

	if (length == 0)
		return fail(ret_problem, "it has no host");
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] >= 0x80)
			return fail(ret_problem, "its host is not written in ASCII");
	}
	if (text[0] == '[')
		return read_ipv6(text, length, ret_host, ret_problem);
	if (text[length - 1] == '.')
		length--;
	if (length == 0)
		return fail(ret_problem, "it has no host");
	if (length > LIMIT_HOST_MAX)
		return fail(ret_problem, "its host is longer than 253 characters");

	CLEANUP(freep) char *host = xstrndup(text, length);
	for (char *c = host; *c; c++)
		*c = ascii_lower(*c);
	if (inet_pton(AF_INET, host, &address) != 1) {
		const char *problem = name_problem(host, length);
		if (problem)
			return fail(ret_problem, problem);
	}
	*ret_host = TAKE(host);
	return true;
}

bool host_name_needs_brackets(const char *host)
{
	return strchr(host, ':') != NULL;
}
