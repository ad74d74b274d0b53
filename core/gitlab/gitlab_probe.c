#include "gitlab_api.h"

#include "alloc.h"
#include "gitlab_sentence.h"
#include "gitlab_transport_errors.h"

enum { PROBE_BYTES = 1024 }; /* the status and any sentence are in the first bytes; advertisements can be megabytes */

static bool redirected(const struct http_call *call, const char *host, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf other = STRBUF_INIT(LIMIT_URL_MAX);

	return error_set(err, ERR_GIT_REDIRECT_REFUSED, "%s redirects Git to %s; the token was not sent.", host,
	                 redirect_is_elsewhere(call, &other) ? other.data : "another page");
}

bool probe_judge(const struct http_call *call, const char *host, const char *project_path, struct error *err)
{
	if (call->failure != HTTP_OK)
		return gitlab_classify(call, host, err);
	if (call->status == 200 && strcmp(call->content_type_got, "application/x-git-receive-pack-advertisement") == 0)
		return true;
	if (call->status >= 300 && call->status < 400)
		return redirected(call, host, err);
	if (page_judge(call, host, err))
		return false;
	gitlab_classify_git(GIT_RECEIVE_PACK, call->status, call->answer.data ? call->answer.data : "", call->answer.length,
	                    call->retry_after, host, project_path, err);
	gitlab_mask(call, err);
	return false;
}

bool gitlab_push_probe(const struct gitlab_access *access, const struct gitlab_project *project, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(freep) char *url = xasprintf("%s/info/refs?service=git-receive-pack", project->clone_url);
	CLEANUP(http_call_release)
	struct http_call call = {
	        .method = "GET",
	        .url = url,
	        .basic_user = "oauth2",
	        .basic_password = access->token,
	        .ca_file = access->ca_file,
	        .request_id = access->request_id,
	        .max_body = PROBE_BYTES,
	        .stop_at_max = true,
	};

	http_client_run(access->client, &call, 1);
	return probe_judge(&call, host, project->path, err);
}
