#include "gate_private.h"

#include "alloc.h"
#include "clock.h"
#include "gate_credential.h"
#include "gate_pod.h"
#include "redact.h"
#include "session_changes.h"

#include <stdlib.h>
#include <string.h>

/* As whoever looks at it finds it; a missing one is nothing that a stranger needs to tell from another's. */
static bool session_of_pod(struct gate_service *s, const char *session_id, const struct secret *token, struct session_row *ret,
                           struct error *err)
{
	if (s->sessions.ops->find_by_id(s->sessions.state, session_id, ret, err))
		return gate_pod_check(s->pods, ret, token, err);
	if (err && err->code == ERR_SESSION_NOT_FOUND)
		error_set(err, ERR_GIT_CREDENTIAL, "The token is not that of a running session's pod.");
	return false;
}

static bool session_of_credential(struct gate_service *s, const char *session_id, const struct secret *credential,
                                  struct session_row *ret, struct error *err)
{
	char hash[GATE_HASH_SIZE];

	gate_credential_digest(credential, hash);
	return s->sessions.ops->find_by_gate(s->sessions.state, session_id, hash, ret, err);
}

static bool has_ended(const struct session_row *row)
{
	return session_phase_is_final(row->phase) || row->stop_requested;
}

bool gate_session(struct gate_service *s, const char *session_id, const struct secret *credential, struct session_row *ret,
                  struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;

	if (s->pods && gate_pod_is_token(credential) ? !session_of_pod(s, session_id, credential, &row, err)
	                                             : !session_of_credential(s, session_id, credential, &row, err))
		return false;
	if (has_ended(&row))
		return error_set(err, ERR_GIT_CREDENTIAL, "Authentication failed: the session has ended.");
	*ret = row;
	row = (struct session_row)SESSION_ROW_INIT;
	return true;
}

bool gate_goes_on(struct gate_service *s, const char *session_id, const char *repository, struct error *err)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error failure = ERROR_INIT;

	if (!s->sessions.ops->find_by_id(s->sessions.state, session_id, &row, &failure))
		return failure.code != ERR_SESSION_NOT_FOUND ||
		       error_set(err, ERR_GIT_CREDENTIAL, "The transfer was ended: the session is gone.");
	if (has_ended(&row))
		return error_set(err, ERR_GIT_CREDENTIAL, "The transfer was ended: the session has ended.");
	if (session_changes_removed(row.repository_changes, repository))
		return error_set(err, ERR_GIT_CREDENTIAL, "The transfer was ended: %.100s was removed from the session.",
		                 repository);
	return true;
}

/* ---- Pre-flight ---- */

/* One request per repository of the spec. Borrows; caller frees the array. */
static struct check_request *make_requests(const struct session_row *session, const struct session_spec *spec,
                                           const char *request_id)
{
	struct check_request *requests = xcalloc(spec->repository_count, sizeof(*requests));

	for (size_t i = 0; i < spec->repository_count; i++) {
		const struct session_repository *repository = &spec->repositories[i];

		requests[i] = (struct check_request){
		        .user_id = session->owner,
		        .project = session->project,
		        .url = repository->url,
		        .provider = repository->provider,
		        .access = repository->push_branch ? CHECK_ACCESS_WRITE : CHECK_ACCESS_READ,
		        .start_branch = repository->start_branch,
		        .push_branch = repository->push_branch,
		        .want_account = true,
		        .request_id = request_id,
		        .session = session->id,
		};
	}
	return requests;
}

/* What an earlier pre-flight of this session has bound stays what it is, whoever asks for another. */
static bool bound_identity(struct gate_service *s, const struct session_row *session, const char *repository, int64_t *ret,
                           struct error *err)
{
	CLEANUP(session_binding_release) struct session_binding binding = SESSION_BINDING_INIT;
	bool found = false;

	/* One of this name was taken out, and another may join. */
	if (session_changes_removed(session->repository_changes, repository))
		return true;
	if (!s->sessions.ops->binding(s->sessions.state, session->id, repository, &binding, &found, err))
		return false;
	if (found)
		*ret = binding.project_id;
	return true;
}

/* What the session or the project's list knows about these addresses: another project in the place of a known one is refused. */
static bool expect_identities(struct gate_service *s, const struct session_row *session, const struct session_spec *spec,
                              struct check_request *requests, struct error *err)
{
	for (size_t i = 0; i < spec->repository_count; i++) {
		CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;

		if (!bound_identity(s, session, spec->repositories[i].name, &requests[i].expected_id, err))
			return false;
		if (requests[i].expected_id == 0 && repo_url_parse(requests[i].url, &url, NULL) &&
		    !project_expected_id(s->projects, session->project, &url, &requests[i].expected_id, err))
			return false;
	}
	return true;
}

