/* admin list | revoke: the connections of all users, and an end to them. */
#include "alloc.h"
#include "cli.h"
#include "clock.h"
#include "machine.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Which connections are meant; NULL: whatever they have there. */
struct selection {
	const char *user, *instance;
	bool all;
};

static bool is_meant(const struct selection *selection, const struct connection *c)
{
	return (!selection->user || strcmp(selection->user, c->user_id) == 0) &&
	       (!selection->instance || strcmp(selection->instance, c->instance_url) == 0);
}

/* Page by page, so that the database is not held while all of it is read. */
static bool select_connections(const struct machine *machine, const struct selection *selection, struct connection_list *ret,
                               struct error *err)
{
	enum { PAGE = 500 };
	CLEANUP(connection_release) struct connection last = CONNECTION_INIT;
	const struct connection_store *store = &machine->accounts.connections;
	bool more = true;

	while (more) {
		CLEANUP(connection_list_release) struct connection_list page = CONNECTION_LIST_INIT;

		if (!store->ops->list_unchecked(store->state, INT64_MAX, last.user_id ? &last : NULL, PAGE, &page, err))
			return false;
		more = page.count == PAGE;
		if (more)
			connection_copy(&last, &page.items[PAGE - 1]);
		for (size_t i = 0; i < page.count; i++)
			if (is_meant(selection, &page.items[i]))
				connection_list_take(ret, &page.items[i]);
	}
	return true;
}

/* ---- Showing ---- */

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text && *text)
		json_object_set_new(object, name, json_string(text));
}

static void set_time(json_t *object, const char *name, int64_t unix_s)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(unix_s, text);
	set_text(object, name, text);
}

static json_t *connection_json(const struct connection *c)
{
	json_t *object = json_object();

	set_text(object, "user", c->user_id);
	set_text(object, "provider", c->provider);
	set_text(object, "instanceUrl", c->instance_url);
	set_text(object, "username", c->username);
	json_object_set_new(object, "valid", json_boolean(c->valid));
	set_text(object, "code", c->check_code);
	set_text(object, "expiresAt", c->expires_at);
	set_time(object, "connectedAt", c->connected_at);
	set_time(object, "updatedAt", c->updated_at);
	set_time(object, "lastCheckedAt", c->last_checked_at);
	return object;
}

static void print_connection(const struct connection *c, const char *what)
{
	terminal_line(stdout, "%-24s %-7s %-36s %-20s %s", c->user_id, c->provider, c->instance_url, c->username, what);
}

static void print_list(const struct connection_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct connection *c = &list->items[i];
		CLEANUP(freep)
		char *state = xasprintf("%s%s%s",
		                        c->valid        ? "valid"
		                        : c->check_code ? c->check_code
		                                        : "invalid",
		                        c->expires_at ? ", expires " : "", c->expires_at ? c->expires_at : "");

		print_connection(c, state);
	}
}

static json_t *list_json(const struct connection_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, connection_json(&list->items[i]));
	return array;
}

static int admin_list(struct cli *cli, int argc, char **argv)
{
	struct selection selection = {0};
	const struct cli_option options[] = {{"--user", CLI_VALUE, &selection.user},
	                                     {"--instance", CLI_VALUE, &selection.instance}};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error failure = ERROR_INIT;

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0))
		return CLI_USAGE;
	if (!machine_open_database(&machine, &cli->settings, false, &failure) ||
	    !select_connections(&machine, &selection, &list, &failure))
		return cli_fail(&failure);
	if (cli->json)
		cli_print_json(json_pack("{s:o}", "connections", list_json(&list)));
	else
		print_list(&list);
	return CLI_OK;
}

/* ---- Revoking ---- */

/* Asked on standard error, so that what is revoked can be written elsewhere. */
static bool confirm(size_t count)
{
	char answer[16] = "";

	(void)fprintf(stderr, "Forget %zu connection%s? Their users have to connect again. Type 'yes' to go on: ", count,
	              count == 1 ? "" : "s");
	return fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0;
}

