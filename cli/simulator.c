/* simulator: starts the bundled GitLab, with which everything can be tried without an account anywhere. */
#include "cli.h"

#include "alloc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const char script_name[] = "gitlab_simulator.py";

/* Installed beside the program (bin/../share), else where it was built. Caller frees; NULL: nowhere. */
static char *find_script(void)
{
	enum { PROGRAM_MAX = 4096 };
	char program[PROGRAM_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *installed, *slash;

	if (length > 0) {
		program[length] = '\0';
		slash = strrchr(program, '/');
		installed = xasprintf("%.*s/../share/acp-gitlab/simulator/%s", (int)(slash ? slash - program : 0), program,
		                      script_name);
		if (access(installed, R_OK) == 0)
			return installed;
		free(installed);
	}
	return access(ACP_SIMULATOR, R_OK) == 0 ? xstrdup(ACP_SIMULATOR) : NULL;
}

static int simulator(struct cli *cli UNUSED, int argc, char **argv)
{
	CLEANUP(freep) char *script = find_script();
	CLEANUP(freep) char **arguments = xcalloc((size_t)argc + 4, sizeof(*arguments));
	char interpreter[] = "/usr/bin/python3", no_cache[] = "-B"; /* its folder belongs to the package */

	if (!script) {
		cli_note("The simulator is not installed. Install it to ../share/acp-gitlab/simulator beside this program.");
		return CLI_NOT_FOUND;
	}
	arguments[0] = interpreter;
	arguments[1] = no_cache;
	arguments[2] = script;
	for (int i = 0; i < argc; i++)
		arguments[i + 3] = argv[i];
	(void)signal(SIGPIPE, SIG_DFL); /* what was ignored here would stay ignored there */
	execv(interpreter, arguments);
	cli_note("%s cannot be started: %s.", interpreter, strerror(errno));
	return CLI_FAILED;
}

const struct command simulator_commands[] = {
        {"simulator", NULL, "--dir DIR [--port N] [--ready-file FILE] [--demo] …",
         "Run the bundled GitLab simulator, for trying and testing.",
         "Answers as GitLab does, over TLS with a CA of its own, on loopback only, and keeps what it needs in DIR. --demo prints\n"
         "sample tokens and a repository to clone and push. Needs Python 3. All arguments go to the simulator; its README lists\n"
         "them.\n\n"
         "Examples:\n"
         "  acp-gitlab simulator --dir ./simulator-data --demo\n"
         "  acp-gitlab simulator --dir ./simulator-data --port 8929 --ready-file ./ready\n",
         false, simulator},
        {0},
};
