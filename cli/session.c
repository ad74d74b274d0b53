/* session create | list | show | push | delete: agentic sessions, over HTTP. */
#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "file.h"
#include "remote_verb.h"
#include "session_view.h"
#include "terminal.h"

#include <time.h>
#include <unistd.h>

enum {
	POLL_MS = 1000,
	PATIENCE_MS = 60 * 1000, /* how long a service that is restarting is waited for */
};

static const char default_project[] = "default";

/* What every verb takes. */
struct session_arguments {
	const char *project;
	bool wait;
};

/* "/api/projects/<project>/agentic-sessions[/<name>][rest]". Caller frees. */
static char *session_path(const char *project, const char *name, const char *rest)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(LIMIT_URL_MAX);

	strbuf_add_string(&path, "/agentic-sessions");
	if (name) {
		strbuf_add_char(&path, '/');
		strbuf_add_percent_encoded(&path, name, NULL);
	}
	strbuf_add_string(&path, rest);
	return remote_project_path(project, path.data);
}

/* ---- Following one to its end ---- */

static int judge_session(const json_t *answer, const void *context)
{
	(void)context;
	return session_view_exit(answer);
}

static void show_session(const json_t *answer, const void *context)
{
	(void)context;
	session_view_print(stdout, answer);
}

static void pause_ms(long ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)nanosleep(&pause, NULL);
}

/* Asks until the session is over; a service that does not answer is asked again for a while. */
static bool follow(struct remote *remote, const char *path, struct remote_answer *ret, struct error *err)
{
	struct session_ticker ticker = session_ticker_on(stderr);
	const struct remote_request request = {.method = "GET", .path = path};
	int64_t answered_ms = clock_monotonic_ms();

	for (;;) {
		CLEANUP(remote_answer_release) struct remote_answer answer = REMOTE_ANSWER_INIT;
		bool came = remote_ask(remote, &request, &answer, err), over;

		if (came && answer.status < 500)
			answered_ms = clock_monotonic_ms();
		over = came && (answer.status == 200 ? session_view_is_over(answer.json) : answer.status < 500);
		if (over || clock_monotonic_ms() - answered_ms > PATIENCE_MS) {
			session_ticker_clear(&ticker);
			*ret = answer;
			answer = (struct remote_answer)REMOTE_ANSWER_INIT;
			return came;
		}
		if (came && answer.status == 200)
			session_ticker_draw(&ticker, answer.json);
		pause_ms(POLL_MS);
	}
}

/* Makes the call; with `wait`, what is shown is the session at its end, `path` being where it is asked for. */
static int call_and_wait(struct cli *cli, const struct remote_request *request, const struct remote_view *view, bool wait,
                         char *(*path_of)(const json_t *answer, const void *context), const void *context)
{
	static const struct remote_view at_the_end = {.judge = judge_session, .show = show_session};
	CLEANUP(remote_release) struct remote remote = REMOTE_INIT;
	CLEANUP(remote_answer_release) struct remote_answer answer = REMOTE_ANSWER_INIT, last = REMOTE_ANSWER_INIT;
	CLEANUP(freep) char *path = NULL;
	struct error failure = ERROR_INIT;

	if (!remote_open(&remote, &cli->settings, &failure) || !remote_ask(&remote, request, &answer, &failure))
		return cli_fail(&failure);
	if (!wait || answer.status < 200 || answer.status >= 300)
		return remote_present(cli, &answer, view);
	path = path_of(answer.json, context);
	if (!follow(&remote, path, &last, &failure))
		return cli_fail(&failure);
	return remote_present(cli, &last, &at_the_end);
}

/* A session whose name the answer tells. `context` is the project. */
static char *path_of_created(const json_t *answer, const void *context)
{
	return session_path(context, json_string_or(json_object_get(answer, "metadata"), "name", ""), "");
}

static char *path_given(const json_t *answer, const void *context)
{
	(void)answer;
	return xstrdup(context);
}

/* ---- create ---- */

struct create_arguments {
	struct session_arguments common;
	const char *name, *description, *url, *branch;
	bool merge_request;
};

static bool read_stdin(struct strbuf *to, struct error *err)
{
	return file_read_all(STDIN_FILENO, to) ||
	       error_set(err, ERR_FIELD_INVALID, "Standard input cannot be read, or is too long.");
}

