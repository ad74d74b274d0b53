#include "gate_service.h"

#include "alloc.h"
#include "clock.h"
#include "parallel.h"
#include "redact.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
	CREDENTIAL_HASH_BYTES = 32,
	/* Repositories that are checked at once: each asks up to three questions at a time, and one instance answers them all. */
	PREFLIGHT_WIDTH = 4,
};

void gate_credential_hash(const struct secret *credential, char ret_hex[GATE_HASH_SIZE])
{
	unsigned char hash[CREDENTIAL_HASH_BYTES];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)secret_bytes(credential), credential->length, NULL, 0);
	sodium_bin2hex(ret_hex, GATE_HASH_SIZE, hash, sizeof(hash));
}

bool gate_session(struct gate_service *s, const char *session_id, const struct secret *credential, struct session_row *ret,
                  struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	char hash[GATE_HASH_SIZE];

	gate_credential_hash(credential, hash);
	if (!s->sessions.ops->find_by_gate(s->sessions.state, session_id, hash, &row, err))
		return false;
	if (session_phase_is_final(row.phase) || row.stop_requested)
		return error_set(err, ERR_GIT_CREDENTIAL, "Authentication failed: the session has ended.");
	*ret = row;
	row = (struct session_row)SESSION_ROW_INIT;
	return true;
}

/* ---- Pre-flight ---- */

struct preflight_job {
	struct account_service *accounts;
	struct check_request request;
	struct check_report *report;
	bool judged;
	struct error failure;
};

static void run_preflight_job(void *context)
{
	struct preflight_job *job = context;

	job->judged = check_repository(job->accounts, &job->request, job->report, &job->failure);
}

static bool check_all(struct gate_service *s, const struct session_row *session, const struct session_spec *spec,
                      const char *request_id, struct check_report *reports, struct error *err)
{
	CLEANUP(freep) struct preflight_job *jobs = xcalloc(spec->repository_count, sizeof(*jobs));
	CLEANUP(freep) struct parallel_job *queue = xcalloc(spec->repository_count, sizeof(*queue));

	for (size_t i = 0; i < spec->repository_count; i++) {
		const struct session_repository *repository = &spec->repositories[i];

		jobs[i] = (struct preflight_job){
		        .accounts = s->accounts,
		        .request = {.user_id = session->owner,
		                    .url = repository->url,
		                    .provider = repository->provider,
		                    .start_branch = repository->start_branch,
		                    .push_branch = repository->push_branch,
		                    .want_account = true,
		                    .request_id = request_id},
		        .report = &reports[i],
		};
		queue[i] = (struct parallel_job){.run = run_preflight_job, .context = &jobs[i]};
	}
	parallel_run(queue, spec->repository_count, PREFLIGHT_WIDTH);
	for (size_t i = 0; i < spec->repository_count; i++) {
		if (!jobs[i].judged) {
			if (err)
				*err = jobs[i].failure;
			return false;
		}
	}
	return true;
}

static void release_bindings(struct session_binding *bindings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		session_binding_release(&bindings[i]);
	free(bindings);
}

/* A repository that did not pass gets no binding, and so no way through the gate. */
static bool bind_all(struct gate_service *s, const struct session_row *session, const struct session_spec *spec,
                     const struct check_report *reports, struct error *err)
{
	struct session_binding *bindings = xcalloc(spec->repository_count, sizeof(*bindings));
	size_t count = 0;
	bool bound;

	for (size_t i = 0; i < spec->repository_count; i++) {
		const struct check_report *report = &reports[i];

		if (check_blocks_clone(report))
			continue;
		bindings[count++] = (struct session_binding){
		        .repository = xstrdup(spec->repositories[i].name),
		        .record_key = xstrdup(report->connection.key),
		        .instance_url = xstrdup(report->instance.text),
		        .project_path = xstrdup(report->project.path),
		        .project_id = report->project.id,
		        .push_branch = xstrdup(spec->repositories[i].push_branch),
		};
	}
	bound = s->sessions.ops->bind(s->sessions.state, session->id, bindings, count, err);
	release_bindings(bindings, count);
	return bound;
}

