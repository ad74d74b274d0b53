#pragma once
/* options — the command line of acp-gitlab-fcgi. */
#include "listener.h"
#include "serve.h"

struct options {
	struct serve_options serve; /* pools 0: none was named (CGI) */
	unsigned processes;
	const char *socket_group; /* NULL: the process's group */
	const char *sockets[LISTENERS_MAX];
	size_t socket_count;
};

enum options_result { OPTIONS_OK, OPTIONS_DONE /* help or version was printed */, OPTIONS_WRONG /* one line said what */ };

enum options_result options_parse(int argc, char **argv, struct options *ret);
