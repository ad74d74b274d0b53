/* connect | status | test | disconnect: the caller's own GitLab and GitHub accounts, over HTTP. */
#include "provider.h"
#include "remote_verb.h"
#include "report.h"
#include "terminal.h"
#include "token_input.h"

/* Where the service has the calls of each provider, and what they are about. */
static const struct account_calls {
	const char *title, *prompt, *token_field;
	const char *connect, *test, *status;
	const char *disconnect_method, *disconnect;
	const char *connected; /* the member of the status that says whether there is any */
} calls_of[] = {
        [PROVIDER_GITLAB] = {"GitLab", "GitLab personal access token", "personalAccessToken", "/api/auth/gitlab/connect",
                             "/api/auth/gitlab/test", "/api/auth/gitlab/status", "POST", "/api/auth/gitlab/disconnect",
                             "connected"},
        [PROVIDER_GITHUB] = {"GitHub", "GitHub personal access token", "token", "/api/auth/github/pat", "/api/auth/github/test",
                             "/api/auth/github/pat/status", "DELETE", "/api/auth/github/pat", "configured"},
};

struct account_arguments {
	const struct account_calls *calls;
	const char *instance, *token_file;
};

/* ---- Arguments ---- */

/* How many of the options a verb has. */
enum account_options { WITH_PROVIDER = 1, WITH_INSTANCE = 2, WITH_TOKEN = 3 };

static bool read_arguments(struct cli *cli, int argc, char **argv, enum account_options count, struct account_arguments *ret)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	bool github = false;
	const struct cli_option options[] = {{"--github", CLI_FLAG, &github},
	                                     {"--instance", CLI_VALUE, &ret->instance},
	                                     {"--token-file", CLI_VALUE, &ret->token_file}};

	if (!cli_parse(cli, argc, argv, options, count, &operands, 0, SIZE_MAX) || !remote_takes(cli, &ret->instance, 1))
		return false;
	ret->calls = &calls_of[github ? PROVIDER_GITHUB : PROVIDER_GITLAB];
	if (operands.count == 0)
		return true;
	/* Most likely a token, which is not repeated. */
	(void)cli_usage(cli,
	                "There are no arguments but options. A token is never one: other users of the machine can read them, so "
	                "replace a token that was given here.");
	return false;
}

static void add_instance(json_t *body, const char *instance)
{
	if (instance)
		json_object_set_new(body, "instanceUrl", json_string(instance));
}

/* ---- Lines for people ---- */

static void print_scopes(const json_t *token, struct strbuf *to)
{
	const json_t *scope, *scopes = json_object_get(token, "scopes");
	size_t i;

	json_array_foreach(scopes, i, scope)
	{
		if (json_is_string(scope))
			strbuf_addf(to, "%s%s", i > 0 ? ", " : "", json_string_value(scope));
	}
	if (json_array_size(scopes) == 0)
		strbuf_add_string(to, "scopes not shown");
}

/* "  token good: api; expires 2027-01-31, in 70 days" */
static void print_token(const json_t *account)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(TERMINAL_LINE_MAX);
	const json_t *token = json_object_get(account, "token");
	const char *name = json_string_or(token, "name", NULL), *expires = json_string_or(token, "expiresAt", NULL);
	const json_t *days = json_object_get(token, "daysToExpiry");

	if (!token)
		return;
	strbuf_addf(&line, "token%s%s: ", name ? " " : "", name ? name : "");
	print_scopes(token, &line);
	if (expires)
		strbuf_addf(&line, "; expires %s", expires);
	if (expires && json_is_integer(days))
		strbuf_addf(&line, ", in %lld days", (long long)json_integer_value(days));
	terminal_line(stdout, "  %s", line.data);
}

static void print_warnings(const json_t *account)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(account, "warnings"), i, warning)
	        terminal_line(stdout, "  warning: %s", json_string_or(warning, "message", "?"));
}

static void print_account(const json_t *account)
{
	print_token(account);
	print_warnings(account);
}

/* ---- connect and test ---- */

static void show_connected(const json_t *answer, const void *context)
{
	(void)context;
	terminal_line(stdout, "%s: %s on %s", json_string_or(answer, "message", "Connected"),
	              json_string_or(answer, "username", "?"), json_string_or(answer, "instanceUrl", "?"));
	print_account(answer);
}

static int judge_tested(const json_t *answer, const void *context)
{
	(void)context;
	return json_bool_or(answer, "valid", false) ? CLI_OK : (int)cli_exit_of_check(json_string_or(answer, "code", NULL));
}

static void show_tested(const json_t *answer, const void *context)
{
	(void)context;
	report_checks_print(stdout, json_object_get(answer, "checks"));
	if (!json_bool_or(answer, "valid", false)) {
		terminal_line(stdout, "Not valid: %s", json_string_or(answer, "error", "the test failed."));
		return;
	}
	terminal_line(stdout, "Valid: %s on %s; nothing was stored.", json_string_or(answer, "username", "?"),
	              json_string_or(answer, "instanceUrl", "?"));
	print_account(answer);
}

/* `path` with the token, which is read only now that all else is known to be right. */
static int send_token(struct cli *cli, const struct account_arguments *arguments, const char *path, const struct remote_view *view)
{
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	CLEANUP(json_decrefp) json_t *body = NULL;
	struct remote_request request = {.method = "POST", .path = path};
	struct error failure = ERROR_INIT;

	if (!token_input_read(arguments->token_file, arguments->calls->prompt, &token, &failure))
		return cli_fail(&failure);
	body = json_pack("{s:s}", arguments->calls->token_field, secret_bytes(&token));
	add_instance(body, arguments->instance);
	request.body = body;
	return remote_verb(cli, &request, view);
}

