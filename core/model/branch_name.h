#pragma once
/*
 * branch_name — which names git and GitLab accept for a branch (git check-ref-format; GitLab refuses 40 hex digits), and how a
 * branch is written in a browser address. Floor: model.
 */
#include "error.h"
#include "strbuf.h"

/* ERR_BRANCH_INVALID with the rule that was broken. */
bool branch_name_check(const char *name, struct error *err) MUST_CHECK;

/* "<web_url>/-/tree/<name>" with every byte but A-Za-z0-9-_.~ and "/" percent-encoded (GitHub: "/tree/"). Caller frees. */
char *branch_web_url(const char *project_web_url, bool github, const char *name) MUST_CHECK;
