#include "repo_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "ascii.h"
#include "caps.h"
#include "encoding.h"
#include "host_name.h"
#include "path_text.h"
#include "provider.h"
#include "url_parts.h"

/*
 * Names that no project can have (GitLab's PROJECT_WILDCARD_ROUTES), so that they end the path of one: "/-/tree/main", and without
 * "/-/" in addresses of GitLab before 12. What follows those with `has_ref` begins with a branch or tag.
 */
static const struct page {
	const char *name;
	bool has_ref;
} pages[] = {
        {"tree", true},    {"blob", true},     {"raw", true},     {"commits", true}, {"blame", true},  {"-", false},
        {"badges", false}, {"builds", false},  {"create", false}, {"edit", false},   {"files", false}, {"find_file", false},
        {"new", false},    {"preview", false}, {"refs", false},   {"update", false}, {"wikis", false}, {"create_dir", false},
};

/* Top-level names that GitLab keeps for itself: an address that begins with one is no repository. */
static const char *const reserved_tops[] = {"-",     "admin",   "api",      "dashboard", "explore", "groups",   "help",    "import",
                                            "oauth", "profile", "projects", "public",    "search",  "snippets", "uploads", "users"};

/* An address cut into its parts, not judged yet. */
struct reading {
	enum repo_url_form form;
	char *scheme; /* "https", "http" or "ssh" */
	char *host;   /* as written */
	char *port;   /* as written; NULL: none */
	char *path;   /* without query and fragment */
	bool had_credentials;
};

static void reading_release(struct reading *r)
{
	free(r->scheme);
	free(r->host);
	free(r->port);
	free(r->path);
}

static const struct page *find_page(const char *segment)
{
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		if (strcmp(segment, pages[i].name) == 0)
			return &pages[i];
	}
	return NULL;
}

static const char *read_url(const char *text, struct reading *ret)
{
	CLEANUP(url_parts_release) struct url_parts parts = URL_PARTS_INIT;

	if (!url_split(text, &parts))
		return "its scheme is none of https, http and ssh";
	if (strcmp(parts.scheme, "https") == 0 || strcmp(parts.scheme, "http") == 0) {
		ret->form = strcmp(parts.scheme, "https") == 0 ? REPO_URL_HTTPS : REPO_URL_HTTP;
		ret->had_credentials = parts.has_user_info && (parts.has_password || !parts.user_is_git);
	} else if (strcmp(parts.scheme, "ssh") == 0 || strcmp(parts.scheme, "git+ssh") == 0 ||
	           strcmp(parts.scheme, "ssh+git") == 0 || strcmp(parts.scheme, "git") == 0) {
		ret->form = REPO_URL_SSH;
		ret->had_credentials = parts.has_password;
		/* "ssh://git@host:group/project" is not what ssh means, but what people write */
		if (parts.port && !ascii_is_digit(parts.port[0])) {
			CLEANUP(freep) char *path = xasprintf("/%s%s", parts.port, parts.path);
			set_string(&parts.path, path);
			set_string(&parts.port, NULL);
		}
	} else {
		return "its scheme is none of https, http and ssh";
	}
	ret->scheme = TAKE(parts.scheme);
	ret->host = TAKE(parts.host);
	ret->port = TAKE(parts.port);
	ret->path = TAKE(parts.path);
	return NULL;
}

/* The colon that ends the host of "[user@]host:path"; brackets may hold an IPv6 address or git's "[user@host:port]". */
static const char *scp_colon(const char *text)
{
	int depth = 0;

	for (; *text && (*text != '/' || depth > 0); text++) {
		if (*text == '[')
			depth++;
		else if (*text == ']')
			depth--;
		else if (*text == ':' && depth == 0)
			return text;
	}
	return NULL;
}

