#include "query.h"

#include "alloc.h"

bool query_start(struct query *q, struct handle *handle, const char *sql, struct error *err)
{
	query_finish(q);
	if (!handle_prepare(handle, sql, &q->statement, err))
		return false;
	q->handle = handle;
	return true;
}

static void note(struct query *q, int result)
{
	if (q->result == SQLITE_OK)
		q->result = result;
}

void query_bind_text(struct query *q, const char *text)
{
	note(q, sqlite3_bind_text(q->statement, ++q->bound, text, -1, SQLITE_STATIC));
}

void query_bind_number(struct query *q, int64_t number)
{
	note(q, sqlite3_bind_int64(q->statement, ++q->bound, number));
}

void query_bind_bytes(struct query *q, const void *bytes, size_t length)
{
	note(q, sqlite3_bind_blob64(q->statement, ++q->bound, bytes, length, SQLITE_STATIC));
}

bool query_next(struct query *q, bool *ret_row, struct error *err)
{
	int result = q->result == SQLITE_OK ? sqlite3_step(q->statement) : q->result;

	if (result != SQLITE_ROW && result != SQLITE_DONE)
		return handle_error(q->handle, result, err);
	*ret_row = result == SQLITE_ROW;
	return true;
}

bool query_run(struct query *q, struct error *err)
{
	bool row;

	return query_next(q, &row, err);
}

int query_changes(const struct query *q)
{
	return sqlite3_changes(q->handle->sqlite);
}

const char *query_peek(const struct query *q, int column)
{
	return (const char *)sqlite3_column_text(q->statement, column);
}

char *query_text(const struct query *q, int column)
{
	return xstrdup(query_peek(q, column));
}

unsigned char *query_bytes(const struct query *q, int column, size_t *ret_length)
{
	const void *bytes = sqlite3_column_blob(q->statement, column);
	size_t length = (size_t)sqlite3_column_bytes(q->statement, column);
	unsigned char *copy;

	*ret_length = bytes ? length : 0;
	if (!bytes)
		return NULL;
	copy = xmalloc(length);
	memcpy(copy, bytes, length);
	return copy;
}

int64_t query_number(const struct query *q, int column)
{
	return sqlite3_column_int64(q->statement, column);
}

void query_finish(struct query *q)
{
	if (q->statement) {
		sqlite3_reset(q->statement);
		sqlite3_clear_bindings(q->statement);
	}
	*q = (struct query)QUERY_INIT;
}
