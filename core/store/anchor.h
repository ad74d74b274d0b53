#pragma once
/*
 * anchor — "<database>.anchor": which installation the database beside it belongs to, and the number of its last change.
 *
 * The file is mapped by every process, so that reading the number is one load and a change in one process is seen by all at once.
 * It is raised after each commit; a crash in between leaves it behind the database, which is harmless and put right by
 * anchor_raise(). A database behind its anchor was restored from an older copy. Floor: store, private.
 */
#include "handle.h"

#define INSTALLATION_MAX 39 /* a UUID has 36 */

struct anchor_record;
struct anchor {
	struct anchor_record *record; /* the mapping; NULL: there is no anchor or it is not one */
	struct file_identity identity;
	bool exists; /* the file does, usable or not */
};
#define ANCHOR_INIT ZERO_INIT

/* Caller frees. */
char *anchor_path(const char *database_path) MUST_CHECK;

/* A missing or malformed file is no failure: `record` stays NULL. ERR_STORE_UNAVAILABLE. */
bool anchor_open(const char *path, struct anchor *ret, struct error *err) MUST_CHECK;
void anchor_close(struct anchor *anchor);

uint64_t anchor_change(const struct anchor *anchor); /* 0 for NULL and without a record */
const char *anchor_installation(const struct anchor *anchor);

/* At least `change` from now on, for every process that has the anchor open. */
void anchor_raise(struct anchor *anchor, uint64_t change);

/*
 * Writes a new anchor, complete and durable or not at all. Without `replace` an existing file stays (and that is success).
 * Gives it the mode of the database: whoever may write the one must be able to write the other.
 */
bool anchor_create(const char *database_path, const char *installation, uint64_t change, bool replace,
                   struct error *err) MUST_CHECK;
