/*
 * completion | manual: what a package installs besides the programs, made from the tables that the programs themselves work with,
 * so that neither can be out of date.
 */
#include "commands.h"

#include <stdio.h>
#include <string.h>

/* ---- Man pages (man(7)) ---- */

/* Text as it stands: groff takes a hyphen for one that may break, a backslash for its own, and a dot or quote at the start of a
 * line for a request. */
static void put_text(const char *text, size_t length)
{
	bool starts = true;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (starts && (c == '.' || c == '\''))
			(void)fputs("\\&", stdout);
		if (c == '\\')
			(void)fputs("\\e", stdout);
		else if (c == '-')
			(void)fputs("\\-", stdout);
		else if (c == '\'')
			(void)fputs("\\(aq", stdout);
		else
			(void)putchar(c);
		starts = c == '\n';
	}
}

static void put_line(const char *text)
{
	put_text(text, strlen(text));
	(void)putchar('\n');
}

static void put_heading(const char *macro, const char *text)
{
	(void)printf(".%s \"", macro);
	for (; *text; text++)
		if (*text == '"')
			(void)fputs("\\(dq", stdout);
		else
			put_text(text, 1);
	(void)fputs("\"\n", stdout);
}

static bool is_example(const char *line)
{
	return strncmp(line, "  ", 2) == 0;
}

/* Paragraphs, and examples as they are: lines that begin with two blanks. */
static void put_details(const char *details)
{
	bool in_example = false;

	for (const char *line = details; *line;) {
		size_t length = strcspn(line, "\n");
		const bool example = is_example(line);

		if (example != in_example)
			(void)fputs(example ? ".RS 4\n.EX\n" : ".EE\n.RE\n", stdout);
		in_example = example;
		if (length == 0) {
			(void)fputs(".PP\n", stdout);
		} else {
			put_text(line + (example ? 2 : 0), length - (example ? 2 : 0));
			(void)putchar('\n');
		}
		line += length + (line[length] == '\n');
	}
	if (in_example)
		(void)fputs(".EE\n.RE\n", stdout);
}

static void put_commands(void)
{
	for (const struct command_table *table = command_tables; table->commands; table++) {
		if (table->heading)
			put_heading("SH",
			            table->heading == command_tables[0].heading ? "COMMANDS OVER HTTP" : "COMMANDS ON THE MACHINE");
		for (const struct command *command = table->commands; command->group; command++) {
			char words[COMMAND_WORDS_SIZE];

			command_words(command, words);
			put_heading("SS", words);
			(void)fputs(".B ", stdout);
			put_line(words);
			if (command->arguments[0])
				put_line(command->arguments);
			(void)fputs(".PP\n", stdout);
			put_line(command->summary);
			(void)fputs(".PP\n", stdout);
			put_details(command->details);
		}
	}
}

static void put_exit_codes(void)
{
	put_heading("SH", "EXIT STATUS");
	for (const struct exit_meaning *exit = exit_meanings; exit->meaning; exit++) {
		(void)printf(".TP\n.B %d\n", (int)exit->code);
		put_line(exit->meaning);
	}
}

static void put_title(const char *name, int section, const char *summary)
{
	(void)printf(".TH %s %d \"\" \"acp\\-gitlab %s\"\n.SH NAME\n%s \\- ", name, section, ACP_VERSION, name);
	put_line(summary);
}

static void manual_of_commands(void)
{
	put_title("acp\\-gitlab", 1, "connect GitLab and GitHub accounts, check repositories, run sessions, keep the service");
	(void)fputs(".SH SYNOPSIS\n.B acp\\-gitlab\n.I COMMAND\n[\\fIARGUMENTS\\fR]\n.SH DESCRIPTION\n", stdout);
	put_line("The command line of acp-gitlab, which connects the users of the Ambient Code Platform to GitLab and GitHub. "
	         "Results go "
	         "to\nstandard output, everything else to standard error. A token is never an argument: it is read from a file, "
	         "from "
	         "standard\ninput, or at a prompt that does not show it.");
	(void)fputs(".PP\n", stdout);
	put_line("With --json a command prints what the API prints and keeps its exit code.");
	put_commands();
	put_exit_codes();
	put_heading("SH", "ENVIRONMENT");
	put_line("Settings come from the environment or from acp-gitlab.conf(5), which lists them.");
	(void)fputs(".SH SEE ALSO\n.BR acp\\-gitlab.conf (5),\n.BR acp\\-git\\-worker (8),\n.BR acp\\-gitlab\\-fcgi (8)\n", stdout);
}

