/* Sums over the tables, for operators: nothing about a single user. */
#include "database.h"
#include "rows.h"

#include "clock.h"

/* Days to expiry as the page counts them; a bare date of SQLite compares as text. */
static bool count_connections(struct handle *handle, int64_t now_s, struct database_figures *ret, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(
	            &query, handle,
	            "SELECT provider, count(*), count(*) FILTER (WHERE valid = 0), "
	            "count(*) FILTER (WHERE valid = 1 AND expires_at IS NOT NULL AND expires_at <= date(?1, 'unixepoch', '+7 "
	            "days')), "
	            "count(*) FILTER (WHERE valid = 1 AND expires_at IS NOT NULL AND expires_at > date(?1, 'unixepoch', '+7 days') "
	            "AND expires_at <= date(?1, 'unixepoch', '+30 days')) "
	            "FROM connections WHERE state = 'live' GROUP BY provider",
	            err))
		return false;
	query_bind_number(&query, now_s);
	for (;;) {
		struct connection_figures *to;

		if (!query_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		to = strcmp(query_peek(&query, 0), "github") == 0 ? &ret->github : &ret->gitlab;
		to->all = (size_t)query_number(&query, 1);
		to->invalid = (size_t)query_number(&query, 2);
		to->ends_in_7_days = (size_t)query_number(&query, 3);
		to->ends_in_30_days = (size_t)query_number(&query, 4);
	}
}

static bool count_sessions(struct handle *handle, struct database_figures *ret, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle, "SELECT phase, count(*) FROM sessions GROUP BY phase", err))
		return false;
	for (;;) {
		enum session_phase phase;

		if (!query_next(&query, &row, err))
			return false;
		if (!row)
			return true;
		if (session_phase_parse(query_peek(&query, 0), &phase))
			ret->sessions[phase] = (size_t)query_number(&query, 1);
	}
}

static bool count_intents(struct handle *handle, int64_t now_s, struct database_figures *ret, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle, "SELECT count(*) FROM intents WHERE created_at < ?1 - 300", err))
		return false;
	query_bind_number(&query, now_s);
	if (!query_next(&query, &row, err))
		return false;
	ret->intents_overdue = (size_t)query_number(&query, 0);
	return true;
}

static bool count_unchecked(struct handle *handle, int64_t now_s, struct database_figures *ret, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle,
	                 "SELECT count(*) FROM connections WHERE last_checked_at < ?1 - 2 * 86400 AND state = 'live'", err))
		return false;
	query_bind_number(&query, now_s);
	if (!query_next(&query, &row, err))
		return false;
	ret->unchecked = (size_t)query_number(&query, 0);
	return true;
}

static bool read_values(struct handle *handle, struct database_figures *ret, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(
	            &query, handle,
	            "SELECT values_broken, values_orphaned FROM meta WHERE values_broken IS NOT NULL AND values_orphaned IS NOT "
	            "NULL",
	            err) ||
	    !query_next(&query, &row, err))
		return false;
	ret->counted = row;
	ret->values_broken = row ? (size_t)query_number(&query, 0) : 0;
	ret->values_orphaned = row ? (size_t)query_number(&query, 1) : 0;
	return true;
}

bool database_figures(struct database *db, struct database_figures *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	struct database_figures figures = {0};
	int64_t now_s = clock_now_s();

	if (!reading_begin(db, &r, err) || !count_connections(r.handle, now_s, &figures, err) ||
	    !count_sessions(r.handle, &figures, err) || !count_intents(r.handle, now_s, &figures, err) ||
	    !count_unchecked(r.handle, now_s, &figures, err) || !read_values(r.handle, &figures, err))
		return false;
	*ret = figures;
	return true;
}
