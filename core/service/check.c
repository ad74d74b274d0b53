#include "check_report.h"

#include "alloc.h"
#include "branch_name.h"
#include "parallel.h"

#include <stdlib.h>
#include <string.h>

enum { LEVEL_REPORTER = 20, LEVEL_DEVELOPER = 30 };

/* One run of the checks: what came in, what is known so far, and the report that is being written. */
struct run {
	struct account_service *service;
	const struct check_request *request;
	struct check_report *report;
	struct repo_url url;
	char *host; /* as shown: with its port where that is not the default */
	char *path;
	struct seal_payload opened;
	struct gitlab_access access;
	const char *scopes; /* borrowed: the fresh ones where they were asked for, else those of the connection */
};

static void run_release(struct run *run)
{
	repo_url_release(&run->url);
	free(run->host);
	free(run->path);
	seal_payload_release(&run->opened);
}

/* ---- address, provider, connection: nothing leaves the process ---- */

const struct connection *check_choose_connection(const struct connection_list *connections, const struct repo_url *url,
						 struct instance_url *ret_instance, char **ret_path)
{
	const struct connection *best = NULL;

	for (size_t i = 0; i < connections->count; i++) {
		CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;
		CLEANUP(freep) char *path = NULL;

		if (!instance_url_parse(connections->items[i].instance_url, &instance, NULL) || !repo_url_is_on(url, &instance))
			continue;
		path = repo_url_project_path(url, &instance);
		/* The list is newest first, and of equals the newest stays. */
		if (!path || (best && strlen(instance.root) <= strlen(ret_instance->root)))
			continue;
		instance_url_release(ret_instance);
		*ret_instance = instance;
		instance = (struct instance_url)INSTANCE_URL_INIT;
		free(*ret_path);
		*ret_path = TAKE(path);
		best = &connections->items[i];
	}
	return best;
}

static bool check_address(struct run *run)
{
	struct error failure = ERROR_INIT;

	if (!repo_url_parse(run->request->url, &run->url, &failure)) {
		check_fail(run->report, CHECK_ADDRESS, &failure, CHECK_BLOCKS_CLONE);
		return false;
	}
	run->report->had_credentials = run->url.had_credentials;
	check_pass(run->report, CHECK_ADDRESS);
	return true;
}

/* Host and, where it is not the scheme's own, port of the address that was given. */
static char *address_authority(const struct repo_url *url)
{
	unsigned default_port = url->form == REPO_URL_HTTP ? 80 : 443;

	if (url->port == 0 || url->port == default_port)
		return xstrdup(url->host);
	return xasprintf(strchr(url->host, ':') ? "[%s]:%u" : "%s:%u", url->host, url->port);
}

static enum provider detect_provider(const struct run *run, bool connected)
{
	enum provider provider = PROVIDER_UNKNOWN;

	if (run->request->provider && run->request->provider[0] != '\0')
		return provider_parse(run->request->provider, &provider) ? provider : PROVIDER_UNKNOWN;
	return connected ? PROVIDER_GITLAB : provider_of_host(run->url.host);
}

static bool check_provider(struct run *run, bool connected)
{
	struct error failure = ERROR_INIT;
	const char *given = run->request->provider;

	run->report->provider = detect_provider(run, connected);
	if (run->report->provider != PROVIDER_UNKNOWN) {
		check_pass(run->report, CHECK_PROVIDER);
		return true;
	}
	if (given && given[0] != '\0')
		error_set(&failure, ERR_PROVIDER_UNKNOWN, "The provider '%.40s' is not known.", given);
	else
		error_set(&failure, ERR_PROVIDER_UNKNOWN, "It cannot be told from %s which kind of server it is.", run->host);
	check_fail(run->report, CHECK_PROVIDER, &failure, CHECK_BLOCKS_CLONE);
	return false;
}

static bool check_connected(struct run *run, const struct connection *connection)
{
	struct error failure = ERROR_INIT;

	if (run->report->provider == PROVIDER_GITHUB) {
		error_set(&failure, ERR_NOT_CONNECTED, "no GitHub credentials available. Accounts of %s cannot be connected yet.", run->host);
		error_remedy(&failure, "Use a repository on a connected GitLab instance.");
	} else if (!connection) {
		bool plain = run->url.form == REPO_URL_HTTP;

		error_set(&failure, ERR_NOT_CONNECTED,
			  "no GitLab credentials available. Connect GitLab on the Integrations page: there is no connection to %s%s.",
			  plain ? "http://" : "", run->host);
		error_remedy(&failure, "Connect %s on the Integrations page.", run->host);
	} else {
		connection_copy(&run->report->connection, connection);
		return true;
	}
	check_fail(run->report, CHECK_CONNECTION, &failure, CHECK_BLOCKS_CLONE);
	return false;
}

