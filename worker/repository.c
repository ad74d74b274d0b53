#include "repository.h"

#include <stdlib.h>

#include "alloc.h"
#include "caps.h"
#include "encoding.h"

const char *repository_phase_name(enum repository_phase phase)
{
	static const char *const names[] = {
	        [REPOSITORY_PENDING] = "Pending", [REPOSITORY_CLONING] = "Cloning", [REPOSITORY_READY] = "Ready",
	        [REPOSITORY_PUSHING] = "Pushing", [REPOSITORY_PUSHED] = "Pushed",   [REPOSITORY_UNCHANGED] = "Unchanged",
	        [REPOSITORY_FAILED] = "Failed",
	};

	return names[phase];
}

static void repository_release(struct repository *r)
{
	char *const owned[] = {r->name,           r->url,          r->web_url,           r->project_path, r->clone_url,
	                       r->default_branch, r->start_branch, r->push_branch,       r->branch_url,   r->username,
	                       r->commit_name,    r->commit_email, r->merge_request_url, r->api_base,     r->git_user,
	                       r->credential,     r->mirror};

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	json_decref(r->preflight);
	json_decref(r->warnings);
}

void repositories_release(struct repositories *r)
{
	for (size_t i = 0; i < r->count; i++)
		repository_release(&r->items[i]);
	free(r->items);
	*r = (struct repositories)REPOSITORIES_INIT;
}

bool error_from_json(const json_t *object, struct error *err)
{
	enum error_code code = error_code_of(json_string_or(object, "code", ""));
	const char *message = json_string_or(object, "message", json_string_or(object, "error", NULL));
	const char *remedy = json_string_or(object, "remediation", NULL);

	error_set(err, code == ERR_NONE ? ERR_GIT_FAILED : code, "%s",
	          message ? message : "The git gate refused without a reason.");
	if (remedy)
		error_remedy(err, "%s", remedy);
	return false;
}

/* The name becomes a folder and a part of addresses: the grammar of a path segment, and nothing that a file system reads specially.
 */
static bool is_folder_name(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

	return name && *name && strlen(name) <= 255 && strspn(name, allowed) == strlen(name) && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && strcasecmp(name, ".git") != 0;
}

/* Hours before the push is refused for it. */
static void warn_of_branch(struct repository *r, const json_t *checks)
{
	size_t i;
	const json_t *check;

	json_array_foreach(checks, i, check)
	{
		if (strcmp(json_string_or(check, "code", ""), "branch_exists") == 0)
			repository_warn(r, "branch_exists", "%s", json_string_or(check, "message", ""));
	}
}

static bool read_repository(const json_t *object, struct repository *r, struct error *err)
{
	const struct {
		const char *name;
		char **slot;
	} members[] = {
	        {"name", &r->name},
	        {"url", &r->url},
	        {"webUrl", &r->web_url},
	        {"projectPath", &r->project_path},
	        {"cloneUrl", &r->clone_url},
	        {"defaultBranch", &r->default_branch},
	        {"startBranch", &r->start_branch},
	        {"pushBranch", &r->push_branch},
	        {"branchUrl", &r->branch_url},
	        {"username", &r->username},
	        {"apiBase", &r->api_base},
	        {"gitUser", &r->git_user},
	        {"credential", &r->credential},
	};
	const json_t *commit = json_object_get(object, "commit");
	const json_t *failure = json_object_get(object, "error");

	r->preflight = json_incref((json_t *)(uintptr_t)object);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		set_string(members[i].slot, json_string_or(object, members[i].name, NULL));
	if (!is_folder_name(r->name))
		return error_set(err, ERR_GIT_FAILED, "The git gate named a repository that cannot be a folder.");
	set_string(&r->commit_name, json_string_or(commit, "name", r->username));
	set_string(&r->commit_email, json_string_or(commit, "email", NULL));
	if (!provider_parse(json_string_or(object, "provider", ""), &r->provider))
		r->provider = PROVIDER_UNKNOWN;
	r->project_id = json_int_or(object, "projectId", 0);
	r->empty = json_bool_or(object, "empty", false);
	r->blocking = json_bool_or(object, "blocking", false);
	if (r->blocking) {
		error_from_json(failure, &r->error);
		r->phase = REPOSITORY_FAILED;
	} else if (!r->clone_url) {
		return error_set(err, ERR_GIT_FAILED, "The git gate gave no address for the repository %s.", r->name);
	} else if (failure) {
		struct error expected = ERROR_INIT;

		/* A session that changes nothing does not push, so it goes on; its user knows before the agent has worked. */
		error_from_json(failure, &expected);
		repository_warn(r, error_name(expected.code), "When the session started, a push would have failed: %s",
		                expected.message);
	}
	warn_of_branch(r, json_object_get(object, "checks"));
	return true;
}

