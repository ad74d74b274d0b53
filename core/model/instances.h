#pragma once
/*
 * instances — what the operator says about servers of GitLab and GitHub (ACP_INSTANCES_FILE): a JSON array of {"name", "url",
 * "provider"? "gitlab" or "github", "caFile"?, "networks"? [..], "proxy"?, "insecureHttp"? bool}. Servers that are not listed work
 * too, by the defaults. A server has one way to it: entries of the same scheme, host and port agree in CA file and proxy, and what
 * is not listed there goes that way, too. Floor: model.
 */
#include "address_policy.h"
#include "instance_route.h"
#include "provider.h"

struct instance_entry {
	char *name;
	struct instance_url url; /* its root may have several segments */
	enum provider provider;  /* UNKNOWN: not told */
	char *ca_file;           /* NULL: none of its own */
	char *proxy;             /* canonical; NULL: none. Never with http, where it would read the token */
	bool insecure_http;
};
struct instances {
	struct instance_entry *items;
	size_t count;
};
#define INSTANCES_INIT ZERO_INIT

/* `path` "" gives none. Adds the listed networks to `policy` for the instance's host, and the proxies. ERR_CONFIG_INVALID names
 * entry and member. */
bool instances_load(const char *path, struct address_policy *policy, struct instances *ret, struct error *err) MUST_CHECK;
void instances_release(struct instances *instances);

/* `instances` NULL is none, here and below. */

/* The entry of this canonical instance URL; NULL if none. */
const struct instance_entry *instances_find(const struct instances *instances, const char *canonical_url);

/* The entry that a repository's address is on, of nested roots the deepest; NULL if none. */
const struct instance_entry *instances_find_for(const struct instances *instances, const struct repo_url *url);

/* How the server of this instance is reached; borrows from `instances`. */
struct instance_route instances_route(const struct instances *instances, const struct instance_url *url);

/* An instance's address as a user wrote it: instance_url_parse, and roots of several segments where the list has them. */
bool instances_parse_url(const struct instances *instances, const char *text, struct instance_url *ret,
                         struct error *err) MUST_CHECK;
