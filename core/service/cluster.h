#pragma once
/*
 * cluster — what the settings want of Kubernetes (ACP_SECRET_STORE=kubernetes, ACP_AUTH=tokenreview): read before a process shuts
 * itself in, opened after it. Without either it is empty, and costs nothing. Floor: service.
 */
#include "cluster_identity.h"
#include "kube_secrets.h"
#include "secrets_readiness.h"
#include "settings.h"

struct cluster {
	struct kube_config config;
	bool known; /* `config` is read */
	struct kube_client *client;
	struct kube_secrets *secrets;        /* NULL: values lie in the database */
	struct secrets_readiness *readiness; /* likewise */
	struct cluster_identity *identity;   /* NULL: callers are in the file of tokens */
	const char *git_token_secret;        /* of projects; NULL: they have none here. Borrowed from the settings */
	struct cluster_identity *pods;       /* session pods at the git gate; NULL: none are served */
};
#define CLUSTER_INIT ZERO_INIT
void cluster_release(struct cluster *cluster);

bool cluster_holds_secrets(const struct settings *settings);
bool cluster_knows_callers(const struct settings *settings);

bool cluster_has_pods(const struct settings *settings);
/* Whether projects may have a GIT_TOKEN of their own; only where they are namespaces, that is with callers known to the cluster. */
bool cluster_has_git_tokens(const struct settings *settings);

/* What a process needs of the cluster, where the settings have it there. */
struct cluster_needs {
	bool secrets;
	bool readiness; /* only whether the Secrets can be used; comes with them, too */
	bool callers;
	bool pods;       /* who they are that come to the git gate */
	bool git_tokens; /* the projects' own Secrets with a GIT_TOKEN */
};

/* Reads where the API server is, if it is needed for that. ERR_CONFIG_INVALID. */
bool cluster_read(struct cluster *cluster, const struct settings *settings, const struct cluster_needs *needs,
                  char *const *environ_, struct error *err) MUST_CHECK;
/*
 * Starts the client. `installation` of the keyring, NULL: none. Secrets that are another installation's, or another number of them,
 * fail with ERR_CONFIG_INVALID; a server that does not answer now does not.
 */
bool cluster_open(struct cluster *cluster, const struct settings *settings, const struct cluster_needs *needs,
                  const char *installation, const char *user_agent, struct error *err) MUST_CHECK;
