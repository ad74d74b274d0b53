#pragma once
/*
 * gitlab_sentence — GitLab's own words: found in an answer, recognised, and made fit to be shown. Private to gitlab. Floor: gitlab.
 */
#include "forge_sentence.h"
#include "gitlab_errors.h"

/*
 * Account and server states that GitLab reports with 403 or 503, whatever was asked: blocked accounts, terms, expired passwords,
 * single sign-on, IP bans, maintenance. True: err is filled.
 */
bool sentence_judge(const char *text, const char *host, struct error *err);

/* The texts that several callers need. All return false. */
bool sentence_ip_banned(const char *host, struct error *err);
bool sentence_rate_limited(const char *host, const char *retry_after, const char *reset, struct error *err);
bool sentence_not_found(const char *project_path, const char *host, struct error *err);
bool sentence_no_read_role(const char *project_path, struct error *err);
bool sentence_push_forbidden(struct error *err);
bool sentence_no_push_role(const char *project_path, struct error *err);
bool sentence_archived(const char *project_path, struct error *err);
