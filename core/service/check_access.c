/* The last checks, read, push and branch: asked at the same time, judged in order. */
#include "check_run.h"

#include "alloc.h"
#include "branch_name.h"
#include "encoding.h"
#include "parallel.h"

#include <string.h>

enum { LEVEL_REPORTER = 20, LEVEL_DEVELOPER = 30 };
enum { SHOWN_MAX = 200 /* bytes of what somebody pasted, in a message */ };

struct branch_question {
	struct check_run *run;
	const char *name; /* NULL: not asked */
	bool answered;
	struct forge_branch branch;
	struct error failure;
};

static void ask_branch(void *context)
{
	struct branch_question *question = context;
	const struct check_run *run = question->run;
	const struct check_report *report = run->report;

	if (question->name)
		question->answered =
		        run->access.forge->branch_get(&run->access, &report->project, report->credential.connection.gitlab_user_id,
		                                      question->name, &question->branch, &question->failure);
}

struct probe_question {
	struct check_run *run;
	enum git_service service;
	bool asked, answered;
	struct error failure;
};

static void ask_probe(void *context)
{
	struct probe_question *question = context;
	const struct forge_access *access = &question->run->access;

	if (question->asked)
		question->answered =
		        access->forge->git_probe(access, &question->run->report->project, question->service, &question->failure);
}

struct pasted_question {
	struct check_run *run;
	bool asked, answered;
	struct forge_ref ref;
	struct error failure;
};

static void ask_pasted(void *context)
{
	struct pasted_question *question = context;
	const struct check_report *report = question->run->report;
	const struct forge_access *access = &question->run->access;

	if (question->asked)
		question->answered =
		        access->forge->find_ref(access, &report->project, report->url.ref, &question->ref, &question->failure);
}

/* What has to be found out, all at once. */
struct questions {
	struct branch_question start, push;
	struct probe_question fetch_probe, push_probe;
	struct pasted_question pasted;
};

static void questions_release(struct questions *questions)
{
	forge_ref_release(&questions->pasted.ref);
}

/* ---- read ---- */

static const char *role_for(const struct check_run *run, int level)
{
	bool github = run->report->provider == PROVIDER_GITHUB;

	if (level >= LEVEL_DEVELOPER)
		return github ? "Write" : "Developer";
	return github ? "Read" : "Reporter";
}

static const char *role_of(const struct forge_project *project)
{
	return project->role ? project->role : "No role";
}

static void remedy_role(const struct check_run *run, int level, struct error *failure)
{
	error_remedy(failure, "Ask %s for the %s role or higher.",
	             run->report->provider == PROVIDER_GITHUB ? "an administrator of the repository"
	                                                      : "a maintainer of the project",
	             role_for(run, level));
}

static void refuse_reading(const struct check_run *run, struct error *failure)
{
	const struct forge_project *project = &run->report->project;

	error_set(failure, ERR_REPO_NO_READ,
	          "Insufficient permissions: %s (%s) may not read the code of %s. %s or higher is needed.",
	          credential_actor(&run->report->credential), role_of(project), project->path, role_for(run, LEVEL_REPORTER));
	remedy_role(run, LEVEL_REPORTER, failure);
}

static void check_read(struct check_run *run, const struct probe_question *probe)
{
	const struct forge_project *project = &run->report->project;
	struct error failure = ERROR_INIT;

	if (project->repository_disabled) {
		error_set(&failure, ERR_REPO_DISABLED, "The repository of %s is disabled.", project->path);
	} else if (project->importing) {
		error_set(&failure, ERR_REPO_DISABLED, "%s is still being imported.", project->path);
		error_remedy(&failure, "Try again when the import has ended.");
	} else if (!project->default_branch && !project->empty) {
		/* GitLab hides the default branch from those who may not read the code. */
		refuse_reading(run, &failure);
	} else if (probe->asked && !probe->answered) {
		failure = probe->failure;
		if (failure.code == ERR_REPO_NO_READ && project->role)
			refuse_reading(run, &failure);
	} else {
		run->report->can_read = true;
		check_list_pass(&run->report->checks, CHECK_READ);
		return;
	}
	check_fail(run->report, CHECK_READ, &failure, CHECK_BLOCKS_CLONE);
}

/* ---- push ---- */

