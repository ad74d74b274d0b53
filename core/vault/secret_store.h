#pragma once
/*
 * secret_store — where sealed values are kept: behind a small struct of functions, so that Kubernetes Secrets can stand beside the
 * database.
 *
 * With `in_row` the connection store keeps the value ("ACP1", seal.h) in the same row as its metadata and writes both in one
 * transaction (connect_in_row, disconnect_finish). Without it a value is a record ("ACPR", record.h), which tells its generation
 * without a key, and secret_put() is the commit point: it runs between connect_begin and connect_commit.
 *
 * A value is only ever written in the place of another that its writer has seen, so that nothing newer is lost to something older.
 * All functions are thread-safe and idempotent, and fail with ERR_SECRET_STORE_UNAVAILABLE (with `in_row`: those of the connection
 * store). Floor: vault.
 */
#include "seal.h"

/* Where a record is: each provider has Secrets of its own. Borrowed strings. */
struct secret_place {
	const char *provider; /* "gitlab", "github" */
	const char *record_key;
};

/* What each() shows: everything that is there, also what is malformed or has no business there. Borrowed. */
struct secret_record {
	struct secret_place place;
	int64_t generation; /* 0: the value does not tell */
	const struct sealed_value *value;
	/* Whose it is, where the store knows that (in_row); NULL: the record's owner box tells. */
	const char *user_id;
	const char *instance_url;
};
/* One of several records that are replaced together. Borrowed. */
struct secret_change {
	struct secret_place place;
	const struct sealed_value *expected, *value;
	bool replaced; /* what came of it; of a call that failed: surely */
};

/* False ends the walk, which fails with this error. */
typedef bool secret_visit(void *context, const struct secret_record *record, struct error *err);

struct secret_store_ops {
	bool in_row;
	/* *ret stays empty and true is returned when there is no such record. */
	bool (*get)(void *state, const struct secret_place *place, struct sealed_value *ret, struct error *err);
	/*
	 * Puts `value` in the place of exactly `expected` (empty: of nothing), whole or not at all; durable when it returns true.
	 * *ret_replaced false: something else is there. After a failure the value may have arrived, or may arrive yet. `in_row`:
	 * only for a row that is there.
	 */
	bool (*replace)(void *state, const struct secret_place *place, const struct sealed_value *expected,
	                const struct sealed_value *value, bool *ret_replaced, struct error *err);
	/* As replace, of several records, each for itself, in fewer round trips. NULL: the store has no quicker way. */
	bool (*replace_all)(void *state, struct secret_change *changes, size_t count, struct error *err);
	/* What is there of this generation or an older one goes; what is newer, or tells none, stays. Success either way, and when
	 * nothing is there. `in_row`: the value goes with its row, and nothing is done here. */
	bool (*remove)(void *state, const struct secret_place *place, int64_t generation, struct error *err);
	/*
	 * Every record, page by page; no lock or connection is held while `visit` runs, so that it may call the other functions. A
	 * record that is written while the walk goes on may or may not be seen.
	 */
	bool (*each)(void *state, secret_visit *visit, void *context, struct error *err);
};

struct secret_store {
	const struct secret_store_ops *ops;
	void *state;
};

/*
 * Not for `in_row`. Puts a record where nothing or an older one is; `previous` is what is believed to be there (empty: nothing) and
 * tells afterwards what was. ERR_CONFLICT: a record that is as new or newer stays. *ret_sure false, after a failure: the record may
 * have arrived, or may arrive yet.
 */
bool secret_put(const struct secret_store *store, const struct secret_place *place, const struct sealed_value *record,
                struct sealed_value *previous, bool *ret_sure, struct error *err) MUST_CHECK;

/* Replaces several records, each for itself, by the store's quickest way. After a failure any that is not `replaced` may have been.
 */
bool secret_replace_all(const struct secret_store *store, struct secret_change *changes, size_t count,
                        struct error *err) MUST_CHECK;
