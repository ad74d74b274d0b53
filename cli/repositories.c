/* validate | repositories [add | remove]: addresses of repositories, checked and kept in a project, over HTTP. */
#include "alloc.h"
#include "remote_verb.h"
#include "repo_url.h"
#include "report.h"
#include "terminal.h"

enum { WRITE_TRIES = 8 /* against others who write the same list */ };

static const char default_project[] = "default";

/* ---- validate ---- */

static int judge_report(const json_t *answer, const void *context)
{
	(void)context;
	return report_exit(answer);
}

static void show_report(const json_t *answer, const void *context)
{
	(void)context;
	report_print(stdout, answer);
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text)
		json_object_set_new(object, name, json_string(text));
}

static int validate_verb(struct cli *cli, int argc, char **argv)
{
	static const struct remote_view view = {.judge = judge_report, .show = show_report};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(json_decrefp) json_t *body = json_object();
	CLEANUP(freep) char *path = NULL;
	const char *project = default_project, *branch = NULL, *provider = NULL, *access = NULL;
	const struct cli_option options[] = {{"--project", CLI_VALUE, &project},
	                                     {"--branch", CLI_VALUE, &branch},
	                                     {"--provider", CLI_VALUE, &provider},
	                                     {"--access", CLI_VALUE, &access}};
	struct remote_request request = {.method = "POST", .body = body};

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 1, 1) ||
	    !remote_takes(cli, (const char *const[]){operands.items[0], branch, provider, access}, 4))
		return CLI_USAGE;
	set_text(body, "url", operands.items[0]);
	set_text(body, "branch", branch);
	set_text(body, "provider", provider);
	set_text(body, "access", access);
	path = remote_project_path(project, "/repositories/validate");
	request.path = path;
	return remote_verb(cli, &request, &view);
}

/* ---- repositories ---- */

static void show_list(const json_t *answer, const void *context)
{
	const json_t *entry, *entries = json_object_get(answer, "repositories"), *reports = json_object_get(answer, "reports");
	size_t i;

	if (json_array_size(entries) == 0)
		terminal_line(stdout, "The project %s has no repositories.", (const char *)context);
	json_array_foreach(entries, i, entry) report_entry_print(stdout, entry, json_array_get(reports, i));
}

static int list_verb(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(freep) char *path = NULL;
	const char *project = default_project;
	const struct cli_option options[] = {{"--project", CLI_VALUE, &project}};
	struct remote_request request = {.method = "GET"};
	struct remote_view view = {.show = show_list};

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0))
		return CLI_USAGE;
	path = remote_project_path(project, "/repositories");
	request.path = path;
	view.context = project;
	return remote_verb(cli, &request, &view);
}

/* ---- repositories add and remove ---- */

/* One change of a project's list. */
struct change {
	const char *project, *url, *branch, *provider;
	bool (*apply)(struct change *change, json_t *entries, struct error *err);
	size_t index; /* of the entry that was changed */
};

/* Whether both addresses name one project, however they are written. */
static bool names_same(const char *a, const char *b)
{
	CLEANUP(repo_url_release) struct repo_url one = REPO_URL_INIT, other = REPO_URL_INIT;

	return strcmp(a, b) == 0 ||
	       (repo_url_parse(a, &one, NULL) && repo_url_parse(b, &other, NULL) && repo_url_is_same(&one, &other));
}

/* The number of the entry from `start` on that has the address; the number of entries if none has. */
static size_t find_entry(const json_t *entries, size_t start, const char *url)
{
	size_t i = start;

	while (i < json_array_size(entries) && !names_same(json_string_or(json_array_get(entries, i), "url", ""), url))
		i++;
	return i;
}

/* An address that is there already keeps its place and what others wrote beside it. */
static bool apply_add(struct change *change, json_t *entries, struct error *err)
{
	json_t *entry;

	(void)err;
	change->index = find_entry(entries, 0, change->url);
	if (change->index == json_array_size(entries))
		json_array_append_new(entries, json_pack("{s:s}", "url", change->url));
	entry = json_array_get(entries, change->index);
	set_text(entry, "branch", change->branch);
	set_text(entry, "provider", change->provider);
	return true;
}

static bool apply_remove(struct change *change, json_t *entries, struct error *err)
{
	size_t found = find_entry(entries, 0, change->url);

	if (found == json_array_size(entries)) {
		error_set(err, ERR_REPO_NOT_FOUND, "The project %s has no repository with this address.", change->project);
		return error_remedy(err, "'acp-gitlab repositories' lists those it has.");
	}
	for (; found < json_array_size(entries); found = find_entry(entries, found, change->url))
		json_array_remove(entries, found);
	return true;
}

/* The list as it is, changed, and written only if it still is what was read. */
static bool try_change(struct remote *remote, struct change *change, const char *path, struct remote_answer *ret, struct error *err)
{
	CLEANUP(freep) char *read_path = xasprintf("%s?reports=false", path);
	CLEANUP(remote_answer_release) struct remote_answer read = REMOTE_ANSWER_INIT;
	struct remote_request request = {.method = "GET", .path = read_path};
	json_t *entries;

	if (!remote_ask(remote, &request, &read, err))
		return false;
	if (read.status != 200) {
		*ret = read;
		read = (struct remote_answer)REMOTE_ANSWER_INIT;
		return true;
	}
	entries = json_object_get(read.json, "repositories");
	if (!json_is_array(entries)) {
		entries = json_array();
		json_object_set_new(read.json, "repositories", entries);
	}
	if (!change->apply(change, entries, err))
		return false;
	request = (struct remote_request){.method = "PUT", .path = path, .body = read.json, .if_match = read.etag};
	return remote_ask(remote, &request, ret, err);
}

