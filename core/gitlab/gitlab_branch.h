#pragma once
/*
 * gitlab_branch — the rules of protected branches, apart from asking for them. Private to gitlab. Floor: gitlab.
 */
#include "gitlab.h"

/* Whether the pattern of a protected branch covers the name. */
bool branch_matches(const char *pattern, const char *name);

/* What pushing a branch that does not exist yet would meet. `rules`: the answer of /protected_branches. */
enum forge_branch_state branch_state_of_rules(const json_t *rules, const char *branch, int access_level, int64_t user_id);
