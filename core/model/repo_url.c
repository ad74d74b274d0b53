#include "repo_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "caps.h"
#include "host_name.h"
#include "provider.h"
#include "repo_path.h"
#include "url_parts.h"

static const struct scheme {
	const char *name;
	enum repo_url_form form;
} schemes[] = {
        {"https", REPO_URL_HTTPS}, {"http", REPO_URL_HTTP},   {"ssh", REPO_URL_SSH},         {"git", REPO_URL_SSH},
        {"git+ssh", REPO_URL_SSH}, {"ssh+git", REPO_URL_SSH}, {"git+https", REPO_URL_HTTPS},
};

/* An address in the course of being read: views into its text, and the host as it is written in the end. */
struct reading {
	enum repo_url_form form;
	struct url_view view;
	char host[HOST_NAME_SIZE];
	size_t host_length;
	unsigned port;
	struct repo_path path;
	unsigned ignored;
};

static bool find_form(struct span scheme, enum repo_url_form *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (span_is_word(scheme, schemes[i].name)) {
			*ret = schemes[i].form;
			return true;
		}
	}
	return false;
}

/* "ssh://git@host:group/project" is not what ssh means, but what people write. */
static void accept_scp_colon(struct url_view *view)
{
	struct span port = view->authority.port;

	if (port.length > 0 && !span_is_digits(port)) {
		view->path = span_between(port.start, span_end(view->path));
		view->authority.port = (struct span){NULL, 0};
	}
}

static const char *cut(struct span text, struct reading *r)
{
	if (memmem(text.start, text.length, "://", 3)) {
		if (!url_view_absolute(text, &r->view) || !find_form(r->view.scheme, &r->form))
			return "its scheme is none of https, http and ssh";
		if (r->form == REPO_URL_SSH)
			accept_scp_colon(&r->view);
		return NULL;
	}
	r->form = REPO_URL_SSH;
	const char *problem = url_view_scp(text, &r->view);
	/* "C:/git/project" */
	if (!problem && r->view.authority.host.start == text.start && r->view.authority.host.length <= 1)
		return "it is a path on a disk";
	return problem;
}

/* The front door of both has a second name, which only leads to the first; nobody is connected to it. */
static void drop_www(struct reading *r)
{
	static const size_t www = sizeof("www.") - 1;

	if (strcmp(r->host, "www.gitlab.com") == 0 || strcmp(r->host, "www.github.com") == 0) {
		r->host_length -= www;
		memmove(r->host, r->host + www, r->host_length + 1);
	}
}

static const char *judge_host(struct reading *r)
{
	const struct url_authority *authority = &r->view.authority;
	const char *problem = NULL;

	r->host_length = host_name_write(authority->host, r->host, &problem);
	if (r->host_length == 0)
		return problem;
	drop_www(r);
	r->port = r->form == REPO_URL_HTTPS ? 443 : 80;
	if (authority->port.length > 0 && !url_port_read(authority->port, &r->port))
		return "its port is not a number from 1 to 65535";
	if (r->form == REPO_URL_SSH)
		r->port = 0;
	return NULL;
}

static const char *judge_path(struct reading *r)
{
	enum repo_path_kind kind = REPO_PATH_GIT;

	if (r->form != REPO_URL_SSH)
		kind = provider_of_host(r->host) == PROVIDER_GITHUB ? REPO_PATH_GITHUB : REPO_PATH_GITLAB;
	return repo_path_read(r->view.path, kind, &r->path);
}

/* What the address says besides host, path and the ref of a page. */
static void note_ignored(struct reading *r)
{
	const struct url_authority *authority = &r->view.authority;
	struct span user = url_user(authority);
	bool other_user = user.length > 0 && !span_is(user, "git");
	bool ssh = r->form == REPO_URL_SSH;

	if (url_has_password(authority) || (other_user && !ssh))
		r->ignored |= REPO_URL_IGNORED_CREDENTIALS;
	if (other_user && ssh)
		r->ignored |= REPO_URL_IGNORED_SSH_USER;
	if (authority->port.length > 0 && ssh)
		r->ignored |= REPO_URL_IGNORED_SSH_PORT;
	if (r->view.query.length > 0)
		r->ignored |= REPO_URL_IGNORED_QUERY;
	if (r->path.has_page)
		r->ignored |= REPO_URL_IGNORED_PAGE;
}

