#include "forge_probe.h"
#include "gitlab_api.h"

#include "alloc.h"

bool gitlab_git_probe(const struct forge_access *access, const struct forge_project *project, enum git_service service,
                      struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(http_call_release) struct http_call call;

	forge_probe_run(access, project, service, &call);
	gitlab_heed_ban(&call, access);
	return forge_probe_judge(&call, &gitlab_forge, &gitlab_words, service, host, project->path, err);
}
