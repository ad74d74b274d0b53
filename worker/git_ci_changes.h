#pragma once
/*
 * git_ci_changes — which of the files that tell a forge what to run (.gitlab-ci.yml, .gitlab/ci, .github/workflows) differ between
 * two commits: whoever reads a session's result has to know that its push brings its own pipeline.
 */
#include "git_library.h"
#include "json.h"

enum { CI_PATHS_MAX = 20 };

/*
 * The paths, added, changed or deleted, in git's order; at most CI_PATHS_MAX of them are listed. `from` "": there was nothing
 * before. Where `from` cannot be read, every such file of `to` counts as changed: an agent may have thrown it away to hide what it
 * did. *ret_paths is an array (caller decrefs), *ret_count how many there are. ERR_WORKSPACE_FAILED.
 */
bool git_ci_changes(git_repository *repository, const char *from, const char *to, json_t **ret_paths, size_t *ret_count,
                    struct error *err) MUST_CHECK;