/* A fragment names a ref only where nothing else can: behind the project, not behind a page of it. */
static void judge_fragment(struct reading *r)
{
	struct span fragment = r->view.fragment;

	if (fragment.length == 0)
		return;
	if (!r->path.ref.start && !r->path.has_page &&
	    repo_path_fragment_is_ref(fragment, r->form == REPO_URL_SSH || r->path.has_git_suffix))
		r->path.ref = fragment;
	else
		r->ignored |= REPO_URL_IGNORED_FRAGMENT;
}

/* NULL: `r` is an address that was judged good; otherwise a static sentence that says what is wrong with it. */
static const char *read_address(struct span text, struct reading *r)
{
	if (text.length == 0)
		return "it is empty";
	if (text.length > LIMIT_URL_MAX)
		return "it is longer than 2048 characters";
	if (url_span_has_forbidden_byte(text))
		return "it contains a backslash or a control character";
	if (strchr("-./", text.start[0]))
		return "it is a path on a disk";

	r->ignored = 0;
	const char *problem = cut(text, r);
	if (!problem)
		problem = judge_host(r);
	if (!problem)
		problem = judge_path(r);
	if (problem)
		return problem;
	note_ignored(r);
	judge_fragment(r);
	return NULL;
}

/* Puts a copy with its NUL at *place, which moves behind it. */
static char *put(char **place, struct span text)
{
	char *copy = *place;

	memcpy(copy, text.start, text.length);
	copy[text.length] = '\0';
	*place += text.length + 1;
	return copy;
}

static void keep(const struct reading *r, struct repo_url *ret)
{
	struct span host = {r->host, r->host_length}, ref = r->path.ref;
	char *place = xmalloc(host.length + 1 + r->path.project.length + 1 + ref.length + 1);

	*ret = (struct repo_url){.form = r->form, .port = r->port, .ignored = r->ignored, .block = place};
	ret->host = put(&place, host);
	ret->path = put(&place, r->path.project);
	if (ref.start && repo_path_decode_ref(ref, place) > 0)
		ret->ref = place;
	else if (ref.start)
		ret->ignored |= REPO_URL_IGNORED_PAGE;
	ret->had_credentials = ret->ignored & REPO_URL_IGNORED_CREDENTIALS;
}

/* "gitlab.com/group/project" lacks only its scheme: the remedy can be exact. */
static bool remedy_missing_scheme(struct span text, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf quoted = STRBUF_INIT(URL_QUOTE_MAX);
	struct reading r;

	if (memmem(text.start, text.length, "://", 3) || text.length > LIMIT_URL_MAX)
		return false;
	CLEANUP(freep) char *with_scheme = xasprintf("https://%.*s", (int)text.length, text.start);
	if (read_address(span_of(with_scheme), &r) || !strchr(r.host, '.'))
		return false;
	url_add_quoted(&quoted, with_scheme);
	return error_remedy(err, "Use %s.", quoted.data);
}

static bool refuse(struct span text, const char *problem, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf quoted = STRBUF_INIT(URL_QUOTE_MAX);
	CLEANUP(freep) char *copy = NULL;

	if (!err)
		return false;
	copy = xstrndup(text.start, text.length);
	url_add_quoted(&quoted, copy);
	error_set(err, ERR_REPO_URL_INVALID, "'%s' is not the address of a repository: %s.", quoted.data, problem);
	if (problem == host_name_not_ascii)
		return error_remedy(err, "%s", HOST_NAME_ASCII_REMEDY);
	return remedy_missing_scheme(text, err);
}

bool repo_url_parse(const char *text, struct repo_url *ret, struct error *err)
{
	struct span trimmed = span_trim(span_of(text ? text : ""));
	struct reading r;
	const char *problem = read_address(trimmed, &r);

	if (problem)
		return refuse(trimmed, problem, err);
	keep(&r, ret);
	return true;
}

void repo_url_release(struct repo_url *url)
{
	free(url->block);
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
