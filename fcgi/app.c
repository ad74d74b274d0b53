#include "app_parts.h"

#include <unistd.h>

#include "address_list.h"
#include "alloc.h"

enum { DATABASE_CONNECTIONS_MAX = 4 /* more make no request faster: one writer at a time, and reads take microseconds */ };

/* GitLab lets only clients through that call themselves git (its workhorse and many proxies look). */
#define GIT_USER_AGENT "git/2.39.5 (acp-gitlab/" ACP_VERSION ")"
#define API_USER_AGENT "acp-gitlab/" ACP_VERSION

void app_release(struct app *app)
{
	status_cache_freep(&app->status_cache);
	static_tokens_freep(&app->tokens);
	gate_pods_freep(&app->pods);
	cluster_release(&app->cluster);
	database_freep(&app->database);
	outcome_pace_freep(&app->pace);
	provider_probe_freep(&app->probe);
	github_app_freep(&app->github_app);
	http_streams_freep(&app->streams);
	http_client_freep(&app->client);
	keyring_freep(&app->keyring);
	freep(&app->installation);
	secret_release(&app->git_token);
	instance_url_release(&app->github);
	instances_release(&app->instances);
	address_policy_freep(&app->policy);
	audit_release(&app->audit);
	settings_release(&app->settings);
}

static bool read_configuration(struct app *app, char *const *environ_, struct error *err)
{
	if (!settings_load(environ_, &app->settings, err))
		return false;
	if (!log_level_parse(settings_get(&app->settings, LOG_LEVEL), &app->logger.level))
		return error_set(err, ERR_CONFIG_INVALID, "ACP_LOG_LEVEL is not a level.");
	if (!address_list_check(settings_get(&app->settings, TRUSTED_PROXY), err))
		return settings_blame(TRUSTED_PROXY, err);
	if (!address_list_check(settings_get(&app->settings, METRICS_ALLOW), err))
		return settings_blame(METRICS_ALLOW, err);
	app->policy = address_policy_new();
	if (!address_policy_add(app->policy, settings_get(&app->settings, EGRESS_ALLOW), err))
		return settings_blame(EGRESS_ALLOW, err);
	return instances_load(settings_get(&app->settings, INSTANCES_FILE), app->policy, &app->instances, err);
}

static void count_upstream(void *observer, const struct http_call *call)
{
	const struct app *app = observer;

	metrics_upstream(app->metrics, &app->instances, call);
}

/* Pool status keeps no way out but, where it must ask who is calling, to the cluster's API server. */
static bool open_clients(struct app *app, struct error *err)
{
	struct http_client_options options = {.policy = app->policy,
	                                      .ca_file = settings_get(&app->settings, CA_FILE),
	                                      .user_agent = API_USER_AGENT,
	                                      .observe = count_upstream,
	                                      .observer = app};

	if (pools_call_out(app->pools) && !http_client_new(&options, &app->client, err))
		return false;
	if (pools_open_tokens(app->pools) && settings_switch(&app->settings, PROVIDER_PROBE))
		app->probe = provider_probe_new(app->client);
	options.user_agent = GIT_USER_AGENT;
	return !(app->pools & POOL_GIT) || http_streams_new(&options, &app->streams, err);
}

static struct cluster_needs needs_of(unsigned pools)
{
	return (struct cluster_needs){.secrets = pools_call_out(pools),
	                              .readiness = true,
	                              .callers = pools_know_callers(pools),
	                              .pods = pools & POOL_GIT,
	                              .git_tokens = pools_open_tokens(pools)};
}

/* Pool status asks the cluster who is calling, and whether the Secrets can be used. */
static bool open_cluster(struct app *app, struct error *err)
{
	const struct cluster_needs needs = needs_of(app->pools);

	return cluster_open(&app->cluster, &app->settings, &needs,
	                    app->keyring ? keyring_installation(app->keyring) : app->installation, API_USER_AGENT, err);
}