/* The way that a user's own disconnect goes, so that the token is gone wherever it lies. */
static bool revoke_one(struct machine *machine, const struct connection *c, struct error *err)
{
	enum provider provider;

	if (!provider_parse(c->provider, &provider))
		return error_set(err, ERR_PROVIDER_UNKNOWN, "This program does not know the provider %s.", c->provider);
	return account_disconnect(&machine->accounts, provider, c->user_id, c->instance_url, err);
}

static int revoke_all(struct cli *cli, struct machine *machine, const struct connection_list *list, bool dry_run)
{
	json_t *array = json_array();
	int code = CLI_OK;

	for (size_t i = 0; i < list->count; i++) {
		struct error failure = ERROR_INIT;
		bool gone = !dry_run && revoke_one(machine, &list->items[i], &failure);
		json_t *object = connection_json(&list->items[i]);

		json_object_set_new(object, "revoked", json_boolean(gone));
		if (failure.code != ERR_NONE) {
			json_object_set_new(object, "error", json_string(failure.message));
			set_text(object, "errorCode", error_name(failure.code));
			code = code == CLI_OK ? (int)cli_exit_of(failure.code) : code;
		}
		if (!cli->json)
			print_connection(&list->items[i], gone ? "revoked" : dry_run ? "would be revoked" : failure.message);
		json_array_append_new(array, object);
	}
	if (cli->json)
		cli_print_json(json_pack("{s:O, s:b}", "connections", array, "dryRun", (int)dry_run));
	json_decref(array);
	return code;
}

static int admin_revoke(struct cli *cli, int argc, char **argv)
{
	struct selection selection = {0};
	bool dry_run = false, yes = false;
	const struct cli_option options[] = {{"--user", CLI_VALUE, &selection.user},
	                                     {"--instance", CLI_VALUE, &selection.instance},
	                                     {"--all", CLI_FLAG, &selection.all},
	                                     {"--dry-run", CLI_FLAG, &dry_run},
	                                     {"--yes", CLI_FLAG, &yes}};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(freep) char *actor = machine_operator();
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error failure = ERROR_INIT;

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0))
		return CLI_USAGE;
	if (selection.all == (selection.user || selection.instance))
		return cli_usage(cli, "Name a user, an instance or both, or --all.");
	if (!dry_run && !yes && !isatty(STDIN_FILENO))
		return cli_usage(cli, "Nobody can be asked here: --yes or --dry-run is needed.");
	if (!machine_open_database(&machine, &cli->settings, false, &failure) ||
	    !machine_open_audit(&machine, &cli->settings, "admin", actor, &failure) ||
	    !select_connections(&machine, &selection, &list, &failure))
		return cli_fail(&failure);
	if (list.count == 0) {
		error_set(&failure, ERR_NOT_FOUND, "There is no such connection.");
		error_remedy(&failure, "See 'acp-gitlab admin list'.");
		return cli_fail(&failure);
	}
	if (!dry_run && !yes) {
		print_list(&list);
		if (!confirm(list.count)) {
			cli_note("Nothing was changed.");
			return CLI_FAILED;
		}
	}
	return revoke_all(cli, &machine, &list, dry_run);
}

const struct command admin_commands[] = {
        {"admin", "list", "[--user USER] [--instance URL] [--json]", "List the connections of all users.",
         "A line a connection: user, provider, instance, account there, what is known of its token. No token is opened.\n\n"
         "Examples:\n"
         "  acp-gitlab admin list\n"
         "  acp-gitlab admin list --instance https://gitlab.com --json | jq -r '.connections[].user'\n",
         true, admin_list},
        {"admin", "revoke", "(--user USER | --instance URL | --all) [--dry-run] [--yes] [--json]", "Forget the tokens of users.",
         "The tokens of one user, of one instance (as 'admin list' shows it), of one user there, or all: gone as if each user had\n"
         "disconnected. Shows what it means and asks first; --dry-run shows alone, --yes does not ask. What was revoked here is "
         "still\n"
         "valid at its server: it ends there when its user revokes it. Exit code 6 when there is no such connection.\n\n"
         "Examples:\n"
         "  acp-gitlab admin revoke --user alice --dry-run\n"
         "  acp-gitlab admin revoke --instance https://gitlab.company.com --yes\n"
         "  acp-gitlab admin revoke --all --dry-run --json\n",
         true, admin_revoke},
        {0},
};
