#pragma once
/*
 * render_account — connections and verdicts as the API shows them, GitLab's and GitHub's alike. Builds JSON and decides nothing;
 * the caller decrefs what it gets. `now_s` is given, so that days to expiry can be tested.
 */
#include "account_service.h"
#include "json.h"

/* Answer of connect: the connection, what its token can do, the warnings, and the checks that were made. */
json_t *render_connected(const struct account_verdict *verdict, int64_t now_s) MUST_CHECK;

/* Answers of test. */
json_t *render_tested(const struct account_verdict *verdict, int64_t now_s) MUST_CHECK;
json_t *render_test_failed(const struct check_list *checks, const struct error *failure) MUST_CHECK;

/* Answer of status: the newest connection and all of them; exactly {"connected":false} for none. */
json_t *render_status(const struct connection_list *list, int64_t now_s) MUST_CHECK;

/* A stored connection: its account, token, warnings and validity. One whose last use failed also says why, and what to do. */
json_t *render_connection(const struct connection *c, int64_t now_s) MUST_CHECK;

/* RFC 3339, null for a time that is not known. */
json_t *render_time(int64_t unix_s) MUST_CHECK;
