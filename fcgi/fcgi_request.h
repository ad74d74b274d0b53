#pragma once
/*
 * fcgi_request — one request on the wire: FastCGI from nginx, or plain CGI when a CGI server started the program. The only room
 * that includes libfcgi, whose traps end here: it takes over SIGTERM (the caller blocks it), accepts without CLOEXEC, has no read
 * timeout, and parks a thread on every kept connection.
 *
 * An exchange belongs to one thread and one listening socket and takes one request after the other.
 */
#include "error.h"
#include "request.h"

struct exchange;

/* Once per process, after signals were blocked; false: libfcgi cannot start. */
bool exchange_library_init(void) MUST_CHECK;

/*
 * `listener` is a listening unix socket in non-blocking mode, `stop_fd` becomes readable when the process is to end. With
 * `keep_alive` a connection that nginx wants to keep (fastcgi_keep_conn on) stays open and owns this thread while it is idle;
 * without, it is closed.
 */
bool exchange_new(int listener, int stop_fd, bool keep_alive, struct exchange **ret, struct error *err) MUST_CHECK;
/* One CGI request: `environ`, standard input and output. */
struct exchange *exchange_new_cgi(void) MUST_CHECK;
void exchange_freep(struct exchange **exchange);

/* Waits for the next request. False: the process is to end (CGI: the one request was served). */
bool exchange_next(struct exchange *exchange) MUST_CHECK;

/* The CGI variables; they live until exchange_finish. */
struct request_source exchange_source(struct exchange *x);

/* A peer that neither sends nor takes a byte for so long ends the request. Otherwise nginx, which buffers both ways, is trusted. */
void exchange_set_patience(struct exchange *x, unsigned seconds);

/* Gives what is there, at least one byte; *ret_length 0: the body has ended. False: the peer broke off or stalled. */
bool exchange_read(struct exchange *exchange, char *buffer, size_t size, size_t *ret_length) MUST_CHECK;

/* Bytes of a CGI answer (header block first). False: the peer is gone. */
bool exchange_write(struct exchange *exchange, const void *bytes, size_t length) MUST_CHECK;
bool exchange_flush(struct exchange *exchange) MUST_CHECK;

/* The answer is complete. */
void exchange_finish(struct exchange *x);
/* The answer is not: closes the connection without FastCGI's end, so that nginx breaks the client's transfer off, too. */
void exchange_abort(struct exchange *x);
