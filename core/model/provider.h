#pragma once
/*
 * provider — which kind of server an address belongs to, in the order of the product's contract: an explicit provider; a connected
 * instance; the exact hosts gitlab.com and github.com; "gitlab" or "github" as a whole label or label prefix ("gitlab-ce.x.org").
 * Never by substring. Knowing the provider never decides where a token goes. Floor: model.
 */
#include "repo_url.h"

enum provider { PROVIDER_UNKNOWN, PROVIDER_GITLAB, PROVIDER_GITHUB };

const char *provider_name(enum provider provider); /* "gitlab", "github", "unknown" */
bool provider_parse(const char *name, enum provider *ret) MUST_CHECK;

/* By host alone (the last two rules). */
enum provider provider_of_host(const char *host);
