/* import: the connections of the Go implementation, from its Secrets as kubectl prints them. */
#include "account_import.h"
#include "alloc.h"
#include "cli.h"
#include "file.h"
#include "legacy.h"
#include "machine.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { INPUT_MAX = 8 * 1024 * 1024 /* a List of Secrets of 1 MiB each, in base64 */ };

/* ---- Who is who ---- */

struct name_map {
	struct name_pair {
		char *name, *user_id;
	} * items;
	size_t count;
};

static void name_map_release(struct name_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		freep(&map->items[i].name);
		freep(&map->items[i].user_id);
	}
	freep(&map->items);
}

static const char *find_user(const struct name_map *map, const char *name)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->items[i].name, name) == 0)
			return map->items[i].user_id;
	return NULL;
}

/* "name=user id"; a pair that cannot be true is a slip of the pen. */
static bool take_pair(struct name_map *map, char *line, unsigned number, struct error *err)
{
	CLEANUP(freep) char *made = NULL;
	char *user_id = strchr(line, '=');

	if (!user_id || user_id == line || !user_id[1])
		return error_set(err, ERR_FIELD_INVALID, "Line %u of the map is not NAME=USER.", number);
	*user_id++ = '\0';
	made = legacy_name_of(user_id);
	if (strcmp(made, line) != 0)
		return error_set(err, ERR_FIELD_INVALID, "Line %u of the map cannot be: the name of %.200s is %.200s.", number,
		                 user_id, made);
	if (find_user(map, line))
		return error_set(err, ERR_FIELD_INVALID, "Line %u of the map names %.200s again.", number, line);
	map->items = xrealloc(map->items, (map->count + 1) * sizeof(*map->items));
	map->items[map->count++] = (struct name_pair){xstrdup(line), xstrdup(user_id)};
	return true;
}

static bool read_map(const char *path, struct name_map *ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(INPUT_MAX);
	unsigned number = 0;
	char *rest;

	if (!file_read(path, &text, err))
		return false;
	rest = text.data;
	for (char *line; (line = strsep(&rest, "\n"));) {
		size_t length = strlen(line);

		number++;
		if (length > 0 && line[length - 1] == '\r')
			line[length - 1] = '\0';
		if (line[0] && line[0] != '#' && !take_pair(ret, line, number, err))
			return false;
	}
	return true;
}

/* ---- What to import ---- */

/* Standard input, or a file; it holds tokens. */
static bool read_input(const char *path, struct strbuf *to, struct error *err)
{
	if (strcmp(path, "-") != 0)
		return file_read(path, to, err);
	return file_read_all(STDIN_FILENO, to) ||
	       error_set(err, ERR_FIELD_INVALID, "Standard input cannot be read, or is too long.");
}

static bool read_objects(const struct cli_list *paths, struct legacy_list *ret, struct error *err)
{
	for (size_t i = 0; i < paths->count; i++) {
		CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(INPUT_MAX);
		json_t *object;
		bool ok;

		if (!read_input(paths->items[i], &text, err))
			return false;
		object = json_parse_answer(text.data, text.length);
		ok = object ? legacy_read(object, ret, err) : error_set(err, ERR_BAD_JSON, "%.200s is not JSON.", paths->items[i]);
		json_decref(object);
		if (!ok)
			return false;
	}
	legacy_arrange(ret);
	return true;
}

/* ---- Importing ---- */

struct import {
	struct cli *cli;
	struct machine machine;
	struct name_map map;
	struct legacy_list list;
	bool dry_run, verify;
	const char *actor; /* of the uses of tokens that --verify makes */
	json_t *results;   /* [{name, secret, result, user?, instanceUrl?, code?, message?}] */
	size_t done, left;
};

static void import_release(struct import *import)
{
	machine_release(&import->machine);
	name_map_release(&import->map);
	legacy_list_release(&import->list);
	json_decref(import->results);
}

static json_t *add_result(struct import *import, const struct legacy_entry *entry, const char *result)
{
	json_t *row = json_pack("{s:s, s:s, s:s}", "name", entry->name, "secret", entry->secret, "result", result);

	json_array_append_new(import->results, row);
	return row;
}

