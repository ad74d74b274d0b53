/* audit find: who used a token, where and when. */
#include "alloc.h"
#include "cli.h"
#include "machine.h"
#include "terminal.h"
#include "token_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is looked for; NULL: anything. */
struct wanted {
	const char *hash, *user;
};

static bool is_wanted(const json_t *line, const struct wanted *wanted)
{
	return strcmp(json_string_or(line, "stream", ""), "audit") == 0 &&
	       (!wanted->hash || strcmp(json_string_or(line, "tokenHash", ""), wanted->hash) == 0) &&
	       (!wanted->user || strcmp(json_string_or(line, "user", ""), wanted->user) == 0);
}

static void print_use(const json_t *use)
{
	const char *repository = json_string_or(use, "repository", ""), *session = json_string_or(use, "session", "");

	terminal_line(stdout, "%s  %-18s %-20s %s%s%s  %s%s%s", json_string_or(use, "ts", ""), json_string_or(use, "action", ""),
	              json_string_or(use, "actor", ""), json_string_or(use, "host", ""), *repository ? "/" : "", repository,
	              json_string_or(use, "outcome", ""), *session ? "  session " : "", session);
}

/* Lines of other streams, and what a journal wrote before the line, are passed over. */
static size_t search(FILE *log, const struct wanted *wanted, json_t *found)
{
	CLEANUP(freep) char *line = NULL;
	size_t size = 0, count = 0;
	ssize_t length;

	while ((length = getline(&line, &size, log)) > 0) {
		const char *start = memchr(line, '{', (size_t)length);
		json_t *use = start ? json_parse_answer(start, (size_t)(line + length - start)) : NULL;

		if (use && is_wanted(use, wanted)) {
			count++;
			if (found)
				json_array_append(found, use);
			else
				print_use(use);
		}
		json_decref(use);
	}
	return count;
}

static int find_in(const struct cli *cli, const char *path, const struct wanted *wanted)
{
	FILE *log = fopen(path, "re");
	struct error failure = ERROR_INIT;
	json_t *found = cli->json ? json_array() : NULL;
	size_t count;

	if (!log) {
		json_decref(found);
		error_set(&failure, ERR_CONFIG_INVALID, "The audit log %s cannot be read.", path);
		return cli_fail(&failure);
	}
	count = search(log, wanted, found);
	(void)fclose(log);
	if (cli->json)
		cli_print_json(json_pack("{s:o}", "uses", found));
	else if (count == 0)
		cli_note("No use was found in %s.", path);
	return count > 0 ? CLI_OK : CLI_NOT_FOUND;
}

static bool hash_token(struct machine *machine, const struct settings *settings, const char *file, char ret_hash[65],
                       struct error *err)
{
	CLEANUP(secret_release) struct secret token = SECRET_INIT;

	if (!machine_open_keys(machine, settings, KEYRING_PUBLIC | KEYRING_SIGNING, err) ||
	    !token_input_read(file, "Token to look for", &token, err))
		return false;
	keyring_fingerprint(machine->keyring, &token, ret_hash);
	return true;
}

static int audit_find(struct cli *cli, int argc, char **argv)
{
	bool by_token = false;
	const char *file = NULL, *path = settings_get(&cli->settings, AUDIT_LOG);
	struct wanted wanted = {0};
	const struct cli_option options[] = {{"--token", CLI_FLAG, &by_token},
	                                     {"--token-file", CLI_VALUE, &file},
	                                     {"--user", CLI_VALUE, &wanted.user},
	                                     {"--log", CLI_VALUE, &path}};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	struct error failure = ERROR_INIT;
	char hash[65];

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0))
		return CLI_USAGE;
	by_token |= file != NULL;
	if (!by_token && !wanted.user)
		return cli_usage(cli, "Say what to look for: --token, --user or both.");
	if (strcmp(path, "stderr") == 0) {
		error_set(&failure, ERR_CONFIG_INVALID, "ACP_AUDIT_LOG is stderr.");
		error_remedy(&failure,
		             "Name the file that has the lines with --log, for example one that journalctl -o cat wrote.");
		return cli_fail(&failure);
	}
	if (by_token && !hash_token(&machine, &cli->settings, file, hash, &failure))
		return cli_fail(&failure);
	wanted.hash = by_token ? hash : NULL;
	return find_in(cli, path, &wanted);
}

const struct command audit_commands[] = {
        {"audit", "find", "[--token [--token-file FILE]] [--user USER] [--log FILE] [--json]", "Show what a token was used for.",
         "The token comes from FILE, standard input or a prompt. It stands in no log: its lines are found by the hash that the\n"
         "signing key makes of it, so that this runs where that key is. --log names another file than ACP_AUDIT_LOG. Exit code 6\n"
         "when nothing is found.\n\n"
         "Examples:\n"
         "  pass gitlab/leaked | acp-gitlab audit find --token --log ./audit.log\n"
         "  acp-gitlab audit find --user alice --log ./audit.log --json | jq '.uses[].action'\n",
         true, audit_find},
        {0},
};