/* A pool without a part leaves its place empty; routes that need it are served elsewhere. */
static void wire_services(struct app *app)
{
	app->accounts = (struct account_service){.client = app->client,
	                                         .instances = &app->instances,
	                                         .keyring = app->keyring,
	                                         .connections = database_connections(app->database),
	                                         .secrets = app->cluster.secrets ? kube_secrets_store(app->cluster.secrets)
	                                                                         : database_secrets(app->database),
	                                         .github = &app->github,
	                                         .audit = &app->audit};
	app->credentials = (struct credential_sources){.accounts = &app->accounts,
	                                               .projects = database_projects(app->database),
	                                               .app = app->github_app,
	                                               .git_token = app->git_token.length > 0 ? &app->git_token : NULL,
	                                               .cluster = app->cluster.git_token_secret ? app->cluster.client : NULL,
	                                               .git_token_secret = app->cluster.git_token_secret,
	                                               .github = &app->github};
	app->checks = (struct check_service){.credentials = app->credentials, .probe = app->probe};
	app->projects = (struct project_service){.checks = &app->checks, .store = app->credentials.projects};
	app->sessions = database_sessions(app->database);
	app->pace = app->pools & POOL_GIT ? outcome_pace_new() : NULL;
	app->pods = app->cluster.pods ? gate_pods_new(cluster_identity(app->cluster.pods)) : NULL;
	app->gate = (struct gate_service){.checks = &app->checks,
	                                  .projects = &app->projects,
	                                  .sessions = app->sessions,
	                                  .pace = app->pace,
	                                  .pods = app->pods};
}

static unsigned shards_of(const struct app *app)
{
	return (unsigned)settings_number(&app->settings, SECRET_SHARDS);
}

static bool open_database(struct app *app, unsigned threads, struct error *err)
{
	/* A crowd that connects may wait; whoever only asks for a status gets a plain answer sooner. */
	struct database_options options = {.path = settings_get(&app->settings, DATABASE),
	                                   .connections = threads < DATABASE_CONNECTIONS_MAX ? threads : DATABASE_CONNECTIONS_MAX,
	                                   .busy_timeout_ms = pools_call_out(app->pools) ? 15000 : 5000};

	return database_open(&options, &app->database, err) &&
	       (!cluster_holds_secrets(&app->settings) || database_compare_shards(app->database, shards_of(app), err));
}

static bool open_stores(struct app *app, struct error *err)
{
	if (app->cluster.secrets && !database_keep_shards(app->database, shards_of(app), err))
		return false;
	if (app->cluster.identity) {
		app->identity = cluster_identity(app->cluster.identity);
	} else if (pools_know_callers(app->pools)) {
		if (!static_tokens_open(settings_get(&app->settings, STATIC_TOKENS_FILE), &app->tokens, err))
			return false;
		app->identity = static_tokens_identity(app->tokens);
	}
	app->status_cache = status_cache_new();
	wire_services(app);
	return true;
}

bool app_open(struct app *app, unsigned pools, unsigned threads, char *const *environ_, struct error *err)
{
	app->pools = pools;
	app->audit = (struct audit)AUDIT_INIT;
	app->logger =
	        (struct logger){.fd = STDERR_FILENO, .level = LOG_INFO, .program = "acp-gitlab-fcgi", .pool = pool_name(pools)};
	if (!read_configuration(app, environ_, err) || !app_read_keys(app, err) || !app_read_github(app, environ_, err))
		return false;
	if (pools_call_out(pools) &&
	    !audit_open(settings_get(&app->settings, AUDIT_LOG), app->logger.program, app->logger.pool, &app->audit, err))
		return false;
	const struct cluster_needs needs = needs_of(pools);
	if (!cluster_read(&app->cluster, &app->settings, &needs, environ_, err))
		return false;
	if (pools != POOL_ALL)
		app_confine(app);
	return open_clients(app, err) && open_database(app, threads, err) && open_cluster(app, err) && open_stores(app, err);
}
