/* The table sessions, as the workers that run them and the gate see it. Times are this machine's clock, unix seconds. */
#include "rows.h"

#include "alloc.h"
#include "clock.h"

/* Nobody holds them. */
#define NEW  "(attempt = 0 AND phase = 'Pending')"
#define LEFT "(attempt > 0 AND lease_until <= ?1)"

/* One that has rested is not anybody's yet. ?3: how long not. */
#define CLAIMABLE                                                                                                                  \
	"final = 0 AND (?2 IS NULL OR id = ?2) AND (" NEW " OR (" LEFT " AND (rests_until IS NULL OR "                             \
	"max(rests_until, lease_until) + iif(?2 IS NULL, ?3, 0) <= ?1)))"
#define WAITS "(" NEW " OR (" LEFT " AND ifnull(rests_until, 0) <= ?1))"

static bool lost(struct error *err)
{
	return error_set(err, ERR_SESSION_LOST, "Another worker has taken the session over, or it has ended.");
}

/* Workers ask every few seconds and mostly in vain; that must not cost the writers' lock. */
static bool anything_to_claim(void *state, const char *only_id, bool *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle, "SELECT 1 FROM sessions WHERE " CLAIMABLE " LIMIT 1", err))
		return false;
	query_bind_number(&query, clock_now_s());
	query_bind_text(&query, only_id);
	query_bind_number(&query, SESSION_ELSEWHERE_S);
	return query_next(&query, ret, err);
}

static bool take_oldest(struct handle *handle, const char *worker, const char *only_id, int64_t lease_s,
                        const char gate_hash[GATE_HASH_SIZE], struct session_row *ret, bool *ret_found, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	int64_t now = clock_now_s();

	if (!query_start(
	            &query, handle,
	            "UPDATE sessions SET attempt = attempt + 1, worker = ?4, lease_until = ?5, gate_hash = ?6, work_kept_until = 0 "
	            "WHERE number = (SELECT number FROM sessions WHERE " CLAIMABLE
	            " ORDER BY number LIMIT 1) RETURNING " SESSION_COLUMNS,
	            err))
		return false;
	query_bind_number(&query, now);
	query_bind_text(&query, only_id);
	query_bind_number(&query, SESSION_ELSEWHERE_S);
	query_bind_text(&query, worker);
	query_bind_number(&query, now + lease_s);
	query_bind_text(&query, gate_hash);
	if (!query_next(&query, ret_found, err))
		return false;
	if (*ret_found)
		session_row_read(&query, ret);
	return true;
}

bool session_claim(void *state, const char *worker, const char *only_id, int64_t lease_s, const char gate_hash[GATE_HASH_SIZE],
                   struct session_row *ret, bool *ret_found, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	bool found;

	if (!anything_to_claim(state, only_id, &found, err))
		return false;
	if (!found) {
		*ret_found = false;
		return true;
	}
	if (!writing_begin(state, &w, err) || !take_oldest(w.handle, worker, only_id, lease_s, gate_hash, &row, &found, err) ||
	    !writing_commit(&w, err))
		return false;
	*ret_found = found;
	if (found) {
		session_row_release(ret);
		*ret = row;
		row = (struct session_row)SESSION_ROW_INIT;
	}
	return true;
}

bool session_queue_of(void *state, struct session_queue *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!reading_begin(state, &r, err) || !query_start(&query, r.handle,
	                                                   "SELECT count(*) FILTER (WHERE " WAITS "), ifnull(min(iif(" WAITS
	                                                   ", max(created_at, lease_until, ifnull(rests_until, 0)), NULL)), 0), "
	                                                   "count(*) FILTER (WHERE lease_until > ?1), "
	                                                   "count(*) FILTER (WHERE " LEFT " AND rests_until > ?1) "
	                                                   "FROM sessions WHERE final = 0",
	                                                   err))
		return false;
	query_bind_number(&query, clock_now_s());
	if (!query_next(&query, &row, err))
		return false;
	ret->waiting = (size_t)query_number(&query, 0);
	ret->waiting_since = query_number(&query, 1);
	ret->running = (size_t)query_number(&query, 2);
	ret->resting = (size_t)query_number(&query, 3);
	return true;
}

