/* keys rotate | retire | status */
#include "keys.h"

#include "clock.h"
#include "machine.h"
#include "terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define ALL_PARTS (KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE)

/* ---- What the stored tokens are sealed to ---- */

static const char *state_of(const struct keyring_key *key)
{
	if (key->active)
		return "active";
	if (key->listed)
		return "open-only";
	return key->can_open ? "leftover" : "missing";
}

json_t *keys_problems_json(const struct key_census *census)
{
	json_t *list = json_array();

	for (size_t i = 0; i < census->problem_count; i++) {
		const struct key_problem *problem = &census->problems[i];
		json_t *item = json_pack("{s:s, s:s, s:s, s:s}", "provider", problem->provider, "recordKey", problem->record_key,
		                         "code", error_name(problem->code), "reason", problem->reason);

		if (problem->user_id)
			json_object_set_new(item, "user", json_string(problem->user_id));
		if (problem->kid[0])
			json_object_set_new(item, "key", json_string(problem->kid));
		json_array_append_new(list, item);
	}
	return list;
}

void keys_problems_print(const struct key_census *census)
{
	for (size_t i = 0; i < census->problem_count; i++) {
		const struct key_problem *problem = &census->problems[i];

		terminal_line(stdout, "  %s %s%s%s: %s", problem->provider, problem->record_key, problem->user_id ? " of " : "",
		              problem->user_id ? problem->user_id : "", problem->reason);
	}
	if (census->broken > census->problem_count)
		(void)printf("  … and %zu more\n", census->broken - census->problem_count);
}

static void print_census(const struct key_census *census)
{
	(void)printf("%-16s  %-9s  %-7s  %s\n", "KEY", "STATE", "OPENS", "TOKENS");
	for (size_t i = 0; i < census->key_count; i++) {
		const struct key_use *use = &census->keys[i];

		(void)printf("%-16s  %-9s  %-7s  %zu\n", use->key.kid, state_of(&use->key), use->key.can_open ? "yes" : "no",
		             use->values);
	}
	if (census->broken > 0)
		(void)printf("%zu of %zu stored tokens do not open:\n", census->broken, census->values);
	keys_problems_print(census);
}

static json_t *census_json(const struct key_census *census)
{
	json_t *keys = json_array();

	for (size_t i = 0; i < census->key_count; i++) {
		const struct key_use *use = &census->keys[i];

		json_array_append_new(keys, json_pack("{s:s, s:s, s:b, s:I}", "id", use->key.kid, "state", state_of(&use->key),
		                                      "canOpen", (int)use->key.can_open, "tokens", (json_int_t)use->values));
	}
	return json_pack("{s:I, s:I, s:o, s:o}", "tokens", (json_int_t)census->values, "broken", (json_int_t)census->broken, "keys",
	                 keys, "problems", keys_problems_json(census));
}

static bool open_machine(struct machine *machine, const struct settings *settings, unsigned parts, struct error *err)
{
	return machine_open_keys(machine, settings, parts, err) && machine_open_database(machine, settings, false, err);
}

int keys_status(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(key_census_release) struct key_census census = KEY_CENSUS_INIT;
	struct error failure = ERROR_INIT;

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 0, 0))
		return CLI_USAGE;
	if (!open_machine(&machine, &cli->settings, KEYRING_PUBLIC | KEYRING_PRIVATE, &failure) ||
	    !key_census_take(&machine.accounts, 0, &census, &failure))
		return cli_fail(&failure);
	if (cli->json)
		cli_print_json(census_json(&census));
	else
		print_census(&census);
	return census.broken > 0 ? CLI_CHECK_FAILED : CLI_OK;
}

/* ---- Retiring ---- */

