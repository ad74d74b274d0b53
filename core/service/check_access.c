/* The last checks, read, push and branch: asked at the same time, judged in order. */
#include "check_run.h"

#include "alloc.h"
#include "branch_name.h"
#include "parallel.h"

enum { LEVEL_REPORTER = 20, LEVEL_DEVELOPER = 30 };

struct branch_question {
	struct check_run *run;
	const char *name; /* NULL: not asked */
	bool answered;
	struct gitlab_branch branch;
	struct error failure;
};

static void ask_branch(void *context)
{
	struct branch_question *question = context;
	const struct check_run *run = question->run;
	const struct gitlab_project *project = &run->report->project;

	if (question->name)
		question->answered =
		        gitlab_branch_get(&run->access, project->id, project->access_level, run->report->connection.gitlab_user_id,
		                          question->name, &question->branch, &question->failure);
}

struct push_question {
	struct check_run *run;
	bool asked, answered;
	struct error failure;
};

static void ask_push(void *context)
{
	struct push_question *question = context;

	if (question->asked)
		question->answered = gitlab_push_probe(&question->run->access, &question->run->report->project, &question->failure);
}

static void refuse_reading(const struct check_run *run, struct error *failure)
{
	const struct gitlab_project *project = &run->report->project;

	error_set(failure, ERR_REPO_NO_READ,
	          "Insufficient permissions: %s (%s) may not read the code of %s. Reporter or higher is needed.",
	          run->report->connection.username, gitlab_role_name(project->access_level), project->path);
}

static void check_read(struct check_run *run, const struct branch_question *start)
{
	const struct gitlab_project *project = &run->report->project;
	struct error failure = ERROR_INIT;

	if (project->repository_disabled) {
		error_set(&failure, ERR_REPO_DISABLED, "The repository of %s is disabled.", project->path);
	} else if (!project->default_branch && !project->empty) {
		/* GitLab hides the default branch from those who may not read the code. */
		refuse_reading(run, &failure);
	} else if (project->access_level < LEVEL_REPORTER && start->name && !start->answered) {
		/* A guest, or a visitor of a public project: whether the code may be read shows in whether it could be. */
		if (check_of_error(start->failure.code) < CHECK_TOKEN || account_error_condemns_token(start->failure.code)) {
			check_fail(run->report, CHECK_READ, &start->failure, CHECK_BLOCKS_CLONE);
			return;
		}
		refuse_reading(run, &failure);
	} else {
		run->report->can_read = true;
		check_pass(run->report, CHECK_READ);
		return;
	}
	check_fail(run->report, CHECK_READ, &failure, CHECK_BLOCKS_CLONE);
}

/* Reasons that lie in the project itself. */
static bool project_refuses_push(const struct gitlab_project *project, struct error *failure)
{
	if (project->archived)
		error_set(failure, ERR_REPO_ARCHIVED, "%s is archived and read-only.", project->path);
	else if (project->deleting)
		error_set(failure, ERR_REPO_DELETING, "%s is marked for deletion and read-only.", project->path);
	else
		return false;
	return true;
}

static void check_push(struct check_run *run, const struct push_question *probe)
{
	const struct gitlab_project *project = &run->report->project;
	struct error failure = ERROR_INIT;
	bool refused = project_refuses_push(project, &failure);

	if (!refused && probe->asked && !probe->answered) {
		refused = true;
		failure = probe->failure;
		if (failure.code == ERR_REPO_NO_PUSH && project->access_level > 0)
			error_set(&failure, ERR_REPO_NO_PUSH,
			          "Insufficient permissions: %s is %s on %s; pushing needs Developer or higher.",
			          run->report->connection.username, gitlab_role_name(project->access_level), project->path);
	}
	if (refused) {
		check_fail(run->report, CHECK_PUSH, &failure, CHECK_BLOCKS_PUSH);
		return;
	}
	/* A token that lacks the scope was refused above; there is nothing left to find out. */
	if (run->report->states[CHECK_SCOPES] != CHECK_OK)
		return;
	run->report->can_push = true;
	check_pass(run->report, CHECK_PUSH);
}

