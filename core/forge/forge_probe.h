#pragma once
/*
 * forge_probe — asks git's own routes whether they would serve this token: the advertisement of upload-pack or receive-pack, of
 * which only the first bytes are read. For the floors that know a forge. Floor: forge.
 */
#include "forge.h"
#include "forge_transport_errors.h"

/* Release the call with http_call_release. Only with a project that project_get has just confirmed (forge.h says why). */
void forge_probe_run(const struct forge_access *access, const struct forge_project *project, enum git_service service,
                     struct http_call *ret);

/* What the answer says. `words` and `forge` are those of the server that was asked. */
bool forge_probe_judge(const struct http_call *call, const struct forge *forge, const struct forge_words *words,
                       enum git_service service, const char *host, const char *project_path, struct error *err) MUST_CHECK;
