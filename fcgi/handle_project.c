#include "handle_project.h"

#include <string.h>

#include "project_service.h"
#include "render_project.h"

/* ---- one address ---- */

/* "" means the same as none. */
static bool read_name(const json_t *body, const char *field, const char **ret, struct error *err)
{
	if (!json_read_string(body, field, JSON_OPTIONAL, LIMIT_URL_MAX, ret, err))
		return false;
	if (*ret && !**ret)
		*ret = NULL;
	return true;
}

static bool read_access(const char *text, enum check_access *ret, struct error *err)
{
	*ret = text && strcmp(text, "read") == 0 ? CHECK_ACCESS_READ : CHECK_ACCESS_WRITE;
	if (!text || strcmp(text, "read") == 0 || strcmp(text, "write") == 0)
		return true;
	return error_set(err, ERR_FIELD_INVALID, "The field 'access' is neither 'read' nor 'write'.");
}

/*
 * The address may be as long and as odd as a body allows: what is wrong with it is the report's to say. A branch is where to push
 * to, or for reading where to start from.
 */
static bool read_check(const struct call *call, struct check_request *ret, struct error *err)
{
	const char *branch = NULL, *access = NULL;
	enum provider provider;

	*ret = (struct check_request){
	        .user_id = call->caller.user_id, .project = call->parameters.project, .request_id = call->request->id};
	if (!json_read_text(call->body, "url", JSON_REQUIRED, LIMIT_BODY_DEFAULT, &ret->url, err) ||
	    !read_name(call->body, "branch", &branch, err) || !read_name(call->body, "provider", &ret->provider, err) ||
	    !read_name(call->body, "access", &access, err) || !read_access(access, &ret->access, err))
		return false;
	if (ret->provider && !provider_parse(ret->provider, &provider))
		return error_set(err, ERR_FIELD_INVALID, "The field 'provider' is neither 'gitlab' nor 'github'.");
	*(ret->access == CHECK_ACCESS_WRITE ? &ret->push_branch : &ret->start_branch) = branch;
	return true;
}

static void log_report(struct call *call, const struct check_report *report)
{
	call_log(call, "instance", report->host);
	call_log(call, "project_path", report->path);
	call_log(call, "verdict", check_is_valid(report) ? "valid" : error_name(report->failure.code));
}

bool handle_validate(struct call *call, struct error *err)
{
	CLEANUP(check_report_release) struct check_report report = CHECK_REPORT_INIT;
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	struct check_request request;

	if (!read_check(call, &request, err))
		return false;
	if (repo_url_parse(request.url, &url, NULL) &&
	    !project_expected_id(&call->app->projects, call->parameters.project, &url, &request.expected_id, err))
		return false;
	if (!check_repository(&call->app->checks, &request, &report, err))
		return false;
	log_report(call, &report);
	response_json(&call->response, 200, check_report_json(&report));
	return true;
}

/* ---- the list ---- */

static void answer_with(struct call *call, const struct project_view *view)
{
	call_log_number(call, "repositories", (int64_t)json_array_size(json_object_get(view->document, "repositories")));
	response_json(&call->response, 200, render_project(view));
	entity_tag_format(view->version, call->response.etag);
}

/* ?reports=false leaves out what takes asking the instances. */
static bool wants_reports(const struct call *call, bool *ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(16);
	bool present = false;

	if (!request_query_text(call->request, "reports", &text, &present, err))
		return false;
	*ret = !present || strcmp(text.data, "true") == 0;
	if (*ret || strcmp(text.data, "false") == 0)
		return true;
	return error_set(err, ERR_FIELD_INVALID, "The query parameter 'reports' is neither 'true' nor 'false'.");
}

bool handle_project_read(struct call *call, struct error *err)
{
	CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;
	bool with_reports = true;

	if (!wants_reports(call, &with_reports, err) ||
	    !project_read(&call->app->projects, call->parameters.project, call->caller.user_id, with_reports, call->request->id,
	                  &view, err))
		return false;
	answer_with(call, &view);
	return true;
}

/* The version that the client has seen, as If-Match tells it; without the header any will do. */
static bool expected_version(const struct call *call, int64_t *ret, struct error *err)
{
	CLEANUP(project_list_release) struct project_list stored = PROJECT_LIST_INIT;
	const struct project_store *store = &call->app->projects.store;

	*ret = PROJECT_VERSION_ANY;
	if (!call->request->if_match)
		return true;
	if (!store->ops->get(store->state, call->parameters.project, &stored, err))
		return false;
	switch (entity_tag_match(call->request->if_match, stored.version)) {
	case ETAG_MALFORMED:
		error_set(err, ERR_BAD_REQUEST, "If-Match is not a list of entity tags.");
		return error_remedy(err, "Send the ETag as it was read, with its quotes.");
	case ETAG_DIFFERS:
		return error_set(err, ERR_PRECONDITION_FAILED, "The project's list of repositories has changed.");
	case ETAG_MATCHES:
		*ret = stored.version;
		break;
	}
	return true;
}

bool handle_project_write(struct call *call, struct error *err)
{
	CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;
	int64_t expected = PROJECT_VERSION_ANY;

	if (!expected_version(call, &expected, err) ||
	    !project_write(&call->app->projects, call->parameters.project, call->caller.user_id, call->body, expected,
	                   call->request->id, &view, err))
		return false;
	answer_with(call, &view);
	return true;
}
