#pragma once
/*
 * clock — what time it is, and how long things take.
 * Wall time is for people and expiry, monotonic time for deadlines. Floor: base.
 */
#include "macros.h"

int64_t clock_now_s(void);  /* wall clock, unix seconds */
int64_t clock_now_us(void); /* wall clock, unix microseconds */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);
int64_t clock_boot_ms(void); /* monotonic, and goes on while the machine sleeps */

/* RFC 3339 in UTC, "2026-11-22T17:40:00Z"; 20 characters and NUL. */
#define CLOCK_TEXT_SIZE 21
void clock_format(int64_t unix_s, char ret_text[CLOCK_TEXT_SIZE]);

/* Reads RFC 3339 UTC ("…Z", fraction ignored) or a bare date (start of that day, UTC). False for anything else. */
bool clock_parse(const char *text, int64_t *ret_unix_s) MUST_CHECK;

/*
 * Calendar days (UTC) from now_s to "YYYY-MM-DD", as a person counts them. GitLab tokens die at 00:00 UTC at the start of that day,
 * so 1 means at the coming midnight, 0 or less that it is over. False for text that is no date.
 */
bool clock_days_until(const char *date, int64_t now_s, int64_t *ret_days) MUST_CHECK;