/* The AgenticSession of a file; "-" is standard input. Caller decrefs. */
static bool read_object(const char *file, json_t **ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_BODY_DEFAULT);

	if (strcmp(file, "-") == 0 ? !read_stdin(&text, err) : !file_read(file, &text, err)) {
		err->code = ERR_FIELD_INVALID;
		return error_remedy(err, "Name a file that holds one AgenticSession as JSON.");
	}
	if (json_parse_body(text.data, text.length, ret, err))
		return true;
	err->code = ERR_FIELD_INVALID;
	return error_remedy(err, "Write one AgenticSession as JSON (of YAML, the output of 'yq -o json').");
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text)
		json_object_set_new(object, name, json_string(text));
}

/* The member of this name as an object; what is there of another kind is the service's to refuse. Borrowed. */
static json_t *member(json_t *object, const char *name)
{
	if (!json_object_get(object, name))
		json_object_set_new(object, name, json_object());
	return json_object_get(object, name);
}

/* What the options say goes over what the file says. */
static void apply_options(json_t *object, const struct create_arguments *arguments)
{
	json_t *spec = member(object, "spec"), *repository;

	set_text(member(object, "metadata"), "name", arguments->name);
	set_text(spec, "description", arguments->description);
	if (arguments->url || arguments->branch) {
		repository = member(spec, "outputRepo");
		set_text(repository, "url", arguments->url);
		set_text(repository, "branch", arguments->branch);
	}
	if (arguments->merge_request)
		(void)member(spec, "mergeRequest");
}

static void show_created(const json_t *answer, const void *context)
{
	(void)context;
	session_view_print_line(stdout, answer);
}

static int create_verb(struct cli *cli, int argc, char **argv)
{
	static const struct remote_view view = {.show = show_created};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(json_decrefp) json_t *object = NULL;
	CLEANUP(freep) char *path = NULL;
	struct create_arguments arguments = {.common.project = default_project};
	const struct cli_option options[] = {
	        {"--project", CLI_VALUE, &arguments.common.project},  {"--name", CLI_VALUE, &arguments.name},
	        {"--description", CLI_VALUE, &arguments.description}, {"--repo", CLI_VALUE, &arguments.url},
	        {"--branch", CLI_VALUE, &arguments.branch},           {"--merge-request", CLI_FLAG, &arguments.merge_request},
	        {"--wait", CLI_FLAG, &arguments.common.wait}};
	struct remote_request request = {.method = "POST"};
	struct error failure = ERROR_INIT;

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 1) ||
	    !remote_takes(cli, (const char *const[]){arguments.name, arguments.description, arguments.url, arguments.branch}, 4))
		return CLI_USAGE;
	if (operands.count == 0 && !arguments.description)
		return cli_usage(cli, "A file, or --description, must say what the session is to do.");
	if (operands.count > 0 && !read_object(operands.items[0], &object, &failure))
		return cli_fail(&failure);
	if (!object)
		object = json_object();
	apply_options(object, &arguments);
	request.body = object;
	request.path = path = session_path(arguments.common.project, NULL, "");
	return call_and_wait(cli, &request, &view, arguments.common.wait, path_of_created, arguments.common.project);
}

/* ---- list ---- */

static void show_list(const json_t *answer, const void *context)
{
	const json_t *items = json_object_get(answer, "items"), *item;
	size_t i;

	if (json_array_size(items) == 0)
		terminal_line(stdout, "The project %s has no sessions.", (const char *)context);
	json_array_foreach(items, i, item) session_view_print_line(stdout, item);
	if (!json_bool_or(answer, "complete", true))
		terminal_line(stdout, "Older ones are not listed; 'acp-gitlab session show NAME' shows each.");
}

static int list_verb(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(freep) char *path = NULL;
	const char *project = default_project;
	const struct cli_option options[] = {{"--project", CLI_VALUE, &project}};
	struct remote_view view = {.show = show_list};

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0))
		return CLI_USAGE;
	view.context = project;
	path = session_path(project, NULL, "");
	return remote_verb(cli, &(struct remote_request){.method = "GET", .path = path}, &view);
}

