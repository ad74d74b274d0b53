#pragma once
/*
 * render_github — what a user has at GitHub, a token of their own and installations of the App, as the API shows it; and the
 * overview of all integrations, of which that is a part. Builds JSON and decides nothing; the caller decrefs what it gets.
 */
#include "json.h"
#include "project_store.h"
#include "render_account.h"

/* Borrowed. */
struct github_view {
	const char *user_id;
	const struct instance_url *instance; /* ACP_GITHUB_URL: installations of another are not shown */
	const struct connection_list *tokens;
	const struct installation_list *installations;
};

/* Answer of pat/status: the newest token and all of them; exactly {"configured":false} for none. */
json_t *render_pat_status(const struct connection_list *tokens, int64_t now_s) MUST_CHECK;

/* Answer of github/status. */
json_t *render_github_status(const struct github_view *view, int64_t now_s) MUST_CHECK;

/* Answer of integrations/status: GitLab, GitHub, and the other providers that a client asks about. */
json_t *render_integrations(const struct connection_list *gitlab, const struct github_view *github) MUST_CHECK;

/* Answer of install. */
json_t *render_installed(const struct installation *installation) MUST_CHECK;
