#pragma once
/*
 * database — the SQLite file: opened and hardened in one place, migrated, and recognised.
 *
 * A small pool of connections (one writer at a time; `connections` readers) serves the threads of one process; opened after fork.
 * Rollback journal and synchronous=FULL: Debian 12's SQLite 3.40.1 has the WAL-reset race. The journal mode is checked at every
 * open. Beside the file lives "<path>.anchor": installation id and number of the last change, written after each commit. A database
 * that is behind its anchor was restored, one without rows but with an anchor was emptied, another installation id is foreign: not
 * ready, nothing deleted, until `acp-gitlab rebuild-index`. Floor: store; the only floor that includes <sqlite3.h>.
 */
#include "connection_store.h"
#include "notice_store.h"
#include "project_store.h"
#include "session_store.h"

struct database;

struct database_options {
	const char *path;
	unsigned connections; /* 1…16 */
	int busy_timeout_ms;
	bool any_state; /* for rebuild-index alone: works on an empty, restored or foreign database too; its schema must be current
	                 */
};

/*
 * Opens an existing database (never creates one: ERR_STORE_NOT_READY says to run 'acp-gitlab db migrate'; also for a damaged file).
 * One that is not ready opens; its operations say so until it is, and need no new start then. The options' path is copied.
 */
bool database_open(const struct database_options *options, struct database **ret, struct error *err) MUST_CHECK;
void database_freep(struct database **db);

/* Views on it; they live as long as the database. */
struct connection_store database_connections(struct database *db);
struct session_store database_sessions(struct database *db);
struct secret_store database_secrets(struct database *db);
struct project_store database_projects(struct database *db);
struct notice_store database_notices(struct database *db);

/* Sums over all users, for operators and their alarms. */
struct connection_figures {
	size_t all, invalid;   /* live ones; of them those whose token was refused at its last use */
	size_t ends_in_7_days; /* valid ones by their expiry, each counted once */
	size_t ends_in_30_days;
};
struct database_figures {
	struct connection_figures gitlab, github;
	size_t sessions[SESSION_PHASES];
	bool counted; /* database_note_values was called */
	size_t values_broken, values_orphaned;
	size_t intents_overdue; /* older than the 5 minutes in which housekeeping carries them out */
	size_t unchecked; /* live connections whose token nobody has used or looked at for two days; housekeeping does once a day */
};
bool database_figures(struct database *db, struct database_figures *ret, struct error *err) MUST_CHECK;

/*
 * In how many Secrets tokens lie: compared before the Secrets are touched, and written down once they have agreed.
 * ERR_CONFIG_INVALID: another number is written there. A database that is not ready is not asked; with `any_state` nothing is
 * compared and the number is written over, since the Secrets are then the truth.
 */
bool database_compare_shards(struct database *db, unsigned shards, struct error *err) MUST_CHECK;
bool database_keep_shards(struct database *db, unsigned shards, struct error *err) MUST_CHECK;

/* What was found when the stored tokens were counted, for database_figures. */
bool database_note_values(struct database *db, size_t broken, size_t orphaned, struct error *err) MUST_CHECK;

/* Creates the file if there is none (0600; 0660 in a folder with the set-group-ID bit, for its group), applies the embedded
 * migrations that are missing, each in one transaction with its checksum, and writes the installation id. Refuses a database newer
 * than the program or with another checksum (ERR_STORE_NOT_READY). */
bool database_migrate(const char *path, const char *installation, unsigned *ret_applied, struct error *err) MUST_CHECK;

struct migration_status {
	unsigned version;
	const char *name;
	bool applied;
	bool checksum_matches;
};
/* One entry per embedded migration. Caller frees the array. `ret_state`: "ready", "empty", "older", "restored", "foreign",
 * "missing", "newer" (also: migrated by a build whose migrations differ). */
bool database_status(const char *path, struct migration_status **ret, size_t *ret_count, const char **ret_state,
                     struct error *err) MUST_CHECK;

/* The opposite of database_accept: the database counts as "empty" until then. For one that was made beside values it does not know.
 */
bool database_doubt(const char *path, struct error *err) MUST_CHECK;

/*
 * Takes the database as it is for the truth again: writes a new anchor, and numbers on from whichever of the two was ahead, so that
 * no change number and no generation repeats; `at_least` is the greatest generation that was seen outside of it. After
 * rebuild-index has looked at every sealed value. ERR_STORE_NOT_READY: the schema is not current.
 */
bool database_accept(const char *path, const char *installation, int64_t at_least, struct error *err) MUST_CHECK;
