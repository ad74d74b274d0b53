#include "machine.h"

#include "alloc.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void machine_release(struct machine *machine)
{
	/* The client first: its thread may still look at policy and instances. */
	http_client_freep(&machine->client);
	instances_release(&machine->instances);
	address_policy_freep(&machine->policy);
	database_freep(&machine->database);
	cluster_release(&machine->cluster);
	keyring_freep(&machine->keyring);
	if (machine->accounts.audit)
		audit_release(&machine->audit);
}

struct keyring_paths machine_key_paths(const struct settings *settings)
{
	return (struct keyring_paths){
	        .public_keys = settings_get(settings, SEAL_PUBLIC_KEYS_FILE),
	        .signing_key = settings_get(settings, SEAL_SIGNING_KEY_FILE),
	        .private_keys = settings_get(settings, SEAL_PRIVATE_KEYS_FILE),
	};
}

static struct key_files look_at_keys(const struct keyring_paths *paths, unsigned parts)
{
	const char *const all[] = {parts & KEYRING_PUBLIC ? paths->public_keys : NULL,
	                           parts & KEYRING_SIGNING ? paths->signing_key : NULL,
	                           parts & KEYRING_PRIVATE ? paths->private_keys : NULL};
	struct key_files seen = {0};
	struct stat about;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (!all[i] || stat(all[i], &about) != 0)
			continue;
		seen.files[i].device = about.st_dev;
		seen.files[i].inode = about.st_ino;
		seen.files[i].modified_s = about.st_mtim.tv_sec;
		seen.files[i].modified_ns = about.st_mtim.tv_nsec;
	}
	return seen;
}

bool machine_open_keys(struct machine *machine, const struct settings *settings, unsigned parts, struct error *err)
{
	const struct keyring_paths paths = machine_key_paths(settings);

	/* Looked at before they are read: a change in between is then noticed rather than missed. */
	machine->key_files = look_at_keys(&paths, parts);
	return keyring_load(&paths, parts, &machine->keyring, err);
}

bool machine_refresh_keys(struct machine *machine, const struct settings *settings, unsigned parts, struct error *err)
{
	const struct keyring_paths paths = machine_key_paths(settings);
	const struct key_files now = look_at_keys(&paths, parts);
	struct keyring *fresh = NULL;

	if (memcmp(&now, &machine->key_files, sizeof(now)) == 0)
		return true;
	if (!keyring_load(&paths, parts, &fresh, err))
		return false;
	machine->key_files = now;
	keyring_freep(&machine->keyring);
	machine->keyring = fresh;
	machine->accounts.keyring = fresh;
	return true;
}

bool machine_open_database(struct machine *machine, const struct settings *settings, bool any_state, struct error *err)
{
	enum { CONNECTIONS = 2, BUSY_TIMEOUT_MS = 10000 };
	const struct database_options options = {
	        .path = settings_get(settings, DATABASE),
	        .connections = CONNECTIONS,
	        .busy_timeout_ms = BUSY_TIMEOUT_MS,
	        .any_state = any_state,
	};
	const struct cluster_needs needs = {.secrets = true, .git_tokens = machine->wants_git_tokens};
	const unsigned shards = (unsigned)settings_number(settings, SECRET_SHARDS);

	if (!database_open(&options, &machine->database, err) ||
	    (cluster_holds_secrets(settings) && !database_compare_shards(machine->database, shards, err)) ||
	    !cluster_read(&machine->cluster, settings, &needs, environ, err) ||
	    !cluster_open(&machine->cluster, settings, &needs, machine->keyring ? keyring_installation(machine->keyring) : NULL,
	                  "acp-gitlab/" ACP_VERSION, err))
		return false;
	if (machine->cluster.secrets && !database_keep_shards(machine->database, shards, err))
		return false;
	machine->accounts = (struct account_service){
	        .keyring = machine->keyring,
	        .connections = database_connections(machine->database),
	        .secrets = machine->cluster.secrets ? kube_secrets_store(machine->cluster.secrets)
	                                            : database_secrets(machine->database),
	        .instances = &machine->instances,
	};
	return true;
}

char *machine_operator(void)
{
	const struct passwd *entry = getpwuid(getuid());

	return entry ? xasprintf("operator:%s", entry->pw_name) : xasprintf("operator:%u", (unsigned)getuid());
}

bool machine_open_audit(struct machine *machine, const struct settings *settings, const char *part, const char *actor,
                        struct error *err)
{
	if (!audit_open(settings_get(settings, AUDIT_LOG), "acp-gitlab", part, &machine->audit, err))
		return false;
	machine->audit.actor = actor;
	machine->accounts.audit = &machine->audit;
	return true;
}

bool machine_open_network(struct machine *machine, const struct settings *settings, struct error *err)
{
	struct http_client_options options = {
	        .ca_file = settings_get(settings, CA_FILE),
	        .user_agent = "acp-gitlab/" ACP_VERSION,
	};

	machine->policy = address_policy_new();
	options.policy = machine->policy;
	if (!address_policy_add(machine->policy, settings_get(settings, EGRESS_ALLOW), err))
		return settings_blame(EGRESS_ALLOW, err);
	if (!instances_load(settings_get(settings, INSTANCES_FILE), machine->policy, &machine->instances, err) ||
	    !http_client_new(&options, &machine->client, err))
		return false;
	machine->accounts.client = machine->client;
	return true;
}