/* False with err set: the store failed. False without: the check did. */
static bool open_connection(struct run *run, struct error *err)
{
	const struct connection *connection = &run->report->connection;
	struct error failure = ERROR_INIT;
	const char *ca_file = NULL;

	instance_url_release(&run->report->instance);
	if (!account_instance(run->service, connection->instance_url, &run->report->instance, &ca_file, &failure) ||
	    !account_open(run->service, connection, &run->opened, &failure)) {
		bool store = failure.code == ERR_STORE_UNAVAILABLE || failure.code == ERR_STORE_NOT_READY ||
			     failure.code == ERR_SECRET_STORE_UNAVAILABLE || failure.code == ERR_INTERNAL;

		if (store && err)
			*err = failure;
		if (!store)
			check_fail(run->report, CHECK_CONNECTION, &failure, CHECK_BLOCKS_CLONE);
		return false;
	}
	check_pass(run->report, CHECK_CONNECTION);
	run->access = (struct gitlab_access){
		.client = run->service->client,
		.instance = &run->report->instance,
		.token = &run->opened.token,
		.ca_file = ca_file,
		.request_id = run->request->request_id,
	};
	return true;
}

/* ---- reachable, tls, token, scopes, repository ---- */

struct account_question {
	struct run *run;
	bool answered;
	struct error failure;
};

static void ask_account(void *context)
{
	struct account_question *question = context;

	question->answered = gitlab_account_get(&question->run->access, &question->run->report->account, &question->failure);
}

struct project_question {
	struct run *run;
	bool answered;
	struct error failure;
};

static void ask_project(void *context)
{
	struct project_question *question = context;
	struct run *run = question->run;

	question->answered = gitlab_project_get(&run->access, run->path, 0, run->report->connection.gitlab_user_id, &run->report->project,
						&question->failure);
}

static bool check_project(struct run *run)
{
	struct project_question project = { .run = run };
	struct account_question account = { .run = run, .answered = true };
	const struct parallel_job jobs[] = { { ask_project, &project }, { ask_account, &account } };

	parallel_run(jobs, run->request->want_account ? 2 : 1, 2);
	/* What is wrong with the token explains what is wrong with the project, not the other way round. */
	if (!account.answered)
		check_fail_network(run->report, &account.failure);
	if (!project.answered)
		check_fail_network(run->report, &project.failure);
	if (!account.answered || !project.answered) {
		account_note_use(run->service, &run->report->connection, account.answered ? &project.failure : &account.failure);
		return false;
	}
	account_note_use(run->service, &run->report->connection, NULL);
	check_pass_network(run->report, CHECK_SCOPES);
	check_pass(run->report, CHECK_REPOSITORY);
	run->scopes = run->request->want_account ? run->report->account.scopes : run->report->connection.scopes;
	return true;
}

/* The scopes as far as GitLab tells them; what it does not tell is left to the probes. */
static bool check_scopes(struct run *run)
{
	struct scope_verdict verdict = scope_judge(run->scopes);
	struct error failure = ERROR_INIT;

	if (verdict.known && (!verdict.can_read_api || !verdict.can_clone)) {
		error_set(&failure, ERR_TOKEN_SCOPE_MISSING, "Insufficient permissions: The token cannot read repositories (scopes: %.200s).",
			  run->scopes);
		check_fail(run->report, CHECK_SCOPES, &failure, CHECK_BLOCKS_CLONE);
		return false;
	}
	if (run->request->push_branch && verdict.known && !verdict.can_push) {
		error_set(&failure, ERR_TOKEN_SCOPE_MISSING,
			  "Insufficient permissions: The token can read but not push (scopes: %.200s). Add 'write_repository' or 'api'.",
			  run->scopes);
		check_fail(run->report, CHECK_SCOPES, &failure, CHECK_BLOCKS_PUSH);
	}
	check_pass(run->report, CHECK_SCOPES);
	return true;
}

/* ---- read, push, branch: asked at the same time, judged in order ---- */

struct branch_question {
	struct run *run;
	const char *name; /* NULL: not asked */
	bool answered;
	struct gitlab_branch branch;
	struct error failure;
};

static void ask_branch(void *context)
{
	struct branch_question *question = context;
	const struct run *run = question->run;
	const struct gitlab_project *project = &run->report->project;

	if (question->name)
		question->answered = gitlab_branch_get(&run->access, project->id, project->access_level,
						       run->report->connection.gitlab_user_id, question->name, &question->branch,
						       &question->failure);
}

