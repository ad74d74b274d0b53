#pragma once
/*
 * instance_url — the address of a GitLab instance: scheme, host, optional port, optional relative root.
 *
 * Parses and judges; never touches the network. The canonical text ("https://gitlab.company.com", "https://host:8443/gitlab") is
 * what is stored, shown and compared. Floor: model.
 */
#include "error.h"

struct instance_url {
	char *text;    /* canonical: lower-case scheme and host, no default port, no trailing slash. Owned, as all below */
	char *host;    /* lower case, no trailing dot, IPv6 without brackets */
	unsigned port; /* always filled: 443, 80 or the given one */
	char *root;    /* "", "/gitlab" or, where that is known to be one, "/apps/gitlab" */
	bool https;
};
#define INSTANCE_URL_INIT ZERO_INIT

#define GITLAB_COM "https://gitlab.com"

/*
 * NULL or "" means https://gitlab.com. One trailing slash is accepted and dropped. ERR_INSTANCE_URL_INVALID (with the corrected
 * address as remedy where one can be guessed) for: no scheme, another scheme than http(s), user info, query, fragment, /api/v4,
 * a pasted repository or sign-in page, numeric IP spellings other than dotted decimal or bracketed IPv6 ("0x7f.1", "2130706433"),
 * control characters, backslash, "%", empty host, IDN that is not ASCII (the remedy gives the punycode rule), more than
 * LIMIT_URL_MAX. http passes here (`https` false): whether it is allowed is the caller's decision (ERR_INSTANCE_INSECURE).
 */
bool instance_url_parse(const char *text, struct instance_url *ret, struct error *err) MUST_CHECK;

/*
 * A relative root of several segments looks like the address of a repository: somebody has to know that it is none. `knows` tells
 * it of a canonical address, and is asked from the deepest possible root upwards.
 */
struct instance_roots {
	bool (*knows)(const void *context, const char *canonical_url);
	const void *context;
};
bool instance_url_parse_among(const struct instance_roots *roots, const char *text, struct instance_url *ret,
                              struct error *err) MUST_CHECK;

/* What an operator lists, or what was stored after it was once accepted: roots of any depth pass. */
bool instance_url_parse_stored(const char *text, struct instance_url *ret, struct error *err) MUST_CHECK;
void instance_url_release(struct instance_url *url);

/* "host" or "host:port" where the port is not the scheme's default. Caller frees. */
char *instance_url_authority(const struct instance_url *url) MUST_CHECK;
