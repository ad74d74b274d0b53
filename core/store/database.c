#include "database.h"

#include "alloc.h"
#include "database_private.h"
#include "rows.h"
#include "transaction.h"

bool database_open(const struct database_options *options, struct database **ret, struct error *err)
{
	CLEANUP(database_freep) struct database *db = NULL;
	struct error reason = ERROR_INIT;
	unsigned readers = options->connections;

	if (readers < 1 || readers > READERS_MAX)
		return error_set(err, ERR_INTERNAL, "A database has 1 to %d connections.", READERS_MAX);
	db = xcalloc(1, sizeof(*db));
	db->path = xstrdup(options->path);
	db->anchor_path = anchor_path(options->path);
	db->busy_timeout_ms = options->busy_timeout_ms;
	db->any_state = options->any_state;
	pthread_mutex_init(&db->lock, NULL);
	pool_init(&db->readers, readers);
	pool_init(&db->writers, 1);
	/* A database that is not ready may become so while the process runs; one that cannot even be opened is a failed start. */
	if (!database_judge(db, &reason) && db->identity.inode == 0) {
		if (err)
			*err = reason;
		return false;
	}
	*ret = TAKE(db);
	return true;
}

void database_freep(struct database **db)
{
	struct database *gone = TAKE(*db);

	if (!gone)
		return;
	pool_destroy(&gone->readers);
	pool_destroy(&gone->writers);
	for (size_t i = 0; i < gone->anchor_count; i++) {
		anchor_close(gone->anchors[i]);
		free(gone->anchors[i]);
	}
	free(gone->anchors);
	pthread_mutex_destroy(&gone->lock);
	free(gone->path);
	free(gone->anchor_path);
	free(gone);
}

bool rows_ready(void *state, struct error *err)
{
	return database_judge(state, err);
}

uint64_t rows_version(void *state)
{
	struct database *db = state;

	return anchor_change(atomic_load(&db->anchor));
}

struct connection_store database_connections(struct database *db)
{
	return (struct connection_store){&connection_rows, db};
}

struct session_store database_sessions(struct database *db)
{
	return (struct session_store){&session_rows, db};
}

struct project_store database_projects(struct database *db)
{
	return (struct project_store){&project_rows, db};
}

struct notice_store database_notices(struct database *db)
{
	return (struct notice_store){&notice_rows, db};
}

struct secret_store database_secrets(struct database *db)
{
	return (struct secret_store){&sealed_rows, db};
}