bool repositories_from_preflight(const json_t *answer, struct repositories *ret, struct error *err)
{
	CLEANUP(repositories_release) struct repositories read = REPOSITORIES_INIT;
	const json_t *list = json_object_get(answer, "repositories");
	size_t count = json_array_size(list);

	if (!json_is_array(list) || count > LIMIT_SESSION_REPOSITORIES)
		return error_set(err, ERR_GIT_FAILED, "The git gate gave an unusable answer.");
	if (count == 0)
		return error_set(err, ERR_SESSION_NO_REPOSITORY, "The session has no repository.");
	read.items = xcalloc(count, sizeof(*read.items));
	for (size_t i = 0; i < count; i++) {
		read.count = i + 1;
		if (!read_repository(json_array_get(list, i), &read.items[i], err))
			return false;
		for (size_t earlier = 0; earlier < i; earlier++)
			if (strcasecmp(read.items[earlier].name, read.items[i].name) == 0)
				return error_set(err, ERR_GIT_FAILED, "The git gate named two repositories alike.");
	}
	*ret = read;
	read = (struct repositories)REPOSITORIES_INIT;
	return true;
}

void repositories_append(struct repositories *to, struct repositories *from)
{
	to->items = xrealloc(to->items, (to->count + from->count) * sizeof(*to->items));
	memcpy(to->items + to->count, from->items, from->count * sizeof(*to->items));
	to->count += from->count;
	free(from->items);
	*from = (struct repositories)REPOSITORIES_INIT;
}

void repositories_remove(struct repositories *r, size_t index)
{
	repository_release(&r->items[index]);
	memmove(&r->items[index], &r->items[index + 1], (r->count - index - 1) * sizeof(*r->items));
	r->count--;
}

void repository_warn(struct repository *r, const char *code, const char *format, ...)
{
	CLEANUP(strbuf_release) struct strbuf message = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);
	CLEANUP(strbuf_release) struct strbuf shown = STRBUF_INIT((size_t)2 * LIMIT_GITLAB_SENTENCE);
	size_t index;
	json_t *known;
	va_list args;

	json_array_foreach(r->warnings, index, known)
	{
		if (strcmp(json_string_or(known, "code", ""), code) == 0)
			return;
	}
	va_start(args, format);
	strbuf_vaddf(&message, format, args);
	va_end(args);
	for (const char *at = message.data; *at;) {
		size_t length = utf8_character(at, strlen(at));
		bool control = (unsigned char)*at < ' ' || *at == 0x7f || (length == 2 && memcmp(at, "\xc2\xa0", 2) < 0);
		bool printable = length > 0 && !control;
		strbuf_add(&shown, printable ? at : "?", printable ? length : 1);
		at += length ? length : 1;
	}
	if (!r->warnings)
		r->warnings = json_array();
	json_array_append_new(r->warnings, json_pack("{s:s, s:s}", "code", code, "message", shown.data));
}

void repository_warn_of_ci(struct repository *r, const json_t *result)
{
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);
	const json_t *paths = json_object_get(result, "ciPaths");
	int64_t more = json_int_or(result, "ciCount", 0) - (int64_t)json_array_size(paths);
	size_t i;
	const json_t *path;

	if (json_array_size(paths) == 0)
		return;
	json_array_foreach(paths, i, path) strbuf_addf(&list, "%s%.80s", i ? ", " : "", json_string_value(path));
	if (more > 0)
		strbuf_addf(&list, " and %lld more", (long long)more);
	repository_warn(r, "ci_changed", "The session changed what CI runs: %s.", list.data);
}

void repository_fail(struct repository *r, const struct error *err)
{
	r->phase = REPOSITORY_FAILED;
	r->error = *err;
	r->progress = (struct repository_progress){0};
}

void repository_readmit(struct repository *r)
{
	r->blocking = false;
	r->phase = REPOSITORY_PENDING;
	r->error = (struct error)ERROR_INIT;
}

const char *repository_provider_title(const struct repository *r)
{
	switch (r->provider) {
	case PROVIDER_GITLAB:
		return "GitLab";
	case PROVIDER_GITHUB:
		return "GitHub";
	case PROVIDER_UNKNOWN:
		break;
	}
	return "Git";
}