static bool prolong(struct handle *handle, const char *id, int64_t attempt, int64_t lease_s, bool settled, bool *ret_stop,
                    bool *ret_push, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle,
	                 "UPDATE sessions SET lease_until = ?, settled_attempt = iif(?, attempt, settled_attempt) "
	                 "WHERE id = ? AND attempt = ? AND final = 0 RETURNING stop_requested, push_requested",
	                 err))
		return false;
	query_bind_number(&query, clock_now_s() + lease_s);
	query_bind_number(&query, settled);
	query_bind_text(&query, id);
	query_bind_number(&query, attempt);
	if (!query_next(&query, &row, err))
		return false;
	if (!row)
		return lost(err);
	*ret_stop = query_number(&query, 0);
	*ret_push = query_number(&query, 1);
	return true;
}

bool session_renew(void *state, const char *id, int64_t attempt, int64_t lease_s, bool *ret_stop, bool *ret_push, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	bool stop = false, push = false;

	if (!writing_begin(state, &w, err) || !prolong(w.handle, id, attempt, lease_s, false, &stop, &push, err) ||
	    !writing_commit(&w, err))
		return false;
	*ret_stop = stop;
	*ret_push = push;
	return true;
}

bool session_give_back(void *state, const char *id, int64_t attempt, int64_t after_s, bool settled, bool *ret_stop,
                       struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	bool stop = false, push = false;

	if (!writing_begin(state, &w, err) || !prolong(w.handle, id, attempt, after_s, settled, &stop, &push, err) ||
	    !writing_commit(&w, err))
		return false;
	*ret_stop = stop;
	return true;
}

/* Without a lease nobody holds a session: one whose removal was asked for goes as soon as it is final. */
static bool drop_if_removed(struct handle *handle, const char *id, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle, "DELETE FROM sessions WHERE id = ? AND final = 1 AND stop_requested = 1", err))
		return false;
	query_bind_text(&query, id);
	return query_run(&query, err);
}

static bool write_status(struct handle *handle, const char *id, int64_t attempt, enum session_phase phase, const char *status_json,
                         struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "UPDATE sessions SET phase = ?, status = ?, final = ?3, lease_until = iif(?3, 0, lease_until), "
	                 "gate_hash = iif(?3, NULL, gate_hash), worker = iif(?3, NULL, worker), push_requested = iif(?3, 0, "
	                 "push_requested) "
	                 "WHERE id = ? AND attempt = ? AND final = 0",
	                 err))
		return false;
	query_bind_text(&query, session_phase_name(phase));
	query_bind_text(&query, status_json);
	query_bind_number(&query, session_phase_is_final(phase));
	query_bind_text(&query, id);
	query_bind_number(&query, attempt);
	if (!query_run(&query, err))
		return false;
	return query_changes(&query) > 0 || lost(err);
}

/* What was promised to its owner while it pushed. One that is to be removed pushes no more. */
static bool check_nothing_asked(struct handle *handle, const char *id, int64_t attempt, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool asked;

	if (!query_start(
	            &query, handle,
	            "SELECT 1 FROM sessions WHERE id = ? AND attempt = ? AND final = 0 AND push_requested AND NOT stop_requested",
	            err))
		return false;
	query_bind_text(&query, id);
	query_bind_number(&query, attempt);
	if (!query_next(&query, &asked, err))
		return false;
	return !asked || error_set(err, ERR_PRECONDITION_FAILED, "Another push of the session was asked for.");
}

bool session_save_status(void *state, const char *id, int64_t attempt, enum session_phase phase, const char *status_json,
                         const struct notice *notice, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	bool pushed = phase == PHASE_COMPLETED || phase == PHASE_PARTIALLY_COMPLETED;

	return writing_begin(state, &w, err) && (!pushed || check_nothing_asked(w.handle, id, attempt, err)) &&
	       write_status(w.handle, id, attempt, phase, status_json, err) && session_phase_note(w.handle, id, err) &&
	       (!notice || notice_row_add(w.handle, notice, err)) && drop_if_removed(w.handle, id, err) && writing_commit(&w, err);
}

