#include "instance_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "ascii.h"
#include "caps.h"
#include "host_name.h"
#include "path_text.h"
#include "url_parts.h"

/* First segments of GitLab's own pages: reserved there, so never the relative root of an installation nor a group. */
static const char *const page_names[] = {"-",     "admin",   "dashboard", "explore", "groups",   "help",
                                         "oauth", "profile", "projects",  "search",  "snippets", "users"};

/* What is right about an address, to build the corrected one from. */
struct reading {
	struct url_parts parts;
	char *host;
	unsigned port;       /* 0: none was given */
	char *root;          /* the relative root that is meant */
	const char *problem; /* NULL: the address is good. Static text */
	bool idn;
};

static void reading_release(struct reading *r)
{
	url_parts_release(&r->parts);
	free(r->host);
	free(r->root);
}

static void note(struct reading *r, const char *problem)
{
	if (!r->problem)
		r->problem = problem;
}

static bool is_page_name(const char *segment)
{
	for (size_t i = 0; i < ARRAY_SIZE(page_names); i++) {
		if (strcmp(segment, page_names[i]) == 0)
			return true;
	}
	return false;
}

static bool is_root_segment(const char *segment)
{
	if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
		return false;
	for (const char *c = segment; *c; c++) {
		if (!ascii_is_alnum(*c) && !strchr("-_.", *c))
			return false;
	}
	return segment[0] != '\0';
}

/* The number of leading segments before "api/v4", "users/sign_in" or a "-" that can only follow the root; count if there is none.
 */
static size_t page_start(const struct path_segments *path)
{
	for (size_t i = 0; i < path->count && i < 2; i++) {
		const char *next = i + 1 < path->count ? path->items[i + 1] : "";
		const char *segment = path->items[i];
		if (strcmp(segment, "api") == 0 || strcmp(segment, "-") == 0)
			return i;
		if (strcmp(segment, "users") == 0 && strcmp(next, "sign_in") == 0)
			return i;
	}
	return path->count;
}

/* Why this path is not a relative root; NULL: it is one, or empty. */
static const char *not_a_root(const struct reading *r, const struct path_segments *path)
{
	if (path->count == 0)
		return NULL;
	if (path->count >= 2 || path_has_git_suffix(path->items[0]))
		return "it looks like the address of a repository";
	if (is_page_name(path->items[0]))
		return "it is the address of a page";
	if (strcmp(r->host, "gitlab.com") == 0)
		return "gitlab.com has no sub-path";
	return is_root_segment(path->items[0]) ? NULL : "its path has characters that a sub-path of GitLab does not have";
}

static char *canonical_text(const struct reading *r)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_URL_MAX);

	strbuf_addf(&text, "%s://", r->parts.scheme);
	url_add_authority(&text, r->parts.scheme, r->host, r->port);
	strbuf_add_string(&text, r->root);
	return strbuf_detach(&text);
}

/* Whether the first `count` segments can be a relative root of several. */
static bool can_be_deep_root(const struct path_segments *path, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_root_segment(path->items[i]) || strcmp(path->items[i], "-") == 0)
			return false;
	}
	return !is_page_name(path->items[0]) && !path_has_git_suffix(path->items[count - 1]);
}

/* Takes the deepest root of several segments that is known to be one; returns their number, 0 without one. */
static size_t take_known_root(struct reading *r, const struct path_segments *path, const struct instance_roots *roots)
{
	for (size_t count = roots ? path->count : 0; count >= 2; count--) {
		CLEANUP(strbuf_release) struct strbuf root = STRBUF_INIT(LIMIT_URL_MAX);

		if (!can_be_deep_root(path, count))
			continue;
		for (size_t i = 0; i < count; i++)
			strbuf_addf(&root, "/%s", path->items[i]);
		r->root = strbuf_detach(&root);
		CLEANUP(freep) char *text = canonical_text(r);
		if (roots->knows(roots->context, text))
			return count;
		set_string(&r->root, NULL);
	}
	return 0;
}

/* Notes what stands behind a root that is known. */
static void note_rest(struct reading *r, const struct path_segments *path, size_t root)
{
	if (root == path->count)
		return;
	if (strcmp(path->items[root], "api") == 0)
		note(r, "the API path does not belong to it");
	else if (strcmp(path->items[root], "-") == 0 || strcmp(path->items[root], "users") == 0)
		note(r, "it is the address of a page");
	else
		note(r, "it looks like the address of a repository");
}

/* Finds the relative root; what stands behind it is noted as the problem. */
static void read_path(struct reading *r, const struct instance_roots *roots)
{
	CLEANUP(path_segments_release) struct path_segments path = PATH_SEGMENTS_INIT;
	size_t length = strlen(r->parts.path);
	size_t start;

	if (length > 1 && memcmp(r->parts.path + length - 2, "//", 2) == 0)
		note(r, "it ends with more than one slash");
	while (length > 0 && r->parts.path[length - 1] == '/')
		r->parts.path[--length] = '\0';
	path_split(r->parts.path, &path);
	size_t known = take_known_root(r, &path, roots);
	if (known > 0) {
		note_rest(r, &path, known);
		return;
	}
	start = page_start(&path);
	if (start < path.count)
		note(r,
		     strcmp(path.items[start], "api") == 0 ? "the API path does not belong to it" : "it is the address of a page");
	const char *problem = start == path.count ? not_a_root(r, &path) : NULL;
	if (problem)
		note(r, problem);
	bool has_root = start == 1 && !not_a_root(r, &(struct path_segments){path.items, 1});
	r->root = has_root ? xasprintf("/%s", path.items[0]) : xstrdup("");
}

