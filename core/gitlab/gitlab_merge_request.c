/*
 * Opening a merge request. GitLab lets no second one be open between two branches of a project, so its own refusal tells that there
 * is one, and it is looked for only then.
 */
#include "gitlab_api.h"

#include "alloc.h"
#include "gitlab_sentence.h"

enum { LEVEL_DEVELOPER = 30, STATUS_CONFLICT = 409, STATUS_UNPROCESSABLE = 422 };

/* A project's words for it; GitLab takes "[Draft]" and "(Draft)" from people as well. */
static bool says_draft(const char *title)
{
	static const char *const marks[] = {"draft:", "[draft]", "(draft)"};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (strncasecmp(title, marks[i], strlen(marks[i])) == 0)
			return true;
	return false;
}

static char *joined_labels(const struct forge_merge_wish *wish)
{
	struct strbuf labels = STRBUF_INIT(SIZE_MAX);

	for (size_t i = 0; i < wish->label_count; i++)
		strbuf_addf(&labels, "%s%s", i ? "," : "", wish->labels[i]);
	return strbuf_detach(&labels);
}

static char *body_of(const struct forge_merge_wish *wish)
{
	CLEANUP(freep) char *title = xasprintf("%s%s", wish->draft && !says_draft(wish->title) ? "Draft: " : "", wish->title);
	CLEANUP(freep) char *labels = joined_labels(wish);
	CLEANUP(json_decrefp)
	json_t *body = json_pack("{s:s, s:s, s:s, s:s}", "source_branch", wish->source_branch, "target_branch", wish->target_branch,
	                         "title", title, "description", wish->description);
	struct strbuf text = STRBUF_INIT(LIMIT_ANSWER);

	if (wish->label_count > 0)
		json_object_set_new(body, "labels", json_string(labels));
	json_write(&text, body);
	return strbuf_detach(&text);
}

static bool take(const struct forge_project *project, const json_t *answer, bool existed, struct forge_merge_request *ret)
{
	int64_t number = json_int_or(answer, "iid", 0);

	if (number <= 0)
		return false;
	*ret = (struct forge_merge_request){
	        .number = number,
	        .web_url = xasprintf("%s/-/merge_requests/%lld", project->web_url, (long long)number),
	        .existed = existed,
	};
	return true;
}

static bool refused(const char *said, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf relayed = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sentence_relay(said, strlen(said), &relayed);
	return error_set(err, ERR_MERGE_REQUEST_REFUSED, "GitLab did not open the merge request: %s",
	                 relayed.length ? relayed.data : "no reason given");
}

/* A fork's branch may have the same name; its merge requests are others'. */
static bool is_ours(const struct forge_project *project, const json_t *row)
{
	return json_int_or(row, "source_project_id", project->id) == project->id &&
	       strcmp(json_string_or(row, "state", "opened"), "opened") == 0;
}

static bool find_open(const struct forge_access *access, const struct forge_project *project, const struct forge_merge_wish *wish,
                      const char *said, const char *host, struct forge_merge_request *ret, struct error *err)
{
	CLEANUP(freep) char *source = api_segment(wish->source_branch), *target = api_segment(wish->target_branch);
	CLEANUP(api_call_release) struct api_call call;
	CLEANUP(json_decrefp) json_t *answer = NULL;
	size_t index;
	const json_t *row;

	api_call_init(&call, access, "/projects/%lld/merge_requests?state=opened&scope=all&source_branch=%s&target_branch=%s",
	              (long long)project->id, source, target);
	gitlab_run(&call, 1, access);
	if (!gitlab_answer(&call.http, host, &answer, err))
		return false;
	json_array_foreach(answer, index, row)
	{
		if (is_ours(project, row) && take(project, row, true, ret))
			return true;
	}
	return refused(said, err);
}

/* The bare 403 has many reasons; what is known of the project says which it is. */
static bool forbidden(const struct forge_project *project, struct error *err)
{
	if (project->archived)
		return sentence_archived(project->path, err);
	if (project->access_level > 0 && project->access_level < LEVEL_DEVELOPER)
		return error_set(err, ERR_MERGE_REQUEST_FORBIDDEN,
		                 "The connected account may not open merge requests in %s; that needs Developer or higher.",
		                 project->path);
	return error_set(err, ERR_MERGE_REQUEST_FORBIDDEN, "The connected account may not open merge requests in %s.",
	                 project->path);
}

static bool scope_missing(struct error *err)
{
	error_set(
	        err, ERR_TOKEN_SCOPE_MISSING,
	        "Insufficient permissions. The branch is pushed, but opening a merge request needs a token with the scope 'api'.");
	return error_remedy(err, "Open the merge request on the branch's page, or reconnect with a token that has 'api'.");
}

static bool classify(const struct forge_project *project, const struct http_call *call, const char *host, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = forge_json(call);
	const char *said = sentence_of_json(answer);

	if (call->failure == HTTP_OK && (call->status == STATUS_UNPROCESSABLE || call->status == 400) && answer) {
		refused(said, err);
		forge_mask(call, err);
		return false;
	}
	if (call->failure == HTTP_OK && call->status == 403 && strcmp(said, "403 Forbidden") == 0)
		return forbidden(project, err);
	struct error failure = ERROR_INIT;
	gitlab_classify(call, host, &failure);
	if (failure.code == ERR_TOKEN_SCOPE_MISSING)
		return scope_missing(err);
	if (err)
		*err = failure;
	return false;
}

bool gitlab_merge_request_open(const struct forge_access *access, const struct forge_project *project,
                               const struct forge_merge_wish *wish, struct forge_merge_request *ret, struct error *err)
{
	if (project->merge_requests_disabled)
		return error_set(err, ERR_MERGE_REQUESTS_DISABLED, "%s has merge requests switched off.", project->path);

	CLEANUP(freep) char *host = api_host(access), *body = body_of(wish);
	CLEANUP(api_call_release) struct api_call call;
	CLEANUP(json_decrefp) json_t *answer = NULL;

	api_call_init(&call, access, "/projects/%lld/merge_requests", (long long)project->id);
	call.http.method = "POST";
	call.http.body = body;
	call.http.body_length = strlen(body);
	call.http.content_type = "application/json";
	gitlab_run(&call, 1, access);
	answer = forge_json(&call.http);
	if (call.http.status == STATUS_CONFLICT)
		return find_open(access, project, wish, sentence_of_json(answer), host, ret, err);
	if (call.http.status != 201 || !take(project, answer, false, ret))
		return classify(project, &call.http, host, err);
	return true;
}
