/* db migrate | status, and rebuild-index */
#include "cli.h"
#include "clock.h"
#include "index_service.h"
#include "machine.h"
#include "terminal.h"

#include <stdlib.h>

/* ---- db ---- */

/* A database that was made anew beside Secrets that hold tokens knows none of them, and must not say that nobody is connected. */
static bool doubt_if_missing(struct machine *machine, const struct settings *settings, bool *ret_doubted, struct error *err)
{
	*ret_doubted = false;
	return machine_open_database(machine, settings, true, err) && index_is_missing(&machine->accounts, ret_doubted, err) &&
	       (!*ret_doubted || database_doubt(settings_get(settings, DATABASE), err));
}

static int db_migrate(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	const char *path = settings_get(&cli->settings, DATABASE);
	struct error failure = ERROR_INIT;
	unsigned applied = 0;
	bool doubted;

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 0, 0))
		return CLI_USAGE;
	/* The public keys tell which installation the database belongs to. */
	if (!machine_open_keys(&machine, &cli->settings, KEYRING_PUBLIC, &failure) ||
	    !database_migrate(path, keyring_installation(machine.keyring), &applied, &failure) ||
	    !doubt_if_missing(&machine, &cli->settings, &doubted, &failure))
		return cli_fail(&failure);
	if (cli->json)
		cli_print_json(
		        json_pack("{s:s, s:i, s:b}", "database", path, "applied", (int)applied, "needsRebuild", (int)doubted));
	else if (applied == 0)
		(void)printf("%s is up to date.\n", path);
	else
		(void)printf("%s: %u migration%s applied.\n", path, applied, applied == 1 ? "" : "s");
	if (doubted)
		cli_note("The Secrets hold tokens that this database does not know: run 'acp-gitlab rebuild-index'.");
	return CLI_OK;
}

static json_t *status_json(const char *path, const char *state, const struct migration_status *migrations, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:i, s:s, s:b, s:b}", "version", (int)migrations[i].version, "name",
		                                      migrations[i].name, "applied", (int)migrations[i].applied, "checksumMatches",
		                                      (int)migrations[i].checksum_matches));
	return json_pack("{s:s, s:s, s:o}", "database", path, "state", state, "migrations", list);
}

static void print_status(const char *path, const char *state, const struct migration_status *migrations, size_t count)
{
	(void)printf("%s: %s\n", path, state);
	for (size_t i = 0; i < count; i++) {
		const char *word = !migrations[i].applied ? "missing" : migrations[i].checksum_matches ? "applied" : "differs";

		(void)printf("  %-8s %s\n", word, migrations[i].name);
	}
}

static void free_migrations(struct migration_status **migrations)
{
	free(*migrations);
}

static int db_status(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(free_migrations) struct migration_status *migrations = NULL;
	const char *path = settings_get(&cli->settings, DATABASE), *state = NULL;
	struct error failure = ERROR_INIT;
	size_t count = 0;

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 0, 0))
		return CLI_USAGE;
	if (!database_status(path, &migrations, &count, &state, &failure))
		return cli_fail(&failure);
	if (cli->json)
		cli_print_json(status_json(path, state, migrations, count));
	else
		print_status(path, state, migrations, count);
	return strcmp(state, "ready") == 0 ? CLI_OK : CLI_CHECK_FAILED;
}

/* ---- rebuild-index ---- */

static json_t *problems_json(const struct index_rebuild *rebuild)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rebuild->problem_count; i++) {
		const struct index_problem *problem = &rebuild->problems[i];
		json_t *row = json_pack("{s:s, s:s}", "recordKey", problem->record_key, "reason", problem->reason);

		if (problem->user_id)
			json_object_set_new(row, "user", json_string(problem->user_id));
		if (problem->instance_url)
			json_object_set_new(row, "instanceUrl", json_string(problem->instance_url));
		json_array_append_new(list, row);
	}
	return list;
}

static void print_rebuild(const struct index_rebuild *rebuild)
{
	(void)printf("%zu stored token%s open%s, %zu problem%s.\n", rebuild->opened, rebuild->opened == 1 ? "" : "s",
	             rebuild->opened == 1 ? "s" : "", rebuild->problem_count, rebuild->problem_count == 1 ? "" : "s");
	for (size_t i = 0; i < rebuild->problem_count; i++) {
		const struct index_problem *problem = &rebuild->problems[i];

		terminal_line(stdout, "  %s%s%s%s%s: %s", problem->instance_url ? problem->instance_url : "",
		              problem->instance_url ? " of " : "", problem->user_id ? problem->user_id : "",
		              problem->user_id ? " " : "", problem->record_key, problem->reason);
	}
	if (rebuild->restored + rebuild->dropped > 0)
		(void)printf("%zu connection%s restored, %zu that led to no token dropped.\n", rebuild->restored,
		             rebuild->restored == 1 ? "" : "s", rebuild->dropped);
	(void)printf(rebuild->changed ? "The database is accepted.\n" : "The database was not accepted; nothing was changed.\n");
}

