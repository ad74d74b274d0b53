#pragma once
/*
 * secret_store — where sealed values are kept: behind a small struct of functions, so that Kubernetes Secrets can stand beside the
 * database.
 *
 * With `in_row` the connection store keeps the value in the same row as its metadata and writes both in one transaction
 * (connect_commit, disconnect_finish); put and remove then have nothing to do. Without it, put is the commit point: it runs between
 * connect_begin and connect_commit. All functions are thread-safe and idempotent. Floor: vault.
 */
#include "seal.h"

struct secret_store_ops {
	bool in_row;
	/* Durable when it returns true. ERR_SECRET_STORE_UNAVAILABLE. */
	bool (*put)(void *state, const char *record_key, int64_t generation, const struct sealed_value *value, struct error *err);
	/* *ret stays empty and true is returned when there is no such record. */
	bool (*get)(void *state, const char *record_key, struct sealed_value *ret, struct error *err);
	/* Absent is success. */
	bool (*remove)(void *state, const char *record_key, struct error *err);
};

struct secret_store {
	const struct secret_store_ops *ops;
	void *state;
};
