#include "check_list.h"

#include "account_service.h"
#include "alloc.h"
#include "encoding.h"

#include <stdarg.h>
#include <stdio.h>
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

const char *check_note_name(enum check_note_code code)
{
	static const char *const names[NOTE_COUNT] = {
	        [NOTE_NONE] = "none",
	        [NOTE_CREDENTIALS_DROPPED] = "url_credentials_dropped",
	        [NOTE_ADDRESS_CORRECTED] = "address_corrected",
	        [NOTE_REPO_MOVED] = "repo_moved",
	        [NOTE_REPO_EMPTY] = "repo_empty",
	        [NOTE_REPO_MIRROR] = "repo_mirror",
	        [NOTE_BRANCH_NEW] = "branch_new",
	        [NOTE_BRANCH_EXISTS] = "branch_exists",
	        [NOTE_REF_IS_TAG] = "ref_is_tag",
	        [NOTE_RULES_UNKNOWN] = "branch_rules_unknown",
	};

	return code < NOTE_COUNT ? names[code] : "unknown";
}

void check_list_release(struct check_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		free(list->errors[i]);
		free(list->notes[i]);
	}
	*list = (struct check_list)CHECK_LIST_INIT;
}

void check_list_pass(struct check_list *list, enum check_name check)
{
	if (list->states[check] == CHECK_NOT_RUN)
		list->states[check] = CHECK_OK;
}

void check_list_pass_network(struct check_list *list, enum check_name end, bool https)
{
	for (enum check_name check = CHECK_REACHABLE; check < end; check++)
		if (check != CHECK_TLS || https)
			check_list_pass(list, check);
}

bool check_list_fail(struct check_list *list, enum check_name check, const struct error *failure)
{
	if (list->states[check] == CHECK_FAILED)
		return false;
	list->states[check] = CHECK_FAILED;
	list->errors[check] = xmalloc(sizeof(*failure));
	*list->errors[check] = *failure;
	/* A note belongs to a check that passed. */
	freep(&list->notes[check]);
	return true;
}

void check_list_note(struct check_list *list, enum check_name check, enum check_note_code code, const char *format, ...)
{
	struct check_note *note;
	va_list args;

	if (list->notes[check] || list->states[check] == CHECK_FAILED)
		return;
	note = list->notes[check] = xcalloc(1, sizeof(*note));
	note->code = code;
	va_start(args, format);
	int length = vsnprintf(note->message, sizeof(note->message), format, args);
	va_end(args);
	/* Between two characters: JSON takes no half ones. */
	if (length >= (int)sizeof(note->message))
		note->message[utf8_cut(note->message, sizeof(note->message) - 1, sizeof(note->message) - 1)] = '\0';
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
	case ERR_SEAL_KEY_MISSING:
	case ERR_INSTANCE_URL_INVALID:
	case ERR_INSTANCE_INSECURE:
	case ERR_APP_NOT_CONFIGURED:
	case ERR_INSTALLATION_NOT_FOUND:
	case ERR_INSTALLATION_NOT_YOURS:
	case ERR_INSTALLATION_SUSPENDED:
		return CHECK_CONNECTION;
	case ERR_INSTANCE_TLS_UNTRUSTED:
		return CHECK_TLS;
	case ERR_TOKEN_MALFORMED:
	case ERR_TOKEN_REFUSED:
	case ERR_TOKEN_IN_USE:
		return CHECK_TOKEN;
	case ERR_TOKEN_SCOPE_MISSING:
	case ERR_TOKEN_PERMISSION_MISSING:
		return CHECK_SCOPES;
	case ERR_REPO_NOT_FOUND:
	case ERR_REPO_IDENTITY_CHANGED:
	case ERR_PROXY_DECODES_PATHS:
	case ERR_PATH_NOT_FOUND:
	case ERR_FILE_TOO_LARGE:
	case ERR_LIST_TOO_LONG:
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
	case ERR_REF_NOT_FOUND:
	case ERR_BRANCH_INVALID:
	case ERR_BRANCH_NOT_FOUND:
	case ERR_BRANCH_PROTECTED:
	case ERR_DEFAULT_BRANCH_MISSING:
		return CHECK_BRANCH;
	default:
		return CHECK_REACHABLE;
	}
}

enum check_name check_list_fail_by_error(struct check_list *list, const struct error *failure, bool https)
{
	enum check_name check = check_of_error(failure->code);

	/* A branch can be asked for without any right to push. */
	check_list_pass_network(list, check < CHECK_PUSH ? check : CHECK_PUSH, https);
	check_list_fail(list, check, failure);
	return check;
}
