#include "check_run.h"

#include "alloc.h"
#include "parallel.h"

#include <stdlib.h>
#include <string.h>

/* Repositories that are checked at once: each asks up to four questions at a time, and one instance answers them all. */
enum { REPORTS_WIDTH = 4 };

void check_report_release(struct check_report *report)
{
	if (!report)
		return;
	check_list_release(&report->checks);
	repo_url_release(&report->url);
	free(report->host);
	free(report->path);
	free(report->web_url);
	free(report->clone_url);
	free(report->api_url);
	credential_release(&report->credential);
	forge_project_release(&report->project);
	forge_account_release(&report->account);
	free(report->start_branch);
	*report = (struct check_report)CHECK_REPORT_INIT;
}

bool check_is_valid(const struct check_report *report)
{
	return report->failure.code == ERR_NONE;
}

bool check_blocks_clone(const struct check_report *report)
{
	return report->blocks_clone;
}

void check_fail(struct check_report *report, enum check_name check, const struct error *failure, enum check_weight weight)
{
	bool blocks = weight == CHECK_BLOCKS_CLONE;

	if (!check_list_fail(&report->checks, check, failure))
		return;
	if (report->failure.code == ERR_NONE || (blocks && !report->blocks_clone)) {
		report->failure = *failure;
		report->failed = check;
	}
	report->blocks_clone |= blocks;
}

void check_fail_network(struct check_report *report, const struct error *failure)
{
	enum check_name check = check_of_error(failure->code);

	/* A branch can be asked for without any right to push. */
	check_list_pass_network(&report->checks, check < CHECK_PUSH ? check : CHECK_PUSH, report->credential.instance.https);
	check_fail(report, check, failure, CHECK_BLOCKS_CLONE);
}

/* ---- reachable, tls, token, scopes, repository ---- */

struct question {
	struct check_run *run;
	bool answered;
	struct error failure;
};

static void ask_account(void *context)
{
	struct question *question = context;
	const struct forge_access *access = &question->run->access;

	question->answered = access->forge->account_get(access, &question->run->report->account, &question->failure);
}

static void ask_project(void *context)
{
	struct question *question = context;
	const struct forge_access *access = &question->run->access;
	struct check_report *report = question->run->report;

	question->answered =
	        access->forge->project_get(access, report->credential.path, 0, report->credential.connection.gitlab_user_id,
	                                   &report->project, &question->failure);
}

/* Where the project itself says that it is. */
static void take_places(struct check_report *report)
{
	const struct forge_project *project = &report->project;

	set_string(&report->path, project->path);
	set_string(&report->web_url, project->web_url);
	set_string(&report->clone_url, project->clone_url);
	set_string(&report->api_url, project->api_url);
}

/* An old path may be taken by somebody else's project at any time; what it led to before is the only thing that is trusted. */
static bool check_identity(struct check_run *run)
{
	struct check_report *report = run->report;
	struct error failure = ERROR_INIT;

	if (run->request->expected_id == 0 || run->request->expected_id == report->project.id)
		return true;
	error_set(&failure, ERR_REPO_IDENTITY_CHANGED,
	          "%s now belongs to a different project than the one configured. Confirm before it is used.",
	          report->project.path);
	check_fail(report, CHECK_REPOSITORY, &failure, CHECK_BLOCKS_CLONE);
	return false;
}

static bool ask_both(struct check_run *run)
{
	struct question project = {.run = run}, account = {.run = run, .answered = true};
	const struct parallel_job jobs[] = {{ask_project, &project}, {ask_account, &account}};
	const struct error *failure = NULL;

	parallel_run(jobs, run->request->want_account ? 2 : 1, 2);
	/* What is wrong with the token explains what is wrong with the project, not the other way round. */
	if (!account.answered)
		check_fail_network(run->report, failure = &account.failure);
	if (!project.answered) {
		check_fail_network(run->report, &project.failure);
		failure = failure ? failure : &project.failure;
	}
	credential_note_use(&run->service->credentials, &run->report->credential, failure);
	return !failure;
}

