/* The table project_access: which lists of projects are to be looked at with whose account, and what was found. */
#include "rows.h"

#include "alloc.h"
#include "clock.h"

#define COLUMNS "project, generation, seen_at, checked_by, repositories, findings "

void project_access_release(struct project_access *access)
{
	freep(&access->project);
	freep(&access->checked_by);
	freep(&access->repositories);
	freep(&access->findings);
	*access = (struct project_access)PROJECT_ACCESS_INIT;
}

static bool read_one(struct query *query, struct project_access *ret, bool *ret_found, struct error *err)
{
	if (!query_next(query, ret_found, err))
		return false;
	project_access_release(ret);
	if (*ret_found)
		*ret = (struct project_access){.project = query_text(query, 0),
		                               .generation = query_number(query, 1),
		                               .seen_at = query_number(query, 2),
		                               .checked_by = query_text(query, 3),
		                               .repositories = query_text(query, 4),
		                               .findings = query_text(query, 5)};
	return true;
}

bool project_access_get(void *state, const char *project, struct project_access *ret, bool *ret_found, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle, "SELECT " COLUMNS "FROM project_access WHERE project = ?", err))
		return false;
	query_bind_text(&query, project);
	return read_one(&query, ret, ret_found, err);
}

bool project_access_ask(void *state, const struct project_access *access, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!writing_begin(state, &w, err) ||
	    !query_start(&query, w.handle,
	                 "INSERT OR REPLACE INTO project_access (project, generation, seen_at, checked_by, repositories, due_at) "
	                 "VALUES (?, ?, ?, ?, ?, 0)",
	                 err))
		return false;
	query_bind_text(&query, access->project);
	query_bind_number(&query, access->generation);
	query_bind_number(&query, access->seen_at);
	query_bind_text(&query, access->checked_by);
	query_bind_text(&query, access->repositories);
	return query_run(&query, err) && writing_commit(&w, err);
}

bool project_access_take(void *state, int64_t until_s, struct project_access *ret, bool *ret_found, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	CLEANUP(project_access_release) struct project_access access = PROJECT_ACCESS_INIT;
	bool found;

	if (!writing_begin(state, &w, err) ||
	    !query_start(&query, w.handle,
	                 "UPDATE project_access SET due_at = ?1 WHERE project = (SELECT project FROM project_access "
	                 "WHERE due_at <= ?2 AND checked_by <> '' ORDER BY due_at LIMIT 1) RETURNING " COLUMNS,
	                 err))
		return false;
	query_bind_number(&query, until_s);
	query_bind_number(&query, clock_now_s());
	if (!read_one(&query, &access, &found, err))
		return false;
	query_finish(&query);
	if (!writing_commit(&w, err))
		return false;
	project_access_release(ret);
	*ret = access;
	access = (struct project_access)PROJECT_ACCESS_INIT;
	*ret_found = found;
	return true;
}

bool project_access_found(void *state, const struct project_access *access, int64_t due_at, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!writing_begin(state, &w, err) ||
	    !query_start(
	            &query, w.handle,
	            "UPDATE project_access SET findings = ?, due_at = ? WHERE project = ? AND generation = ? AND checked_by = ? "
	            "AND repositories = ?",
	            err))
		return false;
	query_bind_text(&query, access->findings);
	query_bind_number(&query, due_at);
	query_bind_text(&query, access->project);
	query_bind_number(&query, access->generation);
	query_bind_text(&query, access->checked_by);
	query_bind_text(&query, access->repositories);
	return query_run(&query, err) && writing_commit(&w, err);
}
