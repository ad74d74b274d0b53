#include "check_report.h"

#include "alloc.h"

#include <stdlib.h>

const char *check_name_text(enum check_name name)
{
	static const char *const texts[CHECK_COUNT] = {
	        [CHECK_ADDRESS] = "address",
	        [CHECK_PROVIDER] = "provider",
	        [CHECK_CONNECTION] = "connection",
	        [CHECK_REACHABLE] = "reachable",
	        [CHECK_TLS] = "tls",
	        [CHECK_TOKEN] = "token",
	        [CHECK_SCOPES] = "scopes",
	        [CHECK_REPOSITORY] = "repository",
	        [CHECK_READ] = "read",
	        [CHECK_PUSH] = "push",
	        [CHECK_BRANCH] = "branch",
	};

	return name < CHECK_COUNT ? texts[name] : "unknown";
}

void check_report_release(struct check_report *report)
{
	if (!report)
		return;
	for (size_t i = 0; i < CHECK_COUNT; i++)
		free(report->errors[i]);
	connection_release(&report->connection);
	instance_url_release(&report->instance);
	gitlab_project_release(&report->project);
	gitlab_account_release(&report->account);
	free(report->start_branch);
	*report = (struct check_report)CHECK_REPORT_INIT;
}

bool check_blocks_clone(const struct check_report *report)
{
	return report->blocks_clone;
}

enum check_name check_of_error(enum error_code code)
{
	if (account_error_condemns_token(code))
		return CHECK_TOKEN;
	switch (code) {
	case ERR_REPO_URL_INVALID:
		return CHECK_ADDRESS;
	case ERR_PROVIDER_UNKNOWN:
		return CHECK_PROVIDER;
	case ERR_NOT_CONNECTED:
	case ERR_SEAL_BROKEN:
	case ERR_INSTANCE_URL_INVALID:
	case ERR_INSTANCE_INSECURE:
		return CHECK_CONNECTION;
	case ERR_INSTANCE_TLS_UNTRUSTED:
		return CHECK_TLS;
	case ERR_TOKEN_REFUSED:
		return CHECK_TOKEN;
	case ERR_TOKEN_SCOPE_MISSING:
	case ERR_TOKEN_PERMISSION_MISSING:
		return CHECK_SCOPES;
	case ERR_REPO_NOT_FOUND:
	case ERR_REPO_IDENTITY_CHANGED:
	case ERR_PROXY_DECODES_PATHS:
		return CHECK_REPOSITORY;
	case ERR_REPO_NO_READ:
	case ERR_REPO_DISABLED:
	case ERR_GIT_HTTP_DISABLED:
	case ERR_SSO_REQUIRED:
		return CHECK_READ;
	case ERR_REPO_NO_PUSH:
	case ERR_PUSH_FORBIDDEN:
	case ERR_REPO_ARCHIVED:
	case ERR_REPO_DELETING:
		return CHECK_PUSH;
	case ERR_BRANCH_INVALID:
	case ERR_BRANCH_NOT_FOUND:
	case ERR_BRANCH_PROTECTED:
	case ERR_DEFAULT_BRANCH_MISSING:
		return CHECK_BRANCH;
	default:
		return CHECK_REACHABLE;
	}
}

void check_pass(struct check_report *report, enum check_name check)
{
	if (report->states[check] == CHECK_NOT_RUN)
		report->states[check] = CHECK_OK;
}

void check_pass_network(struct check_report *report, enum check_name end)
{
	for (enum check_name check = CHECK_REACHABLE; check < end; check++) {
		/* Plain http, where an operator allows it, has no certificate to check. */
		if (check != CHECK_TLS || report->instance.https)
			check_pass(report, check);
	}
}

void check_fail(struct check_report *report, enum check_name check, const struct error *failure, enum check_weight weight)
{
	bool blocks = weight == CHECK_BLOCKS_CLONE;

	if (report->states[check] == CHECK_FAILED)
		return;
	report->states[check] = CHECK_FAILED;
	report->errors[check] = xmalloc(sizeof(*failure));
	*report->errors[check] = *failure;
	if (report->failure.code == ERR_NONE || (blocks && !report->blocks_clone)) {
		report->failure = *failure;
		report->failed = check;
	}
	report->blocks_clone |= blocks;
}

void check_fail_network(struct check_report *report, const struct error *failure)
{
	enum check_name check = check_of_error(failure->code);

	if (check > CHECK_REACHABLE)
		check_pass_network(report, check);
	check_fail(report, check, failure, CHECK_BLOCKS_CLONE);
}
