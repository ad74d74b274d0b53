#pragma once
/*
 * scope — what a GitLab token may do, from its scopes (abilities_for_scopes in GitLab's lib/gitlab/auth.rb).
 * Unknown scopes are kept, shown and ignored. Floor: model.
 */
#include "macros.h"

struct scope_verdict {
	bool known;        /* false: GitLab < 15.5 or a fine-grained token; the three below are then true (unknown, not refused) */
	bool can_read_api; /* api | read_api */
	bool can_clone;    /* api | read_repository | write_repository | read_api */
	bool can_push;     /* api | write_repository */
	bool too_powerful; /* sudo | admin_mode */
	bool granular;     /* exactly ["granular"] */
};

/* `scopes` is the list joined by single blanks; NULL: not known. */
struct scope_verdict scope_judge(const char *scopes);
