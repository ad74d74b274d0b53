#include "cluster.h"

#include "session.h"

#include <string.h>

/* Whose AgenticSessions and ProjectSettings a caller's rights are read from, where the worker follows none. */
#define CRD_GROUP_DEFAULT "ambient-code.io"

static const char *group_of(const struct settings *settings)
{
	const char *group = settings_get(settings, CRD_GROUP);

	return *group ? group : CRD_GROUP_DEFAULT;
}

void cluster_release(struct cluster *cluster)
{
	cluster_identity_freep(&cluster->identity);
	cluster_identity_freep(&cluster->pods);
	secrets_readiness_freep(&cluster->readiness);
	kube_secrets_freep(&cluster->secrets);
	kube_client_freep(&cluster->client);
	kube_config_release(&cluster->config);
	*cluster = (struct cluster)CLUSTER_INIT;
}

bool cluster_holds_secrets(const struct settings *settings)
{
	return strcmp(settings_get(settings, SECRET_STORE), "kubernetes") == 0;
}

bool cluster_knows_callers(const struct settings *settings)
{
	return strcmp(settings_get(settings, AUTH), "tokenreview") == 0;
}

bool cluster_has_pods(const struct settings *settings)
{
	return settings_get(settings, CRD_GROUP)[0] != '\0';
}

bool cluster_has_git_tokens(const struct settings *settings)
{
	return cluster_knows_callers(settings) && settings_get(settings, GIT_TOKEN_SECRET)[0] != '\0';
}

static bool check_git_token_secret(const struct settings *settings, struct error *err)
{
	const char *name = settings_get(settings, GIT_TOKEN_SECRET);

	if (*name && !cluster_knows_callers(settings))
		return error_set(err, ERR_CONFIG_INVALID,
		                 "ACP_GIT_TOKEN_SECRET needs ACP_AUTH=tokenreview: only then is a project a namespace.");
	if (*name && !session_name_is_valid(name))
		return error_set(err, ERR_CONFIG_INVALID, "ACP_GIT_TOKEN_SECRET is not the name of a Secret.");
	return true;
}

/* Which of the needs are the cluster's to meet. */
static struct cluster_needs met_by_cluster(const struct cluster_needs *needs, const struct settings *settings)
{
	return (struct cluster_needs){.secrets = needs->secrets && cluster_holds_secrets(settings),
	                              .readiness = (needs->secrets || needs->readiness) && cluster_holds_secrets(settings),
	                              .callers = needs->callers && cluster_knows_callers(settings),
	                              .pods = needs->pods && cluster_has_pods(settings),
	                              .git_tokens = needs->git_tokens && cluster_has_git_tokens(settings)};
}

bool cluster_read(struct cluster *cluster, const struct settings *settings, const struct cluster_needs *needs,
                  char *const *environ_, struct error *err)
{
	const struct kube_sources sources = kube_sources_of(environ_);
	const struct cluster_needs met = met_by_cluster(needs, settings);

	if (!check_git_token_secret(settings, err))
		return false;
	if (!met.readiness && !met.callers && !met.pods && !met.git_tokens)
		return true;
	cluster->known = kube_config_load(&sources, &cluster->config, err);
	return cluster->known;
}

static bool open_secrets(struct cluster *cluster, const struct settings *settings, bool use, const char *installation,
                         struct error *err)
{
	const struct kube_secrets_options options = {.client = cluster->client,
	                                             .namespace_ = settings_get(settings, NAMESPACE),
	                                             .shards = (unsigned)settings_number(settings, SECRET_SHARDS),
	                                             .installation = installation};
	struct error why = ERROR_INIT;

	if (!secrets_readiness_new(&options, &cluster->readiness, err))
		return false;
	if (!use)
		return true;
	if (!kube_secrets_new(&options, &cluster->secrets, err))
		return false;
	if (kube_secrets_check(cluster->secrets, &why) || why.code != ERR_CONFIG_INVALID)
		return true;
	if (err)
		*err = why;
	return false;
}

static struct cluster_identity *identity_for(struct cluster *cluster, const struct settings *settings, const char *audiences)
{
	return cluster_identity_new(
	        &(struct cluster_identity_options){.client = cluster->client, .audiences = audiences, .group = group_of(settings)});
}

bool cluster_open(struct cluster *cluster, const struct settings *settings, const struct cluster_needs *needs,
                  const char *installation, const char *user_agent, struct error *err)
{
	const struct cluster_needs met = met_by_cluster(needs, settings);

	if (!cluster->known)
		return true;
	if (!kube_client_new(&cluster->config, user_agent, &cluster->client, err))
		return false;
	if (met.callers)
		cluster->identity = identity_for(cluster, settings, settings_get(settings, TOKENREVIEW_AUDIENCES));
	if (met.pods)
		cluster->pods = identity_for(cluster, settings, settings_get(settings, GATE_AUDIENCES));
	if (met.git_tokens)
		cluster->git_token_secret = settings_get(settings, GIT_TOKEN_SECRET);
	return !met.readiness || open_secrets(cluster, settings, met.secrets, installation, err);
}
