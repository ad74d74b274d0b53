/* What the table meta says besides who the database is of (recognition.c). */
#include "database.h"
#include "database_private.h"
#include "rows.h"

static bool read_shards(struct database *db, int64_t *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!reading_begin(db, &r, err) || !query_start(&query, r.handle, "SELECT coalesce(secret_shards, 0) FROM meta", err) ||
	    !query_next(&query, &row, err))
		return false;
	*ret = row ? query_number(&query, 0) : 0;
	return true;
}

static bool write_shards(struct database *db, unsigned shards, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!writing_begin(db, &w, err) || !query_start(&query, w.handle, "UPDATE meta SET secret_shards = ?", err))
		return false;
	query_bind_number(&query, shards);
	if (!query_run(&query, err))
		return false;
	query_finish(&query);
	return writing_commit(&w, err);
}

/* *ret 0: none is written there, or the database is not ready. */
static bool look_at_shards(struct database *db, int64_t *ret, bool *ret_ready, struct error *err)
{
	struct error why = ERROR_INIT;

	*ret = 0;
	*ret_ready = read_shards(db, ret, &why);
	if (*ret_ready || why.code == ERR_STORE_NOT_READY)
		return true;
	if (err)
		*err = why;
	return false;
}

bool database_compare_shards(struct database *db, unsigned shards, struct error *err)
{
	int64_t kept;
	bool ready;

	if (!look_at_shards(db, &kept, &ready, err))
		return false;
	if (kept == 0 || kept == shards || db->any_state)
		return true;
	return error_set(err, ERR_CONFIG_INVALID,
	                 "ACP_SECRET_SHARDS is %u, but this database was set up with %lld; the number is fixed at installation.",
	                 shards, (long long)kept);
}

bool database_keep_shards(struct database *db, unsigned shards, struct error *err)
{
	int64_t kept;
	bool ready;

	if (!look_at_shards(db, &kept, &ready, err))
		return false;
	return !ready || kept == shards || write_shards(db, shards, err);
}

bool database_note_values(struct database *db, size_t broken, size_t orphaned, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!writing_begin(db, &w, err) ||
	    !query_start(&query, w.handle, "UPDATE meta SET values_broken = ?, values_orphaned = ?", err))
		return false;
	query_bind_number(&query, (int64_t)broken);
	query_bind_number(&query, (int64_t)orphaned);
	if (!query_run(&query, err))
		return false;
	query_finish(&query);
	return writing_commit(&w, err);
}
