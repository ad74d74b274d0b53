#pragma once
/*
 * repo_url — the address of a repository as people paste it: https, ssh, scp form, or a browser address.
 *
 * Parses and judges; never touches the network, never decides where a token goes. An accepted address costs one allocation, a
 * refused one none unless its caller wants the message. The project path keeps its case; a relative root is still part of it until
 * repo_url_project_path() is told the instance. Grammar: GitLab's path_regex.rb (segments of [A-Za-z0-9_.][A-Za-z0-9_.-]*), at most
 * LIMIT_PATH_SEGMENTS segments, at least 2; on the web pages of GitHub exactly 2. A host that is not ASCII is refused with the
 * remedy to write its "xn--" form: a letter of another script may stand for one that looks the same. Floor: model.
 */
#include "error.h"
#include "instance_url.h"

/* SSH stands for every form that says nothing about the web server but its host: ssh://, git+ssh://, git:// and host:path. */
enum repo_url_form { REPO_URL_HTTP, REPO_URL_HTTPS, REPO_URL_SSH };

/* Parts of an address that are not used. */
enum repo_url_ignored {
	REPO_URL_IGNORED_CREDENTIALS = 1,
	REPO_URL_IGNORED_QUERY = 2,
	REPO_URL_IGNORED_FRAGMENT = 4,
	REPO_URL_IGNORED_PAGE = 8,      /* "/-/merge_requests/3", "/pull/3", or a ref that cannot be decoded */
	REPO_URL_IGNORED_SSH_PORT = 16, /* it says nothing about the API */
	REPO_URL_IGNORED_SSH_USER = 32, /* of ssh and scp: another than "git" */
};

struct repo_url {
	enum repo_url_form form;
	char *host; /* lower case; www.gitlab.com and www.github.com without "www.". Lives until repo_url_release, as all below */
	unsigned port; /* of http(s) only: always filled. 0 for ssh: an ssh port says nothing about the API */
	char *path;    /* "group/sub/project": no leading slash, no ".git", no "/-/…" */
	char *ref; /* what follows a pasted /-/tree/, blob, raw, blame or commits: branch, tag or commit, and a path that only the
	            * server can tell apart ("main/docs"). Or what follows "#", where it can be meant so: "project.git#v1.2" is a
	            * ref, but "project#installation" may be a place on the page, so it is a hint. NULL: none */
	bool had_credentials; /* user info with a password, or a user other than "git" over https, was dropped */
	unsigned ignored;     /* enum repo_url_ignored, or-ed: what the address said besides */
	char *block;          /* private: where the strings lie */
};
#define REPO_URL_INIT ZERO_INIT

/* ERR_REPO_URL_INVALID; the message never repeats credentials. */
bool repo_url_parse(const char *text, struct repo_url *ret, struct error *err) MUST_CHECK;
void repo_url_release(struct repo_url *url);

/* Whether both name the same project: host and path (in any case), and the port where both give one. */
bool repo_url_is_same(const struct repo_url *a, const struct repo_url *b);

/*
 * The text of an address that repo_url_parse accepts, without user info, query and fragment: it names the same project, with
 * nothing left to drop. The ref of a page stays in it, one behind "#" does not. Another text loses what may be a credential. Caller
 * frees.
 */
char *repo_url_clean_text(const char *text) MUST_CHECK;

/* Whether this address is on that instance: http(s) needs the same scheme, host and port; ssh the same host. */
bool repo_url_is_on(const struct repo_url *url, const struct instance_url *instance);

/*
 * The project path below the instance's relative root, or NULL if the address is outside it. ssh addresses carry no root.
 * Caller frees.
 */
char *repo_url_project_path(const struct repo_url *url, const struct instance_url *instance) MUST_CHECK;
