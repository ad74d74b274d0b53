#pragma once
/*
 * gitlab_sentence — GitLab's own words: found in an answer, recognised, and made fit to be shown. Private to gitlab. Floor: gitlab.
 */
#include "gitlab_errors.h"

/* Whether `text` contains `part`, whatever the case (ASCII). */
bool sentence_has(const char *text, const char *part);

/*
 * What a JSON error says: "error_description", else "message" (a string, or the first string inside an object or array), else
 * "error".
 * "" when there is nothing. Borrowed from `answer`.
 */
const char *sentence_of_json(const json_t *answer);

/* One masked line of at most LIMIT_GITLAB_SENTENCE bytes, without "403 Forbidden - " and the like at its begin. */
void sentence_relay(const char *text, size_t length, struct strbuf *to);

/*
 * Account and server states that GitLab reports with 403 or 503, whatever was asked: blocked accounts, terms, expired passwords,
 * single sign-on, IP bans, maintenance. True: err is filled.
 */
bool sentence_judge(const char *text, const char *host, struct error *err);

/* The texts that several callers need. All return false. */
bool sentence_ip_banned(const char *host, struct error *err);
bool sentence_rate_limited(const char *host, const char *retry_after, const char *reset, struct error *err);
bool sentence_not_found(const char *project_path, const char *host, struct error *err);
bool sentence_push_forbidden(struct error *err);
bool sentence_no_push_role(const char *project_path, struct error *err);
bool sentence_archived(const char *project_path, struct error *err);

/* Seconds to wait: Retry-After (seconds or HTTP date), else RateLimit-Reset (unix time); at most a day. False: neither is usable.
 */
bool sentence_wait(const char *retry_after, const char *reset, int64_t now_s, unsigned *ret_s) MUST_CHECK;
