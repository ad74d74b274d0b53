#pragma once
/* session_private — what session_spec.c and session_additions.c share of a specification's repositories. Floor: model, private. */
#include "repo_url.h"
#include "session.h"

enum { FOLDER_MAX = 200 };

/* What one member of the three kinds of lists says. */
struct wish {
	const char *url;
	const char *start_branch;
	const char *push_branch; /* NULL: "ambient/<session>" if `push` */
	const char *provider;
	bool push;
};

void session_repository_release(struct session_repository *r);

/* Whether a repository of the session is, or was, called so, in any case of letters. */
bool session_folder_is_taken(const struct session_spec *spec, const char *name);

/*
 * The entry that this wish is about: the same repository from the same branch; NULL: there is none. `output` (NULL: none) is that
 * of outputRepo, which says only where to push, so that a wish for its repository with any start branch is the same, once.
 * *ret_clones counts other clones of the repository that are pushed.
 */
struct session_repository *session_wish_find(const struct session_spec *spec, const struct repo_url *url, const struct wish *wish,
                                             const struct session_repository *output, unsigned *ret_clones);

/* Adds the wish, or joins it with the entry that is about the same. `has_output`: the first repository came from spec.outputRepo.
 */
bool session_wish_add(struct session_spec *spec, const struct wish *wish, bool has_output, struct error *err) MUST_CHECK;