/* ---- show, push, delete ---- */

/* One call about the session that the arguments name. `takes_wait`: --wait is one of them. */
static int about_one(struct cli *cli, int argc, char **argv, const char *method, const char *rest, const struct remote_view *view,
                     bool takes_wait)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(freep) char *path = NULL, *shown = NULL;
	struct session_arguments arguments = {.project = default_project};
	const struct cli_option options[] = {{"--project", CLI_VALUE, &arguments.project}, {"--wait", CLI_FLAG, &arguments.wait}};

	if (!cli_parse(cli, argc, argv, options, takes_wait ? 2 : 1, &operands, 1, 1) ||
	    !remote_takes(cli, (const char *const[]){operands.items[0]}, 1))
		return CLI_USAGE;
	path = session_path(arguments.project, operands.items[0], rest);
	shown = session_path(arguments.project, operands.items[0], "");
	return call_and_wait(cli, &(struct remote_request){.method = method, .path = path}, view, arguments.wait, path_given,
	                     shown);
}

static void show_message(const json_t *answer, const void *context)
{
	(void)context;
	terminal_line(stdout, "%s.", json_string_or(answer, "message", "Done"));
}

static int show_verb(struct cli *cli, int argc, char **argv)
{
	static const struct remote_view view = {.judge = judge_session, .show = show_session};

	return about_one(cli, argc, argv, "GET", "", &view, true);
}

static int push_verb(struct cli *cli, int argc, char **argv)
{
	static const struct remote_view view = {.show = show_message};

	return about_one(cli, argc, argv, "POST", "/git/push", &view, true);
}

static int delete_verb(struct cli *cli, int argc, char **argv)
{
	static const struct remote_view view = {.show = show_message};

	return about_one(cli, argc, argv, "DELETE", "", &view, false);
}

const struct command session_commands[] = {
        {"session", "create",
         "[FILE] [--name NAME] [--description TEXT] [--repo URL] [--branch B] [--merge-request] [--project P] [--wait] [--json]",
         "Create an agentic session.",
         "FILE holds an AgenticSession as JSON, '-' is standard input; the options go over what it says, or make one by "
         "themselves. "
         "B is\n"
         "where to push. Without a repository the session takes those of the project. The same name by the same owner creates it "
         "once.\n"
         "With --wait the command ends with the session, shows its progress on a terminal, and its exit code is 0 only if it "
         "completed.\n\n"
         "Examples:\n"
         "  acp-gitlab session create --description 'Add feature X' --repo https://gitlab.com/team/backend --branch feature/x "
         "--wait\n"
         "  acp-gitlab session create session.json --project team-a --json | jq -r .metadata.name\n"
         "  acp-gitlab session create --description 'Tidy up' --merge-request\n",
         true, create_verb},
        {"session", "list", "[--project P] [--json]", "List the sessions of a project, newest first.",
         "One line each: phase, name, when it was created; below it the branch or merge request that it made.\n\n"
         "Examples:\n"
         "  acp-gitlab session list\n"
         "  acp-gitlab session list --json | jq -r '.items[] | select(.status.phase == \"Failed\") | .metadata.name'\n",
         true, list_verb},
        {"session", "show", "NAME [--project P] [--wait] [--json]", "Show a session: phase, repositories, links, errors.",
         "The exit code is 0 while it runs and when it completed; otherwise that of the first repository's error, or 1. With "
         "--wait it is\n"
         "shown when it has ended.\n\n"
         "Examples:\n"
         "  acp-gitlab session show add-feature-x\n"
         "  acp-gitlab session show add-feature-x --wait --json | jq -r .status.notification\n",
         true, show_verb},
        {"session", "push", "NAME [--project P] [--wait] [--json]", "Commit and push now what a session has changed.",
         "For sessions whose agent runs elsewhere, and for those that could not push and whose work is kept.\n\n"
         "Example:\n"
         "  acp-gitlab session push add-feature-x --wait\n",
         true, push_verb},
        {"session", "delete", "NAME [--project P] [--json]", "End a session and remove its workspace.",
         "What it has pushed stays.\n\n"
         "Example:\n"
         "  acp-gitlab session delete add-feature-x\n",
         true, delete_verb},
        {0},
};
