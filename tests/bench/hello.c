/*
 * hello — the floor of any libfcgi service: the same processes, threads and sockets as a pool of acp-gitlab-fcgi, no work at all.
 *
 *   hello --socket PATH [--socket PATH] --processes N --threads N
 */
#include <fcgiapp.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_SOCKETS = 8 };

static int sockets[MAX_SOCKETS];
static size_t socket_count;

static const char answer[] =
        "Content-Type: application/json; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"
        "{\"connected\":true,\"username\":\"yourname\",\"instanceUrl\":\"https://gitlab.com\",\"gitlabUserId\":\"456789\"}\n";

static int listen_on(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 511) != 0 || chmod(path, 0666) != 0)
		return -1;
	return fd;
}

static void *serve(void *socket_fd)
{
	FCGX_Request request;

	FCGX_InitRequest(&request, *(int *)socket_fd, 0);
	while (FCGX_Accept_r(&request) >= 0) {
		FCGX_PutStr(answer, sizeof(answer) - 1, request.out);
		FCGX_Finish_r(&request);
	}
	return NULL;
}

static void work(size_t threads)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	FCGX_Init();
	signal(SIGTERM, SIG_DFL);
	for (size_t i = 1; i < threads; i++)
		pthread_create(&thread, NULL, serve, &sockets[i % socket_count]);
	serve(&sockets[0]);
	exit(1);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
	                                        {"processes", required_argument, NULL, 'p'},
	                                        {"threads", required_argument, NULL, 't'},
	                                        {0}};
	unsigned long processes = 2, threads = 16;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's' && socket_count < MAX_SOCKETS) {
			if ((sockets[socket_count++] = listen_on(optarg)) < 0) {
				perror(optarg);
				return 1;
			}
		} else if (option == 'p') {
			processes = strtoul(optarg, NULL, 10);
		} else if (option == 't') {
			threads = strtoul(optarg, NULL, 10);
		} else {
			return 2;
		}
	}
	for (unsigned long i = 0; i < processes; i++)
		if (fork() == 0)
			work(threads);
	while (wait(NULL) > 0)
		;
	return 1;
}
