/* The tables session_bindings and gate_outcomes: what the git gate may reach for a session, and what it met. */
#include "rows.h"

#include "alloc.h"

/* An agent can provoke refusals without end; the newest tell enough. */
#define OUTCOMES_MAX 100

void session_binding_release(struct session_binding *binding)
{
	freep(&binding->repository);
	freep(&binding->provider);
	freep(&binding->credential);
	freep(&binding->instance_url);
	freep(&binding->project_path);
	freep(&binding->push_branch);
	*binding = (struct session_binding)SESSION_BINDING_INIT;
}

void gate_outcome_list_release(struct gate_outcome_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		freep(&list->items[i].repository);
		freep(&list->items[i].operation);
		freep(&list->items[i].code);
		freep(&list->items[i].message);
		freep(&list->items[i].remediation);
	}
	free(list->items);
	*list = (struct gate_outcome_list)GATE_OUTCOME_LIST_INIT;
}

bool session_binding_put(struct handle *handle, const char *id, const struct session_binding *binding, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "INSERT OR REPLACE INTO session_bindings "
	                 "(session_id, repository, provider, credential, instance_url, project_path, project_id, push_branch) "
	                 "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	                 err))
		return false;
	query_bind_text(&query, id);
	query_bind_text(&query, binding->repository);
	query_bind_text(&query, binding->provider);
	query_bind_text(&query, binding->credential);
	query_bind_text(&query, binding->instance_url);
	query_bind_text(&query, binding->project_path);
	query_bind_number(&query, binding->project_id);
	query_bind_text(&query, binding->push_branch);
	return query_run(&query, err);
}

bool session_bind(void *state, const char *id, const struct session_binding *bindings, size_t count, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;

	if (!writing_begin(state, &w, err) || !session_row_check_exists(w.handle, id, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!session_binding_put(w.handle, id, &bindings[i], err))
			return false;
	return writing_commit(&w, err);
}

bool session_binding_confirm(void *state, const char *id, const char *repository, const char *project_path, bool for_push,
                             int64_t at, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!writing_begin(state, &w, err) ||
	    !query_start(&query, w.handle,
	                 "UPDATE session_bindings SET project_path = ?1, confirmed_at = ?2, "
	                 "push_confirmed_at = iif(?5, ?2, push_confirmed_at) WHERE session_id = ?3 AND repository = ?4",
	                 err))
		return false;
	query_bind_text(&query, project_path);
	query_bind_number(&query, at);
	query_bind_text(&query, id);
	query_bind_text(&query, repository);
	query_bind_number(&query, for_push);
	return query_run(&query, err) && writing_commit(&w, err);
}

bool session_binding_of(void *state, const char *id, const char *repository, struct session_binding *ret, bool *ret_found,
                        struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!reading_begin(state, &r, err) || !query_start(&query, r.handle,
	                                                   "SELECT repository, provider, credential, instance_url, project_path, "
	                                                   "project_id, push_branch, confirmed_at, push_confirmed_at "
	                                                   "FROM session_bindings WHERE session_id = ? AND repository = ?",
	                                                   err))
		return false;
	query_bind_text(&query, id);
	query_bind_text(&query, repository);
	if (!query_next(&query, &row, err))
		return false;
	if (row) {
		session_binding_release(ret);
		*ret = (struct session_binding){
		        .repository = query_text(&query, 0),
		        .provider = query_text(&query, 1),
		        .credential = query_text(&query, 2),
		        .instance_url = query_text(&query, 3),
		        .project_path = query_text(&query, 4),
		        .project_id = query_number(&query, 5),
		        .push_branch = query_text(&query, 6),
		        .confirmed_at = query_number(&query, 7),
		        .push_confirmed_at = query_number(&query, 8),
		};
	}
	*ret_found = row;
	return true;
}

static bool insert_outcome(struct handle *handle, const char *id, const struct gate_outcome *outcome, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "INSERT INTO gate_outcomes (session_id, repository, operation, code, message, remediation, at) "
	                 "VALUES (?, ifnull(?, ''), ifnull(?, ''), ifnull(?, ''), ifnull(?, ''), ifnull(?, ''), ?)",
	                 err))
		return false;
	query_bind_text(&query, id);
	query_bind_text(&query, outcome->repository);
	query_bind_text(&query, outcome->operation);
	query_bind_text(&query, outcome->code);
	query_bind_text(&query, outcome->message);
	query_bind_text(&query, outcome->remediation);
	query_bind_number(&query, outcome->at);
	return query_run(&query, err);
}

static bool drop_old_outcomes(struct handle *handle, const char *id, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "DELETE FROM gate_outcomes WHERE session_id = ?1 AND number <= "
	                 "(SELECT number FROM gate_outcomes WHERE session_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
	                 err))
		return false;
	query_bind_text(&query, id);
	query_bind_number(&query, OUTCOMES_MAX);
	return query_run(&query, err);
}

bool session_add_outcome(void *state, const char *id, const struct gate_outcome *outcome, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;

	return writing_begin(state, &w, err) && session_row_check_exists(w.handle, id, err) &&
	       insert_outcome(w.handle, id, outcome, err) && drop_old_outcomes(w.handle, id, err) && writing_commit(&w, err);
}

bool session_outcomes(void *state, const char *id, struct gate_outcome_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	CLEANUP(gate_outcome_list_release) struct gate_outcome_list list = GATE_OUTCOME_LIST_INIT;
	bool row;

	if (!reading_begin(state, &r, err) || !query_start(&query, r.handle,
	                                                   "SELECT repository, operation, code, message, remediation, at FROM "
	                                                   "gate_outcomes WHERE session_id = ? ORDER BY number",
	                                                   err))
		return false;
	query_bind_text(&query, id);
	for (;;) {
		if (!query_next(&query, &row, err))
			return false;
		if (!row)
			break;
		list.items = xrealloc(list.items, (list.count + 1) * sizeof(*list.items));
		list.items[list.count++] = (struct gate_outcome){
		        .repository = query_text(&query, 0),
		        .operation = query_text(&query, 1),
		        .code = query_text(&query, 2),
		        .message = query_text(&query, 3),
		        .remediation = query_text(&query, 4),
		        .at = query_number(&query, 5),
		};
	}
	gate_outcome_list_release(ret);
	*ret = list;
	list = (struct gate_outcome_list)GATE_OUTCOME_LIST_INIT;
	return true;
}
