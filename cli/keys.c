/* keys generate | check, and the table of the group */
#include "keys.h"

#include "machine.h"
#include "terminal.h"

static void report_files(const struct keyring_paths *paths)
{
	(void)printf("public keys   %s\nsigning key   %s\nprivate keys  %s\n", paths->public_keys, paths->signing_key,
	             paths->private_keys);
}

static int keys_generate(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	const struct keyring_paths paths = machine_key_paths(&cli->settings);
	struct error failure = ERROR_INIT;

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 0, 0))
		return CLI_USAGE;
	/* Loaded again, so that what was written is known to be usable. */
	if (!keyring_generate(&paths, &failure) ||
	    !machine_open_keys(&machine, &cli->settings, KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE, &failure)) {
		if (failure.code == ERR_CONFLICT)
			(void)error_remedy(
			        &failure,
			        "Stored tokens open with these keys alone; 'acp-gitlab keys check' tells whether they work.");
		return cli_fail(&failure);
	}
	if (cli->json) {
		cli_print_json(json_pack("{s:s, s:s, s:s, s:s, s:s}", "installation", keyring_installation(machine.keyring),
		                         "activeKey", keyring_active_kid(machine.keyring), "publicKeys", paths.public_keys,
		                         "signingKey", paths.signing_key, "privateKeys", paths.private_keys));
		return CLI_OK;
	}
	(void)printf("installation  %s\nactive key    %s\n", keyring_installation(machine.keyring),
	             keyring_active_kid(machine.keyring));
	report_files(&paths);
	cli_note("Keep a copy of the private keys apart from the database: without them no stored token opens.");
	return CLI_OK;
}

/* ---- check ---- */

struct key_check {
	const char *name;
	unsigned parts;
};

static const struct key_check key_checks[] = {
        {"public keys", KEYRING_PUBLIC},
        {"signing key", KEYRING_PUBLIC | KEYRING_SIGNING},
        {"private keys", KEYRING_PUBLIC | KEYRING_PRIVATE},
};

/* Seals a random value and opens it again. */
static bool round_trip(const struct keyring *keyring, struct error *err)
{
	CLEANUP(seal_payload_release) struct seal_payload opened = SEAL_PAYLOAD_INIT;
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	char instance[] = "https://gitlab.example.com", id[] = "1", user[] = "check";
	const struct seal_binding binding = {.installation = keyring_installation(keyring),
	                                     .record_key = "check",
	                                     .provider = "gitlab",
	                                     .user_id = user,
	                                     .instance_url = instance,
	                                     .generation = 1};
	struct seal_payload payload = SEAL_PAYLOAD_INIT;

	secret_random(&token, 32);
	payload = (struct seal_payload){
	        .token = token, .instance_url = instance, .gitlab_user_id = id, .username = user, .generation = 1};
	if (!seal(keyring, &binding, &payload, &value, err) || !seal_open(keyring, &binding, &value, &opened, err))
		return false;
	return secret_equals(&opened.token, &token) || error_set(err, ERR_SEAL_BROKEN, "A sealed value opens to something else.");
}

static void add_check(json_t *checks, const char *name, bool ok, const struct error *failure)
{
	json_t *check = json_pack("{s:s, s:b}", "name", name, "ok", (int)ok);

	if (!ok) {
		json_object_set_new(check, "code", json_string(error_name(failure->code)));
		json_object_set_new(check, "message", json_string(failure->message));
		json_object_set_new(check, "remediation", json_string(error_remediation(failure)));
	}
	json_array_append_new(checks, check);
}

/* Each stored token is opened. Where there is no database yet, there is nothing to look at. */
static bool check_stored(struct machine *machine, const struct settings *settings, json_t *checks)
{
	CLEANUP(key_census_release) struct key_census census = KEY_CENSUS_INIT;
	struct error failure = ERROR_INIT;
	bool ok = machine_open_database(machine, settings, false, &failure) &&
	          key_census_take(&machine->accounts, KEY_CENSUS_OPEN_EACH, &census, &failure);

	if (failure.code == ERR_STORE_NOT_READY) {
		json_array_append_new(checks,
		                      json_pack("{s:s, s:n, s:s}", "name", "stored tokens", "ok", "message", failure.message));
		return true;
	}
	if (ok && census.broken > 0) {
		ok = error_set(&failure, ERR_SEAL_BROKEN, "%zu of %zu stored tokens do not open.", census.broken, census.values);
		(void)error_remedy(&failure,
		                   "'acp-gitlab keys status' tells which keys they need; users whose tokens are broken reconnect.");
	}
	add_check(checks, "stored tokens", ok, &failure);
	json_object_set_new(json_array_get(checks, json_array_size(checks) - 1), "problems", keys_problems_json(&census));
	return ok;
}