static void manual_of_settings(void)
{
	put_title("acp\\-gitlab.conf", 5, "settings of acp-gitlab");
	(void)fputs(".SH SYNOPSIS\n.I /etc/acp\\-gitlab/acp\\-gitlab.conf\n.SH DESCRIPTION\n", stdout);
	put_line("Lines of NAME=value; # begins a comment. The same names in the environment go before the file. A setting that "
	         "holds a\nsecret can be given as NAME_FILE in both, the path of a file that holds it. ACP_CONFIG_FILE names "
	         "another file, none if\nit is empty. An unknown name or a malformed value stops every program at its start.");
	put_heading("SH", "SETTINGS");
	for (enum setting id = 0; id < SETTING_COUNT; id++) {
		const struct setting_description *about = setting_describe(id);

		(void)fputs(".TP\n.B ", stdout);
		put_line(about->name);
		put_line(about->meaning);
		if (about->accepted) {
			(void)fputs("One of ", stdout);
			put_text(about->accepted, strlen(about->accepted));
			(void)fputs(".\n", stdout);
		}
		if (about->fallback[0]) {
			(void)fputs("Default: ", stdout);
			put_line(about->fallback);
		}
	}
	(void)fputs(".SH SEE ALSO\n.BR acp\\-gitlab (1)\n", stdout);
}

static int manual_verb(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 1, 1))
		return CLI_USAGE;
	if (strcmp(operands.items[0], "acp-gitlab") == 0)
		manual_of_commands();
	else if (strcmp(operands.items[0], "acp-gitlab.conf") == 0)
		manual_of_settings();
	else
		return cli_usage(cli, "PAGE is acp-gitlab or acp-gitlab.conf.");
	return CLI_OK;
}

/* ---- Completion ---- */

/* The options in "[--instance URL] [--provider gitlab|github]": every word that begins with two hyphens. */
static void put_options(const char *arguments)
{
	for (const char *at = strstr(arguments, "--"); at; at = strstr(at, "--")) {
		size_t length = strspn(at, "-abcdefghijklmnopqrstuvwxyz");

		(void)printf(" %.*s", (int)length, at);
		at += length;
	}
}

/* The words that can follow `group` (NULL: that can come first), each once; commands of one group stand together. */
static void put_words(const char *group)
{
	const char *last = "";

	for (const struct command_table *table = command_tables; table->commands; table++) {
		for (const struct command *command = table->commands; command->group; command++) {
			if (!group && strcmp(command->group, last) != 0)
				(void)printf(" %s", last = command->group);
			if (group && command->name && strcmp(command->group, group) == 0)
				(void)printf(" %s", command->name);
		}
	}
}

/* What follows the first word, for the groups that have more than one command. */
static void put_second_words(void)
{
	const char *last = "";

	for (const struct command_table *table = command_tables; table->commands; table++) {
		for (const struct command *command = table->commands; command->group; command++) {
			if (!command->name || strcmp(command->group, last) == 0)
				continue;
			last = command->group;
			(void)printf("\t2%s) words=\"", last);
			put_words(last);
			(void)fputs(" \" ;;\n", stdout);
		}
	}
}

/* A command without a name of its own stands behind the others of its group and takes what they leave. */
static void put_option_words(void)
{
	for (const struct command_table *table = command_tables; table->commands; table++) {
		for (const struct command *command = table->commands; command->group; command++) {
			(void)printf("\t'%s %s'%s) options=\"", command->group, command->name ? command->name : "",
			             command->name ? "" : "*");
			put_options(command->arguments);
			(void)fputs(" --help\" ;;\n", stdout);
		}
	}
}

static void completion_of_bash(void)
{
	(void)fputs("# bash completion for acp-gitlab\n_acp_gitlab() {\n"
	            "\tlocal word=${COMP_WORDS[COMP_CWORD]} group=${COMP_WORDS[1]-} name=${COMP_WORDS[2]-} words= options=\n"
	            "\tcase $COMP_CWORD${COMP_WORDS[COMP_CWORD-1]} in\n\t1*) words=\"",
	            stdout);
	put_words(NULL);
	(void)fputs(" version help\" ;;\n", stdout);
	put_second_words();
	(void)fputs("\tesac\n\tcase \"$group $name\" in\n", stdout);
	put_option_words();
	(void)fputs("\tesac\n\tcase $word in\n\t-*) words=$options ;;\n\tesac\n"
	            "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
	            "complete -o default -F _acp_gitlab acp-gitlab\n",
	            stdout);
}

static int completion_verb(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 1, 1))
		return CLI_USAGE;
	if (strcmp(operands.items[0], "bash") != 0)
		return cli_usage(cli, "Completion is made for bash alone.");
	completion_of_bash();
	return CLI_OK;
}

const struct command manual_commands[] = {
        {"completion", NULL, "bash", "Print the completion of commands and options for a shell.",
         "The package installs it; elsewhere:\n\n"
         "Example:\n"
         "  source <(acp-gitlab completion bash)\n",
         false, completion_verb},
        {"manual", NULL, "PAGE", "Print a man page: acp-gitlab or acp-gitlab.conf.",
         "The package installs both.\n\n"
         "Examples:\n"
         "  acp-gitlab manual acp-gitlab | man -l -\n"
         "  acp-gitlab manual acp-gitlab.conf > acp-gitlab.conf.5\n",
         false, manual_verb},
        {0},
};
