/* housekeeping: what no request does — intents that a crash left over, the daily look at every token, notices to ACP_NOTIFY_URL. */
#include "cli.h"
#include "clock.h"
#include "github_app.h"
#include "key_service.h"
#include "log.h"
#include "notify.h"
#include "project_access.h"
#include "token_text.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum {
	ROUND_S = 60,
	ROUND_JITTER_S = 15, /* several machines started together do not stay in step */
	RECHECK_STEP = 10,   /* connections between two looks at the signals */
	RECHECK_ROUND = 200,
	PROJECTS_ROUND = 50,
	CENSUS_EVERY_S = 3600,
};

/* What opens tokens; all it needs. */
#define KEY_PARTS (KEYRING_PUBLIC | KEYRING_PRIVATE)

/* What a round works with; all borrowed. */
struct keeper {
	struct machine *machine;
	const struct settings *settings;
	struct notify *notify;
	struct check_service *checks;
	struct project_store projects;
	const sigset_t *signals;
	int64_t counted_ms; /* when the stored tokens were last counted; 0: not yet */
};

struct round {
	size_t intents, checked, invalid, projects, notices;
	bool counted;
	size_t broken, orphans; /* stored tokens that do not open, or have no row; where they were counted */
};

/* The signals that end the loop; blocked in every thread, so that they are taken here and nowhere else. */
static void block_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, ret, NULL);
}

/* The signal that came within `seconds`, or 0. */
static int wait_for_signal(const sigset_t *signals, time_t seconds)
{
	int64_t end_ms = clock_monotonic_ms() + (int64_t)seconds * 1000;

	for (;;) {
		int64_t left_ms = end_ms - clock_monotonic_ms();
		const struct timespec left = {.tv_sec = left_ms > 0 ? left_ms / 1000 : 0,
		                              .tv_nsec = left_ms > 0 ? left_ms % 1000 * 1000000 : 0};
		int signal_number = sigtimedwait(signals, NULL, &left);

		if (signal_number > 0)
			return signal_number;
		if (errno != EINTR)
			return 0;
	}
}

/*
 * What no request may meet for a long time: stored tokens that no key opens, and those that no row leads to. An operator has to
 * hear of both; neither is touched.
 */
static bool count_stored(struct keeper *keeper, struct round *ret, struct error *err)
{
	CLEANUP(key_census_release) struct key_census census = KEY_CENSUS_INIT;
	int64_t now_ms = clock_monotonic_ms();

	if (keeper->counted_ms != 0 && now_ms - keeper->counted_ms < CENSUS_EVERY_S * INT64_C(1000))
		return true;
	if (!key_census_take(&keeper->machine->accounts, KEY_CENSUS_ROWS, &census, err) ||
	    !database_note_values(keeper->machine->database, census.broken, census.orphans, err))
		return false;
	keeper->counted_ms = now_ms;
	ret->counted = true;
	ret->broken = census.broken;
	ret->orphans = census.orphans;
	return true;
}

/* *ret_signal is a signal that came in the middle. */
static bool recheck(struct keeper *keeper, struct round *ret, int *ret_signal, struct error *err)
{
	while (ret->checked < RECHECK_ROUND) {
		size_t checked = 0, invalid = 0;

		*ret_signal = wait_for_signal(keeper->signals, 0);
		if (*ret_signal != 0)
			return true;
		if (!account_recheck(&keeper->machine->accounts, RECHECK_STEP, &checked, &invalid, err))
			return false;
		ret->checked += checked;
		ret->invalid += invalid;
		if (checked < RECHECK_STEP)
			break;
	}
	return true;
}

/*
 * One round, whose parts do not wait for each other: one user's record that no key opens must not keep everybody else from hearing
 * of tokens that expire. *err is the first failure of them. After a signal in the middle the rest waits for the next start.
 */
static bool run_round(struct keeper *keeper, struct round *ret, int *ret_signal, struct error *err)
{
	struct error failures[5] = {ERROR_INIT, ERROR_INIT, ERROR_INIT, ERROR_INIT, ERROR_INIT};
	bool whole;

	*ret = (struct round){0};
	if (!machine_refresh_keys(keeper->machine, keeper->settings, KEY_PARTS, err))
		return false;
	whole = account_reconcile(&keeper->machine->accounts, &ret->intents, &failures[0]);
	whole &= count_stored(keeper, ret, &failures[1]);
	whole &= recheck(keeper, ret, ret_signal, &failures[2]);
	if (*ret_signal == 0) {
		whole &= project_access_check(keeper->checks, &keeper->projects, PROJECTS_ROUND, &ret->projects, &failures[3]);
		whole &= notify_of_tokens(keeper->notify, &ret->notices, &failures[4]);
	}
	for (size_t i = 0; !whole && i < ARRAY_SIZE(failures); i++)
		if (failures[i].code != ERR_NONE) {
			*err = failures[i];
			break;
		}
	return whole;
}

