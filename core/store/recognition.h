#pragma once
/*
 * recognition — whether a database file is the one that this installation wrote last, with the schema that this program knows.
 * Floor: store, private.
 */
#include "anchor.h"

#define APPLICATION_ID 1094930503 /* "ACPG": PRAGMA application_id of our files */

enum store_state {
	STATE_READY,
	STATE_MISSING,  /* no file */
	STATE_EMPTY,    /* made anew although an anchor shows that there was another */
	STATE_OLDER,    /* migrations are missing */
	STATE_NEWER,    /* migrated by a later program */
	STATE_ALTERED,  /* a migration has another checksum */
	STATE_RESTORED, /* behind its anchor, or in use before and without one */
	STATE_FOREIGN,  /* of another installation, or of another program */
};

/* "ready", "empty", …; altered counts as "newer". */
const char *store_state_name(enum store_state state);
/* ERR_STORE_NOT_READY with what is wrong and what to run. Returns false. */
bool store_state_error(enum store_state state, struct error *err);

struct recognition {
	enum store_state state;
	bool schema_current; /* tables are as this program expects them, whatever the state */
	uint64_t change;     /* of the database; 0 unless schema_current */
};

/*
 * Looks at an open database. Inside a write transaction the answer holds until its end. ERR_STORE_UNAVAILABLE, and
 * ERR_STORE_NOT_READY for a damaged file.
 */
bool recognise(struct handle *handle, const struct anchor *anchor, struct recognition *ret, struct error *err) MUST_CHECK;

/* A file that SQLite made but nobody wrote to yet: no schema at all. */
bool is_blank(struct handle *handle, bool *ret, struct error *err) MUST_CHECK;
