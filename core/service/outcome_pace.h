#pragma once
/*
 * outcome_pace — how often what git was refused is written down. Each row costs the disk a flush, and a client may repeat a refused
 * request without end.
 *
 * What a session meets again and again (the same code for the same repository and operation) is written once in OUTCOME_REPEAT_S;
 * what changes between several reasons, OUTCOME_BURST times in that while. A reason that was met again therefore stands in a row
 * no older than OUTCOME_REPEAT_S, which is how far back a worker looks for an explanation. Per process, of fixed
 * size, thread-safe. Floor: service.
 */
#include "error.h"

enum { OUTCOME_REPEAT_S = 10, OUTCOME_BURST = 5 };

struct outcome_pace;

struct outcome_pace *outcome_pace_new(void);
void outcome_pace_freep(struct outcome_pace **slot);

/* Whether this one is to be written now; it then counts as written. */
bool outcome_pace_admits(struct outcome_pace *pace, const char *session_id, const char *repository, const char *operation,
                         enum error_code code, int64_t now_ms) MUST_CHECK;
