#pragma once
/*
 * transaction — every use of the database by the rows' files begins and ends here: a handle is taken, the database is recognised,
 * and a write is one BEGIN IMMEDIATE … COMMIT.
 *
 *     CLEANUP(writing_end) struct writing w = WRITING_INIT;
 *     if (!writing_begin(state, &w, err))
 *             return false;
 *     …
 *     return writing_commit(&w, err);
 *
 * What was not committed is rolled back, also after an error of SQLite in the middle; the handle is as good as new afterwards. All
 * begin functions: ERR_STORE_NOT_READY, ERR_STORE_UNAVAILABLE. Floor: store, private.
 */
#include "database.h"
#include "query.h"

struct reading {
	struct database *db;
	struct handle *handle;
};
#define READING_INIT ZERO_INIT

/* Relies on a verdict that is at most a second old. One statement is one snapshot. */
bool reading_begin(struct database *db, struct reading *ret, struct error *err) MUST_CHECK;
void reading_end(struct reading *r);

struct writing {
	struct database *db;
	struct handle *handle;
	uint64_t change;
	bool open;
};
#define WRITING_INIT ZERO_INIT

/* Looks again at file, anchor and schema inside the transaction: nothing is written to a database that is not ours. */
bool writing_begin(struct database *db, struct writing *ret, struct error *err) MUST_CHECK;
/* Gives this transaction a change number (the same one when asked again); connections, projects' lists and installations must not
 * change without. */
bool writing_change(struct writing *w, int64_t *ret_change, struct error *err) MUST_CHECK;
/* Durable when it returns true, the anchor included. */
bool writing_commit(struct writing *w, struct error *err) MUST_CHECK;
void writing_end(struct writing *w);

/* Recognises the database now. */
bool database_judge(struct database *db, struct error *err) MUST_CHECK;
