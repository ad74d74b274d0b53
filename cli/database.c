/* db migrate | status, and rebuild-index */
#include "cli.h"
#include "machine.h"

#include <stdlib.h>

/* ---- db ---- */

static int db_migrate(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	const char *path = settings_get(&cli->settings, DATABASE);
	struct error failure = ERROR_INIT;
	unsigned applied = 0;

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 0, 0))
		return CLI_USAGE;
	/* The public keys tell which installation the database belongs to. */
	if (!machine_open_keys(&machine, &cli->settings, KEYRING_PUBLIC, &failure) ||
	    !database_migrate(path, keyring_installation(machine.keyring), &applied, &failure))
		return cli_fail(&failure);
	if (cli->json)
		cli_print_json(json_pack("{s:s, s:i}", "database", path, "applied", (int)applied));
	else if (applied == 0)
		(void)printf("%s is up to date.\n", path);
	else
		(void)printf("%s: %u migration%s applied.\n", path, applied, applied == 1 ? "" : "s");
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

struct tally {
	size_t opened;
	json_t *broken; /* [{user, instanceUrl, recordKey, reason}] */
};

static void tally_release(struct tally *tally)
{
	json_decref(tally->broken);
}

static bool look_at_values(struct machine *machine, struct tally *tally, struct error *err)
{
	CLEANUP(connection_list_release) struct connection_list all = CONNECTION_LIST_INIT;
	const struct connection_store *store = &machine->accounts.connections;

	if (!store->ops->list_unchecked(store->state, INT64_MAX, NULL, INT32_MAX, &all, err))
		return false;
	for (size_t i = 0; i < all.count; i++) {
		CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
		const struct connection *c = &all.items[i];
		struct error failure = ERROR_INIT;

		if (account_open(&machine->accounts, c, &payload, &failure)) {
			tally->opened++;
			continue;
		}
		if (failure.code != ERR_SEAL_BROKEN) {
			*err = failure;
			return false;
		}
		json_array_append_new(tally->broken, json_pack("{s:s, s:s, s:s, s:s}", "user", c->user_id, "instanceUrl",
		                                               c->instance_url, "recordKey", c->key, "reason", failure.detail));
	}
	return true;
}

static void report_tally(const struct cli *cli, const struct tally *tally, bool accepted)
{
	const json_t *broken;
	size_t i;

	if (cli->json) {
		cli_print_json(json_pack("{s:I, s:O, s:b}", "opened", (json_int_t)tally->opened, "broken", tally->broken,
		                         "accepted", (int)accepted));
		return;
	}
	(void)printf("%zu stored token%s open%s, %zu do%s not.\n", tally->opened, tally->opened == 1 ? "" : "s",
	             tally->opened == 1 ? "s" : "", json_array_size(tally->broken),
	             json_array_size(tally->broken) == 1 ? "es" : "");
	json_array_foreach(tally->broken, i, broken)(void)
	        printf("  %s of %s (%s): %s\n", json_string_or(broken, "instanceUrl", ""), json_string_or(broken, "user", ""),
	               json_string_or(broken, "recordKey", ""), json_string_or(broken, "reason", ""));
	(void)printf(accepted ? "The database is accepted.\n" : "The database was not accepted; nothing was changed.\n");
}

static int rebuild_index(struct cli *cli, int argc, char **argv)
{
	bool keep_going = false, accepted;
	const struct cli_option options[] = {{"--keep-going", CLI_FLAG, &keep_going}};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(tally_release) struct tally tally = {.broken = json_array()};
	struct error failure = ERROR_INIT;

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0))
		return CLI_USAGE;
	if (!machine_open_keys(&machine, &cli->settings, KEYRING_PUBLIC | KEYRING_PRIVATE, &failure) ||
	    !machine_open_database(&machine, &cli->settings, true, &failure) || !look_at_values(&machine, &tally, &failure))
		return cli_fail(&failure);
	accepted = keep_going || json_array_size(tally.broken) == 0;
	if (accepted && !database_accept(settings_get(&cli->settings, DATABASE), keyring_installation(machine.keyring), &failure))
		return cli_fail(&failure);
	report_tally(cli, &tally, accepted);
	return accepted ? CLI_OK : CLI_CHECK_FAILED;
}

const struct command database_commands[] = {
        {"db", "migrate", "[--json]", "Create the database, or bring it to this version's schema.",
         "Needs the public keys: they name the installation that the database belongs to. Applies what is missing, each step in a\n"
         "transaction of its own, and can be repeated. A database of a newer version is refused.\n\n"
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
         "Take the database as it is for the truth again, after a look at every stored token.",
         "For a database that was restored, emptied or taken over. Every stored token is opened with the private keys; if one does "
         "not\n"
         "open, nothing is changed and the exit code is 3. With --keep-going the database is accepted all the same: the users of "
         "the tokens\n"
         "that are listed have to reconnect.\n\n"
         "Examples:\n"
         "  acp-gitlab rebuild-index\n"
         "  acp-gitlab rebuild-index --keep-going --json\n",
         true, rebuild_index},
        {0},
};
