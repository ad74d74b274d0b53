#pragma once
/*
 * git_left — the branches of a workspace whose commits its session does not push. For a sentence to its user; nothing else depends
 * on it, so that what cannot be read is left out.
 */
#include "git_commit.h"

/* Fills the branches of `ret`. `pushed`: the session's result. */
void git_left_find_branches(git_repository *repository, const git_oid *pushed, struct git_left *ret);
