#include "session_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "ascii.h"
#include "branch_name.h"
#include "caps.h"
#include "encoding.h"
#include "merge_request_spec.h"
#include "secret.h"

enum { RANDOM_NAME_BYTES = 4, PLACE_MAX = 64, API_VERSION_MAX = 64, DISPLAY_NAME_MAX = 256, VARIABLE_NAME_MAX = 128 };

static const char *const api_versions[] = {"ambient-code.io/v1alpha1", "vteam.ambient-code/v1alpha1"};

void session_repository_release(struct session_repository *r)
{
	free(r->name);
	free(r->url);
	free(r->provider);
	free(r->start_branch);
	free(r->push_branch);
}

void session_spec_release(struct session_spec *spec)
{
	for (size_t i = 0; i < spec->repository_count; i++)
		session_repository_release(&spec->repositories[i]);
	for (size_t i = 0; i < spec->retired_count; i++)
		free(spec->retired_names[i]);
	free(spec->repositories);
	free(spec->retired_names);
	free(spec->name);
	free(spec->project);
	free(spec->description);
	free(spec->display_name);
	json_decref(spec->merge_request);
	json_decref(spec->environment);
	*spec = (struct session_spec)SESSION_SPEC_INIT;
}

/* The readers name a member, this adds where it is: "In spec.repositories[2]: …". */
static bool in_place(const char *place, const struct error *cause, struct error *err)
{
	error_set(err, ERR_SESSION_INVALID, "In %s: %s", place, cause->message);
	return cause->remediation[0] ? error_remedy(err, "%s", cause->remediation) : false;
}

static const char *null_if_empty(const char *text)
{
	return text && text[0] ? text : NULL;
}

static bool read_kind(const json_t *object, struct error *err)
{
	const char *version = NULL, *kind = NULL;
	bool known = false;

	if (!json_read_string(object, "apiVersion", JSON_OPTIONAL, API_VERSION_MAX, &version, err) ||
	    !json_read_string(object, "kind", JSON_OPTIONAL, API_VERSION_MAX, &kind, err))
		return false;
	for (size_t i = 0; version && i < ARRAY_SIZE(api_versions); i++)
		known = known || strcmp(version, api_versions[i]) == 0;
	if (version && !known)
		return error_set(err, ERR_SESSION_INVALID, "The apiVersion '%s' is neither %s nor %s.", version, api_versions[0],
		                 api_versions[1]);
	if (kind && strcmp(kind, "AgenticSession") != 0)
		return error_set(err, ERR_SESSION_INVALID, "The kind '%s' is not AgenticSession.", kind);
	return true;
}

static char *make_name(const char *prefix)
{
	CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT(LIMIT_SESSION_NAME_MAX);
	unsigned char bytes[RANDOM_NAME_BYTES];

	random_bytes(bytes, sizeof(bytes));
	strbuf_add_string(&name, prefix);
	encode_hex(&name, bytes, sizeof(bytes));
	return strbuf_detach(&name);
}

static bool read_metadata(const json_t *object, struct session_spec *spec, struct error *err)
{
	const json_t *metadata = NULL;
	const char *name = NULL, *generate = NULL, *project = NULL;
	struct error cause = ERROR_INIT;

	if (!json_read_object(object, "metadata", JSON_OPTIONAL, &metadata, err))
		return false;
	if (metadata && (!json_read_string(metadata, "name", JSON_OPTIONAL, LIMIT_SESSION_NAME_MAX, &name, &cause) ||
	                 !json_read_string(metadata, "generateName", JSON_OPTIONAL, LIMIT_SESSION_NAME_MAX - 2 * RANDOM_NAME_BYTES,
	                                   &generate, &cause) ||
	                 !json_read_string(metadata, "namespace", JSON_OPTIONAL, LIMIT_PROJECT_NAME_MAX, &project, &cause)))
		return in_place("metadata", &cause, err);

	name = null_if_empty(name);
	generate = null_if_empty(generate);
	spec->name = name ? xstrdup(name) : make_name(generate ? generate : "session-");
	if (!session_name_is_valid(spec->name))
		return error_set(err, ERR_SESSION_INVALID,
		                 "metadata.%s is not a name: lower-case letters, digits, hyphens and dots are possible.",
		                 name ? "name" : "generateName");
	spec->project = xstrdup(null_if_empty(project));
	if (spec->project && !project_name_is_valid(spec->project))
		return error_set(err, ERR_SESSION_INVALID,
		                 "metadata.namespace is not a name: lower-case letters, digits and hyphens are possible.");
	return true;
}

