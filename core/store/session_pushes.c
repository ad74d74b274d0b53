/* The table session_pushes: what was sent to a session's push branches through the git gate. */
#include "rows.h"

#include "alloc.h"

/* An agent can push without end; its branch is at one of the newest. */
#define PUSHES_MAX 100

/* One that is sent again is the newest again. */
static bool insert_push(struct handle *handle, const char *id, const char *repository, const char *commit, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "INSERT OR REPLACE INTO session_pushes (session_id, repository, commit_id) VALUES (?, ?, ?)", err))
		return false;
	query_bind_text(&query, id);
	query_bind_text(&query, repository);
	query_bind_text(&query, commit);
	return query_run(&query, err);
}

static bool drop_old_pushes(struct handle *handle, const char *id, const char *repository, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "DELETE FROM session_pushes WHERE session_id = ?1 AND repository = ?2 AND number <= "
	                 "(SELECT number FROM session_pushes WHERE session_id = ?1 AND repository = ?2 "
	                 "ORDER BY number DESC LIMIT 1 OFFSET ?3)",
	                 err))
		return false;
	query_bind_text(&query, id);
	query_bind_text(&query, repository);
	query_bind_number(&query, PUSHES_MAX);
	return query_run(&query, err);
}

bool session_add_push(void *state, const char *id, const char *repository, const char *commit, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;

	return writing_begin(state, &w, err) && session_row_check_exists(w.handle, id, err) &&
	       insert_push(w.handle, id, repository, commit, err) && drop_old_pushes(w.handle, id, repository, err) &&
	       writing_commit(&w, err);
}

bool session_pushes_of(void *state, const char *id, const char *repository, struct id_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle,
	                 "SELECT commit_id FROM session_pushes WHERE session_id = ? AND repository = ? ORDER BY number DESC", err))
		return false;
	query_bind_text(&query, id);
	query_bind_text(&query, repository);
	return query_ids(&query, ret, err);
}
