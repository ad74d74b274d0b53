#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A program started with a closed stderr would give the database descriptor 2, and the next log line would be written into it. */
static void open_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
		if (fd < 0)
			abort();
	} while (fd <= STDERR_FILENO);
	close(fd);
}

void process_harden(void)
{
	const struct rlimit no_core = {0, 0};

	open_standard_descriptors();
	umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
