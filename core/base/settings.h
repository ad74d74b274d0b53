#pragma once
/*
 * settings — the configuration, read once at the start into one const struct.
 *
 * Sources, first wins: environment, /etc/acp-gitlab/acp-gitlab.conf (`NAME=value` lines, '#' comments; another file with
 * ACP_CONFIG_FILE, none if that is empty), the default. Of a setting marked secret both also take NAME_FILE, a file with the value.
 * An unknown ACP_* name in the environment or the file, or a malformed value, fails with one line that names it. SETTINGS below is
 * the whole list; the README's table is checked against it. Floor: base.
 */
#include "error.h"
#include "strbuf.h"

enum setting_kind {
	SETTING_TEXT,
	SETTING_PATH,
	SETTING_PATH_OR_NONE, /* empty turns off what it is for, whatever the default */
	SETTING_LIST,
	SETTING_URL,
	SETTING_SECRET,
	SETTING_SECONDS,
	SETTING_SWITCH,
	SETTING_NUMBER
};

/* clang-format off */
/* id, name, kind, default, accepted values ("a|b", NULL: by kind), meaning (one sentence; the README prints it) */
#define SETTINGS(X) \
	X(DATABASE, "ACP_DATABASE", SETTING_PATH, "/var/lib/acp-gitlab/database/acp-gitlab.db", NULL, "Path of the SQLite database.") \
	X(SECRET_STORE, "ACP_SECRET_STORE", SETTING_TEXT, "database", "database|kubernetes", "Where sealed tokens are kept: in the database, or in Secrets of Kubernetes.") \
	X(NAMESPACE, "ACP_NAMESPACE", SETTING_TEXT, "vteam-backend", NULL, "Namespace of the Secrets that hold sealed tokens.") \
	X(SECRET_SHARDS, "ACP_SECRET_SHARDS", SETTING_NUMBER, "16", NULL, "Number of those Secrets for each provider, a power of two; fixed at installation.") \
	X(SEAL_PUBLIC_KEYS_FILE, "ACP_SEAL_PUBLIC_KEYS_FILE", SETTING_PATH, "/etc/acp-gitlab/keys/public.keys", NULL, "Public sealing keys and signers.") \
	X(SEAL_SIGNING_KEY_FILE, "ACP_SEAL_SIGNING_KEY_FILE", SETTING_PATH, "/etc/acp-gitlab/keys/signing.key", NULL, "Key that signs sealed values (pool connect).") \
	X(SEAL_PRIVATE_KEYS_FILE, "ACP_SEAL_PRIVATE_KEYS_FILE", SETTING_PATH, "/etc/acp-gitlab/keys/private.keys", NULL, "Keys that open sealed values (pools repositories and git, housekeeping).") \
	X(AUTH, "ACP_AUTH", SETTING_TEXT, "static", "static|tokenreview", "How callers are verified: by a file of bearer tokens, or by the Kubernetes API server.") \
	X(TRUSTED_PROXY, "ACP_TRUSTED_PROXY", SETTING_LIST, "", NULL, "Addresses and networks of sign-in proxies whose X-Forwarded-Access-Token is taken as the bearer.") \
	X(TOKENREVIEW_AUDIENCES, "ACP_TOKENREVIEW_AUDIENCES", SETTING_LIST, "", NULL, "Audiences of which a caller's cluster token must name one; empty: the API server's own.") \
	X(GATE_AUDIENCES, "ACP_GATE_AUDIENCES", SETTING_LIST, "acp-gitlab", NULL, "Audiences of which a session pod's token must name one at the git gate; empty: the API server's own.") \
	X(STATIC_TOKENS_FILE, "ACP_STATIC_TOKENS_FILE", SETTING_PATH, "/etc/acp-gitlab/auth/tokens", NULL, "Hashed bearer tokens with their users and projects.") \
	X(INSTANCES_FILE, "ACP_INSTANCES_FILE", SETTING_PATH, "", NULL, "JSON list of servers: URL, provider, CA file, networks, proxy.") \
	X(CA_FILE, "ACP_CA_FILE", SETTING_PATH, "", NULL, "PEM certificates trusted in addition to the system's.") \
	X(EGRESS_ALLOW, "ACP_EGRESS_ALLOW", SETTING_LIST, "", NULL, "Addresses, networks and hosts, each with an optional port, that may be dialled although they are internal.") \
	X(PROVIDER_PROBE, "ACP_PROVIDER_PROBE", SETTING_SWITCH, "off", "on|off", "Ask an unknown host once, without a credential, whether it is GitLab or GitHub.") \
	X(GITHUB_URL, "ACP_GITHUB_URL", SETTING_URL, "https://github.com", NULL, "GitHub server of the App and of ACP_GIT_TOKEN, and the one a token is connected to when none is named.") \
	X(GIT_TOKEN, "ACP_GIT_TOKEN", SETTING_SECRET, "", NULL, "GitHub token of the projects, used where a user has neither a token nor an installation.") \
	X(GIT_TOKEN_SECRET, "ACP_GIT_TOKEN_SECRET", SETTING_TEXT, "", NULL, "Secret in a project's namespace whose key GIT_TOKEN serves that project before ACP_GIT_TOKEN (with ACP_AUTH=tokenreview); empty: none.") \
	X(GITHUB_APP_ID, "ACP_GITHUB_APP_ID", SETTING_TEXT, "", NULL, "Number (or client id) of the GitHub App.") \
	X(GITHUB_APP_KEY_FILE, "ACP_GITHUB_APP_KEY_FILE", SETTING_PATH, "", NULL, "Private key of the GitHub App, PEM (pools repositories and git).") \
	X(WORKSPACES, "ACP_WORKSPACES", SETTING_PATH, "/var/lib/acp-gitlab/workspaces", NULL, "Folder of the sessions' workspaces.") \
	X(WORKSPACE_MAX, "ACP_WORKSPACE_MAX", SETTING_NUMBER, "20480", NULL, "MiB that one session's workspace may take; the agent is ended above it.") \
	X(WORKSPACE_KEEP, "ACP_WORKSPACE_KEEP", SETTING_SECONDS, "86400", NULL, "Seconds that the work of a session is kept that could not push it.") \
	X(MIRRORS, "ACP_MIRRORS", SETTING_PATH_OR_NONE, "/var/lib/acp-gitlab/mirrors", NULL, "Folder of the objects that sessions of one project share; empty: every session fetches everything.") \
	X(MIRRORS_MAX, "ACP_MIRRORS_MAX", SETTING_NUMBER, "50", NULL, "GiB that the shared objects may take before those that nobody uses go.") \
	X(CRD_GROUP, "ACP_CRD_GROUP", SETTING_TEXT, "", "|ambient-code.io|vteam.ambient-code", "API group of the Kubernetes resources that the worker follows; empty: none.") \
	X(GATE_URL, "ACP_GATE_URL", SETTING_URL, "http://127.0.0.1:8080", NULL, "Where worker and agent reach the git gate.") \
	X(AGENT_COMMAND, "ACP_AGENT_COMMAND", SETTING_TEXT, "", NULL, "Command that a session runs in its workspace; empty: the session waits for git/push.") \
	X(AGENT_TIMEOUT, "ACP_AGENT_TIMEOUT", SETTING_SECONDS, "3600", NULL, "Seconds that an agent may run.") \
	X(AGENT_MEMORY_MAX, "ACP_AGENT_MEMORY_MAX", SETTING_NUMBER, "3072", NULL, "MiB of memory that an agent and all it starts may take; it is ended above it.") \
	X(AGENT_UNCONFINED, "ACP_AGENT_UNCONFINED", SETTING_SWITCH, "off", "on|off", "Start agents and git even where the kernel has no Landlock; the filters of system calls stay.") \
	X(NOTIFY_URL, "ACP_NOTIFY_URL", SETTING_URL, "", NULL, "Address (https) that is told of every finished session and of tokens that expire or are refused.") \
	X(NOTIFY_SECRET, "ACP_NOTIFY_SECRET", SETTING_SECRET, "", NULL, "Key of at least 16 characters that signs what ACP_NOTIFY_URL is told (housekeeping).") \
	X(METRICS_ALLOW, "ACP_METRICS_ALLOW", SETTING_LIST, "127.0.0.1,::1", NULL, "Addresses and networks that may ask for /metrics.") \
	X(AUDIT_LOG, "ACP_AUDIT_LOG", SETTING_PATH, "stderr", NULL, "File that gets a line for every use of a token, or stderr.") \
	X(LOG_LEVEL, "ACP_LOG_LEVEL", SETTING_TEXT, "info", "error|warning|info|debug", "How much is logged.") \
	X(URL, "ACP_URL", SETTING_URL, "http://127.0.0.1:8080", NULL, "Address of the service, for the command line.") \
	X(BEARER_FILE, "ACP_BEARER_FILE", SETTING_PATH, "", NULL, "File with the caller's bearer token, for the command line.")
