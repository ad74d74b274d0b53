#include "instance_route.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "caps.h"
#include "host_name.h"
#include "url_parts.h"

void proxy_url_release(struct proxy_url *url)
{
	free(url->text);
	free(url->host);
	*url = (struct proxy_url)PROXY_URL_INIT;
}

/* What is wrong with everything but the host and the port's number; NULL: nothing. */
static const char *problem_of(const struct url_parts *parts)
{
	if (strcmp(parts->scheme, "http") != 0 && strcmp(parts->scheme, "https") != 0)
		return "it must begin with http:// or https://";
	if (parts->has_user_info)
		return "credentials of proxies are not supported";
	if (parts->has_query || parts->has_fragment || (parts->path[0] != '\0' && strcmp(parts->path, "/") != 0))
		return "only a host and a port may follow its scheme";
	/* The port that a missing one would mean differs from program to program. */
	return parts->port ? NULL : "its port is missing";
}

static bool refuse(const char *problem, struct error *err)
{
	return error_set(err, ERR_CONFIG_INVALID, "'proxy' is not the address of a proxy: %s.", problem);
}

bool proxy_url_parse(const char *text, struct proxy_url *ret, struct error *err)
{
	CLEANUP(url_parts_release) struct url_parts parts = URL_PARTS_INIT;
	CLEANUP(strbuf_release) struct strbuf canonical = STRBUF_INIT(LIMIT_URL_MAX);
	CLEANUP(freep) char *host = NULL;
	const char *problem;
	unsigned port;

	if (url_has_forbidden_byte(text) || !url_split(text, &parts))
		return refuse("it must look like http://proxy.example:3128", err);
	problem = problem_of(&parts);
	if (problem || !host_name_read(parts.host, strlen(parts.host), &host, &problem))
		return refuse(problem, err);
	if (!url_port_parse(parts.port, &port))
		return refuse("its port is not a number from 1 to 65535", err);

	strbuf_addf(&canonical, "%s://", parts.scheme);
	url_add_authority(&canonical, "", host, port); /* no scheme, no default port: it is always written */
	*ret = (struct proxy_url){.text = strbuf_detach(&canonical), .host = TAKE(host), .port = port};
	return true;
}
