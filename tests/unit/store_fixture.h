#pragma once
/* store_fixture — a real database in a folder of its own, and sample rows. */
#include "alloc.h"
#include "database.h"
#include "temporary_folder.h"

#define INSTALLATION        "11111111-2222-4333-8444-555555555555"
#define SECOND_INSTALLATION "99999999-2222-4333-8444-555555555555"
#define GITLAB_COM_URL      "https://gitlab.com"

struct store_fixture {
	struct temporary_folder folder;
	char path[PATH_SIZE];
	char anchor[PATH_SIZE];
	struct database *db;
	struct connection_store connections;
	struct session_store sessions;
	struct secret_store secrets;
	struct project_store projects;
};

static inline struct database *fixture_open(const struct store_fixture *f, struct error *err)
{
	const struct database_options options = {.path = f->path, .connections = 4, .busy_timeout_ms = 10000};
	struct database *db = NULL;

	return database_open(&options, &db, err) ? db : NULL;
}

static inline void fixture_use(struct store_fixture *f, struct database *db)
{
	f->db = db;
	f->connections = database_connections(db);
	f->sessions = database_sessions(db);
	f->secrets = database_secrets(db);
	f->projects = database_projects(db);
}

static inline void fixture_prepare(struct store_fixture *f)
{
	*f = (struct store_fixture){0};
	folder_make(&f->folder);
	folder_file(&f->folder, "acp.db", f->path);
	folder_file(&f->folder, "acp.db.anchor", f->anchor);
}

static inline void fixture_make(struct store_fixture *f)
{
	struct error err = ERROR_INIT;
	unsigned applied;

	fixture_prepare(f);
	if (!database_migrate(f->path, INSTALLATION, &applied, &err) || !(f->db = fixture_open(f, &err))) {
		fprintf(stderr, "%s %s\n", err.message, err.detail);
		abort();
	}
	fixture_use(f, f->db);
}

static inline void fixture_remove(struct store_fixture *f)
{
	database_freep(&f->db);
	folder_remove(&f->folder);
}

/* Stands for the keyed hash of a token (FNV-1a). */
static inline void sample_fingerprint(const char *token, char ret_hex[65])
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *token; token++)
		hash = (hash ^ (unsigned char)*token) * 0x100000001b3;
	snprintf(ret_hex, 65, "%064llx", (unsigned long long)hash);
}

/* A connection as the service would make it; `token` stands for the token. */
static inline void sample_connection(struct connection *c, const char *user, const char *instance, const char *token,
                                     int64_t generation)
{
	char fingerprint[65];

	*c = (struct connection)CONNECTION_INIT;
	record_key_make("gitlab", user, instance, c->key);
	sample_fingerprint(token, fingerprint);
	c->user_id = xstrdup(user);
	c->provider = xstrdup("gitlab");
	c->instance_url = xstrdup(instance);
	c->gitlab_user_id = xstrdup("4711");
	c->username = xstrdup("john");
	c->scopes = xstrdup("api read_user");
	c->fingerprint = xstrdup(fingerprint);
	c->generation = generation;
	c->connected_at = 1000;
	c->updated_at = 1000 + generation;
	c->valid = true;
	c->last_checked_at = 1000;
}

/* Begin and commit; the sealed value is the token's text. */
static inline bool sample_connect(const struct connection_store *store, const char *user, const char *instance, const char *token,
                                  int64_t *ret_generation, struct error *err)
{
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
	char key[RECORD_KEY_SIZE], fingerprint[65], *copy = xstrdup(token);
	struct sealed_value value = {(unsigned char *)copy, strlen(token)};
	int64_t generation;
	bool ok;

	record_key_make("gitlab", user, instance, key);
	sample_fingerprint(token, fingerprint);
	ok = store->ops->connect_begin(store->state, &(struct secret_place){"gitlab", key}, user, fingerprint, &generation, err);
	if (ok) {
		sample_connection(&c, user, instance, token, generation);
		ok = store->ops->connect_commit(store->state, &c, &value, err);
	}
	if (ok && ret_generation)
		*ret_generation = generation;
	sealed_value_release(&value);
	return ok;
}

static inline bool sample_disconnect(const struct connection_store *store, const char *user, const char *instance,
                                     struct error *err)
{
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;

	if (!store->ops->disconnect_begin(store->state, user, "gitlab", instance, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++)
		if (!store->ops->disconnect_finish(store->state, list.items[i].key, list.items[i].generation, err))
			return false;
	return true;
}
