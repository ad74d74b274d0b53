#include "app.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "sandbox.h"

enum { DATABASE_CONNECTIONS_MAX = 4 /* more make no request faster: one writer at a time, and reads take microseconds */ };

/* GitLab lets only clients through that call themselves git (its workhorse and many proxies look). */
#define GIT_USER_AGENT "git/2.39.5 (acp-gitlab/" ACP_VERSION ")"
#define API_USER_AGENT "acp-gitlab/" ACP_VERSION

void app_release(struct app *app)
{
	status_cache_freep(&app->status_cache);
	static_tokens_freep(&app->tokens);
	database_freep(&app->database);
	http_streams_freep(&app->streams);
	http_client_freep(&app->client);
	keyring_freep(&app->keyring);
	instances_release(&app->instances);
	address_policy_freep(&app->policy);
	settings_release(&app->settings);
}

static bool calls_out(unsigned pools)
{
	return pools & ~(unsigned)POOL_STATUS;
}

/* The gate knows sessions, not callers. */
static bool knows_callers(unsigned pools)
{
	return pools != POOL_GIT;
}

static unsigned keyring_parts(const struct app *app)
{
	unsigned parts = 0;

	if (app->pools == POOL_ALL) {
		/* A CGI process has the uid it was given: it gets what that uid may read. */
		parts |= access(settings_get(&app->settings, SEAL_PUBLIC_KEYS_FILE), R_OK) == 0 ? KEYRING_PUBLIC : 0;
		parts |= access(settings_get(&app->settings, SEAL_SIGNING_KEY_FILE), R_OK) == 0 ? KEYRING_SIGNING : 0;
		parts |= access(settings_get(&app->settings, SEAL_PRIVATE_KEYS_FILE), R_OK) == 0 ? KEYRING_PRIVATE : 0;
		return parts;
	}
	if (app->pools & POOL_CONNECT)
		parts |= KEYRING_PUBLIC | KEYRING_SIGNING;
	if (app->pools & (POOL_REPOSITORIES | POOL_GIT))
		parts |= KEYRING_PUBLIC | KEYRING_PRIVATE;
	return parts;
}

static bool read_configuration(struct app *app, char *const *environ_, struct error *err)
{
	if (!settings_load(environ_, &app->settings, err))
		return false;
	if (!log_level_parse(settings_get(&app->settings, LOG_LEVEL), &app->logger.level))
		return error_set(err, ERR_CONFIG_INVALID, "ACP_LOG_LEVEL is not a level.");
	app->policy = address_policy_new();
	if (!address_policy_add(app->policy, settings_get(&app->settings, EGRESS_ALLOW), err))
		return settings_blame(EGRESS_ALLOW, err);
	return instances_load(settings_get(&app->settings, INSTANCES_FILE), app->policy, &app->instances, err);
}

static struct file_seen look_at(const char *path, const struct stat *st)
{
	return (struct file_seen){path, st->st_dev, st->st_ino, st->st_mtim.tv_sec, st->st_mtim.tv_nsec};
}

static void remember(struct app *app, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0)
		app->seen[app->seen_count++] = look_at(path, &st);
}

static bool read_keys(struct app *app, struct error *err)
{
	const struct keyring_paths paths = {.public_keys = settings_get(&app->settings, SEAL_PUBLIC_KEYS_FILE),
	                                    .signing_key = settings_get(&app->settings, SEAL_SIGNING_KEY_FILE),
	                                    .private_keys = settings_get(&app->settings, SEAL_PRIVATE_KEYS_FILE)};
	unsigned parts = keyring_parts(app);

	/* Before they are read: a change in between is then noticed rather than missed. */
	if (parts & KEYRING_PUBLIC)
		remember(app, paths.public_keys);
	if (parts & KEYRING_SIGNING)
		remember(app, paths.signing_key);
	if (parts & KEYRING_PRIVATE)
		remember(app, paths.private_keys);
	return parts == 0 || keyring_load(&paths, parts, &app->keyring, err);
}

/* Pool status keeps no way out: it has neither client nor, in its sandbox, the right to dial. */
static bool open_clients(struct app *app, struct error *err)
{
	struct http_client_options options = {
	        .policy = app->policy, .ca_file = settings_get(&app->settings, CA_FILE), .user_agent = API_USER_AGENT};

	if (calls_out(app->pools) && !http_client_new(&options, &app->client, err))
		return false;
	options.user_agent = GIT_USER_AGENT;
	return !(app->pools & POOL_GIT) || http_streams_new(&options, &app->streams, err);
}

bool app_is_outdated(const struct app *app)
{
	for (size_t i = 0; i < app->seen_count; i++) {
		const struct file_seen *old = &app->seen[i];
		struct stat st;

		/* One that is gone says nothing yet: a fresh process could not start either. */
		if (stat(old->path, &st) != 0)
			continue;
		struct file_seen now = look_at(old->path, &st);
		if (now.device != old->device || now.inode != old->inode || now.modified_s != old->modified_s ||
		    now.modified_ns != old->modified_ns)
			return true;
	}
	return false;
}

