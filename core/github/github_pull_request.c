/*
 * Opening a pull request. GitHub lets no second one be open between two branches of a repository, so its own refusal tells that
 * there is one, and it is looked for only then. Labels belong to the issue behind it and need a call of their own.
 */
#include "github_api.h"

#include "alloc.h"
#include "github_sentence.h"

enum { STATUS_UNPROCESSABLE = 422 };

static char *text_of(const json_t *body)
{
	struct strbuf text = STRBUF_INIT(LIMIT_ANSWER);

	json_write(&text, body);
	return strbuf_detach(&text);
}

static char *body_of(const struct forge_merge_wish *wish)
{
	CLEANUP(json_decrefp)
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:b}", "title", wish->title, "head", wish->source_branch, "base",
	                         wish->target_branch, "body", wish->description, "draft", wish->draft);

	return text_of(body);
}

static void set_body(struct github_call *call, const char *body)
{
	call->api.http.method = "POST";
	call->api.http.body = body;
	call->api.http.body_length = strlen(body);
	call->api.http.content_type = "application/json";
}

static bool take(const struct forge_project *project, const json_t *answer, bool existed, struct forge_merge_request *ret)
{
	int64_t number = json_int_or(answer, "number", 0);

	if (number <= 0)
		return false;
	*ret = (struct forge_merge_request){
	        .number = number,
	        .web_url = xasprintf("%s/pull/%lld", project->web_url, (long long)number),
	        .existed = existed,
	};
	return true;
}

/* What a 422 says: "errors" has sentences, or names a field and what is wrong with it. */
static void sentence_of(const json_t *answer, struct strbuf *to)
{
	const json_t *errors = json_object_get(answer, "errors"), *first = json_array_get(errors, 0);
	const char *message = json_string_or(first, "message", NULL);
	const char *field = json_string_or(first, "field", NULL), *code = json_string_or(first, "code", "");
	CLEANUP(freep) char *named = field ? xasprintf("%s: %s", field, code) : NULL;
	const char *said = message ? message : named ? named : sentence_of_json(answer);

	sentence_relay(said, strlen(said), to);
}

static bool refused(const json_t *answer, const struct http_call *call, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sentence_of(answer, &said);
	error_set(err, ERR_MERGE_REQUEST_REFUSED, "GitHub did not open the pull request: %s",
	          said.length ? said.data : "no reason given");
	forge_mask(call, err);
	return error_remedy(
	        err, "The branch is pushed. Correct what the sentence names and open the pull request on the branch's page.");
}

static bool permission_missing(const struct forge_project *project, struct error *err)
{
	error_set(err, ERR_TOKEN_PERMISSION_MISSING,
	          "Insufficient permissions. The branch is pushed, but the token may not open pull requests in %s. It needs "
	          "Pull requests: Read and write.",
	          project->path);
	return error_remedy(err, "Open the pull request on the branch's page, or reconnect with a token that may.");
}

static bool classify(const struct forge_project *project, const struct http_call *call, const char *host, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = forge_json(call);
	struct error failure = ERROR_INIT;

	if (call->failure == HTTP_OK && call->status == STATUS_UNPROCESSABLE && answer)
		return refused(answer, call, err);
	/* GitHub hides what a token may not do. */
	if (call->failure == HTTP_OK && call->status == 404 && answer)
		return permission_missing(project, err);
	if (call->failure == HTTP_OK && call->status == 403 && sentence_has(sentence_of_json(answer), "archived"))
		return github_archived(project->path, err);
	github_classify(call, host, &failure);
	if (failure.code == ERR_TOKEN_PERMISSION_MISSING)
		return permission_missing(project, err);
	if (err)
		*err = failure;
	return false;
}

static bool find_open(const struct forge_access *access, const struct forge_project *project, const struct forge_merge_wish *wish,
                      const struct http_call *refusal, const char *host, struct forge_merge_request *ret, struct error *err)
{
	CLEANUP(freep) char *owner = xstrndup(project->path, strcspn(project->path, "/"));
	CLEANUP(freep) char *head = github_encoded(wish->source_branch, false), *base = github_encoded(wish->target_branch, false);
	CLEANUP(github_call_release) struct github_call call;
	CLEANUP(json_decrefp) json_t *answer = NULL;

	github_call_init(&call, access, "/repos/%s/pulls?state=open&head=%s:%s&base=%s", project->path, owner, head, base);
	github_call_run(&call, access);
	if (!github_answer(&call.api.http, host, &answer, err))
		return false;
	return take(project, json_array_get(answer, 0), true, ret) || classify(project, refusal, host, err);
}

static bool exists_already(const struct http_call *call)
{
	CLEANUP(json_decrefp) json_t *answer = call->status == STATUS_UNPROCESSABLE ? forge_json(call) : NULL;
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sentence_of(answer, &said);
	return sentence_has(said.data, "pull request already exists");
}

static void add_labels(const struct forge_access *access, const struct forge_project *project, const struct forge_merge_wish *wish,
                       const char *host, struct forge_merge_request *request)
{
	CLEANUP(json_decrefp) json_t *labels = json_array(), *answer = NULL;
	CLEANUP(github_call_release) struct github_call call;

	for (size_t i = 0; i < wish->label_count; i++)
		json_array_append_new(labels, json_string(wish->labels[i]));
	CLEANUP(json_decrefp) json_t *body = json_pack("{s:O}", "labels", labels);
	CLEANUP(freep) char *text = text_of(body);
	github_call_init(&call, access, "/repos/%s/issues/%lld/labels", project->path, (long long)request->number);
	set_body(&call, text);
	github_call_run(&call, access);
	if (!github_answer(&call.api.http, host, &answer, &request->unmarked))
		return; /* told with the pull request, which is open */
}

bool github_pull_request_open(const struct forge_access *access, const struct forge_project *project,
                              const struct forge_merge_wish *wish, struct forge_merge_request *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access), *body = body_of(wish);
	CLEANUP(github_call_release) struct github_call call;
	CLEANUP(json_decrefp) json_t *answer = NULL;
	CLEANUP(forge_merge_request_release) struct forge_merge_request request = FORGE_MERGE_REQUEST_INIT;

	github_call_init(&call, access, "/repos/%s/pulls", project->path);
	set_body(&call, body);
	github_call_run(&call, access);
	answer = forge_json(&call.api.http);
	if (call.api.http.status != 201 || !take(project, answer, false, &request)) {
		if (!exists_already(&call.api.http))
			return classify(project, &call.api.http, host, err);
		if (!find_open(access, project, wish, &call.api.http, host, &request, err))
			return false;
	}
	/* On one that existed too: a crash between the two calls left it without. */
	if (wish->label_count > 0)
		add_labels(access, project, wish, host, &request);
	*ret = request;
	request = (struct forge_merge_request)FORGE_MERGE_REQUEST_INIT;
	return true;
}
