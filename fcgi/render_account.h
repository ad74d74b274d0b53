#pragma once
/*
 * render_account — connections and verdicts as the API shows them. Builds JSON and decides nothing; the caller decrefs what it
 * gets. `now_s` is given, so that days to expiry can be tested.
 */
#include "account_service.h"

/* Answer of connect: the connection, what its token can do, and the warnings. */
json_t *render_connected(const struct account_verdict *verdict, int64_t now_s) MUST_CHECK;

/* Answers of test. */
json_t *render_tested(const struct account_verdict *verdict, int64_t now_s) MUST_CHECK;
json_t *render_test_failed(const struct error *failure) MUST_CHECK;

/* Answer of status: the newest connection and all of them; exactly {"connected":false} for none. */
json_t *render_status(const struct connection_list *list, int64_t now_s) MUST_CHECK;

/* Answer of integrations/status: GitLab, and the other providers that a client asks about. */
json_t *render_integrations(const struct connection_list *list) MUST_CHECK;
