#include "commands.h"

#include "alloc.h"

#include <stdio.h>

const struct command_table command_tables[] = {
        {"Your accounts, repositories and sessions, over HTTP (ACP_URL, ACP_BEARER_FILE):", account_commands},
        {NULL, repository_commands},
        {NULL, session_commands},
        {"This machine:", keys_commands},
        {NULL, database_commands},
        {NULL, housekeeping_commands},
        {NULL, import_commands},
        {NULL, token_commands},
        {NULL, admin_commands},
        {NULL, audit_commands},
        {NULL, config_commands},
        {NULL, doctor_commands},
        {NULL, simulator_commands},
        {NULL, manual_commands},
        {0},
};

const struct exit_meaning exit_meanings[] = {
        {CLI_OK, "done"},
        {CLI_FAILED, "failed"},
        {CLI_USAGE, "the command line is wrong"},
        {CLI_CHECK_FAILED, "a check failed"},
        {CLI_TOKEN_REFUSED, "a token is not accepted"},
        {CLI_NO_PERMISSION, "a scope or a role is missing"},
        {CLI_NOT_FOUND, "not found"},
        {CLI_NO_NETWORK, "network or TLS"},
        {CLI_RATE_LIMITED, "rate limit"},
        {CLI_INTERRUPTED, "interrupted"},
        {0},
};

void command_words(const struct command *command, char ret[COMMAND_WORDS_SIZE])
{
	(void)snprintf(ret, COMMAND_WORDS_SIZE, "%s%s%s", command->group, command->name ? " " : "",
	               command->name ? command->name : "");
}

char *command_line_of(const struct command *command)
{
	char words[COMMAND_WORDS_SIZE];

	command_words(command, words);
	return xasprintf("acp-gitlab %s%s%s", words, command->arguments[0] ? " " : "", command->arguments);
}