static bool judge_start_branch(struct check_run *run, const struct branch_question *start, struct error *failure)
{
	const struct gitlab_project *project = &run->report->project;

	if (project->empty || !project->default_branch)
		return true; /* nothing to start from, and nothing missing: the first push creates the branch */
	if (run->request->start_branch) {
		if (!start->answered) {
			*failure = start->failure;
			return false;
		}
		if (start->branch.state == GITLAB_BRANCH_MISSING || start->branch.commit[0] == '\0')
			return error_set(failure, ERR_BRANCH_NOT_FOUND, "%s has no branch %s. Its default branch is %s.",
			                 project->path, run->request->start_branch, project->default_branch);
	}
	run->report->start_branch = xstrdup(run->request->start_branch ? run->request->start_branch : project->default_branch);
	return true;
}

static bool judge_push_branch(struct check_run *run, const struct branch_question *push, struct error *failure)
{
	if (!push->name)
		return true;
	if (!push->answered) {
		*failure = push->failure;
		return false;
	}
	/* Sessions never push to a protected branch, also where their owner may. */
	if (push->branch.state != GITLAB_BRANCH_PROTECTED && !push->branch.is_protected)
		return true;
	return error_set(failure, ERR_BRANCH_PROTECTED,
	                 "%s is protected on %s. Push to another branch and open a merge request, or ask a Maintainer.", push->name,
	                 run->report->project.path);
}

static void check_branches(struct check_run *run, const struct branch_question *start, const struct branch_question *push)
{
	struct error failure = ERROR_INIT;

	if (judge_start_branch(run, start, &failure) && judge_push_branch(run, push, &failure))
		check_pass(run->report, CHECK_BRANCH);
	else
		check_fail(run->report, CHECK_BRANCH, &failure, CHECK_BLOCKS_CLONE);
}

/* A name that git would not accept is asked of nobody. */
static bool check_branch_names(struct check_run *run)
{
	struct error failure = ERROR_INIT;

	if ((run->request->start_branch && !branch_name_check(run->request->start_branch, &failure)) ||
	    (run->request->push_branch && !branch_name_check(run->request->push_branch, &failure))) {
		check_fail(run->report, CHECK_BRANCH, &failure, CHECK_BLOCKS_CLONE);
		return false;
	}
	return true;
}

void check_access(struct check_run *run)
{
	const struct gitlab_project *project = &run->report->project;
	struct scope_verdict scopes = scope_judge(run->scopes);
	struct branch_question start = {.run = run}, push = {.run = run};
	struct push_question probe = {.run = run};
	bool names_ok = check_branch_names(run),
	     has_code = !project->empty && project->default_branch && !project->repository_disabled;
	const struct parallel_job jobs[] = {{ask_branch, &start}, {ask_branch, &push}, {ask_push, &probe}};

	if (has_code && names_ok && run->request->start_branch)
		start.name = run->request->start_branch;
	else if (has_code && project->access_level < LEVEL_REPORTER)
		start.name = project->default_branch;
	if (names_ok && !project->repository_disabled)
		push.name = run->request->push_branch;
	/* Levels and scopes are only a forecast: administrators push without a role, and old or fine-grained tokens do not tell. */
	probe.asked = run->request->push_branch && scopes.can_push && !project->archived && !project->deleting &&
	              !project->repository_disabled && (project->access_level < LEVEL_DEVELOPER || !scopes.known);
	parallel_run(jobs, ARRAY_SIZE(jobs), ARRAY_SIZE(jobs));
	check_read(run, &start);
	if (run->request->push_branch && run->report->can_read)
		check_push(run, &probe);
	if (names_ok && run->report->can_read)
		check_branches(run, &start, &push);
}
