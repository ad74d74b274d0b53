#include "router.h"

#include <string.h>

#include "alloc.h"

void route_parameters_release(struct route_parameters *parameters)
{
	free(parameters->project);
	free(parameters->session);
	free(parameters->repository);
	*parameters = (struct route_parameters)ROUTE_PARAMETERS_INIT;
}

static char **parameter_slot(struct route_parameters *parameters, const char *name, size_t length)
{
	if (length == 7 && memcmp(name, "project", length) == 0)
		return &parameters->project;
	if (length == 7 && memcmp(name, "session", length) == 0)
		return &parameters->session;
	return &parameters->repository;
}

/* One segment of a pattern against one of a path. */
static bool segment_matches(const char *pattern, size_t length, const char *segment, struct route_parameters *ret)
{
	const char *brace = pattern[0] == '{' ? memchr(pattern, '}', length) : NULL;
	size_t segment_length = strlen(segment), suffix_length;

	if (!brace)
		return segment_length == length && memcmp(segment, pattern, length) == 0;
	suffix_length = length - (size_t)(brace + 1 - pattern);
	if (segment_length <= suffix_length || memcmp(segment + segment_length - suffix_length, brace + 1, suffix_length) != 0)
		return false;
	char **slot = parameter_slot(ret, pattern + 1, (size_t)(brace - pattern - 1));
	free(*slot);
	*slot = xstrndup(segment, segment_length - suffix_length);
	return true;
}

static bool pattern_matches(const char *pattern, const struct request *request, struct route_parameters *ret)
{
	size_t i = 0;

	while (*pattern == '/') {
		size_t length = strcspn(++pattern, "/");

		if (i == request->segment_count || !segment_matches(pattern, length, request->segments[i++], ret))
			return false;
		pattern += length;
	}
	return i == request->segment_count;
}

static bool method_matches(const struct route *route, const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		return strcmp(route->method, "GET") == 0 && route->body != BODY_STREAM;
	return strcmp(route->method, method) == 0;
}

static void add_allowed(struct strbuf *allow, const char *method)
{
	strbuf_addf(allow, "%s%s", allow->length ? ", " : "", method);
}

bool router_find(const struct request *request, unsigned pools, const struct route **ret, struct route_parameters *ret_parameters,
                 char *ret_allow, size_t allow_size, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf allow = STRBUF_INIT(allow_size - 1);

	for (size_t i = 0; i < route_count; i++) {
		CLEANUP(route_parameters_release) struct route_parameters parameters = ROUTE_PARAMETERS_INIT;
		const struct route *route = &routes[i];

		if (!(route->pools & pools) || !pattern_matches(route->pattern, request, &parameters))
			continue;
		if (method_matches(route, request->method)) {
			*ret = route;
			*ret_parameters = parameters;
			parameters = (struct route_parameters)ROUTE_PARAMETERS_INIT;
			return true;
		}
		add_allowed(&allow, route->method);
		if (method_matches(route, "HEAD"))
			add_allowed(&allow, "HEAD");
	}
	if (allow.length == 0)
		return error_set(err, ERR_NOT_FOUND, "There is no such address on this service.");
	memcpy(ret_allow, allow.data, allow.length + 1);
	return error_set(err, ERR_METHOD_NOT_ALLOWED, "This address does not take the method of the request.");
}