static void release_reports(struct check_report *reports, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_report_release(&reports[i]);
	free(reports);
}

bool gate_reports(struct gate_service *s, const struct session_row *session, const struct session_spec *spec,
                  const char *request_id, struct check_report **ret_reports, struct error *err)
{
	CLEANUP(freep) struct check_request *requests = NULL;
	struct check_report *reports;

	if (spec->repository_count == 0)
		return error_set(err, ERR_SESSION_NO_REPOSITORY, "The session names no repository.");
	requests = make_requests(session, spec, request_id);
	reports = xcalloc(spec->repository_count, sizeof(*reports));
	if (expect_identities(s, session, spec, requests, err) &&
	    check_repositories(s->checks, requests, reports, spec->repository_count, err)) {
		*ret_reports = reports;
		return true;
	}
	release_reports(reports, spec->repository_count);
	return false;
}

static void release_bindings(struct session_binding *bindings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		session_binding_release(&bindings[i]);
	free(bindings);
}

void gate_binding_make(const struct session_repository *repository, const struct check_report *report, struct session_binding *ret)
{
	*ret = (struct session_binding){
	        .repository = xstrdup(repository->name),
	        .provider = xstrdup(provider_name(report->provider)),
	        .credential = credential_to_binding(&report->credential),
	        .instance_url = xstrdup(report->credential.instance.text),
	        .project_path = xstrdup(report->project.path),
	        .project_id = report->project.id,
	        .push_branch = xstrdup(repository->push_branch),
	};
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
		gate_binding_make(&spec->repositories[i], report, &bindings[count++]);
	}
	bound = s->sessions.ops->bind(s->sessions.state, session->id, bindings, count, err);
	release_bindings(bindings, count);
	return bound;
}

bool gate_preflight(struct gate_service *s, const struct session_row *session, const struct session_spec *spec,
                    const char *request_id, struct check_report **ret_reports, struct error *err)
{
	if (!gate_reports(s, session, spec, request_id, ret_reports, err))
		return false;
	if (bind_all(s, session, spec, *ret_reports, err))
		return true;
	release_reports(*ret_reports, spec->repository_count);
	*ret_reports = NULL;
	return false;
}

/* ---- Routes ---- */

void gate_route_release(struct gate_route *route)
{
	if (!route)
		return;
	free(route->url_base);
	credential_release(&route->credential);
	free(route->push_branch);
	free(route->host);
	free(route->username);
	free(route->project_path);
	forge_project_release(&route->project);
	*route = (struct gate_route)GATE_ROUTE_INIT;
}

void gate_audit(struct gate_service *s, const struct session_row *session, const struct gate_route *route, enum audit_action action,
                const char *request_id, const struct error *failure)
{
	credential_audit(&s->checks->credentials, &route->credential,
	                 (struct audit_use){.action = action,
	                                    .user = session->owner,
	                                    .repository = route->project_path,
	                                    .session = session->id,
	                                    .request_id = request_id,
	                                    .failure = failure});
}

static bool find_binding(struct gate_service *s, const struct session_row *session, const char *repository,
                         struct session_binding *ret, struct error *err)
{
	/* A pre-flight that was under way may have bound once more what was taken out meanwhile. */
	bool removed = session_changes_removed(session->repository_changes, repository), found = false;

	if (!removed && !s->sessions.ops->binding(s->sessions.state, session->id, repository, ret, &found, err))
		return false;
	if (!found)
		return error_set(err, ERR_GIT_CREDENTIAL, "%.100s is not a repository of this session.", repository);
	return true;
}

/* A confirmation is as old as the last one that was for as much. */
static bool is_confirmed(const struct session_binding *binding, enum gate_use use, int64_t now_s)
{
	const int64_t age_s = now_s - (use == GATE_PUSH ? binding->push_confirmed_at : binding->confirmed_at);

	return (use == GATE_FETCH || use == GATE_PUSH) && age_s >= 0 && age_s < GATE_CONFIRMED_S;
}

