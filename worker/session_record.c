#include "session_record.h"

#include "alloc.h"

/* What whoever takes up a session that waits need not ask again. */
static void add_waiting(const struct session_run *run, json_t *record)
{
	json_t *preflight = json_array();

	for (size_t i = 0; i < run->repositories.count; i++)
		json_array_append(preflight, run->repositories.items[i].preflight);
	json_object_set_new(record, "preflight", json_pack("{s:o}", "repositories", preflight));
	json_object_set_new(record, "waitUntil", json_integer(run->wait_until_s));
}

static json_t *repository_record(const struct repository *r)
{
	json_t *one = json_object();

	if (r->phase == REPOSITORY_FAILED)
		json_object_set_new(one, "error",
		                    json_pack("{s:s, s:s, s:s}", "code", error_name(r->error.code), "message", r->error.message,
		                              "remediation", error_remediation(&r->error)));
	else
		json_object_set_new(one, "start", json_string(r->start_commit));
	if (r->mirror)
		json_object_set_new(one, "mirror", json_string(r->mirror));
	if (r->warnings)
		json_object_set(one, "warnings", r->warnings);
	return one;
}

static json_t *record_of(const struct session_run *run, bool waiting)
{
	json_t *repositories = json_object();

	for (size_t i = 0; i < run->repositories.count; i++) {
		const struct repository *r = &run->repositories.items[i];
		if (r->phase == REPOSITORY_PENDING || r->phase == REPOSITORY_CLONING) /* it joins, and has not started anywhere */
			continue;
		json_t *saved = json_object_get(json_object_get(run->record, "repositories"), r->name);
		if (r->blocking && saved) /* refused since: its clone may be asked for again */
			json_object_set(repositories, r->name, saved);
		else
			json_object_set_new(repositories, r->name, repository_record(r));
	}
	json_t *record = json_pack("{s:o, s:b, s:b, s:i}", "repositories", repositories, "waiting", waiting, "agentRan",
	                           run->status.agent_ran, "exitCode", run->status.agent_exit_code);
	if (run->status.agent_output)
		json_object_set_new(record, "output", json_string(run->status.agent_output));
	if (waiting)
		add_waiting(run, record);
	return record;
}

bool session_record_write(struct session_run *run, bool waiting, struct error *err)
{
	return workspace_write_record(&run->workspace, record_of(run, waiting), err);
}

bool session_record_update(struct session_run *run, struct error *err)
{
	json_t *record = workspace_read_record(&run->workspace);
	bool ok = !record || session_record_write(run, session_record_waits(record), err);

	json_decref(record);
	return ok;
}

bool session_record_waits(const json_t *record)
{
	return json_bool_or(record, "waiting", false);
}

bool session_record_has_preflight(const json_t *record)
{
	return json_is_object(json_object_get(record, "preflight"));
}

int64_t session_record_wait_until(const json_t *record, int64_t otherwise_s)
{
	return json_int_or(record, "waitUntil", otherwise_s);
}

bool session_record_has_started(const json_t *record, const char *repository)
{
	return json_string_or(json_object_get(json_object_get(record, "repositories"), repository), "start", NULL) != NULL;
}

bool session_record_take_preflight(struct session_run *run, struct error *err)
{
	const json_t *preflight = json_object_get(run->record, "preflight");

	return json_array_size(json_object_get(preflight, "repositories")) == 0 ||
	       repositories_from_preflight(preflight, &run->repositories, err);
}

static void take_repository(struct repository *r, const json_t *saved)
{
	const char *start = json_string_or(saved, "start", NULL);

	if (start && strlen(start) < COMMIT_SIZE) {
		snprintf(r->start_commit, sizeof(r->start_commit), "%s", start);
		set_string(&r->mirror, json_string_or(saved, "mirror", NULL));
		json_decref(r->warnings);
		r->warnings = json_incref(json_object_get(saved, "warnings"));
		r->phase = REPOSITORY_READY;
	} else {
		struct error failure = ERROR_INIT;
		error_from_json(json_object_get(saved, "error"), &failure);
		repository_fail(r, &failure);
	}
}

void session_record_take_repositories(struct session_run *run)
{
	const json_t *list = json_object_get(run->record, "repositories");

	for (size_t i = 0; i < run->repositories.count; i++) {
		struct repository *r = &run->repositories.items[i];
		const json_t *saved = json_object_get(list, r->name);
		/* Otherwise it has joined since, and is cloned at the next look; or it is refused by now. */
		if (saved && !r->blocking)
			take_repository(r, saved);
	}
}

void session_record_take_agent(struct session_run *run)
{
	run->status.agent_ran = json_bool_or(run->record, "agentRan", false);
	run->status.agent_exit_code = (int)json_int_or(run->record, "exitCode", 0);
	set_string(&run->status.agent_output, json_string_or(run->record, "output", NULL));
}
