#pragma once
/*
 * host_name — judges and normalises the host of an address: a DNS name, a dotted decimal IPv4 address or a bracketed IPv6 address.
 *
 * Other numeric spellings ("0x7f.1", "2130706433", "127.1") are refused: resolvers read them as addresses, people as names.
 * Never resolves anything. Floor: model, private.
 */
#include "macros.h"

/*
 * Reads the `length` bytes at `text`. *ret_host (caller frees) is in lower case, without a trailing dot, IPv6 in its shortest form
 * and without brackets. On failure *ret_problem is a static sentence for the user.
 */
bool host_name_read(const char *text, size_t length, char **ret_host, const char **ret_problem) MUST_CHECK;

/* Whether the host is an IPv6 address, which is written in brackets in an address. */
bool host_name_needs_brackets(const char *host);