bool gate_preflight(struct gate_service *s, const struct session_row *session, const struct session_spec *spec,
                    const char *request_id, struct check_report **ret_reports, struct error *err)
{
	struct check_report *reports;

	if (spec->repository_count == 0)
		return error_set(err, ERR_SESSION_NO_REPOSITORY, "The session names no repository.");
	reports = xcalloc(spec->repository_count, sizeof(*reports));
	if (check_all(s, session, spec, request_id, reports, err) && bind_all(s, session, spec, reports, err)) {
		*ret_reports = reports;
		return true;
	}
	for (size_t i = 0; i < spec->repository_count; i++)
		check_report_release(&reports[i]);
	free(reports);
	return false;
}

/* ---- Routes ---- */

void gate_route_release(struct gate_route *route)
{
	if (!route)
		return;
	free(route->url_base);
	secret_release(&route->token);
	free(route->push_branch);
	free(route->host);
	free(route->username);
	free(route->project_path);
	free(route->record_key);
	free(route->ca_file);
	*route = (struct gate_route)GATE_ROUTE_INIT;
}

static bool find_binding(struct gate_service *s, const struct session_row *session, const char *repository,
                         struct session_binding *ret, struct error *err)
{
	bool found = false;

	if (!s->sessions.ops->binding(s->sessions.state, session->id, repository, ret, &found, err))
		return false;
	if (!found)
		return error_set(err, ERR_GIT_CREDENTIAL, "%.100s is not a repository of this session.", repository);
	return true;
}

static bool find_connection(struct gate_service *s, const struct session_row *session, const struct session_binding *binding,
                            struct connection *ret, struct error *err)
{
	const struct connection_store *store = &s->accounts->connections;
	bool found = false;

	if (!store->ops->find(store->state, binding->record_key, ret, &found, err))
		return false;
	if (!found)
		return error_set(err, ERR_NOT_CONNECTED,
		                 "no GitLab credentials available. Connect GitLab on the Integrations page: there is no connection "
		                 "to %s any more.",
		                 binding->instance_url);
	/* A session uses its owner's tokens and nobody else's, for the instance it was checked with: whatever the database says. */
	if (strcmp(ret->user_id, session->owner) != 0 || strcmp(ret->instance_url, binding->instance_url) != 0) {
		error_set(err, ERR_GIT_CREDENTIAL, "The connection of this repository does not belong to the session's owner.");
		return error_detail(err, "binding of session %s names record %s", session->id, binding->record_key);
	}
	return true;
}

/* By its id, so that another project under the same path gets nothing; and before git asks, since receive-pack creates what is
 * missing. */
static bool confirm_project(struct gate_service *s, const struct session_binding *binding, const struct connection *connection,
                            const struct gitlab_access *access, struct gitlab_project *ret, struct error *err)
{
	struct error failure = ERROR_INIT;

	if (!gitlab_project_get(access, NULL, binding->project_id, NULL, ret, &failure)) {
		account_note_use(s->accounts, connection, &failure);
		if (err)
			*err = failure;
		return false;
	}
	if (ret->id != binding->project_id)
		return error_set(err, ERR_REPO_IDENTITY_CHANGED,
		                 "%s now belongs to a different project than the one that was checked.", binding->project_path);
	if (ret->archived)
		return error_set(err, ERR_REPO_ARCHIVED, "%s is archived and read-only.", ret->path);
	if (ret->deleting)
		return error_set(err, ERR_REPO_DELETING, "%s is marked for deletion and read-only.", ret->path);
	return true;
}

static bool open_route(struct gate_service *s, const struct session_binding *binding, const struct connection *connection,
                       enum git_service service, const char *request_id, struct gate_route *route, struct error *err)
{
	CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;
	CLEANUP(gitlab_project_release) struct gitlab_project project = GITLAB_PROJECT_INIT;
	CLEANUP(seal_payload_release) struct seal_payload opened = SEAL_PAYLOAD_INIT;
	const char *ca_file = NULL;

