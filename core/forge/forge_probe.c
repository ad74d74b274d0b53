#include "forge_probe.h"

#include "alloc.h"
#include "forge_api.h"

#include <stdlib.h>
#include <string.h>

enum { PROBE_BYTES = 1024 }; /* the status and any sentence are in the first bytes; advertisements can be megabytes */

static const char *service_name(enum git_service service)
{
	return service == GIT_RECEIVE_PACK ? "git-receive-pack" : "git-upload-pack";
}

void forge_probe_run(const struct forge_access *access, const struct forge_project *project, enum git_service service,
                     struct http_call *ret)
{
	CLEANUP(freep) char *url = xasprintf("%s/info/refs?service=%s", project->clone_url, service_name(service));

	*ret = (struct http_call){
	        .method = "GET",
	        .url = url,
	        .basic_user = access->forge->git_user,
	        .basic_password = access->token,
	        .route = access->route,
	        .request_id = access->request_id,
	        .total_ms = api_time_left_ms(access),
	        .max_body = PROBE_BYTES,
	        .stop_at_max = true,
	        .accept = "*/*",
	};
	http_client_run(access->client, ret, 1);
	ret->url = project->clone_url; /* for what is said about it: the rest of the address goes with this scope */
}

static bool redirected(const struct http_call *call, const struct forge_words *words, const char *host, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf other = STRBUF_INIT(LIMIT_URL_MAX);

	return error_set(err, ERR_GIT_REDIRECT_REFUSED, "%s redirects Git to %s; the token was not sent.", host,
	                 redirect_is_elsewhere(call, words, &other) ? other.data : "another page");
}

static bool is_advertisement(const struct http_call *call, enum git_service service)
{
	CLEANUP(freep) char *type = xasprintf("application/x-%s-advertisement", service_name(service));

	return call->status == 200 && strcmp(call->content_type_got, type) == 0;
}

bool forge_probe_judge(const struct http_call *call, const struct forge *forge, const struct forge_words *words,
                       enum git_service service, const char *host, const char *project_path, struct error *err)
{
	if (call->failure != HTTP_OK)
		return transport_classify(call, host, err);
	if (is_advertisement(call, service))
		return true;
	if (call->status >= 300 && call->status < 400)
		return redirected(call, words, host, err);
	if (page_judge(call, words, host, err))
		return false;
	forge->classify_git(service, call->status, call->answer.data ? call->answer.data : "", call->answer.length,
	                    call->retry_after, host, project_path, err);
	forge_mask(call, err);
	return false;
}
