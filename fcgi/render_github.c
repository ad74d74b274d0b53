#include "render_github.h"

#include <string.h>

#include "alloc.h"
#include "response.h"

/* ---- the user's own tokens ---- */

json_t *render_pat_status(const struct connection_list *tokens, int64_t now_s)
{
	json_t *answer, *all;

	if (tokens->count == 0)
		return json_pack("{s:b}", "configured", false);
	all = json_array();
	for (size_t i = 0; i < tokens->count; i++)
		json_array_append_new(all, render_connection(&tokens->items[i], now_s));
	answer = json_copy(json_array_get(all, 0));
	json_object_set_new(answer, "configured", json_true());
	json_object_set(answer, "expiresAt", json_object_get(json_object_get(answer, "token"), "expiresAt"));
	json_object_set_new(answer, "connections", all);
	return answer;
}

/* The newest token in three members. */
static json_t *pat_of(const struct connection_list *tokens)
{
	if (tokens->count == 0)
		return json_pack("{s:b}", "configured", false);
	return json_pack("{s:b, s:o, s:b}", "configured", true, "updatedAt", render_time(tokens->items[0].updated_at), "valid",
	                 (int)tokens->items[0].valid);
}

static bool has_token_of(const struct github_view *view)
{
	for (size_t i = 0; i < view->tokens->count; i++)
		if (strcmp(view->tokens->items[i].instance_url, view->instance->text) == 0)
			return true;
	return false;
}

/* ---- installations of the App ---- */

static bool is_shown(const struct github_view *view, const struct installation *installation)
{
	return strcmp(installation->instance_url, view->instance->text) == 0;
}

/* The newest one; NULL: none. */
static const struct installation *newest_of(const struct github_view *view)
{
	for (size_t i = 0; i < view->installations->count; i++)
		if (is_shown(view, &view->installations->items[i]))
			return &view->installations->items[i];
	return NULL;
}

static void add_installation(json_t *to, const struct github_view *view, const struct installation *installation)
{
	CLEANUP(freep) char *host = instance_url_authority(view->instance);

	json_object_set_new(to, "installationId", json_integer(installation->installation_id));
	json_object_set_new(to, "account", response_text(installation->account));
	json_object_set_new(to, "host", response_text(host));
	json_object_set_new(to, "updatedAt", render_time(installation->updated_at));
}

/* A token of the user comes before the App; the App serves its own instance alone. */
static const char *active_of(const struct github_view *view, const struct installation *newest)
{
	if (has_token_of(view))
		return "pat";
	if (newest)
		return "app";
	return view->tokens->count > 0 ? "pat" : NULL;
}

/* What github/status and integrations/status share. */
static json_t *summary_of(const struct github_view *view)
{
	const struct installation *newest = newest_of(view);
	const char *active = active_of(view, newest);
	json_t *summary = json_pack("{s:b, s:o}", "installed", newest != NULL, "pat", pat_of(view->tokens));

	if (newest)
		add_installation(summary, view, newest);
	if (view->tokens->count > 0)
		json_object_set_new(summary, "githubUserId", response_text(view->tokens->items[0].gitlab_user_id));
	if (active)
		json_object_set_new(summary, "active", json_string(active));
	return summary;
}

static json_t *installation_list_of(const struct github_view *view)
{
	json_t *list = json_array();

	for (size_t i = 0; i < view->installations->count; i++) {
		json_t *item;

		if (!is_shown(view, &view->installations->items[i]))
			continue;
		item = json_object();
		add_installation(item, view, &view->installations->items[i]);
		json_array_append_new(list, item);
	}
	return list;
}

json_t *render_github_status(const struct github_view *view, int64_t now_s)
{
	json_t *answer = summary_of(view);

	json_object_set_new(answer, "userId", response_text(view->user_id));
	json_object_set_new(answer, "pat", render_pat_status(view->tokens, now_s));
	json_object_set_new(answer, "installations", installation_list_of(view));
	return answer;
}

json_t *render_installed(const struct installation *installation)
{
	return json_pack("{s:s, s:I, s:o}", "message", "GitHub App installation saved", "installationId",
	                 (json_int_t)installation->installation_id, "account", response_text(installation->account));
}

/* ---- all integrations ---- */

static json_t *gitlab_of(const struct connection_list *list)
{
	json_t *gitlab = json_pack("{s:b}", "connected", list->count > 0);

	if (list->count > 0) {
		json_object_set_new(gitlab, "instanceUrl", response_text(list->items[0].instance_url));
		json_object_set_new(gitlab, "updatedAt", render_time(list->items[0].updated_at));
		json_object_set_new(gitlab, "valid", json_boolean(list->items[0].valid));
	}
	return gitlab;
}

json_t *render_integrations(const struct connection_list *gitlab, const struct github_view *github)
{
	return json_pack("{s:o, s:o, s:{s:b}, s:{s:b}, s:{s:b}, s:{s:[]}}", "gitlab", gitlab_of(gitlab), "github",
	                 summary_of(github), "google", "connected", false, "jira", "connected", false, "coderabbit", "connected",
	                 false, "gerrit", "instances");
}