/* "user@host:22", "[fe80::1]:22" and "host" give the host as written; the ssh port is dropped. */
static char *scp_host(const char *text, size_t length)
{
	const char *at = memrchr(text, '@', length);

	if (at) {
		length -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	const char *bracket = length > 0 && text[0] == '[' ? memchr(text, ']', length) : NULL;
	const char *colon = memchr(bracket ? bracket : text, ':', length - (bracket ? (size_t)(bracket - text) : 0));
	return xstrndup(text, colon ? (size_t)(colon - text) : length);
}

/* Whether the brackets hold "user@host:port" rather than an IPv6 address. */
static bool is_bracket_form(const char *text, size_t length)
{
	const char *colon;

	if (length < 2 || text[0] != '[' || text[length - 1] != ']')
		return false;
	colon = memchr(text, ':', length);
	return memchr(text, '@', length) || !colon || colon == memrchr(text, ':', length);
}

static const char *read_scp(const char *text, struct reading *ret)
{
	const char *colon = scp_colon(text);

	if (!colon)
		return "it has neither a scheme nor the form git@host:group/project";
	size_t length = (size_t)(colon - text);
	if (length <= 1)
		return "it is a path on a disk";
	if (strcspn(text, "?#") < length)
		return "its host has a character that host names do not have";
	ret->form = REPO_URL_SSH;
	ret->scheme = xstrdup("ssh");
	ret->host = is_bracket_form(text, length) ? scp_host(text + 1, length - 2) : scp_host(text, length);
	ret->path = xstrndup(colon + 1, strcspn(colon + 1, "?#"));
	return NULL;
}

/* The rest of a pasted page as text; NULL if it is empty or not decodable. */
static char *join_ref(const struct path_segments *path, size_t from)
{
	CLEANUP(strbuf_release) struct strbuf joined = STRBUF_INIT(LIMIT_URL_MAX);
	CLEANUP(strbuf_release) struct strbuf ref = STRBUF_INIT(LIMIT_URL_MAX);

	for (size_t i = from; i < path->count; i++) {
		if (i > from)
			strbuf_add_char(&joined, '/');
		strbuf_add_string(&joined, path->items[i]);
	}
	if (!decode_percent(joined.data, joined.length, &ref) || ref.length == 0 || url_has_forbidden_byte(ref.data) ||
	    !is_utf8(ref.data, ref.length))
		return NULL;
	return strbuf_detach(&ref);
}

/* The number of segments that name the project; *ret_ref takes the branch of a pasted page. */
static size_t project_end(const struct path_segments *path, bool github, char **ret_ref)
{
	for (size_t i = 1; i < path->count; i++) {
		const struct page *page = i >= 2 || strcmp(path->items[i], "-") == 0 ? find_page(path->items[i]) : NULL;
		if (page && strcmp(page->name, "-") == 0 && i + 1 < path->count) {
			const struct page *after = find_page(path->items[i + 1]);
			if (after && after->has_ref)
				*ret_ref = join_ref(path, i + 2);
		} else if (page && page->has_ref) {
			*ret_ref = join_ref(path, i + 1);
		}
		if (page || (github && i == 2))
			return i;
		if (path_has_git_suffix(path->items[i]))
			return i + 1; /* "x.git/info/refs" */
	}
	return path->count;
}

static const char *judge_segments(struct path_segments *path, size_t count, bool web, char **ret_path)
{
	CLEANUP(strbuf_release) struct strbuf joined = STRBUF_INIT(LIMIT_URL_MAX);

	if (count < 2)
		return "it does not name a group and a project";
	if (count > LIMIT_PATH_SEGMENTS)
		return "it is nested deeper than GitLab allows";
	for (size_t i = 0; web && i < ARRAY_SIZE(reserved_tops); i++) {
		if (strcmp(path->items[0], reserved_tops[i]) == 0)
			return "it is the address of another page";
	}
	char *last = path->items[count - 1];
	if (path_has_git_suffix(last))
		last[strlen(last) - strlen(".git")] = '\0';
	for (size_t i = 0; i < count; i++) {
		if (!path_segment_is_valid(path->items[i], i + 1 == count))
			return "its path has an empty part or characters that a project of GitLab does not have";
		if (i > 0)
			strbuf_add_char(&joined, '/');
		strbuf_add_string(&joined, path->items[i]);
	}
	*ret_path = strbuf_detach(&joined);
	return NULL;
}

static const char *judge_path(const struct reading *r, struct repo_url *url)
{
	CLEANUP(path_segments_release) struct path_segments path = PATH_SEGMENTS_INIT;
	bool web = url->form != REPO_URL_SSH;
	bool github = provider_of_host(url->host) == PROVIDER_GITHUB;
	size_t length = strlen(r->path);

	while (length > 1 && r->path[length - 1] == '/')
		length--;
	CLEANUP(freep) char *trimmed = xstrndup(r->path, length);
	path_split(trimmed, &path);
	size_t count = web ? project_end(&path, github, &url->ref) : path.count;
	return judge_segments(&path, count, web && !github, &url->path);
}

static const char *judge(const struct reading *r, struct repo_url *url)
{
	const char *problem = NULL;

	if (!host_name_read(r->host, strlen(r->host), &url->host, &problem))
		return problem;
	url->form = r->form;
	url->had_credentials = r->had_credentials;
	if (r->port && r->port[0] != '\0' && !url_port_parse(r->port, &url->port))
		return "its port is not a number from 1 to 65535";
	if (r->form == REPO_URL_SSH)
		url->port = 0;
	else if (url->port == 0)
		url->port = url_default_port(r->scheme);
	return judge_path(r, url);
}

static const char *parse(const char *text, struct repo_url *ret)
{
	CLEANUP(reading_release) struct reading r = {0};
	const char *problem;

	if (text[0] == '\0')
		return "it is empty";
	if (strlen(text) > LIMIT_URL_MAX)
		return "it is longer than 2048 characters";
	if (url_has_forbidden_byte(text))
		return "it contains a backslash or a control character";
	if (strchr("-./", text[0]))
		return "it is a path on a disk";
	problem = strstr(text, "://") ? read_url(text, &r) : read_scp(text, &r);
	return problem ? problem : judge(&r, ret);
}

/* "gitlab.com/group/project" lacks only its scheme: the remedy can be exact. */
static bool remedy_missing_scheme(const char *text, struct error *err)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	CLEANUP(strbuf_release) struct strbuf quoted = STRBUF_INIT(URL_QUOTE_MAX);

	if (strstr(text, "://") || strlen(text) > LIMIT_URL_MAX - strlen("https://"))
		return false;
	CLEANUP(freep) char *with_scheme = xasprintf("https://%s", text);
	if (parse(with_scheme, &url) || !strchr(url.host, '.'))
		return false;
	url_add_quoted(&quoted, with_scheme);
	return error_remedy(err, "Use %s.", quoted.data);
}

