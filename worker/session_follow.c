/*
 * session_follow — what its owner changes in a session's repositories while it runs. The store tells the worker at its next look:
 * what has joined is asked about at the gate and cloned into a folder of its own beside the others, even while the agent works;
 * what was taken out is dropped here, while its folder stays.
 */
#include "agent_environment.h"
#include "session_run.h"

#include <sys/stat.h>

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "file.h"
#include "session_service.h"

static const struct repository *find(const struct repositories *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}

static bool drop_removed(struct session_run *run, const struct session_spec *spec)
{
	bool changed = false;

	for (size_t i = run->repositories.count; i-- > 0;) {
		struct repository *r = &run->repositories.items[i];
		if (session_spec_find(spec, r->name))
			continue;
		session_log(run, LOG_INFO, r, NULL, "The repository was taken out of the session: %s", r->url);
		repositories_remove(&run->repositories, i);
		changed = true;
	}
	return changed;
}

/* Asks the gate about those that are new. A gate that does not answer is asked at the next look. */
static bool take_joined(struct session_run *run, const struct session_spec *spec, bool *changed)
{
	bool complete = true;

	for (size_t i = 0; i < spec->repository_count; i++) {
		CLEANUP(repositories_release) struct repositories joined = REPOSITORIES_INIT;
		struct error failure = ERROR_INIT;
		json_t *answer = NULL;

		if (find(&run->repositories, spec->repositories[i].name))
			continue;
		if (gate_client_preflight_one(&run->gate, spec->repositories[i].name, &answer, &failure) &&
		    repositories_from_preflight(answer, &joined, &failure)) {
			session_log(run, LOG_INFO, &joined.items[0], NULL, "A repository has joined the session: %s",
			            joined.items[0].url);
			repositories_append(&run->repositories, &joined);
			*changed = true;
		} else {
			session_log(run, LOG_WARNING, NULL, &failure, "A repository that joins could not be checked: %s",
			            spec->repositories[i].name);
			complete = false;
		}
		json_decref(answer);
	}
	return complete;
}

/* Reads the row; *changed: a repository came or went. */
static void look(struct session_run *run, bool *changed)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error failure = ERROR_INIT;

	if (!run->store.ops->find_by_id(run->store.state, run->row->id, &row, NULL) || !row.repository_changes ||
	    (run->changes_seen && strcmp(run->changes_seen, row.repository_changes) == 0))
		return;
	if (!session_row_spec(&row, &spec, &failure)) {
		session_log(run, LOG_ERROR, NULL, &failure, "The session's changes cannot be read");
		return;
	}
	*changed |= drop_removed(run, &spec);
	if (take_joined(run, &spec, changed))
		set_string(&run->changes_seen, row.repository_changes);
}

/* The agent may have left anything under that name. */
static bool clone_one(struct session_run *run, struct repository *r, struct error *err)
{
	CLEANUP(freep) char *path = workspace_repository(&run->workspace, r->name);
	struct stat info;

	if (lstat(path, &info) == 0)
		return error_set(err, ERR_WORKSPACE_FAILED, "Something called %s is in the workspace already.", r->name);
	return session_clone(run, r, false, err);
}

/* Those that have joined and passed. False only when the session is to be left. */
static bool clone_joined(struct session_run *run, bool *changed, struct error *err)
{
	for (size_t i = 0; i < run->repositories.count; i++) {
		struct repository *r = &run->repositories.items[i];
		struct error failure = ERROR_INIT;
		if (r->phase != REPOSITORY_PENDING)
			continue;
		*changed = true;
		r->phase = REPOSITORY_CLONING;
		if (!session_save(run, true, err))
			return false;
		if (clone_one(run, r, &failure))
			continue;
		if (failure.code == ERR_SESSION_LOST) {
			*err = failure;
			return false;
		}
		session_log(run, LOG_WARNING, r, &failure, "Clone failed: %s", r->url);
		repository_fail(r, &failure);
	}
	return true;
}

struct config_file {
	char *path;
	struct strbuf text;
};

static bool write_config(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err)
{
	const struct config_file *file = input;

	(void)report;
	*ret_result = NULL;
	return file_write_atomically(file->path, file->text.data, file->text.length, 0600, err);
}

/* The folder is the agent's by now and may lead anywhere, so that a confined process writes what tells its git of the new address.
 */
static void tell_agent(struct session_run *run)
{
	struct config_file file = {.path = xasprintf("%s/.gitconfig", run->workspace.home), .text = STRBUF_INIT(LIMIT_ANSWER)};
	struct error failure = ERROR_INIT;
	json_t *nothing = NULL;

	agent_git_config(&run->gate, &run->repositories, &file.text);
	if (!session_git(run, &run->repositories.items[0], write_config, &file, "configure", &nothing, &failure))
		session_log(run, LOG_WARNING, NULL, &failure, "The agent's git could not be told of the session's repositories");
	json_decref(nothing);
	strbuf_release_secret(&file.text);
	free(file.path);
}

bool session_follow(struct session_run *run, bool now, bool agent_works, bool *ret_changed, struct error *err)
{
	int64_t at = clock_monotonic_ms();
	bool changed = false;

	*ret_changed = false;
	if (!now && at < run->follow_at_ms)
		return true;
	look(run, &changed);
	/* Before anybody reads that what has joined is ready. */
	if (changed && agent_works)
		tell_agent(run);
	if (!clone_joined(run, &changed, err))
		return false;
	run->follow_at_ms = clock_monotonic_ms() + LOOK_EVERY_MS;
	*ret_changed = changed;
	return !changed || session_save(run, true, err);
}
