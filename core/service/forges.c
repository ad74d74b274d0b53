#include "forges.h"

#include "github.h"
#include "gitlab.h"

const struct forge *forge_of(enum provider provider)
{
	switch (provider) {
	case PROVIDER_GITLAB:
		return &gitlab_forge;
	case PROVIDER_GITHUB:
		return &github_forge;
	case PROVIDER_UNKNOWN:
		break;
	}
	return NULL;
}

const struct forge *forge_of_name(const char *provider)
{
	enum provider known;

	return provider_parse(provider, &known) ? forge_of(known) : NULL;
}