/* The scopes as far as the forge tells them; what it does not tell is left to the probes. */
static bool check_scopes(struct check_run *run)
{
	struct scope_verdict verdict = run->access.forge->judge_scopes(run->scopes);
	struct error failure = ERROR_INIT;

	if (verdict.known && (!verdict.can_read_api || !verdict.can_clone)) {
		error_set(&failure, ERR_TOKEN_SCOPE_MISSING,
		          "Insufficient permissions: The token cannot read repositories (scopes: %.200s).", run->scopes);
		check_fail(run->report, CHECK_SCOPES, &failure, CHECK_BLOCKS_CLONE);
		return false;
	}
	if (run->request->access == CHECK_ACCESS_WRITE && verdict.known && !verdict.can_push) {
		error_set(&failure, ERR_TOKEN_SCOPE_MISSING,
		          "Insufficient permissions: The token can read but not push (scopes: %.200s). Add %s.", run->scopes,
		          run->report->provider == PROVIDER_GITHUB ? "'repo'" : "'write_repository' or 'api'");
		check_fail(run->report, CHECK_SCOPES, &failure, CHECK_BLOCKS_PUSH);
	}
	check_list_pass(&run->report->checks, CHECK_SCOPES);
	return true;
}

bool check_project(struct check_run *run)
{
	struct check_report *report = run->report;

	if (!ask_both(run))
		return false;
	take_places(report);
	run->scopes = run->request->want_account ? report->account.scopes : report->credential.connection.scopes;
	check_list_pass_network(&report->checks, CHECK_SCOPES, report->credential.instance.https);
	if (!check_scopes(run) || !check_identity(run))
		return false;
	check_list_pass(&report->checks, CHECK_REPOSITORY);
	if (report->project.moved)
		check_list_note(&report->checks, CHECK_REPOSITORY, NOTE_REPO_MOVED, "%s moved to %s.", report->credential.path,
		                report->project.path);
	return true;
}

/* ---- Reports ---- */

bool check_repository(struct check_service *s, const struct check_request *request, struct check_report *ret, struct error *err)
{
	struct check_run run = {.service = s, .request = request, .report = ret};
	struct error failure = ERROR_INIT;

	*ret = (struct check_report)CHECK_REPORT_INIT;
	if (!s->credentials.accounts->client)
		return error_set(err, ERR_INTERNAL, "This process makes no calls to GitLab.");
	if (!check_binding(&run, &failure)) {
		if (failure.code != ERR_NONE && err)
			*err = failure;
		return failure.code == ERR_NONE;
	}
	if (check_project(&run))
		check_access(&run);
	secret_release(&ret->credential.token);
	return true;
}

struct report_job {
	struct check_service *service;
	const struct check_request *request;
	struct check_report *report;
	bool judged;
	struct error failure;
};

static void run_report_job(void *context)
{
	struct report_job *job = context;

	job->judged = check_repository(job->service, job->request, job->report, &job->failure);
}

bool check_repositories(struct check_service *s, const struct check_request *requests, struct check_report *ret_reports,
                        size_t count, struct error *err)
{
	CLEANUP(freep) struct report_job *jobs = xcalloc(count ? count : 1, sizeof(*jobs));
	CLEANUP(freep) struct parallel_job *queue = xcalloc(count ? count : 1, sizeof(*queue));
	bool judged = true;

	for (size_t i = 0; i < count; i++) {
		jobs[i] = (struct report_job){.service = s, .request = &requests[i], .report = &ret_reports[i]};
		queue[i] = (struct parallel_job){.run = run_report_job, .context = &jobs[i]};
	}
	parallel_run(queue, count, REPORTS_WIDTH);
	for (size_t i = 0; i < count; i++) {
		if (!jobs[i].judged && judged && err)
			*err = jobs[i].failure;
		judged &= jobs[i].judged;
	}
	return judged;
}

/* ---- Opening for a look ---- */

void check_opened_release(struct check_opened *opened)
{
	credential_release(&opened->credential);
	forge_project_release(&opened->project);
	forge_ref_release(&opened->pasted);
}

bool check_open(struct check_service *s, const struct check_request *request, struct check_opened *ret, struct error *err)
{
	CLEANUP(check_report_release) struct check_report report = CHECK_REPORT_INIT;
	CLEANUP(check_opened_release) struct check_opened opened = CHECK_OPENED_INIT;
	struct check_run run = {.service = s, .request = request, .report = &report};
	struct error failure = ERROR_INIT;

	if (!check_binding(&run, &failure) || !check_project(&run)) {
		if (err)
			*err = failure.code != ERR_NONE ? failure : report.failure;
		return false;
	}
	if (report.url.ref && !run.access.forge->find_ref(&run.access, &report.project, report.url.ref, &opened.pasted, err))
		return false;
	opened.credential = report.credential;
	report.credential = (struct credential)CREDENTIAL_INIT;
	opened.project = report.project;
	report.project = (struct forge_project)FORGE_PROJECT_INIT;
	*ret = opened;
	opened = (struct check_opened)CHECK_OPENED_INIT;
	return true;
}