/* Asks the server and connects as the user would have. */
static bool verify_entry(struct import *import, const struct account_import *what, struct error *err)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	const struct account_request request = {
	        .provider = PROVIDER_GITLAB, .user_id = what->user_id, .instance_url = what->instance_url, .token = what->token};

	if (import->dry_run)
		return account_test(&import->machine.accounts, &request, &verdict, err);
	return account_connect(&import->machine.accounts, &request, &verdict, err);
}

/* With --verify what is there already is not asked about again. */
static bool import_entry(struct import *import, const struct account_import *what, enum account_imported *ret, struct error *err)
{
	if (!account_import(&import->machine.accounts, what, import->dry_run || import->verify, ret, err))
		return false;
	return *ret != IMPORT_DONE || !import->verify || verify_entry(import, what, err);
}

static void handle_entry(struct import *import, const struct legacy_entry *entry)
{
	static const char *const words[] = {[IMPORT_DONE] = "imported", [IMPORT_PRESENT] = "present", [IMPORT_NEWER] = "newer"};
	const char *mapped = find_user(&import->map, entry->name);
	const struct account_import what = {.user_id = mapped ? mapped : entry->user_id,
	                                    .instance_url = entry->instance_url,
	                                    .token = &entry->token,
	                                    .username = entry->username,
	                                    .gitlab_user_id = entry->gitlab_user_id};
	struct error failure = ERROR_INIT;
	enum account_imported outcome;
	json_t *row;

	if (!what.user_id) {
		add_result(import, entry, "unproven");
		import->left++;
		return;
	}
	if (!import_entry(import, &what, &outcome, &failure)) {
		row = add_result(import, entry, "refused");
		json_object_set_new(row, "code", json_string(error_name(failure.code)));
		json_object_set_new(row, "message", json_string(failure.message));
		import->left++;
	} else {
		row = add_result(import, entry, words[outcome]);
		import->done += outcome == IMPORT_DONE;
	}
	json_object_set_new(row, "user", json_string(what.user_id));
	json_object_set_new(row, "instanceUrl", json_string(what.instance_url ? what.instance_url : "https://gitlab.com"));
}

static void print_row(const json_t *row)
{
	const char *result = json_string_or(row, "result", ""), *name = json_string_or(row, "name", "");

	if (strcmp(result, "unproven") == 0)
		terminal_line(stdout, "%-8s  %s: whose it is cannot be proven; name the user with --map", result, name);
	else if (strcmp(result, "refused") == 0)
		terminal_line(stdout, "%-8s  %s of %s: %s", result, name, json_string_or(row, "user", ""),
		              json_string_or(row, "message", ""));
	else
		terminal_line(stdout, "%-8s  %s of %s at %s", result, name, json_string_or(row, "user", ""),
		              json_string_or(row, "instanceUrl", ""));
}

/* ---- What is left to do ---- */

/* Nothing that a shell or a JSON pointer would read otherwise. */
static bool is_plain_name(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == strlen(name);
}

static bool is_settled(const json_t *row)
{
	const char *result = json_string_or(row, "result", "");

	return strcmp(result, "unproven") != 0 && strcmp(result, "refused") != 0 && is_plain_name(json_string_or(row, "name", ""));
}

/*
 * The old tokens are there in plain. One of their Secrets has the name of one of ours: whoever deleted it would delete what users
 * have connected here, so that only the old entries may go.
 */
