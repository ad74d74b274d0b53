#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "pool.h"
#include "supervisor.h"

enum { THREADS_MAX = 256 };

static const char help[] =
        "Usage: acp-gitlab-fcgi --pool POOL --socket PATH [--socket PATH …] [options]\n"
        "Serves the API of acp-gitlab over FastCGI, behind nginx. Configured by ACP_… variables ('acp-gitlab config' shows them).\n"
        "\n"
        "  --pool POOL           status, connect, repositories or git: which routes are served, and which keys are held\n"
        "  --socket PATH         unix socket to make and listen on (mode 0660); up to 8 times. Without one: systemd's LISTEN_FDS,\n"
        "                        a listening standard input, or one request as plain CGI\n"
        "  --socket-group NAME   group that owns the sockets (nginx's)\n"
        "  --processes N         worker processes, 1 to 64; they share all sockets (default 2)\n"
        "  --threads N           threads of each process, 1 to 256 (default 8)\n"
        "  --keep-alive          keep connections for 'fastcgi_keep_conn on'; needs more threads than nginx keeps connections\n"
        "  --help, --version\n"
        "\n"
        "SIGTERM finishes the requests at hand (20 s at most) and ends; SIGHUP replaces the workers by fresh ones, beside which\n"
        "they finish theirs (2 minutes at most, a git transfer 2 hours).\n"
        "Example: acp-gitlab-fcgi --pool status --socket /run/acp-gitlab/status/1.sock --socket /run/acp-gitlab/status/2.sock\n";

static bool parse_number(const char *text, unsigned max, unsigned *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value == 0 || value > max)
		return false;
	*ret = (unsigned)value;
	return true;
}

static enum options_result wrong(const char *what, const char *value)
{
	fprintf(stderr, "acp-gitlab-fcgi: %s%s%s. See 'acp-gitlab-fcgi --help'.\n", what, value ? " " : "", value ? value : "");
	return OPTIONS_WRONG;
}

static bool add_socket(struct options *o, const char *path)
{
	if (o->socket_count == LISTENERS_MAX)
		return false;
	o->sockets[o->socket_count++] = path;
	return true;
}

static enum options_result check(const struct options *o)
{
	if (o->serve.pools == 0 && o->socket_count > 0)
		return wrong("--pool is missing", NULL);
	/* Thread i serves socket i modulo their number: with fewer threads a socket would have nobody. */
	if (o->serve.threads < o->socket_count)
		return wrong("--threads must be at least the number of sockets", NULL);
	return OPTIONS_OK;
}

/* NOLINTNEXTLINE(readability-function-cognitive-complexity): one flat list of options */
enum options_result options_parse(int argc, char **argv, struct options *ret)
{
	static const struct option names[] = {
	        {"pool", required_argument, NULL, 'p'},
	        {"socket", required_argument, NULL, 's'},
	        {"socket-group", required_argument, NULL, 'g'},
	        {"processes", required_argument, NULL, 'n'},
	        {"threads", required_argument, NULL, 't'},
	        {"keep-alive", no_argument, NULL, 'k'},
	        {"help", no_argument, NULL, 'h'},
	        {"version", no_argument, NULL, 'v'},
	        {0},
	};
	struct options o = {.serve = {.threads = 8}, .processes = 2};

	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		if (c == 'p' && !pool_parse(optarg, &o.serve.pools))
			return wrong("There is no pool named", optarg);
		if (c == 's' && !add_socket(&o, optarg))
			return wrong("There are more than 8 sockets", NULL);
		if (c == 'g')
			o.socket_group = optarg;
		if (c == 'n' && !parse_number(optarg, SUPERVISOR_PROCESSES_MAX, &o.processes))
			return wrong("--processes takes a number from 1 to 64, not", optarg);
		if (c == 't' && !parse_number(optarg, THREADS_MAX, &o.serve.threads))
			return wrong("--threads takes a number from 1 to 256, not", optarg);
		if (c == 'k')
			o.serve.keep_alive = true;
		if (c == 'h' || c == 'v') {
			fputs(c == 'h' ? help : "acp-gitlab-fcgi " ACP_VERSION "\n", stdout);
			return OPTIONS_DONE;
		}
		if (c == '?')
			return OPTIONS_WRONG;
	}
	if (optind < argc)
		return wrong("Unexpected argument", argv[optind]);
	*ret = o;
	return check(ret);
}
