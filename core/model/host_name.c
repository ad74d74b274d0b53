#include "host_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "alloc.h"

enum { LABEL_MAX = 63 }; /* RFC 1035 */

const char host_name_not_ascii[] = "its host is not written in ASCII";

static size_t fail(const char **ret_problem, const char *problem)
{
	*ret_problem = problem;
	return 0;
}

static size_t write_ipv6(struct span text, char *ret_host, const char **ret_problem)
{
	char inner[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (text.start[text.length - 1] != ']')
		return fail(ret_problem, "the bracket of its IPv6 address is not closed");
	size_t length = text.length >= 2 ? text.length - 2 : 0;
	if (length >= sizeof(inner))
		return fail(ret_problem, "its host is not an IPv6 address");
	memcpy(inner, text.start + 1, length);
	inner[length] = '\0';
	if (inet_pton(AF_INET6, inner, &address) != 1 || !inet_ntop(AF_INET6, &address, ret_host, HOST_NAME_SIZE))
		return fail(ret_problem, "its host is not an IPv6 address");
	return strlen(ret_host);
}

/* Whether a resolver may read a name with this last label as a number (the rule of the WHATWG URL standard). */
static bool is_numeric_label(struct span label)
{
	if (span_is_digits(label))
		return true;
	if (label.length < 2 || label.start[0] != '0' || ascii_lower(label.start[1]) != 'x')
		return false;
	for (size_t i = 2; i < label.length; i++) {
		if (!ascii_is_hex(label.start[i]))
			return false;
	}
	return true;
}

static const char *label_problem(struct span label)
{
	if (label.length == 0)
		return "its host has an empty part";
	if (label.length > LABEL_MAX)
		return "a part of its host is longer than 63 characters";
	if (label.start[0] == '-' || label.start[label.length - 1] == '-')
		return "a part of its host begins or ends with a hyphen";
	for (size_t i = 0; i < label.length; i++) {
		if (!ascii_is_alnum(label.start[i]) && label.start[i] != '-' && label.start[i] != '_')
			return "its host has a character that host names do not have";
	}
	return NULL;
}

/* *ret_last takes the last label, which decides whether the name is a number. */
static const char *labels_problem(struct span name, struct span *ret_last)
{
	struct span rest = name, label;

	do {
		const char *dot = span_find(rest, '.');
		label = span_between(rest.start, dot ? dot : span_end(rest));
		const char *problem = label_problem(label);
		if (problem)
			return problem;
		rest = span_from(rest, label.length + (dot ? 1 : 0));
	} while (span_end(label) < span_end(name));
	*ret_last = label;
	return NULL;
}

static bool is_ascii(struct span text)
{
	unsigned char all = 0;

	for (size_t i = 0; i < text.length; i++)
		all |= (unsigned char)text.start[i];
	return all < 0x80;
}

size_t host_name_write(struct span text, char ret_host[HOST_NAME_SIZE], const char **ret_problem)
{
	struct in_addr address;

	if (text.length == 0)
		return fail(ret_problem, "it has no host");
	if (!is_ascii(text))
		return fail(ret_problem, host_name_not_ascii);
	if (text.start[0] == '[')
		return write_ipv6(text, ret_host, ret_problem);
	if (text.start[text.length - 1] == '.')
		text.length--;
	if (text.length == 0)
		return fail(ret_problem, "it has no host");
	if (text.length > LIMIT_HOST_MAX)
		return fail(ret_problem, "its host is longer than 253 characters");

	struct span last;
	const char *problem = labels_problem(text, &last);
	if (problem)
		return fail(ret_problem, problem);
	for (size_t i = 0; i < text.length; i++)
		ret_host[i] = ascii_lower(text.start[i]);
	ret_host[text.length] = '\0';
	if (is_numeric_label(last) && inet_pton(AF_INET, ret_host, &address) != 1)
		return fail(ret_problem, "its host is a number; an IPv4 address has four decimal parts without leading zeros");
	return text.length;
}

bool host_name_read(const char *text, size_t length, char **ret_host, const char **ret_problem)
{
	char host[HOST_NAME_SIZE];
	size_t host_length = host_name_write((struct span){text, length}, host, ret_problem);

	if (host_length == 0)
		return false;
	*ret_host = xstrndup(host, host_length);
	return true;
}

bool host_name_needs_brackets(const char *host)
{
	return strchr(host, ':') != NULL;
}