static void tell_clean_up(const struct import *import)
{
	const struct settings *settings = &import->cli->settings;
	CLEANUP(strbuf_release) struct strbuf steps = STRBUF_INIT(INPUT_MAX);
	char ours[KUBE_SECRET_NAME_SIZE];
	const json_t *row;
	size_t i;

	if (!cluster_holds_secrets(settings) || !kube_secret_name("gitlab", 0, ours)) {
		cli_note("The old Secrets still hold these tokens in plain: delete them once you have seen that all is well.");
		return;
	}
	json_array_foreach(import->results, i, row)
	{
		if (strcmp(json_string_or(row, "secret", ""), ours) == 0 && is_settled(row))
			strbuf_addf(&steps, "%s{\"op\":\"remove\",\"path\":\"/data/%s\"}", steps.length > 0 ? "," : "",
			            json_string_or(row, "name", ""));
	}
	cli_note("The old Secrets still hold these tokens in plain. Delete them once you have seen that all is well, but not %s, "
	         "in which "
	         "new tokens lie as well.",
	         ours);
	if (steps.length > 0 && strbuf_ok(&steps))
		cli_note("From that only the old entries may go: kubectl patch secret %s -n %s --type=json -p '[%s]'", ours,
		         settings_get(settings, NAMESPACE), steps.data);
}

static void report(const struct import *import)
{
	const json_t *row;
	size_t i;

	if (import->cli->json) {
		cli_print_json(json_pack("{s:b, s:O, s:I, s:I}", "dryRun", (int)import->dry_run, "entries", import->results,
		                         "imported", (json_int_t)import->done, "left", (json_int_t)import->left));
		return;
	}
	json_array_foreach(import->results, i, row) print_row(row);
	(void)printf("%zu of %zu connections %s, %zu left.\n", import->done, import->list.count,
	             import->dry_run ? "would be imported" : "imported", import->left);
	if (import->list.ours > 0)
		(void)printf("%zu entries are sealed tokens of this program and were passed by.\n", import->list.ours);
	if (import->left < import->list.count && !import->dry_run)
		tell_clean_up(import);
}

static bool open_import(struct import *import, const char *map, const struct cli_list *paths, struct error *err)
{
	const struct settings *settings = &import->cli->settings;

	return (!map || read_map(map, &import->map, err)) && read_objects(paths, &import->list, err) &&
	       machine_open_keys(&import->machine, settings, KEYRING_PUBLIC | KEYRING_SIGNING, err) &&
	       machine_open_database(&import->machine, settings, false, err) &&
	       (!import->verify || machine_open_audit(&import->machine, settings, "import", import->actor, err)) &&
	       machine_open_network(&import->machine, settings, err);
}

static int import_run(struct cli *cli, int argc, char **argv)
{
	CLEANUP(freep) char *actor = machine_operator();
	CLEANUP(import_release) struct import import = {.cli = cli, .actor = actor, .results = json_array()};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	const char *map = NULL;
	const struct cli_option options[] = {
	        {"--map", CLI_VALUE, &map}, {"--dry-run", CLI_FLAG, &import.dry_run}, {"--verify", CLI_FLAG, &import.verify}};
	struct error failure = ERROR_INIT;

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 1, 16))
		return CLI_USAGE;
	if (!open_import(&import, map, &operands, &failure))
		return cli_fail(&failure);
	for (size_t i = 0; i < import.list.count; i++)
		handle_entry(&import, &import.list.items[i]);
	report(&import);
	return import.left > 0 ? CLI_CHECK_FAILED : CLI_OK;
}

const struct command import_commands[] = {
        {"import", NULL, "[--map FILE] [--verify] [--dry-run] [--json] FILE…",
         "Take over the connections of the Go implementation from its Secrets.",
         "FILE is what 'kubectl get secret gitlab-credentials -o json' prints (- for standard input), or gitlab-user-tokens, with "
         "the\n"
         "ConfigMap gitlab-connections for the instances; several files and Lists are fine. Each token is sealed for exactly its\n"
         "user. The old names of users are not their ids ('a@b' and 'a:b' were both 'a-b'), so an entry counts only where its "
         "value\n"
         "tells the id, or where a line NAME=USER of the file given with --map does; all others are listed and left. A connection\n"
         "that a user has made here stays. Nothing is asked of any server, unless --verify is given: then each token is checked\n"
         "first and what is refused is left. It can be repeated. Exit code 3 when something was left.\n\n"
         "Examples:\n"
         "  kubectl get secret gitlab-credentials -n vteam-backend -o json | acp-gitlab import --dry-run -\n"
         "  acp-gitlab import --map users.map credentials.json\n",
         true, import_run},
        {0},
};