/* "gitlab.company.com" with its scheme; "https:/gitlab.company.com" with its slashes. */
static char *with_scheme_of(const char *text)
{
	bool http = strncasecmp(text, "http:", 5) == 0, https = strncasecmp(text, "https:", 6) == 0;

	if (http || https)
		text += strcspn(text, ":") + 1;
	text += strspn(text, "/");
	return xasprintf("%s://%s", http ? "http" : "https", text);
}

static void read_scheme(struct reading *r, const char *text)
{
	if (!url_split(text, &r->parts)) {
		CLEANUP(freep) char *with_scheme = with_scheme_of(text);
		note(r, "'https://' is missing");
		if (strstr(text, "://") || !url_split(with_scheme, &r->parts)) {
			note(r, "it has no scheme");
			r->parts.host = xstrdup("");
			r->parts.path = xstrdup("");
			r->parts.scheme = xstrdup("https");
		}
	} else if (strcmp(r->parts.scheme, "https") != 0 && strcmp(r->parts.scheme, "http") != 0) {
		note(r, "it must begin with https://");
		set_string(&r->parts.scheme, "https");
		set_string(&r->parts.port, NULL); /* a port of ssh or git says nothing about https */
	}
}

/* Leaves r->host NULL if there is no usable host, and so nothing to correct. */
static void read_address(const char *text, const struct instance_roots *roots, struct reading *r)
{
	const char *problem = NULL;

	read_scheme(r, text);
	if (!host_name_read(r->parts.host, strlen(r->parts.host), &r->host, &problem)) {
		r->problem = problem;
		r->idn = strstr(problem, "ASCII") != NULL;
		return;
	}
	if (r->parts.has_user_info)
		note(r, "it contains a user name or password");
	if (r->parts.port && !url_port_parse(r->parts.port, &r->port))
		note(r, "its port is not a number from 1 to 65535");
	if (r->parts.has_query || r->parts.has_fragment)
		note(r, "it contains a query or fragment");
	read_path(r, roots);
}

static bool refuse(const char *text, const char *problem, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf quoted = STRBUF_INIT(URL_QUOTE_MAX);

	url_add_quoted(&quoted, text);
	return error_set(err, ERR_INSTANCE_URL_INVALID, "'%s' is not the address of a GitLab instance: %s.", quoted.data, problem);
}

static bool refuse_reading(const char *text, const struct reading *r, struct error *err)
{
	refuse(text, r->problem, err);
	if (r->idn)
		return error_remedy(err,
		                    "Write the host name in its ASCII form, where each part with other letters begins with 'xn--' "
		                    "(punycode); the browser's certificate view shows it.");
	if (!r->host)
		return false;
	CLEANUP(freep) char *corrected = canonical_text(r);
	return error_remedy(err, "Use %s as the instance URL.", corrected);
}

bool instance_url_parse_among(const struct instance_roots *roots, const char *text, struct instance_url *ret, struct error *err)
{
	CLEANUP(freep) char *trimmed = url_trim(text);
	CLEANUP(reading_release) struct reading r = {0};

	if (trimmed[0] == '\0')
		set_string(&trimmed, GITLAB_COM);
	if (strlen(trimmed) > LIMIT_URL_MAX)
		return refuse(trimmed, "it is longer than 2048 characters", err);
	if (url_has_forbidden_byte(trimmed))
		return refuse(trimmed, "it contains a backslash or a control character", err);
	read_address(trimmed, roots, &r);
	if (r.problem)
		return refuse_reading(trimmed, &r, err);

	*ret = (struct instance_url){
	        .text = canonical_text(&r),
	        .host = TAKE(r.host),
	        .port = r.port ? r.port : url_default_port(r.parts.scheme),
	        .root = TAKE(r.root),
	        .https = strcmp(r.parts.scheme, "https") == 0,
	};
	return true;
}

bool instance_url_parse(const char *text, struct instance_url *ret, struct error *err)
{
	return instance_url_parse_among(NULL, text, ret, err);
}

static bool knows_any(const void *context UNUSED, const char *canonical_url UNUSED)
{
	return true;
}

bool instance_url_parse_stored(const char *text, struct instance_url *ret, struct error *err)
{
	return instance_url_parse_among(&(struct instance_roots){.knows = knows_any}, text, ret, err);
}

void instance_url_release(struct instance_url *url)
{
	free(url->text);
	free(url->host);
	free(url->root);
	*url = (struct instance_url)INSTANCE_URL_INIT;
}

char *instance_url_authority(const struct instance_url *url)
{
	CLEANUP(strbuf_release) struct strbuf authority = STRBUF_INIT(LIMIT_URL_MAX);

	url_add_authority(&authority, url->https ? "https" : "http", url->host, url->port);
	return strbuf_detach(&authority);
}
