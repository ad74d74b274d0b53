#include "session_repositories.h"

#include "alloc.h"
#include "session_changes.h"
#include "session_service.h"

#include <stdlib.h>

/* Several people's pages may change one session at once; each try starts from what the others have written. */
enum { CHANGE_TRIES = 8 };

static bool check_running(const struct session_row *row, struct error *err)
{
	if (session_phase_is_final(row->phase) || row->stop_requested)
		return error_set(err, ERR_SESSION_ENDED, "The session has ended; its repositories do not change any more.");
	return true;
}

static bool look_again(struct session_store *sessions, struct session_row *row, struct error *err)
{
	CLEANUP(session_row_release) struct session_row fresh = SESSION_ROW_INIT;

	if (!sessions->ops->find_by_id(sessions->state, row->id, &fresh, err))
		return false;
	session_row_release(row);
	*row = fresh;
	fresh = (struct session_row)SESSION_ROW_INIT;
	return true;
}

/*
 * Writes the change; *ret_again: another one was faster, and `row` has it now. `after` is what `row` says afterwards.
 */
static bool write_change(struct session_store *sessions, struct session_row *row, const char *after,
                         const struct session_binding *binding, bool *ret_again, struct error *err)
{
	struct error failure = ERROR_INIT;

	*ret_again = false;
	if (sessions->ops->change_repositories(sessions->state, row->id, row->repository_changes, after, binding, &failure)) {
		set_string(&row->repository_changes, after);
		return true;
	}
	if (failure.code == ERR_PRECONDITION_FAILED) {
		*ret_again = true;
		return look_again(sessions, row, err);
	}
	if (err)
		*err = failure;
	return false;
}

static bool too_many_tries(struct error *err)
{
	return error_set(err, ERR_CONFLICT, "The session's repositories are being changed by others all the time.");
}

/* ---- Adding ---- */

/* The specification as it would be, with the new repository as its last. */
static bool plan(const struct session_row *row, const struct session_repository_request *request, struct session_spec *ret,
                 struct error *err)
{
	return session_row_spec(row, ret, err) && session_spec_add(ret, &request->addition, err);
}

static bool check(struct gate_service *s, const struct session_row *row, const struct session_spec *planned, const char *request_id,
                  struct check_report *ret, struct error *err)
{
	struct session_spec view = *planned; /* borrows: the last repository alone */
	struct check_report *reports = NULL;

	view.repositories = &planned->repositories[planned->repository_count - 1];
	view.repository_count = 1;
	if (!gate_reports(s, row, &view, request_id, &reports, err))
		return false;
	*ret = reports[0];
	free(reports);
	if (!check_blocks_clone(ret))
		return true;
	if (err)
		*err = ret->failure;
	return false;
}

static bool add_checked(struct gate_service *s, struct session_row *row, const struct session_repository_request *request,
                        const struct check_report *report, char **ret_name, struct error *err)
{
	for (int tries = 0; tries < CHANGE_TRIES; tries++) {
		CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
		CLEANUP(session_binding_release) struct session_binding binding = SESSION_BINDING_INIT;
		bool again;

		if (!plan(row, request, &spec, err))
			return false;
		const struct session_repository *added = &spec.repositories[spec.repository_count - 1];
		CLEANUP(freep) char *after = session_changes_add(row->repository_changes, added, request->request_id);
		gate_binding_make(added, report, &binding);
		if (!write_change(&s->sessions, row, after, &binding, &again, err))
			return false;
		if (!again) {
			*ret_name = xstrdup(added->name);
			return true;
		}
	}
	return too_many_tries(err);
}

bool session_repository_add(struct gate_service *s, struct session_row *row, const struct session_repository_request *request,
                            char **ret_name, struct error *err)
{
	CLEANUP(session_spec_release) struct session_spec planned = SESSION_SPEC_INIT;
	CLEANUP(check_report_release) struct check_report report = CHECK_REPORT_INIT;
	CLEANUP(freep) char *earlier = session_changes_of_request(row->repository_changes, request->request_id);

	if (earlier) {
		*ret_name = TAKE(earlier);
		return true;
	}
	return check_running(row, err) && plan(row, request, &planned, err) &&
	       check(s, row, &planned, request->request_id, &report, err) && add_checked(s, row, request, &report, ret_name, err);
}

/* ---- Removing ---- */

static bool check_removal(const struct session_spec *spec, const char *name, struct error *err)
{
	if (!session_spec_find(spec, name)) {
		error_set(err, ERR_NOT_FOUND, "The session has no repository called %.100s.", name);
		return error_remedy(err, "List the session's repositories for their names.");
	}
	if (spec->repository_count > 1)
		return true;
	error_set(err, ERR_CONFLICT, "%s is the session's last repository.", name);
	return error_remedy(err, "Add another one first, or delete the session.");
}

bool session_repository_remove(struct session_store *sessions, struct session_row *row, const char *name, struct error *err)
{
	for (int tries = 0; tries < CHANGE_TRIES; tries++) {
		CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
		bool again;

		if (session_changes_removed(row->repository_changes, name))
			return true;
		if (!check_running(row, err) || !session_row_spec(row, &spec, err) || !check_removal(&spec, name, err))
			return false;
		CLEANUP(freep) char *after = session_changes_remove(row->repository_changes, name);
		if (!write_change(sessions, row, after, NULL, &again, err))
			return false;
		if (!again)
			return true;
	}
	return too_many_tries(err);
}
