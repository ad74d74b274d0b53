#pragma once
/* commands — every command of acp-gitlab, for whoever goes through all of them: dispatch, help, the man page, completion. */
#include "cli.h"

struct command_table {
	const char *heading;            /* what stands above it in the overview; NULL: it belongs to the one before */
	const struct command *commands; /* ended by an entry without a group */
};
/* In the order of the overview; ended by an entry without commands. */
extern const struct command_table command_tables[];

/* "session create", "status". */
#define COMMAND_WORDS_SIZE 48
void command_words(const struct command *command, char ret[COMMAND_WORDS_SIZE]);
/* "acp-gitlab session create [FILE] …". Caller frees. */
char *command_line_of(const struct command *command) MUST_CHECK;

/* The exit codes, for the help and the man page; ended by one without a meaning. */
struct exit_meaning {
	enum cli_exit code;
	const char *meaning;
};
extern const struct exit_meaning exit_meanings[];
