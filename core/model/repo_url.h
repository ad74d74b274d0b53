#pragma once
/*
 * repo_url — the address of a repository as people paste it: https, ssh, scp form, or a browser address.
 *
 * Parses and judges; never touches the network, never decides where a token goes. The project path keeps its case; a relative root
 * is still part of it until repo_url_project_path() is told the instance. Grammar: GitLab's path_regex.rb (segments of
 * [A-Za-z0-9_.][A-Za-z0-9_.-]*), at most LIMIT_PATH_SEGMENTS segments, at least 2. Floor: model.
 */
#include "error.h"
#include "instance_url.h"

/* SSH stands for every form that says nothing about the web server but its host: ssh://, git+ssh://, git:// and host:path. */
enum repo_url_form { REPO_URL_HTTP, REPO_URL_HTTPS, REPO_URL_SSH };

struct repo_url {
	enum repo_url_form form;
	char *host;    /* lower case. Owned, as all below */
	unsigned port; /* of http(s) only: always filled. 0 for ssh: an ssh port says nothing about the API */
	char *path;    /* "group/sub/project": no leading slash, no ".git", no "/-/…" */
	char *ref;     /* what follows a pasted /-/tree/, blob, raw or commits: branch or tag and a path that only the server can
	                * tell apart ("main/docs"); NULL: none */
	bool had_credentials; /* user info with a password, or a user other than "git" over https, was dropped */
};
#define REPO_URL_INIT ZERO_INIT

/* ERR_REPO_URL_INVALID; the message never repeats credentials. */
bool repo_url_parse(const char *text, struct repo_url *ret, struct error *err) MUST_CHECK;
void repo_url_release(struct repo_url *url);

/* Whether both name the same project: host and path (in any case), and the port where both give one. */
bool repo_url_is_same(const struct repo_url *a, const struct repo_url *b);

/* The text of an address that repo_url_parse accepts, without user info, query and fragment. Caller frees. */
char *repo_url_clean_text(const char *text) MUST_CHECK;

/* Whether this address is on that instance: http(s) needs the same scheme, host and port; ssh the same host. */
bool repo_url_is_on(const struct repo_url *url, const struct instance_url *instance);

/*
 * The project path below the instance's relative root, or NULL if the address is outside it. ssh addresses carry no root.
 * Caller frees.
 */
char *repo_url_project_path(const struct repo_url *url, const struct instance_url *instance) MUST_CHECK;