/* Where values stand alone, fingerprints are computed anew, which takes the signing key's file. */
static bool open_in_any_state(struct machine *machine, const struct settings *settings, struct error *err)
{
	const unsigned parts = KEYRING_PUBLIC | KEYRING_PRIVATE;

	if (!machine_open_keys(machine, settings, parts, err) || !machine_open_database(machine, settings, true, err))
		return false;
	if (machine->accounts.secrets.ops->in_row)
		return true;
	keyring_freep(&machine->keyring);
	if (!machine_open_keys(machine, settings, parts | KEYRING_SIGNING, err))
		return false;
	machine->accounts.keyring = machine->keyring;
	return true;
}

/* Whether this is the database that was written last, and not one in its place. */
static bool is_of_ours(const char *path, bool *ret, struct error *err)
{
	CLEANUP(free_migrations) struct migration_status *migrations = NULL;
	const char *state = NULL;
	size_t count;

	if (!database_status(path, &migrations, &count, &state, err))
		return false;
	*ret = strcmp(state, "ready") == 0;
	return true;
}

/*
 * Where numbers go on. A file that was lost and is found again may have greater numbers than all that was seen: with those of the
 * clock it is behind, and recognised, whenever it comes back.
 */
static int64_t next_number(const struct machine *machine, const struct index_rebuild *rebuild, bool of_ours)
{
	int64_t now_us = clock_now_us();

	return machine->accounts.secrets.ops->in_row || of_ours || rebuild->generation > now_us ? rebuild->generation : now_us;
}

static int rebuild_index(struct cli *cli, int argc, char **argv)
{
	bool keep_going = false, of_ours = false;
	const struct cli_option options[] = {{"--keep-going", CLI_FLAG, &keep_going}};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(index_rebuild_release) struct index_rebuild rebuild = INDEX_REBUILD_INIT;
	const char *path = settings_get(&cli->settings, DATABASE);
	struct error failure = ERROR_INIT;

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0))
		return CLI_USAGE;
	if (!is_of_ours(path, &of_ours, &failure) || !open_in_any_state(&machine, &cli->settings, &failure) ||
	    !index_rebuild(&machine.accounts, keep_going, of_ours, &rebuild, &failure))
		return cli_fail(&failure);
	if (rebuild.changed &&
	    !database_accept(path, keyring_installation(machine.keyring), next_number(&machine, &rebuild, of_ours), &failure))
		return cli_fail(&failure);
	if (cli->json)
		cli_print_json(json_pack("{s:I, s:o, s:I, s:I, s:b}", "opened", (json_int_t)rebuild.opened, "broken",
		                         problems_json(&rebuild), "restored", (json_int_t)rebuild.restored, "dropped",
		                         (json_int_t)rebuild.dropped, "accepted", (int)rebuild.changed));
	else
		print_rebuild(&rebuild);
	return rebuild.changed ? CLI_OK : CLI_CHECK_FAILED;
}

const struct command database_commands[] = {
        {"db", "migrate", "[--json]", "Create the database, or bring it to this version's schema.",
         "Needs the public keys: they name the installation that the database belongs to. Applies what is missing, each step in a\n"
         "transaction of its own, and can be repeated. A database of a newer version is refused.\n"
         "Where tokens lie in Secrets, a database that knows none of those that are there is not ready before 'rebuild-index'.\n\n"
         "Examples:\n"
         "  acp-gitlab db migrate\n"
         "  ACP_DATABASE=/tmp/try.db acp-gitlab db migrate\n",
         true, db_migrate},
        {"db", "status", "[--json]", "Show whether the database is ready, and its migrations.",
         "States: ready; missing; older (run 'db migrate'); newer (another version wrote it); empty, restored, foreign (something "
         "happened\n"
         "to the file: nothing is deleted, see 'rebuild-index'). Exit code 3 when it is not ready.\n\n"
         "Examples:\n"
         "  acp-gitlab db status\n"
         "  acp-gitlab db status --json | jq -r .state\n",
         true, db_status},
        {"rebuild-index", NULL, "[--keep-going] [--json]",
         "Make the database anew from the stored tokens, and take it for the truth again.",
         "For a database that was restored, emptied or taken over. Every stored token is opened with the private keys; if one does "
         "not\n"
         "open, nothing is changed and the exit code is 3. With --keep-going the rest is done all the same: the users of the "
         "tokens\n"
         "that are listed have to reconnect.\n\n"
         "Where tokens lie in the database, it is accepted as it is. Where they lie in Secrets, each gets its connection back "
         "(this\n"
         "also needs the public keys and the file of the signing key), and connections whose token is gone are dropped. No token "
         "is\n"
         "touched. Lists of projects, sessions and GitHub installations are in the database alone and do not come back.\n\n"
         "Examples:\n"
         "  acp-gitlab rebuild-index\n"
         "  acp-gitlab rebuild-index --keep-going --json\n",
         true, rebuild_index},
        {0},
};
