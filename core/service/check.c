#include "check_run.h"

#include "alloc.h"
#include "parallel.h"

#include <stdlib.h>
#include <string.h>

static void run_release(struct check_run *run)
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

static bool check_address(struct check_run *run)
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

static enum provider detect_provider(const struct check_run *run, bool connected)
{
	enum provider provider = PROVIDER_UNKNOWN;

	if (run->request->provider && run->request->provider[0] != '\0')
		return provider_parse(run->request->provider, &provider) ? provider : PROVIDER_UNKNOWN;
	return connected ? PROVIDER_GITLAB : provider_of_host(run->url.host);
}

static bool check_provider(struct check_run *run, bool connected)
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

static bool check_connected(struct check_run *run, const struct connection *connection)
{
	struct error failure = ERROR_INIT;

	if (run->report->provider == PROVIDER_GITHUB) {
		error_set(&failure, ERR_NOT_CONNECTED, "no GitHub credentials available. Accounts of %s cannot be connected yet.",
		          run->host);
		error_remedy(&failure, "Use a repository on a connected GitLab instance.");
	} else if (!connection) {
		bool plain = run->url.form == REPO_URL_HTTP;

		error_set(
		        &failure, ERR_NOT_CONNECTED,
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
static bool open_connection(struct check_run *run, struct error *err)
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
	struct check_run *run;
	bool answered;
	struct error failure;
};

static void ask_account(void *context)
{
	struct account_question *question = context;

	question->answered = gitlab_account_get(&question->run->access, &question->run->report->account, &question->failure);
}

struct project_question {
	struct check_run *run;
	bool answered;
	struct error failure;
};

static void ask_project(void *context)
{
	struct project_question *question = context;
	struct check_run *run = question->run;

	question->answered = gitlab_project_get(&run->access, run->path, 0, run->report->connection.gitlab_user_id,
	                                        &run->report->project, &question->failure);
}

static bool check_project(struct check_run *run)
{
	struct project_question project = {.run = run};
	struct account_question account = {.run = run, .answered = true};
	const struct parallel_job jobs[] = {{ask_project, &project}, {ask_account, &account}};

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
static bool check_scopes(struct check_run *run)
{
	struct scope_verdict verdict = scope_judge(run->scopes);
	struct error failure = ERROR_INIT;

	if (verdict.known && (!verdict.can_read_api || !verdict.can_clone)) {
		error_set(&failure, ERR_TOKEN_SCOPE_MISSING,
		          "Insufficient permissions: The token cannot read repositories (scopes: %.200s).", run->scopes);
		check_fail(run->report, CHECK_SCOPES, &failure, CHECK_BLOCKS_CLONE);
		return false;
	}
	if (run->request->push_branch && verdict.known && !verdict.can_push) {
		error_set(&failure, ERR_TOKEN_SCOPE_MISSING,
		          "Insufficient permissions: The token can read but not push (scopes: %.200s). Add 'write_repository' or "
		          "'api'.",
		          run->scopes);
		check_fail(run->report, CHECK_SCOPES, &failure, CHECK_BLOCKS_PUSH);
	}
	check_pass(run->report, CHECK_SCOPES);
	return true;
}

bool check_repository(struct account_service *s, const struct check_request *request, struct check_report *ret, struct error *err)
{
	CLEANUP(run_release) struct check_run run = {.service = s, .request = request, .report = ret};
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
