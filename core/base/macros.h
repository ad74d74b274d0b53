#pragma once
/*
 * macros — the few compiler attributes and idioms every file uses.
 * Floor: base.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The caller must look at the result; every fallible function carries it. */
#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN               __attribute__((noreturn))
#define UNUSED                 __attribute__((unused))

/* What an empty value of a struct begins as: `#define X_INIT ZERO_INIT`. */
/* clang-format off */
#define ZERO_INIT {0}
/* clang-format on */

/*
 * CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT;
 * calls strbuf_release(&body) when the scope ends, on every path.
 */
#define CLEANUP(release) __attribute__((cleanup(release)))

/* Ownership leaves a scoped pointer only by TAKE(p): it returns p and sets it to NULL. (cppcheck gets a simpler one to read.) */
#ifndef TAKE
#define TAKE(p)                                                                                                                    \
	({                                                                                                                         \
		__typeof__(p) *taken_from_ = &(p);                                                                                 \
		__typeof__(p) taken_ = *taken_from_;                                                                               \
		*taken_from_ = NULL;                                                                                               \
		taken_;                                                                                                            \
	})
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
