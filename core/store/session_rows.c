/* The table sessions, as users see it. */
#include "rows.h"

#include "alloc.h"
#include "clock.h"

#define LIST_MAX       500
#define LIST_BYTES_MAX ((size_t)16 << 20) /* half of what one answer holds, for what escapes in JSON */

void session_row_release(struct session_row *row)
{
	freep(&row->id);
	freep(&row->project);
	freep(&row->name);
	freep(&row->owner);
	freep(&row->object);
	freep(&row->status);
	freep(&row->project_repositories);
	freep(&row->repository_changes);
	freep(&row->pod_uid);
	*row = (struct session_row)SESSION_ROW_INIT;
}

void session_list_release(struct session_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		session_row_release(&list->items[i]);
	free(list->items);
	*list = (struct session_list)SESSION_LIST_INIT;
}

void id_list_release(struct id_list *ids)
{
	for (size_t i = 0; i < ids->count; i++)
		free(ids->items[i]);
	free(ids->items);
	*ids = (struct id_list)ID_LIST_INIT;
}

bool query_ids(struct query *q, struct id_list *ret, struct error *err)
{
	CLEANUP(id_list_release) struct id_list ids = ID_LIST_INIT;
	bool row;

	for (;;) {
		if (!query_next(q, &row, err))
			return false;
		if (!row)
			break;
		ids.items = xrealloc(ids.items, (ids.count + 1) * sizeof(*ids.items));
		ids.items[ids.count++] = query_text(q, 0);
	}
	id_list_release(ret);
	*ret = ids;
	ids = (struct id_list)ID_LIST_INIT;
	return true;
}

void session_row_read(const struct query *q, struct session_row *ret)
{
	session_row_release(ret);
	ret->id = query_text(q, 0);
	ret->project = query_text(q, 1);
	ret->name = query_text(q, 2);
	ret->owner = query_text(q, 3);
	ret->object = query_text(q, 4);
	ret->status = query_text(q, 5);
	if (!session_phase_parse(query_peek(q, 6), &ret->phase))
		ret->phase = PHASE_FAILED; /* a phase of a later program */
	ret->created_at = query_number(q, 7);
	ret->attempt = query_number(q, 8);
	ret->stop_requested = query_number(q, 9);
	ret->push_requested = query_number(q, 10);
	ret->project_repositories = query_text(q, 11);
	ret->work_kept_until = query_number(q, 12);
	ret->repository_changes = query_text(q, 13);
	ret->pod_uid = query_text(q, 14);
	ret->tries = query_number(q, 15);
	ret->has_rested = query_number(q, 16);
}

/* A session that is being removed is Stopped for everyone but the worker that still holds it. */
static void read_for_user(const struct query *q, struct session_row *ret)
{
	session_row_read(q, ret);
	if (ret->stop_requested)
		ret->phase = PHASE_STOPPED;
}

/* The next row, if there is one. */
static bool read_one(struct query *q, struct session_row *ret, bool *ret_found, struct error *err)
{
	if (!query_next(q, ret_found, err))
		return false;
	if (*ret_found)
		read_for_user(q, ret);
	return true;
}

bool session_row_check_exists(struct handle *handle, const char *id, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle, "SELECT 1 FROM sessions WHERE id = ?", err))
		return false;
	query_bind_text(&query, id);
	if (!query_next(&query, &row, err))
		return false;
	return row || error_set(err, ERR_SESSION_NOT_FOUND, "There is no such session.");
}

static bool look_by_name(struct handle *handle, const char *project, const char *name, struct session_row *ret, bool *ret_found,
                         struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle, "SELECT " SESSION_COLUMNS "FROM sessions WHERE project = ? AND name = ?", err))
		return false;
	query_bind_text(&query, project);
	query_bind_text(&query, name);
	return read_one(&query, ret, ret_found, err);
}

static bool look_by_id(struct handle *handle, const char *id, struct session_row *ret, bool *ret_found, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle, "SELECT " SESSION_COLUMNS "FROM sessions WHERE id = ?", err))
		return false;
	query_bind_text(&query, id);
	return read_one(&query, ret, ret_found, err);
}

static bool look_by_idempotency_key(struct handle *handle, const char *owner, const char *key, struct session_row *ret,
                                    bool *ret_found, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	*ret_found = false;
	if (!key)
		return true;
	if (!query_start(&query, handle, "SELECT " SESSION_COLUMNS "FROM sessions WHERE owner = ? AND idempotency_key = ?", err))
		return false;
	query_bind_text(&query, owner);
	query_bind_text(&query, key);
	return read_one(&query, ret, ret_found, err);
}

/* Whether two objects ask for the same. Their metadata is not compared: names, ids and times may have been made for each request
 * anew. */
