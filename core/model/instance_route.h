#pragma once
/*
 * instance_route — how an instance's server is reached: whose CA vouches for it, and through which proxy. Strings are borrowed from
 * the operator's instances; nothing of it ever comes from the environment or from users. Floor: model.
 */
#include "error.h"

struct instance_route {
	const char *ca_file; /* its own CA instead of the client's; NULL: the client's */
	const char *proxy;   /* "http://proxy.corp:3128", as proxy_url_parse wrote it; NULL: none */
};
#define INSTANCE_ROUTE_INIT ZERO_INIT

/* The address of a proxy. Strings owned. */
struct proxy_url {
	char *text; /* canonical, always with its port: "http://proxy.corp:3128" */
	char *host; /* lower case, IPv6 without brackets */
	unsigned port;
};
#define PROXY_URL_INIT ZERO_INIT

/* http or https, a host, a port, and nothing else. ERR_CONFIG_INVALID says what is wrong, and never repeats credentials. */
bool proxy_url_parse(const char *text, struct proxy_url *ret, struct error *err) MUST_CHECK;
void proxy_url_release(struct proxy_url *url);
