#pragma once
/*
 * pool — the four kinds of worker process. nginx sends each location to one of them; a pool holds only the keys and makes only the
 * calls that its routes need. A set of pools is an unsigned mask: a route lists where it is served, a process which it is.
 */
#include "macros.h"

enum pool {
	POOL_STATUS = 1,       /* local answers: no key, no outgoing call */
	POOL_CONNECT = 2,      /* talks to GitLab, seals and writes; cannot open */
	POOL_REPOSITORIES = 4, /* sessions and repositories; opens tokens */
	POOL_GIT = 8,          /* the git gate: long streams; opens tokens */
	POOL_ALL = 15          /* a CGI process serves every route */
};

/* "status" … "git", "all". */
const char *pool_name(unsigned pools);
bool pool_parse(const char *name, unsigned *ret) MUST_CHECK;

/* What a process of these pools does; it gets what it needs for that and no more. */
bool pools_call_out(unsigned pools);
bool pools_open_tokens(unsigned pools);
bool pools_know_callers(unsigned pools);

/* What their longest request may take: a process that was replaced has so long to finish those at hand. */
int64_t pools_longest_ms(unsigned pools);