int keys_retire(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(key_census_release) struct key_census census = KEY_CENSUS_INIT;
	const struct keyring_paths paths = machine_key_paths(&cli->settings);
	struct error failure = ERROR_INIT;
	const char *kid;

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 1, 1))
		return CLI_USAGE;
	kid = operands.items[0];
	if (!open_machine(&machine, &cli->settings, KEYRING_PUBLIC | KEYRING_PRIVATE, &failure) ||
	    !key_census_take(&machine.accounts, 0, &census, &failure))
		return cli_fail(&failure);
	for (size_t i = 0; i < census.key_count; i++) {
		if (strcmp(census.keys[i].key.kid, kid) != 0 || census.keys[i].values == 0)
			continue;
		error_set(&failure, ERR_CONFLICT, "%zu stored token%s sealed to the key %s.", census.keys[i].values,
		          census.keys[i].values == 1 ? " is" : "s are", kid);
		(void)error_remedy(&failure, "Run 'acp-gitlab keys rotate --resume' first.");
		return cli_fail(&failure);
	}
	if (!keyring_retire(&paths, kid, &failure))
		return cli_fail(&failure);
	if (cli->json)
		cli_print_json(json_pack("{s:s}", "retired", kid));
	else
		terminal_line(stdout, "The key %s is retired.", kid);
	return CLI_OK;
}

/* ---- Rotating ---- */

enum { SETTLE_S = 5, SETTLE_MAX_S = 3600, RATE = 200, RATE_MAX = 100000, WALKS_MAX = 10, REPORT_EVERY_MS = 5000 };

struct rotation {
	const struct cli *cli;
	struct keyring_paths paths;
	long settle_s, rate;
	char kid[17]; /* what is to be the active key */
	struct key_reseal total;
	size_t values;
	int64_t reported_ms;
};

static bool read_number(const struct cli *cli, const char *option, const char *text, long max, long *ret)
{
	char *end = NULL;
	long number;

	if (!text)
		return true;
	errno = 0;
	number = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end || number < 0 || number > max) {
		cli_usage(cli, "The option %s takes a number from 0 to %ld.", option, max);
		return false;
	}
	*ret = number;
	return true;
}

/* Workers look at their key files every second, and a fresh one takes the place of each that finds them changed. */
static void settle(const struct rotation *rotation, const char *what)
{
	const struct timespec time = {.tv_sec = rotation->settle_s};

	cli_note("%s; waiting %ld s until every process has taken it over.", what, rotation->settle_s);
	(void)nanosleep(&time, NULL);
}

/* A key that was made and not yet used: the rotation that made it ended early, or was the first half of one. */
static bool prepared_key(const struct keyring *keyring, char ret_kid[17])
{
	struct keyring_key keys[KEYRING_KEYS_MAX];
	size_t count = keyring_keys(keyring, keys);
	bool behind_active = false;

	for (size_t i = 0; i < count; i++) {
		if (behind_active && keys[i].listed && keys[i].can_open) {
			memcpy(ret_kid, keys[i].kid, sizeof(keys[i].kid));
			return true;
		}
		behind_active = behind_active || keys[i].active;
	}
	return false;
}

static bool prepare(struct rotation *rotation, struct error *err)
{
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;

	if (!keyring_load(&rotation->paths, ALL_PARTS, &keyring, err))
		return false;
	if (prepared_key(keyring, rotation->kid)) {
		cli_note("The key %s was made before and is taken.", rotation->kid);
		return true;
	}
	if (!keyring_add_key(&rotation->paths, rotation->kid, err))
		return false;
	cli_note("The new key is %s.", rotation->kid);
	return true;
}

static bool activate(struct rotation *rotation, struct error *err)
{
	CLEANUP(keyring_freep) struct keyring *keyring = NULL;

	if (!keyring_load(&rotation->paths, ALL_PARTS, &keyring, err))
		return false;
	if (!rotation->kid[0] && !prepared_key(keyring, rotation->kid)) {
		error_set(err, ERR_CONFLICT, "There is no key that waits to become active.");
		return error_remedy(err, "Run 'acp-gitlab keys rotate --prepare' first.");
	}
	return keyring_activate(&rotation->paths, rotation->kid, err);
}

static void report_progress(void *context, const struct key_reseal *so_far)
{
	struct rotation *rotation = context;
	int64_t now_ms = clock_monotonic_ms();

	if (now_ms - rotation->reported_ms < REPORT_EVERY_MS)
		return;
	rotation->reported_ms = now_ms;
	cli_note("%zu of %zu stored tokens looked at, %zu sealed anew.", so_far->seen, rotation->values, so_far->sealed);
}

