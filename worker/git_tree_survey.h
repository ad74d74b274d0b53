#pragma once
/*
 * git_tree_survey — looks through a commit's tree before it is checked out: how much it would write, and what in it is not what it
 * looks like (Git LFS pointers, submodules).
 */
#include "git_library.h"

enum { SURVEY_PATH_SIZE = 256 };

struct git_tree_survey {
	uint64_t files, bytes;
	uint64_t pointers, submodules;
	/* the first of each, cut where it does not fit; "" for none */
	char first_pointer[SURVEY_PATH_SIZE], first_submodule[SURVEY_PATH_SIZE];
};

/* ERR_WORKSPACE_FAILED: more than max_files or max_bytes; counting stops there. */
bool git_survey_tree(git_repository *repository, const git_tree *tree, uint64_t max_files, uint64_t max_bytes,
                     struct git_tree_survey *ret, struct error *err) MUST_CHECK;
