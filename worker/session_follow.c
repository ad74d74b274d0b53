/*
 * session_follow — what its owner changes in a session's repositories while it runs. The store tells the worker at its next look:
 * what has joined is asked about at the gate and cloned into a folder of its own beside the others, even while the agent works;
 * what was taken out is dropped here, while its folder stays.
 */
#include "agent_environment.h"
#include "session_record.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "file.h"
#include "processes.h"
#include "session_service.h"

enum { TRIES = 5, PAUSE_MS = 1000 };

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

/* A gate that restarts is asked again, if this is the last time. */
static bool ask_gate(const struct session_run *run, const char *name, bool last, json_t **ret_answer, struct error *err)
{
	for (int tries = 1; !gate_client_preflight_one(&run->gate, name, ret_answer, err); tries++)
		if (!last || tries == TRIES || !session_gate_will_answer(err) ||
		    !session_pause(run, NULL, "The gate is asked again about a repository that joins", err))
			return false;
	return true;
}

/* It was promised to its owner, who must not look for it in vain. */
static void add_failed(struct session_run *run, const struct session_repository *asked, const struct error *failure)
{
	struct repositories joined = {.items = xcalloc(1, sizeof(*joined.items)), .count = 1};
	struct repository *r = &joined.items[0];

	set_string(&r->name, asked->name);
	set_string(&r->url, asked->url);
	set_string(&r->push_branch, asked->push_branch);
	set_string(&r->start_branch, asked->start_branch);
	if (!asked->provider || !provider_parse(asked->provider, &r->provider))
		r->provider = PROVIDER_UNKNOWN;
	repository_fail(r, failure);
	repositories_append(&run->repositories, &joined);
}

/* Asks the gate about those that are new. A gate that does not answer is asked at the next look, unless this is the last one. */
static bool take_joined(struct session_run *run, const struct session_spec *spec, bool last, bool *changed)
{
	bool complete = true;

	for (size_t i = 0; i < spec->repository_count; i++) {
		CLEANUP(repositories_release) struct repositories joined = REPOSITORIES_INIT;
		const struct session_repository *asked = &spec->repositories[i];
		struct error failure = ERROR_INIT;
		json_t *answer = NULL;

		if (find(&run->repositories, asked->name))
			continue;
		if (ask_gate(run, asked->name, last, &answer, &failure) && repositories_from_preflight(answer, &joined, &failure)) {
			session_log(run, LOG_INFO, &joined.items[0], NULL, "A repository has joined the session: %s",
			            joined.items[0].url);
			repositories_append(&run->repositories, &joined);
			*changed = true;
		} else {
			session_log(run, LOG_WARNING, NULL, &failure, "A repository that joins could not be checked: %s",
			            asked->name);
			if (last)
				add_failed(run, asked, &failure);
			*changed |= last;
			complete = last;
		}
		json_decref(answer);
	}
	return complete;
}

/* The store knows what was promised: the last time it has to answer. False: interrupted. */
static bool read_row(const struct session_run *run, bool last, struct session_row *ret, bool *ret_found)
{
	for (;;) {
		*ret_found = run->store.ops->find_by_id(run->store.state, run->row->id, ret, NULL);
		if (*ret_found || !last)
			return true;
		if (!interrupt_sleep(run->interrupt_fd, PAUSE_MS))
			return false;
	}
}

/* Reads the row; *changed: a repository came or went. ERR_SESSION_LOST. */
static bool look(struct session_run *run, bool last, bool *changed, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error failure = ERROR_INIT;
	bool found;

	if (!read_row(run, last, &row, &found))
		return error_set(err, ERR_SESSION_LOST, "The session was interrupted.");
	if (!found || !row.repository_changes || (run->changes_seen && strcmp(run->changes_seen, row.repository_changes) == 0))
		return true;
	if (!session_row_spec(&row, &spec, &failure)) {
		session_log(run, LOG_ERROR, NULL, &failure, "The session's changes cannot be read");
		return true;
	}
	*changed |= drop_removed(run, &spec);
	if (take_joined(run, &spec, last, changed))
		set_string(&run->changes_seen, row.repository_changes);
	return !last || !interrupt_pending(run->interrupt_fd) || error_set(err, ERR_SESSION_LOST, "The session was interrupted.");
}