/* Walks until one finds nothing left to do: what a connect sealed to the old key meanwhile is found by the next. */
static bool reseal(struct rotation *rotation, struct error *err)
{
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(key_census_release) struct key_census census = KEY_CENSUS_INIT;
	struct key_reseal walk = {0};

	if (!open_machine(&machine, &rotation->cli->settings, ALL_PARTS, err) ||
	    !key_census_take(&machine.accounts, 0, &census, err))
		return false;
	rotation->values = census.values;
	memcpy(rotation->kid, keyring_active_kid(machine.keyring), sizeof(rotation->kid));
	rotation->reported_ms = clock_monotonic_ms();
	for (unsigned i = 0; i < WALKS_MAX; i++) {
		bool ok = key_reseal_all(&machine.accounts, (unsigned)rotation->rate, report_progress, rotation, &walk, err);

		rotation->total.sealed += walk.sealed;
		rotation->total.seen = walk.seen;
		rotation->total.broken = walk.broken;
		if (!ok) {
			cli_note("%zu stored tokens were sealed anew before this.", rotation->total.sealed);
			return false;
		}
		if (walk.sealed + walk.overtaken == 0)
			return true;
	}
	error_set(err, ERR_CONFLICT, "Tokens are still being sealed to an old key.");
	return error_remedy(err, "See that every process has the new key files, then run 'acp-gitlab keys rotate --resume'.");
}

static int report_rotation(const struct rotation *rotation, bool sealed)
{
	const struct key_reseal *total = &rotation->total;

	if (rotation->cli->json) {
		json_t *report = json_pack("{s:s}", "key", rotation->kid);

		if (sealed) {
			json_object_set_new(report, "tokens", json_integer((json_int_t)total->seen));
			json_object_set_new(report, "sealed", json_integer((json_int_t)total->sealed));
			json_object_set_new(report, "broken", json_integer((json_int_t)total->broken));
		}
		cli_print_json(report);
	} else if (sealed) {
		(void)printf("%zu stored tokens, %zu of them sealed anew to the key %s.\n", total->seen, total->sealed,
		             rotation->kid);
		if (total->broken > 0)
			(void)printf("%zu do not open and stay as they are: 'acp-gitlab keys status' lists them.\n", total->broken);
		else
			(void)printf("Keys that no token needs ('acp-gitlab keys status') can be retired.\n");
	} else {
		(void)printf("%s\n", rotation->kid);
	}
	return total->broken > 0 ? CLI_CHECK_FAILED : CLI_OK;
}

int keys_rotate(struct cli *cli, int argc, char **argv)
{
	bool only_prepare = false, only_activate = false, resume = false;
	const char *settle_text = NULL, *rate_text = NULL;
	const struct cli_option options[] = {{"--prepare", CLI_FLAG, &only_prepare},
	                                     {"--activate", CLI_FLAG, &only_activate},
	                                     {"--resume", CLI_FLAG, &resume},
	                                     {"--settle", CLI_VALUE, &settle_text},
	                                     {"--rate", CLI_VALUE, &rate_text}};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	struct rotation rotation = {.cli = cli, .paths = machine_key_paths(&cli->settings), .settle_s = SETTLE_S, .rate = RATE};
	struct error failure = ERROR_INIT;
	bool whole, ok = true;

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0) ||
	    !read_number(cli, "--settle", settle_text, SETTLE_MAX_S, &rotation.settle_s) ||
	    !read_number(cli, "--rate", rate_text, RATE_MAX, &rotation.rate))
		return CLI_USAGE;
	if (only_prepare + only_activate + resume > 1)
		return cli_usage(cli, "--prepare, --activate and --resume are steps of a rotation: give one of them, or none.");
	whole = !only_prepare && !only_activate && !resume;
	if (whole) { /* before anything is changed: is everything here that the last step needs? */
		CLEANUP(machine_release) struct machine machine = MACHINE_INIT;

		ok = open_machine(&machine, &cli->settings, ALL_PARTS, &failure);
	}
	if (ok && (whole || only_prepare))
		ok = prepare(&rotation, &failure);
	if (ok && whole)
		settle(&rotation, "It opens");
	if (ok && (whole || only_activate))
		ok = activate(&rotation, &failure);
	if (ok && whole)
		settle(&rotation, "It seals");
	if (ok && (whole || resume))
		ok = reseal(&rotation, &failure);
	return ok ? report_rotation(&rotation, whole || resume) : cli_fail(&failure);
}
