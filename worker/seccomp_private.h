#pragma once
/*
 * seccomp_private — the tables of system calls, in two files; for seccomp_filter.c and them alone.
 */
#include "macros.h"
#include <seccomp.h>

/* One rule: the call, and what must hold for its arguments. A call with several rules is covered by any of them. */
struct seccomp_rule {
	int call;
	int error; /* in a deny-list: what the caller is told; 0: EPERM */
	unsigned count;
	struct scmp_arg_cmp when[3];
};

struct seccomp_table {
	const struct seccomp_rule *rules;
	size_t count;
};

extern const struct seccomp_table seccomp_git_library; /* allowed */
extern const struct seccomp_table seccomp_git_program; /* allowed besides */
extern const struct seccomp_table seccomp_git_names;   /* allowed besides to a job that resolves the gate's name */
extern const struct seccomp_table seccomp_attacks;     /* never called for a good reason: ends a job, is refused to an agent */
extern const struct seccomp_table seccomp_agent;       /* refused to an agent besides */
extern const struct seccomp_table seccomp_tracing;     /* refused to an agent without Landlock */

/* The calls that are younger than these tables, whose meaning nobody has judged. */
enum { SECCOMP_YOUNGER_FIRST = 451, SECCOMP_YOUNGER_LAST = 511 };

#define CALL(name)                                                                                                                 \
	{                                                                                                                          \
		.call = SCMP_SYS(name)                                                                                             \
	}
#define CALL_ERROR(name, code)                                                                                                     \
	{                                                                                                                          \
		.call = SCMP_SYS(name), .error = (code)                                                                            \
	}
#define CALL_IF(name, ...)                                                                                                         \
	{                                                                                                                          \
		.call = SCMP_SYS(name), .count = 1, .when = { __VA_ARGS__ }                                                        \
	}
#define CALL_IF_3(name, ...)                                                                                                       \
	{                                                                                                                          \
		.call = SCMP_SYS(name), .count = 3, .when = { __VA_ARGS__ }                                                        \
	}
#define CALL_ERROR_IF(name, code, ...)                                                                                             \
	{                                                                                                                          \
		.call = SCMP_SYS(name), .error = (code), .count = 1, .when = { __VA_ARGS__ }                                       \
	}

/* Conditions on one argument. */
#define ARGUMENT_IS(n, value)                                                                                                      \
	{                                                                                                                          \
		.arg = (n), .op = SCMP_CMP_EQ, .datum_a = (value)                                                                  \
	}
#define ARGUMENT_ABOVE(n, value)                                                                                                   \
	{                                                                                                                          \
		.arg = (n), .op = SCMP_CMP_GT, .datum_a = (value)                                                                  \
	}
#define ARGUMENT_BITS(n, mask, value)                                                                                              \
	{                                                                                                                          \
		.arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value)                                        \
	}
