#include "fcgi_request.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "alloc.h"
#include "file.h"

enum { DRAIN_MAX = 256 * 1024 /* of an unread body, before a kept connection is given up */ };

struct exchange {
	FCGX_Request fcgi;
	int listener; /* -1: CGI */
	int stop_fd;
	int epoll_fd;
	bool keep_alive;
	bool served;        /* CGI: the one request was given out */
	int64_t unread_cgi; /* CGI: bytes of the body still to come */
};

bool exchange_library_init(void)
{
	return FCGX_Init() == 0;
}

/*
 * Many threads wait for one socket: EPOLLEXCLUSIVE wakes one of them per connection, where poll() would wake all. The stop event
 * wakes everybody.
 */
static bool watch(int epoll_fd, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool exchange_new(int listener, int stop_fd, bool keep_alive, struct exchange **ret, struct error *err)
{
	CLEANUP(exchange_freep) struct exchange *x = xcalloc(1, sizeof(*x));

	x->listener = -1;
	x->epoll_fd = -1;
	x->stop_fd = stop_fd;
	x->keep_alive = keep_alive;
	if (FCGX_InitRequest(&x->fcgi, listener, 0) != 0)
		return error_set(err, ERR_INTERNAL, "libfcgi was not started.");
	x->listener = listener; /* only now is there a request to free: one of zeroes would close descriptor 0 as its connection */
	x->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (x->epoll_fd < 0 || !watch(x->epoll_fd, listener, EPOLLIN | EPOLLEXCLUSIVE) || !watch(x->epoll_fd, stop_fd, EPOLLIN))
		return error_set(err, ERR_INTERNAL, "A thread cannot wait for requests (error %d).", errno);
	*ret = TAKE(x);
	return true;
}

struct exchange *exchange_new_cgi(void)
{
	struct exchange *x = xcalloc(1, sizeof(*x));
	const char *length = getenv("CONTENT_LENGTH");

	x->listener = -1;
	x->epoll_fd = -1;
	x->unread_cgi = length ? strtoll(length, NULL, 10) : 0;
	return x;
}

void exchange_freep(struct exchange **exchange)
{
	struct exchange *x = TAKE(*exchange);

	if (!x)
		return;
	if (x->listener >= 0)
		FCGX_Free(&x->fcgi, 1);
	if (x->epoll_fd >= 0)
		close(x->epoll_fd);
	free(x);
}

/* True: there may be something on `fd`. False: the process is to end. */
static bool wait_for(struct exchange *x, int fd)
{
	for (;;) {
		struct epoll_event events[2];
		int count = epoll_wait(x->epoll_fd, events, 2, -1);
		bool ready = false;

		if (count < 0 && errno != EINTR)
			return false;
		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == x->stop_fd)
				return false;
			ready = ready || events[i].data.fd == fd;
		}
		if (ready)
			return true;
	}
}

/*
 * A connection that nginx keeps is waited for here rather than inside FCGX_Accept_r, which could not be woken. ipcFd is among the
 * fields that the header asks to leave alone; it is only looked at, and no function of libfcgi tells it.
 */
static bool wait_for_kept_connection(const struct exchange *x)
{
	struct pollfd fds[] = {{.fd = x->fcgi.ipcFd, .events = POLLIN}, {.fd = x->stop_fd, .events = POLLIN}};

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		if (errno != EINTR)
			return false;
	return fds[1].revents == 0;
}

bool exchange_next(struct exchange *x)
{
	if (x->listener < 0) {
		bool first = !x->served;

		x->served = true;
		return first;
	}
	for (;;) {
		bool ready = x->fcgi.ipcFd >= 0 ? wait_for_kept_connection(x) : wait_for(x, x->listener);

		if (!ready)
			return false;
		/* Somebody else was faster (-EAGAIN), or the peer sent no request: wait again. */
		if (FCGX_Accept_r(&x->fcgi) == 0)
			return true;
	}
}

static const char *get_fcgi(void *context, const char *name)
{
	return FCGX_GetParam(name, ((struct exchange *)context)->fcgi.envp);
}

static const char *get_cgi(void *context UNUSED, const char *name)
{
	return getenv(name);
}

struct request_source exchange_source(struct exchange *x)
{
	return (struct request_source){.get = x->listener < 0 ? get_cgi : get_fcgi, .context = x};
}

void exchange_set_patience(struct exchange *x, unsigned seconds)
{
	struct timeval limit = {.tv_sec = seconds};

	if (x->listener < 0)
		return;
	setsockopt(x->fcgi.ipcFd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(x->fcgi.ipcFd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static bool read_cgi(struct exchange *x, char *buffer, size_t size, size_t *ret_length)
{
	size_t wanted = x->unread_cgi < (int64_t)size ? (size_t)x->unread_cgi : size;
	ssize_t got;

	if (wanted == 0) {
		*ret_length = 0;
		return true;
	}
	do
		got = read(STDIN_FILENO, buffer, wanted);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	x->unread_cgi -= got;
	*ret_length = (size_t)got;
	return true;
}

bool exchange_read(struct exchange *x, char *buffer, size_t size, size_t *ret_length)
{
	FCGX_Stream *in = x->fcgi.in;
	size_t there;
	int first;

	if (x->listener < 0)
		return read_cgi(x, buffer, size, ret_length);
	/* FCGX_GetStr waits until all it was asked for has come; a stream wants what is there. */
	first = FCGX_GetChar(in);
	if (first < 0) {
		*ret_length = 0;
		return FCGX_GetError(in) == 0;
	}
	buffer[0] = (char)first;
	there = (size_t)(in->stop - in->rdNext);
	if (there > size - 1)
		there = size - 1;
	*ret_length = 1 + (there ? (size_t)FCGX_GetStr(buffer + 1, (int)there, in) : 0);
	return true;
}

bool exchange_write(struct exchange *x, const void *bytes, size_t length)
{
	if (x->listener < 0)
		return file_write_all(STDOUT_FILENO, bytes, length);
	/* libfcgi counts in int; our pieces are far smaller than the cap of an answer. */
	return length == 0 || FCGX_PutStr(bytes, (int)length, x->fcgi.out) == (int)length;
}

bool exchange_flush(struct exchange *x)
{
	return x->listener < 0 || FCGX_FFlush(x->fcgi.out) == 0;
}

/* What a client sent and nobody read must not be taken for the next request of a kept connection. */
static bool drain(struct exchange *x)
{
	char buffer[8192];
	size_t length = 0;

	for (size_t total = 0; total < DRAIN_MAX; total += length)
		if (!exchange_read(x, buffer, sizeof(buffer), &length))
			return false;
		else if (length == 0)
			return true;
	return false;
}

void exchange_finish(struct exchange *x)
{
	bool keep;

	if (x->listener < 0)
		return;
	keep = x->keep_alive && drain(x);
	FCGX_Finish_r(&x->fcgi);
	if (!keep)
		FCGX_Free(&x->fcgi, 1);
}

void exchange_abort(struct exchange *x)
{
	if (x->listener < 0)
		return;
	FCGX_Free(&x->fcgi, 1);
	/* Starts from a clean slate: FCGX_Free alone leaves flags of the broken request behind. */
	FCGX_InitRequest(&x->fcgi, x->listener, 0);
}