/* A number of its own follows the attempt, so that nothing which that one still says finds the session. */
static bool lay_down(struct handle *handle, const char *id, int64_t attempt, int64_t until_s, const char *changes_seen,
                     struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(
	            &query, handle,
	            "UPDATE sessions SET attempt = attempt + 1, settled_attempt = attempt + 1, worker = NULL, gate_hash = NULL, "
	            "lease_until = 0, rests_until = CASE WHEN push_requested OR stop_requested THEN ?1 "
	            "WHEN repository_changes IS NOT ?2 THEN min(?1 + ?3, ?4) ELSE ?4 END WHERE id = ?5 AND attempt = ?6",
	            err))
		return false;
	query_bind_number(&query, clock_now_s());
	query_bind_text(&query, changes_seen);
	query_bind_number(&query, SESSION_LOOK_AGAIN_S);
	query_bind_number(&query, until_s);
	query_bind_text(&query, id);
	query_bind_number(&query, attempt);
	return query_run(&query, err);
}

bool session_rest(void *state, const char *id, int64_t attempt, enum session_phase phase, const char *status_json, int64_t until_s,
                  const char *changes_seen, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;

	return writing_begin(state, &w, err) && write_status(w.handle, id, attempt, phase, status_json, err) &&
	       session_phase_note(w.handle, id, err) && lay_down(w.handle, id, attempt, until_s, changes_seen, err) &&
	       writing_commit(&w, err);
}

bool session_rested(void *state, struct id_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!reading_begin(state, &r, err) || !query_start(&query, r.handle,
	                                                   "SELECT id FROM sessions WHERE final = 0 AND rests_until <= ?1 AND " LEFT
	                                                   " ORDER BY rests_until LIMIT 100",
	                                                   err))
		return false;
	query_bind_number(&query, clock_now_s());
	return query_ids(&query, ret, err);
}

/* One statement with an id and the fencing number; *ret_changed: it found its row. */
static bool change(struct handle *handle, const char *sql, const char *id, int64_t attempt, bool *ret_changed, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle, sql, err))
		return false;
	query_bind_text(&query, id);
	query_bind_number(&query, attempt);
	if (!query_run(&query, err))
		return false;
	*ret_changed = query_changes(&query) > 0;
	return true;
}

bool session_keep_work(void *state, const char *id, int64_t attempt, int64_t until_s, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!writing_begin(state, &w, err) ||
	    !query_start(&query, w.handle, "UPDATE sessions SET work_kept_until = ? WHERE id = ? AND attempt = ? AND final = 0",
	                 err))
		return false;
	query_bind_number(&query, until_s);
	query_bind_text(&query, id);
	query_bind_number(&query, attempt);
	if (!query_run(&query, err))
		return false;
	if (query_changes(&query) == 0)
		return lost(err);
	query_finish(&query);
	return writing_commit(&w, err);
}

bool session_clear_push(void *state, const char *id, int64_t attempt, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	bool changed;

	if (!writing_begin(state, &w, err) ||
	    !change(w.handle, "UPDATE sessions SET push_requested = 0 WHERE id = ? AND attempt = ? AND final = 0", id, attempt,
	            &changed, err))
		return false;
	return changed ? writing_commit(&w, err) : lost(err);
}

/* A row that is gone already is what the worker wants; one that is somebody else's is not its to delete. */
bool session_forget(void *state, const char *id, int64_t attempt, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	struct error missing = ERROR_INIT;
	bool changed;

	if (!writing_begin(state, &w, err) ||
	    !change(w.handle, "DELETE FROM sessions WHERE id = ? AND attempt = ? AND stop_requested = 1", id, attempt, &changed,
	            err))
		return false;
	if (changed)
		return writing_commit(&w, err);
	if (session_row_check_exists(w.handle, id, &missing))
		return lost(err);
	if (missing.code == ERR_SESSION_NOT_FOUND)
		return true;
	if (err)
		*err = missing;
	return false;
}

bool session_find_by_gate(void *state, const char *id, const char gate_hash[GATE_HASH_SIZE], struct session_row *ret,
                          struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle,
	                 "SELECT " SESSION_COLUMNS
	                 "FROM sessions WHERE id = ? AND gate_hash = ? AND final = 0 AND attempt > 0 AND lease_until > ?",
	                 err))
		return false;
	query_bind_text(&query, id);
	query_bind_text(&query, gate_hash);
	query_bind_number(&query, clock_now_s());
	if (!query_next(&query, &row, err))
		return false;
	if (!row)
		return error_set(err, ERR_GIT_CREDENTIAL, "The credential is not one of a running session.");
	session_row_read(&query, ret);
	return true;
}
