#pragma once
/*
 * project_access — whether the repositories of a project's settings can be reached, for everybody in the project to read.
 *
 * A report is one user's own: it tells of that user's token, role and private repositories. What a project is told is less: with
 * the account of whoever wrote the list, that each of its addresses can or cannot be worked with, and where it cannot, whether that
 * is the address, the server or the access. Whether it is access that is missing or the repository, and why, its author alone is
 * told, by a report of their own. Floor: service.
 */
#include "check.h"
#include "project_store.h"

/*
 * Looks at up to `limit` lists that are due, and keeps what was found; each is due again after a day. *ret_checked: how many.
 * Errors of the store; what a server says is a finding.
 */
bool project_access_check(struct check_service *checks, const struct project_store *store, size_t limit, size_t *ret_checked,
                          struct error *err) MUST_CHECK;

/*
 * The findings as kept: an array with {url, accessible: true|false, reason, message} for each repository, in the list's order;
 * `accessible` is absent where it could not be found out now. `report` of a check with this user's account. Caller decrefs.
 */
json_t *project_access_finding(const char *url, const char *user_id, const struct check_report *report) MUST_CHECK;
