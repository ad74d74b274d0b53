#pragma once
/* render_session — a session's repositories and its end as the API shows them apart from the whole AgenticSession. Caller decrefs.
 */
#include "session_service.h"

/* {"phase", "repositories":[…]}: all that is known of each now, its progress too. */
json_t *render_session_repositories(const struct session_row *row) MUST_CHECK;
/* The entry of one of them; null when there is none of this name. */
json_t *render_session_repository(const struct session_row *row, const char *name) MUST_CHECK;

/* {"phase", "repositories":[…]}: what has become of each: name, url, provider, phase, commit, branch, branchUrl, mergeRequestUrl,
 * mergeRequestError, warnings and error, of which those are left out that there are none of. */
json_t *render_session_results(const struct session_row *row) MUST_CHECK;

/* {"phase", "notification"}: null until the session has ended, so that whoever waits for it asks one address. */
json_t *render_session_notification(const struct session_row *row) MUST_CHECK;