static bool asks_the_same(const char *a, const char *b)
{
	static const char *const members[] = {"apiVersion", "kind", "spec"};
	json_t *first = json_parse_answer(a, strlen(a)), *second = json_parse_answer(b, strlen(b));
	bool same = first && second;

	for (size_t i = 0; same && i < ARRAY_SIZE(members); i++) {
		json_t *left = json_object_get(first, members[i]), *right = json_object_get(second, members[i]);

		same = (!left && !right) || json_equal(left, right);
	}
	json_decref(first);
	json_decref(second);
	return same;
}

static bool insert(struct handle *handle, const struct session_row *row, const char *idempotency_key, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(
	            &query, handle,
	            "INSERT INTO sessions (id, project, name, owner, idempotency_key, object, status, phase, final, created_at, "
	            "project_repositories) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	            err))
		return false;
	query_bind_text(&query, row->id);
	query_bind_text(&query, row->project);
	query_bind_text(&query, row->name);
	query_bind_text(&query, row->owner);
	query_bind_text(&query, idempotency_key);
	query_bind_text(&query, row->object);
	query_bind_text(&query, row->status ? row->status : "{}");
	query_bind_text(&query, session_phase_name(row->phase));
	query_bind_number(&query, session_phase_is_final(row->phase));
	query_bind_number(&query, row->created_at);
	query_bind_text(&query, row->project_repositories);
	return query_run(&query, err);
}

/* The session that this request has made before; *ret_found false: there is none and the name is free. ERR_CONFLICT. */
static bool find_earlier(struct handle *handle, const struct session_row *row, const char *idempotency_key, struct session_row *ret,
                         bool *ret_found, struct error *err)
{
	if (!look_by_idempotency_key(handle, row->owner, idempotency_key, ret, ret_found, err))
		return false;
	if (*ret_found) {
		if (strcmp(ret->project, row->project) != 0 || !asks_the_same(ret->object, row->object))
			return error_set(err, ERR_CONFLICT, "The Idempotency-Key was used for another session.");
		return true;
	}
	if (!look_by_name(handle, row->project, row->name, ret, ret_found, err))
		return false;
	if (*ret_found && strcmp(ret->owner, row->owner) != 0)
		return error_set(err, ERR_CONFLICT, "The project has a session of this name already.");
	if (*ret_found && ret->stop_requested)
		return error_set(err, ERR_CONFLICT, "The session of this name is being removed.");
	return true;
}

static bool create(void *state, const struct session_row *row, const char *idempotency_key, struct session_row *ret,
                   bool *ret_created, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(session_row_release) struct session_row result = SESSION_ROW_INIT;
	bool earlier, found = true;

	if (!writing_begin(state, &w, err) || !find_earlier(w.handle, row, idempotency_key, &result, &earlier, err))
		return false;
	if (!earlier && (!insert(w.handle, row, idempotency_key, err) || !session_phase_note(w.handle, row->id, err) ||
	                 !look_by_id(w.handle, row->id, &result, &found, err) || !writing_commit(&w, err)))
		return false;
	session_row_release(ret);
	*ret = result;
	result = (struct session_row)SESSION_ROW_INIT;
	*ret_created = !earlier;
	return true;
}

static bool find(void *state, const char *project, const char *name, struct session_row *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	bool found;

	if (!reading_begin(state, &r, err) || !look_by_name(r.handle, project, name, ret, &found, err))
		return false;
	return found || error_set(err, ERR_SESSION_NOT_FOUND, "There is no such session.");
}

static bool find_by_id(void *state, const char *id, struct session_row *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	bool found;

	if (!reading_begin(state, &r, err) || !look_by_id(r.handle, id, ret, &found, err))
		return false;
	return found || error_set(err, ERR_SESSION_NOT_FOUND, "There is no such session.");
}

static bool adopted(void *state, int64_t before, struct id_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle,
	                 "SELECT id FROM sessions WHERE created_at < ? AND json_extract(object, '$.metadata.uid') = id", err))
		return false;
	query_bind_number(&query, before);
	return query_ids(&query, ret, err);
}

/* Of a list's sessions nobody reads what their agents wrote, which is most of them. */
#define LISTED SESSION_COLUMNS_WITH("iif(json_valid(status), json_remove(status, '$.agent.output'), status)")

/* False: it does not fit any more. */
static bool list_add(struct session_list *list, const struct query *q, size_t *bytes)
{
	struct session_row *row;

	list->items = xrealloc(list->items, (list->count + 1) * sizeof(*list->items));
	row = &list->items[list->count];
	*row = (struct session_row)SESSION_ROW_INIT;
	read_for_user(q, row);
	*bytes += strlen(row->object) + strlen(row->status);
	if (list->count < LIST_MAX && *bytes <= LIST_BYTES_MAX) {
		list->count++;
		return true;
	}
	session_row_release(row);
	return false;
}

