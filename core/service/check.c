#include "check_run.h"

#include "alloc.h"
#include "clock.h"
#include "parallel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Repositories that are checked at once: each asks up to four questions at a time, and one instance answers them all. */
enum { REPORTS_WIDTH = 4 };

/* All reports of one answer together: less than the patience of nginx, whose client is gone after it. */
enum { REPORTS_MS = 90 * 1000 };

int64_t check_until_ms(void)
{
	return clock_monotonic_ms() + REPORTS_MS;
}

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

	/* An answer about the repository shows that the token is good, but not what it may do. */
	check_list_pass_network(&report->checks, check < CHECK_SCOPES ? check : CHECK_SCOPES, report->credential.instance.https);
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

/* The scopes as far as the forge tells them. What it does not tell is left to the probes, and until then not known. */
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
	if (verdict.known)
		check_list_pass(&run->report->checks, CHECK_SCOPES);
	return true;
}

bool check_project(struct check_run *run)
{
	struct check_report *report = run->report;

	bool answered = ask_both(run);
	/* Without an account's answer there is no fresh word on its scopes. */
	run->scopes = report->account.id ? report->account.scopes : report->credential.connection.scopes;
	if (!answered) {
		/* Scopes that hide a repository are a part of why it was not found. */
		if (report->failed > CHECK_SCOPES)
			(void)check_scopes(run);
		return false;
	}
	take_places(report);
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

/* Slow instances must not hold a process for as long as a list is long: what is left over is not asked about. */
static bool has_time(struct check_run *run)
{
	struct error failure = ERROR_INIT;

	if (clock_monotonic_ms() < run->until_ms)
		return true;
	error_set(&failure, ERR_INSTANCE_TIMEOUT, "%s was not asked about %s: the other repositories took too long.",
	          run->report->host, run->report->path);
	error_remedy(&failure, "Check this repository alone, or try again later.");
	check_fail(run->report, CHECK_REACHABLE, &failure, CHECK_BLOCKS_CLONE);
	return false;
}

/*
 * What the reports of one list tell each other. An instance that has limited or banned its caller, or does not know the token,
 * says the same of every further repository, and counts the questions.
 */
struct report_list {
	struct check_service *service;
	pthread_mutex_t lock;
	char *refusing; /* the instance, as it is bound to; NULL: none */
	enum credential_source source;
	int64_t installation_id;
	struct error failure;
};

static bool concerns_all(enum error_code code)
{
	return code == ERR_RATE_LIMITED || code == ERR_IP_BANNED || account_error_condemns_token(code);
}

static void tell_others(struct report_list *list, const struct check_report *report)
{
	if (!concerns_all(report->failure.code))
		return;
	pthread_mutex_lock(&list->lock);
	set_string(&list->refusing, report->credential.instance.text);
	list->source = report->credential.source;
	list->installation_id = report->credential.installation_id;
	list->failure = report->failure;
	pthread_mutex_unlock(&list->lock);
}

static bool was_refused(struct report_list *list, struct check_report *report)
{
	struct error failure = ERROR_INIT;

	pthread_mutex_lock(&list->lock);
	bool refused = list->refusing && list->source == report->credential.source &&
	               list->installation_id == report->credential.installation_id &&
	               strcmp(list->refusing, report->credential.instance.text) == 0;
	if (refused)
		failure = list->failure;
	pthread_mutex_unlock(&list->lock);
	if (refused)
		check_fail_network(report, &failure);
	return refused;
}

static void audit_report(const struct check_run *run, enum audit_action action)
{
	const struct check_report *report = run->report;

	credential_audit(&run->service->credentials, &report->credential,
	                 (struct audit_use){.action = action,
	                                    .user = run->request->user_id,
	                                    .repository = report->path,
	                                    .session = run->request->session,
	                                    .request_id = run->request->request_id,
	                                    .failure = report->failure.code == ERR_NONE ? NULL : &report->failure});
}

static bool make_report(struct report_list *list, const struct check_request *request, struct check_report *ret, struct error *err)
{
	struct check_service *s = list->service;
	struct check_run run = {.service = s, .request = request, .report = ret};
	struct error failure = ERROR_INIT;

	*ret = (struct check_report)CHECK_REPORT_INIT;
	if (!s->credentials.accounts->client)
		return error_set(err, ERR_INTERNAL, "This process makes no calls to GitLab.");
	run.until_ms = request->until_ms ? request->until_ms : check_until_ms();
	if (!check_binding(&run, &failure)) {
		if (failure.code != ERR_NONE && err)
			*err = failure;
		return failure.code == ERR_NONE;
	}
	if (has_time(&run) && !was_refused(list, ret) && check_project(&run))
		check_access(&run);
	tell_others(list, ret);
	audit_report(&run, AUDIT_CHECK_REPOSITORY);
	secret_release(&ret->credential.token);
	return true;
}

bool check_repository(struct check_service *s, const struct check_request *request, struct check_report *ret, struct error *err)
{
	struct report_list alone = {.service = s, .lock = PTHREAD_MUTEX_INITIALIZER};
	bool judged = make_report(&alone, request, ret, err);

	free(alone.refusing);
	return judged;
}

struct report_job {
	struct report_list *list;
	struct check_request request;
	struct check_report *report;
	bool judged;
	struct error failure;
};

static void run_report_job(void *context)
{
	struct report_job *job = context;

	job->judged = make_report(job->list, &job->request, job->report, &job->failure);
}

bool check_repositories(struct check_service *s, const struct check_request *requests, struct check_report *ret_reports,
                        size_t count, struct error *err)
{
	CLEANUP(freep) struct report_job *jobs = xcalloc(count ? count : 1, sizeof(*jobs));
	CLEANUP(freep) struct parallel_job *queue = xcalloc(count ? count : 1, sizeof(*queue));
	struct report_list list = {.service = s, .lock = PTHREAD_MUTEX_INITIALIZER};
	const int64_t until_ms = check_until_ms();
	bool judged = true;

	for (size_t i = 0; i < count; i++) {
		jobs[i] = (struct report_job){.list = &list, .request = requests[i], .report = &ret_reports[i]};
		if (jobs[i].request.until_ms == 0)
			jobs[i].request.until_ms = until_ms;
		queue[i] = (struct parallel_job){.run = run_report_job, .context = &jobs[i]};
	}
	parallel_run(queue, count, REPORTS_WIDTH);
	free(list.refusing);
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
}

bool check_open(struct check_service *s, const struct check_request *request, struct check_opened *ret, struct error *err)
{
	CLEANUP(check_report_release) struct check_report report = CHECK_REPORT_INIT;
	struct check_run run = {.service = s, .request = request, .report = &report};
	struct error failure = ERROR_INIT;

	run.until_ms = request->until_ms ? request->until_ms : check_until_ms();
	bool opened = check_binding(&run, &failure) && check_project(&run);
	audit_report(&run, AUDIT_BROWSE);
	if (!opened) {
		if (err)
			*err = failure.code != ERR_NONE ? failure : report.failure;
		return false;
	}
	*ret = (struct check_opened){.credential = report.credential, .project = report.project};
	report.credential = (struct credential)CREDENTIAL_INIT;
	report.project = (struct forge_project)FORGE_PROJECT_INIT;
	return true;
}
