/* What the forge's API says of a bound project, before git asks for it. */
#include "gate_private.h"

#include "parallel.h"

#include <string.h>

struct project_question {
	const struct forge_access *access;
	int64_t id;
	bool answered;
	struct forge_project project;
	struct error failure;
};

static void ask_project(void *context)
{
	struct project_question *q = context;

	q->answered = q->access->forge->project_get(q->access, NULL, q->id, NULL, &q->project, &q->failure);
}

struct branch_question {
	const struct forge_access *access;
	const struct forge_project *project;
	const char *name;
	bool answered;
	struct forge_branch branch;
	struct error failure;
};

static void ask_branch(void *context)
{
	struct branch_question *q = context;

	q->answered = q->access->forge->branch_get(q->access, q->project, NULL, q->name, &q->branch, &q->failure);
}

static bool other_project(const struct session_binding *binding, struct error *err)
{
	return error_set(err, ERR_REPO_IDENTITY_CHANGED, "%s now belongs to a different project than the one that was checked.",
	                 binding->project_path);
}

/* Gone by its id. Whatever stands under its path by now is another project, and looks to people like the one they meant. */
static void explain_missing(const struct forge_access *access, const struct session_binding *binding, struct error *failure)
{
	CLEANUP(forge_project_release) struct forge_project namesake = FORGE_PROJECT_INIT;

	if (access->forge->project_get(access, binding->project_path, 0, NULL, &namesake, failure) &&
	    namesake.id != binding->project_id)
		other_project(binding, failure);
}

static bool judge_project(const struct forge_project *project, const struct session_binding *binding, enum gate_use use,
                          struct error *err)
{
	if (project->id != binding->project_id)
		return other_project(binding, err);
	if (project->repository_disabled)
		return error_set(err, ERR_REPO_DISABLED, "The repository of %s is disabled.", project->path);
	if (use == GATE_FETCH)
		return true; /* what is closed to pushes can still be read */
	if (project->archived)
		return error_set(err, ERR_REPO_ARCHIVED, "%s is archived and read-only.", project->path);
	if (project->deleting)
		return error_set(err, ERR_REPO_DELETING, "%s is marked for deletion and read-only.", project->path);
	return true;
}

/* A branch that was open when the session began. Where the forge does not say, nothing is let through. */
static bool judge_branch(struct branch_question *q, const struct forge_project *project, const char *asked_path, struct error *err)
{
	/* Renamed meanwhile: not every forge answers to the old path. */
	if (strcmp(project->path, asked_path) != 0) {
		q->project = project;
		ask_branch(q);
	}
	if (!q->answered) {
		if (err)
			*err = q->failure;
		return false;
	}
	return check_push_branch(&q->branch, q->access->forge->provider, q->name, project->path, err);
}

bool gate_confirm(struct gate_service *s, const struct session_binding *binding, const struct credential *credential,
                  enum gate_use use, const char *request_id, struct forge_project *ret, struct error *err)
{
	const struct forge_access access = credential_access(&s->checks->credentials, credential, request_id);
	const struct forge_project bound = {.id = binding->project_id, .path = binding->project_path};
	struct project_question project = {.access = &access, .id = binding->project_id};
	struct branch_question branch = {.access = &access, .project = &bound, .name = binding->push_branch};
	const struct parallel_job jobs[] = {{ask_project, &project}, {ask_branch, &branch}};
	const bool pushes = gate_use_pushes(use);

	/* At once: a push waits for one round trip, as it did for the project alone. */
	parallel_run(jobs, pushes ? 2 : 1, 2);
	if (!project.answered) {
		credential_note_use(&s->checks->credentials, credential, &project.failure);
		if (project.failure.code == ERR_REPO_NOT_FOUND)
			explain_missing(&access, binding, &project.failure);
		if (err)
			*err = project.failure;
		return false;
	}
	*ret = project.project;
	return judge_project(ret, binding, use, err) && (!pushes || judge_branch(&branch, ret, binding->project_path, err));
}
