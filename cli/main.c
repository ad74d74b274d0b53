/*
 * acp-gitlab — the command line: of users, over HTTP, and of operators, on the machine itself.
 */
#include "commands.h"

#include "alloc.h"
#include "process.h"
#include "secret.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static bool is_help(const char *text)
{
	return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

/* ---- Help ---- */

static void print_command_help(const struct command *command)
{
	CLEANUP(freep) char *line = command_line_of(command);

	(void)printf("Usage: %s\n\n%s\n\n%s\n", line, command->summary, command->details);
}

static void print_overview(void)
{
	(void)printf("Usage: acp-gitlab COMMAND [ARGUMENTS]\n");
	for (const struct command_table *table = command_tables; table->commands; table++) {
		if (table->heading)
			(void)printf("\n%s\n\n", table->heading);
		for (const struct command *command = table->commands; command->group; command++) {
			char words[COMMAND_WORDS_SIZE];

			command_words(command, words);
			(void)printf("  %-20s %s\n", words, command->summary);
		}
	}
	(void)printf("  %-20s %s\n  %-20s %s\n\n", "version", "Print the version.", "help [COMMAND]",
	             "Show this, or the help of a command.");
	(void)printf("'acp-gitlab COMMAND --help' has options and examples. Settings come from the environment or\n"
	             "/etc/acp-gitlab/acp-gitlab.conf; 'acp-gitlab config' shows what is in force.\n\nExit codes:\n\n");
	for (const struct exit_meaning *exit = exit_meanings; exit->meaning; exit++)
		(void)printf("  %3d  %s\n", (int)exit->code, exit->meaning);
}

/* All commands of a group, or the one that is named. False: there is none. */
static bool print_help(const char *group, const char *name)
{
	bool printed = false;

	for (const struct command_table *table = command_tables; table->commands; table++) {
		for (const struct command *command = table->commands; command->group; command++) {
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
	for (const struct command_table *table = command_tables; table->commands; table++) {
		for (const struct command *command = table->commands; command->group; command++) {
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
