#include "app_parts.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "sandbox.h"

/* The paths of a sandbox, gathered; strings are borrowed but for folders, which are owned. */
struct path_list {
	const char **items;
	size_t count;
	char *owned[8];
	size_t owned_count;
};

static void path_list_release(struct path_list *list)
{
	free(list->items);
	for (size_t i = 0; i < list->owned_count; i++)
		free(list->owned[i]);
}

static void add_path(struct path_list *list, const char *path)
{
	if (!path || !*path)
		return;
	list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
	list->items[list->count++] = path;
}

/* The folder of a file, owned by the list. */
static const char *folder_of(struct path_list *list, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");

	return list->owned[list->owned_count++] = folder;
}

static bool is_beneath(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 && (path[length] == '/' || folder[length - 1] == '/');
}

static bool holds_keys(const struct app *app, const char *folder)
{
	return is_beneath(settings_get(&app->settings, SEAL_PRIVATE_KEYS_FILE), folder) ||
	       is_beneath(settings_get(&app->settings, SEAL_SIGNING_KEY_FILE), folder) ||
	       is_beneath(settings_get(&app->settings, GITHUB_APP_KEY_FILE), folder);
}

/* What name resolution, TLS and the loader read. */
static const char *const system_paths[] = {
        "/usr",
        "/lib",
        "/lib64",
        "/etc/ssl",
        "/etc/ca-certificates",
        "/etc/resolv.conf",
        "/run/systemd/resolve",
        "/etc/hosts",
        "/etc/nsswitch.conf",
        "/etc/gai.conf",
        "/etc/host.conf",
        "/etc/services",
        "/etc/protocols",
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/dev/null",
        "/dev/urandom",
};

/*
 * A file that is replaced is a new one, which a rule for the old one does not cover; a rule for its folder does (and the kubelet
 * swaps files by links beside them). Beside keys the file has to do: a process that was given an old one ends, and a new one comes.
 */
static void add_replaceable(struct app *app, struct path_list *list, const char *path)
{
	const char *folder = folder_of(list, path);

	if (holds_keys(app, folder)) {
		add_path(list, path);
		app_remember_file(app, path);
	} else {
		add_path(list, folder);
	}
}

static void add_read_only(struct app *app, struct path_list *list)
{
	unsigned parts = app_keyring_parts(app);

	for (size_t i = 0; i < ARRAY_SIZE(system_paths); i++)
		add_path(list, system_paths[i]);
	add_path(list, settings_get(&app->settings, CA_FILE));
	add_path(list, settings_get(&app->settings, INSTANCES_FILE));
	for (size_t i = 0; i < app->instances.count; i++)
		add_path(list, app->instances.items[i].ca_file);
	if (parts & KEYRING_PUBLIC)
		add_path(list, settings_get(&app->settings, SEAL_PUBLIC_KEYS_FILE));
	if (parts & KEYRING_SIGNING)
		add_path(list, settings_get(&app->settings, SEAL_SIGNING_KEY_FILE));
	if (parts & KEYRING_PRIVATE)
		add_path(list, settings_get(&app->settings, SEAL_PRIVATE_KEYS_FILE));
	if (app->cluster.known && app->cluster.config.ca_file)
		add_replaceable(app, list, app->cluster.config.ca_file);
	if (app->cluster.known && app->cluster.config.token_file)
		add_replaceable(app, list, app->cluster.config.token_file);
	if (!pools_know_callers(app->pools) || cluster_knows_callers(&app->settings))
		return;
	add_replaceable(app, list, settings_get(&app->settings, STATIC_TOKENS_FILE));
}

void app_confine(struct app *app)
{
	CLEANUP(path_list_release) struct path_list readable = {.count = 0}, writable = {.count = 0};
	struct sandbox_report report = {0};
	json_t *fields;
	bool exposed;

	add_read_only(app, &readable);
	const char *database = folder_of(&writable, settings_get(&app->settings, DATABASE));
	add_path(&writable, database);
	exposed = holds_keys(app, database);
	sandbox_enter(&(struct sandbox_rules){.read_only = readable.items,
	                                      .read_only_count = readable.count,
	                                      .writable = writable.items,
	                                      .writable_count = writable.count,
	                                      .may_dial = pools_call_out(app->pools),
	                                      .dial_port = app->cluster.known ? app->cluster.config.port : 0},
	              &report);
	fields = json_pack("{s:b, s:i, s:b, s:b}", "confined", report.confined, "landlock_abi", report.landlock_abi,
	                   "capabilities_dropped", report.capabilities_dropped, "keys_in_database_folder", exposed);
	log_event(&app->logger, report.confined && !exposed ? LOG_INFO : LOG_WARNING, NULL, "sandbox", fields);
}
