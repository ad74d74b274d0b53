/*
 * acp-git-worker — runs agentic sessions: clones, starts the agent, commits, pushes. It holds no token and no key: all git goes to
 * the git gate with a credential that is good for one session.
 */
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "alloc.h"
#include "json.h"
#include "pid_namespace.h"
#include "worker.h"

enum { SESSIONS_DEFAULT = 2 };

static int usage(FILE *to)
{
	fputs("Usage: acp-git-worker serve [--sessions N]\n"
	      "       acp-git-worker run --user USER SESSION.json\n"
	      "Runs sessions: clones, starts the agent, commits and pushes, by way of the git gate; it never holds a token. "
	      "Configured by\n"
	      "ACP_… variables ('acp-gitlab config' shows them).\n\n"
	      "  serve            takes sessions from the database, or the resources of ACP_CRD_GROUP, until it is asked to stop\n"
	      "  --sessions N     how many run at once, 1 to 64 (default 2)\n"
	      "  run              does one session in the foreground; its project is the file's metadata.namespace\n"
	      "  --user USER      whose accounts it uses\n\n"
	      "SIGTERM and SIGINT let running sessions finish for half a minute and hand over the rest. Exit codes: 0 done, 1 "
	      "failed, 2 the\n"
	      "command line is wrong, 3 completed partially, 130 interrupted.\n"
	      "Examples: acp-git-worker serve --sessions 4\n"
	      "          acp-git-worker run --user developer session.json\n",
	      to);
	return to == stdout ? EXIT_DONE : EXIT_USAGE;
}

/* What neither agent nor git may reach, wherever the operator put it. */
static void collect_hidden(struct worker *worker)
{
	const struct settings *s = worker->settings;
	const char *const paths[] = {
	        worker->data_folder,
	        settings_get(s, DATABASE),
	        settings_get(s, SEAL_PUBLIC_KEYS_FILE),
	        settings_get(s, SEAL_SIGNING_KEY_FILE),
	        settings_get(s, SEAL_PRIVATE_KEYS_FILE),
	        settings_get(s, STATIC_TOKENS_FILE),
	        settings_get(s, INSTANCES_FILE),
	        settings_get(s, MIRRORS), /* but for what a session borrows */
	        settings_get(s, BEARER_FILE),
	        getenv("ACP_CONFIG_FILE"),
	        getenv("KUBECONFIG"),
	        "/var/run/secrets/kubernetes.io",
	};
	size_t count = 0;

	_Static_assert(ARRAY_SIZE(paths) < ARRAY_SIZE(worker->hidden), "room for the final NULL");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (paths[i] && *paths[i])
			worker->hidden[count++] = paths[i];
}

static void worker_init(struct worker *worker, const struct settings *settings)
{
	CLEANUP(freep) char *database = xstrdup(settings_get(settings, DATABASE));
	char host[256] = "localhost";
	enum log_level level = LOG_INFO;

	if (!log_level_parse(settings_get(settings, LOG_LEVEL), &level))
		level = LOG_INFO;
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	*worker = (struct worker){
	        .settings = settings,
	        .logger = {.fd = 2, .level = level, .program = "acp-git-worker"},
	        .name = xasprintf("%s:%d", host, (int)getpid()),
	        .data_folder = xstrdup(dirname(database)),
	        .lease_s = LEASE_S,
	        .attempts = ATTEMPTS,
	        .isolates = pid_namespace_is_available(),
	};
	collect_hidden(worker);
}

static bool parse_count(const char *text, int64_t from, int64_t to, int64_t *ret)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || value < from || value > to)
		return false;
	*ret = value;
	return true;
}

static int command(struct worker *worker, int argc, char **argv)
{
	static const struct option options[] = {
	        {"user", required_argument, NULL, 'u'},     {"sessions", required_argument, NULL, 's'},
	        {"lease", required_argument, NULL, 'l'},    /* seconds; for tests, as is */
	        {"attempts", required_argument, NULL, 'a'}, /* this */
	        {"help", no_argument, NULL, 'h'},           {0}};
	bool running = argc > 1 && strcmp(argv[1], "run") == 0, serving = argc > 1 && strcmp(argv[1], "serve") == 0;
	const char *user = NULL;
	int64_t sessions = SESSIONS_DEFAULT;

	optind = 2;
	for (int option; (running || serving) && (option = getopt_long(argc, argv, "u:s:l:a:h", options, NULL)) != -1;) {
		if (option == 'u' && running)
			user = optarg;
		else if (option == 'h')
			return usage(stdout);
		else if ((option == 'l' && parse_count(optarg, LEASE_S_MIN, LEASE_S_MAX, &worker->lease_s)) ||
		         (option == 'a' && parse_count(optarg, 1, ATTEMPTS_MAX, &worker->attempts)))
			continue;
		else if (option != 's' || !serving || !parse_count(optarg, 1, SESSIONS_MAX, &sessions))
			return usage(stderr);
	}
	if (running && user && *user && optind == argc - 1)
		return run_once(worker, user, argv[optind]);
	if (serving && optind == argc)
		return serve(worker, (unsigned)sessions);
	return usage(stderr);
}

int main(int argc, char **argv)
{
	CLEANUP(settings_release) struct settings settings = SETTINGS_INIT;
	struct error err = ERROR_INIT;
	struct worker worker;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
		return usage(stdout);
	json_library_init();
	(void)signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core file, and no other process of this user may look inside */
	if (!secret_library_init()) {
		fputs("acp-git-worker: libsodium cannot be used on this machine\n", stderr);
		return EXIT_FAILED;
	}
	if (!settings_load(environ, &settings, &err)) {
		fprintf(stderr, "acp-git-worker: %s\n", err.message);
		return EXIT_USAGE;
	}
	worker_init(&worker, &settings);
	int code = command(&worker, argc, argv);
	free(worker.name);
	free(worker.data_folder);
	return code;
}
