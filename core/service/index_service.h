#pragma once
/*
 * index_service — the database made anew from the sealed values.
 *
 * Where values lie in their rows, there is nothing to make: each is opened, and that is all. Where they stand alone, they are the
 * truth: every record that opens gets its row, and a row without a record is dropped, since it leads to nothing. No value is ever
 * touched. First all are only looked at: unless the operator wants to go on, one that does not open keeps everything as it is.
 * Floor: service.
 */
#include "account_service.h"

/*
 * Whether there are values that stand alone and a database that knows of none: one that was made anew beside Secrets that are
 * older. It must not serve before index_rebuild(). Needs no keys. Errors of the stores.
 */
bool index_is_missing(const struct account_service *s, bool *ret, struct error *err) MUST_CHECK;

struct index_problem {
	char *user_id; /* NULL: nobody can tell */
	char *instance_url;
	char *record_key;
	char *reason;
};

struct index_rebuild {
	size_t opened;      /* values that open */
	size_t restored;    /* rows that were made or put right */
	size_t dropped;     /* rows that led to nothing */
	int64_t generation; /* the greatest that was seen; those to come must be greater */
	bool changed;       /* false: nothing was, because of the problems */
	struct index_problem *problems;
	size_t problem_count;
};
#define INDEX_REBUILD_INIT ZERO_INIT
void index_rebuild_release(struct index_rebuild *rebuild);

/*
 * `keep_going`: in spite of problems. `of_ours` false: the database is an older one or another installation's; then what it says is
 * older than any record, and its intents are about changes that are over. Needs KEYRING_PUBLIC and KEYRING_PRIVATE and, where
 * values stand alone, KEYRING_SIGNING (fingerprints are computed anew). Errors of the stores.
 */
bool index_rebuild(const struct account_service *s, bool keep_going, bool of_ours, struct index_rebuild *ret,
                   struct error *err) MUST_CHECK;