/* "ambient/<session>", made to a branch that git accepts: a session may be called "a.lock" or be longer than a branch can be. */
static char *default_push_branch(const char *session, unsigned number)
{
	CLEANUP(strbuf_release) struct strbuf branch = STRBUF_INIT(LIMIT_BRANCH_MAX);
	size_t length = strlen(session);
	static const char lock[] = ".lock";

	if (length > FOLDER_MAX)
		length = FOLDER_MAX;
	while (length > 0 && !ascii_is_alnum(session[length - 1]))
		length--;
	strbuf_add_string(&branch, "ambient/");
	strbuf_add(&branch, session, length);
	if (length >= strlen(lock) && memcmp(session + length - strlen(lock), lock, strlen(lock)) == 0)
		branch.data[branch.length - strlen(lock)] = '-';
	if (number > 1)
		strbuf_addf(&branch, "-%u", number);
	return strbuf_detach(&branch);
}

bool session_folder_is_taken(const struct session_spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->repository_count; i++) {
		if (strcasecmp(spec->repositories[i].name, name) == 0)
			return true;
	}
	for (size_t i = 0; i < spec->retired_count; i++) {
		if (strcasecmp(spec->retired_names[i], name) == 0)
			return true;
	}
	return false;
}

/* The project's last segment; a leading dot would hide the folder. */
static char *make_folder(const struct session_spec *spec, const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(freep) char *base = xstrndup(slash ? slash + 1 : path, FOLDER_MAX);

	if (base[0] == '.')
		base[0] = '_';
	if (!session_folder_is_taken(spec, base))
		return TAKE(base);
	for (unsigned number = 2;; number++) {
		CLEANUP(freep) char *numbered = xasprintf("%s-%u", base, number);
		if (!session_folder_is_taken(spec, numbered))
			return TAKE(numbered);
	}
}

char *session_kept_address(const char *text)
{
	CLEANUP(repo_url_release) struct repo_url given = REPO_URL_INIT, kept = REPO_URL_INIT;
	CLEANUP(freep) char *clean = repo_url_clean_text(text);
	CLEANUP(strbuf_release) struct strbuf address = STRBUF_INIT(2 * (size_t)LIMIT_URL_MAX);

	if (!repo_url_parse(text, &given, NULL) || !given.ref || !repo_url_parse(clean, &kept, NULL) || kept.ref)
		return TAKE(clean);
	strbuf_addf(&address, "%s#", clean);
	strbuf_add_percent_encoded(&address, given.ref, "/");
	/* What escapes make too long could not be read again. */
	return address.length <= LIMIT_URL_MAX ? strbuf_detach(&address) : TAKE(clean);
}

/* Where a mention starts from: its branch, else what the pasted page shows. NULL: the default branch. */
struct start {
	const char *text;
	bool is_pasted; /* a branch and, maybe, a path in it: "main/docs" */
};

static struct start start_of(const char *branch, const struct repo_url *url)
{
	return branch ? (struct start){branch, false} : (struct start){url->ref, true};
}

/* As git has no branch "main/docs" beside a branch "main", a page that goes on behind the other's start is one of the same branch.
 */
static bool goes_on(const struct start *page, const char *start)
{
	size_t length = strlen(start);

	return page->is_pasted && strncmp(page->text, start, length) == 0 && page->text[length] == '/';
}

static bool is_same_start(const struct start *a, const struct start *b)
{
	if (!a->text || !b->text)
		return a->text == b->text;
	return strcmp(a->text, b->text) == 0 || goes_on(a, b->text) || goes_on(b, a->text);
}

struct session_repository *session_wish_find(const struct session_spec *spec, const struct repo_url *url, const struct wish *wish,
                                             const struct session_repository *output, unsigned *ret_clones)
{
	const struct start wanted = start_of(wish->start_branch, url);

	*ret_clones = 0;
	for (size_t i = 0; i < spec->repository_count; i++) {
		CLEANUP(repo_url_release) struct repo_url other = REPO_URL_INIT;
		struct session_repository *r = &spec->repositories[i];
		struct start start;

		if (!repo_url_parse(r->url, &other, NULL) || !repo_url_is_same(&other, url))
			continue;
		start = start_of(r->start_branch, &other);
		if (is_same_start(&start, &wanted) || (r == output && !start.text))
			return r;
		*ret_clones += r->push_branch != NULL;
	}
	return NULL;
}