static bool list(void *state, const char *project, struct session_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	CLEANUP(session_list_release) struct session_list list = SESSION_LIST_INIT;
	size_t bytes = 0;
	bool row;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle, "SELECT " LISTED "FROM sessions WHERE project = ? ORDER BY number DESC", err))
		return false;
	query_bind_text(&query, project);
	do {
		if (!query_next(&query, &row, err))
			return false;
		list.more = row && !list_add(&list, &query, &bytes);
	} while (row && !list.more);
	session_list_release(ret);
	*ret = list;
	list = (struct session_list)SESSION_LIST_INIT;
	return true;
}

/* One statement with an id (and the time, for "held"); *ret_changed: it found its row. */
static bool change(struct handle *handle, const char *sql, const char *id, bool *ret_changed, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle, sql, err))
		return false;
	query_bind_text(&query, id);
	query_bind_number(&query, clock_now_s());
	if (!query_run(&query, err))
		return false;
	*ret_changed = query_changes(&query) > 0;
	return true;
}

/* Bindings and outcomes go with the row (ON DELETE CASCADE). */
static bool remove_session(void *state, const char *id, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	bool gone, asked;

	if (!writing_begin(state, &w, err) ||
	    !change(w.handle, "DELETE FROM sessions WHERE id = ?1 AND (final = 1 OR attempt = 0 OR lease_until <= ?2)", id, &gone,
	            err))
		return false;
	if (!gone) {
		if (!change(w.handle, "UPDATE sessions SET stop_requested = 1 WHERE id = ?1 AND ?2 > 0", id, &asked, err))
			return false;
		if (!asked)
			return error_set(err, ERR_SESSION_NOT_FOUND, "There is no such session.");
	}
	return writing_commit(&w, err);
}

/* A session that has ended begins again with its kept work: any worker that has it may claim it at once, under a new attempt and
 * credential. */
#define REOPEN                                                                                                                     \
	"UPDATE sessions SET final = 0, phase = 'Pending', push_requested = 1, lease_until = 0, rests_until = ?2, "                \
	"settled_attempt = attempt, status = "                                                                                     \
	"json_set(json_remove(status, '$.completionTime', '$.notification'), '$.phase', 'Pending', "                               \
	"'$.message', 'Waiting for a worker to push the kept work.') "                                                             \
	"WHERE id = ?1 AND final = 1 AND stop_requested = 0 AND work_kept_until > ?2"

static bool request_push(void *state, const char *id, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	bool asked;

	if (!writing_begin(state, &w, err) || !session_row_check_exists(w.handle, id, err) ||
	    !change(w.handle,
	            "UPDATE sessions SET push_requested = 1, rests_until = min(rests_until, ?2) "
	            "WHERE id = ?1 AND final = 0 AND stop_requested = 0",
	            id, &asked, err) ||
	    (!asked && (!change(w.handle, REOPEN, id, &asked, err) || !session_phase_note(w.handle, id, err))))
		return false;
	if (!asked)
		return error_set(err, ERR_SESSION_ENDED, "The session has ended, and nothing of it is left to push.");
	return writing_commit(&w, err);
}

static bool set_pod(void *state, const char *id, const char *pod_uid, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!writing_begin(state, &w, err) || !session_row_check_exists(w.handle, id, err) ||
	    !query_start(&query, w.handle, "UPDATE sessions SET pod_uid = ? WHERE id = ?", err))
		return false;
	query_bind_text(&query, pod_uid);
	query_bind_text(&query, id);
	return query_run(&query, err) && writing_commit(&w, err);
}

const struct session_store_ops session_rows = {
        .create = create,
        .find = find,
        .find_by_id = find_by_id,
        .adopted = adopted,
        .phases_untold = session_phases_untold,
        .phase_told = session_phase_told,
        .list = list,
        .remove = remove_session,
        .request_push = request_push,
        .claim = session_claim,
        .rest = session_rest,
        .rested = session_rested,
        .give_back = session_give_back,
        .renew = session_renew,
        .save_status = session_save_status,
        .keep_work = session_keep_work,
        .clear_push = session_clear_push,
        .change_repositories = session_change_repositories,
        .forget = session_forget,
        .set_pod = set_pod,
        .find_by_gate = session_find_by_gate,
        .bind = session_bind,
        .confirm = session_binding_confirm,
        .binding = session_binding_of,
        .add_outcome = session_add_outcome,
        .outcomes = session_outcomes,
        .add_push = session_add_push,
        .pushes = session_pushes_of,
        .queue = session_queue_of,
};
