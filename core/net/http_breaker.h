#pragma once
/*
 * http_breaker — origins that failed several times in a row and are left alone for a while. Used by one thread. Private to net.
 * Floor: net.
 */
#include "macros.h"

struct http_breaker;

struct http_breaker *http_breaker_new(void);
void http_breaker_freep(struct http_breaker **breaker);

/* Whether a call may go to the origin now. After the rest one call is let through and decides for the others. */
bool http_breaker_admits(struct http_breaker *breaker, const char *origin, int64_t now_ms) MUST_CHECK;

/* NEUTRAL: says nothing about the origin (an address the policy refused, an error of GitLab's own). */
enum http_verdict { HTTP_VERDICT_GOOD, HTTP_VERDICT_BAD, HTTP_VERDICT_NEUTRAL };
void http_breaker_report(struct http_breaker *breaker, const char *origin, enum http_verdict verdict, int64_t now_ms,
                         int64_t rest_ms);
