#include "recognition.h"

#include "migrations.h"
#include "query.h"

static const struct {
	enum store_state state;
	const char *name;
	const char *message;
	const char *remedy;
} states[] = {
        {STATE_READY, "ready", "", ""},
        {STATE_MISSING, "missing", "There is no database at the configured path.",
         "An operator must put the database back, or run 'acp-gitlab db migrate' and 'acp-gitlab rebuild-index'."},
        {STATE_EMPTY, "empty", "The database is empty, although this installation had one before.",
         "An operator must put the old database back, or run 'acp-gitlab db migrate' and 'acp-gitlab rebuild-index'."},
        {STATE_OLDER, "older", "The database has an older schema than this program.",
         "An operator must run 'acp-gitlab db migrate'."},
        {STATE_NEWER, "newer", "The database was migrated by a newer version of this program.",
         "An operator must install the version that migrated it; 'acp-gitlab db status' shows the migrations."},
        {STATE_ALTERED, "newer", "The database was migrated by another build of this program.",
         "An operator must install the build that migrated it; 'acp-gitlab db status' shows the migration that differs."},
        {STATE_RESTORED, "restored", "The database is older than what this installation wrote last.",
         "An operator must put the newest database back, or run 'acp-gitlab rebuild-index' to go on with this one."},
        {STATE_FOREIGN, "foreign", "The database belongs to another installation.",
         "An operator must correct ACP_DATABASE, or run 'acp-gitlab rebuild-index' to take the database over."},
};

const char *store_state_name(enum store_state state)
{
	return states[state].name;
}

bool store_state_error(enum store_state state, struct error *err)
{
	error_set(err, ERR_STORE_NOT_READY, "%s", states[state].message);
	return error_remedy(err, "%s", states[state].remedy);
}

static bool read_number(struct handle *handle, const char *sql, int64_t *ret, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle, sql, err) || !query_next(&query, &row, err))
		return false;
	*ret = row ? query_number(&query, 0) : 0;
	return true;
}

bool is_blank(struct handle *handle, bool *ret, struct error *err)
{
	int64_t application, objects;

	if (!read_number(handle, "PRAGMA application_id", &application, err) ||
	    !read_number(handle, "SELECT count(*) FROM sqlite_schema", &objects, err))
		return false;
	*ret = application == 0 && objects == 0;
	return true;
}

/* Compares the migrations that were applied with those that the program carries. */
static bool judge_schema(struct handle *handle, enum store_state *ret, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	unsigned applied = 0;
	bool row;

	if (!query_start(&query, handle, "SELECT version, checksum FROM schema_migrations ORDER BY version", err))
		return false;
	for (;;) {
		const char *checksum;

		if (!query_next(&query, &row, err))
			return false;
		if (!row)
			break;
		if (applied == migration_count || query_number(&query, 0) != (int64_t)migrations[applied].version) {
			*ret = STATE_NEWER;
			return true;
		}
		checksum = query_peek(&query, 1);
		if (!checksum || strcmp(checksum, migrations[applied].checksum) != 0) {
			*ret = STATE_ALTERED;
			return true;
		}
		applied++;
	}
	*ret = applied == migration_count ? STATE_READY : STATE_OLDER;
	return true;
}

/* `anchored` was read before the database: a commit in between puts the database ahead, never behind. */
static bool judge_contents(struct handle *handle, const struct anchor *anchor, uint64_t anchored, struct recognition *ret,
                           struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle, "SELECT change, installation FROM meta", err) || !query_next(&query, &row, err))
		return false;
	if (!row) { /* a first migration that was interrupted */
		ret->state = STATE_OLDER;
		return true;
	}
	ret->change = (uint64_t)query_number(&query, 0);
	if (!anchor->record)
		ret->state = ret->change > 1 || anchor->exists ? STATE_RESTORED : STATE_OLDER;
	else if (strcmp(query_peek(&query, 1), anchor_installation(anchor)) != 0)
		ret->state = STATE_FOREIGN;
	else if (ret->change == 0)
		ret->state = STATE_EMPTY;
	else
		ret->state = ret->change < anchored ? STATE_RESTORED : STATE_READY;
	return true;
}

bool recognise(struct handle *handle, const struct anchor *anchor, struct recognition *ret, struct error *err)
{
	struct recognition found = {STATE_FOREIGN, false, 0};
	uint64_t anchored = anchor_change(anchor);
	int64_t application;
	bool blank = false;

	if (!read_number(handle, "PRAGMA application_id", &application, err))
		return false;
	if (application != APPLICATION_ID) {
		if (!is_blank(handle, &blank, err))
			return false;
		if (blank)
			found.state = anchor->exists ? STATE_EMPTY : STATE_OLDER;
		*ret = found;
		return true;
	}
	if (!judge_schema(handle, &found.state, err))
		return false;
	found.schema_current = found.state == STATE_READY;
	if (found.schema_current && !judge_contents(handle, anchor, anchored, &found, err))
		return false;
	*ret = found;
	return true;
}