static bool open_stores(struct app *app, unsigned threads, struct error *err)
{
	struct database_options options = {.path = settings_get(&app->settings, DATABASE),
	                                   .connections = threads < DATABASE_CONNECTIONS_MAX ? threads : DATABASE_CONNECTIONS_MAX,
	                                   .busy_timeout_ms = 5000};

	if (!database_open(&options, &app->database, err))
		return false;
	if (knows_callers(app->pools)) {
		if (!static_tokens_open(settings_get(&app->settings, STATIC_TOKENS_FILE), &app->tokens, err))
			return false;
		app->identity = static_tokens_identity(app->tokens);
	}
	app->status_cache = status_cache_new();
	app->accounts = (struct account_service){.client = app->client,
	                                         .instances = &app->instances,
	                                         .keyring = app->keyring,
	                                         .connections = database_connections(app->database),
	                                         .secrets = database_secrets(app->database)};
	app->sessions = database_sessions(app->database);
	app->gate = (struct gate_service){.accounts = &app->accounts, .sessions = app->sessions};
	return true;
}

/* The paths of a sandbox, gathered; strings are borrowed but for folders, which are owned. */
struct path_list {
	const char *items[64];
	size_t count;
	char *owned[4];
	size_t owned_count;
};

static void path_list_release(struct path_list *list)
{
	for (size_t i = 0; i < list->owned_count; i++)
		free(list->owned[i]);
}

static void add_path(struct path_list *list, const char *path)
{
	if (path && *path && list->count < ARRAY_SIZE(list->items))
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
	       is_beneath(settings_get(&app->settings, SEAL_SIGNING_KEY_FILE), folder);
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

static void add_read_only(struct app *app, struct path_list *list)
{
	const char *tokens = settings_get(&app->settings, STATIC_TOKENS_FILE);
	const char *folder = folder_of(list, tokens);
	unsigned parts = keyring_parts(app);

	for (size_t i = 0; i < ARRAY_SIZE(system_paths); i++)
		add_path(list, system_paths[i]);
	add_path(list, settings_get(&app->settings, CA_FILE));
	add_path(list, settings_get(&app->settings, INSTANCES_FILE));
	for (size_t i = 0; i < app->instances.count && i < 16; i++)
		add_path(list, app->instances.items[i].ca_file);
	if (parts & KEYRING_PUBLIC)
		add_path(list, settings_get(&app->settings, SEAL_PUBLIC_KEYS_FILE));
	if (parts & KEYRING_SIGNING)
		add_path(list, settings_get(&app->settings, SEAL_SIGNING_KEY_FILE));
	if (parts & KEYRING_PRIVATE)
		add_path(list, settings_get(&app->settings, SEAL_PRIVATE_KEYS_FILE));
	if (!knows_callers(app->pools))
		return;
	/* A token file that is replaced is a new file, which a rule for the old one does not cover; a rule for the folder does. */
	if (holds_keys(app, folder)) {
		add_path(list, tokens);
		remember(app, tokens);
	} else {
		add_path(list, folder);
	}
}

static void confine(struct app *app)
{
	CLEANUP(path_list_release) struct path_list readable = {.count = 0}, writable = {.count = 0};
	struct sandbox_report report = {0};
	json_t *fields;
	bool exposed;

	add_read_only(app, &readable);
	add_path(&writable, folder_of(&writable, settings_get(&app->settings, DATABASE)));
	exposed = holds_keys(app, writable.items[0]);
	sandbox_enter(&(struct sandbox_rules){.read_only = readable.items,
	                                      .read_only_count = readable.count,
	                                      .writable = writable.items,
	                                      .writable_count = writable.count,
	                                      .may_dial = calls_out(app->pools)},
	              &report);
	fields = json_pack("{s:b, s:i, s:b, s:b}", "confined", report.confined, "landlock_abi", report.landlock_abi,
	                   "capabilities_dropped", report.capabilities_dropped, "keys_in_database_folder", exposed);
	log_event(&app->logger, report.confined && !exposed ? LOG_INFO : LOG_WARNING, NULL, "sandbox", fields);
}

bool app_open(struct app *app, unsigned pools, unsigned threads, char *const *environ_, struct error *err)
{
	app->pools = pools;
	app->logger =
	        (struct logger){.fd = STDERR_FILENO, .level = LOG_INFO, .program = "acp-gitlab-fcgi", .pool = pool_name(pools)};
	if (!read_configuration(app, environ_, err) || !read_keys(app, err))
		return false;
	if (pools != POOL_ALL)
		confine(app);
	return open_clients(app, err) && open_stores(app, threads, err);
}