struct push_question {
	struct run *run;
	bool asked, answered;
	struct error failure;
};

static void ask_push(void *context)
{
	struct push_question *question = context;

	if (question->asked)
		question->answered = gitlab_push_probe(&question->run->access, &question->run->report->project, &question->failure);
}

static void check_read(struct run *run, const struct branch_question *start)
{
	const struct gitlab_project *project = &run->report->project;
	struct error failure = ERROR_INIT;

	if (project->repository_disabled) {
		error_set(&failure, ERR_REPO_DISABLED, "The repository of %s is disabled.", project->path);
	} else if (project->access_level < LEVEL_REPORTER && start->name && !start->answered) {
		/* A guest, or a visitor of a public project: whether the code may be read shows in whether it could be. */
		if (check_of_error(start->failure.code) < CHECK_SCOPES) {
			check_fail(run->report, CHECK_READ, &start->failure, CHECK_BLOCKS_CLONE);
			return;
		}
		error_set(&failure, ERR_REPO_NO_READ, "Insufficient permissions: %s (%s) may not read the code of %s. Reporter or higher is needed.",
			  run->report->connection.username, gitlab_role_name(project->access_level), project->path);
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

static void check_push(struct run *run, const struct push_question *probe)
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

static bool judge_start_branch(struct run *run, const struct branch_question *start, struct error *failure)
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
			return error_set(failure, ERR_BRANCH_NOT_FOUND, "%s has no branch %s. Its default branch is %s.", project->path,
					 run->request->start_branch, project->default_branch);
	}
	run->report->start_branch = xstrdup(run->request->start_branch ? run->request->start_branch : project->default_branch);
	return true;
}

static bool judge_push_branch(struct run *run, const struct branch_question *push, struct error *failure)
{
	if (!push->name)
		return true;
	if (!push->answered) {
		*failure = push->failure;
		return false;
	}
	if (push->branch.state != GITLAB_BRANCH_PROTECTED)
		return true;
	return error_set(failure, ERR_BRANCH_PROTECTED,
			 "%s is protected on %s. Push to another branch and open a merge request, or ask a Maintainer.", push->name,
			 run->report->project.path);
}

static void check_branches(struct run *run, const struct branch_question *start, const struct branch_question *push)
{
	struct error failure = ERROR_INIT;

	if (judge_start_branch(run, start, &failure) && judge_push_branch(run, push, &failure))
		check_pass(run->report, CHECK_BRANCH);
	else
		check_fail(run->report, CHECK_BRANCH, &failure, CHECK_BLOCKS_CLONE);
}

/* A name that git would not accept is asked of nobody. */
static bool check_branch_names(struct run *run)
{
	struct error failure = ERROR_INIT;

	if ((run->request->start_branch && !branch_name_check(run->request->start_branch, &failure)) ||
	    (run->request->push_branch && !branch_name_check(run->request->push_branch, &failure))) {
		check_fail(run->report, CHECK_BRANCH, &failure, CHECK_BLOCKS_CLONE);
		return false;
	}
	return true;
}

static void check_access(struct run *run)
{
	const struct gitlab_project *project = &run->report->project;
	struct scope_verdict scopes = scope_judge(run->scopes);
	struct branch_question start = { .run = run }, push = { .run = run };
	struct push_question probe = { .run = run };
	bool names_ok = check_branch_names(run), has_code = !project->empty && project->default_branch && !project->repository_disabled;
	const struct parallel_job jobs[] = { { ask_branch, &start }, { ask_branch, &push }, { ask_push, &probe } };

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

bool check_repository(struct account_service *s, const struct check_request *request, struct check_report *ret, struct error *err)
{
	CLEANUP(run_release) struct run run = { .service = s, .request = request, .report = ret };
	CLEANUP(connection_list_release) struct connection_list connections = CONNECTION_LIST_INIT;
	const struct connection *connection;
	struct error failure = ERROR_INIT;

	*ret = (struct check_report)CHECK_REPORT_INIT;
	if (!s->client)
		return error_set(err, ERR_INTERNAL, "This process makes no calls to GitLab.");
	if (!check_address(&run))
		return true;
	if (!s->connections.ops->list(s->connections.state, request->user_id, &connections, err))
		return false;
	run.host = address_authority(&run.url);
	connection = check_choose_connection(&connections, &run.url, &ret->instance, &run.path);
	if (!check_provider(&run, connection != NULL) || !check_connected(&run, connection))
		return true;
	if (!open_connection(&run, &failure)) {
		if (failure.code == ERR_NONE)
			return true;
		if (err)
			*err = failure;
		return false;
	}
	if (check_project(&run) && check_scopes(&run))
		check_access(&run);
	return true;
}
