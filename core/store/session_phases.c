/* The table session_phases: which phases a session entered, and of which nobody has told yet. */
#include "rows.h"

#include "alloc.h"
#include "clock.h"

/* Who pushes a session again and again enters phases without end; of these the newest are kept. */
#define PHASES_MAX 100

void session_phases_release(struct session_phases *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].message);
	free(list->items);
	*list = (struct session_phases)SESSION_PHASES_INIT;
}

static bool drop_old(struct handle *handle, const char *id, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "DELETE FROM session_phases WHERE session_id = ?1 AND number <= "
	                 "(SELECT max(number) FROM session_phases WHERE session_id = ?1) - ?2",
	                 err))
		return false;
	query_bind_text(&query, id);
	query_bind_number(&query, PHASES_MAX);
	return query_run(&query, err);
}

/* Nobody waits to be told of a session that no resource stands for. */
#define NOTE                                                                                                                       \
	"INSERT INTO session_phases (session_id, number, phase, message, at, told) "                                               \
	"SELECT id, ifnull(last.number, 0) + 1, sessions.phase, coalesce(json_extract(status, '$.notification'), "                 \
	"json_extract(status, '$.message'), ''), ?2, json_extract(object, '$.metadata.uid') IS NOT id "                            \
	"FROM sessions LEFT JOIN session_phases AS last ON last.session_id = id AND last.number = "                                \
	"(SELECT max(number) FROM session_phases WHERE session_id = ?1) WHERE id = ?1 AND sessions.phase IS NOT last.phase"

bool session_phase_note(struct handle *handle, const char *id, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle, NOTE, err))
		return false;
	query_bind_text(&query, id);
	query_bind_number(&query, clock_now_s());
	if (!query_run(&query, err))
		return false;
	return query_changes(&query) == 0 || drop_old(handle, id, err);
}

bool session_phases_untold(void *state, const char *id, struct session_phases *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	CLEANUP(session_phases_release) struct session_phases list = SESSION_PHASES_INIT;
	bool row;

	if (!reading_begin(state, &r, err) || !query_start(&query, r.handle,
	                                                   "SELECT number, phase, message, at FROM session_phases "
	                                                   "WHERE session_id = ? AND told = 0 ORDER BY number",
	                                                   err))
		return false;
	query_bind_text(&query, id);
	for (;;) {
		struct session_phase_entered one = {0};

		if (!query_next(&query, &row, err))
			return false;
		if (!row)
			break;
		one.number = query_number(&query, 0);
		if (!session_phase_parse(query_peek(&query, 1), &one.phase))
			continue; /* a phase of a later program */
		one.message = query_text(&query, 2);
		one.at = query_number(&query, 3);
		list.items = xrealloc(list.items, (list.count + 1) * sizeof(*list.items));
		list.items[list.count++] = one;
	}
	session_phases_release(ret);
	*ret = list;
	list = (struct session_phases)SESSION_PHASES_INIT;
	return true;
}

bool session_phase_told(void *state, const char *id, int64_t number, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!writing_begin(state, &w, err) ||
	    !query_start(&query, w.handle, "UPDATE session_phases SET told = 1 WHERE session_id = ? AND number = ?", err))
		return false;
	query_bind_text(&query, id);
	query_bind_number(&query, number);
	return query_run(&query, err) && writing_commit(&w, err);
}
