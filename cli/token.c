/* token add | list | remove: the bearer tokens with which people and programs call this service. */
#include "cli.h"
#include "file.h"
#include "identity.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- add ---- */

static bool write_bearer_file(const char *path, const struct secret *bearer, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf line = STRBUF_INIT(bearer->length + 1);

	strbuf_add(&line, secret_bytes(bearer), bearer->length);
	strbuf_add_char(&line, '\n');
	return file_write_atomically(path, line.data, line.length, 0600, err);
}

/* Straight to the descriptor: stdio's buffer would keep a copy. */
static bool print_bearer(const struct secret *bearer)
{
	CLEANUP(strbuf_release_secret) struct strbuf line = STRBUF_INIT(bearer->length + 1);

	strbuf_add(&line, secret_bytes(bearer), bearer->length);
	strbuf_add_char(&line, '\n');
	return file_write_all(STDOUT_FILENO, line.data, line.length);
}

/* A token that nobody has seen is of no use to anyone, so it does not stay. */
static bool hand_over(const char *bearer_file, const struct secret *bearer, struct error *err)
{
	if (bearer_file)
		return write_bearer_file(bearer_file, bearer, err);
	if (print_bearer(bearer))
		return true;
	error_set(err, ERR_INTERNAL, "The token could not be printed, so it was not added.");
	return error_remedy(err, "Use --bearer-file.");
}

static int token_add(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(cli_list_release) struct cli_list projects = {0};
	CLEANUP(secret_release) struct secret bearer = SECRET_INIT;
	const char *bearer_file = NULL, *path = settings_get(&cli->settings, STATIC_TOKENS_FILE);
	const struct cli_option options[] = {{"--project", CLI_LIST, &projects}, {"--bearer-file", CLI_VALUE, &bearer_file}};
	struct error failure = ERROR_INIT;
	char id[17];

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 1, 1))
		return CLI_USAGE;
	if (cli->json && !bearer_file)
		return cli_usage(cli, "The option --json goes with --bearer-file: the token is no part of the data.");
	if (!static_tokens_add(path, operands.items[0], projects.items, projects.count, &bearer, id, &failure))
		return cli_fail(&failure);
	if (!hand_over(bearer_file, &bearer, &failure)) {
		if (!static_tokens_remove(path, id, NULL))
			cli_note("The token %s stays in %s; remove it with 'acp-gitlab token remove %s'.", id, path, id);
		return cli_fail(&failure);
	}
	if (cli->json)
		cli_print_json(json_pack("{s:s, s:s, s:s}", "id", id, "user", operands.items[0], "bearerFile", bearer_file));
	else
		cli_note("Token %s of %s was added to %s; it is shown this once.", id, operands.items[0], path);
	return CLI_OK;
}

/* ---- list and remove ---- */

static json_t *projects_json(const char *projects)
{
	json_t *list = json_array();

	while (projects[0] != '\0') {
		size_t length = strcspn(projects, ",");

		json_array_append_new(list, json_stringn(projects, length));
		projects += length + (projects[length] == ',');
	}
	return list;
}

static int token_list(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	struct static_token_line *lines = NULL;
	struct error failure = ERROR_INIT;
	json_t *list;
	size_t count = 0;

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 0, 0))
		return CLI_USAGE;
	if (!static_tokens_list(settings_get(&cli->settings, STATIC_TOKENS_FILE), &lines, &count, &failure))
		return cli_fail(&failure);
	list = json_array();
	for (size_t i = 0; i < count; i++) {
		if (cli->json)
			json_array_append_new(list,
			                      json_pack("{s:s, s:s, s:o, s:s}", "id", lines[i].id, "user", lines[i].user,
			                                "projects", projects_json(lines[i].projects), "created", lines[i].created));
		else
			(void)printf("%s  %s  %-24s %s\n", lines[i].id, lines[i].created, lines[i].user,
			             lines[i].projects[0] ? lines[i].projects : "-");
	}
	if (cli->json)
		cli_print_json(json_pack("{s:O}", "tokens", list));
	json_decref(list);
	static_token_lines_free(lines, count);
	return CLI_OK;
}

static int token_remove(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	struct error failure = ERROR_INIT;

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 1, 1))
		return CLI_USAGE;
	if (!static_tokens_remove(settings_get(&cli->settings, STATIC_TOKENS_FILE), operands.items[0], &failure))
		return cli_fail(&failure);
	if (cli->json)
		cli_print_json(json_pack("{s:s}", "removed", operands.items[0]));
	else
		cli_note("Token %s was removed; it stops working within a second.", operands.items[0]);
	return CLI_OK;
}

const struct command token_commands[] = {
        {"token", "add", "USER [--project NAME]… [--bearer-file FILE [--json]]", "Make a bearer token for a user of this service.",
         "Prints the token alone on standard output, this once, or writes it to FILE (0600); ACP_STATIC_TOKENS_FILE keeps its\n"
         "hash. USER is the identity as the platform knows it. A token works in the projects that are named, '*' is every\n"
         "project, none is none: then only the user's own accounts can be managed with it. Running services see the token within\n"
         "a second.\n\n"
         "Examples:\n"
         "  acp-gitlab token add alice --project team-a --project team-b\n"
         "  acp-gitlab token add ci@example.com --project '*' --bearer-file ./bearer\n",
         true, token_add},
        {"token", "list", "[--json]", "List the bearer tokens: id, time, user, projects.",
         "The tokens themselves are kept nowhere.\n\n"
         "Examples:\n"
         "  acp-gitlab token list\n"
         "  acp-gitlab token list --json | jq '.tokens[].user'\n",
         true, token_list},
        {"token", "remove", "ID [--json]", "Remove a bearer token.",
         "ID is the first column of 'token list'. Exit code 6 when there is none.\n\n"
         "Example:\n"
         "  acp-gitlab token remove 0123456789abcdef\n",
         true, token_remove},
        {0},
};