/* Reasons that lie in the project itself. */
static bool project_refuses_push(const struct forge_project *project, struct error *failure)
{
	if (project->archived)
		error_set(failure, ERR_REPO_ARCHIVED, "%s is archived and read-only.", project->path);
	else if (project->deleting)
		error_set(failure, ERR_REPO_DELETING, "%s is marked for deletion and read-only.", project->path);
	else
		return false;
	return true;
}

static void check_push(struct check_run *run, const struct probe_question *probe)
{
	struct check_report *report = run->report;
	const struct forge_project *project = &report->project;
	struct error failure = ERROR_INIT;
	bool refused = project_refuses_push(project, &failure);

	if (!refused && probe->asked && !probe->answered) {
		refused = true;
		failure = probe->failure;
		if (failure.code == ERR_REPO_NO_PUSH && project->access_level > 0)
			error_set(&failure, ERR_REPO_NO_PUSH,
			          "Insufficient permissions: %s is %s on %s; pushing needs %s or higher.",
			          credential_actor(&report->credential), role_of(project), project->path,
			          role_for(run, LEVEL_DEVELOPER));
		if (failure.code == ERR_REPO_NO_PUSH)
			remedy_role(run, LEVEL_DEVELOPER, &failure);
	}
	if (refused) {
		check_fail(report, CHECK_PUSH, &failure, CHECK_BLOCKS_PUSH);
		return;
	}
	/* A token that lacks the scope was refused above; there is nothing left to find out. */
	if (report->checks.states[CHECK_SCOPES] == CHECK_FAILED)
		return;
	report->can_push = true;
	check_list_pass(&report->checks, CHECK_PUSH);
	if (project->mirror)
		check_list_note(&report->checks, CHECK_PUSH, NOTE_REPO_MIRROR,
		                "%s mirrors another repository: what is pushed to it may be overwritten.", project->path);
}

/* ---- branch ---- */

/* Where a session starts: the asked branch, the one of the pasted page, else the default one. */
static bool judge_start(struct check_run *run, const struct questions *asked, struct error *failure)
{
	const struct forge_project *project = &run->report->project;
	const char *start = run->request->start_branch;

	if (project->empty || !project->default_branch)
		return true; /* nothing to start from, and nothing missing: the first push creates the branch */
	if (start && !asked->start.answered) {
		*failure = asked->start.failure;
		return false;
	}
	if (start && asked->start.branch.commit[0] == '\0')
		return error_set(failure, ERR_BRANCH_NOT_FOUND, "%s has no branch %s. Its default branch is %s.", project->path,
		                 start, project->default_branch);
	if (asked->pasted.asked && !asked->pasted.answered) {
		*failure = asked->pasted.failure;
		return false;
	}
	if (!start && asked->pasted.ref.name && !asked->pasted.ref.is_tag)
		start = asked->pasted.ref.name;
	if (!start)
		start = project->default_branch;
	/* The server's word goes into git's commands as the user's does. */
	if (!branch_name_check(start, failure))
		return false;
	run->report->start_branch = xstrdup(start);
	return true;
}

bool check_push_branch(const struct forge_branch *branch, enum provider provider, const char *name, const char *project_path,
                       struct error *err)
{
	/* Sessions never push to a protected branch, also where their owner may. */
	if (branch->state != FORGE_BRANCH_PROTECTED && !branch->is_protected)
		return true;
	if (provider != PROVIDER_GITHUB)
		return error_set(err, ERR_BRANCH_PROTECTED,
		                 "%s is protected on %s. Push to another branch and open a merge request, or ask a Maintainer.",
		                 name, project_path);
	error_set(err, ERR_BRANCH_PROTECTED, "%s is protected on %s. Push to another branch and open a pull request.", name,
	          project_path);
	return error_remedy(err, "Push to another branch and open a pull request, or ask an administrator of the repository.");
}

static bool judge_push(struct check_run *run, const struct branch_question *push, struct error *failure)
{
	if (!push->name)
		return true;
	if (!push->answered) {
		*failure = push->failure;
		return false;
	}
	return check_push_branch(&push->branch, run->report->provider, push->name, run->report->project.path, failure);
}

