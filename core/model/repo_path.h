#pragma once
/*
 * repo_path — where the project ends in the path of a pasted address, and which branch, tag or commit the page behind it shows.
 *
 * Views into the address; nothing is copied. Floor: model, private.
 */
#include "span.h"

/* A git path names a project and nothing else; pages lie behind it in addresses of a web server. */
enum repo_path_kind { REPO_PATH_GIT, REPO_PATH_GITLAB, REPO_PATH_GITHUB };

struct repo_path {
	struct span project; /* "group/sub/project": without ".git" and the slashes around it */
	struct span ref;     /* what follows "/-/tree/" and its like, still percent-encoded; no start: none */
	bool has_git_suffix;
	bool has_page; /* something follows the project that is no ref */
};

/* NULL: the path names a project; otherwise a static sentence for the user that says why not. */
const char *repo_path_read(struct span path, enum repo_path_kind kind, struct repo_path *ret) MUST_CHECK;

/*
 * Decodes a ref into `to`, which has room for its length and a NUL. Returns the decoded length; 0: it is badly escaped, not UTF-8,
 * or not what a branch, tag or commit begins with.
 */
size_t repo_path_decode_ref(struct span ref, char *to) MUST_CHECK;

/*
 * Whether the text behind "#" can be meant as a branch, tag or commit: package managers write "project.git#v1.2". An address
 * without `has_git_suffix` may also be that of the project's page, whose places are named behind "#": lines, notes and the readme.
 */
bool repo_path_fragment_is_ref(struct span fragment, bool has_git_suffix) MUST_CHECK;