	if (!account_instance(s->accounts, binding->instance_url, &instance, &ca_file, err) ||
	    !account_open(s->accounts, connection, &opened, err))
		return false;
	if (service == GIT_RECEIVE_PACK) {
		const struct gitlab_access access = {.client = s->accounts->client,
		                                     .instance = &instance,
		                                     .token = &opened.token,
		                                     .ca_file = ca_file,
		                                     .request_id = request_id};

		if (!confirm_project(s, binding, connection, &access, &project, err))
			return false;
	}
	route->project_path = xstrdup(project.path ? project.path : binding->project_path);
	route->url_base = xasprintf("%s/%s.git", instance.text, route->project_path);
	secret_copy(&route->token, &opened.token);
	route->push_branch = xstrdup(binding->push_branch);
	route->host = instance_url_authority(&instance);
	route->username = xstrdup(opened.username);
	route->record_key = xstrdup(connection->key);
	route->ca_file = xstrdup(ca_file);
	route->generation = opened.generation;
	return true;
}

bool gate_route_open(struct gate_service *s, const struct session_row *session, const char *repository, enum git_service service,
                     const char *request_id, struct gate_route *ret, struct error *err)
{
	CLEANUP(session_binding_release) struct session_binding binding = SESSION_BINDING_INIT;
	CLEANUP(connection_release) struct connection connection = CONNECTION_INIT;
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;

	if (!find_binding(s, session, repository, &binding, err))
		return false;
	if (service == GIT_RECEIVE_PACK && !binding.push_branch)
		return error_set(err, ERR_GIT_REF_FORBIDDEN, "This session may not push to %.100s.", repository);
	if (!find_connection(s, session, &binding, &connection, err) ||
	    !open_route(s, &binding, &connection, service, request_id, &route, err))
		return false;
	*ret = route;
	route = (struct gate_route)GATE_ROUTE_INIT;
	return true;
}

/* ---- What went wrong ---- */

/* Of the connection that was used, not of one that has replaced it since. */
static void note_use(struct account_service *accounts, const struct gate_route *route, const struct error *failure)
{
	CLEANUP(connection_release) struct connection connection = CONNECTION_INIT;
	const struct connection_store *store = &accounts->connections;
	bool found = false;

	if (account_error_condemns_token(failure->code) &&
	    store->ops->find(store->state, route->record_key, &connection, &found, NULL) && found &&
	    connection.generation == route->generation)
		account_note_use(accounts, &connection, failure);
}

/* What the instance said is kept and shown to people who have no part in the token: by value, since its prefix may be anything. */
static char *masked(const char *text, const struct gate_route *route)
{
	CLEANUP(redactor_freep) struct redactor *redactor = redactor_new();
	CLEANUP(strbuf_release) struct strbuf to = STRBUF_INIT(SIZE_MAX);

	if (route)
		redactor_add(redactor, &route->token);
	redact(redactor, text, strlen(text), &to);
	return strbuf_detach(&to);
}

void gate_record(struct gate_service *s, const struct session_row *session, const struct gate_route *route, const char *repository,
                 enum git_service service, const struct error *failure)
{
	CLEANUP(freep) char *name = xstrdup(repository);
	CLEANUP(freep) char *operation = xstrdup(service == GIT_RECEIVE_PACK ? "push" : "fetch");
	CLEANUP(freep) char *code = xstrdup(error_name(failure->code));
	CLEANUP(freep) char *message = masked(failure->message, route);
	CLEANUP(freep) char *remediation = xstrdup(error_remediation(failure));
	const struct gate_outcome outcome = {
	        .repository = name,
	        .operation = operation,
	        .code = code,
	        .message = message,
	        .remediation = remediation,
	        .at = clock_now_s(),
	};
	bool kept = s->sessions.ops->add_outcome(s->sessions.state, session->id, &outcome, NULL);

	if (route && route->record_key)
		note_use(s->accounts, route, failure);
	/* The client already has its answer; a store that is down loses the explanation, nothing else. */
	(void)kept;
}
