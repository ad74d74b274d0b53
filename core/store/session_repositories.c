/* The column sessions.repository_changes: repositories that join and leave a session after its creation. */
#include "rows.h"

#include "alloc.h"
#include "clock.h"

/* Where a session is: what decides whether its repositories can still change. */
struct standing {
	enum session_phase phase;
	bool ended, push_requested;
	char *changes; /* owned */
};

static void standing_release(struct standing *s)
{
	free(s->changes);
}

static bool look(struct handle *handle, const char *id, struct standing *ret, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle,
	                 "SELECT phase, final OR stop_requested, push_requested, repository_changes FROM sessions WHERE id = ?",
	                 err))
		return false;
	query_bind_text(&query, id);
	if (!query_next(&query, &row, err))
		return false;
	if (!row)
		return error_set(err, ERR_SESSION_NOT_FOUND, "There is no such session.");
	if (!session_phase_parse(query_peek(&query, 0), &ret->phase))
		ret->phase = PHASE_FAILED;
	ret->ended = query_number(&query, 1);
	ret->push_requested = query_number(&query, 2);
	ret->changes = query_text(&query, 3);
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool judge(const struct standing *standing, const char *before, struct error *err)
{
	if (standing->ended)
		return error_set(err, ERR_SESSION_ENDED, "The session has ended; its repositories do not change any more.");
	if (standing->phase == PHASE_PUSHING || standing->push_requested) {
		error_set(err, ERR_CONFLICT, "The session is pushing its changes; its repositories do not change any more.");
		return error_remedy(err, "Wait for the session's end, and name the repository in a new session.");
	}
	if (!same_text(standing->changes, before))
		return error_set(err, ERR_PRECONDITION_FAILED, "The session's repositories have changed meanwhile.");
	return true;
}

static bool write(struct handle *handle, const char *id, const char *after, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "UPDATE sessions SET repository_changes = ?, rests_until = min(rests_until, ?) WHERE id = ?", err))
		return false;
	query_bind_text(&query, after);
	query_bind_number(&query, clock_now_s());
	query_bind_text(&query, id);
	return query_run(&query, err);
}

bool session_change_repositories(void *state, const char *id, const char *before, const char *after,
                                 const struct session_binding *binding, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(standing_release) struct standing standing = {0};

	return writing_begin(state, &w, err) && look(w.handle, id, &standing, err) && judge(&standing, before, err) &&
	       write(w.handle, id, after, err) && (!binding || session_binding_put(w.handle, id, binding, err)) &&
	       writing_commit(&w, err);
}