/* Somebody else's write in between means to begin again with their list. */
static bool make_change(const struct settings *settings, struct change *change, struct remote_answer *ret, struct error *err)
{
	CLEANUP(remote_release) struct remote remote = REMOTE_INIT;
	CLEANUP(freep) char *path = remote_project_path(change->project, "/repositories");
	const int changed_meanwhile = error_status(ERR_PRECONDITION_FAILED);

	if (!remote_open(&remote, settings, err))
		return false;
	for (int tries = 1;; tries++) {
		if (!try_change(&remote, change, path, ret, err))
			return false;
		if (ret->status != changed_meanwhile || tries == WRITE_TRIES)
			return true;
		remote_answer_release(ret);
	}
}

static int change_list(struct cli *cli, struct change *change, struct remote_view *view)
{
	CLEANUP(remote_answer_release) struct remote_answer answer = REMOTE_ANSWER_INIT;
	struct error failure = ERROR_INIT;

	view->context = change;
	if (!make_change(&cli->settings, change, &answer, &failure))
		return cli_fail(&failure);
	return remote_present(cli, &answer, view);
}

static const json_t *added_report(const json_t *answer, const struct change *change)
{
	return json_array_get(json_object_get(answer, "reports"), change->index);
}

static int judge_added(const json_t *answer, const void *context)
{
	return report_exit(added_report(answer, context));
}

static void show_added(const json_t *answer, const void *context)
{
	const struct change *change = context;
	const json_t *entry = json_array_get(json_object_get(answer, "repositories"), change->index);

	terminal_line(stdout, "%s is in the list of the project %s.", json_string_or(entry, "url", change->url), change->project);
	report_print(stdout, added_report(answer, change));
}

static void show_removed(const json_t *answer, const void *context)
{
	const struct change *change = context;
	const size_t left = json_array_size(json_object_get(answer, "repositories"));

	terminal_line(stdout, "Removed; the project %s has %zu %s left.", change->project, left,
	              left == 1 ? "repository" : "repositories");
}

static int add_verb(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	struct change change = {.project = default_project, .apply = apply_add};
	struct remote_view view = {.judge = judge_added, .show = show_added};
	const struct cli_option options[] = {{"--project", CLI_VALUE, &change.project},
	                                     {"--branch", CLI_VALUE, &change.branch},
	                                     {"--provider", CLI_VALUE, &change.provider}};

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 1, 1) ||
	    !remote_takes(cli, (const char *const[]){operands.items[0], change.branch, change.provider}, 3))
		return CLI_USAGE;
	change.url = operands.items[0];
	return change_list(cli, &change, &view);
}

static int remove_verb(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	struct change change = {.project = default_project, .apply = apply_remove};
	struct remote_view view = {.show = show_removed};
	const struct cli_option options[] = {{"--project", CLI_VALUE, &change.project}};

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 1, 1))
		return CLI_USAGE;
	change.url = operands.items[0];
	return change_list(cli, &change, &view);
}

/* The list comes last: it takes what is neither 'add' nor 'remove'. */
const struct command repository_commands[] = {
        {"validate", NULL, "URL [--branch B] [--provider gitlab|github] [--access read|write] [--project NAME] [--json]",
         "Check whether a session could clone and push a repository.",
         "URL is any address of it: https, ssh, host:path, or a page of it in the browser. With --access write (the default) B is "
         "where to\n"
         "push and may be missing, with read it is where to start. The checks run in their order; '-' could not run. The exit code "
         "is that\n"
         "of the first failed check: 3 in general, 4 token not accepted, 5 scope or role, 6 not found, 7 network or TLS, 8 rate "
         "limit.\n\n"
         "Examples:\n"
         "  acp-gitlab validate https://gitlab.com/team/backend\n"
         "  acp-gitlab validate git@gitlab.company.com:team/backend.git --branch main --access read\n"
         "  acp-gitlab validate https://git.myorg.io/team/backend --provider gitlab --json | jq .can\n",
         true, validate_verb},
        {"repositories", "add", "URL [--branch B] [--provider gitlab|github] [--project NAME] [--json]",
         "Add a repository to a project and check it.",
         "B is where sessions start from. An address that is in the list already keeps its place; --branch and --provider change "
         "it. It\n"
         "is kept whatever the checks say; the exit code is theirs, as with 'validate'. Others may change the list at the same "
         "time: "
         "the\n"
         "change is made again on theirs, a few times.\n\n"
         "Examples:\n"
         "  acp-gitlab repositories add https://gitlab.com/team/backend --branch develop\n"
         "  acp-gitlab repositories add git@github.com:team/site.git --project team-a\n",
         true, add_verb},
        {"repositories", "remove", "URL [--project NAME] [--json]", "Take a repository out of a project.",
         "URL may be written in another way than in the list. Exit code 6 when the list does not have it.\n\n"
         "Example:\n"
         "  acp-gitlab repositories remove https://gitlab.com/team/backend\n",
         true, remove_verb},
        {"repositories", NULL, "[--project NAME] [--json]", "List the repositories of a project, each with its report.",
         "The reports are the caller's own: what your accounts may do. The exit code is 0 whatever they say.\n\n"
         "Examples:\n"
         "  acp-gitlab repositories\n"
         "  acp-gitlab repositories --project team-a --json | jq -r '.repositories[].url'\n",
         true, list_verb},
        {0},
};
