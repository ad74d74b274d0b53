#pragma once
/*
 * handle_browse — looking at a repository with the caller's own rights: its branches, a folder, a file. Everything in the query is
 * text from outside; the address is checked as everywhere, and a failed check is an ordinary error.
 */
#include "call.h"

bool handle_branches(struct call *call, struct error *err) MUST_CHECK;
bool handle_tree(struct call *call, struct error *err) MUST_CHECK;
bool handle_blob(struct call *call, struct error *err) MUST_CHECK;

/* Where to look, as asked for: the slashes around a path are dropped. ERR_PATH_NOT_FOUND for "..", "." and "//", which no file in
 * git is called and which could mean another address on the way. */
bool browse_path(const char *given, char **ret, struct error *err) MUST_CHECK;

/* ERR_REF_NOT_FOUND for what no branch, tag or commit can be called. */
bool browse_ref_check(const char *ref, struct error *err) MUST_CHECK;