static bool open_route(struct gate_service *s, const struct session_row *session, const struct session_binding *binding,
                       enum gate_use use, const char *request_id, struct gate_route *route, struct error *err)
{
	const struct credential_sources *sources = &s->checks->credentials;
	const struct credential_asker asker = {session->owner, session->project};
	struct forge_project *project = &route->project;
	struct credential *credential = &route->credential;
	const int64_t now_s = clock_now_s();

	if (!credential_from_binding(sources, &asker, binding->provider, binding->credential, binding->instance_url,
	                             binding->project_path, credential, err) ||
	    !credential_open(sources, credential, request_id, err))
		return false;
	if (!is_confirmed(binding, use, now_s) && (!gate_confirm(s, binding, credential, use, request_id, project, err) ||
	                                           !s->sessions.ops->confirm(s->sessions.state, session->id, binding->repository,
	                                                                     project->path, gate_use_pushes(use), now_s, err)))
		return false;
	route->project_path = xstrdup(project->path ? project->path : binding->project_path);
	route->url_base = xasprintf("%s/%s.git", credential->instance.text, route->project_path);
	route->push_branch = xstrdup(binding->push_branch);
	route->host = instance_url_authority(&credential->instance);
	route->username = xstrdup(credential_actor(credential));
	return true;
}

static enum audit_action action_of(enum gate_use use)
{
	return use == GATE_FETCH ? AUDIT_FETCH : use == GATE_MERGE_REQUEST ? AUDIT_MERGE_REQUEST : AUDIT_PUSH;
}

bool gate_route_open(struct gate_service *s, const struct session_row *session, const char *repository, enum gate_use use,
                     const char *request_id, struct gate_route *ret, struct error *err)
{
	CLEANUP(session_binding_release) struct session_binding binding = SESSION_BINDING_INIT;
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	struct error failure = ERROR_INIT;

	if (!find_binding(s, session, repository, &binding, err))
		return false;
	if (use != GATE_FETCH && !binding.push_branch)
		return error_set(err, ERR_GIT_REF_FORBIDDEN, "This session may not push to %.100s.", repository);
	if (!open_route(s, session, &binding, use, request_id, &route, &failure)) {
		set_string(&route.project_path, binding.project_path);
		gate_audit(s, session, &route, action_of(use), request_id, &failure);
		gate_tell_session(&failure);
		if (err)
			*err = failure;
		return false;
	}
	*ret = route;
	route = (struct gate_route)GATE_ROUTE_INIT;
	return true;
}

/* ---- What went wrong ---- */

static bool ends_a_token(enum error_code code)
{
	return code == ERR_TOKEN_INVALID || code == ERR_TOKEN_EXPIRED || code == ERR_TOKEN_REVOKED;
}

void gate_tell_session(struct error *failure)
{
	static const char words[] = "Authentication failed";
	struct error told = ERROR_INIT;

	/* git's own 401 says so by itself. */
	if (!ends_a_token(failure->code) || strncmp(failure->message, words, sizeof(words) - 1) == 0)
		return;
	error_set(&told, failure->code, "%s: %s", words, failure->message);
	memcpy(failure->message, told.message, sizeof(failure->message));
}

/* What the instance said is kept and shown to people who have no part in the token: by value, since its prefix may be anything. */
static char *masked(const char *text, const struct gate_route *route)
{
	CLEANUP(redactor_freep) struct redactor *redactor = redactor_new();
	CLEANUP(strbuf_release) struct strbuf to = STRBUF_INIT(SIZE_MAX);

	if (route)
		redactor_add(redactor, &route->credential.token);
	redact(redactor, text, strlen(text), &to);
	return strbuf_detach(&to);
}

static void write_outcome(struct gate_service *s, const struct session_row *session, const struct gate_route *route,
                          const char *repository, const char *operation_name, const struct error *failure)
{
	CLEANUP(freep) char *name = xstrdup(repository);
	CLEANUP(freep) char *operation = xstrdup(operation_name);
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

	/* A store that is down loses the explanation, nothing else. */
	(void)kept;
}

void gate_record(struct gate_service *s, const struct session_row *session, const struct gate_route *route, const char *repository,
                 enum git_service service, const struct error *failure)
{
	const char *operation = service == GIT_RECEIVE_PACK ? "push" : "fetch";

	if (outcome_pace_admits(s->pace, session->id, repository, operation, failure->code, clock_monotonic_ms()))
		write_outcome(s, session, route, repository, operation, failure);
	if (route && account_error_condemns_token(failure->code))
		credential_note_use(&s->checks->credentials, &route->credential, failure);
}
