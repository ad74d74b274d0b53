/*
 * The tables project_repositories and github_installations. Each write takes a change number, as those of connections do: a list or
 * an installation that a restored database has lost is then noticed, and answers that were kept about them become old.
 */
#include "rows.h"

#include "alloc.h"
#include "clock.h"

void project_list_release(struct project_list *list)
{
	freep(&list->document);
	freep(&list->identities);
	*list = (struct project_list)PROJECT_LIST_INIT;
}

void installation_release(struct installation *installation)
{
	freep(&installation->user_id);
	freep(&installation->instance_url);
	freep(&installation->account);
	*installation = (struct installation)INSTALLATION_INIT;
}

void installation_list_release(struct installation_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		installation_release(&list->items[i]);
	free(list->items);
	*list = (struct installation_list)INSTALLATION_LIST_INIT;
}

/* ---- Repositories of a project ---- */

static bool get(void *state, const char *project, struct project_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle, "SELECT document, identities, version FROM project_repositories WHERE project = ?", err))
		return false;
	query_bind_text(&query, project);
	if (!query_next(&query, &row, err))
		return false;
	project_list_release(ret);
	if (row)
		*ret = (struct project_list){query_text(&query, 0), query_text(&query, 1), query_number(&query, 2)};
	return true;
}

static bool names(void *state, size_t limit, struct id_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle,
	                 "SELECT project FROM project_repositories UNION SELECT project FROM sessions ORDER BY project LIMIT ?",
	                 err))
		return false;
	query_bind_number(&query, (int64_t)limit);
	return query_ids(&query, ret, err);
}

/* *ret_version 0: there is no row. */
static bool look_at_version(struct handle *handle, const char *project, int64_t *ret_version, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (!query_start(&query, handle, "SELECT version FROM project_repositories WHERE project = ?", err))
		return false;
	query_bind_text(&query, project);
	if (!query_next(&query, &row, err))
		return false;
	*ret_version = row ? query_number(&query, 0) : 0;
	return true;
}

static bool write_list(struct handle *handle, const char *project, const struct project_list *list, int64_t version,
                       struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "INSERT INTO project_repositories (project, document, identities, version, updated_at) "
	                 "VALUES (?, ?, ifnull(?, '{}'), ?, ?) "
	                 "ON CONFLICT (project) DO UPDATE SET document = excluded.document, identities = excluded.identities, "
	                 "version = excluded.version, updated_at = excluded.updated_at",
	                 err))
		return false;
	query_bind_text(&query, project);
	query_bind_text(&query, list->document);
	query_bind_text(&query, list->identities);
	query_bind_number(&query, version);
	query_bind_number(&query, clock_now_s());
	return query_run(&query, err);
}

/*
 * Compared inside the write transaction, so that of several writers who saw the same version one wins. The change number is the new
 * version: it never comes again, not even after a restored database, and an ETag of a lost state fits nothing.
 */
static bool put(void *state, const char *project, int64_t expected, struct project_list *list, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	int64_t stored, version;

	if (!writing_begin(state, &w, err) || !look_at_version(w.handle, project, &stored, err))
		return false;
	if (expected != PROJECT_VERSION_ANY && expected != stored)
		return error_set(err, ERR_PRECONDITION_FAILED,
		                 "The project's repositories were changed by someone else meanwhile.");
	if (!writing_change(&w, &version, err) || !write_list(w.handle, project, list, version, err) || !writing_commit(&w, err))
		return false;
	list->version = version;
	return true;
}

/* ---- Installations of the GitHub App ---- */

static bool installations(void *state, const char *user_id, struct installation_list *ret, struct error *err)
{
	CLEANUP(reading_end) struct reading r = READING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	CLEANUP(installation_list_release) struct installation_list list = INSTALLATION_LIST_INIT;
	bool row;

	if (!reading_begin(state, &r, err) ||
	    !query_start(&query, r.handle,
	                 "SELECT user_id, instance_url, installation_id, account, installed_at, updated_at FROM "
	                 "github_installations WHERE user_id = ? ORDER BY updated_at DESC, installation_id DESC",
	                 err))
		return false;
	query_bind_text(&query, user_id);
	for (;;) {
		if (!query_next(&query, &row, err))
			return false;
		if (!row)
			break;
		list.items = xrealloc(list.items, (list.count + 1) * sizeof(*list.items));
		list.items[list.count++] = (struct installation){
		        .user_id = query_text(&query, 0),
		        .instance_url = query_text(&query, 1),
		        .installation_id = query_number(&query, 2),
		        .account = query_text(&query, 3),
		        .installed_at = query_number(&query, 4),
		        .updated_at = query_number(&query, 5),
		};
	}
	installation_list_release(ret);
	*ret = list;
	list = (struct installation_list)INSTALLATION_LIST_INIT;
	return true;
}

/* An installation that was only looked at again keeps the time it was added. */
static bool write_installation(struct handle *handle, const struct installation *installation, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;

	if (!query_start(&query, handle,
	                 "INSERT INTO github_installations "
	                 "(user_id, instance_url, installation_id, account, installed_at, updated_at) VALUES (?, ?, ?, ?, ?, ?) "
	                 "ON CONFLICT DO UPDATE SET account = excluded.account, updated_at = excluded.updated_at",
	                 err))
		return false;
	query_bind_text(&query, installation->user_id);
	query_bind_text(&query, installation->instance_url);
	query_bind_number(&query, installation->installation_id);
	query_bind_text(&query, installation->account);
	query_bind_number(&query, installation->installed_at);
	query_bind_number(&query, installation->updated_at);
	return query_run(&query, err);
}

static bool installation_put(void *state, const struct installation *installation, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	int64_t change;

	return writing_begin(state, &w, err) && write_installation(w.handle, installation, err) &&
	       writing_change(&w, &change, err) && writing_commit(&w, err);
}

static bool installations_remove(void *state, const char *user_id, struct error *err)
{
	CLEANUP(writing_end) struct writing w = WRITING_INIT;
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	int64_t change;

	if (!writing_begin(state, &w, err) ||
	    !query_start(&query, w.handle, "DELETE FROM github_installations WHERE user_id = ?", err))
		return false;
	query_bind_text(&query, user_id);
	if (!query_run(&query, err))
		return false;
	if (query_changes(&query) == 0)
		return true;
	return writing_change(&w, &change, err) && writing_commit(&w, err);
}

const struct project_store_ops project_rows = {
        .get = get,
        .put = put,
        .names = names,
        .installations = installations,
        .installation_put = installation_put,
        .installations_remove = installations_remove,
        .access_get = project_access_get,
        .access_ask = project_access_ask,
        .access_take = project_access_take,
        .access_found = project_access_found,
};
