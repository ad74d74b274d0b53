/* housekeeping: what no request does — intents that a crash left over, the daily look at every token, notices to ACP_NOTIFY_URL. */
#include "cli.h"
#include "clock.h"
#include "log.h"
#include "notify.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum {
	ROUND_S = 60,
	ROUND_JITTER_S = 15, /* several machines started together do not stay in step */
	RECHECK_STEP = 10,   /* connections between two looks at the signals */
	RECHECK_ROUND = 200,
};

struct round {
	size_t intents, checked, invalid, notices;
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

/* One round; *ret_signal is a signal that came in the middle, after which the rest waits for the next start. */
static bool run_round(struct account_service *accounts, struct notify *notify, const sigset_t *signals, struct round *ret,
                      int *ret_signal, struct error *err)
{
	*ret = (struct round){0};
	if (!account_reconcile(accounts, &ret->intents, err))
		return false;
	while (ret->checked < RECHECK_ROUND) {
		size_t checked = 0, invalid = 0;

		*ret_signal = wait_for_signal(signals, 0);
		if (*ret_signal != 0)
			return true;
		if (!account_recheck(accounts, RECHECK_STEP, &checked, &invalid, err))
			return false;
		ret->checked += checked;
		ret->invalid += invalid;
		if (checked < RECHECK_STEP)
			break;
	}
	return notify_of_tokens(notify, &ret->notices, err);
}

static int exit_code_of(int signal_number)
{
	return signal_number == SIGINT ? CLI_INTERRUPTED : CLI_OK;
}

static int run_once(const struct cli *cli, struct account_service *accounts, struct notify *notify, const sigset_t *signals)
{
	struct error failure = ERROR_INIT;
	struct round round;
	size_t delivered = 0;
	int signal_number = 0;

	if (!run_round(accounts, notify, signals, &round, &signal_number, &failure) ||
	    (signal_number == 0 && !notify_send(notify, &delivered, &failure)))
		return cli_fail(&failure);
	if (cli->json)
		cli_print_json(json_pack("{s:I, s:I, s:I, s:I, s:I}", "intents", (json_int_t)round.intents, "checked",
		                         (json_int_t)round.checked, "invalid", (json_int_t)round.invalid, "notices",
		                         (json_int_t)round.notices, "delivered", (json_int_t)delivered));
	else
		(void)printf("%zu intents carried out, %zu connections checked, %zu of them invalid; %zu notices about tokens, %zu "
		             "notices delivered.\n",
		             round.intents, round.checked, round.invalid, round.notices, delivered);
	return exit_code_of(signal_number);
}

static void log_round(const struct logger *logger, const struct round *round, const struct error *failure)
{
	bool quiet = failure->code == ERR_NONE && round->intents == 0 && round->checked == 0 && round->notices == 0;
	json_t *fields =
	        json_pack("{s:I, s:I, s:I, s:I}", "intents", (json_int_t)round->intents, "checked", (json_int_t)round->checked,
	                  "invalid", (json_int_t)round->invalid, "notices", (json_int_t)round->notices);

	if (failure->code != ERR_NONE) {
		json_object_set_new(fields, "code", json_string(error_name(failure->code)));
		json_object_set_new(fields, "error", json_string(failure->message));
		json_object_set_new(fields, "detail", json_string(failure->detail));
	}
	log_event(logger, failure->code != ERR_NONE ? LOG_ERROR : quiet ? LOG_DEBUG : LOG_INFO, NULL, "housekeeping round", fields);
}

/* A store that is down now may be back in a minute: the loop ends by signal alone. */
static int run_loop(const struct logger *logger, struct account_service *accounts, struct notify *notify, const sigset_t *signals)
{
	struct error refused = ERROR_INIT;
	int signal_number = 0;

	if (!notify_start(notify, &refused))
		return cli_fail(&refused);
	log_event(logger, LOG_INFO, NULL, "housekeeping started", NULL);
	while (signal_number == 0) {
		struct error failure = ERROR_INIT;
		struct round round;
		uint32_t jitter;

		if (run_round(accounts, notify, signals, &round, &signal_number, &failure) && signal_number != 0)
			break;
		log_round(logger, &round, &failure);
		random_bytes(&jitter, sizeof(jitter));
		signal_number = wait_for_signal(signals, ROUND_S - ROUND_JITTER_S / 2 + (time_t)(jitter % ROUND_JITTER_S));
	}
	log_event(logger, LOG_INFO, NULL, "housekeeping ended", NULL);
	return exit_code_of(signal_number);
}

static int housekeeping(struct cli *cli, int argc, char **argv)
{
	bool once = false;
	const struct cli_option options[] = {{"--once", CLI_FLAG, &once}};
	CLEANUP(cli_list_release) struct cli_list operands = {0};
	CLEANUP(machine_release) struct machine machine = MACHINE_INIT;
	CLEANUP(notify_release) struct notify notify = NOTIFY_INIT; /* ends before the machine that it borrows */
	struct logger logger = {.fd = STDERR_FILENO, .level = LOG_INFO, .program = "acp-gitlab", .pool = "housekeeping"};
	struct error failure = ERROR_INIT;
	sigset_t signals;

	if (!cli_parse(cli, argc, argv, options, ARRAY_SIZE(options), &operands, 0, 0))
		return CLI_USAGE;
	if (cli->json && !once)
		return cli_usage(cli, "The option --json goes with --once.");
	if (!log_level_parse(settings_get(&cli->settings, LOG_LEVEL), &logger.level))
		logger.level = LOG_INFO;
	block_signals(&signals); /* before any thread starts, which inherits it */
	if (!machine_open_keys(&machine, &cli->settings, KEYRING_PUBLIC | KEYRING_PRIVATE, &failure) ||
	    !machine_open_database(&machine, &cli->settings, false, &failure) ||
	    !machine_open_audit(&machine, &cli->settings, "housekeeping", "housekeeping", &failure) ||
	    !machine_open_network(&machine, &cli->settings, &failure) ||
	    !notify_open(&notify, &cli->settings, &machine, &logger, &failure))
		return cli_fail(&failure);
	return once ? run_once(cli, &machine.accounts, &notify, &signals) : run_loop(&logger, &machine.accounts, &notify, &signals);
}

const struct command housekeeping_commands[] = {
        {"housekeeping", NULL, "[--once [--json]]",
         "Finish what crashes left over, recheck every token once a day, and send notices.",
         "Runs a round a minute until SIGTERM; with --once a single one, for a timer or a CronJob. A server that cannot be reached "
         "makes no\n"
         "token invalid. Where ACP_NOTIFY_URL is set, it is told of sessions that end and of tokens that expire or are refused,\n"
         "within seconds; with --once what waits is sent once. Several may run at the same time.\n\n"
         "Examples:\n"
         "  acp-gitlab housekeeping\n"
         "  acp-gitlab housekeeping --once --json\n",
         true, housekeeping},
        {0},
};
