#include "handle_metrics.h"

#include "address_list.h"
#include "clock.h"

/* In a session's phases, and what waits. */
static void write_sessions(const struct database_figures *figures, const struct session_queue *queue, struct strbuf *to)
{
	strbuf_add_string(to, "# HELP acp_gitlab_sessions Sessions that are kept, by phase.\n# TYPE acp_gitlab_sessions gauge\n");
	for (size_t phase = 0; phase < SESSION_PHASES; phase++)
		strbuf_addf(to, "acp_gitlab_sessions{phase=\"%s\"} %zu\n", session_phase_name((enum session_phase)phase),
		            figures->sessions[phase]);
	strbuf_addf(to,
	            "# HELP acp_gitlab_sessions_waiting_seconds How long the first session has waited for a worker.\n"
	            "# TYPE acp_gitlab_sessions_waiting_seconds gauge\nacp_gitlab_sessions_waiting_seconds %lld\n"
	            "# HELP acp_gitlab_sessions_running Sessions that a worker holds.\n"
	            "# TYPE acp_gitlab_sessions_running gauge\nacp_gitlab_sessions_running %zu\n"
	            "# HELP acp_gitlab_sessions_resting Sessions that wait for git/push, and that no worker holds meanwhile.\n"
	            "# TYPE acp_gitlab_sessions_resting gauge\nacp_gitlab_sessions_resting %zu\n",
	            queue->waiting > 0 ? (long long)(clock_now_s() - queue->waiting_since) : 0, queue->running, queue->resting);
}

static void write_connections_of(const char *provider, const struct connection_figures *f, struct strbuf *to)
{
	const size_t ending = f->ends_in_7_days + f->ends_in_30_days;

	strbuf_addf(to,
	            "acp_gitlab_connections{provider=\"%s\",state=\"valid\"} %zu\n"
	            "acp_gitlab_connections{provider=\"%s\",state=\"ends_in_30_days\"} %zu\n"
	            "acp_gitlab_connections{provider=\"%s\",state=\"ends_in_7_days\"} %zu\n"
	            "acp_gitlab_connections{provider=\"%s\",state=\"invalid\"} %zu\n",
	            provider, f->all - f->invalid - ending, provider, f->ends_in_30_days, provider, f->ends_in_7_days, provider,
	            f->invalid);
}

/* What nobody has counted yet is no zero. */
static void write_values(const struct database_figures *figures, struct strbuf *to)
{
	if (!figures->counted)
		return;
	strbuf_addf(to,
	            "# HELP acp_gitlab_stored_tokens_broken Stored tokens that no key opens, when housekeeping last counted.\n"
	            "# TYPE acp_gitlab_stored_tokens_broken gauge\nacp_gitlab_stored_tokens_broken %zu\n"
	            "# HELP acp_gitlab_stored_tokens_orphaned Stored tokens without a row, when housekeeping last counted.\n"
	            "# TYPE acp_gitlab_stored_tokens_orphaned gauge\nacp_gitlab_stored_tokens_orphaned %zu\n",
	            figures->values_broken, figures->values_orphaned);
}

static void write_store(struct call *call, struct strbuf *to)
{
	struct session_store *sessions = &call->app->sessions;
	struct connection_store *connections = &call->app->accounts.connections;
	struct database_figures figures = {0};
	struct session_queue queue = {0};
	bool ready = connections->ops->ready(connections->state, NULL) && database_figures(call->app->database, &figures, NULL) &&
	             sessions->ops->queue(sessions->state, &queue, NULL);

	strbuf_addf(to,
	            "# HELP acp_gitlab_store_ready Whether the database is the one that this installation wrote last.\n"
	            "# TYPE acp_gitlab_store_ready gauge\nacp_gitlab_store_ready %d\n",
	            ready);
	/* Figures that could not be read are no zeros. */
	if (!ready)
		return;
	strbuf_add_string(to, "# HELP acp_gitlab_connections Connected accounts; each counts in one state.\n"
	                      "# TYPE acp_gitlab_connections gauge\n");
	write_connections_of("gitlab", &figures.gitlab, to);
	write_connections_of("github", &figures.github, to);
	write_sessions(&figures, &queue, to);
	write_values(&figures, to);
	strbuf_addf(
	        to,
	        "# HELP acp_gitlab_intents_overdue Changes of connections that a crash left over and that housekeeping should have "
	        "carried out.\n"
	        "# TYPE acp_gitlab_intents_overdue gauge\nacp_gitlab_intents_overdue %zu\n",
	        figures.intents_overdue);
}

bool handle_metrics(struct call *call, struct error *err)
{
	if (!address_list_has(settings_get(&call->app->settings, METRICS_ALLOW), call->request->remote_address))
		return error_set(err, ERR_NOT_FOUND, "There is nothing at this address.");
	call->response.content_type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_write(call->app->metrics, pool_name(call->app->pools), &call->response.body);
	if (call->app->pools & POOL_STATUS)
		write_store(call, &call->response.body);
	return true;
}
