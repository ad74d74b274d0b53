#pragma once
/*
 * cli — what the commands of acp-gitlab share: their table, their options, their exit codes, and how they speak.
 *
 * Results go to standard output, everything else to standard error. A failure is one line: "acp-gitlab: <message> <remedy>".
 * No command takes a token as an argument. What is printed for people holds no control characters (terminal.h).
 */
#include "error.h"
#include "json.h"
#include "settings.h"

/* Exit codes of every command, fixed by the product's contract. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_CHECK_FAILED = 3,
	CLI_TOKEN_REFUSED = 4,
	CLI_NO_PERMISSION = 5,
	CLI_NOT_FOUND = 6,
	CLI_NO_NETWORK = 7,
	CLI_RATE_LIMITED = 8,
	CLI_INTERRUPTED = 130,
};

struct cli {
	const struct command *command; /* the one that runs */
	struct settings settings;      /* loaded where the command wants them */
	bool json;                     /* --json was given */
};

struct command {
	const char *group;     /* "keys" */
	const char *name;      /* "generate"; NULL: the group is the command */
	const char *arguments; /* "USER [--project NAME]…" */
	const char *summary;   /* one line for the overview */
	const char *details;   /* paragraphs and examples for --help, ending with a line break */
	bool wants_settings;
	int (*run)(struct cli *cli, int argc, char **argv); /* argv without program and verbs. Gives a cli_exit */
};

/* Tables of the files of verbs, each ended by an entry without a group. Over HTTP: */
extern const struct command account_commands[];
extern const struct command repository_commands[];
extern const struct command session_commands[];
/* On the machine: */
extern const struct command keys_commands[];
extern const struct command database_commands[];
extern const struct command housekeeping_commands[];
extern const struct command import_commands[];
extern const struct command token_commands[];
extern const struct command admin_commands[];
extern const struct command audit_commands[];
extern const struct command config_commands[];
extern const struct command doctor_commands[];
extern const struct command simulator_commands[];
extern const struct command manual_commands[];

/* ---- Options ---- */

enum cli_option_kind { CLI_FLAG, CLI_VALUE, CLI_LIST };
struct cli_list {
	const char **items; /* borrowed from argv; the array is owned */
	size_t count;
};
struct cli_option {
	const char *name; /* "--project" */
	enum cli_option_kind kind;
	void *to; /* bool, const char * or struct cli_list */
};

/*
 * Reads options (also "--name=value"; "--" ends them) and `--json`, which every command has. The rest, `min` to `max` of them, goes
 * to `ret_operands`. False: said what is wrong on standard error, the exit code is CLI_USAGE.
 */
bool cli_parse(struct cli *cli, int argc, char **argv, const struct cli_option *options, size_t option_count,
               struct cli_list *ret_operands, size_t min, size_t max) MUST_CHECK;
void cli_list_release(struct cli_list *list);

/* ---- Speaking ---- */

/* Prints the failure and gives its exit code. */
int cli_fail(const struct error *failure);
/* A wrong command line: prints the sentence and where the help is. Gives CLI_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* A remark on standard error. */
void cli_note(const char *format, ...) PRINTF_LIKE(1, 2);
/* Prints the value on standard output, indented and in ASCII without control characters, and releases it. */
void cli_print_json(json_t *value);
/* Whether all that was printed arrived; otherwise says so and gives CLI_FAILED. */
int cli_finish(int code);

/* ---- Exit codes ---- */

/* exit_code.c has the table. */
enum cli_exit cli_exit_of(enum error_code code);
/* The same for an answer of the API: by its code or, where a newer service has one that is not known here, by its status. */
enum cli_exit cli_exit_of_answer(const char *code, int status);
/* The same for a check that failed: nothing else went wrong, so it is never less than CLI_CHECK_FAILED. */
enum cli_exit cli_exit_of_check(const char *code);