static int exit_code_of(int signal_number)
{
	return signal_number == SIGINT ? CLI_INTERRUPTED : CLI_OK;
}

static json_t *round_json(const struct round *round)
{
	json_t *fields = json_pack("{s:I, s:I, s:I, s:I, s:I}", "intents", (json_int_t)round->intents, "checked",
	                           (json_int_t)round->checked, "invalid", (json_int_t)round->invalid, "projects",
	                           (json_int_t)round->projects, "notices", (json_int_t)round->notices);

	if (round->counted) {
		json_object_set_new(fields, "broken", json_integer((json_int_t)round->broken));
		json_object_set_new(fields, "orphans", json_integer((json_int_t)round->orphans));
	}
	return fields;
}

static int run_once(const struct cli *cli, struct keeper *keeper)
{
	struct error failure = ERROR_INIT, undelivered = ERROR_INIT;
	struct round round;
	size_t delivered = 0;
	int signal_number = 0;
	bool whole = run_round(keeper, &round, &signal_number, &failure);

	if (signal_number == 0 && !notify_send(keeper->notify, &delivered, &undelivered))
		return cli_fail(whole ? &undelivered : &failure);
	if (!whole)
		return cli_fail(&failure);
	if (cli->json) {
		json_t *fields = round_json(&round);

		json_object_set_new(fields, "delivered", json_integer((json_int_t)delivered));
		cli_print_json(fields);
	} else {
		(void)printf("%zu intents carried out, %zu connections checked, %zu of them invalid; %zu projects looked at; %zu "
		             "notices about tokens, %zu notices delivered.\n",
		             round.intents, round.checked, round.invalid, round.projects, round.notices, delivered);
		if (round.broken + round.orphans > 0)
			(void)printf("%zu stored tokens do not open ('acp-gitlab keys status'), %zu have no row.\n", round.broken,
			             round.orphans);
	}
	if (round.broken > 0 && signal_number == 0)
		return CLI_CHECK_FAILED;
	return exit_code_of(signal_number);
}

static void log_round(const struct logger *logger, const struct round *round, const struct error *failure)
{
	bool quiet = failure->code == ERR_NONE && round->intents == 0 && round->checked == 0 && round->projects == 0 &&
	             round->notices == 0;
	json_t *fields = round_json(round);

	if (failure->code != ERR_NONE) {
		json_object_set_new(fields, "code", json_string(error_name(failure->code)));
		json_object_set_new(fields, "error", json_string(failure->message));
		json_object_set_new(fields, "detail", json_string(failure->detail));
	}
	log_event(logger, failure->code != ERR_NONE ? LOG_ERROR : quiet ? LOG_DEBUG : LOG_INFO, NULL, "housekeeping round", fields);
}

static void log_stored(const struct logger *logger, const struct round *round)
{
	if (round->broken > 0)
		log_event(logger, LOG_ERROR, NULL, "stored tokens do not open",
		          json_pack("{s:I, s:s}", "tokens", (json_int_t)round->broken, "remediation",
		                    "Run 'acp-gitlab keys status': it tells which keys they need."));
	if (round->orphans > 0)
		log_event(logger, LOG_WARNING, NULL, "stored tokens have no row",
		          json_pack("{s:I, s:s}", "tokens", (json_int_t)round->orphans, "remediation",
		                    "If this stays, run 'acp-gitlab rebuild-index'. Nothing is deleted for it."));
}

/* A store that is down now may be back in a minute: the loop ends by signal alone. */
static int run_loop(const struct logger *logger, struct keeper *keeper)
{
	struct error refused = ERROR_INIT;
	int signal_number = 0;

	if (!notify_start(keeper->notify, &refused))
		return cli_fail(&refused);
	log_event(logger, LOG_INFO, NULL, "housekeeping started", NULL);
	while (signal_number == 0) {
		struct error failure = ERROR_INIT;
		struct round round;
		uint32_t jitter;

		if (run_round(keeper, &round, &signal_number, &failure) && signal_number != 0)
			break;
		log_round(logger, &round, &failure);
		log_stored(logger, &round);
		if (signal_number != 0)
			break;
		random_bytes(&jitter, sizeof(jitter));
		signal_number = wait_for_signal(keeper->signals, ROUND_S - ROUND_JITTER_S / 2 + (time_t)(jitter % ROUND_JITTER_S));
	}
	log_event(logger, LOG_INFO, NULL, "housekeeping ended", NULL);
	return exit_code_of(signal_number);
}