static bool check_branch(const char *member, const char *branch, struct error *err)
{
	struct error cause = ERROR_INIT;

	if (!branch || branch_name_check(branch, &cause))
		return true;
	return error_set(err, cause.code, "%s: %s", member, cause.message);
}

bool session_wish_add(struct session_spec *spec, const struct wish *wish, bool has_output, struct error *err)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	enum provider provider;
	unsigned clones;

	if (!repo_url_parse(wish->url, &url, err) || !check_branch("branch", wish->start_branch, err) ||
	    !check_branch("branch", wish->push_branch, err))
		return false;
	if (wish->provider && !provider_parse(wish->provider, &provider))
		return error_set(err, ERR_FIELD_INVALID, "provider is neither gitlab nor github.");

	const struct session_repository *output = has_output && spec->repository_count > 0 ? &spec->repositories[0] : NULL;
	struct session_repository *r = session_wish_find(spec, &url, wish, output, &clones);
	if (!r) {
		if (spec->repository_count == LIMIT_SESSION_REPOSITORIES)
			return error_set(err, ERR_SESSION_INVALID, "More than %d repositories are named.",
			                 LIMIT_SESSION_REPOSITORIES);
		CLEANUP(freep) char *folder = make_folder(spec, url.path);
		r = &spec->repositories[spec->repository_count++];
		r->name = TAKE(folder);
		r->url = session_kept_address(wish->url);
	}
	/* What says where to start from takes precedence over outputRepo's address, which says only where to push. */
	if (wish->start_branch) {
		set_string(&r->start_branch, wish->start_branch);
	} else if (r == output && url.ref && !r->start_branch) {
		CLEANUP(freep) char *page = session_kept_address(wish->url);
		set_string(&r->url, page);
	}
	if (wish->provider && !r->provider)
		r->provider = xstrdup(wish->provider);
	if (wish->push && !r->push_branch)
		r->push_branch = wish->push_branch ? xstrdup(wish->push_branch) : default_push_branch(spec->name, clones + 1);
	return true;
}

/* Reads one object {url, branch?, provider?, autoPush?}; `branch` and `autoPush` mean what the list says they mean. */
static bool read_repository(const json_t *item, bool auto_push, struct wish *ret, struct error *err)
{
	const char *branch = NULL, *provider = NULL;

	if (!json_is_object(item))
		return error_set(err, ERR_SESSION_INVALID, "It is not an object.");
	if (!json_read_string(item, "url", JSON_REQUIRED, LIMIT_URL_MAX, &ret->url, err) ||
	    !json_read_string(item, "branch", JSON_OPTIONAL, LIMIT_BRANCH_MAX, &branch, err) ||
	    !json_read_string(item, "provider", JSON_OPTIONAL, LIMIT_PROJECT_NAME_MAX, &provider, err) ||
	    (auto_push && !json_read_bool(item, "autoPush", JSON_OPTIONAL, &ret->push, err)))
		return false;
	ret->start_branch = null_if_empty(branch);
	ret->provider = null_if_empty(provider);
	return true;
}

/* As in_place, but an address or a branch keeps its own code: the client can tell them apart. */
static bool in_list(const char *place, const struct error *cause, struct error *err)
{
	bool specific = cause->code == ERR_REPO_URL_INVALID || cause->code == ERR_BRANCH_INVALID;

	in_place(place, cause, err);
	if (specific && err)
		err->code = cause->code;
	return false;
}

static bool read_output(const json_t *spec_object, struct session_spec *spec, bool *ret_has_output, struct error *err)
{
	const json_t *output = NULL;
	struct error cause = ERROR_INIT;
	struct wish wish = {.push = true};

	if (!json_read_object(spec_object, "outputRepo", JSON_OPTIONAL, &output, &cause))
		return in_place("spec", &cause, err);
	*ret_has_output = output != NULL;
	if (!output)
		return true;
	if (!read_repository(output, false, &wish, &cause))
		return in_list("spec.outputRepo", &cause, err);
	wish.push_branch = wish.start_branch;
	wish.start_branch = NULL;
	return session_wish_add(spec, &wish, false, &cause) || in_list("spec.outputRepo", &cause, err);
}

static bool read_list(const json_t *spec_object, const char *name, bool auto_push, bool has_output, struct session_spec *spec,
                      struct error *err)
{
	const json_t *list = NULL;
	struct error cause = ERROR_INIT;
	size_t i;
	json_t *item;

