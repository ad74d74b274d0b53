/*
 * acp-gitlab — the command line: of users, over HTTP, and of operators, on the machine itself.
 */
#include "cli.h"

#include "process.h"
#include "secret.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* In the order of the overview. */
static const struct command *const tables[] = {account_commands, repository_commands, session_commands,
                                               keys_commands,    database_commands,   housekeeping_commands,
                                               token_commands,   config_commands,     simulator_commands};

static bool is_help(const char *text)
{
	return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

/* ---- Help ---- */

static void print_command_line(const struct command *command)
{
	(void)printf("acp-gitlab %s%s%s%s%s\n", command->group, command->name ? " " : "", command->name ? command->name : "",
	             command->arguments[0] ? " " : "", command->arguments);
}

static void print_command_help(const struct command *command)
{
	(void)printf("Usage: ");
	print_command_line(command);
	(void)printf("\n%s\n\n%s\n", command->summary, command->details);
}

/* What stands above a table in the overview; NULL: it belongs to the one before. */
static const char *heading_of(const struct command *table)
{
	if (table == account_commands)
		return "Your accounts and repositories, over HTTP (ACP_URL, ACP_BEARER_FILE):";
	return table == keys_commands ? "This machine:" : NULL;
}

static void print_overview(void)
{
	(void)printf("Usage: acp-gitlab COMMAND [ARGUMENTS]\n");
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		if (heading_of(tables[t]))
			(void)printf("\n%s\n\n", heading_of(tables[t]));
		for (const struct command *command = tables[t]; command->group; command++) {
			char verb[40];

			(void)snprintf(verb, sizeof(verb), "%s%s%s", command->group, command->name ? " " : "",
			               command->name ? command->name : "");
			(void)printf("  %-20s %s\n", verb, command->summary);
		}
	}
	(void)printf("  %-20s %s\n  %-20s %s\n\n", "version", "Print the version.", "help [COMMAND]",
	             "Show this, or the help of a command.");
	(void)printf("'acp-gitlab COMMAND --help' has options and examples. Settings come from the environment or\n"
	             "/etc/acp-gitlab/acp-gitlab.conf; 'acp-gitlab config' shows what is in force.\n\n"
	             "Exit codes: 0 done, 1 failed, 2 usage, 3 a check failed, 4 token not accepted, 5 scope or role,\n"
	             "6 not found, 7 network or TLS, 8 rate limit, 130 interrupted.\n");
}

/* All commands of a group, or the one that is named. False: there is none. */
static bool print_help(const char *group, const char *name)
{
	bool printed = false;

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (const struct command *command = tables[t]; command->group; command++) {
			if (strcmp(command->group, group) != 0)
				continue;
			/* One without a name of its own takes the words that the others of its group leave. */
			if (name && (command->name ? strcmp(command->name, name) != 0 : printed))
				continue;
			print_command_help(command);
			printed = true;
		}
	}
	return printed;
}

static int unknown_command(const char *group, const char *name)
{
	cli_note("There is no command '%.40s%s%.40s'. See 'acp-gitlab help'.", group, name ? " " : "", name ? name : "");
	return CLI_USAGE;
}

static int show_help(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (argc == 0) {
		print_overview();
		return CLI_OK;
	}
	return print_help(argv[0], name) ? CLI_OK : unknown_command(argv[0], name);
}

static int show_version(int argc, char **argv)
{
	if (argc > 0 && strcmp(argv[0], "--json") == 0)
		cli_print_json(json_pack("{s:s}", "version", ACP_VERSION));
	else
		(void)printf("acp-gitlab %s\n", ACP_VERSION);
	return CLI_OK;
}

/* ---- Dispatch ---- */

static const struct command *find_command(const char *group, const char *name, bool *ret_group_exists)
{
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (const struct command *command = tables[t]; command->group; command++) {
			if (strcmp(command->group, group) != 0)
				continue;
			*ret_group_exists = true;
			if (!command->name || (name && strcmp(command->name, name) == 0))
				return command;
		}
	}
	return NULL;
}

static void cli_release(struct cli *cli)
{
	settings_release(&cli->settings);
}

static int run(const struct command *command, int argc, char **argv)
{
	CLEANUP(cli_release) struct cli cli = {.command = command};
	struct error failure = ERROR_INIT;

	if (command->wants_settings && !settings_load(environ, &cli.settings, &failure))
		return cli_fail(&failure);
	return command->run(&cli, argc, argv);
}

static int dispatch(int argc, char **argv)
{
	const struct command *command;
	bool group_exists = false;
	const char *name = argc > 1 ? argv[1] : NULL;
	int used;

	if (argc == 0 || is_help(argv[0]) || strcmp(argv[0], "help") == 0)
		return show_help(argc > 0 ? argc - 1 : 0, argv + 1);
	if (strcmp(argv[0], "version") == 0 || strcmp(argv[0], "--version") == 0)
		return show_version(argc - 1, argv + 1);
	if (name && is_help(name))
		return show_help(1, argv);
	command = find_command(argv[0], name, &group_exists);
	if (!command) {
		if (group_exists && !name) {
			cli_note("'%s' needs a second word. See 'acp-gitlab %s --help'.", argv[0], argv[0]);
			return CLI_USAGE;
		}
		return unknown_command(argv[0], name && name[0] != '-' && group_exists ? name : NULL);
	}
	used = command->name ? 2 : 1;
	for (int i = used; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (is_help(argv[i])) {
			print_command_help(command);
			return CLI_OK;
		}
	}
	return run(command, argc - used, argv + used);
}

/* ---- Interrupts ---- */

static void exit_interrupted(int signal_number)
{
	(void)signal_number;
	_exit(CLI_INTERRUPTED);
}

/* Everything here may end at any instruction, so that ^C needs no more than its exit code. Where it is ignored it stays ignored. */
static void take_interrupts(void)
{
	const struct sigaction action = {.sa_handler = exit_interrupted};
	struct sigaction before;

	if (sigaction(SIGINT, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
		(void)sigaction(SIGINT, &action, NULL);
}

int main(int argc, char **argv)
{
	process_harden();
	take_interrupts();
	if (!secret_library_init()) {
		cli_note("libsodium cannot work on this machine.");
		return CLI_FAILED;
	}
	json_library_init();
	return cli_finish(dispatch(argc - 1, argv + 1));
}