bool repo_url_parse(const char *text, struct repo_url *ret, struct error *err)
{
	CLEANUP(freep) char *trimmed = url_trim(text);
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	CLEANUP(strbuf_release) struct strbuf quoted = STRBUF_INIT(URL_QUOTE_MAX);
	const char *problem = parse(trimmed, &url);

	if (problem) {
		url_add_quoted(&quoted, trimmed);
		error_set(err, ERR_REPO_URL_INVALID, "'%s' is not the address of a repository: %s.", quoted.data, problem);
		return remedy_missing_scheme(trimmed, err);
	}
	*ret = url;
	url = (struct repo_url)REPO_URL_INIT;
	return true;
}

void repo_url_release(struct repo_url *url)
{
	free(url->host);
	free(url->path);
	free(url->ref);
	*url = (struct repo_url)REPO_URL_INIT;
}

bool repo_url_is_same(const struct repo_url *a, const struct repo_url *b)
{
	bool same_port = a->port == b->port || a->port == 0 || b->port == 0;

	return same_port && strcmp(a->host, b->host) == 0 && strcasecmp(a->path, b->path) == 0;
}

char *repo_url_clean_text(const char *text)
{
	return url_without_credentials(text);
}

bool repo_url_is_on(const struct repo_url *url, const struct instance_url *instance)
{
	if (strcmp(url->host, instance->host) != 0)
		return false;
	return url->form == REPO_URL_SSH || (url->port == instance->port && (url->form == REPO_URL_HTTPS) == instance->https);
}

char *repo_url_project_path(const struct repo_url *url, const struct instance_url *instance)
{
	const char *path = url->path;

	if (url->form != REPO_URL_SSH && instance->root[0] != '\0') {
		const char *root = instance->root + 1;
		size_t length = strlen(root);
		if (strncmp(path, root, length) != 0 || path[length] != '/')
			return NULL;
		path += length + 1;
	}
	return strchr(path, '/') ? xstrdup(path) : NULL;
}