	if (!json_read_array(spec_object, name, JSON_OPTIONAL, LIMIT_SESSION_REPOSITORIES, &list, &cause))
		return in_place("spec", &cause, err);
	json_array_foreach(list, i, item)
	{
		CLEANUP(freep) char *place = xasprintf("spec.%s[%zu]", name, i);
		struct wish wish = {.push = !auto_push};
		if (!read_repository(item, auto_push, &wish, &cause) || !session_wish_add(spec, &wish, has_output, &cause))
			return in_list(place, &cause, err);
	}
	return true;
}

static bool read_texts(const json_t *spec_object, struct session_spec *spec, struct error *err)
{
	const char *description = NULL, *prompt = NULL, *display_name = NULL;
	const json_t *merge_request = NULL;
	struct error cause = ERROR_INIT;

	if (!json_read_text(spec_object, "description", JSON_OPTIONAL, LIMIT_DESCRIPTION, &description, &cause) ||
	    !json_read_text(spec_object, "initialPrompt", JSON_OPTIONAL, LIMIT_DESCRIPTION, &prompt, &cause) ||
	    !json_read_string(spec_object, "displayName", JSON_OPTIONAL, DISPLAY_NAME_MAX, &display_name, &cause) ||
	    !json_read_object(spec_object, "mergeRequest", JSON_OPTIONAL, &merge_request, &cause))
		return in_place("spec", &cause, err);
	if (!null_if_empty(description))
		description = prompt ? prompt : "";
	spec->description = xstrdup(description);
	spec->display_name = xstrdup(null_if_empty(display_name));
	spec->merge_request = json_deep_copy(merge_request);
	return true;
}

static bool check_merge_request(const struct session_spec *spec, struct error *err)
{
	CLEANUP(merge_request_spec_release) struct merge_request_spec read = MERGE_REQUEST_SPEC_INIT;
	struct error cause = ERROR_INIT;

	return !spec->merge_request || merge_request_spec_parse(spec->merge_request, &read, &cause) ||
	       in_list("spec.mergeRequest", &cause, err);
}

/* As Kubernetes has it. */
static bool is_variable_name(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-0123456789";

	return *name && !(*name >= '0' && *name <= '9') && strlen(name) <= VARIABLE_NAME_MAX && name[strspn(name, allowed)] == '\0';
}

static bool read_environment(const json_t *spec_object, struct session_spec *spec, struct error *err)
{
	const json_t *environment = NULL;
	struct error cause = ERROR_INIT;
	const char *name;
	json_t *value;

	if (!json_read_object(spec_object, "environmentVariables", JSON_OPTIONAL, &environment, &cause))
		return in_place("spec", &cause, err);
	if (json_object_size(environment) > LIMIT_SESSION_VARIABLES)
		return error_set(err, ERR_SESSION_INVALID, "In spec.environmentVariables: More than %d variables are named.",
		                 LIMIT_SESSION_VARIABLES);
	json_object_foreach((json_t *)(uintptr_t)environment, name, value)
	{
		const char *text = NULL;

		if (!is_variable_name(name))
			return error_set(err, ERR_SESSION_INVALID,
			                 "In spec.environmentVariables: '%.64s' is no name of a variable.", name);
		if (!json_read_text(environment, name, JSON_REQUIRED, LIMIT_DESCRIPTION, &text, &cause))
			return in_place("spec.environmentVariables", &cause, err);
	}
	spec->environment = json_deep_copy(environment);
	return true;
}

static bool parse(const json_t *object, struct session_spec *spec, struct error *err)
{
	const json_t *spec_object = NULL;
	bool has_output = false;

	if (!json_is_object(object))
		return error_set(err, ERR_SESSION_INVALID, "An AgenticSession is a JSON object.");
	if (!read_kind(object, err) || !read_metadata(object, spec, err) ||
	    !json_read_object(object, "spec", JSON_REQUIRED, &spec_object, err))
		return false;
	spec->repositories = xcalloc(LIMIT_SESSION_REPOSITORIES, sizeof(*spec->repositories));
	return read_texts(spec_object, spec, err) && check_merge_request(spec, err) && read_environment(spec_object, spec, err) &&
	       read_output(spec_object, spec, &has_output, err) &&
	       read_list(spec_object, "repositories", false, has_output, spec, err) &&
	       read_list(spec_object, "repos", true, has_output, spec, err);
}

bool session_spec_parse(const json_t *object, struct session_spec *ret, struct error *err)
{
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;

	if (!parse(object, &spec, err))
		return false;
	*ret = spec;
	spec = (struct session_spec)SESSION_SPEC_INIT;
	return true;
}