static void note_branch(struct check_run *run, const struct questions *asked)
{
	const struct forge_project *project = &run->report->project;
	const struct forge_ref *pasted = &asked->pasted.ref;
	const char *push = asked->push.name, *ref = run->report->url.ref;
	struct check_list *checks = &run->report->checks;

	if (project->empty && push)
		check_list_note(checks, CHECK_BRANCH, NOTE_REPO_EMPTY, "%s is empty; the first push will create %s.", project->path,
		                push);
	else if (project->empty)
		check_list_note(checks, CHECK_BRANCH, NOTE_REPO_EMPTY, "%s is empty; the first push will create its first branch.",
		                project->path);
	else if (pasted->name && pasted->is_tag)
		check_list_note(checks, CHECK_BRANCH, NOTE_REF_IS_TAG, "%s is a tag; a session starts from the branch %s.",
		                pasted->name, run->report->start_branch);
	else if (asked->pasted.asked && !pasted->name)
		check_list_note(checks, CHECK_BRANCH, NOTE_ADDRESS_CORRECTED,
		                "The address shows %.*s, which begins with no branch or tag; a session starts from the branch %s.",
		                (int)utf8_cut(ref, strlen(ref), SHOWN_MAX), ref, run->report->start_branch);
	else if (push && asked->push.branch.state == FORGE_BRANCH_UNKNOWN)
		check_list_note(checks, CHECK_BRANCH, NOTE_RULES_UNKNOWN,
		                "%s does not show its rules for branches; whether %s may be created shows when it is pushed.",
		                run->report->host, push);
	else if (push && asked->push.branch.commit[0] == '\0')
		check_list_note(checks, CHECK_BRANCH, NOTE_BRANCH_NEW, "%s does not exist yet; the push will create it.", push);
	else if (push && run->report->start_branch && strcmp(push, run->report->start_branch) != 0)
		check_list_note(checks, CHECK_BRANCH, NOTE_BRANCH_EXISTS,
		                "%s exists: what starts from %s can be pushed to it only where it has all that is on it.", push,
		                run->report->start_branch);
}

static void check_branches(struct check_run *run, const struct questions *asked)
{
	struct error failure = ERROR_INIT;

	if (!judge_start(run, asked, &failure) || !judge_push(run, &asked->push, &failure)) {
		check_fail(run->report, CHECK_BRANCH, &failure, CHECK_BLOCKS_CLONE);
		return;
	}
	check_list_pass(&run->report->checks, CHECK_BRANCH);
	note_branch(run, asked);
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

/* ---- all of them ---- */

static void choose_questions(struct check_run *run, bool names_ok, struct questions *ret)
{
	const struct check_request *request = run->request;
	const struct forge_project *project = &run->report->project;
	bool closed = project->repository_disabled || project->importing;
	bool has_code = !project->empty && project->default_branch && !closed;
	bool writes = request->access == CHECK_ACCESS_WRITE;

	*ret = (struct questions){.start = {.run = run},
	                          .push = {.run = run},
	                          .fetch_probe = {.run = run, .service = GIT_UPLOAD_PACK},
	                          .push_probe = {.run = run, .service = GIT_RECEIVE_PACK},
	                          .pasted = {.run = run}};
	if (has_code && names_ok)
		ret->start.name = request->start_branch;
	if (names_ok && !closed && writes)
		ret->push.name = request->push_branch;
	ret->pasted.asked = has_code && !request->start_branch && run->report->url.ref;
	/*
	 * Levels and scopes are a forecast: administrators push without a role, fine-grained tokens do not tell, and git over HTTP
	 * can be switched off, redirected or behind a single sign-on of its own. Where the token says no, git is not asked.
	 */
	ret->fetch_probe.asked = !closed;
	ret->push_probe.asked = writes && !closed && !project->archived && !project->deleting &&
	                        run->access.forge->judge_scopes(run->scopes).can_push;
}

void check_access(struct check_run *run)
{
	CLEANUP(questions_release) struct questions asked;
	bool names_ok = check_branch_names(run);

	choose_questions(run, names_ok, &asked);
	const struct parallel_job jobs[] = {{ask_branch, &asked.start},
	                                    {ask_branch, &asked.push},
	                                    {ask_probe, &asked.fetch_probe},
	                                    {ask_probe, &asked.push_probe},
	                                    {ask_pasted, &asked.pasted}};
	parallel_run(jobs, ARRAY_SIZE(jobs), ARRAY_SIZE(jobs));
	check_read(run, &asked.fetch_probe);
	if (run->request->access == CHECK_ACCESS_WRITE && run->report->can_read)
		check_push(run, &asked.push_probe);
	/* Scopes that the forge does not tell are enough where git served all that was wanted. */
	if (run->report->can_read && (run->report->can_push || run->request->access == CHECK_ACCESS_READ))
		check_list_pass(&run->report->checks, CHECK_SCOPES);
	if (names_ok && run->report->can_read)
		check_branches(run, &asked);
}
