#pragma once
/*
 * app — everything one worker process works with, built once after the fork and passed to every request. The only file of this
 * program that knows all floors. Each pool gets only its parts: `status` no key and no client, `connect` the keys that seal,
 * `repositories` and `git` those that open, and with them what GitHub's App and projects are served with.
 *
 * Its parts point at each other: it stays where it was opened.
 */
#include "address_policy.h"
#include "cluster.h"
#include "database.h"
#include "gate_pod.h"
#include "gate_service.h"
#include "github_app.h"
#include "http_stream.h"
#include "identity.h"
#include "log.h"
#include "metrics.h"
#include "pool.h"
#include "project_service.h"
#include "provider_probe.h"
#include "settings.h"
#include "status_cache.h"

/* A file as it was when this process read it. */
struct file_seen {
	const char *path;
	uint64_t device, inode;
	int64_t modified_s, modified_ns;
};

enum { FILES_SEEN_MAX = 7 /* public, signing and private keys, bearer tokens, the App's key; the cluster's CA and token */ };

struct app {
	unsigned pools;
	struct file_seen seen[FILES_SEEN_MAX];
	size_t seen_count;
	struct settings settings;
	struct logger logger;
	struct metrics *metrics; /* of the pool, shared; NULL: nothing is counted. Borrowed */
	struct audit audit;      /* in pools that use tokens */
	struct address_policy *policy;
	struct instances instances;
	struct keyring *keyring;      /* NULL in pool status */
	char *installation;           /* pool status: whose the public keys are; NULL: not known */
	struct error keys_failure;    /* pool status: why the public keys are not usable, for readiness; else empty */
	struct http_client *client;   /* NULL in pool status */
	struct http_streams *streams; /* pool git alone */
	struct database *database;
	struct cluster cluster;       /* Kubernetes, where the settings name it */
	struct static_tokens *tokens; /* NULL: callers are the cluster's */
	struct status_cache *status_cache;
	struct identity identity;
	struct instance_url github;    /* ACP_GITHUB_URL */
	struct secret git_token;       /* pools repositories and git; empty: none */
	struct github_app *github_app; /* the same pools; NULL: none */
	struct provider_probe *probe;  /* the same pools; NULL: ACP_PROVIDER_PROBE is off */
	struct account_service accounts;
	struct credential_sources credentials; /* what the pool has of them */
	struct check_service checks;
	struct project_service projects;
	struct session_store sessions;
	struct outcome_pace *pace; /* pool git alone */
	struct gate_pods *pods;    /* pool git alone; NULL: no session pods are served */
	struct gate_service gate;
};
#define APP_INIT ZERO_INIT

/*
 * Builds the parts for these pools. The process confines itself in between, after its keys were read and before it starts threads.
 * A CGI process (POOL_ALL) is not confined; it gets those keys that it can read. ERR_CONFIG_INVALID, ERR_STORE_NOT_READY and the
 * errors of the parts; release in both cases.
 */
bool app_open(struct app *app, unsigned pools, unsigned threads, char *const *environ_, struct error *err) MUST_CHECK;
void app_release(struct app *app);

/*
 * Overwrites ACP_GIT_TOKEN where the environment holds it. A worker does so once it has read it; the parent of a pool that has no
 * use for it, at its start. (The parents of the others keep it for the workers that they start later.)
 */
void app_forget_git_token(char *const *environ_);

/*
 * Whether a file of this process was replaced by a new one that it cannot take over itself: its keys (read once), or a token file
 * that the sandbox had to name singly because the keys lie in the same folder. The process then ends, and a fresh one takes its
 * place.
 */
bool app_is_outdated(const struct app *app);

/* Whether there is an active key that tokens can be sealed to, as far as this process may know. ERR_KEYS_NOT_READY. */
bool app_keys_ready(const struct app *app, struct error *err) MUST_CHECK;