static bool run_checks(const struct settings *settings, json_t *checks)
{
	CLEANUP(machine_release) struct machine whole = MACHINE_INIT;
	struct error failure = ERROR_INIT;
	bool all = true, ok;

	for (size_t i = 0; i < ARRAY_SIZE(key_checks); i++) {
		CLEANUP(machine_release) struct machine machine = MACHINE_INIT;

		ok = machine_open_keys(&machine, settings, key_checks[i].parts, &failure);
		add_check(checks, key_checks[i].name, ok, &failure);
		all &= ok;
	}
	if (!all)
		return false;
	ok = machine_open_keys(&whole, settings, KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE, &failure) &&
	     round_trip(whole.keyring, &failure);
	add_check(checks, "seal and open", ok, &failure);
	return ok && check_stored(&whole, settings, checks);
}

static void print_checks(const json_t *checks)
{
	const json_t *check;
	size_t i;

	json_array_foreach(checks, i, check)
	{
		const json_t *verdict = json_object_get(check, "ok"), *problem;
		size_t at;

		(void)printf("%-7s  %s",
		             json_is_true(verdict)    ? "ok"
		             : json_is_false(verdict) ? "failed"
		                                      : "not run",
		             json_string_or(check, "name", ""));
		if (!json_is_true(verdict))
			(void)printf(": %s %s", json_string_or(check, "message", ""), json_string_or(check, "remediation", ""));
		(void)putchar('\n');
		json_array_foreach(json_object_get(check, "problems"), at, problem)
		        terminal_line(stdout, "         %s %s: %s", json_string_or(problem, "provider", ""),
		                      json_string_or(problem, "recordKey", ""), json_string_or(problem, "reason", ""));
	}
}

static int keys_check(struct cli *cli, int argc, char **argv)
{
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	json_t *checks;
	bool ok;

	if (!cli_parse(cli, argc, argv, NULL, 0, &operands, 0, 0))
		return CLI_USAGE;
	checks = json_array();
	ok = run_checks(&cli->settings, checks);
	if (cli->json) {
		cli_print_json(json_pack("{s:b, s:o}", "ok", (int)ok, "checks", checks));
	} else {
		print_checks(checks);
		json_decref(checks);
	}
	return ok ? CLI_OK : CLI_CHECK_FAILED;
}

const struct command keys_commands[] = {
        {"keys", "generate", "[--json]", "Make the keys that seal tokens, once per installation.",
         "Writes three files, in folders that exist, and never overwrites one: ACP_SEAL_PUBLIC_KEYS_FILE (for every process),\n"
         "ACP_SEAL_SIGNING_KEY_FILE (pool connect) and ACP_SEAL_PRIVATE_KEYS_FILE (pools repositories and git, housekeeping).\n\n"
         "Examples:\n"
         "  install -d -m 0750 /etc/acp-gitlab/keys && acp-gitlab keys generate\n"
         "  ACP_SEAL_PRIVATE_KEYS_FILE=/mnt/safe/private.keys acp-gitlab keys generate --json\n",
         true, keys_generate},
        {"keys", "check", "[--json]", "Check that the key files are whole, fit each other and work.",
         "Loads each file, seals and opens a random value, and opens every stored token. Exit code 3 when something is wrong.\n\n"
         "Examples:\n"
         "  acp-gitlab keys check\n"
         "  acp-gitlab keys check --json | jq .ok\n",
         true, keys_check},
        {"keys", "rotate", "[--prepare | --activate | --resume] [--settle SECONDS] [--rate NUMBER] [--json]",
         "Make a new sealing key and seal every stored token to it, while the service runs.",
         "Four steps: the new key is added to the key files, where it can open; it is made the active one; every stored token is\n"
         "sealed anew, at most NUMBER a second (200; 0: as fast as it goes); this is repeated until nothing is left. Between the\n"
         "steps it waits SECONDS (5), in which every running process takes the new files over. It can be stopped at any point and\n"
         "begun again; a token that is connected meanwhile wins. The old key stays, to open what is left, until 'keys retire'.\n\n"
         "Where the key files are copies (mounted Secrets, credentials of systemd), run one step at a time and hand out the files\n"
         "between them: --prepare adds the key, --activate makes it the active one, --resume seals. Needs all three key files.\n\n"
         "Examples:\n"
         "  acp-gitlab keys rotate\n"
         "  acp-gitlab keys rotate --resume --rate 50 --json\n",
         true, keys_rotate},
        {"keys", "retire", "KEY [--json]", "Remove a sealing key that no stored token needs any more.",
         "Refused while a stored token is sealed to it, and for the active key. A copy of the database from before the rotation\n"
         "cannot be used any more once its key is gone.\n\n"
         "Examples:\n"
         "  acp-gitlab keys retire 0123456789abcdef\n",
         true, keys_retire},
        {"keys", "status", "[--json]", "Show the sealing keys and how many stored tokens each has.",
         "States: active (new tokens are sealed to it), open-only, leftover (of a change that was interrupted), missing (no key "
         "file\n"
         "has it, and what is sealed to it does not open). Exit code 3 when a stored token does not open.\n\n"
         "Examples:\n"
         "  acp-gitlab keys status\n"
         "  acp-gitlab keys status --json | jq '.keys[] | select(.tokens > 0)'\n",
         true, keys_status},
        {0},
};
