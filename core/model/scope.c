#include "scope.h"

#include <string.h>

static bool has_scope(const char *scopes, const char *scope)
{
	size_t length = strlen(scope);

	for (const char *at = scopes; *at;) {
		size_t word = strcspn(at, " ");
		if (word == length && memcmp(at, scope, length) == 0)
			return true;
		at += word + strspn(at + word, " ");
	}
	return false;
}

struct scope_verdict scope_judge(const char *scopes)
{
	bool granular = scopes && strcmp(scopes, "granular") == 0;

	if (!scopes || granular)
		return (struct scope_verdict){.granular = granular, .can_read_api = true, .can_clone = true, .can_push = true};

	bool api = has_scope(scopes, "api"), read_api = has_scope(scopes, "read_api");
	bool write = has_scope(scopes, "write_repository");
	return (struct scope_verdict){
	        .known = true,
	        .can_read_api = api || read_api,
	        .can_clone = api || read_api || write || has_scope(scopes, "read_repository"),
	        .can_push = api || write,
	        .too_powerful = has_scope(scopes, "sudo") || has_scope(scopes, "admin_mode"),
	};
}
