#include "handle_status.h"

#include "clock.h"
#include "render_account.h"
#include "render_github.h"

enum { SECONDS_A_DAY = 86400 };

/* The answer that pages poll; it is the only kind in the cache, so that a user has one place there. */
bool handle_gitlab_status(struct call *call, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct account_service *accounts = &call->app->accounts;
	struct connection_store *store = &accounts->connections;
	const char *user_id = call->caller.user_id;
	const int64_t now_s = clock_now_s(), now_ms = clock_monotonic_ms();
	uint64_t version;

	/* A database that is no longer the one we know must not be answered for from memory. */
	if (!status_cache_is_trusted(call->app->status_cache, now_ms)) {
		if (!store->ops->ready(store->state, err))
			return false;
		status_cache_trust(call->app->status_cache, now_ms);
	}
	version = store->ops->version(store->state);
	if (status_cache_get(call->app->status_cache, user_id, version, now_s / SECONDS_A_DAY, &call->response.body))
		return true;
	if (!account_list(accounts, PROVIDER_GITLAB, user_id, &list, err))
		return false;
	response_json(&call->response, 200, render_status(&list, now_s));
	status_cache_put(call->app->status_cache, user_id, version, now_s / SECONDS_A_DAY, call->response.body.data,
	                 call->response.body.length);
	return true;
}

bool handle_github_pat_status(struct call *call, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list tokens = CONNECTION_LIST_INIT;

	if (!account_list(&call->app->accounts, PROVIDER_GITHUB, call->caller.user_id, &tokens, err))
		return false;
	response_json(&call->response, 200, render_pat_status(&tokens, clock_now_s()));
	return true;
}

/* All that GitHub knows of a user; the view borrows the two lists. */
static bool read_github(struct call *call, struct connection_list *tokens, struct installation_list *installations,
                        struct github_view *ret, struct error *err)
{
	const struct project_store *store = &call->app->credentials.projects;
	const char *user_id = call->caller.user_id;

	if (!account_list(&call->app->accounts, PROVIDER_GITHUB, user_id, tokens, err) ||
	    !store->ops->installations(store->state, user_id, installations, err))
		return false;
	*ret = (struct github_view){user_id, &call->app->github, tokens, installations};
	return true;
}

bool handle_github_status(struct call *call, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list tokens = CONNECTION_LIST_INIT;
	CLEANUP(installation_list_release) struct installation_list installations = INSTALLATION_LIST_INIT;
	struct github_view view;

	if (!read_github(call, &tokens, &installations, &view, err))
		return false;
	response_json(&call->response, 200, render_github_status(&view, clock_now_s()));
	return true;
}

bool handle_integrations(struct call *call, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list gitlab = CONNECTION_LIST_INIT, tokens = CONNECTION_LIST_INIT;
	CLEANUP(installation_list_release) struct installation_list installations = INSTALLATION_LIST_INIT;
	struct github_view github;

	if (!account_list(&call->app->accounts, PROVIDER_GITLAB, call->caller.user_id, &gitlab, err) ||
	    !read_github(call, &tokens, &installations, &github, err))
		return false;
	response_json(&call->response, 200, render_integrations(&gitlab, &github));
	return true;
}
