#pragma once
/*
 * query — one run of a prepared statement:
 *
 *     CLEANUP(query_finish) struct query query = QUERY_INIT;
 *     if (!query_start(&query, handle, "SELECT a FROM t WHERE b = ? AND c = ?", err))
 *             return false;
 *     query_bind_text(&query, b);
 *     query_bind_number(&query, c);
 *     while (query_next(&query, &row, err) && row) …
 *
 * Bind in the order of the question marks; a failed binding is reported by query_next. Floor: store, private.
 */
#include "handle.h"

struct query {
	struct handle *handle;
	sqlite3_stmt *statement;
	int bound;
	int result;
};
#define QUERY_INIT ZERO_INIT

bool query_start(struct query *q, struct handle *handle, const char *sql, struct error *err) MUST_CHECK;
void query_bind_text(struct query *q, const char *text); /* NULL binds NULL. Borrowed until query_finish */
void query_bind_number(struct query *q, int64_t number);
void query_bind_bytes(struct query *q, const void *bytes, size_t length);

/* *ret_row false: no more rows. */
bool query_next(struct query *q, bool *ret_row, struct error *err) MUST_CHECK;
/* For statements without rows. */
bool query_run(struct query *q, struct error *err) MUST_CHECK;
/* Rows that the last INSERT, UPDATE or DELETE changed. */
int query_changes(const struct query *q);

/* A copy; NULL for NULL. Caller frees. */
char *query_text(const struct query *q, int column) MUST_CHECK;
/* Until the next query_next; NULL for NULL. */
const char *query_peek(const struct query *q, int column);
/* A copy of a blob; NULL and *ret_length 0 for NULL. Caller frees. */
unsigned char *query_bytes(const struct query *q, int column, size_t *ret_length) MUST_CHECK;
int64_t query_number(const struct query *q, int column);

/* Ends the run (and its lock); the statement stays prepared. */
void query_finish(struct query *q);
