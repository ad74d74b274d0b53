#pragma once
/*
 * http_breaker — origins that failed several times in a row, or asked for it, and are left alone for a while. Not thread-safe.
 * Private to net.
 * Floor: net.
 */
#include "macros.h"

struct http_breaker;

struct http_breaker *http_breaker_new(void);
void http_breaker_freep(struct http_breaker **breaker);

/* Why and how long a call may not go. */
struct http_rest {
	unsigned left_s; /* at least 1 */
	bool asked;      /* http_breaker_rest, not failures */
};

/* Whether a call may go to the origin now; *ret_rest is filled when not. After the rest one call is let through and decides for the
 * others. */
bool http_breaker_admits(struct http_breaker *breaker, const char *origin, int64_t now_ms, struct http_rest *ret_rest) MUST_CHECK;

/* Whether the origin rests now; changes nothing. For those who go their own way to it and report nothing, so that they do not take
 * the place of the one call after the rest. */
bool http_breaker_rests(struct http_breaker *breaker, const char *origin, int64_t now_ms, struct http_rest *ret_rest) MUST_CHECK;

/* NEUTRAL: says nothing about the origin (an address the policy refused, an error of GitLab's own). */
enum http_verdict { HTTP_VERDICT_GOOD, HTTP_VERDICT_BAD, HTTP_VERDICT_NEUTRAL };
void http_breaker_report(struct http_breaker *breaker, const char *origin, enum http_verdict verdict, int64_t now_ms,
                         int64_t rest_ms);

/* The origin rests from now on for so long, whatever calls under way report; a longer rest stays. */
void http_breaker_rest(struct http_breaker *breaker, const char *origin, int64_t now_ms, int64_t rest_ms);
