#include "provider.h"

#include <string.h>

#include "ascii.h"

const char *provider_name(enum provider provider)
{
	switch (provider) {
	case PROVIDER_GITLAB:
		return "gitlab";
	case PROVIDER_GITHUB:
		return "github";
	case PROVIDER_UNKNOWN:
		break;
	}
	return "unknown";
}

bool provider_parse(const char *name, enum provider *ret)
{
	if (name && strcmp(name, "gitlab") == 0)
		*ret = PROVIDER_GITLAB;
	else if (name && strcmp(name, "github") == 0)
		*ret = PROVIDER_GITHUB;
	else
		return false;
	return true;
}

/* "gitlab", "gitlab-ce" and "gitlab2", but not "gitlabs": the word must end where the name ends. */
static bool label_begins_with(const char *label, const char *word)
{
	size_t length = strlen(word);

	return strncmp(label, word, length) == 0 && !ascii_is_letter(label[length]);
}

enum provider provider_of_host(const char *host)
{
	if (strcmp(host, "gitlab.com") == 0)
		return PROVIDER_GITLAB;
	if (strcmp(host, "github.com") == 0)
		return PROVIDER_GITHUB;
	for (const char *label = host; label; label = strchr(label, '.')) {
		label += label[0] == '.';
		if (label_begins_with(label, "gitlab"))
			return PROVIDER_GITLAB;
		if (label_begins_with(label, "github"))
			return PROVIDER_GITHUB;
	}
	return PROVIDER_UNKNOWN;
}
