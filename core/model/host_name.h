#pragma once
/*
 * host_name — judges and normalises the host of an address: a DNS name, a dotted decimal IPv4 address or a bracketed IPv6 address.
 *
 * Other numeric spellings ("0x7f.1", "2130706433", "127.1") are refused: resolvers read them as addresses, people as names. So are
 * names that are not ASCII: letters of other scripts look like ASCII ones, and the ASCII form ("xn--…") shows which host is meant.
 * Never resolves anything. Floor: model, private.
 */
#include "caps.h"
#include "span.h"

enum { HOST_NAME_SIZE = LIMIT_HOST_MAX + 1 };

/* The sentence of a host that is not ASCII, for callers that have a remedy for it, and that remedy. */
extern const char host_name_not_ascii[];
#define HOST_NAME_ASCII_REMEDY                                                                                                     \
	"Write the host name in its ASCII form, where each part with other letters begins with 'xn--' (punycode); the browser's "  \
	"certificate view shows it."

/*
 * Writes the host that `text` names and a NUL: in lower case, without a trailing dot, IPv6 in its shortest form and without
 * brackets. Returns its length. 0: it is not a host; then *ret_problem is a static sentence for the user.
 */
size_t host_name_write(struct span text, char ret_host[HOST_NAME_SIZE], const char **ret_problem) MUST_CHECK;

/* The same for the `length` bytes at `text`; *ret_host is a copy, which the caller frees. */
bool host_name_read(const char *text, size_t length, char **ret_host, const char **ret_problem) MUST_CHECK;

/* Whether the host is an IPv6 address, which is written in brackets in an address. */
bool host_name_needs_brackets(const char *host);