/* Where it is while it is being cloned. */
static char *unfinished_clone(const struct session_run *run, const struct repository *r)
{
	return xasprintf("%s/+clone-%s", run->workspace.path, r->name);
}

/* The agent may have left anything under that name, and may do so while this clones. */
static bool name_clone(const struct session_run *run, const struct repository *r, struct error *err)
{
	CLEANUP(freep) char *path = workspace_repository(&run->workspace, r->name);
	CLEANUP(freep) char *unfinished = unfinished_clone(run, r);

	if (renameat2(AT_FDCWD, unfinished, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return true;
	return error_set(err, ERR_WORKSPACE_FAILED, "Something called %s is in the workspace already.", r->name);
}

/*
 * Under its own name only what is complete, and only when the record has it: a worker that dies meanwhile leaves nothing that the
 * next one takes for somebody else's.
 */
static bool clone_one(struct session_run *run, struct repository *r, struct error *err)
{
	CLEANUP(freep) char *path = workspace_repository(&run->workspace, r->name);
	CLEANUP(freep) char *unfinished = unfinished_clone(run, r);
	struct stat info;

	if (lstat(path, &info) == 0)
		return error_set(err, ERR_WORKSPACE_FAILED, "Something called %s is in the workspace already.", r->name);
	if (!remove_tree(unfinished, err))
		return false;
	if (session_clone(run, r, unfinished, false, err) && session_record_update(run, err) && name_clone(run, r, err))
		return true;
	if (err->code != ERR_SESSION_LOST && !remove_tree(unfinished, NULL))
		session_log(run, LOG_WARNING, r, NULL, "An unfinished clone could not be removed");
	return false;
}

void session_name_recorded_clones(struct session_run *run)
{
	for (size_t i = 0; i < run->repositories.count; i++) {
		struct repository *r = &run->repositories.items[i];
		CLEANUP(freep) char *unfinished = unfinished_clone(run, r);
		struct error failure = ERROR_INIT;
		struct stat info;
		if (r->phase == REPOSITORY_READY && lstat(unfinished, &info) == 0 && !name_clone(run, r, &failure))
			repository_fail(r, &failure);
	}
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
		if (!session_record_update(run, err)) /* it may stand there as cloned */
			return false;
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
	char name[] = "+home";
	struct repository nobodys = {.name = name}; /* the list may be empty */
	struct config_file file = {.path = xasprintf("%s/.gitconfig", run->workspace.home), .text = STRBUF_INIT(LIMIT_ANSWER)};
	struct error failure = ERROR_INIT;
	json_t *nothing = NULL;

	agent_git_config(&run->gate, &run->repositories, &file.text);
	if (!session_git(run, &nobodys, write_config, &file, "configure", &nothing, &failure))
		session_log(run, LOG_WARNING, NULL, &failure, "The agent's git could not be told of the session's repositories");
	json_decref(nothing);
	strbuf_release_secret(&file.text);
	free(file.path);
}

static bool follow(struct session_run *run, bool last, bool agent_works, bool *ret_changed, struct error *err)
{
	bool changed = false;

	if (!look(run, last, &changed, err))
		return false;
	/* Before anybody reads that what has joined is ready. */
	if (changed && agent_works)
		tell_agent(run);
	if (!clone_joined(run, &changed, err))
		return false;
	run->follow_at_ms = clock_monotonic_ms() + LOOK_EVERY_MS;
	*ret_changed = changed;
	return !changed || session_save(run, true, err);
}

bool session_follow(struct session_run *run, bool agent_works, bool *ret_changed, struct error *err)
{
	*ret_changed = false;
	return clock_monotonic_ms() < run->follow_at_ms || follow(run, false, agent_works, ret_changed, err);
}

bool session_follow_last(struct session_run *run, struct error *err)
{
	bool changed = false;

	return follow(run, true, false, &changed, err);
}
