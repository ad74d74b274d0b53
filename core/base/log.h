#pragma once
/*
 * log — one JSON line per request, session step or life-cycle event, to standard error.
 *
 * Only programs (fcgi, worker, cli) log; core never does. Every string is redacted by pattern, and by value with `redactor`.
 * A line is written with one write(2), so lines of several processes do not mix. Floor: base.
 */
#include "json.h"
#include "redact.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct logger {
	int fd;               /* usually 2 */
	enum log_level level; /* lines above it are dropped */
	const char *program;  /* "acp-gitlab-fcgi" */
	const char *pool;     /* "status"; NULL: none */
};

/* `fields` (may be NULL) is taken over and released. Adds ts (RFC 3339 with microseconds), level, program, pool, pid, msg. False:
 * the line did not arrive, which few can do something about. */
bool log_event(const struct logger *logger, enum log_level level, const struct redactor *redactor, const char *message,
               json_t *fields);

/* "error" | "warning" | "info" | "debug"; false otherwise. */
bool log_level_parse(const char *text, enum log_level *ret) MUST_CHECK;