/* clang-format on */

enum setting {
#define X(id, name, kind, fallback, accepted, meaning) SETTING_ID_##id,
	SETTINGS(X)
#undef X
	        SETTING_COUNT
};

enum setting_source { SETTING_FROM_DEFAULT, SETTING_FROM_FILE, SETTING_FROM_ENVIRONMENT };

struct settings {
	char *values[SETTING_COUNT]; /* owned; never NULL after settings_load */
	enum setting_source sources[SETTING_COUNT];
};
#define SETTINGS_INIT ZERO_INIT

/* Reads everything. `environ_` is the program's environ. ERR_CONFIG_INVALID names the setting and what is wrong. */
bool settings_load(char *const *environ_, struct settings *ret, struct error *err) MUST_CHECK;
void settings_release(struct settings *s);

/* settings_get(&s, DATABASE) */
#define settings_get(s, id) ((s)->values[SETTING_ID_##id])
/* SETTING_SECONDS and SETTING_NUMBER, already checked; whole number ≥ 0. */
#define settings_number(s, id) settings_number_((s), SETTING_ID_##id)
#define settings_switch(s, id) settings_switch_((s), SETTING_ID_##id)
int64_t settings_number_(const struct settings *s, enum setting id);
bool settings_switch_(const struct settings *s, enum setting id);

/* Puts the setting's name before an error that its value led to ("ACP_EGRESS_ALLOW: …"). Returns false. */
#define settings_blame(id, err) settings_blame_(SETTING_ID_##id, (err))
bool settings_blame_(enum setting id, struct error *err);

struct setting_description {
	const char *name;
	enum setting_kind kind;
	const char *fallback;
	const char *accepted;
	const char *meaning;
};
const struct setting_description *setting_describe(enum setting id);