static int account_connect_verb(struct cli *cli, int argc, char **argv)
{
	static const struct remote_view view = {.show = show_connected};
	struct account_arguments arguments = {0};

	if (!read_arguments(cli, argc, argv, WITH_TOKEN, &arguments))
		return CLI_USAGE;
	return send_token(cli, &arguments, arguments.calls->connect, &view);
}

static int account_test_verb(struct cli *cli, int argc, char **argv)
{
	static const struct remote_view view = {.judge = judge_tested, .show = show_tested};
	struct account_arguments arguments = {0};

	if (!read_arguments(cli, argc, argv, WITH_TOKEN, &arguments))
		return CLI_USAGE;
	return send_token(cli, &arguments, arguments.calls->test, &view);
}

/* ---- status ---- */

static void print_connection(const json_t *connection)
{
	const bool valid = json_bool_or(connection, "valid", false);
	const char *code = json_string_or(connection, "code", "not valid");

	terminal_line(stdout, "%s %s as %s%s%s%s", terminal_mark(stdout, valid ? MARK_OK : MARK_FAILED),
	              json_string_or(connection, "instanceUrl", "?"), json_string_or(connection, "username", "?"),
	              valid ? "" : " (", valid ? "" : code, valid ? "" : ")");
	if (!valid)
		terminal_line(stdout, "  %s", json_string_or(connection, "remediation", "Connect it again."));
	print_account(connection);
}

static void show_status(const json_t *answer, const void *context)
{
	const struct account_calls *calls = context;
	const json_t *connection;
	size_t i;

	if (!json_bool_or(answer, calls->connected, false)) {
		terminal_line(stdout, "No %s account is connected.", calls->title);
		return;
	}
	json_array_foreach(json_object_get(answer, "connections"), i, connection) print_connection(connection);
}

static int account_status_verb(struct cli *cli, int argc, char **argv)
{
	struct account_arguments arguments = {0};
	struct remote_request request = {.method = "GET"};
	struct remote_view view = {.show = show_status};

	if (!read_arguments(cli, argc, argv, WITH_PROVIDER, &arguments))
		return CLI_USAGE;
	request.path = arguments.calls->status;
	view.context = arguments.calls;
	return remote_verb(cli, &request, &view);
}

/* ---- disconnect ---- */

static void show_message(const json_t *answer, const void *context)
{
	(void)context;
	terminal_line(stdout, "%s", json_string_or(answer, "message", "Done."));
}

static int account_disconnect_verb(struct cli *cli, int argc, char **argv)
{
	static const struct remote_view view = {.show = show_message};
	CLEANUP(json_decrefp) json_t *body = json_object();
	struct account_arguments arguments = {0};
	struct remote_request request = {.body = body};

	if (!read_arguments(cli, argc, argv, WITH_INSTANCE, &arguments))
		return CLI_USAGE;
	add_instance(body, arguments.instance);
	request.method = arguments.calls->disconnect_method;
	request.path = arguments.calls->disconnect;
	return remote_verb(cli, &request, &view);
}

const struct command account_commands[] = {
        {"connect", NULL, "[--instance URL] [--github] [--token-file FILE] [--json]", "Connect a GitLab or GitHub account.",
         "The token is read from FILE, from standard input, or at a prompt that does not show it; it is never an argument. It is "
         "stored\n"
         "only after the instance accepted it. Without --instance it is one of gitlab.com, with --github of github.com.\n\n"
         "Examples:\n"
         "  acp-gitlab connect\n"
         "  acp-gitlab connect --instance https://gitlab.company.com --token-file ./token\n"
         "  pass show github-token | acp-gitlab connect --github\n",
         true, account_connect_verb},
        {"status", NULL, "[--github] [--json]", "Show the connected GitLab or GitHub accounts.",
         "One entry for each instance: account, token, when it expires, and whether it was accepted at its last use. The exit code "
         "is 0\n"
         "whenever the service answered, also when nothing is connected.\n\n"
         "Examples:\n"
         "  acp-gitlab status\n"
         "  acp-gitlab status --json | jq '.connections[] | select(.valid | not) | .instanceUrl'\n",
         true, account_status_verb},
        {"test", NULL, "[--instance URL] [--github] [--token-file FILE] [--json]", "Test a token without storing it.",
         "Takes the token as 'connect' does, and shows what was checked. Exit code 4: it is not accepted; 5: its scopes do not "
         "suffice;\n"
         "7: its instance cannot be reached.\n\n"
         "Examples:\n"
         "  acp-gitlab test --token-file ./token\n"
         "  acp-gitlab test --instance https://gitlab.company.com --json < ./token\n",
         true, account_test_verb},
        {"disconnect", NULL, "[--instance URL] [--github] [--json]", "Forget the token of a GitLab or GitHub account.",
         "Without --instance the tokens of all instances go. Installations of the GitHub App stay. It is no error when there was "
         "nothing\n"
         "to forget.\n\n"
         "Examples:\n"
         "  acp-gitlab disconnect --instance https://gitlab.company.com\n"
         "  acp-gitlab disconnect --github\n",
         true, account_disconnect_verb},
        {0},
};