/* ---- What serves GitHub besides connections ---- */

struct shared_tokens {
	struct instance_url github;
	struct secret git_token;
	struct github_app *app;
};

static void shared_tokens_release(struct shared_tokens *shared)
{
	github_app_freep(&shared->app);
	secret_release(&shared->git_token);
	instance_url_release(&shared->github);
}

/* As the pools that open tokens have them, where they are given to housekeeping as well: the App's key may be those pools' alone.
 */
static bool read_shared_tokens(struct shared_tokens *shared, const struct settings *settings, struct error *err)
{
	const char *token = settings_get(settings, GIT_TOKEN), *id = settings_get(settings, GITHUB_APP_ID),
	           *key = settings_get(settings, GITHUB_APP_KEY_FILE);

	if (!instance_url_parse(settings_get(settings, GITHUB_URL), &shared->github, err)) {
		settings_blame(GITHUB_URL, err);
		return false;
	}
	if (*token && !token_text_parse(PROVIDER_GITHUB, token, &shared->git_token, err)) {
		settings_blame(GIT_TOKEN, err);
		return false;
	}
	return !*id || !*key || access(key, R_OK) != 0 || github_app_new(id, key, &shared->app, err);
}

static struct credential_sources sources_of(struct machine *machine, const struct shared_tokens *shared)
{
	return (struct credential_sources){.accounts = &machine->accounts,
	                                   .projects = database_projects(machine->database),
	                                   .app = shared->app,
	                                   .git_token = shared->git_token.length > 0 ? &shared->git_token : NULL,
	                                   .cluster = machine->cluster.git_token_secret ? machine->cluster.client : NULL,
	                                   .git_token_secret = machine->cluster.git_token_secret,
	                                   .github = &shared->github};
}

static int housekeeping(struct cli *cli, int argc, char **argv)
{
	bool once = false;
	const struct cli_option options[] = {{"--once", CLI_FLAG, &once}};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = {.wants_git_tokens = true};
	CLEANUP(shared_tokens_release) struct shared_tokens shared = {.app = NULL};
	CLEANUP(notify_release) struct notify notify = NOTIFY_INIT; /* ends before the machine that it borrows */
	struct logger logger = {.fd = STDERR_FILENO, .level = LOG_INFO, .program = "acp-gitlab", .pool = "housekeeping"};
	struct error failure = ERROR_INIT;
	struct check_service checks;
	struct keeper keeper;
	sigset_t signals;

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0))
		return CLI_USAGE;
	if (cli->json && !once)
		return cli_usage(cli, "The option --json goes with --once.");
	if (!log_level_parse(settings_get(&cli->settings, LOG_LEVEL), &logger.level))
		logger.level = LOG_INFO;
	block_signals(&signals); /* before any thread starts, which inherits it */
	if (!machine_open_keys(&machine, &cli->settings, KEY_PARTS, &failure) ||
	    !machine_open_database(&machine, &cli->settings, false, &failure) ||
	    !machine_open_audit(&machine, &cli->settings, "housekeeping", "housekeeping", &failure) ||
	    !machine_open_network(&machine, &cli->settings, &failure) ||
	    !notify_open(&notify, &cli->settings, &machine, &logger, &failure) ||
	    !read_shared_tokens(&shared, &cli->settings, &failure))
		return cli_fail(&failure);
	checks = (struct check_service){.credentials = sources_of(&machine, &shared)};
	keeper = (struct keeper){.machine = &machine,
	                         .settings = &cli->settings,
	                         .notify = &notify,
	                         .checks = &checks,
	                         .projects = checks.credentials.projects,
	                         .signals = &signals};
	return once ? run_once(cli, &keeper) : run_loop(&logger, &keeper);
}

const struct command housekeeping_commands[] = {
        {"housekeeping", NULL, "[--once [--json]]",
         "Finish what crashes left over, recheck every token once a day, and send notices.",
         "Runs a round a minute until SIGTERM; with --once a single one, for a timer or a CronJob. A server that cannot be\n"
         "reached makes no token invalid. Where ACP_NOTIFY_URL is set, it is told of sessions that end and of tokens that expire\n"
         "or are refused, within seconds; with --once what waits is sent once. Once an hour it counts the stored tokens that no\n"
         "key opens and logs an error if there are any (--once: exit code 3). New key files are taken over in the next round.\n"
         "Several may run at the same time.\n\n"
         "Examples:\n"
         "  acp-gitlab housekeeping\n"
         "  acp-gitlab housekeeping --once --json\n",
         true, housekeeping},
        {0},
};
